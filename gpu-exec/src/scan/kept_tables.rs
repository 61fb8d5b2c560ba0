//! Tables as they were assembled for a scan, for the next run of its plan: while no file of it has changed and nothing of it
//! was given back, there is nothing to look at row group by row group.
//!
//! They hold what the column store holds, and are let go of before it gives anything back. Not here: whether the files
//! are still the same (`listed.rs`).

use std::sync::{Arc, Weak};

use hashlink::LinkedHashMap;

use super::piece::PieceKey;
use super::{LoadStats, ParquetScan};
use crate::column::DeviceTable;

/// Scans whose tables are kept; those used longest ago go first.
const TABLES_MAX: usize = 256;

/// A table, and what it is made of.
#[derive(Clone, Debug)]
pub(crate) struct KeptTable {
    pub(crate) table: DeviceTable,
    /// Of a load that finds all of it.
    pub(crate) stats: LoadStats,
    /// Its pieces in the column store: who uses the table uses them.
    pub(crate) pieces: Arc<[PieceKey]>,
}

/// The tables of scans, by their address: a scan belongs to one plan, and is the same at its next run.
#[derive(Debug, Default)]
pub(crate) struct KeptTables(LinkedHashMap<usize, (Weak<ParquetScan>, KeptTable)>);

impl KeptTables {
    pub(crate) fn get(&mut self, scan: &Arc<ParquetScan>) -> Option<KeptTable> {
        self.0.to_back(&address(scan)).map(|(_, kept)| kept.clone())
    }

    /// Returns what had to go for it, to be dropped without a lock.
    pub(crate) fn keep(&mut self, scan: &Arc<ParquetScan>, kept: KeptTable) -> Vec<KeptTable> {
        let replaced = self.0.insert(address(scan), (Arc::downgrade(scan), kept));
        let mut gone: Vec<KeptTable> = replaced.into_iter().map(|(_, kept)| kept).collect();
        // A plan that is gone does not run again.
        let is_dead = |(_, (scan, _)): &(&usize, &(Weak<ParquetScan>, KeptTable))| scan.strong_count() == 0;
        let dead: Vec<usize> = self.0.iter().filter(is_dead).map(|(address, _)| *address).collect();
        gone.extend(dead.iter().filter_map(|address| self.0.remove(address)).map(|(_, kept)| kept));
        while self.0.len() > TABLES_MAX {
            gone.extend(self.0.pop_front().map(|(_, (_, kept))| kept));
        }
        gone
    }
}

/// While the map holds a weak reference, no other scan can be given the address.
fn address(scan: &Arc<ParquetScan>) -> usize {
    Arc::as_ptr(scan).addr()
}

impl KeptTable {
    /// What a load of these counts would count if it found everything.
    pub(crate) fn found(stats: LoadStats) -> LoadStats {
        LoadStats {
            files: stats.files,
            row_groups: stats.row_groups,
            row_groups_pruned: stats.row_groups_pruned,
            columns_resident: stats.columns_resident + stats.columns_loaded,
            columns_raw: stats.columns_raw,
            device_bytes: stats.device_bytes,
            ..LoadStats::default()
        }
    }
}
