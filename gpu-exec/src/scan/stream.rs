//! A host input with more rows than the host keeps: they come once, and their shape is all that their types allow.
//!
//! Only types of fixed width have one: the words of a text are not known before the last row. Not here: who waits for the
//! rows (`exec/streamed.rs`).

use std::sync::Arc;

use super::ScanError;
use super::cut::{Block, Cut, Place};
use super::input::{InputChunk, InputColumn, InputColumns, InputStats};
use crate::column::{
    ColumnFacts, ColumnMeta, DeviceTable, Form, IntLayout, LayoutMiss, Remap, RowBound, TableShape, Target, full_layout,
};
use crate::device::DeviceHandle;
use crate::ir::{Bounds, Type};

/// How many more rows are guessed to come than came.
const MORE_ROWS: u64 = 4;

/// Chunks that have come, in the order of their rows, and go when they have been read.
#[derive(Debug)]
pub struct InputStream {
    device: Arc<DeviceHandle>,
    columns: InputColumns,
    cut: Cut,
    shape: TableShape,
    blocks: Vec<Block>,
    next: Place,
    begun: bool,
    stats: InputStats,
}

impl InputStream {
    /// `None` where a column needs a dictionary. `gather_ms`: until it was known to be one.
    ///
    /// # Errors
    /// As for [`InputStream::push`].
    pub fn new(
        device: &Arc<DeviceHandle>,
        columns: &InputColumns,
        chunks: Vec<InputChunk>,
        gather_ms: f64,
    ) -> Result<Option<Self>, ScanError> {
        if columns.all.iter().any(|column| column.ty == Type::Text) {
            return Ok(None);
        }
        let rows: u64 = chunks.iter().map(|chunk| chunk.rows as u64).sum();
        let (metas, forms): (Vec<_>, Vec<_>) = columns.all.iter().map(full).unzip();
        let mut stream = Self {
            device: Arc::clone(device),
            columns: columns.clone(),
            cut: columns.cut(forms.into()),
            shape: TableShape { columns: metas, rows: RowBound::Guess(rows.saturating_mul(MORE_ROWS)) },
            blocks: vec![],
            next: Place::default(),
            begun: false,
            stats: InputStats { gather_ms, streamed: 1, ..InputStats::default() },
        };
        chunks.into_iter().try_for_each(|chunk| stream.push(chunk))?;
        Ok(Some(stream))
    }

    /// Rows that come after those that are there.
    ///
    /// # Errors
    /// A value that its column's type does not have.
    pub fn push(&mut self, chunk: InputChunk) -> Result<(), ScanError> {
        for ((column, meta), encoded) in self.columns.all.iter().zip(&self.shape.columns).zip(&chunk.columns) {
            let (Some((low, high)), Some((min, max))) = (meta.facts.range, encoded.facts.range) else { continue };
            if min < low || max > high {
                let layout = meta.stored.layout().unwrap_or(IntLayout::for_range(Some((low, high))));
                return Err(column.failed(LayoutMiss { min, max, layout }.into()));
            }
        }
        let same = Arc::new(Remap::Identity);
        let block = Block {
            rows: chunk.rows,
            chunks: chunk.columns.into_iter().map(|encoded| (encoded, Arc::clone(&same))).collect(),
        };
        self.stats.rows += block.rows as u64;
        self.stats.chunks += 1;
        self.stats.device_bytes += self.cut.device_bytes(std::slice::from_ref(&block));
        self.blocks.push(block);
        self.stats.host_bytes = self.stats.host_bytes.max(self.bytes());
        Ok(())
    }

    /// The next of the rows that are there, of about so many bytes, on the device; `None` where none is.
    ///
    /// # Errors
    /// No room on the device for a tile, and then the same rows come next.
    pub async fn next(&mut self, bytes: u64) -> Result<Option<DeviceTable>, ScanError> {
        if self.blocks.is_empty() {
            return Ok(None);
        }
        self.begun = true;
        let segments = self.cut.wave(&self.device, &self.blocks, &mut self.next, bytes).await?;
        self.blocks.drain(..self.next.block);
        self.next.block = 0;
        self.stats.waves += 1;
        Ok(Some(DeviceTable::new(self.shape.clone(), segments)))
    }

    /// Whether rows of it have been read, which do not come again.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    pub fn shape(&self) -> &TableShape {
        &self.shape
    }

    /// Host memory of the rows that are there, in bytes.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().flat_map(|block| &block.chunks).map(|(chunk, _)| chunk.bytes() as u64).sum()
    }

    /// What was done so far.
    pub fn stats(&self) -> InputStats {
        self.stats
    }
}

/// A column of which nothing is known but its type.
fn full(column: &InputColumn) -> (ColumnMeta, Form) {
    let target = Target::for_type(column.ty, None);
    let bounds = full_layout(column.ty).map(|_| Bounds::of_type(column.ty));
    let range = bounds.map(|bounds| (bounds.min, bounds.max));
    let form = match target {
        Target::Int(layout) => Form::Integers { layout, range },
        _ => Form::Own,
    };
    let facts = ColumnFacts { nulls: 1, range, ..ColumnFacts::default() };
    (ColumnMeta { name: column.name.to_string(), ty: column.ty, stored: target.stored_empty(), facts }, form)
}
