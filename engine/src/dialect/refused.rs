//! What is asked for and not done is refused by name, before DataFusion takes it and leaves it undone: encrypted Parquet,
//! compressed text, Arrow files by partition, and options that have no effect here.
//!
//! Encryption takes the feature `parquet_encryption` of the crate `datafusion`, compressed text its feature `compression`.

use std::collections::HashMap;

use datafusion::sql::parser::{CopyToStatement, ExplainStatement, Statement};
use datafusion::sql::sqlparser::ast::{Set, Statement as SqlStatement, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::files::{arrow_by_partition, compression_option, is_compressed, no_avro, no_compression};

/// Options of DataFusion's that nothing here reads, and what to say of them.
const WITHOUT_EFFECT: [(&str, &str); 5] = [
    ("datafusion.sql_parser.dialect", "SQL is read in one dialect"),
    ("datafusion.sql_parser.recursion_limit", "the nesting of statements has a limit of its own"),
    ("datafusion.optimizer.preserve_file_partitions", "files are dealt out by size"),
    (
        "datafusion.runtime.list_files_cache_limit",
        "folders are listed anew for each query, so that no file stays unseen",
    ),
    ("datafusion.runtime.list_files_cache_ttl", "folders are listed anew for each query, so that no file stays unseen"),
];

/// # Errors
/// [`ErrorKind::Unsupported`] for what would be ignored.
pub(super) fn check(statement: &Statement) -> Result<()> {
    match statement {
        Statement::CopyTo(copy) => check_copy(copy),
        Statement::CreateExternalTable(create) => {
            let options = text_options(&create.options);
            check_file_options(&options)?;
            if create.file_type.eq_ignore_ascii_case("arrow") { check_arrow_options(&options) } else { Ok(()) }
        }
        Statement::Explain(ExplainStatement { statement, .. }) => check(statement),
        Statement::Statement(statement) => match statement.as_ref() {
            SqlStatement::Set(Set::SingleAssignment { variable, .. }) => check_option(&variable.to_string()),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// # Errors
/// [`ErrorKind::Unsupported`] for an option that nothing reads.
pub(crate) fn check_option(name: &str) -> Result<()> {
    match WITHOUT_EFFECT.iter().find(|(option, _)| option.eq_ignore_ascii_case(name)) {
        None => Ok(()),
        Some((option, why)) => {
            Err(Error::new(ErrorKind::Unsupported, format!("{option} has no effect here and cannot be set: {why}")))
        }
    }
}

fn text_options(options: &[(String, Value)]) -> HashMap<String, String> {
    let text = |value: &Value| value.clone().into_string().unwrap_or_else(|| value.to_string());
    options.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn check_copy(copy: &CopyToStatement) -> Result<()> {
    let options = text_options(&copy.options);
    check_file_options(&options)?;
    let format = copy.stored_as.as_deref().unwrap_or_default();
    let is_parquet = format.eq_ignore_ascii_case("parquet") || copy.target.to_ascii_lowercase().ends_with(".parquet");
    let target = copy.target.to_ascii_lowercase();
    if format.eq_ignore_ascii_case("avro") || (format.is_empty() && target.ends_with(".avro")) {
        return Err(no_avro());
    }
    if !is_parquet && let Some(codec) = compression_option(&options) {
        return Err(no_compression(&format!("COPY is asked for {codec}")));
    }
    if is_compressed(&copy.target) {
        return Err(no_compression(&format!("'{}' would be compressed by its name", copy.target)));
    }
    let is_arrow = format.eq_ignore_ascii_case("arrow") || (format.is_empty() && target.ends_with(".arrow"));
    if is_arrow && !copy.partitioned_by.is_empty() {
        return Err(arrow_by_partition());
    }
    if is_arrow { check_arrow_options(&options) } else { Ok(()) }
}

/// The host's reader and writer of Arrow files take every option, and none has an effect.
fn check_arrow_options(options: &HashMap<String, String>) -> Result<()> {
    let is_plain = |name: &str, value: &str| {
        name.starts_with("execution.") || (name.ends_with("compression") && value.eq_ignore_ascii_case("uncompressed"))
    };
    match options.iter().find(|(name, value)| !is_plain(&name.to_ascii_lowercase(), value)) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("Arrow files take no options: '{name}' would do nothing");
            Err(Error::new(ErrorKind::Unsupported, message).with_hint("leave it out, or write Parquet, CSV or JSON"))
        }
    }
}

fn check_file_options(options: &HashMap<String, String>) -> Result<()> {
    let lower = |name: &String| name.to_ascii_lowercase();
    let encryption = options.keys().find(|name| {
        let name = lower(name);
        ["crypto", "encrypt", "decrypt"].iter().any(|word| name.contains(word))
    });
    if let Some(option) = encryption {
        let message =
            format!("encrypted Parquet is not built into this version: the option '{option}' would do nothing");
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("encrypt the disk or the store"));
    }
    if let Some(option) = options.keys().find(|name| lower(name).ends_with("null_regex")) {
        let message = format!("the option '{option}' is not supported: it would be forgotten while rows are read");
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("read the column as text and use NULLIF"));
    }
    Ok(())
}
