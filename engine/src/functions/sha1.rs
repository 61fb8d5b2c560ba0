//! `sha1` of a string or binary, in hexadecimal digits. Not here: the digests that DataFusion has.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use sha1::{Digest, Sha1};

pub(super) fn function() -> ScalarUDF {
    ScalarUDF::from(InDigits { signature: Signature::any(1, Volatility::Immutable), aliases: vec!["sha".to_string()] })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct InDigits {
    signature: Signature,
    aliases: Vec<String>,
}

impl ScalarUDFImpl for InDigits {
    fn name(&self) -> &str {
        "sha1"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [given] if given.is_string() || given.is_binary() || given.is_null() => Ok(DataType::Utf8),
            [given] => plan_err!("sha1 takes a string or binary, not {given}"),
            _ => plan_err!("sha1 takes one argument"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = args.args[0].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let bytes = cast(&values, &DataType::LargeBinary)?;
        let digits = |bytes: &[u8]| Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let digests: StringArray = bytes.as_binary::<i64>().iter().map(|bytes| bytes.map(digits)).collect();
        let digests: ArrayRef = Arc::new(digests);
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&digests, 0)?)),
            false => Ok(ColumnarValue::Array(digests)),
        }
    }
}
