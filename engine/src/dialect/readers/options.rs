//! The arguments of a reader: its paths, and its options under DuckDB's names.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, Ident, Value,
};

use super::super::refused::{KEYS, is_key};
use crate::corrections::statistics::READ_KEY;
use crate::error::{Error, ErrorKind, Position, Result};
use crate::files::{HiveFolders, Reading, Told, format_of};
use crate::lake::Format;

/// What `FROM ['a', 'b']` calls.
pub(in super::super) const READ_FILES: &str = "read_files";

/// What a function reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Parquet,
    Csv,
    Json,
    Arrow,
    Avro,
    Orc,
    /// A table with metadata.
    Lake(Format),
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
            "read_arrow" | "read_feather" => Self::Arrow,
            "read_avro" => Self::Avro,
            "read_orc" => Self::Orc,
            "parquet_metadata" => Self::ParquetMetadata,
            "parquet_schema" => Self::ParquetSchema,
            "glob" => Self::Glob,
            READ_FILES => Self::Files,
            "delta_scan" => Self::Lake(Format::Delta),
            "iceberg_scan" => Self::Lake(Format::Iceberg),
            "maar_secrets" => Self::Secrets,
            _ => return None,
        })
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Arrow => "arrow",
            Self::Avro => "avro",
            Self::Orc => "orc",
            _ => "parquet",
        }
    }

    /// A path that it takes.
    fn example(self) -> String {
        match self {
            Self::Lake(_) => "folder/".to_string(),
            _ => format!("folder/*.{}", self.extension()),
        }
    }

    /// Whether it gives the rows of files of one format.
    fn has_rows(self) -> bool {
        matches!(self, Self::Parquet | Self::Csv | Self::Json | Self::Arrow | Self::Avro | Self::Orc)
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
            (Self::Csv, "skip") => "format.skip",
            (Self::Parquet, "footer_key_as_hex") => READ_KEY,
            (Self::Parquet, "binary_as_string") => "format.binary_as_string",
            (Self::Csv | Self::Json, "sample_size") => "format.schema_infer_max_rec",
            (Self::Csv | Self::Json, "compression") => "format.compression",
            (Self::Csv | Self::Json, "auto_detect") => "",
            (Self::Lake(_), "version") => "version",
            (Self::Lake(_), "timestamp") => "timestamp",
            (Self::Json, "format") => "format.newline_delimited",
            (kind, "union_by_name") if kind.has_rows() => "",
            _ => return None,
        })
    }

    fn known_options(self) -> &'static str {
        match self {
            Self::Csv => {
                "delim, header, quote, escape, comment, nullstr, skip, columns, types, all_varchar, null_padding, \
                 sample_size, compression, filename, hive_partitioning and hive_types_autocast"
            }
            Self::Json => {
                "format, columns, types, sample_size, compression, filename, hive_partitioning and hive_types_autocast"
            }
            Self::Parquet => "filename, hive_partitioning, hive_types_autocast, binary_as_string and footer_key_as_hex",
            Self::Arrow | Self::Avro | Self::Orc => "filename, hive_partitioning and hive_types_autocast",
            Self::Lake(_) => "version and timestamp",
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
    /// It wants names with types.
    Pairs,
    /// It wants a key.
    Key,
    /// It wants a layout of JSON.
    Layout,
    /// An option of that name has said it already.
    Again(String),
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
    folders: HiveFolders,
    told: Told,
    /// Whether every column is one of texts.
    all_text: bool,
    /// The names of options as they are written.
    given: Vec<String>,
    pub(super) position: Option<Position>,
}

