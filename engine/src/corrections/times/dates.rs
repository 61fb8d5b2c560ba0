//! A date beside a timestamp becomes one of the unit that stands there: the host takes nanoseconds for both, which know no day
//! before 1677 or after 2262. They stand beside each other in what gives one of several values, in differences, in the columns
//! of set operations and in VALUES. A literal TIMESTAMP, which is one of nanoseconds, joins dates and times of another unit
//! where it loses nothing.
//!
//! Not here: comparisons (`exact`), and dates beside times with a zone (`zones`).

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, NullEquality};
use datafusion::error::Result;
use datafusion::logical_expr::{
    Distinct, DmlStatement, Expr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Union,
    Values, cast,
};

use super::super::plans::{any_expression, any_node, input_schema, map_named};
use super::constants::{Constant, is_null};
use super::meetings::{given, gives_operands, with_types};

const MICROSECONDS_PER_DAY: i128 = 86_400_000_000;

/// `plan` with every date among timestamps in their unit.
pub(super) fn beside_times(plan: LogicalPlan) -> Result<LogicalPlan> {
    let concerns = |node: &LogicalPlan| match node {
        LogicalPlan::Union(_) | LogicalPlan::Values(_) => Ok(true),
        LogicalPlan::Join(join) if join.null_equality == NullEquality::NullEqualsNull => Ok(true),
        node => any_expression(node, has_choice),
    };
    // The terms of a recursive query have agreed on their types when they were planned.
    let is_recursive = |node: &LogicalPlan| Ok(matches!(node, LogicalPlan::RecursiveQuery(_)));
    if !any_node(&plan, concerns)? || any_node(&plan, is_recursive)? {
        return Ok(plan);
    }
    plan.transform_up_with_subqueries(|node| {
        let node = match node {
            LogicalPlan::Union(union) => return unite(union),
            LogicalPlan::Values(values) => return listed(values),
            LogicalPlan::Dml(change) => return stored(change),
            LogicalPlan::Join(join) if join.null_equality == NullEquality::NullEqualsNull => {
                LogicalPlan::Join(set_operation(join)?)
            }
            other => other,
        };
        if !any_expression(&node, has_choice)? {
            return Ok(Transformed::yes(node));
        }
        let schema = input_schema(&node)?;
        let chosen = map_named(node, |expr| expr.transform_up(|e| Ok(chosen(e, &schema))))?;
        if chosen.transformed { chosen.map_data(LogicalPlan::recompute_schema) } else { Ok(chosen) }
    })
    .data()
}

fn has_choice(expr: &Expr) -> bool {
    let is_difference = |e: &Expr| matches!(e, Expr::BinaryExpr(binary) if binary.op == Operator::Minus);
    expr.exists(|e| Ok(gives_operands(e) || is_difference(e))).unwrap_or(true)
}

fn chosen(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let mut operands = match &mut expr {
        Expr::BinaryExpr(binary) if binary.op == Operator::Minus => vec![binary.left.as_mut(), binary.right.as_mut()],
        other => given(other),
    };
    let kinds: Vec<Kind> = operands.iter().map(|operand| Kind::of(operand, schema)).collect();
    let Some(unit) = common_unit(&kinds) else { return Transformed::no(expr) };
    for (operand, kind) in operands.iter_mut().zip(&kinds) {
        if let Some(to) = kind.in_unit(unit) {
            **operand = cast(std::mem::take(*operand), to);
        }
    }
    Transformed::yes(expr)
}

/// What an operand is among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Date,
    /// A timestamp without zone, and the coarsest unit that it may get.
    Time {
        own: TimeUnit,
        least: TimeUnit,
    },
    /// A NULL that is one.
    NoTime,
    Other,
}

impl Kind {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        expr.get_type(schema).map_or(Self::Other, |data_type| Self::with_type(&data_type, Some(expr)))
    }

    /// The kind of a value that is `expr`, where that is known.
    fn with_type(data_type: &DataType, expr: Option<&Expr>) -> Self {
        match (data_type, expr) {
            (DataType::Date32, _) => Self::Date,
            (DataType::Timestamp(_, None), Some(expr)) if is_null(expr) => Self::NoTime,
            (DataType::Timestamp(own, None), expr) => {
                let is_whole = |time: Constant| time.units * MICROSECONDS_PER_DAY % time.per_day == 0;
                let is_coarser = expr.and_then(Constant::of).is_some_and(is_whole);
                Self::Time { own: *own, least: if is_coarser { (*own).min(TimeUnit::Microsecond) } else { *own } }
            }
            _ => Self::Other,
        }
    }

    /// What a value of the kind is cast to, if it is.
    fn in_unit(self, unit: TimeUnit) -> Option<DataType> {
        let is_cast = match self {
            Self::Date | Self::NoTime => true,
            Self::Time { own, .. } => own > unit,
            Self::Other => false,
        };
        is_cast.then_some(DataType::Timestamp(unit, None))
    }
}

