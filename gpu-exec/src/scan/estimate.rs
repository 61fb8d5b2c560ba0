//! How much device memory a scan will take, before its values are read: from its rows and the layouts that footers promise.

use super::open::Group;
use super::read::ColumnRead;
use super::round::ScanLoad;
use crate::column::padded_rows;
use crate::ir::Type;

/// Bytes a code is expected to have: how many words a dictionary has, no footer says.
const CODE_BYTES: u64 = 2;

impl ScanLoad {
    /// About how much device memory all runs will take, in bytes.
    pub(crate) fn device_bytes(&mut self) -> u64 {
        (0..self.opened.runs.len()).map(|run| self.run_bytes(run)).sum()
    }

    /// The same of one run.
    pub(crate) fn run_bytes(&mut self, run: usize) -> u64 {
        (0..self.wanted.len()).map(|column| self.column_bytes(run, column)).sum()
    }

    fn column_bytes(&mut self, run: usize, column: usize) -> u64 {
        let wanted = &self.wanted[column];
        if let Some(piece) = &wanted.pieces[run] {
            return piece.bytes();
        }
        let rows = padded_rows(self.opened.runs[run].rows) as u64;
        let validity = if wanted.field.is_nullable() { rows / 8 } else { 0 };
        let (raw, coded) = (wanted.raw, wanted.ty == Type::Text);
        let width = if coded && !raw { CODE_BYTES } else { wanted.target().stored_empty().bytes() as u64 };
        let texts = if raw { self.text_bytes(run, column) } else { 0 };
        rows * width + validity + texts
    }

    /// Bytes of a run's texts before compression, as the footers tell.
    fn text_bytes(&mut self, run: usize, column: usize) -> u64 {
        let groups = self.opened.runs[run].groups.clone();
        groups.iter().map(|group| self.chunk_bytes(group, column)).sum()
    }

    /// Bytes of a chunk before compression, as the footer tells; none where the file lacks it.
    fn chunk_bytes(&mut self, group: &Group, column: usize) -> u64 {
        let Ok(read) = self.read(&group.footer, column) else { return 0 };
        let ColumnRead::Leaf(leaf) = &*read else { return 0 };
        let described = group.footer.metadata.row_group(group.row_group).column(leaf.leaf);
        u64::try_from(described.uncompressed_size()).unwrap_or(0)
    }
}
