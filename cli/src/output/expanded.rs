//! The expanded display (`\x`): a block of `name │ value` lines for every row.

use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::table::{Rows, padded};
use super::{Look, Printer, row_count};

pub(super) struct ExpandedPrinter {
    rows: Rows,
}

impl ExpandedPrinter {
    pub(super) fn new(schema: &SchemaRef, look: Look) -> Self {
        Self { rows: Rows::new(schema, look.max_rows) }
    }
}

impl Printer for ExpandedPrinter {
    fn batch(&mut self, batch: &RecordBatch, _out: &mut dyn Write) -> io::Result<()> {
        self.rows.take(batch)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows = &self.rows;
        let width = rows.names.iter().map(|name| name.width()).max().unwrap_or(0);
        for (number, row) in rows.rows.iter().enumerate() {
            writeln!(out, "─[ row {} ]{}", number + 1, "─".repeat(20))?;
            for (name, text) in rows.names.iter().zip(row) {
                let mut label = name.as_str();
                for line in text.as_deref().unwrap_or("NULL").split('\n') {
                    writeln!(out, "{} │ {line}", padded(label, width, false))?;
                    label = "";
                }
            }
        }
        writeln!(out, "{}", row_count(rows.total, rows.rows.len()))
    }
}
