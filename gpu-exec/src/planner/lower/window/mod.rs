//! Windows: the node that a host operator of window functions becomes. Not here: how they are computed (`strategy/window.rs`), nor
//! frames (`frame.rs`).

mod frame;

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, WindowUDFExpr};
use datafusion::scalar::ScalarValue;

use super::{aggregate, fields_of};
use crate::ir::{
    AggregateCall, AggregateFunction, Expr, ExprKind, Field, Frame, FrameEdge, FrameRow, FrameUnits, Node, RowNumber,
    SortKey, Type, WindowCall, WindowFunction,
};
use crate::planner::Reason;
use crate::planner::expression::{device_type, translate};
use crate::planner::support::{self, Subject};

/// Farther than any row of a partition is from another.
const FAR: i64 = 1 << 40;

/// A host operator of window functions.
pub(crate) struct HostWindow<'a> {
    functions: &'a [Arc<dyn WindowExpr>],
    pub(crate) input: &'a Arc<dyn ExecutionPlan>,
}

impl<'a> HostWindow<'a> {
    pub(crate) fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        if let Some(window) = plan.downcast_ref::<WindowAggExec>() {
            return Some(Self { functions: window.window_expr(), input: window.input() });
        }
        let window = plan.downcast_ref::<BoundedWindowAggExec>()?;
        Some(Self { functions: window.window_expr(), input: window.input() })
    }

    /// The node, over that of its input; `output` is the operator's schema.
    pub(crate) fn build(&self, output: &Schema, mut input: Node) -> Result<Node, Reason> {
        let schema = self.input.schema();
        let [first, others @ ..] = self.functions else { return Err(Reason::new("a window without a function")) };
        let is_alike = |other: &Arc<dyn WindowExpr>| {
            first.partition_by() == other.partition_by() && first.order_by() == other.order_by()
        };
        if !others.iter().all(is_alike) {
            return Err(Reason::new("functions over several windows in one operator run on the host"));
        }
        let partition_by = first.partition_by().iter().map(|key| translate_key(key, &schema));
        let partition_by = partition_by.collect::<Result<Vec<_>, _>>()?;
        let order_by =
            first.order_by().iter().map(|key| translate_order(key, &schema)).collect::<Result<Vec<_>, _>>()?;
        let calls = self.functions.iter().map(|call| translate_call(call, &schema, &mut input));
        let calls = calls.collect::<Result<Vec<_>, _>>()?;
        if order_by.is_empty()
            && let Some((_, call)) = calls.iter().zip(self.functions).find(|(call, _)| needs_order(call))
        {
            return Err(at(call.as_ref(), &"without ORDER BY, which rows come first is the host's to say"));
        }
        let fields = fields_of(output)?;
        let (read, given) = (schema.fields().len(), input.fields().len());
        if read == given {
            return Ok(Node::Window { input: Box::new(input), partition_by, order_by, calls, fields });
        }
        // What a call needed besides is handed on by no one.
        let made = fields.iter().skip(read);
        let all: Vec<Field> = input.fields().iter().chain(made).cloned().collect();
        let kept = (0..read).chain(given..all.len());
        let exprs = kept.map(|column| Expr::column(column, all[column].ty, all[column].nullable)).collect();
        let window = Node::Window { input: Box::new(input), partition_by, order_by, calls, fields: all };
        Ok(Node::Project { input: Box::new(window), exprs, fields })
    }
}

fn at(call: &dyn WindowExpr, cause: &dyn std::fmt::Display) -> Reason {
    Reason::new(format!("{cause}: {}", call.name()))
}

/// Whether a result depends on the order of a partition's rows.
fn needs_order(call: &WindowCall) -> bool {
    match &call.function {
        WindowFunction::Number(RowNumber::Row | RowNumber::Tile(_)) | WindowFunction::Shifted { .. } => true,
        WindowFunction::Number(_) => false,
        WindowFunction::Picked { .. } => true,
        WindowFunction::Aggregate(_) => call.frame.counts_rows(),
    }
}

