//! A look from outside at a query that somebody else reads: what ran where so far, and how far it is. It keeps nothing of the query
//! alive: where the rows are dropped, memory is given back whoever watches.

use std::sync::{Arc, Weak};

use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;

use crate::device::{Ended, QueryReport, fraction};

/// See the module. [`crate::QueryResult::watch`] gives it.
#[derive(Clone)]
pub struct Watch {
    plan: Weak<dyn ExecutionPlan>,
    state: Weak<SessionState>,
}

impl Watch {
    pub(crate) fn new(plan: &Arc<dyn ExecutionPlan>, state: &Arc<SessionState>) -> Self {
        Self { plan: Arc::downgrade(plan), state: Arc::downgrade(state) }
    }

    /// What ran where so far, as of a query that runs; `None` once it is gone.
    pub fn report(&self) -> Option<QueryReport> {
        let (plan, state) = (self.plan.upgrade()?, self.state.upgrade()?);
        Some(QueryReport { ended: Ended::Running, ..QueryReport::of(&state, &plan) })
    }

    /// The part of all rows that scans have read so far, from 0 to 1; `None` where that cannot be told, and once the query is
    /// gone. At 1 what comes after the scans may still run.
    pub fn fraction(&self) -> Option<f64> {
        fraction(&self.plan.upgrade()?)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
