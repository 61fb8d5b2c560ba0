//! Aggregates: the host's two phases are one node on the device.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Schema};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{CastExpr, Literal};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::operator::limit;
use super::{fields_of, is_movement, label};
use crate::ir::{AggregateCall, AggregateFunction, Expr, ExprKind, Field, GroupingSet, Node, Type};
use crate::planner::Reason;
use crate::planner::expression::{device_type, translate};
use crate::planner::support::{self, Subject};

/// Widest decimal whose variance the device computes: an unscaled value of 64 bits.
const VARIANCE_PRECISION: u8 = 18;

/// Digits behind the point that a mean has more than its values.
const MEAN_DIGITS: u8 = 4;

/// Widest decimal whose mean is one of 38 digits.
const MEAN_PRECISION: u8 = DECIMAL128_MAX_PRECISION - MEAN_DIGITS;

/// One aggregation: the operator that reads rows, and the plan node of it where another one finishes it.
pub(crate) struct Aggregation<'a> {
    /// Reads rows: mode Partial, Single or SinglePartitioned.
    start: &'a AggregateExec,
    /// The node of `start`, where it is not the topmost operator.
    start_plan: Option<&'a Arc<dyn ExecutionPlan>>,
    /// Groups that suffice for the query, if it says so; refused last, since the host's planner may add it late.
    limit: Result<Option<u64>, Reason>,
}

impl<'a> Aggregation<'a> {
    pub(crate) fn of(aggregate: &'a AggregateExec) -> Result<Self, Reason> {
        support::require_operator(aggregate.name())?;
        let limit = limit_of(aggregate);
        match aggregate.mode() {
            AggregateMode::Single | AggregateMode::SinglePartitioned => {
                Ok(Self { start: aggregate, start_plan: None, limit })
            }
            AggregateMode::Final | AggregateMode::FinalPartitioned => {
                let plan = partial_below(aggregate.input());
                let start =
                    plan.downcast_ref::<AggregateExec>().filter(|found| *found.mode() == AggregateMode::Partial);
                let start =
                    start.ok_or_else(|| Reason::new("a final aggregate without its partial one runs on the host"))?;
                let limit = match (limit_of(start), limit) {
                    (Ok(Some(_)), Ok(None)) => {
                        Err(Reason::new("a limit on a partial aggregate alone runs on the host"))
                    }
                    (Ok(_), limit) => limit,
                    (refused, _) => refused,
                };
                Ok(Self { start, start_plan: Some(plan), limit })
            }
            AggregateMode::Partial | AggregateMode::PartialReduce => {
                Err(Reason::new("a partial aggregate without its final one runs on the host"))
            }
        }
    }

    pub(crate) fn input(&self) -> &'a Arc<dyn ExecutionPlan> {
        self.start.input()
    }

    pub(crate) fn labels(&self, plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
        std::iter::once(plan).chain(self.start_plan).map(label).collect()
    }

    /// The node; `output` is the schema of the topmost operator.
    pub(crate) fn build(&self, output: &Schema, mut input: Node) -> Result<Node, Reason> {
        let groups = self.start.group_expr();
        let schema = self.start.input().schema();
        let keys = groups.expr().iter().map(|(key, _)| translate_key(key, &schema)).collect::<Result<Vec<_>, _>>()?;
        let filters = self.start.filter_expr().iter();
        let calls = self.start.aggr_expr().iter().zip(filters);
        let calls = calls
            .map(|(call, filter)| translate_call(call, filter.as_ref(), &schema, &mut input))
            .collect::<Result<Vec<_>, _>>()?;
        let sets = if groups.has_grouping_set() { grouping_sets(groups.groups())? } else { vec![] };
        if keys.is_empty() && calls.is_empty() {
            return Err(Reason::new("an aggregate that computes nothing runs on the host"));
        }
        let fields = fields_of(output)?;
        let node = Node::Aggregate { input: Box::new(input), keys, sets, calls, fields };
        Ok(match self.limit.clone()? {
            // Any so many groups will do, and each must be whole: cut after aggregating.
            Some(rows) => limit(node, 0, Some(rows)),
            None => node,
        })
    }
}

