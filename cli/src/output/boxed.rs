//! The box format: borders, numbers at the right, cells of several lines, cut to the terminal where there is one.

use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::table::{Rows, padded};
use super::{Look, Printer, row_count};

/// Columns are not cut below this many terminal columns; beyond that the middle columns give way.
const NARROWEST: usize = 8;

pub(super) struct BoxPrinter {
    rows: Rows,
    look: Look,
}

impl BoxPrinter {
    pub(super) fn new(schema: &SchemaRef, look: Look) -> Self {
        Self { rows: Rows::new(schema, look.max_rows), look }
    }
}

impl Printer for BoxPrinter {
    fn batch(&mut self, batch: &RecordBatch, _out: &mut dyn Write) -> io::Result<()> {
        self.rows.take(batch)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows = &self.rows;
        let layout = Layout::new(rows, self.look.width);
        let header: Vec<Option<String>> = rows.names.iter().cloned().map(Some).collect();
        let mut text = layout.border("┌", "┬", "┐");
        layout.row(&header, &vec![false; rows.names.len()], Ink::header(self.look.color), &mut text);
        text.push_str(&layout.border("├", "┼", "┤"));
        for row in &rows.rows {
            layout.row(row, &rows.right, Ink::body(self.look.color), &mut text);
        }
        text.push_str(&layout.border("└", "┴", "┘"));
        text.push_str(&row_count(rows.total, rows.rows.len()));
        let shown = layout.columns.iter().flatten().count();
        if shown < rows.names.len() {
            text.push_str(&format!(", {} columns ({shown} shown)", rows.names.len()));
        }
        text.push('\n');
        out.write_all(text.as_bytes())
    }
}

/// Colours round a row's cells, as terminal escapes.
#[derive(Clone, Copy)]
struct Ink {
    text: &'static str,
    null: &'static str,
    off: &'static str,
}

impl Ink {
    fn header(color: bool) -> Self {
        if color { Self { text: "\x1b[1m", null: "\x1b[1m", off: "\x1b[0m" } } else { Self::none() }
    }

    fn body(color: bool) -> Self {
        if color { Self { text: "", null: "\x1b[2m", off: "\x1b[0m" } } else { Self::none() }
    }

    fn none() -> Self {
        Self { text: "", null: "", off: "" }
    }

    fn paint(self, text: &str, null: bool) -> String {
        match if null { self.null } else { self.text } {
            "" => text.to_owned(),
            on => format!("{on}{text}{}", self.off),
        }
    }
}

/// Which columns are drawn and how wide; a `None` stands for the columns left out, drawn as `…`.
struct Layout {
    columns: Vec<Option<usize>>,
    widths: Vec<usize>,
}

impl Layout {
    fn new(rows: &Rows, terminal: Option<usize>) -> Self {
        let lines_width = |text: &str| text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = rows.rows.iter().map(|row| row[column].as_deref().map_or(4, lines_width));
            cells.chain([lines_width(&rows.names[column])]).max().unwrap_or(0).max(1)
        };
        let mut widths: Vec<usize> = (0..rows.names.len()).map(width).collect();
        let all = (0..widths.len()).map(Some).collect();
        let Some(terminal) = terminal else { return Self { columns: all, widths } };
        shrink(&mut widths, terminal);
        let columns = if total(widths.iter()) <= terminal { all } else { elide(&widths, terminal) };
        Self { columns, widths }
    }

    fn width(&self, column: Option<usize>) -> usize {
        column.map_or(1, |at| self.widths[at])
    }

    fn border(&self, left: &str, middle: &str, right: &str) -> String {
        let parts: Vec<String> = self.columns.iter().map(|column| "─".repeat(self.width(*column) + 2)).collect();
        format!("{left}{}{right}\n", parts.join(middle))
    }

    /// Draws one row; a row is as high as its highest cell.
    fn row(&self, texts: &[Option<String>], right: &[bool], ink: Ink, out: &mut String) {
        let lines = |column: Option<usize>| -> Vec<&str> {
            match column {
                None => vec!["…"],
                Some(at) => texts[at].as_deref().unwrap_or("NULL").lines().collect(),
            }
        };
        let cells: Vec<Vec<&str>> = self.columns.iter().map(|column| lines(*column)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for line in 0..height {
            for (column, cell) in self.columns.iter().zip(&cells) {
                let width = self.width(*column);
                let text = cut(cell.get(line).copied().unwrap_or(""), width);
                let at_right = column.is_some_and(|at| right[at]);
                let null = column.is_some_and(|at| texts[at].is_none());
                out.push_str("│ ");
                out.push_str(&ink.paint(&padded(&text, width, at_right), null));
                out.push(' ');
            }
            out.push_str("│\n");
        }
    }
}

/// Terminal columns of a box of these widths: two spaces and a border each, and the first border.
fn total<'a>(widths: impl Iterator<Item = &'a usize>) -> usize {
    widths.map(|width| width + 3).sum::<usize>() + 1
}

/// Cuts the widest columns, evenly, until the box fits or all are at [`NARROWEST`].
fn shrink(widths: &mut [usize], terminal: usize) {
    let excess = total(widths.iter()).saturating_sub(terminal);
    for _ in 0..excess {
        match widths.iter_mut().filter(|width| **width > NARROWEST).max_by_key(|width| **width) {
            Some(widest) => *widest -= 1,
            None => return,
        }
    }
}

/// The first and last columns that fit round one `…` column.
fn elide(widths: &[usize], terminal: usize) -> Vec<Option<usize>> {
    let mut room = terminal.saturating_sub(total([1].iter()));
    let (mut head, mut tail) = (0, widths.len());
    while head < tail {
        let from_head = head <= widths.len() - tail;
        let next = if from_head { head } else { tail - 1 };
        // The first column is drawn even where it does not fit: a box without columns says nothing.
        if widths[next] + 3 > room && head > 0 {
            break;
        }
        room = room.saturating_sub(widths[next] + 3);
        if from_head { head += 1 } else { tail -= 1 }
    }
    (0..head).map(Some).chain([None]).chain((tail..widths.len()).map(Some)).collect()
}

/// `text` cut to `width` terminal columns, the last one `…` where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 0);
    for c in text.chars() {
        let next = used + c.width().unwrap_or(0);
        if next > width.saturating_sub(1) {
            break;
        }
        kept.push(c);
        used = next;
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_terminal_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語テキスト", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
    }

    #[test]
    fn wide_columns_shrink_before_columns_are_left_out() {
        let mut widths = vec![4, 100, 60];
        shrink(&mut widths, 80);
        assert_eq!(total(widths.iter()), 80);
        assert_eq!(widths[0], 4);
        let many = vec![NARROWEST; 30];
        let columns = elide(&many, 60);
        let drawn: Vec<usize> = columns.iter().map(|column| column.map_or(1, |at| many[at])).collect();
        assert!(total(drawn.iter()) <= 60, "{columns:?}");
        assert_eq!(columns.first(), Some(&Some(0)));
        assert_eq!(columns.last(), Some(&Some(29)));
    }
}