fn translate_key(key: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Expr, Reason> {
    let found = translate(key, schema)?;
    support::require(Subject::SortKey, "sort key", found.ty).map_err(|cause| Reason::at(key.as_ref(), cause))?;
    if matches!(found.ty, Type::WideDecimal { .. }) {
        return Err(Reason::at(key.as_ref(), "a window over decimals of more than 38 digits runs on the host"));
    }
    Ok(found)
}

fn translate_order(key: &PhysicalSortExpr, schema: &Schema) -> Result<SortKey, Reason> {
    let expr = translate_key(&key.expr, schema)?;
    Ok(SortKey { expr, descending: key.options.descending, nulls_first: key.options.nulls_first })
}

fn translate_call(call: &Arc<dyn WindowExpr>, schema: &Schema, input: &mut Node) -> Result<WindowCall, Reason> {
    let call = call.as_ref();
    let field = call.field().map_err(|error| at(call, &error))?;
    let ty = device_type(field.data_type())
        .ok_or_else(|| at(call, &format!("a result of type {} has no device form", field.data_type())))?;
    let frame = |call: &dyn WindowExpr| {
        frame::translate(call.get_window_frame(), call.order_by(), schema).map_err(|cause| at(call, &cause))
    };
    let any = call.as_any();
    let aggregate = any.downcast_ref::<PlainAggregateWindowExpr>().map(PlainAggregateWindowExpr::get_aggregate_expr);
    let sliding = any.downcast_ref::<SlidingAggregateWindowExpr>().map(SlidingAggregateWindowExpr::get_aggregate_expr);
    if let Some(aggregate) = aggregate.or(sliding) {
        let function = translate_aggregate(call, aggregate, schema, input)?;
        let frame = frame(call)?;
        return Ok(WindowCall { function: WindowFunction::Aggregate(function), frame, ty });
    }
    let standard = any.downcast_ref::<StandardWindowExpr>().map(StandardWindowExpr::get_standard_func_expr);
    let function = standard.and_then(|standard| standard.as_any().downcast_ref::<WindowUDFExpr>());
    let function = function.ok_or_else(|| at(call, &"this kind of window function has no device form"))?;
    if says(call, "ignore_nulls: true") {
        return Err(at(call, &"IGNORE NULLS has no device form yet"));
    }
    let function = translate_function(function, schema).map_err(|cause| at(call, &cause))?;
    // The frame is nothing to those that number rows, nor to LAG and LEAD.
    let frame = match function {
        WindowFunction::Picked { .. } => frame(call)?,
        _ => Frame { units: FrameUnits::Rows, start: FrameEdge::Unbounded, end: FrameEdge::Unbounded },
    };
    Ok(WindowCall { function, frame, ty })
}

/// Whether a call has some property that the host shows to nobody but readers of its `Debug` form: there is no other way to ask.
fn says(call: &dyn WindowExpr, what: &str) -> bool {
    format!("{call:?}").contains(what)
}

fn translate_aggregate(
    call: &dyn WindowExpr,
    aggregate: &AggregateFunctionExpr,
    schema: &Schema,
    input: &mut Node,
) -> Result<AggregateCall, Reason> {
    if says(call, "filter: Some(") {
        return Err(at(call, &"FILTER of a window function has no device form yet"));
    }
    if aggregate.ignore_nulls() {
        return Err(at(call, &"IGNORE NULLS has no device form yet"));
    }
    if aggregate.is_distinct() {
        return Err(at(call, &"DISTINCT inside a window function has no device form yet"));
    }
    aggregate::translate_call(aggregate, None, schema, input).map(with_exact_mean)
}

/// The host takes a mean of integers as one of floats. The sum of the integers is exact, and slides.
fn with_exact_mean(mut call: AggregateCall) -> AggregateCall {
    if call.function == AggregateFunction::Avg
        && let Some(Expr { kind: ExprKind::Cast { input, .. }, .. }) = &call.argument
        && matches!(input.ty, Type::Int { .. })
    {
        call.argument = Some(input.as_ref().clone());
    }
    call
}

fn translate_function(function: &WindowUDFExpr, schema: &Schema) -> Result<WindowFunction, Reason> {
    let arguments = function.args();
    let argument = |place: usize| {
        let argument = arguments.get(place).ok_or_else(|| Reason::new("an argument is missing"))?;
        translate(argument, schema)
    };
    let number = |place: usize| match arguments.get(place) {
        None => Ok(None),
        Some(argument) => constant(argument).map(Some),
    };
    let picked = |row| Ok(WindowFunction::Picked { argument: argument(0)?, row });
    Ok(match function.fun().name() {
        "row_number" => WindowFunction::Number(RowNumber::Row),
        "rank" => WindowFunction::Number(RowNumber::Rank),
        "dense_rank" => WindowFunction::Number(RowNumber::DenseRank),
        "percent_rank" => WindowFunction::Number(RowNumber::PercentRank),
        "cume_dist" => WindowFunction::Number(RowNumber::CumeDist),
        "ntile" => match number(0)?.and_then(|tiles| u64::try_from(tiles).ok()) {
            Some(tiles) if tiles > 0 => WindowFunction::Number(RowNumber::Tile(tiles)),
            _ => return Err(Reason::new("ntile takes a number from 1 on")),
        },
        "lag" => shifted(arguments, number(1)?.unwrap_or(1).saturating_neg(), schema)?,
        "lead" => shifted(arguments, number(1)?.unwrap_or(1), schema)?,
        "first_value" => picked(FrameRow::First)?,
        "last_value" => picked(FrameRow::Last)?,
        "nth_value" => match number(1)?.and_then(|number| u64::try_from(number).ok()) {
            Some(number) if number > 0 => picked(FrameRow::Nth(number.min(FAR as u64)))?,
            _ => return Err(Reason::new("nth_value counts rows from 1")),
        },
        name => return Err(Reason::new(format!("the window function {name} has no device form"))),
    })
}

fn shifted(arguments: &[Arc<dyn PhysicalExpr>], by: i64, schema: &Schema) -> Result<WindowFunction, Reason> {
    let value = arguments.first().ok_or_else(|| Reason::new("an argument is missing"))?;
    let argument = translate(value, schema)?;
    let default = match arguments.get(2) {
        None => None,
        Some(default) => {
            let data_type = value.data_type(schema).map_err(|error| Reason::at(value.as_ref(), error))?;
            constant_of(default, &data_type)?
        }
    };
    let default = default.map(|default| translate(&default, schema)).transpose()?;
    Ok(WindowFunction::Shifted { argument, by: by.clamp(-FAR, FAR), default })
}

/// A constant as one of another type, as the host makes it; `None` where it is NULL.
fn constant_of(
    constant: &Arc<dyn PhysicalExpr>,
    data_type: &DataType,
) -> Result<Option<Arc<dyn PhysicalExpr>>, Reason> {
    let literal = constant.downcast_ref::<Literal>();
    let literal = literal.ok_or_else(|| Reason::at(constant.as_ref(), "a default has to be a constant"))?;
    if literal.value().is_null() {
        return Ok(None);
    }
    let value = literal.value().cast_to(data_type).map_err(|error| Reason::at(constant.as_ref(), error))?;
    Ok(Some(Arc::new(Literal::new(value))))
}

/// A whole number that is the same for all rows.
fn constant(argument: &Arc<dyn PhysicalExpr>) -> Result<i64, Reason> {
    let literal = argument.downcast_ref::<Literal>();
    let value = literal.and_then(|literal| whole(literal.value()));
    value.ok_or_else(|| Reason::at(argument.as_ref(), "a window function's number has to be a constant"))
}

fn whole(value: &ScalarValue) -> Option<i64> {
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(value) => value,
        _ => None,
    }
}
