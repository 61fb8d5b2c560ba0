//! Results as text: one printer a format, fed batch by batch. Formats that need no column widths stream.

mod boxed;
mod cell;
mod delimited;
mod expanded;
mod insert;
mod json;
mod line;
mod plan;
mod table;
mod tree;

use std::io::{self, Write};

use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use clap::ValueEnum;
use serde::Deserialize;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A table with borders, for people
    #[default]
    Box,
    /// RFC 4180; NULL is empty, the empty string ""
    Csv,
    /// As csv, with tabs
    Tsv,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
    /// A Markdown table
    Markdown,
    /// A line a value, `name = value`
    Line,
    /// INSERT statements
    Insert,
}

/// The table of INSERT statements where none is named.
pub(crate) const INSERT_INTO: &str = "rows";

/// What bounds and dresses the output of the box formats; the machine formats never change by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) color: bool,
    /// The terminal's columns, where output goes to one.
    pub(crate) width: Option<usize>,
    /// Rows shown at most; the others are counted only.
    pub(crate) max_rows: Option<usize>,
    /// One line a column instead of one a row (`\x`).
    pub(crate) expanded: bool,
}

impl Format {
    /// Whether all rows are needed before the first can be written.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Box | Self::Markdown)
    }
}

/// Writes one result.
pub(crate) trait Printer {
    /// Takes the next rows.
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()>;
    /// Ends the result.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// The printer for results of `schema`; INSERT statements are into `table`.
pub(crate) fn printer(format: Format, look: Look, table: &str, schema: &SchemaRef) -> Box<dyn Printer> {
    match format {
        _ if schema.fields().is_empty() => Box::new(Nothing),
        Format::Box if plan::is_plan(schema) => Box::new(plan::PlanPrinter::new(look)),
        Format::Box if look.expanded => Box::new(expanded::ExpandedPrinter::new(schema, look)),
        Format::Box => Box::new(boxed::BoxPrinter::new(schema, look)),
        Format::Markdown => Box::new(table::MarkdownPrinter::new(schema)),
        Format::Csv => Box::new(delimited::DelimitedPrinter::new(schema, b',')),
        Format::Tsv => Box::new(delimited::DelimitedPrinter::new(schema, b'\t')),
        Format::Json => Box::new(json::JsonPrinter::array(schema)),
        Format::Jsonl => Box::new(json::JsonPrinter::lines(schema)),
        Format::Line => Box::new(line::LinePrinter::new(schema)),
        Format::Insert => Box::new(insert::InsertPrinter::new(schema, table)),
    }
}

/// A statement without columns (DDL, SET) prints nothing in any format.
struct Nothing;

impl Printer for Nothing {
    fn batch(&mut self, _batch: &RecordBatch, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Which columns stand at the right edge: those of numbers.
fn right_aligned(schema: &Schema) -> Vec<bool> {
    schema.fields().iter().map(|field| is_number(field.data_type())).collect()
}

fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric(),
    }
}

/// `1 row`, `40 rows`, `2000 rows (40 shown)`.
fn row_count(total: usize, shown: usize) -> String {
    let noun = if total == 1 { "row" } else { "rows" };
    match shown < total {
        true => format!("{total} {noun} ({shown} shown)"),
        false => format!("{total} {noun}"),
    }
}
