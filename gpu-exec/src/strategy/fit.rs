//! Builds that would take more than one table may, if every row of their side went into them: they start with as much as it
//! may, and grow where that does not suffice. Most builds stand behind a filter.

use super::{BuildPlan, GroupPlan, Limits};
use crate::ir::{GroupKind, KeyTable};

/// However little memory there is.
const ROWS_MIN: u64 = 1024;

/// Makes the sizes of such builds guesses. Not of those whose rows are groups: the groups are as many.
pub(super) fn fit_builds(builds: &mut [BuildPlan], groups: &[GroupPlan], limits: Limits) {
    for (number, build) in builds.iter_mut().enumerate() {
        let is_grouped = |group: &GroupPlan| match group.table.kind {
            GroupKind::BuildRow { build, .. } => build.0 == number,
            _ => false,
        };
        let fitting = limits.table_bytes / build.row_bytes().max(1);
        if build.rows <= fitting || build.rows_estimated || groups.iter().any(is_grouped) {
            continue;
        }
        build.rows = fitting.max(ROWS_MIN).min(build.rows);
        build.rows_estimated = true;
        if build.table != KeyTable::Direct {
            build.slots = (build.rows * 2).next_power_of_two().min(build.slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cuts;
    use super::*;
    use crate::ir::KeyRows;

    fn build(table: KeyTable, rows: u64) -> BuildPlan {
        BuildPlan {
            table,
            rows_of_key: KeyRows::Several,
            bases: vec![],
            domains: vec![],
            words: 2,
            slots: (rows * 2).next_power_of_two(),
            rows,
            rows_estimated: false,
            payload: vec![],
            dimension: None,
        }
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let limits = Limits { shared_bytes: 0, table_bytes: 1 << 20, parts: false, cuts: Cuts::NONE };
        let mut builds = [KeyTable::Direct, KeyTable::Hash, KeyTable::Wide].map(|table| build(table, 1 << 16));
        fit_builds(&mut builds, &[], limits);
        // 8, 32 and 56 bytes a row.
        assert_eq!(builds.each_ref().map(|build| build.rows), [1 << 16, 1 << 15, (1 << 20) / 56]);
        assert_eq!(builds.each_ref().map(|build| build.rows_estimated), [false, true, true]);
        assert_eq!(builds.each_ref().map(|build| build.slots), [1 << 17, 1 << 16, 1 << 16]);
    }
}
