//! Rows kept as text until all widths are known: the base of the box and Markdown formats.

use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::cell::Cells;
use super::{Printer, right_aligned};

/// Texts of a result's rows, at most `max_rows` of them.
pub(super) struct Rows {
    pub(super) names: Vec<String>,
    pub(super) right: Vec<bool>,
    /// `None` is NULL.
    pub(super) rows: Vec<Vec<Option<String>>>,
    pub(super) total: usize,
    max_rows: Option<usize>,
}

impl Rows {
    pub(super) fn new(schema: &SchemaRef, max_rows: Option<usize>) -> Self {
        let names = schema.fields().iter().map(|field| visible(field.name())).collect();
        Self { names, right: right_aligned(schema), rows: Vec::new(), total: 0, max_rows }
    }

    pub(super) fn take(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let room = self.max_rows.map_or(usize::MAX, |most| most.saturating_sub(self.rows.len()));
        let wanted = batch.num_rows().min(room);
        self.total += batch.num_rows();
        if wanted == 0 {
            return Ok(());
        }
        let cells = Cells::new(batch)?;
        for row in 0..wanted {
            let texts = (0..cells.columns()).map(|column| cells.text(column, row).map(|text| visible(&text)));
            self.rows.push(texts.collect());
        }
        Ok(())
    }
}

/// `text` with control characters (a terminal would obey them) written out; line breaks stay.
pub(super) fn visible(text: &str) -> String {
    let hidden = |c: char| c.is_control() && c != '\n';
    if !text.contains(hidden) {
        return text.to_owned();
    }
    text.chars().map(|c| if hidden(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Spaces that bring `text` to `width` terminal columns, before it where `right`.
pub(super) fn padded(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

pub(super) struct MarkdownPrinter {
    rows: Rows,
}

impl MarkdownPrinter {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { rows: Rows::new(schema, None) }
    }
}

impl Printer for MarkdownPrinter {
    fn batch(&mut self, batch: &RecordBatch, _out: &mut dyn Write) -> io::Result<()> {
        self.rows.take(batch)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let escape = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace('\n', "<br>");
        let names: Vec<String> = self.rows.names.iter().map(|name| escape(name)).collect();
        let row =
            |texts: &Vec<Option<String>>| texts.iter().map(|text| escape(text.as_deref().unwrap_or("NULL"))).collect();
        let rows: Vec<Vec<String>> = self.rows.rows.iter().map(row).collect();
        let widest =
            |column: usize| rows.iter().chain([&names]).map(|row| row[column].width()).max().unwrap_or(0).max(3);
        let widths: Vec<usize> = (0..names.len()).map(widest).collect();
        let line = |row: &Vec<String>| {
            let cells = row
                .iter()
                .zip(&widths)
                .zip(&self.rows.right)
                .map(|((text, width), right)| padded(text, *width, *right));
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let rule = |(width, right): (&usize, &bool)| {
            if *right { format!("{}:", "-".repeat(width - 1)) } else { "-".repeat(*width) }
        };
        let rules: Vec<String> = widths.iter().zip(&self.rows.right).map(rule).collect();
        out.write_all(line(&names).as_bytes())?;
        out.write_all(line(&rules).as_bytes())?;
        rows.iter().try_for_each(|row| out.write_all(line(row).as_bytes()))
    }
}
