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
            check_once(&create.options)?;
            check_file_options(&text_options(&create.options))
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

/// # Errors
/// [`ErrorKind::Invalid`] for an option that is given twice, with or without its namespace: one of them would be forgotten.
fn check_once(options: &[(String, Value)]) -> Result<()> {
    for (at, (name, _)) in options.iter().enumerate() {
        if options[..at].iter().any(|(first, _)| bare(first) == bare(name)) {
            return Err(Error::new(ErrorKind::Invalid, format!("the option '{name}' is given twice"))
                .with_hint("leave one of them out: 'format.x' and 'x' are one option"));
        }
    }
    Ok(())
}

fn check_copy(copy: &CopyToStatement) -> Result<()> {
    check_once(&copy.options)?;
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
    if let Some((option, instead)) = unwritten(&format, &options) {
        let message = format!("{} files are not written with the option '{option}'", format.to_uppercase());
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint(instead));
    }
    if format != "arrow" {
        return Ok(());
    }
    if !copy.partitioned_by.is_empty() {
        return Err(arrow_by_partition());
    }
    check_none("Arrow", &options)
}

/// An option that would not be heeded where text is written, or not so that it could be read back; and what to write instead.
fn unwritten<'o>(format: &str, options: &'o HashMap<String, String>) -> Option<(&'o str, &'static str)> {
    const OF_READERS: &str = "leave it out: it is one of readers";
    const DOUBLED: &str = "leave it out: quotes within values are doubled";
    let quote = options.iter().find(|(name, _)| bare(name) == "quote").map_or("\"", |(_, value)| value.as_str());
    options.iter().find_map(|(name, value)| {
        let instead = match (format, bare(name).as_str()) {
            ("csv", "comment" | "truncated_rows") => OF_READERS,
            ("csv", "terminator") if value != "\n" => OF_READERS,
            ("csv", "escape") if value != quote => DOUBLED,
            ("csv", "double_quote") if value.eq_ignore_ascii_case("false") => DOUBLED,
            ("json", "newline_delimited") if value.eq_ignore_ascii_case("false") => OF_READERS,
            _ => return None,
        };
        Some((name.as_str(), instead))
    })
}

/// The name of an option without its namespace.
fn bare(name: &str) -> String {
    name.to_ascii_lowercase().trim_start_matches("format.").to_string()
}

fn check_file_options(options: &HashMap<String, String>) -> Result<()> {
    let lower = |name: &String| name.to_ascii_lowercase();
    if let Some(option) = options.keys().find(|name| lower(name).contains("crypto.factory")) {
        let message = format!("no service gives keys in this version: the option '{option}' would do nothing");
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("give the key itself: footer_key_as_hex"));
    }
    let is_wrong = |name: &String, value: &str| {
        let name = lower(name);
        (name.contains("key_as_hex") && !is_key(value)) || (name.ends_with("prefix_as_hex") && !is_hex(value))
    };
    if let Some((option, _)) = options.iter().find(|(name, value)| is_wrong(name, value)) {
        let is_prefix = lower(option).ends_with("prefix_as_hex");
        let (what, wanted) = if is_prefix { ("prefix", PREFIXES) } else { ("key", KEYS) };
        let message = format!("the value of the option '{option}' is no {what}");
        return Err(Error::new(ErrorKind::Invalid, message).with_hint(wanted));
    }
    if let Some(option) = options.keys().find(|name| lower(name).ends_with("null_regex")) {
        let message = format!("the option '{option}' is not supported: it would be forgotten while rows are read");
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("read the column as text and use NULLIF"));
    }
    Ok(())
}

/// Keys that Parquet's encryption has.
pub(super) const KEYS: &str = "write it in quotes, as 32 hexadecimal digits (a key of 16 bytes) or 64 (of 32 bytes)";

const PREFIXES: &str = "write two hexadecimal digits for each of its bytes";

/// Whether `text` is a key of AES-128 or AES-256, in hexadecimal digits. Parquet knows no others.
pub(super) fn is_key(text: &str) -> bool {
    [32, 64].contains(&text.len()) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