/// The sets of a GROUPING SETS, ROLLUP or CUBE, by which keys each of them leaves out. A set's number has a bit a key that it
/// leaves out, the last key's the lowest, and above them how often the same set came before: as the host has it.
fn grouping_sets(left_out: &[Vec<bool>]) -> Result<Vec<GroupingSet>, Reason> {
    let mut sets = Vec::with_capacity(left_out.len());
    for (place, keys) in left_out.iter().enumerate() {
        let before = left_out[..place].iter().filter(|other| *other == keys).count() as u64;
        let bits = keys.iter().fold(0_u128, |bits, is_out| bits << 1 | u128::from(*is_out));
        let number = u64::try_from(u128::from(before) << keys.len().min(64) | bits)
            .ok()
            .filter(|_| keys.len() <= 64)
            .ok_or_else(|| Reason::new("grouping sets of more than 64 keys run on the host"))?;
        sets.push(GroupingSet { has: keys.iter().map(|is_out| !is_out).collect(), number });
    }
    Ok(sets)
}

/// The number of groups that suffice; one that depends on an order is refused.
fn limit_of(aggregate: &AggregateExec) -> Result<Option<u64>, Reason> {
    match aggregate.limit_options() {
        Some(options) if options.descending().is_some() => {
            Err(Reason::new("an aggregate limited to the first groups of an order runs on the host"))
        }
        options => Ok(options.map(|options| options.limit() as u64)),
    }
}

/// The plan below operators that only move rows.
fn partial_below(plan: &Arc<dyn ExecutionPlan>) -> &Arc<dyn ExecutionPlan> {
    match plan.children().as_slice() {
        [only] if is_movement(plan) => partial_below(only),
        _ => plan,
    }
}

fn translate_key(key: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Expr, Reason> {
    let found = translate(key, schema)?;
    support::require(Subject::GroupKey, "group key", found.ty).map_err(|cause| Reason::at(key.as_ref(), cause))?;
    Ok(found)
}

/// One call of an aggregate function, of windows as well.
pub(super) fn translate_call(
    call: &AggregateFunctionExpr,
    filter: Option<&Arc<dyn PhysicalExpr>>,
    schema: &Schema,
    input: &mut Node,
) -> Result<AggregateCall, Reason> {
    let at = |cause: &dyn std::fmt::Display| Reason::new(format!("{cause}: {}", call.name()));
    let function = function_named(call).map_err(|cause| at(&cause))?;
    let field = call.field();
    let ty = device_type(field.data_type())
        .ok_or_else(|| at(&format!("a result of type {} has no device form", field.data_type())))?;
    let mut argument = translate_argument(call, function, schema).map_err(|cause| at(&cause))?;
    if matches!(function, AggregateFunction::Variance { .. }) {
        argument = argument.map(|argument| before_cast(argument, input));
    }
    if let Some(argument) = &argument {
        support::require(Subject::Aggregate, support_name(call), argument.ty).map_err(|cause| at(&cause))?;
        check_result(function, argument.ty, ty).map_err(|cause| at(&cause))?;
    }
    let filter = filter.map(|filter| translate(filter, schema)).transpose()?;
    // The extremes of values are those of the values that differ.
    let is_extreme = matches!(function, AggregateFunction::Min | AggregateFunction::Max);
    Ok(AggregateCall { function, argument, distinct: call.is_distinct() && !is_extreme, filter, ty })
}

/// The function by name: the engine replaces the host's `sum` by one of the same name that checks for overflow.
fn function_named(call: &AggregateFunctionExpr) -> Result<AggregateFunction, Reason> {
    if !call.order_bys().is_empty() {
        return Err(Reason::new("ORDER BY inside an aggregate call runs on the host"));
    }
    Ok(match call.fun().name() {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "avg" => AggregateFunction::Avg,
        // False is less than true.
        "min" | "bool_and" => AggregateFunction::Min,
        "max" | "bool_or" => AggregateFunction::Max,
        "var" => AggregateFunction::Variance { sample: true, root: false },
        "var_pop" => AggregateFunction::Variance { sample: false, root: false },
        "stddev" => AggregateFunction::Variance { sample: true, root: true },
        "stddev_pop" => AggregateFunction::Variance { sample: false, root: true },
        name => {
            return Err(Reason::new(format!("the aggregate function {name} has no device form")));
        }
    })
}

/// The name to ask the support table about: DISTINCT changes nothing in a minimum or maximum.
fn support_name(call: &AggregateFunctionExpr) -> &str {
    match (call.fun().name(), call.is_distinct()) {
        ("count", true) => "count distinct",
        ("sum", true) => "sum distinct",
        ("avg", true) => "avg distinct",
        ("var" | "var_pop" | "stddev" | "stddev_pop", true) => "variance distinct",
        (name, _) => name,
    }
}

/// `None` for `count(*)`, which the host writes as the count of a constant.
fn translate_argument(
    call: &AggregateFunctionExpr,
    function: AggregateFunction,
    schema: &Schema,
) -> Result<Option<Expr>, Reason> {
    let arguments = call.expressions();
    let [argument] = arguments.as_slice() else {
        return Err(Reason::new("an aggregate call with several arguments has no device form"));
    };
    let constant = argument.downcast_ref::<Literal>().filter(|literal| !literal.value().is_null());
    if constant.is_some() && function == AggregateFunction::Count && !call.is_distinct() {
        return Ok(None);
    }
    let argument = if function == AggregateFunction::Avg { without_widening(argument, schema) } else { argument };
    translate(argument, schema).map(Some)
}

/// The host widens decimals for a mean of more than 38 digits; the device sums them as they are.
fn without_widening<'a>(argument: &'a Arc<dyn PhysicalExpr>, schema: &Schema) -> &'a Arc<dyn PhysicalExpr> {
    let Some(cast) = argument.downcast_ref::<CastExpr>() else { return argument };
    match (cast.expr().data_type(schema), cast.cast_type()) {
        (Ok(DataType::Decimal128(precision, scale)), DataType::Decimal256(wide_precision, wide_scale))
            if (precision, scale) == (*wide_precision, *wide_scale) =>
        {
            cast.expr()
        }
        _ => argument,
    }
}

