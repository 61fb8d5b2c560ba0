//! DataFusion's errors, sorted by what the caller can do. The one place that reads DataFusion's messages.

use std::sync::Arc;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{SchemaError, Span};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use parquet::errors::ParquetError;

use super::readable::readable;
use super::{Error, ErrorKind, Position, arguments, missing, reworded, stores, types, values};
use crate::device::{DeviceError, DeviceSideError, ScanError};

pub(super) fn classify(error: DataFusionError) -> Error {
    if let Some(own) = find_own(&error) {
        return own;
    }
    let mut found = describe(&error);
    found.position = found.position.or_else(|| diagnosed_position(&error));
    found.hint = found.hint.or_else(|| diagnosed_help(&error));
    found.cause = Some(Arc::new(error));
    found
}

/// An error of ours that travelled through DataFusion comes out as it went in.
fn find_own(error: &DataFusionError) -> Option<Error> {
    match error {
        DataFusionError::External(inner) => {
            if let Some(own) = inner.downcast_ref::<Error>() {
                return Some(own.clone());
            }
            inner.downcast_ref::<DataFusionError>().and_then(find_own)
        }
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => match inner.downcast_ref::<Error>() {
                Some(own) => Some(own.clone()),
                None => inner.downcast_ref::<DataFusionError>().and_then(find_own),
            },
            _ => None,
        },
        DataFusionError::ObjectStore(inner) => of_store(inner),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => find_own(inner),
        DataFusionError::Shared(inner) => find_own(inner),
        DataFusionError::Collection(all) => all.first().and_then(find_own),
        _ => None,
    }
}

/// An error of ours that came as a store's.
fn of_store(error: &object_store::Error) -> Option<Error> {
    match error {
        object_store::Error::Generic { source, .. } => source.downcast_ref::<Error>().cloned(),
        _ => None,
    }
}

fn describe(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => describe(inner),
        DataFusionError::Shared(inner) => describe(inner),
        DataFusionError::Collection(all) => match all.first() {
            Some(first) => describe(first),
            None => Error::new(ErrorKind::Internal, "an empty list of errors"),
        },
        DataFusionError::SQL(inner, _) => syntax(inner),
        DataFusionError::SchemaError(inner, _) => schema(inner),
        DataFusionError::ArrowError(inner, _) => arrow(inner),
        DataFusionError::Plan(message) => planning(message),
        DataFusionError::Execution(message) => execution(message),
        DataFusionError::NotImplemented(message) => not_implemented(message),
        DataFusionError::Configuration(message) => invalid(&clean(message)),
        DataFusionError::ResourcesExhausted(message) => memory(message),
        DataFusionError::IoError(inner) => io(inner),
        DataFusionError::ObjectStore(inner) => stores::store(inner),
        DataFusionError::ParquetError(inner) => {
            if let ParquetError::External(cause) = inner.as_ref()
                && let Some(cause) = cause.downcast_ref::<object_store::Error>()
            {
                return stores::store(cause);
            }
            Error::new(ErrorKind::Invalid, format!("a Parquet file cannot be read: {inner}"))
        }
        DataFusionError::ExecutionJoin(inner) if inner.is_cancelled() => {
            Error::new(ErrorKind::Cancelled, "the query was cancelled")
        }
        DataFusionError::ExecutionJoin(inner) => {
            let mut found = internal(&format!("a task of the query panicked: {inner}"));
            found.is_panic = inner.is_panic();
            found
        }
        DataFusionError::External(inner) => external(inner.as_ref()),
        DataFusionError::Internal(message) => internal(message),
        DataFusionError::Substrait(message) | DataFusionError::Ffi(message) => internal(message),
    }
}

