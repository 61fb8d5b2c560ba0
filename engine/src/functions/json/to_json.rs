//! `to_json` of any value, by the writer of JSON files.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

pub(super) fn function() -> ScalarUDF {
    let aliases = ["to_jsonb", "row_to_json", "array_to_json"].map(ToString::to_string).to_vec();
    ScalarUDF::from(ToJson { aliases, signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToJson {
    aliases: Vec<String>,
    signature: Signature,
}

impl ScalarUDFImpl for ToJson {
    fn name(&self) -> &str {
        "to_json"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = args.args[0].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let written: ArrayRef = Arc::new(written(&values)?);
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&written, 0)?)),
            false => Ok(ColumnarValue::Array(written)),
        }
    }
}

fn written(values: &ArrayRef) -> Result<StringArray> {
    const BEFORE: &str = "{\"v\":";
    let schema = Schema::new(vec![Field::new("v", values.data_type().clone(), true)]);
    let rows = RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(values)])?;
    let mut lines = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut lines);
    writer.write(&rows)?;
    writer.finish()?;
    let lines = String::from_utf8_lossy(&lines);
    let value = |(row, line): (usize, &str)| {
        let value = line.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix('}'))?;
        values.is_valid(row).then(|| value.to_string())
    };
    Ok(lines.lines().enumerate().map(value).collect())
}