/// The host makes a float of what it takes the variance of; the device takes that of the integer or decimal. Where several calls
/// have the cast in common, it stands in the projection below, which then puts out what it is of as well.
fn before_cast(argument: Expr, input: &mut Node) -> Expr {
    let is_exact = |ty: Type| matches!(ty, Type::Int { .. } | Type::Decimal { .. });
    match argument.kind {
        ExprKind::Cast { input: exact, try_cast: false } if argument.ty == Type::FLOAT64 && is_exact(exact.ty) => {
            *exact
        }
        ExprKind::Column(index) if argument.ty == Type::FLOAT64 => {
            let Node::Project { exprs, fields, .. } = input else { return argument };
            let exact = match exprs.get(index).map(|expr| &expr.kind) {
                Some(ExprKind::Cast { input: exact, try_cast: false }) if is_exact(exact.ty) => (**exact).clone(),
                _ => return argument,
            };
            let (ty, nullable) = (exact.ty, exact.nullable);
            exprs.push(exact);
            fields.push(Field { name: format!("{} before its cast", fields[index].name), ty, nullable });
            Expr::column(exprs.len() - 1, ty, nullable)
        }
        _ => argument,
    }
}

/// Whether the host declares the result type that the device computes.
fn check_result(function: AggregateFunction, argument: Type, result: Type) -> Result<(), Reason> {
    let decimal = |grow_precision: u8, grow_scale: i8| match argument {
        Type::Decimal { precision, scale } => Type::Decimal {
            precision: precision.saturating_add(grow_precision).min(DECIMAL128_MAX_PRECISION),
            scale: scale.saturating_add(grow_scale).min(DECIMAL128_MAX_PRECISION as i8),
        },
        other => other,
    };
    let expected = match function {
        AggregateFunction::Count => Type::INT64,
        AggregateFunction::Sum => match argument {
            Type::Decimal { .. } => decimal(10, 0),
            Type::Int { signed, .. } => Type::Int { bytes: 8, signed },
            _ => Type::FLOAT64,
        },
        AggregateFunction::Avg => match argument {
            // A mean of so many digits needs all that its values have, and four more.
            Type::Decimal { precision, scale }
                if precision > MEAN_PRECISION && scale < DECIMAL128_MAX_PRECISION as i8 =>
            {
                Type::WideDecimal { precision: precision + MEAN_DIGITS, scale: scale + MEAN_DIGITS as i8 }
            }
            Type::Decimal { .. } => decimal(MEAN_DIGITS, MEAN_DIGITS as i8),
            _ => Type::FLOAT64,
        },
        AggregateFunction::Min | AggregateFunction::Max => argument,
        AggregateFunction::Variance { .. } => match argument {
            Type::Decimal { precision, .. } if precision > VARIANCE_PRECISION => {
                return Err(Reason::new("the variance of decimals of more than 18 digits has no device form yet"));
            }
            _ => Type::FLOAT64,
        },
    };
    if expected == result {
        return Ok(());
    }
    Err(Reason::new(format!("a result of type {result:?} where the device computes {expected:?}")))
}
