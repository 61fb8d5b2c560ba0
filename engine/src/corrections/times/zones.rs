//! A time without zone that meets one with a zone is a time of the session's zone, as in PostgreSQL and DuckDB: `SET
//! datafusion.execution.time_zone`, or UTC. They meet in comparisons, in differences, in what gives one of several values, in
//! the columns of set operations and of VALUES, and where rows are inserted.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, InSubquery, SetComparison};
use datafusion::logical_expr::{
    DmlStatement, Expr, ExprSchemable, Join, LogicalPlan, Operator, Projection, Union, Values, WriteOp, cast,
};

use super::super::plans::{any_expression, any_node, input_schema, map_named};
use super::exact::has_cast_of_time;
use super::meetings::{given, gives_operands, with_types};
use super::units::{is_utc, is_zoned, zone_of};

const UTC: &str = "+00:00";

/// `plan` with times of the session's zone where they meet others that have a zone.
pub(super) fn in_session_zone(plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
    let concerns = |node: &LogicalPlan| {
        Ok(node.schema().fields().iter().any(|field| is_zoned(field.data_type())) || has_cast_of_time(node)?)
    };
    if !any_node(&plan, concerns)? {
        return Ok(plan);
    }
    let zone: Arc<str> = config.execution.time_zone.as_deref().unwrap_or(UTC).into();
    plan.transform_up_with_subqueries(|node| {
        let node = match node {
            LogicalPlan::Join(join) => LogicalPlan::Join(keys(join, &zone)?),
            LogicalPlan::Union(union) => return unite(union, &zone),
            LogicalPlan::Values(values) => LogicalPlan::Values(listed(values, &zone)),
            LogicalPlan::Dml(insert) => LogicalPlan::Dml(inserted(insert, &zone)?),
            other => other,
        };
        if !any_expression(&node, has_meeting)? {
            return Ok(Transformed::yes(node));
        }
        let schema = input_schema(&node)?;
        map_named(node, |expr| expr.transform_up(|e| in_zone(e, &schema, &zone)))
    })
    .data()
}

