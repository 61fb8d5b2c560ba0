//! Numbers and bytes by their digits: `hex` of an integer, a string or binary, `bin` of an integer. Negative integers are the
//! 64 bits that they are.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

pub(super) fn functions() -> [ScalarUDF; 2] {
    [Base::Sixteen, Base::Two]
        .map(|base| ScalarUDF::from(Digits { base, signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Base {
    Two,
    Sixteen,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Digits {
    base: Base,
    signature: Signature,
}

impl ScalarUDFImpl for Digits {
    fn name(&self) -> &str {
        match self.base {
            Base::Two => "bin",
            Base::Sixteen => "hex",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let is_text = types.iter().any(|given| given.is_string() || given.is_binary());
        let is_integer = types.iter().all(|given| given.is_integer() || given.is_null());
        match self.base {
            _ if is_integer => Ok(DataType::Utf8),
            Base::Sixteen if is_text => Ok(DataType::Utf8),
            Base::Sixteen => plan_err!("hex takes an integer, a string or binary, not {}", types[0]),
            Base::Two => plan_err!("bin takes an integer, not {}", types[0]),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let digits: ArrayRef = Arc::new(self.of(&args.args[0].to_array(rows)?)?);
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&digits, 0)?)),
            false => Ok(ColumnarValue::Array(digits)),
        }
    }
}

impl Digits {
    fn of(&self, values: &ArrayRef) -> Result<StringArray> {
        let of_number = |number: u64| match self.base {
            Base::Two => format!("{number:b}"),
            Base::Sixteen => format!("{number:X}"),
        };
        let kind = values.data_type();
        if kind.is_string() || kind.is_binary() {
            let bytes = cast(values, &DataType::LargeBinary)?;
            let of_bytes = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
            return Ok(bytes.as_binary::<i64>().iter().map(|bytes| bytes.map(of_bytes)).collect());
        }
        if *kind == DataType::UInt64 {
            return Ok(values.as_primitive::<UInt64Type>().iter().map(|number| number.map(of_number)).collect());
        }
        let numbers = cast(values, &DataType::Int64)?;
        Ok(numbers
            .as_primitive::<Int64Type>()
            .iter()
            .map(|number| number.map(|number| of_number(number as u64)))
            .collect())
    }
}
