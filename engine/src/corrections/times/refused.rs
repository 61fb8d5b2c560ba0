//! Comparisons of times that DataFusion 55.2 refuses: times of day of two units, as a column of microseconds and the literal
//! TIME '06:00:00', which is one of nanoseconds; and a difference of two times with a text that is an interval.
//!
//! Correction: times of day meet in nanoseconds, which hold each of them, and the text is an interval. Test:
//! `engine/tests/session/everyday.rs`.

use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Before the planner asks for the type of a comparison.
#[derive(Debug)]
pub(super) struct Comparisons;

impl ExprPlanner for Comparisons {
    fn plan_binary_op(&self, mut raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator as Op;
        if matches!(raw.op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq) {
            meet(&mut [&mut raw.left, &mut raw.right], schema);
        }
        Ok(PlannerResult::Original(raw))
    }
}

/// BETWEEN and IN, whose types the planner does not ask for.
#[derive(Debug)]
pub(super) struct Lists;

impl FunctionRewrite for Lists {
    fn name(&self) -> &str {
        "maar_refused_times"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let changed = match &mut expr {
            Expr::Between(between) => meet(&mut [&mut between.expr, &mut between.low, &mut between.high], schema),
            Expr::InList(list) => {
                let mut operands: Vec<&mut Expr> = vec![&mut list.expr];
                operands.extend(list.list.iter_mut());
                meet(&mut operands, schema)
            }
            _ => false,
        };
        Ok(Transformed::new_transformed(expr, changed))
    }
}

fn meet(operands: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let mut kinds = Vec::new();
    for operand in operands.iter() {
        match kind(operand, schema) {
            // Most are known by the first of them.
            Kind::Other => return false,
            kind => kinds.push(kind),
        }
    }
    let mut units = kinds.iter().filter(|kind| matches!(kind, Kind::TimeOfDay(_)));
    let first = units.next();
    let has_durations = kinds.contains(&Kind::Duration);
    let to = if units.any(|unit| Some(unit) != first) && !has_durations {
        DataType::Time64(TimeUnit::Nanosecond)
    } else if has_durations && first.is_none() && kinds.contains(&Kind::Text) {
        DataType::Interval(IntervalUnit::MonthDayNano)
    } else {
        return false;
    };
    for (operand, kind) in operands.iter_mut().zip(kinds) {
        if matches!(kind, Kind::TimeOfDay(_) | Kind::Text) {
            **operand = cast(std::mem::take(*operand), to.clone());
        }
    }
    true
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    TimeOfDay(TimeUnit),
    Duration,
    /// A text that is written in the query.
    Text,
    Other,
}

fn kind(expr: &Expr, schema: &DFSchema) -> Kind {
    match expr.get_type(schema) {
        Ok(DataType::Time32(unit) | DataType::Time64(unit)) => Kind::TimeOfDay(unit),
        Ok(DataType::Duration(_)) => Kind::Duration,
        Ok(text) if text.is_string() && matches!(expr, Expr::Literal(..)) => Kind::Text,
        _ => Kind::Other,
    }
}
