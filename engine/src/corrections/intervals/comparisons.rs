//! Comparisons of intervals, with durations too: operators, BETWEEN, lists, subqueries, CASE, NULLIF and windows. Not here: other keys
//! (`keys`).

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::logical_plan::Subquery;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Projection, cast, lit, when};

use super::INTERVAL;
use super::keys::measure_window;
use super::length::length;

#[derive(Debug)]
pub(super) struct CompareLengths;

impl FunctionRewrite for CompareLengths {
    fn name(&self) -> &str {
        "maar_interval_lengths"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let changed = match &mut expr {
            Expr::BinaryExpr(binary) if binary.op.supports_propagation() => {
                measure(&mut [&mut binary.left, &mut binary.right], schema)
            }
            Expr::Between(between) => measure(&mut [&mut between.expr, &mut between.low, &mut between.high], schema),
            Expr::InList(list) => {
                let mut operands: Vec<&mut Expr> = vec![&mut list.expr];
                operands.extend(list.list.iter_mut());
                measure(&mut operands, schema)
            }
            Expr::Case(case) => match &mut case.expr {
                Some(compared) => {
                    let mut operands: Vec<&mut Expr> = vec![compared];
                    operands.extend(case.when_then_expr.iter_mut().map(|(value, _)| value.as_mut()));
                    measure(&mut operands, schema)
                }
                None => false,
            },
            Expr::InSubquery(is_in) => measure_rows(&mut is_in.expr, &mut is_in.subquery, schema)?,
            Expr::SetComparison(compared) => measure_rows(&mut compared.expr, &mut compared.subquery, schema)?,
            // Before types are coerced: RANGE, which a frame is unless it says otherwise, takes no intervals.
            Expr::WindowFunction(call) => measure_window(call, schema),
            Expr::ScalarFunction(call) if call.func.name() == "nullif" => {
                return Ok(match null_if(call, schema)? {
                    Some(written) => Transformed::yes(written),
                    None => Transformed::no(expr),
                });
            }
            _ => false,
        };
        Ok(Transformed::new_transformed(expr, changed))
    }
}

/// Puts lengths in the place of intervals that are compared with each other, with durations or with texts that are intervals.
fn measure(operands: &mut [&mut Expr], schema: &DFSchema) -> bool {
    // Most comparisons are known by their first operand, or by a literal.
    if operands.iter().any(|operand| is_other_literal(operand)) {
        return false;
    }
    let mut kinds = Vec::with_capacity(operands.len());
    for operand in operands.iter() {
        match Kind::of(operand, schema) {
            Kind::Other => return false,
            kind => kinds.push(kind),
        }
    }
    if !go_by_length(&kinds) {
        return false;
    }
    for (operand, kind) in operands.iter_mut().zip(kinds) {
        let taken = std::mem::take(*operand);
        **operand = match kind {
            Kind::Text => length(cast(taken, INTERVAL)),
            _ => length(taken),
        };
    }
    true
}

/// The same for a value that is compared with those of a subquery.
fn measure_rows(value: &mut Expr, subquery: &mut Subquery, schema: &DFSchema) -> Result<bool> {
    let rows = subquery.subquery.schema();
    let [field] = rows.fields().as_ref() else { return Ok(false) };
    let (of_value, of_rows) = match Kind::with_type(field.data_type()) {
        of_rows @ (Kind::Interval | Kind::Duration | Kind::Null) => (Kind::of(value, schema), of_rows),
        Kind::Text | Kind::Other => return Ok(false),
    };
    if of_value == Kind::Other || !go_by_length(&[of_value, of_rows]) {
        return Ok(false);
    }
    let column = Expr::Column(rows.columns().swap_remove(0));
    let lengths = Projection::try_new(vec![length(column)], Arc::clone(&subquery.subquery))?;
    subquery.subquery = Arc::new(LogicalPlan::Projection(lengths));
    let taken = std::mem::take(value);
    *value = if of_value == Kind::Text { length(cast(taken, INTERVAL)) } else { length(taken) };
    Ok(true)
}

/// `nullif(a, b)` as CASE.
fn null_if(call: &ScalarFunction, schema: &DFSchema) -> Result<Option<Expr>> {
    let [first, second] = call.args.as_slice() else { return Ok(None) };
    let are_intervals = [first, second].iter().all(|arg| Kind::of(arg, schema) == Kind::Interval);
    if !are_intervals || first.is_volatile() {
        return Ok(None);
    }
    let are_equal = length(first.clone()).eq(length(second.clone()));
    Ok(Some(when(are_equal, lit(ScalarValue::Null)).otherwise(first.clone())?))
}

/// A literal that no interval is compared with.
fn is_other_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if !value.is_null() && Kind::with_type(&value.data_type()) == Kind::Other)
}

fn go_by_length(kinds: &[Kind]) -> bool {
    let has = |wanted: Kind| kinds.contains(&wanted);
    has(Kind::Interval) || (has(Kind::Duration) && has(Kind::Text))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interval,
    Duration,
    /// A literal text.
    Text,
    Null,
    Other,
}

impl Kind {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        match expr.get_type(schema).map_or(Self::Other, |data_type| Self::with_type(&data_type)) {
            Self::Text if !matches!(expr, Expr::Literal(..)) => Self::Other,
            kind => kind,
        }
    }

    fn with_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Interval(_) => Self::Interval,
            DataType::Duration(_) => Self::Duration,
            DataType::Null => Self::Null,
            text if text.is_string() => Self::Text,
            _ => Self::Other,
        }
    }
}
