//! EXPLAIN for people: each plan under its title, neither boxed nor cut, since plans are wide and have many lines.

use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::cell::Cells;
use super::table::visible;
use super::{Look, Printer};

pub(super) struct PlanPrinter {
    look: Look,
}

/// Whether these are the columns of EXPLAIN.
pub(super) fn is_plan(schema: &SchemaRef) -> bool {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

impl PlanPrinter {
    pub(super) fn new(look: Look) -> Self {
        Self { look }
    }
}

impl Printer for PlanPrinter {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let cells = Cells::new(batch)?;
        for row in 0..batch.num_rows() {
            let title = visible(&cells.text(0, row).unwrap_or_default());
            let body = visible(&cells.text(1, row).unwrap_or_default());
            match self.look.color {
                true => writeln!(out, "\x1b[1m{title}\x1b[0m")?,
                false => writeln!(out, "{title}")?,
            }
            for line in body.trim_end().lines() {
                writeln!(out, "  {line}")?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
