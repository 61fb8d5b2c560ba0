//! The plans that are kept, by the text of their statements; the one that was not asked for longest goes first.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use hashlink::LinkedHashMap;
use parking_lot::Mutex;

use super::listings::{self, Listing, Listings};
use super::repeatable;
use super::surroundings::Surroundings;
use crate::device;

/// A session's plans.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<Plans>);

#[derive(Debug, Default)]
struct Plans {
    /// What all of them were planned in.
    surroundings: Option<Arc<Surroundings>>,
    kept: LinkedHashMap<Arc<str>, Kept>,
}

/// What planning a statement gave.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Before any optimisation, and what the statement calls the columns.
    pub(crate) logical: LogicalPlan,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) optimised: LogicalPlan,
    listings: Vec<Listing>,
    /// Whether a table of it has no name: its columns were found where its files lie.
    reads_paths: bool,
}

/// A plan that may run again.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) planned: Arc<Planned>,
    physical: Arc<dyn ExecutionPlan>,
}

/// Where the plan of one statement is kept, as long as the surroundings are what they were when it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    cache: Arc<PlanCache>,
    sql: Arc<str>,
    surroundings: Arc<Surroundings>,
}

impl PlanCache {
    /// The place of a statement. `None` where no plan is kept: by `maar.plan_cache`, on the CPU, beside foreign catalogs.
    pub(crate) async fn place(self: &Arc<Self>, context: &SessionContext, sql: &str) -> Option<Place> {
        let surroundings = self.surroundings(context).await?;
        Some(Place { cache: Arc::clone(self), sql: sql.into(), surroundings })
    }

    /// How many plans are kept.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().kept.len()
    }

    /// The surroundings as they are now. Plans that were made in others go.
    async fn surroundings(&self, context: &SessionContext) -> Option<Arc<Surroundings>> {
        let is_wanted = device::kept_plans(context.state_ref().read().config_options()) > 0;
        let last = self.0.lock().surroundings.clone();
        let now = if is_wanted { Surroundings::now(context, last.as_ref()).await } else { None };
        let mut plans = self.0.lock();
        let is_same = match (&plans.surroundings, &now) {
            (Some(own), Some(now)) => Arc::ptr_eq(own, now),
            (own, now) => own.is_none() && now.is_none(),
        };
        if !is_same {
            plans.kept.clear();
            plans.surroundings.clone_from(&now);
        }
        now
    }
}

impl Place {
    /// What the statement is, if its plan is kept and still true of its files.
    pub(crate) async fn planned(&self, context: &SessionContext) -> Option<Arc<Planned>> {
        let planned = self.cache.0.lock().kept.get(&self.sql).map(|kept| Arc::clone(&kept.planned))?;
        if !planned.reads_paths {
            return Some(planned);
        }
        let state = Arc::new(context.state());
        let holds = listings::hold(&planned.listings, &state).await.unwrap_or(false);
        if !holds {
            self.cache.0.lock().kept.remove(&self.sql);
        }
        holds.then_some(planned)
    }

    /// The plan, to be run once and by nobody else, if it is kept, nothing around it has changed, and its files are the same.
    pub(crate) async fn take(&self, context: &SessionContext, state: &Arc<SessionState>) -> Option<Kept> {
        let now = self.cache.surroundings(context).await?;
        if !Arc::ptr_eq(&now, &self.surroundings) {
            return None;
        }
        let kept = self.cache.0.lock().kept.remove(&self.sql)?;
        // What is wrong with the files is said by who plans anew.
        listings::hold(&kept.planned.listings, state).await.ok()?.then_some(kept)
    }

    /// Keeps a plan that has run to its end.
    pub(crate) fn put(&self, kept: Kept) {
        if device::went_back(&kept.physical) {
            return;
        }
        let mut plans = self.cache.0.lock();
        if !plans.surroundings.as_ref().is_some_and(|now| Arc::ptr_eq(now, &self.surroundings)) {
            return;
        }
        let room = device::kept_plans(self.surroundings.options());
        while plans.kept.len() >= room.max(1) && plans.kept.pop_front().is_some() {}
        plans.kept.insert(Arc::clone(&self.sql), kept);
    }

    /// What was just planned as something to keep, if it is of that kind.
    pub(crate) fn keeps(
        &self,
        (logical, names): (&LogicalPlan, &Option<Vec<String>>),
        optimised: &LogicalPlan,
        physical: &Arc<dyn ExecutionPlan>,
        listings: &Listings,
    ) -> Option<Kept> {
        let mut listings = listings.take()?;
        let may_run_again = repeatable::is_physical(physical)
            && repeatable::is_logical(logical)
            && repeatable::is_listed(logical, &listings);
        let opened = self.opened(logical);
        for listing in &mut listings {
            listing.is_opened = opened.iter().any(|table| listing.is_of(table.as_ref()));
        }
        let planned = may_run_again.then(|| Planned {
            logical: logical.clone(),
            names: names.clone(),
            optimised: optimised.clone(),
            listings,
            reads_paths: !opened.is_empty(),
        })?;
        Some(Kept { planned: Arc::new(planned), physical: Arc::clone(physical) })
    }

    /// The tables of `plan` that are neither the catalogs' nor a view's.
    fn opened(&self, plan: &LogicalPlan) -> Vec<Arc<dyn TableProvider>> {
        let mut opened = Vec::new();
        repeatable::all_nodes(plan, |node| {
            if let LogicalPlan::TableScan(scan) = node {
                opened.extend(Some(source_as_provider(&scan.source)?).filter(|table| !self.surroundings.has(table)));
            }
            Ok(true)
        });
        opened
    }
}

impl Kept {
    /// The plan, its operators as if they had never run.
    pub(crate) fn afresh(self) -> datafusion::error::Result<Self> {
        Ok(Self { physical: reset_plan_states(self.physical)?, ..self })
    }

    pub(crate) fn physical(&self) -> &Arc<dyn ExecutionPlan> {
        &self.physical
    }
}