/// Whether the cause of `error` is a Parquet reader's.
pub(super) fn has_parquet_error(error: &DataFusionError) -> bool {
    match error {
        // What a store could not read is no file that is corrupt.
        DataFusionError::ParquetError(inner) => {
            !matches!(inner.as_ref(), ParquetError::External(cause) if cause.is::<object_store::Error>())
        }
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ParquetError(_) => true,
            ArrowError::ExternalError(inner) => inner.downcast_ref::<DataFusionError>().is_some_and(has_parquet_error),
            _ => false,
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => has_parquet_error(inner),
        DataFusionError::Shared(inner) => has_parquet_error(inner),
        DataFusionError::Collection(all) => all.iter().any(has_parquet_error),
        DataFusionError::External(inner) => inner.downcast_ref::<DataFusionError>().is_some_and(has_parquet_error),
        _ => false,
    }
}

/// "Expected: an expression, found: FROM at Line: 2, Column: 8" carries its place in its text.
fn syntax(error: &ParserError) -> Error {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return Error::new(ErrorKind::Syntax, "the statement is nested too deeply")
                .with_hint("flatten the nesting, with WITH or a view");
        }
    };
    let (message, position) = split_position(text);
    if message.starts_with("COMPRESSION TYPE clause") {
        return Error::new(ErrorKind::Unsupported, "COMPRESSION TYPE is no clause of CREATE EXTERNAL TABLE")
            .with_hint("OPTIONS ('format.compression' 'gzip') says it; without it the files' names do (.csv.gz)")
            .or_at(position);
    }
    let known = reworded::reworded(&message, ErrorKind::Syntax);
    known.unwrap_or_else(|| Error::new(ErrorKind::Syntax, message)).or_at(position)
}

