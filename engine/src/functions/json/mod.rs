//! JSON in strings, as in DuckDB: `json_extract` (`->`), `json_extract_string` (`->>`), `json_exists`, `json_array_length`,
//! `json_valid`, `json_type`, `json_keys`; and `to_json` of any value. What is extracted is a part of the text, white space
//! left out, so that numbers keep all their digits. Not here: files of JSON, which are read as structs (`files`).

mod path;
mod text;
mod to_json;

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Int64Builder, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::{Error, ErrorKind};
use path::Path;
use text::Text;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let function = |what, aliases: &[&str]| {
        ScalarUDF::from(OfJson {
            what,
            aliases: aliases.iter().map(ToString::to_string).collect(),
            signature: Signature::variadic_any(Volatility::Immutable),
        })
    };
    vec![
        function(What::Extract, &["json_extract_path"]),
        function(What::ExtractString, &["json_extract_path_text", "get_json_object"]),
        function(What::Exists, &[]),
        function(What::ArrayLength, &[]),
        function(What::Valid, &[]),
        function(What::Type, &[]),
        function(What::Keys, &["json_object_keys"]),
        to_json::function(),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Extract,
    ExtractString,
    Exists,
    ArrayLength,
    Valid,
    Type,
    Keys,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfJson {
    what: What,
    aliases: Vec<String>,
    signature: Signature,
}

impl ScalarUDFImpl for OfJson {
    fn name(&self) -> &str {
        match self.what {
            What::Extract => "json_extract",
            What::ExtractString => "json_extract_string",
            What::Exists => "json_exists",
            What::ArrayLength => "json_array_length",
            What::Valid => "json_valid",
            What::Type => "json_type",
            What::Keys => "json_keys",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let is_text = |given: &DataType| given.is_string() || given.is_null();
        let name = self.name();
        let wants_path = matches!(self.what, What::Extract | What::ExtractString | What::Exists);
        match types {
            [json, ..] if !is_text(json) => return plan_err!("{name} takes JSON in a string, not {json}"),
            [_] if !wants_path => {}
            [_, path] if self.what != What::Valid => {
                if !is_text(path) && !path.is_integer() {
                    return plan_err!("{name} takes a path as a string or an integer, not {path}");
                }
            }
            _ if wants_path => return plan_err!("{name} takes JSON and one path, as in {name}(j, '$.a')"),
            _ => return plan_err!("{name} takes JSON, as in {name}(j)"),
        }
        Ok(match self.what {
            What::Extract | What::ExtractString | What::Type => DataType::Utf8,
            What::Exists | What::Valid => DataType::Boolean,
            What::ArrayLength => DataType::Int64,
            What::Keys => DataType::new_list(DataType::Utf8, true),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let texts = cast(&args.args[0].to_array(rows)?, &DataType::Utf8)?;
        let found = self.of(&texts, &Paths::of(args.args.get(1), rows)?)?;
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?)),
            false => Ok(ColumnarValue::Array(found)),
        }
    }
}

/// The path of each row.
enum Paths {
    /// There is none: the whole text.
    Whole,
    /// All rows have one; `None` is NULL.
    One(Option<Path>),
    Each(StringArray, Read),
}

type Read = fn(&str) -> Result<Path>;

impl Paths {
    fn of(argument: Option<&ColumnarValue>, rows: usize) -> Result<Self> {
        let Some(argument) = argument else { return Ok(Self::Whole) };
        let read: Read = if argument.data_type().is_integer() { Path::of_index } else { Path::read };
        let strings = cast(&argument.to_array(rows)?, &DataType::Utf8)?;
        let strings = strings.as_string::<i32>();
        match argument {
            ColumnarValue::Scalar(_) => {
                let first = strings.iter().next().flatten();
                Ok(Self::One(first.map(read).transpose()?))
            }
            ColumnarValue::Array(_) => Ok(Self::Each(strings.clone(), read)),
        }
    }

    /// What the path of a row finds; outer `None` where the path is NULL.
    fn find<'t>(&self, row: usize, text: Text<'t>) -> Result<Option<Option<Text<'t>>>> {
        Ok(match self {
            Self::Whole => Some(Some(text)),
            Self::One(path) => path.as_ref().map(|path| path.find(text)),
            Self::Each(paths, _) if paths.is_null(row) => None,
            Self::Each(paths, read) => Some(read(paths.value(row))?.find(text)),
        })
    }
}

impl OfJson {
    fn of(&self, texts: &ArrayRef, paths: &Paths) -> Result<ArrayRef> {
        let texts = texts.as_string::<i32>();
        if self.what == What::Valid {
            let mut valid = BooleanBuilder::new();
            texts.iter().for_each(|text| valid.append_option(text.map(|text| Text::of(text).is_some())));
            return Ok(Arc::new(valid.finish()));
        }
        let mut found = Vec::with_capacity(texts.len());
        for (row, text) in texts.iter().enumerate() {
            let text = text.map(parsed).transpose()?;
            found.push(text.map(|text| paths.find(row, text)).transpose()?.flatten());
        }
        let there = found.iter().map(|found| found.flatten());
        Ok(match self.what {
            What::Extract => Arc::new(there.map(|text| text.map(Text::minified)).collect::<StringArray>()),
            What::ExtractString => Arc::new(there.map(|text| text.and_then(Text::as_string)).collect::<StringArray>()),
            What::Type => Arc::new(there.map(|text| text.map(Text::type_name)).collect::<StringArray>()),
            What::ArrayLength => {
                let mut lengths = Int64Builder::new();
                there.for_each(|text| lengths.append_option(text.map(|text| text.items().len() as i64)));
                Arc::new(lengths.finish())
            }
            What::Keys => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                there.for_each(|text| match text {
                    None => lists.append(false),
                    Some(text) => {
                        text.members().into_iter().for_each(|(key, _)| lists.values().append_value(key));
                        lists.append(true);
                    }
                });
                Arc::new(lists.finish())
            }
            What::Exists | What::Valid => {
                let mut exist = BooleanBuilder::new();
                found.iter().for_each(|found| exist.append_option(found.as_ref().map(Option::is_some)));
                Arc::new(exist.finish())
            }
        })
    }
}

fn parsed(text: &str) -> Result<Text<'_>> {
    const SHOWN_MAX: usize = 60;
    Text::of(text).ok_or_else(|| {
        let shown: String = text.chars().take(SHOWN_MAX).collect();
        let cut = if shown.len() < text.len() { "..." } else { "" };
        let error = Error::new(ErrorKind::Invalid, format!("'{shown}{cut}' is no JSON"));
        error.with_hint("json_valid(x) tells which is: CASE WHEN json_valid(x) THEN json_extract(x, '$.a') END").into()
    })
}
