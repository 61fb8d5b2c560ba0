//! Which format a file has by its name, and what is refused: formats and compressions that this build does not read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::execution::SessionState;

use super::csv::CsvTables;
use crate::error::{Error, ErrorKind, Result};

/// A format as a file's name tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The end of the name, without the dot.
    extension: &'static str,
    /// As STORED AS names it.
    format: &'static str,
    options: &'static [(&'static str, &'static str)],
}

const KNOWN: [Known; 7] = [
    Known { extension: "parquet", format: "parquet", options: &[] },
    Known { extension: "csv", format: "csv", options: &[] },
    Known { extension: "tsv", format: "csv", options: &[("format.delimiter", "\t")] },
    Known { extension: "json", format: "json", options: &[] },
    Known { extension: "ndjson", format: "json", options: &[] },
    Known { extension: "jsonl", format: "json", options: &[] },
    Known { extension: "arrow", format: "arrow", options: &[] },
];

/// What the ends of compressed files stand for. Reading them takes the feature `compression` of the crate `datafusion`, Avro
/// its feature `avro`: neither is built in, since each pulls in a stack of C libraries or a second decoder.
const COMPRESSED: [(&str, &str); 6] =
    [("gz", "gzip"), ("gzip", "gzip"), ("bz2", "bzip2"), ("xz", "xz"), ("zst", "Zstandard"), ("zstd", "Zstandard")];

fn extension(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
}

/// The format of a file of that name.
pub(super) fn of_name(name: &str) -> Option<&'static Known> {
    let extension = extension(name)?;
    KNOWN.iter().find(|known| known.extension == extension)
}

/// Whether `name` ends as files do.
pub(super) fn is_file_name(name: &str) -> bool {
    of_name(name).is_some() || refused(name).is_some()
}

impl Known {
    /// What the names of the table's files end in.
    pub(super) fn suffix(&self) -> String {
        format!(".{}", self.extension)
    }

    pub(super) fn name(&self) -> &'static str {
        self.format
    }

    pub(super) fn format(&self, state: &SessionState) -> Result<Arc<dyn FileFormat>> {
        let options = self.options.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        named(state, self.format, &options)
    }
}

/// The format that STORED AS names, with its options.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for what is not built in, [`ErrorKind::Invalid`] for options that do not exist.
pub(super) fn named(
    state: &SessionState,
    name: &str,
    options: &HashMap<String, String>,
) -> Result<Arc<dyn FileFormat>> {
    if name.eq_ignore_ascii_case("avro") {
        return Err(no_avro());
    }
    if !name.eq_ignore_ascii_case("parquet")
        && let Some(codec) = compression_option(options)
    {
        return Err(no_compression(&format!("the option 'format.compression' asks for {codec}")));
    }
    let Some(factory) = state.get_file_format_factory(&name.to_lowercase()) else {
        let message = format!("there is no file format {name}");
        return Err(Error::new(ErrorKind::NotFound, message).with_hint("the formats are PARQUET, CSV, JSON and ARROW"));
    };
    let format = factory.create(state, options)?;
    Ok(match format.downcast_ref::<CsvFormat>() {
        Some(csv) => Arc::new(CsvTables::new(csv.options().clone())),
        None => format,
    })
}

/// The codec of compressed text that `options` ask for.
pub(crate) fn compression_option(options: &HashMap<String, String>) -> Option<&str> {
    let asked = |(name, codec): (&String, &String)| {
        let name = name.to_ascii_lowercase();
        let is_text = matches!(name.strip_prefix("format.").unwrap_or(&name), "compression");
        (is_text && is_codec_of_text(codec)).then_some(())
    };
    options.iter().find(|entry| asked(*entry).is_some()).map(|(_, codec)| codec.as_str())
}

fn is_codec_of_text(codec: &str) -> bool {
    let codec = codec.trim_matches('\'').to_ascii_lowercase();
    COMPRESSED.iter().any(|(extension, _)| *extension == codec) || codec == "bzip2"
}

/// Why a file of that name is not read.
pub(super) fn refused(name: &str) -> Option<Error> {
    let extension = extension(name)?;
    if extension == "avro" {
        return Some(no_avro());
    }
    let (end, codec) = COMPRESSED.iter().find(|(end, _)| *end == extension)?;
    let inner = name.len().checked_sub(end.len() + 1).and_then(|length| name.get(..length))?;
    of_name(inner)?;
    Some(no_compression(&format!("'{name}' is compressed with {codec}")))
}

/// Whether a text file of that name is compressed.
pub(crate) fn is_compressed(name: &str) -> bool {
    extension(name).is_some_and(|extension| COMPRESSED.iter().any(|(end, _)| *end == extension))
}

pub(crate) fn no_avro() -> Error {
    Error::new(ErrorKind::Unsupported, "Avro is not built into this version")
        .with_hint("convert the files to Parquet: that is read fastest")
}

pub(crate) fn no_compression(what: &str) -> Error {
    let message = format!("{what}; reading and writing compressed text is not built into this version");
    Error::new(ErrorKind::Unsupported, message)
        .with_hint("use files that are not compressed, or Parquet, which compresses inside (gzip, snappy, zstd)")
}
