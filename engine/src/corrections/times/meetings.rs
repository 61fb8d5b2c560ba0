//! Where times of several kinds meet, before the host brings them to one type: a rule that looks at a plan once for zones
//! ([`zones`]) and for dates ([`dates`]), and what both ask of plans and expressions.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, cast};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::any_node;
use super::exact::has_cast_of_time;
use super::{dates, zones};

/// Functions that give one of their arguments, or all of them in a list.
const CHOOSING: [&str; 7] = ["coalesce", "greatest", "least", "make_array", "nullif", "nvl", "nvl2"];

/// The rule; it goes in front of type coercion, which would take the zone of the other side, and nanoseconds for dates.
#[derive(Debug)]
pub(super) struct Meetings;

impl AnalyzerRule for Meetings {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let is_time = |data_type: &DataType| matches!(data_type, DataType::Timestamp(..));
        let concerns = |node: &LogicalPlan| {
            Ok(node.schema().fields().iter().any(|field| is_time(field.data_type())) || has_cast_of_time(node)?)
        };
        if !any_node(&plan, concerns)? {
            return Ok(plan);
        }
        dates::beside_times(zones::in_session_zone(plan, config)?)
    }

    fn name(&self) -> &str {
        "maar_meetings_of_times"
    }
}

/// Whether the expression gives one of its operands, or a list of them.
pub(super) fn gives_operands(expr: &Expr) -> bool {
    match expr {
        Expr::Case(_) => true,
        Expr::ScalarFunction(call) => CHOOSING.contains(&call.func.name()),
        _ => false,
    }
}

/// The operands that the expression gives, which are of one type therefore.
pub(super) fn given(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter_mut().map(|(_, then)| then);
            branches.chain(&mut case.else_expr).map(AsMut::as_mut).collect()
        }
        Expr::ScalarFunction(call) if CHOOSING.contains(&call.func.name()) => {
            // The first argument of this one is a condition.
            let skipped = usize::from(call.func.name() == "nvl2");
            call.args.iter_mut().skip(skipped).collect()
        }
        _ => Vec::new(),
    }
}

/// `plan` with its columns cast to what is wanted of them.
pub(super) fn with_types(plan: &Arc<LogicalPlan>, wanted: &[Option<DataType>]) -> Result<LogicalPlan> {
    let column = |(index, (qualifier, field)): (usize, (Option<&_>, &Arc<_>))| {
        let column = Expr::from((qualifier, field));
        match wanted.get(index).and_then(Option::as_ref) {
            Some(to) => cast(column, to.clone()).alias_qualified(qualifier.cloned(), plan.schema().field(index).name()),
            None => column,
        }
    };
    let columns: Vec<Expr> = plan.schema().iter().enumerate().map(column).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(plan))?))
}
