//! Fault: DataFusion orders floats by their bits. A NaN whose sign bit is set (`-x` of a NaN, `0.0 / 0.0` on x86) is smaller
//! than every number, NaNs of other bits are other groups and other keys, `-0.0` sorts before `0.0` and is not in a list
//! with it; `min` and `max` of a group take whatever stands behind a NaN, and `max` of nothing but `-inf` is no `-inf`.
//!
//! Right: NaN is one value, equal to itself and larger than every number, and `-0.0` equals `0.0`, wherever values are
//! compared. Correction: what is compared is made canonical where it is compared ([`canonical`]), in the operators that
//! stay on the host ([`operators`]) and, where those cannot be rewritten, in the plan before ([`windows`], [`constants`]); MIN
//! and MAX of groups compare by order ([`extremes`]), and `approx_distinct` counts bits ([`distinct`]). Values themselves
//! pass through as they are. Devices compare so by themselves.
//! Tests: `tests/sqllogictest/slt/expressions/float_order.slt`.

mod canonical;
mod constants;
mod distinct;
mod extremes;
mod operators;
mod windows;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::Operator;
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::physical_optimizer::PhysicalOptimizerRule;

pub(super) fn install(builder: &mut SessionStateBuilder) {
    let analyzer = builder.analyzer().get_or_insert_with(Analyzer::new);
    analyzer.add_function_rewrite(Arc::new(extremes::CompareByOrder));
    analyzer.add_function_rewrite(Arc::new(distinct::CountBits));
    analyzer.rules.push(Arc::new(constants::CanonicalConstants));
    let optimizer = builder.optimizer().get_or_insert_with(Optimizer::new);
    optimizer.rules.push(Arc::new(windows::CanonicalWindows));
}

pub(super) use operators::without_canonical;

/// The rule that goes behind placement.
pub(super) fn host_rule() -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    Arc::new(operators::CanonicalOperators)
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}
