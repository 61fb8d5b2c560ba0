//! Fault: groups over a join pass on keys that they do not have (DataFusion 55.2). Where `x.k` was a key of `x` before the join,
//! `GROUP BY x.k, t.j` is taken to have the key `x.k` alone: a DISTINCT, a sort key, a group key or a whole LEFT JOIN around it is
//! left out. A nullable UNIQUE column is taken for a key as well, and UNNEST keeps the keys of what it repeats.
//!
//! Correction: before the rules that ask for keys, such nodes get the ones they have. The planner asks as well, which is
//! `dialect/group_keys`. Test: `tests/sqllogictest/slt/aggregate/keys_of_groups.slt`.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Dependency, FunctionalDependence, FunctionalDependencies};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use datafusion::optimizer::{Optimizer, OptimizerConfig};

use super::plans::any_node;
use super::rules::{Rule, wrap};

/// The host's rules that leave something out because of a key.
const ASKING: [&str; 4] =
    ["replace_distinct_aggregate", "eliminate_duplicated_expr", "eliminate_join", "optimize_projections"];

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let rules = &mut builder.optimizer().get_or_insert_with(Optimizer::new).rules;
    ASKING.iter().try_for_each(|name| wrap(rules, name, with_keys_that_hold))
}

fn with_keys_that_hold(
    host: &Rule,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    // Rules that the optimizer brings to every node ask for the keys of these inputs only.
    let asks = host.apply_order().is_none() || matches!(plan, LogicalPlan::Distinct(_) | LogicalPlan::Sort(_));
    if !asks || !any_node(&plan, |node| Ok(is_doubtful(node)))? {
        return host.rewrite(plan, config);
    }
    host.rewrite(with_right_keys(plan)?, config)
}

/// Whether the host may take the node for one with keys that it does not have.
fn is_doubtful(node: &LogicalPlan) -> bool {
    match node {
        LogicalPlan::Aggregate(groups) => {
            groups.input.schema().functional_dependencies().iter().any(|key| key.mode == Dependency::Multi)
        }
        LogicalPlan::TableScan(scan) => {
            scan.projected_schema.functional_dependencies().iter().any(|key| repeats_null(key, &scan.projected_schema))
        }
        LogicalPlan::Unnest(unnest) => !unnest.schema.functional_dependencies().is_empty(),
        _ => false,
    }
}

/// Whether rows with NULL for the key may be several: so it is with UNIQUE.
fn repeats_null(key: &FunctionalDependence, schema: &DFSchema) -> bool {
    key.nullable && key.source_indices.iter().any(|index| schema.field(*index).is_nullable())
}

fn with_right_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let mut node = node.recompute_schema()?;
        match &mut node {
            LogicalPlan::Aggregate(groups) => {
                let keys = keys_of(groups)?;
                with_keys(&mut groups.schema, keys)?;
            }
            LogicalPlan::TableScan(scan) => {
                let all = scan.projected_schema.functional_dependencies();
                let kept = all.iter().filter(|key| !repeats_null(key, &scan.projected_schema)).cloned().collect();
                with_keys(&mut scan.projected_schema, kept)?;
            }
            LogicalPlan::Unnest(unnest) => with_keys(&mut unnest.schema, Vec::new())?,
            _ => {}
        }
        Ok(Transformed::yes(node))
    })
    .data()
}

fn with_keys(schema: &mut Arc<DFSchema>, keys: Vec<FunctionalDependence>) -> Result<()> {
    let changed = schema.as_ref().clone().with_functional_dependencies(FunctionalDependencies::new(keys))?;
    *schema = Arc::new(changed);
    Ok(())
}

/// What determines what in the rows of groups: all keys together everything, and some keys what they did before.
fn keys_of(groups: &Aggregate) -> Result<Vec<FunctionalDependence>> {
    if groups.group_expr.is_empty() || groups.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return Ok(Vec::new());
    }
    // A key that is written twice is one column.
    let mut written: Vec<&Expr> = Vec::new();
    for key in &groups.group_expr {
        if !written.contains(&key) {
            written.push(key);
        }
    }
    let (count, columns) = (written.len(), groups.schema.fields().len());
    if count > columns {
        return Ok(Vec::new());
    }
    let input = groups.input.schema();
    // The column of the input that each key is, if it is one.
    let sources: Vec<Option<usize>> = written
        .iter()
        .map(|key| match key {
            Expr::Column(column) => input.maybe_index_of_column(column),
            _ => None,
        })
        .collect();
    let place = |column: &usize| sources.iter().position(|source| source.as_ref() == Some(column));
    let mut keys = Vec::new();
    for known in input.functional_dependencies().iter() {
        let Some(determining) = known.source_indices.iter().map(place).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        let whole_row = known.mode == Dependency::Single;
        let mut determined: Vec<usize> = known.target_indices.iter().filter_map(place).collect();
        determined.extend(&determining);
        let all = whole_row || (0..count).all(|key| determined.contains(&key));
        let (targets, mode) = match all {
            true => ((0..columns).collect(), Dependency::Single),
            false => (determined, Dependency::Multi),
        };
        keys.push(FunctionalDependence::new(determining, targets, known.nullable).with_mode(mode));
    }
    if !keys.iter().any(|key| key.mode == Dependency::Single) {
        let nullable = (0..count).any(|key| groups.schema.field(key).is_nullable());
        let whole = FunctionalDependence::new((0..count).collect(), (0..columns).collect(), nullable);
        keys.push(whole.with_mode(Dependency::Single));
    }
    Ok(keys)
}
