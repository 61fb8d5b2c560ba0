//! Fault: a filter on one of two columns of the same name lands on the other one: `SELECT w.* FROM p RIGHT JOIN w ON p.t = w.s
//! WHERE p.s IS NULL` tests `w.s`. DataFusion 55.2 looks the columns of a pushed filter up by name in every operator
//! (apache/datafusion#25244, #25262, #25263, #25264, #25296; mended upstream by #25259). And a filter on the output of
//! `random()` was evaluated on a second one.
//!
//! Correction: a traversal of ours in the place of both `FilterPushdown` rules. Operators still say which filters they let
//! through and what becomes of those that no one took; what a column is in the input below, [`columns`] says by position.
//! Test: `tests/sqllogictest/slt/join/same_names.slt`.

mod columns;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterPushdownResult, ChildPushdownResult, FilterPushdownPhase, PushedDown, PushedDownPredicate,
};

use super::rules::position;
use columns::Columns;

/// The host's rules that ours replace, by name. Ours keep the names, which other rules are placed by.
const REPLACED: [(&str, FilterPushdownPhase); 2] =
    [("FilterPushdown", FilterPushdownPhase::Pre), ("FilterPushdown(Post)", FilterPushdownPhase::Post)];

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let optimizer = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    for (name, phase) in REPLACED {
        let at = position(&optimizer.rules, name)?;
        optimizer.rules[at] = Arc::new(PushDownByPosition { name, phase });
    }
    Ok(())
}

#[derive(Debug)]
struct PushDownByPosition {
    name: &'static str,
    phase: FilterPushdownPhase,
}

impl PhysicalOptimizerRule for PushDownByPosition {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let descent = Descent { phase: self.phase, config };
        Ok(descent.push(&plan, &[])?.plan)
    }

    fn name(&self) -> &str {
        self.name
    }

    fn schema_check(&self) -> bool {
        true
    }
}

type Filter = Arc<dyn PhysicalExpr>;

/// A plan with filters pushed into it.
struct Pushed {
    plan: Arc<dyn ExecutionPlan>,
    /// For each filter, whether the plan gives only rows that pass it.
    filters: Vec<PushedDown>,
}

struct Descent<'a> {
    phase: FilterPushdownPhase,
    config: &'a ConfigOptions,
}

impl Descent<'_> {
    /// `plan` with what it takes of `filters`, which are over its output.
    fn push(&self, plan: &Arc<dyn ExecutionPlan>, filters: &[Filter]) -> Result<Pushed> {
        let columns = Columns::of(plan);
        // What the operator cannot place rightly it is never shown: its parent keeps it.
        let shown = indices(filters, |filter| !is_volatile(filter) && columns.can_place(filter, self.phase));
        let shown_filters: Vec<Filter> = shown.iter().map(|&at| Arc::clone(&filters[at])).collect();
        let described = plan.gather_filters_for_pushdown(self.phase, shown_filters.clone(), self.config)?;

        let mut children = Vec::new();
        let mut own_results = Vec::new();
        let mut results: Vec<ChildFilterPushdownResult> = shown_filters
            .iter()
            .map(|filter| ChildFilterPushdownResult { filter: Arc::clone(filter), child_results: Vec::new() })
            .collect();
        let passed_on = described.parent_filters().into_iter().zip(described.self_filters());
        for (which, (child, (passed, own))) in plan.children().into_iter().zip(passed_on).enumerate() {
            let placed = |at: usize, host: &PushedDownPredicate| match host.discriminant {
                PushedDown::Yes => columns.in_child(which, &shown_filters[at], &host.predicate),
                PushedDown::No => Ok(None),
            };
            let placed = passed.iter().enumerate().map(|(at, host)| placed(at, host)).collect::<Result<Vec<_>>>()?;
            let below = self.push_into_child(child, &own, placed)?;
            for (result, support) in results.iter_mut().zip(below.passed) {
                result.child_results.push(support);
            }
            own_results.push(below.own);
            children.push(below.plan);
        }

        let with_children = replace_children_if_necessary(Arc::clone(plan), children)?;
        let outcome = ChildPushdownResult { parent_filters: results, self_filters: own_results };
        let handled = with_children.handle_child_pushdown_result(self.phase, outcome, self.config)?;
        let mut supported = vec![PushedDown::No; filters.len()];
        for (at, support) in shown.into_iter().zip(handled.filters) {
            supported[at] = support;
        }
        Ok(Pushed { plan: handled.updated_node.unwrap_or(with_children), filters: supported })
    }

    /// Pushes into one child the filters that its parent makes, and those that come from above and have a place there.
    fn push_into_child(
        &self,
        child: &Arc<dyn ExecutionPlan>,
        own: &[Filter],
        placed: Vec<Option<Filter>>,
    ) -> Result<IntoChild> {
        let sent_own = indices(own, |filter| !is_volatile(filter));
        // A column may stand for something volatile: a second evaluation would give another value.
        let sent_placed = indices(&placed, |filter| filter.as_ref().is_some_and(|filter| !is_volatile(filter)));
        let mut sent: Vec<Filter> = sent_own.iter().map(|&at| Arc::clone(&own[at])).collect();
        sent.extend(sent_placed.iter().filter_map(|&at| placed[at].clone()));

        let below = self.push(child, &sent)?;
        let mut own_support = vec![PushedDown::No; own.len()];
        let mut passed = vec![PushedDown::No; placed.len()];
        let places = sent_own.into_iter().map(|at| (true, at)).chain(sent_placed.into_iter().map(|at| (false, at)));
        for ((is_own, at), support) in places.zip(below.filters) {
            let supports = if is_own { &mut own_support } else { &mut passed };
            supports[at] = support;
        }
        let own = own_support
            .into_iter()
            .zip(own)
            .map(|(discriminant, filter)| PushedDownPredicate { discriminant, predicate: Arc::clone(filter) })
            .collect();
        Ok(IntoChild { plan: below.plan, own, passed })
    }
}

/// A child with filters pushed into it.
struct IntoChild {
    plan: Arc<dyn ExecutionPlan>,
    /// The filters that its parent made.
    own: Vec<PushedDownPredicate>,
    /// Whether it took the filters from above its parent.
    passed: Vec<PushedDown>,
}

fn indices<T>(all: &[T], wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, one)| wanted(one)).map(|(at, _)| at).collect()
}
