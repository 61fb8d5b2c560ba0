//! MIN and MAX of floats in groups, by order: NaN is the largest, in whatever order the rows come. Everything but the state
//! of groups is DataFusion's own.

use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, ExprSchemable, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;
use std::sync::Arc;

/// Puts [`FloatExtreme`] where a query asks for the least or largest float.
#[derive(Debug)]
pub(super) struct CompareByOrder;

impl FunctionRewrite for CompareByOrder {
    fn name(&self) -> &str {
        "maar_float_extremes"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::AggregateFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let largest = call.func.inner().is::<Max>();
        let [argument] = call.params.args.as_slice() else {
            return Ok(Transformed::no(Expr::AggregateFunction(call)));
        };
        if !(largest || call.func.inner().is::<Min>()) || !argument.get_type(schema)?.is_floating() {
            return Ok(Transformed::no(Expr::AggregateFunction(call)));
        }
        call.func = Arc::new(AggregateUDF::from(FloatExtreme { original: Arc::clone(&call.func), largest }));
        Ok(Transformed::yes(Expr::AggregateFunction(call)))
    }
}

/// MIN or MAX of floats.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatExtreme {
    original: Arc<AggregateUDF>,
    largest: bool,
}

impl FloatExtreme {
    /// The state of groups: the value that wins against the one held. Groups begin with what every value wins against,
    /// or equals.
    fn groups<T: ArrowPrimitiveType + Send>(
        &self,
        data_type: &DataType,
        (nan, least): (T::Native, T::Native),
        order: impl Fn(T::Native, T::Native) -> std::cmp::Ordering + Send + Sync + 'static,
    ) -> Box<dyn GroupsAccumulator> {
        let (begin, wins) =
            if self.largest { (least, std::cmp::Ordering::Greater) } else { (nan, std::cmp::Ordering::Less) };
        let take = move |held: &mut T::Native, value: T::Native| {
            if order(value, *held) == wins {
                *held = value;
            }
        };
        Box::new(PrimitiveGroupsAccumulator::<T, _>::new(data_type, take).with_starting_value(begin))
    }
}

impl AggregateUDFImpl for FloatExtreme {
    fn name(&self) -> &str {
        self.original.name()
    }

    fn signature(&self) -> &Signature {
        self.original.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.original.return_type(types)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.original.coerce_types(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.original.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.original.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.original.groups_accumulator_supported(args)
    }

    // What comes here is canonical: the total order of such floats is theirs.
    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let data_type = args.return_field.data_type().clone();
        Ok(match data_type {
            DataType::Float64 => {
                let ends = (f64::NAN, f64::NEG_INFINITY);
                self.groups::<Float64Type>(&data_type, ends, |a, b| a.total_cmp(&b))
            }
            DataType::Float32 => {
                let ends = (f32::NAN, f32::NEG_INFINITY);
                self.groups::<Float32Type>(&data_type, ends, |a, b| a.total_cmp(&b))
            }
            DataType::Float16 => {
                type Half = <Float16Type as ArrowPrimitiveType>::Native;
                let ends = (Half::from_bits(0x7e00), Half::from_bits(0xfc00));
                self.groups::<Float16Type>(&data_type, ends, |a, b| a.total_cmp(&b))
            }
            _ => self.original.create_groups_accumulator(args)?,
        })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.original.reverse_udf()
    }

    fn is_descending(&self) -> Option<bool> {
        self.original.is_descending()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.original.order_sensitivity()
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        self.original.value_from_stats(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.original.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.original.inner().set_monotonicity(data_type)
    }
}
