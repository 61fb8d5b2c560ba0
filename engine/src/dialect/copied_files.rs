//! What COPY writes: the format and the codec that the target's name says, in the host's words, and a level for the codecs of
//! Parquet that want one. Not here: options as DuckDB and PostgreSQL write them (`copy`), and what would be left undone (`refused`).

use datafusion::sql::parser::{CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::Value;

use crate::error::Result;
use crate::files::{Codec, Packing, also, format_of, unknown};

/// The usual levels of codecs within Parquet, which the host wants to be told.
const LEVELS: [(&str, u32); 3] = [("zstd", 3), ("gzip", 6), ("brotli", 1)];

/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a format and [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a
/// codec that there is not.
pub(super) fn say(statement: &mut Statement) -> Result<()> {
    match statement {
        Statement::Explain(explain) => say(&mut explain.statement),
        Statement::CopyTo(copy) => say_of_copy(copy),
        _ => Ok(()),
    }
}

fn say_of_copy(copy: &mut CopyToStatement) -> Result<()> {
    let said = match copy.stored_as.as_deref() {
        None => format_of(&copy.target).map(|known| (known.name(), known.options())),
        Some(format) => also(format),
    };
    if let Some((format, options)) = said {
        copy.stored_as = Some(format.to_uppercase());
        for (name, value) in options {
            if option(copy, name).is_none() {
                copy.options.push(((*name).to_string(), text(value)));
            }
        }
    }
    let Some(format) = copy.stored_as.as_deref().map(str::to_lowercase) else { return Ok(()) };
    let Some(known) = format_of(&format!(".{format}")) else { return Err(unknown(&format)) };
    if known.is_text() {
        return pack(copy);
    }
    if format == "parquet" {
        give_level(copy);
    }
    Ok(())
}

/// Gives the codecs that DataFusion wants a level for their usual one: `compression zstd` is `zstd(3)`.
fn give_level(copy: &mut CopyToStatement) {
    let Some(at) = option(copy, "format.compression") else { return };
    let value = &mut copy.options[at].1;
    let codec = value.clone().into_string().unwrap_or_default().to_ascii_lowercase();
    if let Some((codec, level)) = LEVELS.iter().find(|(known, _)| *known == codec) {
        *value = text(&format!("{codec}({level})"));
    }
}

/// Text is packed as an option says, else as its name does.
fn pack(copy: &mut CopyToStatement) -> Result<()> {
    const OPTION: &str = "format.compression";
    let of_name = Packing::ByName.codec(&copy.target);
    let Some(at) = option(copy, OPTION) else {
        copy.options.extend(of_name.map(|codec| (OPTION.to_string(), text(codec.name()))));
        return Ok(());
    };
    let asked = copy.options[at].1.clone().into_string().unwrap_or_default();
    // `codec(level)`, as Parquet's options are written.
    let (codec, level) = match asked.trim_end_matches(')').split_once('(') {
        Some((codec, level)) => (codec.to_string(), Some(level.to_string())),
        None => (asked, None),
    };
    let codec = match Packing::of_option(&codec)? {
        Packing::ByName => of_name,
        Packing::All(codec) => codec,
    };
    copy.options[at] = (OPTION.to_string(), text(codec.map_or("uncompressed", Codec::name)));
    copy.options.extend(level.map(|level| ("format.compression_level".to_string(), text(&level))));
    Ok(())
}

/// Where the option `name` stands, with or without its namespace.
fn option(copy: &CopyToStatement, name: &str) -> Option<usize> {
    let bare = |name: &str| name.to_ascii_lowercase().trim_start_matches("format.").to_string();
    copy.options.iter().position(|(known, _)| bare(known) == bare(name))
}

fn text(value: &str) -> Value {
    Value::SingleQuotedString(value.to_string())
}