/// What options say that have several names, or exclude each other.
const ALSO: [&[&str]; 3] = [
    &["delim", "sep", "delimiter"],
    &["nullstr", "null", "null_string"],
    &["types", "dtypes", "column_types", "columns"],
];

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
            return Err(
                wrong(format!("{function} wants a path")).with_hint(format!("write {function}('{}')", kind.example()))
            );
        }
        let mut call = Self {
            kind,
            paths,
            options: HashMap::new(),
            nulls: Vec::new(),
            filename: None,
            folders: HiveFolders::default(),
            told: Told::default(),
            all_text: false,
            given: Vec::new(),
            position,
        };
        for argument in rest {
            let (name, value) = option(argument).ok_or_else(|| {
                wrong(format!("{function} takes options as name = value"))
                    .with_hint("several paths are a list: ['a', 'b']")
            })?;
            call.once(&name).and_then(|()| call.take(&name, value)).map_err(|refused| match refused {
                Refused::Again(first) if first == name => wrong(format!("{function} is given {name} twice")),
                Refused::Again(first) => wrong(format!("{function} takes one of {first} and {name}, not both")),
                Refused::Key => {
                    wrong(format!("{function} cannot take that value for {name}: it is no key")).with_hint(KEYS)
                }
                Refused::NotKnown => wrong(format!("{function} has no option {name}"))
                    .with_hint(format!("its options are {}", kind.known_options())),
                Refused::AlwaysOn(value) => {
                    wrong(format!("{function} does not support {name} = {value}: it is always on"))
                        .with_hint(format!("leave {name} out"))
                }
                Refused::Value => wrong(format!("{function} cannot take that value for {name}"))
                    .with_hint("options are strings, numbers, true or false"),
                Refused::Layout => wrong(format!("{function} cannot take that value for {name}"))
                    .with_hint("it takes 'newline_delimited', 'array' or 'auto'"),
                Refused::Pairs => wrong(format!("{function} cannot take that value for {name}"))
                    .with_hint("it takes names with types: {'a': 'BIGINT', 'b': 'VARCHAR'}"),
            })?;
        }
        if call.all_text {
            call.options.insert("format.schema_infer_max_rec".to_string(), "0".to_string());
        }
        Ok(call)
    }

    /// Notes that an option is given.
    fn once(&mut self, name: &str) -> std::result::Result<(), Refused> {
        let alike = ALSO.iter().find(|names| names.contains(&name)).copied();
        let is_alike = |first: &&String| *first == name || alike.is_some_and(|names| names.contains(&first.as_str()));
        if let Some(first) = self.given.iter().find(is_alike) {
            return Err(Refused::Again(first.clone()));
        }
        self.given.push(name.to_string());
        Ok(())
    }

    /// Notes an option.
    fn take(&mut self, name: &str, value: &Expr) -> std::result::Result<(), Refused> {
        match name {
            "nullstr" | "null" | "null_string" if self.kind == Kind::Csv => {
                self.nulls = strings(value).into_iter().filter(|text| !text.is_empty()).collect();
                return Ok(());
            }
            "filename" if self.kind.has_rows() => {
                let value = text(value).ok_or(Refused::Value)?;
                self.filename = match value.to_ascii_lowercase().as_str() {
                    "true" | "1" => Some("filename".to_string()),
                    "false" | "0" => None,
                    _ => Some(value),
                };
                return Ok(());
            }
            "hive_partitioning" if self.kind.has_rows() => {
                match truth(value).ok_or(Refused::Value)? {
                    true => {}
                    false => self.folders = HiveFolders::Ignored,
                }
                return Ok(());
            }
            "hive_types_autocast" if self.kind.has_rows() => {
                if !truth(value).ok_or(Refused::Value)? && self.folders == HiveFolders::Typed {
                    self.folders = HiveFolders::Texts;
                }
                return Ok(());
            }
            // Files of other columns are an error, which says how to unite them.
            "union_by_name" if self.kind == Kind::Csv => {
                truth(value).ok_or(Refused::Value)?;
                return Ok(());
            }
            "all_varchar" if self.kind == Kind::Csv => {
                self.all_text = truth(value).ok_or(Refused::Value)?;
                return Ok(());
            }
            "columns" if matches!(self.kind, Kind::Csv | Kind::Json) => {
                self.told = Told::Columns(pairs(value).ok_or(Refused::Pairs)?);
                return Ok(());
            }
            "types" | "dtypes" | "column_types" if matches!(self.kind, Kind::Csv | Kind::Json) => {
                self.told = match pairs(value) {
                    Some(pairs) => Told::Named(pairs),
                    None if self.kind == Kind::Csv && matches!(value, Expr::Array(_)) => Told::Placed(strings(value)),
                    None => return Err(Refused::Pairs),
                };
                return Ok(());
            }
            _ => {}
        }
        let host = self.kind.option(name).ok_or(Refused::NotKnown)?;
        let (written, value) = (value, text(value).ok_or(Refused::Value)?);
        if host.is_empty() {
            return if is_true(&value) { Ok(()) } else { Err(Refused::AlwaysOn(value)) };
        }
        let value = match (host, value.as_str()) {
            ("format.newline_delimited", "array") => "false".to_string(),
            ("format.newline_delimited", "auto" | "nd" | "newline_delimited") => "true".to_string(),
            ("format.newline_delimited", _) => return Err(Refused::Layout),
            // Whatever has no quotes is shown where statements are.
            (READ_KEY, key) if !is_key(key) || !is_string(written) => return Err(Refused::Key),
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
            folders: self.folders,
            told: self.told.clone(),
            nulls: self.nulls.clone(),
        }
    }

    /// The path, where reading it by its name does the same.
    pub(super) fn plain_path(&self) -> Option<&str> {
        let [path] = self.paths.as_slice() else { return None };
        let by_name = || format_of(path).is_some_and(|known| known.name() == self.kind.extension());
        let ends = self.kind == Kind::Files || (self.kind.has_rows() && by_name());
        let is_plain = self.options.is_empty()
            && self.nulls.is_empty()
            && self.filename.is_none()
            && self.folders == HiveFolders::default()
            && self.told == Told::Nothing;
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

/// The names and texts of `{'a': 'x', 'b': 'y'}`.
fn pairs(argument: &Expr) -> Option<Vec<(String, String)>> {
    let Expr::Dictionary(fields) = argument else { return None };
    fields.iter().map(|field| Some((field.key.value.clone(), text(&field.value)?))).collect()
}

fn truth(value: &Expr) -> Option<bool> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn is_string(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
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