fn split_position(text: &str) -> (String, Option<Position>) {
    let Some(at) = text.rfind(" at Line: ") else {
        return (text.to_string(), None);
    };
    let numbers = text[at..].trim_start_matches(" at Line: ");
    let position = numbers.split_once(", Column: ").and_then(|(line, column)| {
        Some(Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    // Line 0 is the parser's "nowhere", given at the end of the input.
    (text[..at].to_string(), position.filter(|at| at.line > 0))
}

fn schema(error: &SchemaError) -> Error {
    missing::column(error).unwrap_or_else(|| invalid(&clean(&error.to_string())))
}

fn arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => values::division_by_zero(),
        ArrowError::ArithmeticOverflow(text) => values::overflow(&clean(text)),
        ArrowError::NotYetImplemented(text) => in_words(&clean(text), ErrorKind::Unsupported),
        ArrowError::MemoryError(text) => memory(text),
        ArrowError::SchemaError(text) => {
            files_disagree(&types::in_sql(text)).unwrap_or_else(|| Error::new(ErrorKind::Invalid, clean(text)))
        }
        ArrowError::IoError(_, inner) => io(inner),
        ArrowError::ExternalError(inner) => external(inner.as_ref()),
        ArrowError::CDataInterface(text) => internal(text),
        ArrowError::CastError(text) => types::beyond_unit(text).unwrap_or_else(|| of_value(text)),
        ArrowError::ParseError(text)
        | ArrowError::ComputeError(text)
        | ArrowError::InvalidArgumentError(text)
        | ArrowError::CsvError(text)
        | ArrowError::JsonError(text)
        | ArrowError::IpcError(text)
        | ArrowError::AvroError(text) => of_value(text),
        ArrowError::ParquetError(text) => {
            Error::new(ErrorKind::Invalid, format!("a Parquet file cannot be read: {text}"))
        }
        other => Error::new(ErrorKind::Invalid, clean(&other.to_string())),
    }
}

/// An error that hangs on a value, mostly: of a cast, a pattern, a file's text.
fn of_value(text: &str) -> Error {
    let cleaned = clean(text);
    let known = values::on_host(&cleaned).or_else(|| values::pattern(&cleaned));
    known.or_else(|| values::format_of_dates(&cleaned)).unwrap_or_else(|| invalid(&cleaned))
}

/// arrow says "Fail to merge schema field 'n' because the from data_type = Int64 does not equal Int32".
fn files_disagree(text: &str) -> Option<Error> {
    let column = between(text, "Fail to merge schema field '", "'")?;
    let (_, types) = text.split_once("data_type = ")?;
    let (one, other) = types.split_once(" does not equal ")?;
    let message = format!("the files do not agree on the type of column {column}: {other} in some, {one} in others");
    let hint =
        format!("CREATE EXTERNAL TABLE t ({column} ..., ...) STORED AS ... LOCATION ... says which type to read it as");
    Some(Error::new(ErrorKind::Invalid, message).with_hint(hint))
}

/// What DataFusion takes for a bug of its own and is the user's to correct.
const USERS_OWN: [(&str, ErrorKind, &str); 2] = [
    ("array_resize: failed to convert size", ErrorKind::Invalid, "array_resize takes a size that is not negative"),
    (
        "while finalizing writes",
        ErrorKind::Storage,
        "the files could not be written to their end, and parts of them may be left: the folder does not exist, is not \
         writable, or the disk is full",
    ),
];

fn planning(message: &str) -> Error {
    let cleaned = clean(message);
    if let Some(found) = arguments::misfit(&cleaned) {
        return found;
    }
    if let Some(count) = between(&cleaned, "lambda defined ", " params but UDF support only ") {
        let message = format!("the lambda has {count} parameters, and the function gives it fewer");
        return Error::new(ErrorKind::Invalid, message).with_hint("lambdas are given the element alone: x -> x + 1");
    }
    missing::function_or_table(&cleaned).unwrap_or_else(|| invalid(&cleaned))
}

fn invalid(cleaned: &str) -> Error {
    in_words(cleaned, ErrorKind::Invalid)
}

/// In the words of SQL where they are known.
fn in_words(cleaned: &str, kind: ErrorKind) -> Error {
    reworded::reworded(cleaned, kind).unwrap_or_else(|| Error::new(kind, cleaned))
}

fn not_implemented(message: &str) -> Error {
    if message.contains("only support Literal types for field at idx") {
        let constant =
            "the offset and the default of lag and lead, and the numbers of nth_value and ntile, are constants";
        return Error::new(ErrorKind::Unsupported, constant)
            .with_hint("write a number; for an offset of each row's own, join the rows by their row_number()");
    }
    in_words(&clean(message), ErrorKind::Unsupported)
}

fn execution(message: &str) -> Error {
    if let Some(found) = values::on_device(message) {
        return found;
    }
    let cleaned = clean(message);
    if let Some(found) =
        types::beyond_unit(&cleaned).or_else(|| values::on_host(&cleaned)).or_else(|| values::pattern(&cleaned))
    {
        return found;
    }
    let missing = ["doesn't exist", "does not exist", "not found"].iter().any(|end| cleaned.contains(end));
    let kind = if missing { ErrorKind::NotFound } else { ErrorKind::Invalid };
    in_words(&cleaned, kind)
}

fn memory(message: &str) -> Error {
    Error::new(ErrorKind::Memory, clean(message)).with_hint(
        "raise the limit (SET datafusion.runtime.memory_limit = '8G') or lower datafusion.execution.target_partitions",
    )
}

fn io(error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Storage,
    };
    Error::new(kind, error.to_string())
}

fn external(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    if let Some(inner) = error.downcast_ref::<DataFusionError>() {
        return describe(inner);
    }
    if let Some(inner) = error.downcast_ref::<ArrowError>() {
        return arrow(inner);
    }
    if let Some(inner) = error.downcast_ref::<std::io::Error>() {
        return io(inner);
    }
    if let Some(inner) = error.downcast_ref::<object_store::Error>() {
        return stores::store(inner);
    }
    if let Some(inner) = error.downcast_ref::<DeviceSideError>() {
        return on_device(inner);
    }
    if let Some(inner) = error.downcast_ref::<DeviceError>() {
        return device(inner);
    }
    let text = error.to_string();
    values::pattern(&text).unwrap_or_else(|| Error::new(ErrorKind::Internal, text))
}

