//! Sizes: the device memory that tables of keys take. Not here: how large they should be (`groups.rs`, `join.rs`, `fit.rs`).

use super::{BuildPlan, GroupPlan};
use crate::ir::{GroupKind, KeyRows, KeyTable};

impl BuildPlan {
    /// Device memory that a row takes, in bytes; a hashed one has two slots.
    pub(crate) fn row_bytes(&self) -> u64 {
        let slots = if self.table == KeyTable::Direct { 0 } else { 2 * self.slot_bytes() };
        self.stored_bytes() + slots
    }

    /// Device memory of the build, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let runs = if self.rows_of_key == KeyRows::Several { self.slots.saturating_mul(4) } else { 0 };
        let rows = self.rows.saturating_mul(self.stored_bytes());
        self.slots.saturating_mul(self.slot_bytes()).saturating_add(rows).saturating_add(runs)
    }

    /// The build with room for so many rows.
    pub(crate) fn for_rows(&self, rows: u64) -> Self {
        let slots = match self.table {
            KeyTable::Direct => self.slots,
            KeyTable::Hash | KeyTable::Wide => rows.saturating_mul(2).max(SLOTS_MIN).next_power_of_two(),
        };
        Self { rows, slots, ..self.clone() }
    }

    /// Rows of which the build takes no more than so many bytes; a few, however little that is.
    pub(crate) fn rows_within(&self, bytes: u64) -> u64 {
        let mut rows = self.rows;
        while rows > SLOTS_MIN && self.for_rows(rows).bytes() > bytes {
            rows /= 2;
        }
        rows
    }

    /// What a row takes besides its slots.
    fn stored_bytes(&self) -> u64 {
        if self.rows_of_key == KeyRows::Untold {
            return 0;
        }
        let payload: u64 = self.payload.iter().map(|shape| shape.bytes() as u64 + u64::from(shape.nullable)).sum();
        payload + if self.rows_of_key == KeyRows::Several { 8 } else { 0 }
    }

    fn slot_bytes(&self) -> u64 {
        match self.table {
            KeyTable::Direct => 4,
            KeyTable::Hash => 8 + 4,
            KeyTable::Wide => 8 * self.words.max(1) as u64 + 4 + 4,
        }
    }
}

/// The fewest slots of a hash table.
const SLOTS_MIN: u64 = 64;

impl GroupPlan {
    /// Device memory of the group table, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let words: usize = self.table.accumulators.iter().map(|kind| kind.words()).sum();
        let key = match self.table.kind {
            GroupKind::Hash => 8,
            GroupKind::Wide => 8 * self.words.max(1) + 4,
            GroupKind::Ungrouped | GroupKind::Private | GroupKind::Direct | GroupKind::BuildRow { .. } => 0,
        };
        self.slots.saturating_mul((8 * words + key) as u64)
    }
}
