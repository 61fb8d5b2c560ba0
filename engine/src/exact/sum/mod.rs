//! SUM that fails instead of wrapping. Same name, types, nullability and intermediate state as DataFusion's own,
//! which stays in charge of floats and intervals and of everything that is not adding.

mod distinct;
mod groups;
mod long;
mod running;
mod summand;

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, FieldRef, Int64Type, TimeUnit, UInt64Type,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunctionDefinition};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};

use self::long::LongDecimal;
use self::summand::Summand;

/// Puts [`ExactSum`] wherever a query says `sum`, whichever way the query was built.
#[derive(Debug)]
pub(super) struct UseExactSum;

impl FunctionRewrite for UseExactSum {
    fn name(&self) -> &str {
        "maar_exact_sum"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::AggregateFunction(mut call) if call.func.inner().is::<Sum>() => {
                call.func = exact_sum();
                Ok(Transformed::yes(Expr::AggregateFunction(call)))
            }
            Expr::WindowFunction(mut call) if is_window_sum(&call.fun) => {
                call.fun = WindowFunctionDefinition::AggregateUDF(exact_sum());
                Ok(Transformed::yes(Expr::WindowFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn is_window_sum(function: &WindowFunctionDefinition) -> bool {
    matches!(function, WindowFunctionDefinition::AggregateUDF(function) if function.inner().is::<Sum>())
}

pub(super) fn exact_sum() -> Arc<AggregateUDF> {
    static SUM: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(ExactSum { original: Sum::new() })));
    Arc::clone(&SUM)
}

/// SUM, exact for integers, decimals and durations.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactSum {
    original: Sum,
}

/// Runs `$exact` with `$T` bound to what values of type `$values` with sums of type `$data_type` are summed as, or `$otherwise`
/// for floats and intervals.
macro_rules! by_sum_type {
    ($data_type:expr, $values:expr, $T:ident => $exact:expr, $otherwise:expr) => {{
        macro_rules! with {
            ($arrow_type:ty) => {{
                type $T = $arrow_type;
                $exact
            }};
        }
        match $data_type {
            DataType::Int64 => with!(Int64Type),
            DataType::UInt64 => with!(UInt64Type),
            DataType::Decimal32(..) => with!(Decimal32Type),
            DataType::Decimal64(..) => with!(Decimal64Type),
            DataType::Decimal128(..) if long::is_long($values) => with!(long::LongDecimal),
            DataType::Decimal128(..) => with!(Decimal128Type),
            DataType::Decimal256(..) => with!(Decimal256Type),
            DataType::Duration(TimeUnit::Second) => with!(DurationSecondType),
            DataType::Duration(TimeUnit::Millisecond) => with!(DurationMillisecondType),
            DataType::Duration(TimeUnit::Microsecond) => with!(DurationMicrosecondType),
            DataType::Duration(TimeUnit::Nanosecond) => with!(DurationNanosecondType),
            _ => $otherwise,
        }
    }};
}

fn values_of<'a>(args: &'a AccumulatorArgs) -> &'a DataType {
    args.expr_fields.first().map_or(&DataType::Null, |field| field.data_type())
}

impl AggregateUDFImpl for ExactSum {
    fn name(&self) -> &str {
        self.original.name()
    }

    fn signature(&self) -> &Signature {
        self.original.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.original.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let long = !args.is_distinct && args.input_fields.iter().any(|field| long::is_long(field.data_type()));
        let state_type = LongDecimal::state_type(args.return_type());
        let fields = self.original.state_fields(args)?;
        if !long {
            return Ok(fields);
        }
        let widened = |field: FieldRef| Arc::new(field.as_ref().clone().with_data_type(state_type.clone()));
        Ok(fields.into_iter().map(widened).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let sum_type = args.return_field.data_type().clone();
        if args.is_distinct {
            return by_sum_type!(sum_type, values_of(&args), T => Ok(Box::new(distinct::DistinctSum::<T>::new(sum_type))), self.original.accumulator(args));
        }
        by_sum_type!(sum_type, values_of(&args), T => Ok(Box::new(running::RunningSum::<T>::new(sum_type))), self.original.accumulator(args))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let sum_type = args.return_field.data_type().clone();
        if args.is_distinct {
            return by_sum_type!(sum_type, values_of(&args), T => Ok(Box::new(distinct::DistinctSum::<T>::new(sum_type))), self.original.create_sliding_accumulator(args));
        }
        by_sum_type!(sum_type, values_of(&args), T => Ok(Box::new(running::RunningSum::<T>::new(sum_type))), self.original.create_sliding_accumulator(args))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.original.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let sum_type = args.return_field.data_type().clone();
        by_sum_type!(sum_type, values_of(&args), T => Ok(Box::new(groups::GroupSums::<T>::new(sum_type))), self.original.create_groups_accumulator(args))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.original.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.original.order_sensitivity()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.original.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.original.set_monotonicity(data_type)
    }

    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        argument: &Expr,
        op: Operator,
        literal: &Expr,
        argument_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.original.simplify_expr_op_literal(function, argument, op, literal, argument_is_left)
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        self.original.value_from_stats(args)
    }
}
