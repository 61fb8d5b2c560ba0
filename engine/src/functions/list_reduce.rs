//! `list_reduce(list, (a, x) -> ...)`, as in DuckDB, with a value to start from as third argument or, as in Spark, as second:
//! the values of a list, from the first on, made one by a lambda. All lists of a batch take each step together.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array, UInt64Array};
use datafusion::arrow::compute::{CastOptions, cast_with_options, interleave, take, take_arrays};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

pub(super) fn function() -> HigherOrderUDF {
    HigherOrderUDF::new_from_impl(Reduce {
        signature: HigherOrderSignature::user_defined(Volatility::Immutable),
        aliases: ["array_reduce", "reduce", "aggregate"].map(ToString::to_string).to_vec(),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reduce {
    signature: HigherOrderSignature,
    aliases: Vec<String>,
}

/// The arguments by what they are.
struct Parts<'a, V, L> {
    list: &'a V,
    start: Option<&'a V>,
    lambda: &'a L,
}

impl<'a, V, L> Parts<'a, V, L> {
    fn of(arguments: &'a [ValueOrLambda<V, L>]) -> Result<Self> {
        use ValueOrLambda::{Lambda, Value};
        Ok(match arguments {
            [Value(list), Lambda(lambda)] => Self { list, start: None, lambda },
            [Value(list), Lambda(lambda), Value(start)] | [Value(list), Value(start), Lambda(lambda)] => {
                Self { list, start: Some(start), lambda }
            }
            _ => {
                return plan_err!(
                    "list_reduce takes a list and a lambda of two parameters: list_reduce(l, (a, x) -> a + x)"
                );
            }
        })
    }
}

/// The type of the values of a list, once it is coerced.
fn value_type(list: &DataType) -> Result<&DataType> {
    match list {
        DataType::List(value) => Ok(value.data_type()),
        other => plan_err!("list_reduce takes a list, not {other}"),
    }
}

impl HigherOrderUDFImpl for Reduce {
    fn name(&self) -> &str {
        "list_reduce"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [list, start @ ..] = types else { return plan_err!("list_reduce takes a list and a lambda") };
        let value = match list {
            DataType::List(value) | DataType::LargeList(value) | DataType::FixedSizeList(value, _) => value.data_type(),
            DataType::Null => start.first().unwrap_or(&DataType::Null),
            other => return plan_err!("list_reduce takes a list, not {other}"),
        };
        let Some(start) = start.first() else { return Ok(vec![DataType::new_list(value.clone(), true)]) };
        let Some(both) = type_union_coercion(value, start) else {
            return plan_err!("list_reduce starts with a value of {start}, and the list is of {value}");
        };
        Ok(vec![DataType::new_list(both.clone(), true), both])
    }

    fn lambda_parameters(
        &self,
        _: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let parts = Parts::of(fields)?;
        let value = value_type(parts.list.data_type())?;
        let field = |name: &str| Arc::new(Field::new(name, value.clone(), true));
        Ok(LambdaParametersProgress::Complete(vec![vec![field("before"), field("value")]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs) -> Result<FieldRef> {
        let parts = Parts::of(args.arg_fields)?;
        let (value, made) = (value_type(parts.list.data_type())?, parts.lambda.data_type());
        if !holds(value, made) {
            return plan_err!(
                "the lambda of list_reduce gives {made}, which values of {value} do not hold: start with a value of the wider \
                 type, as in list_reduce(l, (a, x) -> a + x * 1.5, 0.0)"
            );
        }
        Ok(Arc::new(Field::new("", value.clone(), true)))
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let parts = Parts::of(&args.args)?;
        let lists = parts.list.to_array(args.number_rows)?;
        let start = parts.start.map(|start| start.to_array(args.number_rows)).transpose()?;
        Ok(ColumnarValue::Array(reduced(&lists, start, parts.lambda)?))
    }
}

/// Whether every value that the lambda gives has its own in the type, or is refused by the cast.
fn holds(value: &DataType, made: &DataType) -> bool {
    let is_decimal = |data_type: &DataType| data_type.is_decimal();
    let scale = |data_type: &DataType| match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    };
    value == made
        || made.is_null()
        || (value.is_integer() && made.is_integer())
        || (is_decimal(value) && is_decimal(made) && scale(made) <= scale(value))
        || type_union_coercion(value, made).as_ref() == Some(value)
}

/// Rows whose lists have a value for the next step, with what the steps before have made of each.
struct Running {
    rows: Vec<usize>,
    made: ArrayRef,
}

fn reduced(lists: &ArrayRef, start: Option<ArrayRef>, lambda: &LambdaArgument) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let length = |row: usize| lists.value_length(row) as usize;
    let valid: Vec<usize> = (0..lists.len()).filter(|row| lists.is_valid(*row)).collect();
    if start.is_none() && valid.iter().any(|row| length(*row) == 0) {
        return exec_err!("list_reduce of a list without values wants one to start with, as third argument");
    }
    let place = |row: usize, step: usize| (lists.value_offsets()[row] as usize + step) as u64;
    let values_of = |rows: &[usize], step: usize| -> Result<ArrayRef> {
        let places: UInt64Array = rows.iter().map(|row| place(*row, step)).collect::<Vec<_>>().into();
        Ok(take(lists.values(), &places, None)?)
    };
    let (mut step, made) = match start {
        Some(start) => (0, take(&start, &indices(&valid), None)?),
        None => (1, values_of(&valid, 0)?),
    };
    // Where the result of each row lies: in which of the arrays, and where there. The first is a NULL.
    let nothing = datafusion::arrow::array::new_null_array(lists.values().data_type(), 1);
    let (mut arrays, mut found) = (vec![nothing], vec![(0, 0); lists.len()]);
    let mut running = Running { rows: valid, made };
    while !running.rows.is_empty() {
        let (on, done): (Vec<usize>, Vec<usize>) =
            (0..running.rows.len()).partition(|at| length(running.rows[*at]) > step);
        if !done.is_empty() {
            done.iter().for_each(|at| found[running.rows[*at]] = (arrays.len(), *at));
            arrays.push(Arc::clone(&running.made));
        }
        let rows: Vec<usize> = on.iter().map(|at| running.rows[*at]).collect();
        if rows.is_empty() {
            break;
        }
        let before = take(&running.made, &indices(&on), None)?;
        let values = values_of(&rows, step)?;
        let captured = |arrays: &[ArrayRef]| Ok(take_arrays(arrays, &indices(&rows), None)?);
        let made = lambda.evaluate(&[&|| Ok(Arc::clone(&before)), &|| Ok(Arc::clone(&values))], captured)?;
        let checked = CastOptions { safe: false, ..CastOptions::default() };
        let made = cast_with_options(&made.into_array(rows.len())?, lists.values().data_type(), &checked)?;
        running = Running { rows, made };
        step += 1;
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
    Ok(interleave(&arrays, &found)?)
}

fn indices(rows: &[usize]) -> UInt32Array {
    rows.iter().map(|row| *row as u32).collect::<Vec<_>>().into()
}
