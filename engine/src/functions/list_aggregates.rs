//! `list_sum`, `list_avg`, `list_median` and their like: an aggregate over the values of each list, with the type and the
//! exactness that the aggregate has over rows. DataFusion adds doubles, whatever the list is of.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array, new_null_array};
use datafusion::arrow::compute::{cast, nullif, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, EmitTo, GroupsAccumulator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::GroupsAccumulatorAdapter;

use crate::exact;

/// The names of functions of lists, and the aggregate that each is.
const NAMES: [(&[&str], &str); 17] = [
    (&["list_sum", "array_sum"], "sum"),
    (&["list_avg", "array_avg"], "avg"),
    (&["list_median"], "median"),
    (&["list_mode"], "mode"),
    (&["list_mad"], "mad"),
    (&["list_histogram"], "histogram"),
    (&["list_entropy"], "entropy"),
    (&["list_stddev_samp"], "stddev"),
    (&["list_stddev_pop"], "stddev_pop"),
    (&["list_var_samp"], "var"),
    (&["list_var_pop"], "var_pop"),
    (&["list_bit_and"], "bit_and"),
    (&["list_bit_or"], "bit_or"),
    (&["list_bit_xor"], "bit_xor"),
    (&["list_bool_and"], "bool_and"),
    (&["list_bool_or"], "bool_or"),
    (&["list_approx_count_distinct"], "approx_distinct"),
];

/// Aggregates that are zero where there is nothing.
const COUNT: [&str; 2] = ["approx_distinct", "entropy"];

/// The functions, over those of `aggregates` that are there.
pub(super) fn functions(aggregates: &[Arc<AggregateUDF>]) -> Vec<ScalarUDF> {
    let function = |(names, aggregate): &(&[&'static str], &str)| {
        let aggregate = aggregates.iter().find(|known| known.name() == *aggregate)?;
        let [name, aliases @ ..] = names else { return None };
        Some(ScalarUDF::from(OfList {
            name,
            aliases: aliases.iter().map(ToString::to_string).collect(),
            aggregate: Arc::clone(aggregate),
            signature: Signature::any(1, Volatility::Immutable),
        }))
    };
    NAMES.iter().filter_map(function).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfList {
    name: &'static str,
    aliases: Vec<String>,
    aggregate: Arc<AggregateUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for OfList {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Null] => Ok(DataType::Null),
            [DataType::List(value) | DataType::LargeList(value) | DataType::FixedSizeList(value, _)] => {
                let (aggregate, value) = self.of_values(value.data_type())?;
                aggregate.return_type(&[value])
            }
            [other] => plan_err!("{} takes a list, not {other}", self.name),
            _ => plan_err!("{} takes one list", self.name),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let lists = args.args[0].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let results = match lists.data_type() {
            DataType::List(value) | DataType::LargeList(value) | DataType::FixedSizeList(value, _) => {
                self.aggregated(&lists, value.data_type())?
            }
            _ => new_null_array(args.return_field.data_type(), lists.len()),
        };
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?)),
            false => Ok(ColumnarValue::Array(results)),
        }
    }
}

impl OfList {
    /// The aggregate of values of a type, and the type that it takes them as.
    fn of_values(&self, value: &DataType) -> Result<(Arc<AggregateUDF>, DataType)> {
        // A list of NULLs alone is of any type.
        let value = if value.is_null() { &DataType::Int64 } else { value };
        let aggregate = exact::over_values(&self.aggregate, value);
        let given: FieldRef = Arc::new(Field::new("value", value.clone(), true));
        let [taken] = &fields_with_udf(&[given], aggregate.as_ref())?[..] else {
            return internal_err!("{} takes one value a row", self.aggregate.name());
        };
        Ok((aggregate, taken.data_type().clone()))
    }

    fn aggregated(&self, lists: &ArrayRef, value: &DataType) -> Result<ArrayRef> {
        let (aggregate, taken) = self.of_values(value)?;
        let lists = cast(lists, &DataType::LargeList(Arc::new(Field::new_list_field(taken.clone(), true))))?;
        let lists = lists.as_list::<i64>();
        // Each value with the list that it is of; what lies behind a NULL is none.
        let (mut places, mut owners) = (Vec::new(), Vec::new());
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let (start, end) = (lists.value_offsets()[row] as u64, lists.value_offsets()[row + 1] as u64);
            places.extend(start..end);
            owners.resize(places.len(), row);
        }
        let values = take(lists.values(), &UInt64Array::from(places), None)?;
        let mut groups = accumulator(aggregate, taken)?;
        groups.update_batch(&[values], &owners, None, lists.len())?;
        let results = groups.evaluate(EmitTo::All)?;
        // Accumulators take it that each group has had a row.
        let of_nothing_is_null = !COUNT.contains(&self.aggregate.name());
        let is_null = |row| lists.is_null(row) || (of_nothing_is_null && lists.value_length(row) == 0);
        let nulls: BooleanArray = (0..lists.len()).map(|row| Some(is_null(row))).collect();
        Ok(nullif(&results, &nulls)?)
    }
}

fn accumulator(aggregate: Arc<AggregateUDF>, value: DataType) -> Result<Box<dyn GroupsAccumulator>> {
    let schema = Schema::new(vec![Field::new("value", value, true)]);
    let values = Arc::new(Column::new("value", 0));
    let expr =
        AggregateExprBuilder::new(aggregate, vec![values]).schema(Arc::new(schema)).alias("of a list").build()?;
    if expr.groups_accumulator_supported() {
        return expr.create_groups_accumulator();
    }
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || expr.create_accumulator())))
}
