//! The arguments of a reader: its paths, and its options under DuckDB's names.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, Ident, Value,
};

use crate::error::{Error, ErrorKind, Position, Result};
use crate::files::Reading;

/// What `FROM ['a', 'b']` calls.
pub(in super::super) const READ_FILES: &str = "read_files";

/// What a function reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Parquet,
    Csv,
    Json,
    ParquetMetadata,
    ParquetSchema,
    Glob,
    /// Whatever the names of the files say.
    Files,
    /// No files: what stores are opened with.
    Secrets,
}

impl Kind {
    pub(super) fn of(function: &str) -> Option<Self> {
        Some(match function {
            "read_parquet" | "parquet_scan" => Self::Parquet,
            "read_csv" | "read_csv_auto" => Self::Csv,
            "read_json" | "read_json_auto" | "read_ndjson" | "read_ndjson_auto" => Self::Json,
            "parquet_metadata" => Self::ParquetMetadata,
            "parquet_schema" => Self::ParquetSchema,
            "glob" => Self::Glob,
            READ_FILES => Self::Files,
            "maar_secrets" => Self::Secrets,
            _ => return None,
        })
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            _ => "parquet",
        }
    }

    /// DataFusion's name of an option; `Some("")` for one that asks for what is done anyway.
    fn option(self, name: &str) -> Option<&'static str> {
        Some(match (self, name) {
            (Self::Csv, "delim" | "sep" | "delimiter") => "format.delimiter",
            (Self::Csv, "header") => "format.has_header",
            (Self::Csv, "quote") => "format.quote",
            (Self::Csv, "escape") => "format.escape",
            (Self::Csv, "comment") => "format.comment",
            (Self::Csv, "null_padding") => "format.truncated_rows",
            (Self::Csv | Self::Json, "sample_size") => "format.schema_infer_max_rec",
            (Self::Csv | Self::Json, "compression") => "format.compression",
            (Self::Csv | Self::Json, "auto_detect") => "",
            (Self::Json, "format") => "format.newline_delimited",
            (Self::Csv | Self::Json | Self::Parquet, "union_by_name" | "hive_partitioning") => "",
            _ => return None,
        })
    }

    fn known_options(self) -> &'static str {
        match self {
            Self::Csv => {
                "delim, header, quote, escape, comment, nullstr, null_padding, sample_size, compression, filename"
            }
            Self::Json => "format, sample_size, compression, filename",
            Self::Parquet => "filename",
            Self::ParquetMetadata | Self::ParquetSchema | Self::Glob | Self::Files | Self::Secrets => {
                "none but those that are on anyway"
            }
        }
    }
}

/// Why an option is not taken.
enum Refused {
    NotKnown,
    /// It asks for what is done anyway to be left undone.
    AlwaysOn(String),
    Value,
}

/// A call of a reader.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) paths: Vec<String>,
    /// Under DataFusion's names.
    pub(super) options: HashMap<String, String>,
    /// Strings that stand for NULL.
    nulls: Vec<String>,
    /// What the column of paths is called, if there is to be one.
    filename: Option<String>,
    pub(super) position: Option<Position>,
}

impl Call {
    /// # Errors
    /// When the first argument is no path and no list of paths, or an option is not known.
    pub(super) fn of(kind: Kind, function: &str, ident: &Ident, arguments: &[FunctionArg]) -> Result<Self> {
        let start = ident.span.start;
        let position =
            (start.line > 0).then_some(Position { line: start.line as usize, column: start.column as usize });
        let wrong = |message: String| Error::new(ErrorKind::Invalid, message).or_at(position);
        let (paths, rest) = match arguments.split_first() {
            Some((FunctionArg::Unnamed(FunctionArgExpr::Expr(first)), rest)) => (strings(first), rest),
            _ => (Vec::new(), arguments),
        };
        if kind == Kind::Secrets && !arguments.is_empty() {
            return Err(wrong(format!("{function} takes nothing")).with_hint(format!("write {function}()")));
        }
        if paths.is_empty() && kind != Kind::Secrets {
            return Err(wrong(format!("{function} wants a path"))
                .with_hint(format!("write {function}('folder/*.{}')", kind.extension())));
        }
        let mut call = Self { kind, paths, options: HashMap::new(), nulls: Vec::new(), filename: None, position };
        for argument in rest {
            let (name, value) = option(argument).ok_or_else(|| {
                wrong(format!("{function} takes options as name = value"))
                    .with_hint("several paths are a list: ['a', 'b']")
            })?;
            call.take(&name, value).map_err(|refused| match refused {
                Refused::NotKnown => wrong(format!("{function} has no option {name}"))
                    .with_hint(format!("its options are {}", kind.known_options())),
                Refused::AlwaysOn(value) => {
                    wrong(format!("{function} does not support {name} = {value}: it is always on"))
                        .with_hint(format!("leave {name} out"))
                }
                Refused::Value => wrong(format!("{function} cannot take that value for {name}"))
                    .with_hint("options are strings, numbers, true or false"),
            })?;
        }
        Ok(call)
    }

