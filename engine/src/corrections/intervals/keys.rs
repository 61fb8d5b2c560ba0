//! Keys that are intervals: of sorts, windows, joins and aggregates, and what MIN, MAX and aggregates of DISTINCT are asked of.
//! Groups and DISTINCT, which show what they group by, are in `groups`. Plans without intervals are looked at and left alone.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::functions_aggregate::count::Count;
use datafusion::logical_expr::expr::{AggregateFunction, Sort as Key, WindowFunction, WindowFunctionDefinition};
use datafusion::logical_expr::{
    AggregateUDF, Distinct, Expr, ExprSchemable, Join, JoinConstraint, LogicalPlan, Sort, WindowFrameBound,
    WindowFrameUnits,
};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_node, input_schema, map_named};
use super::super::window_keys::apart;
use super::extremes::extreme_by_length;
use super::groups;
use super::length::length;
use super::lists::distinct_by_length;

#[derive(Debug)]
pub(super) struct KeysByLength;

impl AnalyzerRule for KeysByLength {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !any_node(&plan, |node| Ok(concerns(node)))? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(|node| {
            if concerns(&node) { rewrite(node).map(Transformed::yes) } else { Ok(Transformed::no(node)) }
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "maar_interval_keys"
    }
}

/// Whether intervals come in, or out, of a node that has keys.
fn concerns(node: &LogicalPlan) -> bool {
    let has_keys = matches!(
        node,
        LogicalPlan::Sort(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Distinct(_)
    );
    if !has_keys {
        return false;
    }
    let is_concerned = |data_type: &DataType| match data_type {
        DataType::List(item) => is_type(item.data_type()),
        other => is_type(other),
    };
    let has_intervals = |schema: &DFSchema| schema.fields().iter().any(|field| is_concerned(field.data_type()));
    let mut schemas = node.inputs().into_iter().map(LogicalPlan::schema).chain([node.schema()]);
    schemas.any(|schema| has_intervals(schema)) || computes_keys(node)
}

/// Whether a key is an interval that is computed, of columns that are none.
fn computes_keys(node: &LogicalPlan) -> bool {
    let is_key = |key: &Expr, input: &LogicalPlan| {
        !matches!(key, Expr::Column(_) | Expr::Literal(..)) && is_interval(key, input.schema())
    };
    let of_function = |expr: &Expr, input: &LogicalPlan| match expr {
        Expr::AggregateFunction(call) => call.params.order_by.iter().any(|key| is_key(&key.expr, input)),
        Expr::WindowFunction(call) => {
            let params = &call.params;
            params.order_by.iter().map(|key| &key.expr).chain(&params.partition_by).any(|key| is_key(key, input))
        }
        _ => false,
    };
    let any_function = |exprs: &[Expr], input: &LogicalPlan| {
        exprs.iter().any(|expr| expr.exists(|e| Ok(of_function(e, input))).unwrap_or(false))
    };
    match node {
        LogicalPlan::Sort(sort) => sort.expr.iter().any(|key| is_key(&key.expr, &sort.input)),
        LogicalPlan::Window(window) => any_function(&window.window_expr, &window.input),
        LogicalPlan::Aggregate(aggregate) => any_function(&aggregate.aggr_expr, &aggregate.input),
        _ => false,
    }
}

fn is_type(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_))
}

pub(super) fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| is_type(&data_type))
}

fn rewrite(node: LogicalPlan) -> Result<LogicalPlan> {
    let schema = input_schema(&node)?;
    match node {
        LogicalPlan::Sort(sort) => Ok(LogicalPlan::Sort(sorted(sort))),
        LogicalPlan::Join(join) => Ok(LogicalPlan::Join(joined(join))),
        LogicalPlan::Window(_) => apart(with_functions(node, &schema)?),
        LogicalPlan::Aggregate(_) => match with_functions(node, &schema)? {
            LogicalPlan::Aggregate(aggregate) => groups::of_aggregate(aggregate),
            other => Ok(other),
        },
        LogicalPlan::Distinct(Distinct::All(input)) => groups::distinct(input),
        LogicalPlan::Distinct(Distinct::On(distinct)) => groups::distinct_on(distinct),
        other => Ok(other),
    }
}

