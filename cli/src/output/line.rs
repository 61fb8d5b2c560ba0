//! One line a value, `name = value`, with an empty line between rows: for rows that are too wide for anything else, and for programs
//! that read lines.

use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::Printer;
use super::cell::Cells;
use super::table::{padded, visible};

pub(super) struct LinePrinter {
    /// At the right edge of the widest.
    names: Vec<String>,
    has_rows: bool,
}

impl LinePrinter {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| visible(field.name())).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        Self { names: names.iter().map(|name| padded(name, width, true)).collect(), has_rows: false }
    }
}

impl Printer for LinePrinter {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let cells = Cells::new(batch)?;
        for row in 0..batch.num_rows() {
            if std::mem::replace(&mut self.has_rows, true) {
                writeln!(out)?;
            }
            for (column, name) in self.names.iter().enumerate() {
                let text = cells
                    .text(column, row)
                    .map_or_else(|| "NULL".to_owned(), |text| visible(&text).replace('\n', "\\n"));
                writeln!(out, "{name} = {text}")?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
