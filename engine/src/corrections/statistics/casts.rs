//! Fault: the host casts the bounds of `x` and takes them for the bounds of `CAST(x AS VARCHAR)`, so that `max` of 9 and 10
//! as texts is '10'. Correction: no answers from statistics where a cast below an aggregate may not keep the order.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::CastExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::projection::ProjectionExec;

use super::types::{is_bytes, unpacked};
use crate::corrections::rules::position;

type Plan = Arc<dyn ExecutionPlan>;

/// The host's rule that answers aggregates from statistics. Ours keeps the name, by which others are placed.
const ANSWERS: &str = "aggregate_statistics";

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let optimizer = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    let at = position(&optimizer.rules, ANSWERS)?;
    let host = Arc::clone(&optimizer.rules[at]);
    optimizer.rules[at] = Arc::new(AnswersFromStatistics { host });
    Ok(())
}

#[derive(Debug)]
struct AnswersFromStatistics {
    host: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl PhysicalOptimizerRule for AnswersFromStatistics {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        if takes_bound_of_cast(&plan)? { Ok(plan) } else { self.host.optimize(plan, config) }
    }

    fn name(&self) -> &str {
        ANSWERS
    }

    fn schema_check(&self) -> bool {
        self.host.schema_check()
    }
}

/// Whether there is a smallest or largest value to find above a cast that may not keep the order.
fn takes_bound_of_cast(plan: &Plan) -> Result<bool> {
    let mut found = false;
    plan.apply(|plan| {
        let Some(aggregate) = plan.downcast_ref::<AggregateExec>() else { return Ok(TreeNodeRecursion::Continue) };
        let is_bound = |name: &str| matches!(name, "min" | "max");
        let bounds = aggregate.aggr_expr().iter().any(|call| is_bound(call.fun().name()));
        found = aggregate.group_expr().is_empty() && bounds && casts_out_of_order(aggregate.input())?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn casts_out_of_order(plan: &Plan) -> Result<bool> {
    let mut found = false;
    plan.apply(|plan| {
        let scan = plan.downcast_ref::<DataSourceExec>();
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
            let schema = projection.input().schema();
            for projected in projection.expr() {
                found |= any_cast(&projected.expr, &|cast| !keeps_order(cast, &schema))?;
            }
        } else if let Some(config) = scan.and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>()) {
            let schema = config.file_source().table_schema().table_schema();
            for projected in config.file_source().projection().into_iter().flatten() {
                found |= any_cast(&projected.expr, &|cast| !keeps_order(cast, schema))?;
            }
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn any_cast(expression: &Arc<dyn PhysicalExpr>, wanted: &dyn Fn(&CastExpr) -> bool) -> Result<bool> {
    let mut found = false;
    expression.apply(|expression| {
        found |= expression.downcast_ref::<CastExpr>().is_some_and(wanted);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Whether of two values the smaller one is never cast to the larger one.
fn keeps_order(cast: &CastExpr, schema: &Schema) -> bool {
    use DataType::{Boolean, Date32, Date64, Timestamp};
    let Ok(from) = cast.expr().data_type(schema) else { return false };
    let is_number = |ty: &DataType| ty.is_numeric() || ty.is_temporal() || *ty == Boolean;
    match (unpacked(&from), unpacked(cast.cast_type())) {
        (from, to) if from == to || is_bytes(from) && is_bytes(to) => true,
        // The clocks of a zone go back once a year.
        (Timestamp(_, from), Timestamp(_, to)) => from.is_some() == to.is_some(),
        (Timestamp(_, Some(_)), Date32 | Date64) => false,
        (from, to) => is_number(from) && is_number(to),
    }
}
