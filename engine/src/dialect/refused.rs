//! What is asked for and not done is refused by name, before DataFusion takes it and leaves it undone: formats that are not
//! written, files packed as a whole that are no text, Arrow files by partition, and options that have no effect here.

use std::collections::HashMap;

use datafusion::sql::parser::{CopyToStatement, ExplainStatement, Statement};
use datafusion::sql::sqlparser::ast::{Set, Statement as SqlStatement, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::files::{arrow_by_partition, check_none, is_written, no_writer, packed_whole};

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
            Ok(())
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
    // By the target's name where the statement does not say it.
    let format = copy.stored_as.as_deref().unwrap_or_default().to_ascii_lowercase();
    if !is_written(&format) {
        return Err(no_writer(&format));
    }
    if let Some(refused) = packed_whole(&copy.target, Some(format.as_str()).filter(|format| !format.is_empty())) {
        return Err(refused);
    }
    if format != "arrow" {
        return Ok(());
    }
    if !copy.partitioned_by.is_empty() {
        return Err(arrow_by_partition());
    }
    check_none("Arrow", &options)
}

fn check_file_options(options: &HashMap<String, String>) -> Result<()> {
    let lower = |name: &String| name.to_ascii_lowercase();
    if let Some(option) = options.keys().find(|name| lower(name).contains("crypto.factory")) {
        let message = format!("no service gives keys in this version: the option '{option}' would do nothing");
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("give the key itself: footer_key_as_hex"));
    }
    let is_wrong = |name: &String, value: &str| lower(name).contains("key_as_hex") && !is_key(value);
    if let Some((option, _)) = options.iter().find(|(name, value)| is_wrong(name, value)) {
        let message =
            format!("the option '{option}' is no key: it wants 16, 24 or 32 bytes, written in hexadecimal digits");
        return Err(Error::new(ErrorKind::Invalid, message).with_hint("16 bytes are 32 digits"));
    }
    if let Some(option) = options.keys().find(|name| lower(name).ends_with("null_regex")) {
        let message = format!("the option '{option}' is not supported: it would be forgotten while rows are read");
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("read the column as text and use NULLIF"));
    }
    Ok(())
}

/// Whether `text` is a key of AES, in hexadecimal digits.
fn is_key(text: &str) -> bool {
    [32, 48, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