    /// Notes an option.
    fn take(&mut self, name: &str, value: &Expr) -> std::result::Result<(), Refused> {
        let has_rows = matches!(self.kind, Kind::Csv | Kind::Json | Kind::Parquet);
        match name {
            "nullstr" | "null" | "null_string" if self.kind == Kind::Csv => {
                self.nulls = strings(value).into_iter().filter(|text| !text.is_empty()).collect();
                return Ok(());
            }
            "filename" if has_rows => {
                let value = text(value).ok_or(Refused::Value)?;
                self.filename = match value.to_ascii_lowercase().as_str() {
                    "true" | "1" => Some("filename".to_string()),
                    "false" | "0" => None,
                    _ => Some(value),
                };
                return Ok(());
            }
            // What is compressed is known by its name.
            "compression" if text(value).is_some_and(|codec| ["none", "auto"].contains(&codec.as_str())) => {
                return Ok(());
            }
            _ => {}
        }
        let host = self.kind.option(name).ok_or(Refused::NotKnown)?;
        let value = text(value).ok_or(Refused::Value)?;
        if host.is_empty() {
            return if is_true(&value) { Ok(()) } else { Err(Refused::AlwaysOn(value)) };
        }
        let value = match (host, value.as_str()) {
            ("format.newline_delimited", "array") => "false".to_string(),
            ("format.newline_delimited", _) => "true".to_string(),
            _ => value,
        };
        self.options.insert(host.to_string(), value);
        Ok(())
    }

    /// What is to be read.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            format: self.kind.extension(),
            paths: self.paths.clone(),
            options: self.options.clone(),
            filename: self.filename.clone(),
            nulls: self.nulls.clone(),
        }
    }

    /// The path, where reading it by its name does the same.
    pub(super) fn plain_path(&self) -> Option<&str> {
        let [path] = self.paths.as_slice() else { return None };
        let ends = match self.kind {
            Kind::Parquet => path.ends_with(".parquet"),
            Kind::Csv => path.ends_with(".csv"),
            Kind::Json => path.ends_with(".json"),
            Kind::Files => true,
            Kind::ParquetMetadata | Kind::ParquetSchema | Kind::Glob | Kind::Secrets => false,
        };
        let is_plain = self.options.is_empty() && self.nulls.is_empty() && self.filename.is_none();
        (ends && is_plain).then_some(path.as_str())
    }
}

/// The strings of a list, or of one value.
fn strings(argument: &Expr) -> Vec<String> {
    match argument {
        Expr::Array(array) => array.elem.iter().filter_map(text).collect(),
        Expr::Nested(inner) => strings(inner),
        one => text(one).into_iter().collect(),
    }
}

fn option(argument: &FunctionArg) -> Option<(String, &Expr)> {
    match argument {
        FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(value),
            operator: FunctionArgOperator::Equals | FunctionArgOperator::Assignment | FunctionArgOperator::RightArrow,
        } => Some((name.value.to_ascii_lowercase(), value)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right })) => {
            let Expr::Identifier(name) = left.as_ref() else { return None };
            Some((name.value.to_ascii_lowercase(), right))
        }
        _ => None,
    }
}

fn is_true(value: &str) -> bool {
    ["true", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => Some(match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        }),
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
    }
}
