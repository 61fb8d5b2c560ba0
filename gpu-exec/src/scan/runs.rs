//! Runs: the row groups whose rows become one segment. A large one is a run by itself; small ones that follow each other
//! are gathered, across files, so that thousands of tiny files are one upload a column.
//!
//! Small row groups are kept on the host as they were decoded (`kept.rs`), and a run is made of them anew when a file
//! comes or goes or a predicate leaves others of them: nothing is read twice for it.

use std::sync::Arc;

use super::open::{Group, Surviving};

/// Rows that small row groups are gathered to, unless the one who opens the store says another number.
pub const SEGMENT_ROWS: usize = 1 << 20;
/// Small is what needs this many to make up a segment.
const SMALL_GROUPS: usize = 16;
/// Bytes a run may have as its footers tell, before it is compressed: texts of a segment are addressed by 32 bits.
const RUN_BYTES_MAX: u64 = 256 << 20;

/// Row groups in file order whose rows lie side by side.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) groups: Vec<Group>,
    pub(crate) rows: usize,
    /// Made of small row groups, even where it is only one: others may join it.
    pub(crate) gathered: bool,
    /// What tells it from other runs: the file's state and the number of each row group.
    pub(crate) parts: Arc<[(u64, usize)]>,
}

/// What may be read of a run.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The row groups that the predicate leaves.
    pub(crate) left: Run,
    /// All of them, where it leaves only some: what is resident of the whole run serves any predicate.
    pub(crate) whole: Option<Run>,
}

/// Gathers row groups to runs of at most `segment_rows` rows. All row groups of the files count, so that where a run ends
/// does not depend on the predicate; runs of which it leaves nothing are left out.
pub(crate) fn runs(groups: Vec<Surviving>, segment_rows: usize) -> Vec<Choice> {
    let mut runs: Vec<Vec<Surviving>> = Vec::new();
    // Of the last run; none is left where it takes no more.
    let (mut rows_left, mut bytes_left) = (0, 0);
    for surviving in groups {
        let group = &surviving.group;
        let (rows, bytes) = (group.rows, group.bytes());
        let small = is_small(group, segment_rows);
        match runs.last_mut().filter(|_| small && rows <= rows_left && bytes <= bytes_left) {
            Some(run) => run.push(surviving),
            None => {
                runs.push(vec![surviving]);
                (rows_left, bytes_left) = if small { (segment_rows, RUN_BYTES_MAX) } else { (0, 0) };
            }
        }
        rows_left = rows_left.saturating_sub(rows);
        bytes_left = bytes_left.saturating_sub(bytes);
    }
    let choice = |all: Vec<Surviving>| {
        let left: Vec<Group> = all.iter().filter(|one| one.kept).map(|one| one.group.clone()).collect();
        let whole = || Run::new(all.iter().map(|one| one.group.clone()).collect(), segment_rows);
        let partly = left.len() < all.len();
        (!left.is_empty()).then(|| Choice { left: Run::new(left, segment_rows), whole: partly.then(whole) })
    };
    runs.into_iter().filter_map(choice).collect()
}

impl Run {
    fn new(groups: Vec<Group>, segment_rows: usize) -> Self {
        Self {
            rows: groups.iter().map(|group| group.rows).sum(),
            gathered: groups.iter().all(|group| is_small(group, segment_rows)),
            parts: groups.iter().map(|group| (group.footer.file, group.row_group)).collect(),
            groups,
        }
    }
}

fn is_small(group: &Group, segment_rows: usize) -> bool {
    group.rows <= segment_rows / SMALL_GROUPS && group.bytes() <= RUN_BYTES_MAX / SMALL_GROUPS as u64
}
