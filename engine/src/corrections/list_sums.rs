//! Fault: the sum of a list is a double (DataFusion 55.2), whatever it holds: `list_sum([9007199254740993, 1])` is
//! 9007199254740992.0.
//!
//! Correction: a list of integers has an integer for its sum, and an error where none fits; one of decimals has a decimal. Other
//! lists stay the host's. Test: `tests/sqllogictest/slt/expressions/list_sums.slt`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, ListArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, Int64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

const NAME: &str = "array_sum";

pub(super) fn install(builder: &mut SessionStateBuilder) {
    let functions = builder.scalar_functions().get_or_insert_with(SessionStateDefaults::default_scalar_functions);
    for function in functions.iter_mut().filter(|function| function.name() == NAME) {
        let signature = Signature::user_defined(Volatility::Immutable);
        *function = Arc::new(ScalarUDF::from(ListSum { host: Arc::clone(function), signature }));
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ListSum {
    host: Arc<ScalarUDF>,
    signature: Signature,
}

/// The type that elements are added in, where that is not the host's.
fn exact(list: &DataType) -> Option<DataType> {
    let (DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _)) = list else {
        return None;
    };
    match element.data_type() {
        integer if integer.is_integer() => Some(DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0)),
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)),
        _ => None,
    }
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

impl ScalarUDFImpl for ListSum {
    fn name(&self) -> &str {
        NAME
    }

    fn aliases(&self) -> &[String] {
        self.host.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [list] if exact(list).is_some() => Ok(vec![list.clone()]),
            _ => self.host.coerce_types(types),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first().and_then(exact) {
            Some(DataType::Decimal128(_, 0)) if holds_integers(&types[0]) => Ok(DataType::Int64),
            Some(decimal) => Ok(decimal),
            None => self.host.return_type(types),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(summand) = exact(&args.args[0].data_type()) else { return self.host.invoke_with_args(args) };
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let lists = args.args[0].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let totals = totals(cast(&lists, &list_of(summand.clone()))?.as_list())?;
        let sums: ArrayRef = if args.return_field.data_type() == &DataType::Int64 {
            let fits = |total: i128| {
                let message = || format!("the sum {total} of a list does not fit 64 bits");
                i64::try_from(total).map_err(|_| ArrowError::ArithmeticOverflow(message()))
            };
            Arc::new(totals.try_unary::<_, Int64Type, _>(fits)?) as ArrayRef
        } else {
            totals.validate_decimal_precision(DECIMAL128_MAX_PRECISION)?;
            Arc::new(totals.with_data_type(summand))
        };
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&sums, 0)?),
            false => ColumnarValue::Array(sums),
        })
    }
}

fn holds_integers(list: &DataType) -> bool {
    match list {
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            element.data_type().is_integer()
        }
        _ => false,
    }
}

/// The sum of the elements of each list that are not NULL; NULL where there is none.
fn totals(lists: &ListArray) -> Result<Decimal128Array> {
    let sum = |list: Option<ArrayRef>| {
        let Some(list) = list else { return Ok(None) };
        list.as_primitive::<Decimal128Type>().iter().flatten().try_fold(None, |total: Option<i128>, value| {
            let sum = total.unwrap_or(0).checked_add(value);
            sum.map(Some).ok_or_else(|| ArrowError::ArithmeticOverflow("the sum of a list does not fit".to_string()))
        })
    };
    Ok(lists.iter().map(sum).collect::<std::result::Result<_, ArrowError>>()?)
}
