//! AVG of integers, exact until the division: their sum is an integer of 128 bits, and equal integers are equal before they
//! become doubles. DataFusion adds doubles, which lose what cancels out, and counts neighbours near 2^63 as one under DISTINCT.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, PrimitiveArray, UInt64Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt64Type,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{DFSchema, HashMap, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::average::Avg;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, ExprSchemable, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};

/// A partial sum: an integer of 128 bits.
const SUM: DataType = DataType::Decimal128(38, 0);

/// Puts [`IntegerMean`] wherever a query averages integers.
#[derive(Debug)]
pub(super) struct UseIntegerMean;

impl FunctionRewrite for UseIntegerMean {
    fn name(&self) -> &str {
        "maar_integer_mean"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let of_integers = |function: &AggregateUDF, arguments: &[Expr]| match arguments {
            [argument] if function.inner().is::<Avg>() => Ok(argument.get_type(schema)?.is_integer()),
            _ => Ok::<_, datafusion::error::DataFusionError>(false),
        };
        match expr {
            Expr::AggregateFunction(mut call) if of_integers(&call.func, &call.params.args)? => {
                call.func = integer_mean();
                Ok(Transformed::yes(Expr::AggregateFunction(call)))
            }
            Expr::WindowFunction(mut call) => {
                let ours = match &call.fun {
                    WindowFunctionDefinition::AggregateUDF(function) => of_integers(function, &call.params.args)?,
                    WindowFunctionDefinition::WindowUDF(_) => false,
                };
                if ours {
                    call.fun = WindowFunctionDefinition::AggregateUDF(integer_mean());
                }
                Ok(Transformed::new_transformed(Expr::WindowFunction(call), ours))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

pub(super) fn integer_mean() -> Arc<AggregateUDF> {
    static MEAN: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::from(IntegerMean { signature: Signature::user_defined(Volatility::Immutable) }))
    });
    Arc::clone(&MEAN)
}

/// AVG of 64-bit integers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct IntegerMean {
    signature: Signature,
}

fn wide(integer: &DataType) -> DataType {
    if integer.is_unsigned_integer() { DataType::UInt64 } else { DataType::Int64 }
}

