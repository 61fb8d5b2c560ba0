//! EXPLAIN for people: each plan as a tree under its title, neither boxed nor cut, since plans are wide and have many lines.
//! What `placement` says of the operators stands beside them.

use std::io::{self, Write};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::cell::Cells;
use super::table::visible;
use super::tree::{self, Place};
use super::{Look, Printer};

/// The titles of plans that the engine's `placement` is about.
const PHYSICAL: &[&str] = &["physical_plan", "Plan with Metrics"];

const PLACEMENT: &str = "placement";

/// Columns for the words before an operator.
const GUTTER: usize = 8;

pub(super) struct PlanPrinter {
    look: Look,
    /// Titles and plans.
    sections: Vec<(String, String)>,
}

/// Whether these are the columns of EXPLAIN.
pub(super) fn is_plan(schema: &SchemaRef) -> bool {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

impl PlanPrinter {
    pub(super) fn new(look: Look) -> Self {
        Self { look, sections: Vec::new() }
    }

    fn painted(&self, ink: &str, text: &str) -> String {
        if self.look.color && !text.trim().is_empty() { format!("\x1b[{ink}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn title(&self, title: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.painted("1", title))
    }

    fn tree(&self, nodes: &[tree::Node], out: &mut dyn Write) -> io::Result<()> {
        let has_places = nodes.iter().any(|node| node.place.is_some());
        for (node, line) in tree::lines(nodes) {
            let place = node.and_then(|node| node.place);
            let gutter = if has_places { format!("{:GUTTER$}", place.map_or("", Place::name)) } else { String::new() };
            let line = if node.is_none() { self.painted("2", &line) } else { line };
            writeln!(out, "  {}{line}", self.painted(ink(place), &gutter))?;
        }
        Ok(())
    }
}

fn ink(place: Option<Place>) -> &'static str {
    match place {
        Some(Place::Device) => "32",
        Some(Place::Host) => "33",
        _ => "2",
    }
}

impl Printer for PlanPrinter {
    fn batch(&mut self, batch: &RecordBatch, _out: &mut dyn Write) -> io::Result<()> {
        let cells = Cells::new(batch)?;
        for row in 0..batch.num_rows() {
            let text = |column| visible(&cells.text(column, row).unwrap_or_default());
            self.sections.push((text(0), text(1)));
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let placement = self.sections.iter().find(|(title, _)| title == PLACEMENT).map(|(_, body)| body.as_str());
        let mut is_placed = false;
        for (title, body) in &self.sections {
            let mut nodes = tree::nodes(body);
            if PHYSICAL.contains(&title.as_str()) {
                is_placed |= placement.is_some_and(|placement| tree::place(&mut nodes, placement));
            } else if title == PLACEMENT && is_placed {
                continue;
            }
            self.title(title, out)?;
            match body.starts_with(char::is_alphabetic) {
                true => self.tree(&nodes, out)?,
                // EXPLAIN FORMAT TREE, PGJSON or GRAPHVIZ: drawn already, or for programs.
                false => body.trim_end().lines().try_for_each(|line| writeln!(out, "  {line}"))?,
            }
        }
        Ok(())
    }
}
