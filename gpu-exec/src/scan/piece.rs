//! A piece: one column of one run of row groups in device memory, with what is known of it.

use std::sync::Arc;

use arrow::datatypes::DataType;

use crate::column::{ChunkFacts, DeviceColumn, IntLayout, Stored};

/// What a piece is remembered by. Its layout or dictionary is the piece's own, and may be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PieceKey {
    /// The state of a file and the number of each row group.
    pub(crate) parts: Arc<[(u64, usize)]>,
    pub(crate) column: Arc<str>,
    /// The declared type: tables over the same file may declare different ones.
    pub(crate) data_type: DataType,
    /// Raw text, in place of codes.
    pub(crate) raw: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) column: DeviceColumn,
    pub(crate) stored: Stored,
    pub(crate) facts: ChunkFacts,
    /// Of each of its row groups, of integers that were gathered; else none.
    pub(crate) parts: Arc<[ChunkFacts]>,
    /// The value that stands under NULLs.
    pub(crate) filler: i128,
    pub(crate) rows: usize,
}

impl Piece {
    /// Device memory held, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.column.data.len() + self.column.validity.as_ref().map_or(0, |validity| validity.len())) as u64
    }

    pub(crate) fn layout(&self) -> Option<IntLayout> {
        self.stored.layout()
    }

    /// What is known of the runs of values it is made of.
    pub(crate) fn chunks(&self) -> &[ChunkFacts] {
        if self.parts.is_empty() { std::slice::from_ref(&self.facts) } else { &self.parts }
    }

    /// Whether anyone but the store that asks holds the memory.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.column.data) > 1
            || self.column.validity.as_ref().is_some_and(|validity| Arc::strong_count(validity) > 1)
    }

    /// Every row is NULL, and there are rows.
    pub(crate) fn is_all_null(&self) -> bool {
        self.rows > 0 && self.facts.nulls == self.rows as u64
    }
}
