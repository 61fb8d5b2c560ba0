//! Fault: where the host estimates how many rows a filter like `CAST(t AS DATE) < DATE '...'` keeps, the range of `t` may
//! grow (whole days for times), the share exceed one, and planning fail with 'Selectivity is out of limit'.
//!
//! Correction: such a statement is planned once more without statistics. Test: `engine/tests/session/statistics`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

/// How the failure begins; the host has no kind of error for it.
const FAILURE: &str = "Selectivity is out of limit";

pub(super) fn install(builder: &mut SessionStateBuilder) {
    let host = builder.query_planner().take();
    *builder.query_planner() = Some(Arc::new(PlannedAgain { host }));
}

#[derive(Debug)]
struct PlannedAgain {
    /// The embedder's planner, where it has one.
    host: Option<Arc<dyn QueryPlanner + Send + Sync>>,
}

impl PlannedAgain {
    async fn plan(&self, logical: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        match &self.host {
            Some(host) => host.create_physical_plan(logical, session).await,
            None => DefaultPhysicalPlanner::default().create_physical_plan(logical, session).await,
        }
    }
}

#[async_trait]
impl QueryPlanner for PlannedAgain {
    async fn create_physical_plan(
        &self,
        logical: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let failed = match self.plan(logical, session).await {
            Err(error) if is_of_an_estimate(&error) => error,
            planned => return planned,
        };
        let Some(state) = session.as_any().downcast_ref::<SessionState>() else { return Err(failed) };
        let mut config = state.config().clone();
        config.options_mut().execution.collect_statistics = false;
        let without = SessionStateBuilder::new_from_existing(state.clone()).with_config(config).build();
        self.plan(logical, &without).await
    }
}

fn is_of_an_estimate(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::Internal(_)) && error.to_string().contains(FAILURE)
}
