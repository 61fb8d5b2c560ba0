//! Exact arithmetic: integer and decimal overflow is an error, wherever an expression is evaluated.
//!
//! DataFusion's `+ - *`, negation and SUM wrap silently. They are made exact at the places where they are evaluated:
//! while constants are folded ([`fold`]), in the operators of a host plan ([`operators`], [`wide_decimals`]), and in SUM
//! and AVG ([`sum`], [`mean`]); sums and means get types that hold them ([`widened`]). A node that cannot be rewritten keeps the [`hidden`] form, which is exact by itself.
//! Not here: floats, which overflow to infinity as IEEE 754 says.

mod fold;
mod hidden;
mod literals;
mod mean;
mod operators;
pub(crate) mod physical;
mod sum;
mod wide_decimals;
mod widened;

pub(crate) use wide_decimals::without_host_checks;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::execution::SessionStateBuilder;
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::AggregateUDF;
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::physical_optimizer::PhysicalOptimizerRule;

use crate::corrections::rules::wrap;
use crate::error::Result;

/// Adds the logical half: planning and folding that fail on overflow, and SUM.
pub(crate) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    builder.expr_planners().get_or_insert_with(Vec::new).insert(0, Arc::new(literals::HideOverflow));
    let analyzer = builder.analyzer().get_or_insert_with(Analyzer::new);
    analyzer.add_function_rewrite(Arc::new(widened::WidenArguments));
    analyzer.add_function_rewrite(Arc::new(sum::UseExactSum));
    analyzer.add_function_rewrite(Arc::new(mean::UseIntegerMean));
    let optimizer = builder.optimizer().get_or_insert_with(Optimizer::new);
    wrap(&mut optimizer.rules, fold::REPLACED_RULE, fold::folded)
}

/// What is exact in the place of `aggregate`, where values of a type are aggregated without a plan.
pub(crate) fn over_values(aggregate: &Arc<AggregateUDF>, value: &DataType) -> Arc<AggregateUDF> {
    match aggregate.inner() {
        own if own.is::<Sum>() => sum::exact_sum(),
        own if own.is::<Avg>() && value.is_integer() => mean::integer_mean(),
        _ => Arc::clone(aggregate),
    }
}

/// The rule that goes first: placement then sees `+ - *` marked as failing on overflow.
pub(crate) fn first_rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(operators::MarkArithmetic)
}

/// The rule that goes right behind placement: what stayed on the host checks decimals that may outgrow their type.
pub(crate) fn host_rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(wide_decimals::CheckWideDecimals)
}