/// The finest unit that the timestamps need; `None` where the host takes that one: no date stands beside them, and no
/// literal that is finer than the others for nothing.
fn common_unit(kinds: &[Kind]) -> Option<TimeUnit> {
    let times = || {
        kinds.iter().filter_map(|kind| match kind {
            Kind::Time { own, least } => Some((*own, *least)),
            _ => None,
        })
    };
    let needed = times().map(|(_, least)| least).max();
    if kinds.contains(&Kind::Date) {
        let has_time = needed.is_some() || kinds.contains(&Kind::NoTime);
        return has_time.then(|| needed.unwrap_or(TimeUnit::Microsecond));
    }
    let needed = needed?;
    let meet = times().any(|(own, _)| own > needed) && times().any(|(own, _)| own <= needed);
    meet.then_some(needed)
}

/// INTERSECT and EXCEPT, whose rows are those of the left side.
fn set_operation(mut join: Join) -> Result<Join> {
    let columns = join.left.schema().fields().iter().zip(join.right.schema().fields());
    let units = columns.map(|(left, right)| {
        let kinds = [left, right].map(|field| Kind::with_type(field.data_type(), None));
        common_unit(&kinds).map(|unit| kinds.map(|kind| kind.in_unit(unit)))
    });
    let (left, right): (Vec<_>, Vec<_>) = units.map(|pair| pair.map_or((None, None), |[l, r]| (l, r))).unzip();
    if left.iter().chain(&right).all(Option::is_none) {
        return Ok(join);
    }
    for (side, wanted) in [(&mut join.left, left), (&mut join.right, right)] {
        *side = Arc::new(match side.as_ref() {
            LogicalPlan::Distinct(Distinct::All(rows)) => {
                LogicalPlan::Distinct(Distinct::All(Arc::new(with_types(rows, &wanted)?)))
            }
            _ => with_types(side, &wanted)?,
        });
    }
    Join::try_new(
        join.left,
        join.right,
        join.on,
        join.filter,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )
}

/// The inputs of a union, in the columns where a date stands beside a timestamp.
fn unite(union: Union) -> Result<Transformed<LogicalPlan>> {
    let kinds: Vec<Vec<Kind>> = union.inputs.iter().map(|input| kinds_of_columns(input)).collect();
    let units: Vec<Option<TimeUnit>> = (0..union.schema.fields().len())
        .map(|index| common_unit(&kinds.iter().filter_map(|kinds| kinds.get(index).copied()).collect::<Vec<_>>()))
        .collect();
    if units.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union.inputs.iter().zip(&kinds).map(|(input, kinds)| {
        let wanted: Vec<_> = kinds.iter().zip(&units).map(|(kind, unit)| kind.in_unit((*unit)?)).collect();
        with_types(input, &wanted).map(Arc::new)
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

fn kinds_of_columns(input: &LogicalPlan) -> Vec<Kind> {
    let value = |index: usize| match input {
        LogicalPlan::Projection(projection) => projection.expr.get(index).map(|expr| expr.clone().unalias()),
        _ => None,
    };
    let fields = input.schema().fields().iter().enumerate();
    fields.map(|(index, field)| Kind::with_type(field.data_type(), value(index).as_ref())).collect()
}

/// VALUES, whose columns have been brought to nanoseconds where they have dates and timestamps.
fn listed(mut values: Values) -> Result<Transformed<LogicalPlan>> {
    let mut changed = false;
    for index in 0..values.schema.fields().len() {
        let DataType::Timestamp(TimeUnit::Nanosecond, None) = values.schema.field(index).data_type() else { continue };
        let written: Vec<Expr> = values.values.iter().filter_map(|row| row.get(index)).map(as_written).collect();
        let kinds: Vec<Kind> = written.iter().map(|value| Kind::of(value, &DFSchema::empty())).collect();
        let Some(unit) = common_unit(&kinds) else { continue };
        for ((row, value), kind) in values.values.iter_mut().zip(written).zip(kinds) {
            row[index] = match kind.in_unit(unit) {
                Some(to) => cast(value, to),
                None => value,
            };
        }
        changed = true;
    }
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Values(values)));
    }
    Ok(Transformed::yes(LogicalPlanBuilder::values(values.values)?.build()?))
}

/// A value without the cast that brought it to the type of its column.
fn as_written(value: &Expr) -> Expr {
    let is_time = |expr: &Expr| !matches!(Kind::of(expr, &DFSchema::empty()), Kind::Other);
    match value {
        Expr::Cast(outer) if is_time(&outer.expr) => outer.expr.as_ref().clone(),
        other => other.clone(),
    }
}

/// The rows of a change have agreed with their table on types when they were planned.
fn stored(mut change: DmlStatement) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Projection(rows) = change.input.as_ref() else {
        return Ok(Transformed::no(LogicalPlan::Dml(change)));
    };
    let columns = rows.expr.iter().zip(rows.schema.fields()).map(|(expr, field)| match field.data_type() {
        to @ DataType::Timestamp(_, None) => cast(expr.clone().unalias(), to.clone()).alias(field.name()),
        _ => expr.clone(),
    });
    let rows = Projection::try_new(columns.collect(), Arc::clone(&rows.input))?;
    change.input = Arc::new(LogicalPlan::Projection(rows));
    Ok(Transformed::yes(LogicalPlan::Dml(change)))
}