fn sorted(mut sort: Sort) -> Sort {
    measure_keys(&mut sort.expr, sort.input.schema());
    sort
}

/// The condition of USING has columns alone: names are resolved by now, so this is one of ON.
fn joined(mut join: Join) -> Join {
    for (left, right) in &mut join.on {
        if is_interval(left, join.left.schema()) || is_interval(right, join.right.schema()) {
            *left = length(std::mem::take(left));
            *right = length(std::mem::take(right));
            join.join_constraint = JoinConstraint::On;
        }
    }
    join
}

/// Whether any key was an interval.
fn measure_keys(keys: &mut [Key], schema: &DFSchema) -> bool {
    keys.iter_mut().fold(false, |changed, key| measure(&mut key.expr, schema) | changed)
}

fn measure(key: &mut Expr, schema: &DFSchema) -> bool {
    let is_interval = is_interval(key, schema);
    if is_interval {
        *key = length(std::mem::take(key));
    }
    is_interval
}

/// The node with the keys of its functions measured.
fn with_functions(node: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    let functions = map_named(node, |expr| {
        expr.transform_down(|mut e| {
            let changed = match &mut e {
                Expr::AggregateFunction(call) => measure_aggregate(call, schema),
                Expr::WindowFunction(call) => measure_window(call, schema),
                _ => false,
            };
            Ok(Transformed::new_transformed(e, changed))
        })
    });
    functions.data()
}

fn measure_aggregate(call: &mut AggregateFunction, schema: &DFSchema) -> bool {
    let params = &mut call.params;
    let mut changed = call.func.inner().is::<Count>() && params.distinct && measure_all(&mut params.args, schema);
    // With DISTINCT a key has to be an argument, and WITHIN GROUP makes an argument of it.
    if !params.distinct && !call.func.supports_within_group_clause() {
        changed |= measure_keys(&mut params.order_by, schema);
    }
    if let Some(function) = by_length(&call.func, &params.args, params.distinct, schema) {
        call.func = Arc::new(function);
        changed = true;
    }
    changed
}

pub(super) fn measure_window(call: &mut WindowFunction, schema: &DFSchema) -> bool {
    let params = &mut call.params;
    let mut changed = measure_all(&mut params.partition_by, schema);
    // A frame of intervals is counted from what the key is.
    let frame = &params.window_frame;
    let is_plain = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(by) | WindowFrameBound::Following(by) => by.is_null(),
        WindowFrameBound::CurrentRow => true,
    };
    if frame.units != WindowFrameUnits::Range || (is_plain(&frame.start_bound) && is_plain(&frame.end_bound)) {
        changed |= measure_keys(&mut params.order_by, schema);
    }
    if let WindowFunctionDefinition::AggregateUDF(function) = &call.fun {
        changed |= function.inner().is::<Count>() && params.distinct && measure_all(&mut params.args, schema);
        if let Some(function) = by_length(function, &params.args, params.distinct, schema) {
            call.fun = WindowFunctionDefinition::AggregateUDF(Arc::new(function));
            changed = true;
        }
    }
    changed
}

/// The function that counts lengths where the host's would count months.
fn by_length(function: &Arc<AggregateUDF>, args: &[Expr], distinct: bool, schema: &DFSchema) -> Option<AggregateUDF> {
    extreme_by_length(function, args, schema).or_else(|| distinct_by_length(function, args, distinct, schema))
}

fn measure_all(exprs: &mut [Expr], schema: &DFSchema) -> bool {
    exprs.iter_mut().fold(false, |changed, expr| measure(expr, schema) | changed)
}
