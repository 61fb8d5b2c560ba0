//! JSON: one array of objects, or one object a line. Keys keep the columns' order; a name that comes twice gets
//! `_1`, `_2`, ..., since readers keep only one of equal keys.

use std::collections::HashSet;
use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::json::writer::EncoderOptions;
use arrow::record_batch::RecordBatch;
use maar_flight_server::json::{JsonCells, json_options, string};

use super::Printer;

enum Shape {
    Array,
    Lines,
}

pub(super) struct JsonPrinter {
    schema: SchemaRef,
    shape: Shape,
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    options: EncoderOptions,
    rows: usize,
}

impl JsonPrinter {
    pub(super) fn array(schema: &SchemaRef) -> Self {
        Self::new(schema, Shape::Array)
    }

    pub(super) fn lines(schema: &SchemaRef) -> Self {
        Self::new(schema, Shape::Lines)
    }

    fn new(schema: &SchemaRef, shape: Shape) -> Self {
        Self { schema: SchemaRef::clone(schema), shape, keys: keys(schema), options: json_options(), rows: 0 }
    }
}

fn keys(schema: &SchemaRef) -> Vec<Vec<u8>> {
    let mut taken = HashSet::new();
    let unique = |name: &str| {
        let numbered = (1..).map(|n| format!("{name}_{n}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|candidate| taken.insert(candidate.clone()))
            .unwrap_or_default()
    };
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().as_str()).map(unique).collect();
    let key = |name: &String| {
        let mut text = Vec::new();
        string(name, &mut text);
        text.push(b':');
        text
    };
    names.iter().map(key).collect()
}

impl Printer for JsonPrinter {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let mut cells = JsonCells::new(&self.schema, batch, &self.options)?;
        let mut line = Vec::new();
        for row in 0..batch.num_rows() {
            line.clear();
            match (&self.shape, self.rows) {
                (Shape::Array, 0) => line.extend_from_slice(b"[\n"),
                (Shape::Array, _) => line.extend_from_slice(b",\n"),
                (Shape::Lines, _) => {}
            }
            self.rows += 1;
            line.push(b'{');
            for (column, key) in self.keys.iter().enumerate() {
                if column > 0 {
                    line.push(b',');
                }
                line.extend_from_slice(key);
                cells.write(column, row, &mut line);
            }
            line.push(b'}');
            if matches!(self.shape, Shape::Lines) {
                line.push(b'\n');
            }
            out.write_all(&line)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (&self.shape, self.rows) {
            (Shape::Array, 0) => out.write_all(b"[]\n"),
            (Shape::Array, _) => out.write_all(b"\n]\n"),
            (Shape::Lines, _) => Ok(()),
        }
    }
}
