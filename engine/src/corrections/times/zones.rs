//! A time without zone that is compared with one that has a zone is a time of the session's zone, as in PostgreSQL and
//! DuckDB: `SET datafusion.execution.time_zone`, or UTC.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan, cast};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_expression, input_schema, map_named};

const UTC: &str = "+00:00";

/// The rule; it goes in front of type coercion, which would take the zone of the other side.
#[derive(Debug)]
pub(super) struct SessionZone;

impl AnalyzerRule for SessionZone {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let zone: Arc<str> = config.execution.time_zone.as_deref().unwrap_or(UTC).into();
        plan.transform_up_with_subqueries(|node| {
            let node = match node {
                LogicalPlan::Join(join) => LogicalPlan::Join(keys(join, &zone)?),
                other => other,
            };
            if !any_expression(&node, has_comparison)? {
                return Ok(Transformed::no(node));
            }
            let schema = input_schema(&node)?;
            if !schema.fields().iter().any(|field| is_time(field.data_type())) {
                return Ok(Transformed::no(node));
            }
            map_named(node, |expr| expr.transform_up(|e| Ok(in_zone(e, &schema, &zone))))
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_session_zone"
    }
}

fn has_comparison(expr: &Expr) -> bool {
    let compares = |e: &Expr| match e {
        Expr::BinaryExpr(binary) => binary.op.supports_propagation(),
        Expr::Between(_) | Expr::InList(_) | Expr::InSubquery(_) => true,
        _ => false,
    };
    expr.exists(|e| Ok(compares(e))).unwrap_or(true)
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

fn in_zone(expr: Expr, schema: &DFSchema, zone: &Arc<str>) -> Transformed<Expr> {
    let type_of = |e: &Expr| e.get_type(schema).unwrap_or(DataType::Null);
    match expr {
        Expr::BinaryExpr(mut binary) if binary.op.supports_propagation() => {
            let (left, right) = (type_of(&binary.left), type_of(&binary.right));
            let changed = put(&mut binary.left, &left, &right, zone) | put(&mut binary.right, &right, &left, zone);
            Transformed::new_transformed(Expr::BinaryExpr(binary), changed)
        }
        Expr::Between(mut between) => {
            let (tested, low, high) = (type_of(&between.expr), type_of(&between.low), type_of(&between.high));
            let bound = if zone_of(&low).is_some() { &low } else { &high };
            let changed = put(&mut between.expr, &tested, bound, zone);
            let tested = type_of(&between.expr);
            let bounds = put(&mut between.low, &low, &tested, zone) | put(&mut between.high, &high, &tested, zone);
            Transformed::new_transformed(Expr::Between(between), changed | bounds)
        }
        Expr::InList(mut list) => {
            let tested = type_of(&list.expr);
            let other = list.list.iter().map(type_of).find(|t| zone_of(t).is_some()).unwrap_or(DataType::Null);
            let mut changed = put(&mut list.expr, &tested, &other, zone);
            let tested = type_of(&list.expr);
            for item in &mut list.list {
                let item_type = type_of(item);
                changed |= put(item, &item_type, &tested, zone);
            }
            Transformed::new_transformed(Expr::InList(list), changed)
        }
        Expr::InSubquery(mut test) => {
            let column = test.subquery.subquery.schema().fields().first().map(|field| field.data_type().clone());
            let (tested, column) = (type_of(&test.expr), column.unwrap_or(DataType::Null));
            let changed = put(&mut test.expr, &tested, &column, zone);
            Transformed::new_transformed(Expr::InSubquery(test), changed)
        }
        other => Transformed::no(other),
    }
}

/// Gives `expr` the session's zone, where it has none and what it is compared with has another.
fn put(expr: &mut Expr, own: &DataType, other: &DataType, zone: &Arc<str>) -> bool {
    let Some(to) = zoned(expr, own, other, zone) else { return false };
    *expr = cast(std::mem::take(expr), to);
    true
}

fn zoned(expr: &Expr, own: &DataType, other: &DataType, zone: &Arc<str>) -> Option<DataType> {
    let DataType::Timestamp(other_unit, Some(other_zone)) = other else { return None };
    if is_utc(other_zone) && is_utc(zone) || other_zone == zone {
        return None;
    }
    let unit = match own {
        DataType::Timestamp(unit, None) => *unit,
        DataType::Date32 | DataType::Date64 => TimeUnit::Second,
        text if text.is_string() && matches!(expr, Expr::Literal(..)) => *other_unit,
        _ => return None,
    };
    Some(DataType::Timestamp(unit, Some(Arc::clone(zone))))
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "utc" | "Z" | "Etc/UTC" | "+00:00" | "+00" | "+0000")
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..))
}

fn zone_of(data_type: &DataType) -> Option<&str> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    }
}
