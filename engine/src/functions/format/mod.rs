//! `format` and `printf`: text by a template. `%` directives are those of C and of PostgreSQL's `format` (`percent`), `{}`
//! those of DuckDB's (`braces`); `printf` knows the first alone, and `format` goes by what the template has.

mod braces;
mod percent;
mod spec;
mod value;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use spec::Spec;
use value::{Value, Values};

pub(super) fn functions() -> [ScalarUDF; 2] {
    [Style::Any, Style::Percent]
        .map(|style| ScalarUDF::from(Format { style, signature: Signature::variadic_any(Volatility::Immutable) }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Style {
    /// As the template says.
    Any,
    Percent,
}

/// A template, cut up.
#[derive(Debug, PartialEq)]
struct Template {
    pieces: Vec<Piece>,
    nulls: Nulls,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    /// An argument, counted from 0.
    Argument(usize, Spec),
}

/// What a NULL among the arguments gives.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Nulls {
    /// NULL, in DuckDB.
    Null,
    /// Nothing in its place, in PostgreSQL's `format`.
    Empty,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    style: Style,
    signature: Signature,
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &str {
        match self.style {
            Style::Any => "format",
            Style::Percent => "printf",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(template) if template.is_string() || template.is_null() => Ok(DataType::Utf8),
            _ => datafusion::common::plan_err!("the first argument of {} is a template, a string", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let formatted: ArrayRef = Arc::new(self.rows(&arrays, rows)?);
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&formatted, 0)?)),
            false => Ok(ColumnarValue::Array(formatted)),
        }
    }
}

impl Format {
    fn rows(&self, arrays: &[ArrayRef], rows: usize) -> Result<StringArray> {
        let templates = cast(&arrays[0], &DataType::Utf8)?;
        let templates = templates.as_string::<i32>();
        let values = arrays[1..].iter().map(Values::of).collect::<Result<Vec<Values>>>()?;
        let mut read: Option<(&str, Template)> = None;
        let mut formatted: Vec<Option<String>> = Vec::with_capacity(rows);
        for row in 0..rows {
            if templates.is_null(row) {
                formatted.push(None);
                continue;
            }
            let text = templates.value(row);
            let template = match read {
                Some((known, template)) if known == text => template,
                _ => self.read(text)?,
            };
            let values = values.iter().map(|values| values.at(row)).collect::<Vec<Value>>();
            formatted.push(template.filled(&values).map_err(|why| self.error(&why))?);
            read = Some((text, template));
        }
        Ok(StringArray::from(formatted))
    }

    fn read(&self, text: &str) -> Result<Template> {
        if self.style == Style::Percent {
            return percent::read(text, Nulls::Null).map_err(|why| self.error(&why));
        }
        let percent = || percent::read(text, Nulls::Empty);
        let read = match (text.contains('%'), text.contains(['{', '}'])) {
            (_, false) => percent(),
            (false, true) => braces::read(text),
            (true, true) => match (percent(), braces::read(text)) {
                (Ok(_), Ok(_)) => {
                    Err("the template has both % and {}: printf takes % alone, and || puts texts together".into())
                }
                (Err(_), Ok(braces)) => Ok(braces),
                (percent, Err(_)) => percent,
            },
        };
        read.map_err(|why| self.error(&why))
    }

    fn error(&self, why: &str) -> DataFusionError {
        DataFusionError::Execution(format!("{}: {why}", self.name()))
    }
}

impl Template {
    fn filled(&self, values: &[Value]) -> Result<Option<String>, String> {
        if self.nulls == Nulls::Null && values.iter().any(Value::is_null) {
            return Ok(None);
        }
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Argument(at, spec) => {
                    let given = values.len();
                    let value = values
                        .get(*at)
                        .ok_or_else(|| format!("the template asks for argument {}, and there are {given}", at + 1))?;
                    filled.push_str(&spec.applied(value)?);
                }
            }
        }
        Ok(Some(filled))
    }
}