fn on_device(error: &DeviceSideError) -> Error {
    match error {
        DeviceSideError::Query(message) => execution(message),
        DeviceSideError::Scan(inner) => scan(inner),
        DeviceSideError::Refused(message) => Error::new(ErrorKind::Unsupported, message.as_str()),
        DeviceSideError::Device(inner) => device(inner),
        DeviceSideError::Host(inner) => describe(inner),
        DeviceSideError::Internal(message) => internal(message),
        DeviceSideError::Unsettled => internal(&error.to_string()),
    }
}

/// What a file did wrong, by the kind that it has where the host reads it.
fn scan(error: &ScanError) -> Error {
    let kind = match error {
        ScanError::FileGone { .. } => ErrorKind::NotFound,
        ScanError::FileChanged { .. } => ErrorKind::Storage,
        ScanError::Store { source, .. } => stores::store(source).kind(),
        ScanError::Corrupt { .. } => ErrorKind::Invalid,
        ScanError::Unsupported { .. } | ScanError::UploadType { .. } | ScanError::Encode { .. } => {
            ErrorKind::Unsupported
        }
        ScanError::Device(inner) => return device(inner),
        ScanError::Task(message) => return internal(message),
        ScanError::Cancelled => ErrorKind::Cancelled,
    };
    Error::new(kind, error.to_string())
}

fn device(error: &DeviceError) -> Error {
    let kind = match error {
        DeviceError::OutOfMemory { .. } => ErrorKind::Memory,
        _ => ErrorKind::Device,
    };
    Error::new(kind, error.to_string())
}

fn internal(message: &str) -> Error {
    if let Some(found) = types::mismatch(&types::in_sql(message)) {
        return found;
    }
    if let Some((_, kind, text)) = USERS_OWN.iter().find(|(part, ..)| message.contains(part)) {
        return Error::new(*kind, *text);
    }
    Error::new(ErrorKind::Internal, format!("internal error, a bug of ours: {}", clean(message)))
}

/// DataFusion appends backtraces and requests to report to it, and repeats its own names for kinds of errors; none of
/// that is for the reader of a SQL error.
fn clean(message: &str) -> String {
    const TAILS: [&str; 3] =
        ["\n\nbacktrace: ", "\nbacktrace: ", ".\nThis issue was likely caused by a bug in DataFusion"];
    const HEADS: [&str; 4] = ["Internal error: ", "Execution error: ", "Error during planning: ", "External error: "];
    let end = TAILS.iter().filter_map(|tail| message.find(tail)).min().unwrap_or(message.len());
    let mut text = message[..end].trim();
    while let Some(rest) = HEADS.iter().find_map(|head| text.strip_prefix(head)) {
        text = rest;
    }
    types::in_sql(&readable(text))
}

pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let length = text[start..].find(after)?;
    Some(&text[start..start + length])
}

pub(super) fn start_of(span: Span) -> Position {
    Position { line: span.start.line as usize, column: span.start.column as usize }
}

fn diagnosed_position(error: &DataFusionError) -> Option<Position> {
    error.diagnostic().and_then(|diagnostic| diagnostic.span).map(start_of)
}

fn diagnosed_help(error: &DataFusionError) -> Option<String> {
    let diagnostic = error.diagnostic()?;
    let helps: Vec<&str> = diagnostic.helps.iter().map(|help| help.message.as_str()).collect();
    if helps.is_empty() { None } else { Some(helps.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parsers_place_is_taken_out_of_its_text() {
        let (message, at) = split_position("Expected: X, found: FROM at Line: 2, Column: 8");
        assert_eq!((message.as_str(), at), ("Expected: X, found: FROM", Some(Position { line: 2, column: 8 })));
        assert_eq!(split_position("no place").1, None);
    }

    #[test]
    fn an_error_of_ours_survives_the_way_through_datafusion() {
        let own = Error::new(ErrorKind::Device, "no device").with_hint("buy one");
        let through = DataFusionError::from(own).context("somewhere");
        let back = Error::from(through);
        assert_eq!((back.kind(), back.message(), back.hint()), (ErrorKind::Device, "no device", Some("buy one")));
    }
}
