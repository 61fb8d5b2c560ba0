//! Rows as INSERT statements, one each, for another database. Numbers and booleans stand bare, binary is `X'...'`, and all else is a
//! string, which the column that it is inserted into reads.

use std::io::{self, Write};

use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::Printer;
use super::cell::Cells;

pub(super) struct InsertPrinter {
    /// All before the values.
    head: String,
    columns: Vec<Literal>,
}

/// How values of a type are written.
#[derive(Clone, Copy)]
enum Literal {
    Bare,
    Float,
    Binary,
    Quoted,
}

impl InsertPrinter {
    pub(super) fn new(schema: &SchemaRef, table: &str) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        let columns = schema.fields().iter().map(|field| Literal::of(field.data_type())).collect();
        Self { head: format!("INSERT INTO {table} ({}) VALUES (", names.join(", ")), columns }
    }
}

impl Printer for InsertPrinter {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let cells = Cells::new(batch)?;
        for row in 0..batch.num_rows() {
            let mut line = self.head.clone();
            for (column, literal) in self.columns.iter().enumerate() {
                if column > 0 {
                    line.push_str(", ");
                }
                match cells.text(column, row) {
                    Some(text) => literal.write(&text, &mut line),
                    None => line.push_str("NULL"),
                }
            }
            writeln!(out, "{line});")?;
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

impl Literal {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Boolean => Self::Bare,
            number if number.is_floating() => Self::Float,
            number if number.is_numeric() => Self::Bare,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            _ => Self::Quoted,
        }
    }

    fn write(self, text: &str, line: &mut String) {
        // Of floats, those that are no numbers have no literal.
        let is_bare = matches!(self, Self::Bare) || text.parse::<f64>().is_ok_and(f64::is_finite);
        match self {
            Self::Bare | Self::Float if is_bare => line.push_str(text),
            Self::Binary => line.push_str(&format!("X'{text}'")),
            _ => line.push_str(&format!("'{}'", text.replace('\'', "''"))),
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