impl AggregateUDFImpl for IntegerMean {
    fn name(&self) -> &str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.iter().map(wide).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |name, data_type| Arc::new(Field::new(format_state_name(args.name, name), data_type, true));
        if args.is_distinct {
            let values = args.input_fields.first().map_or(DataType::Int64, |field| wide(field.data_type()));
            return Ok(vec![field("avg distinct", DataType::new_list(values, true))]);
        }
        Ok(vec![field("count", DataType::UInt64), field("sum", SUM)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let unsigned = args.expr_fields.first().is_some_and(|field| field.data_type().is_unsigned_integer());
        Ok(match (unsigned, args.is_distinct) {
            (false, false) => Box::new(RunningMean::<Int64Type>::default()),
            (true, false) => Box::new(RunningMean::<UInt64Type>::default()),
            (false, true) => Box::new(DistinctMean::<Int64Type>::default()),
            (true, true) => Box::new(DistinctMean::<UInt64Type>::default()),
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let unsigned = args.expr_fields.first().is_some_and(|field| field.data_type().is_unsigned_integer());
        Ok(if unsigned {
            Box::new(GroupMeans::<UInt64Type>::default())
        } else {
            Box::new(GroupMeans::<Int64Type>::default())
        })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// An arrow type of 64-bit integers.
trait Integer: ArrowPrimitiveType<Native: Into<i128> + std::hash::Hash + Eq> + std::fmt::Debug + Send + Sync {}

impl Integer for Int64Type {}
impl Integer for UInt64Type {}

/// A sum and the number of its values.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    sum: i128,
    count: u64,
}

impl Share {
    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    fn add(&mut self, other: Self) {
        // 2^63 values of 64 bits fit.
        self.sum += other.sum;
        self.count += other.count;
    }
}

fn share_of<T: Integer>(values: &ArrayRef) -> Share {
    let values = values.as_primitive::<T>();
    let sum = match values.null_count() {
        0 => values.values().iter().map(|value| (*value).into()).sum(),
        _ => values.iter().flatten().map(Into::<i128>::into).sum(),
    };
    Share { sum, count: (values.len() - values.null_count()) as u64 }
}

fn shares_of(states: &[ArrayRef]) -> impl Iterator<Item = Share> {
    let (counts, sums) = (states[0].as_primitive::<UInt64Type>(), states[1].as_primitive::<Decimal128Type>());
    counts.iter().zip(sums.iter()).map(|(count, sum)| Share { sum: sum.unwrap_or(0), count: count.unwrap_or(0) })
}

/// The mean of an input, or of a window that slides over it.
#[derive(Debug)]
struct RunningMean<T: Integer> {
    share: Share,
    of: std::marker::PhantomData<T>,
}

impl<T: Integer> Default for RunningMean<T> {
    fn default() -> Self {
        Self { share: Share::default(), of: std::marker::PhantomData }
    }
}

impl<T: Integer> Accumulator for RunningMean<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.share.add(share_of::<T>(&values[0]));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let gone = share_of::<T>(&values[0]);
        self.share = Share { sum: self.share.sum - gone.sum, count: self.share.count - gone.count };
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.share.mean()))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::UInt64(Some(self.share.count)), ScalarValue::Decimal128(Some(self.share.sum), 38, 0)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        shares_of(states).for_each(|share| self.share.add(share));
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The mean of distinct values, and how often each is in the window.
#[derive(Debug)]
struct DistinctMean<T: Integer> {
    counts: HashMap<T::Native, usize>,
}

impl<T: Integer> Default for DistinctMean<T> {
    fn default() -> Self {
        Self { counts: HashMap::new() }
    }
}

impl<T: Integer> Accumulator for DistinctMean<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values[0].as_primitive::<T>().iter().flatten().for_each(|value| *self.counts.entry(value).or_insert(0) += 1);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<T>().iter().flatten() {
            let left = self.counts.get(&value).copied().unwrap_or(0);
            if left > 1 {
                self.counts.insert(value, left - 1);
            } else {
                self.counts.remove(&value);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.counts.keys().map(|value| (*value).into()).sum();
        Ok(ScalarValue::Float64(Share { sum, count: self.counts.len() as u64 }.mean()))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = PrimitiveArray::<T>::from_iter_values(self.counts.keys().copied());
        Ok(vec![SingleRowListArrayBuilder::new(Arc::new(values)).build_list_scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.update_batch(&[values]))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<(T::Native, usize)>()
    }
}

/// The means of many groups.
#[derive(Debug)]
struct GroupMeans<T: Integer> {
    shares: Vec<Share>,
    of: std::marker::PhantomData<T>,
}

impl<T: Integer> Default for GroupMeans<T> {
    fn default() -> Self {
        Self { shares: Vec::new(), of: std::marker::PhantomData }
    }
}

fn states(shares: &[Share]) -> Result<Vec<ArrayRef>> {
    let counts = UInt64Array::from_iter_values(shares.iter().map(|share| share.count));
    let sums = Decimal128Array::from_iter_values(shares.iter().map(|share| share.sum));
    Ok(vec![Arc::new(counts), Arc::new(sums.with_data_type(SUM))])
}

/// The rows that hold a value and pass the filter.
fn kept(values: &ArrayRef, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let passing = filter.map(|filter| match filter.nulls() {
        Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
        None => NullBuffer::new(filter.values().clone()),
    });
    NullBuffer::union(values.nulls(), passing.as_ref())
}

impl<T: Integer> GroupsAccumulator for GroupMeans<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.shares.resize(groups, Share::default());
        let integers = values[0].as_primitive::<T>().values();
        let mut add = |row: usize| {
            self.shares[group_indices[row]].add(Share { sum: integers[row].into(), count: 1 });
        };
        match kept(&values[0], filter).filter(|kept| kept.null_count() > 0) {
            None => (0..integers.len()).for_each(add),
            Some(kept) => kept.valid_indices().for_each(&mut add),
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.shares.resize(groups, Share::default());
        shares_of(states).zip(group_indices).for_each(|(share, group)| self.shares[*group].add(share));
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let shares = emit_to.take_needed(&mut self.shares);
        Ok(Arc::new(shares.into_iter().map(Share::mean).collect::<Float64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        states(&emit_to.take_needed(&mut self.shares))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let kept = kept(&values[0], filter);
        let integers = values[0].as_primitive::<T>().values();
        let share = |row: usize| match kept.as_ref().is_none_or(|kept| kept.is_valid(row)) {
            true => Share { sum: integers[row].into(), count: 1 },
            false => Share::default(),
        };
        states(&(0..integers.len()).map(share).collect::<Vec<_>>())
    }

    fn size(&self) -> usize {
        self.shares.capacity() * size_of::<Share>()
    }
}
