//! What a run of a plan found out and the next one need not: how large its tables had to be, and how many rows it put out.
//! Nothing of it decides a result: where files have changed meanwhile, tables grow and rows are counted as in a first run.

use super::forecast::Seen;
use crate::strategy::QueryPlan;

/// Of the last run of a plan that came to its end; of nothing before that.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    emission: Option<Seen>,
    /// Slots of each group table, and rows of each build.
    slots: Vec<u64>,
    rows: Vec<u64>,
}

impl Learned {
    pub(super) fn of(plan: &QueryPlan, emission: Seen) -> Self {
        // Tables in parts were sized for parts.
        let builds = plan.builds.iter().filter(|_| !plan.parts);
        let groups = plan.groups.iter().filter(|_| !plan.parts);
        Self {
            emission: Some(emission),
            slots: groups.map(|group| group.slots).collect(),
            rows: builds.map(|build| build.rows).collect(),
        }
    }

    pub(super) fn emission(&self) -> Option<Seen> {
        self.emission
    }

    /// The plan with tables as large as they had to be.
    pub(super) fn sized(&self, plan: &QueryPlan) -> QueryPlan {
        let mut plan = plan.clone();
        if plan.parts {
            return plan;
        }
        for (group, slots) in plan.groups.iter_mut().zip(&self.slots) {
            group.slots = group.slots.max(*slots).min(group.slots_max.max(group.slots));
        }
        for (build, rows) in plan.builds.iter_mut().zip(&self.rows) {
            if build.rows_estimated && *rows > build.rows {
                *build = build.for_rows(*rows);
            }
        }
        plan
    }
}