fn has_meeting(expr: &Expr) -> bool {
    let meets = |e: &Expr| match e {
        Expr::BinaryExpr(binary) => binary.op.supports_propagation() || binary.op == Operator::Minus,
        Expr::Between(_) | Expr::InList(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => true,
        other => gives_operands(other),
    };
    expr.exists(|e| Ok(meets(e))).unwrap_or(true)
}

fn keys(mut join: Join, zone: &Arc<str>) -> Result<Join> {
    for (left, right) in &mut join.on {
        let (left_type, right_type) = (left.get_type(join.left.schema())?, right.get_type(join.right.schema())?);
        if let Some(to) = zoned(left, &left_type, &right_type, zone) {
            *left = cast(left.clone(), to);
        } else if let Some(to) = zoned(right, &right_type, &left_type, zone) {
            *right = cast(right.clone(), to);
        }
    }
    Ok(join)
}

fn in_zone(mut expr: Expr, schema: &DFSchema, zone: &Arc<str>) -> Result<Transformed<Expr>> {
    let is_given = meet(&mut given(&mut expr), Texts::StayTexts, schema, zone);
    let is_compared = match &mut expr {
        Expr::BinaryExpr(binary) if binary.op.supports_propagation() => {
            meet(&mut [&mut binary.left, &mut binary.right], Texts::AreTimes, schema, zone)
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Minus => {
            meet(&mut [&mut binary.left, &mut binary.right], Texts::StayTexts, schema, zone)
        }
        Expr::Between(between) => {
            meet(&mut [&mut between.expr, &mut between.low, &mut between.high], Texts::AreTimes, schema, zone)
        }
        Expr::InList(list) => {
            let mut operands: Vec<&mut Expr> = vec![&mut list.expr];
            operands.extend(list.list.iter_mut());
            meet(&mut operands, Texts::AreTimes, schema, zone)
        }
        Expr::Case(Case { expr: Some(tested), when_then_expr, .. }) => {
            let mut operands: Vec<&mut Expr> = vec![tested];
            operands.extend(when_then_expr.iter_mut().map(|(value, _)| value.as_mut()));
            meet(&mut operands, Texts::AreTimes, schema, zone)
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            let column = subquery.subquery.schema().fields().first().map(|field| field.data_type().clone());
            let (tested, column) = (expr.get_type(schema).unwrap_or(DataType::Null), column.unwrap_or(DataType::Null));
            if let Some(to) = zoned_time(&column, &tested, zone) {
                subquery.subquery = Arc::new(with_types(&subquery.subquery, &[Some(to)])?);
                true
            } else {
                put(expr, &tested, &column, zone)
            }
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, is_given || is_compared))
}

/// What a literal text is beside a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    AreTimes,
    StayTexts,
}

/// Gives those of `operands` that have no zone the session's, where another one has a zone.
fn meet(operands: &mut [&mut Expr], texts: Texts, schema: &DFSchema, zone: &Arc<str>) -> bool {
    let types: Vec<DataType> =
        operands.iter().map(|operand| operand.get_type(schema).unwrap_or(DataType::Null)).collect();
    let Some(other) = types.iter().find(|data_type| is_zoned(data_type)) else { return false };
    let mut changed = false;
    for (operand, own) in operands.iter_mut().zip(&types) {
        changed |= (texts == Texts::AreTimes || !own.is_string()) && put(operand, own, other, zone);
    }
    changed
}

/// Gives `expr` the session's zone, where it has none and what it meets has one.
fn put(expr: &mut Expr, own: &DataType, other: &DataType, zone: &Arc<str>) -> bool {
    let Some(to) = zoned(expr, own, other, zone) else { return false };
    *expr = cast(std::mem::take(expr), to);
    true
}

fn zoned(expr: &Expr, own: &DataType, other: &DataType, zone: &Arc<str>) -> Option<DataType> {
    match other {
        DataType::Timestamp(unit, Some(other)) if own.is_string() && matches!(expr, Expr::Literal(..)) => {
            Some(DataType::Timestamp(*unit, Some(nearest(other, zone))))
        }
        _ => zoned_time(own, other, zone),
    }
}

/// The type of a time or date of the type `own` in the session's zone, where `other` has a zone. The unit stays.
fn zoned_time(own: &DataType, other: &DataType, zone: &Arc<str>) -> Option<DataType> {
    let DataType::Timestamp(_, Some(other)) = other else { return None };
    let unit = match own {
        DataType::Timestamp(unit, None) => *unit,
        DataType::Date32 | DataType::Date64 => TimeUnit::Second,
        _ => return None,
    };
    Some(DataType::Timestamp(unit, Some(nearest(other, zone))))
}

/// The session's zone, under the name that the other side has for it.
fn nearest(other: &Arc<str>, zone: &Arc<str>) -> Arc<str> {
    Arc::clone(if is_utc(other) && is_utc(zone) { other } else { zone })
}

/// The inputs of a union, in the columns where another input has a zone.
fn unite(union: Union, zone: &Arc<str>) -> Result<Transformed<LogicalPlan>> {
    let with_zone = |index: usize| {
        let types = union.inputs.iter().filter_map(|input| input.schema().fields().get(index));
        types.map(|field| field.data_type()).find(|data_type| is_zoned(data_type)).cloned()
    };
    let others: Vec<Option<DataType>> = (0..union.schema.fields().len()).map(with_zone).collect();
    let wanted = |input: &Arc<LogicalPlan>| -> Vec<Option<DataType>> {
        let fields = input.schema().fields().iter().zip(&others);
        fields.map(|(field, other)| zoned_time(field.data_type(), other.as_ref()?, zone)).collect()
    };
    let wanted: Vec<Vec<Option<DataType>>> = union.inputs.iter().map(wanted).collect();
    if wanted.iter().flatten().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union.inputs.iter().zip(&wanted).map(|(input, wanted)| with_types(input, wanted).map(Arc::new));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

/// VALUES whose columns have been brought to one type: casts of what has no zone go through the session's. What was written
/// AT TIME ZONE is none of them (`dialect/time_zone`).
fn listed(mut values: Values, zone: &Arc<str>) -> Values {
    let empty = DFSchema::empty();
    for index in 0..values.schema.fields().len() {
        if !is_zoned(values.schema.field(index).data_type()) {
            continue;
        }
        for value in values.values.iter_mut().filter_map(|row| row.get_mut(index)) {
            through_zone(value, &empty, zone);
        }
    }
    values
}

/// INSERT: the projection that brings rows to the types of the table.
fn inserted(mut insert: DmlStatement, zone: &Arc<str>) -> Result<DmlStatement> {
    let LogicalPlan::Projection(rows) = insert.input.as_ref() else { return Ok(insert) };
    if !matches!(insert.op, WriteOp::Insert(_)) {
        return Ok(insert);
    }
    let schema = Arc::clone(rows.input.schema());
    let mut columns = rows.expr.clone();
    let mut changed = false;
    for column in &mut columns {
        let value = if let Expr::Alias(alias) = column { alias.expr.as_mut() } else { column };
        changed |= through_zone(value, &schema, zone);
    }
    if changed {
        let rows = Projection::try_new(columns, Arc::clone(&rows.input))?;
        insert.input = Arc::new(LogicalPlan::Projection(rows));
    }
    Ok(insert)
}

/// The type that a time without zone has in the session's zone, where `expr` casts it to a zone.
fn without_zone(expr: &Expr, schema: &DFSchema) -> Option<(DataType, DataType)> {
    let Expr::Cast(cast) = expr else { return None };
    let (own, to) = (cast.expr.get_type(schema).ok()?, cast.field.data_type());
    (is_zoned(to) && matches!(own, DataType::Timestamp(_, None) | DataType::Date32)).then(|| (own, to.clone()))
}

fn through_zone(expr: &mut Expr, schema: &DFSchema, zone: &Arc<str>) -> bool {
    let Some((own, to)) = without_zone(expr, schema) else { return false };
    if zone_of(&to) == Some(zone) {
        return false;
    }
    let Expr::Cast(outer) = expr else { return false };
    let inner = zoned_time(&own, &to, zone);
    if let Some(inner) = inner.filter(|inner| zone_of(inner) != zone_of(&to)) {
        *outer.expr = cast(std::mem::take(outer.expr.as_mut()), inner);
        return true;
    }
    false
}
