//! Small row groups in host memory, column by column, as they were decoded: what runs are gathered from.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

/// Host memory they may take before those used longest ago go, in bytes for each row of a segment.
const KEPT_BYTES_A_ROW: usize = 256;

/// One column of one row group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowsKey {
    /// The number of one state of one file.
    pub(crate) file: u64,
    pub(crate) row_group: usize,
    pub(crate) column: Arc<str>,
    /// The declared type: tables over the same file may declare different ones.
    pub(crate) data_type: DataType,
    /// Read for raw text: the texts, not their dictionary.
    pub(crate) raw: bool,
}

/// Its values, in order.
pub(crate) type Rows = Arc<[ArrayRef]>;

/// Host memory that all row groups that are kept may take, in bytes.
pub(crate) fn kept_bytes_max(segment_rows: usize) -> usize {
    segment_rows.saturating_mul(KEPT_BYTES_A_ROW)
}

/// Host memory that values take, in bytes.
pub(crate) fn host_bytes(rows: &Rows) -> usize {
    rows.iter().map(|array| array.get_array_memory_size()).sum::<usize>() + size_of::<RowsKey>()
}

#[derive(Debug)]
pub(crate) struct KeptRows {
    entries: HashMap<RowsKey, Entry>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry {
    rows: Rows,
    bytes: usize,
    used: u64,
}

impl KeptRows {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { entries: HashMap::new(), bytes: 0, bytes_max }
    }

    /// `now` is later than all uses before.
    pub(crate) fn get(&mut self, key: &RowsKey, now: u64) -> Option<Rows> {
        let entry = self.entries.get_mut(key)?;
        entry.used = now;
        Some(Arc::clone(&entry.rows))
    }

    pub(crate) fn insert(&mut self, key: RowsKey, rows: Rows, now: u64) {
        let bytes = host_bytes(&rows);
        self.bytes += bytes;
        if let Some(replaced) = self.entries.insert(key, Entry { rows, bytes, used: now }) {
            self.bytes -= replaced.bytes;
        }
        if self.bytes > self.bytes_max {
            self.forget_oldest();
        }
    }

    /// Drops what is of a file.
    pub(crate) fn forget(&mut self, file: u64) {
        self.retain(|key, _| key.file != file);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// Makes room for a quarter, so that this is rare.
    fn forget_oldest(&mut self) {
        let mut uses: Vec<(u64, usize)> = self.entries.values().map(|entry| (entry.used, entry.bytes)).collect();
        uses.sort_unstable();
        let mut excess = self.bytes.saturating_sub(self.bytes_max / 4 * 3);
        let oldest_kept = uses.into_iter().find_map(|(used, bytes)| {
            let kept = excess == 0;
            excess = excess.saturating_sub(bytes);
            kept.then_some(used)
        });
        self.retain(|_, entry| oldest_kept.is_some_and(|oldest| entry.used >= oldest));
    }

    fn retain(&mut self, keep: impl Fn(&RowsKey, &Entry) -> bool) {
        self.entries.retain(|key, entry| keep(key, entry));
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn key(file: u64) -> RowsKey {
        RowsKey { file, row_group: 0, column: "c".into(), data_type: DataType::Int64, raw: false }
    }

    #[test]
    fn what_was_used_last_is_kept_within_the_budget() {
        let mut kept = KeptRows::new(kept_bytes_max(1 << 20));
        let rows: Rows = [Arc::new(Int64Array::from(vec![7; 1 << 20])) as ArrayRef].into();
        for file in 0..40 {
            kept.insert(key(file), Arc::clone(&rows), 2 * file);
            assert!(kept.get(&key(3), 2 * file + 1).is_some() || file < 3, "used all the time");
            assert!(kept.bytes <= 256 << 20);
        }
        assert!(kept.get(&key(4), 100).is_none() && kept.get(&key(39), 100).is_some());
        kept.forget(39);
        assert!(kept.get(&key(39), 101).is_none());
        kept.clear();
        assert_eq!((kept.entries.len(), kept.bytes), (0, 0));
    }
}
