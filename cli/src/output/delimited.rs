//! CSV and TSV after RFC 4180: a header line, `\n` line ends, quotes where needed. NULL is an empty field and the
//! empty string is `""`, so that a reader can tell them apart; nested values are JSON texts.

use std::io::{self, Write};

use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::writer::EncoderOptions;
use arrow::record_batch::RecordBatch;
use maar_flight_server::json::{JsonCells, json_options};

use super::Printer;
use super::cell::Cells;

pub(super) struct DelimitedPrinter {
    schema: SchemaRef,
    delimiter: u8,
    started: bool,
    options: EncoderOptions,
    line: Vec<u8>,
}

impl DelimitedPrinter {
    pub(super) fn new(schema: &SchemaRef, delimiter: u8) -> Self {
        Self { schema: SchemaRef::clone(schema), delimiter, started: false, options: json_options(), line: Vec::new() }
    }

    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        self.line.clear();
        for (at, field) in self.schema.fields().iter().enumerate() {
            if at > 0 {
                self.line.push(self.delimiter);
            }
            push(field.name(), self.delimiter, &mut self.line);
        }
        self.line.push(b'\n');
        out.write_all(&self.line)
    }
}

impl Printer for DelimitedPrinter {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        self.start(out)?;
        let nested: Vec<bool> = self.schema.fields().iter().map(|field| is_nested(field.data_type())).collect();
        let cells = Cells::new(batch)?;
        let mut json = JsonCells::new(&self.schema, batch, &self.options)?;
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (column, nested) in nested.iter().enumerate() {
                if column > 0 {
                    self.line.push(self.delimiter);
                }
                let Some(text) = cells.text(column, row) else { continue };
                let mut value = Vec::new();
                if *nested {
                    json.write(column, row, &mut value);
                }
                match value.first() {
                    // A string is what JSON has for a type it does not know: the bare text then.
                    None | Some(b'"') => push(&text, self.delimiter, &mut self.line),
                    Some(_) => push(&String::from_utf8_lossy(&value), self.delimiter, &mut self.line),
                }
            }
            self.line.push(b'\n');
            out.write_all(&self.line)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.start(out)
    }
}

fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_nested(values),
        other => other.is_nested(),
    }
}

fn push(text: &str, delimiter: u8, line: &mut Vec<u8>) {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if !text.is_empty() && !text.bytes().any(special) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}
