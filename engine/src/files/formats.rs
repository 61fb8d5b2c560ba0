//! Which format a file has by its name, which one a statement names, and what is refused: formats that are not written, files
//! that are packed as a whole though their format packs inside.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::execution::SessionState;

use super::codecs::{Codec, Packing};
use super::columnar::{Columnar, Kind};
use super::text::TextTables;
use super::unpacked::Unpacking;
use crate::error::{Error, ErrorKind, Result};

/// A format as a file's name tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The ends of names, without the dot.
    ends: &'static [&'static str],
    /// As STORED AS names it.
    format: &'static str,
    options: &'static [(&'static str, &'static str)],
}

const KNOWN: [Known; 7] = [
    Known { ends: &["parquet", "parq", "pq"], format: "parquet", options: &[] },
    Known { ends: &["csv"], format: "csv", options: &[] },
    Known { ends: &["tsv", "tab"], format: "csv", options: &[("format.delimiter", "\t")] },
    Known { ends: &["json", "ndjson", "jsonl"], format: "json", options: &[] },
    Known { ends: &["arrow", "arrows", "feather", "ipc"], format: "arrow", options: &[] },
    Known { ends: &["avro"], format: "avro", options: &[] },
    Known { ends: &["orc"], format: "orc", options: &[] },
];

/// All that is read, as texts name them.
const FORMATS: &str = "the formats are PARQUET, CSV, JSON, ARROW, AVRO and ORC";

fn of_end(end: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.ends.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// All that STORED AS may name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().flat_map(|known| known.ends).copied()
}

fn end(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, end)| end)
}

/// The format of a file of that name, packed or not.
pub(crate) fn of_name(name: &str) -> Option<&'static Known> {
    let (inner, codec) = Codec::of_name(name);
    of_end(end(inner)?).filter(|known| codec.is_none() || known.is_text())
}

/// Whether `name` ends as files do.
pub(super) fn is_file_name(name: &str) -> bool {
    of_name(name).is_some() || refused(name).is_some()
}

impl Known {
    pub(crate) fn name(&self) -> &'static str {
        self.format
    }

    /// As texts call it, apart from others of the same format.
    pub(super) fn shown(&self) -> &'static str {
        if self.options.is_empty() { self.format } else { self.end() }
    }

    /// How the names of new files end.
    pub(super) fn end(&self) -> &'static str {
        self.ends.first().copied().unwrap_or(self.format)
    }

    pub(crate) fn options(&self) -> &'static [(&'static str, &'static str)] {
        self.options
    }

    /// Whether a codec may pack its files as a whole.
    pub(crate) fn is_text(&self) -> bool {
        ["csv", "json"].contains(&self.format)
    }

    pub(super) fn format(&self, state: &SessionState) -> Result<Arc<dyn FileFormat>> {
        let options = self.options.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        named(state, self.format, &options)
    }
}

/// The format that STORED AS and FORMAT call `name`: as the ends of its files, all of them.
pub(super) fn of_format(name: &str) -> Option<&'static Known> {
    of_end(name)
}

/// What STORED AS and FORMAT call by another name: the format, and options that go with it.
pub(crate) fn also(name: &str) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
    let known = of_format(name).filter(|known| !name.eq_ignore_ascii_case(known.format))?;
    Some((known.format, known.options))
}

/// The format that STORED AS names, with its options.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a format that is not known, [`ErrorKind::Invalid`] for options that do not exist.
pub(super) fn named(
    state: &SessionState,
    name: &str,
    options: &HashMap<String, String>,
) -> Result<Arc<dyn FileFormat>> {
    let name = name.to_lowercase();
    if let Some((format, more)) = also(&name) {
        let mut options = options.clone();
        for (name, value) in more {
            if !options.keys().any(|given| bare(given) == bare(name)) {
                options.insert((*name).to_string(), (*value).to_string());
            }
        }
        return named(state, format, &options);
    }
    if let Some(kind) = Kind::of(&name) {
        check_none(kind.name(), options)?;
        return Ok(Arc::new(Columnar::new(kind)));
    }
    let Some(factory) = state.get_file_format_factory(&name).filter(|_| of_end(&name).is_some()) else {
        return Err(unknown(&name));
    };
    if name == "parquet" {
        return Ok(factory.create(state, options)?);
    }
    let (unpacking, options) = unpacking(&name, options)?;
    let format = factory.create(state, &options)?;
    if let Some(csv) = format.downcast_ref::<CsvFormat>() {
        return Ok(Arc::new(TextTables::csv(csv.options().clone(), unpacking)));
    }
    Ok(match format.downcast_ref::<JsonFormat>() {
        Some(json) => Arc::new(TextTables::json(json.options().clone(), unpacking)),
        None => format,
    })
}

/// The format of Parquet files, as they are read without options.
///
/// # Errors
/// When the session has no such format.
pub(crate) fn parquet(state: &SessionState) -> Result<Arc<dyn FileFormat>> {
    named(state, "parquet", &HashMap::new())
}

pub(crate) fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no file format {}", name.to_uppercase())).with_hint(FORMATS)
}

/// Readers and writers of Arrow, Avro and ORC files know no options.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for one that asks for anything.
pub(crate) fn check_none(format: &str, options: &HashMap<String, String>) -> Result<()> {
    let is_plain = |name: &str, value: &str| {
        name.starts_with("execution.") || (name.ends_with("compression") && value.eq_ignore_ascii_case("uncompressed"))
    };
    match options.iter().find(|(name, value)| !is_plain(&name.to_ascii_lowercase(), value)) {
        None => Ok(()),
        Some((option, _)) => {
            let message = format!("{format} files take no options: '{option}' would do nothing");
            Err(Error::new(ErrorKind::Unsupported, message).with_hint("leave it out, or use Parquet, CSV or JSON"))
        }
    }
}

/// The name of an option without its namespace.
fn bare(name: &str) -> String {
    name.to_ascii_lowercase().trim_start_matches("format.").to_string()
}

/// How text is made of files, by options that are ours, and the others in the host's words.
fn unpacking(format: &str, options: &HashMap<String, String>) -> Result<(Unpacking, HashMap<String, String>)> {
    let mut options = options.clone();
    let mut unpacking = Unpacking::default();
    let mut take = |wanted: &str| {
        let name = options.keys().find(|name| bare(name) == wanted)?.clone();
        options.remove(&name)
    };
    let (compression, skip) = (take("compression"), if format == "csv" { take("skip") } else { None });
    if let Some(text) = compression {
        unpacking.packing = Packing::of_option(&text)?;
        if let Packing::All(codec) = unpacking.packing {
            let name = codec.map_or("uncompressed", Codec::name);
            options.insert("format.compression".to_string(), name.to_string());
        }
    }
    if let Some(text) = skip {
        let wrong = || {
            Error::new(ErrorKind::Invalid, format!("skip = {text} is no number of lines")).with_hint("write skip = 1")
        };
        unpacking.skipped_lines = text.trim_matches('\'').parse().map_err(|_| wrong())?;
    }
    Ok((unpacking, options))
}

/// Why a file of that name is not read.
pub(super) fn refused(name: &str) -> Option<Error> {
    packed_whole(name, None)
}

/// Why there is no file of that name in that format, or the one that its name says: it would be packed as a whole, and is no text.
pub(crate) fn packed_whole(name: &str, format: Option<&str>) -> Option<Error> {
    let (inner, codec) = Codec::of_name(name);
    let (codec, known) = (codec?, of_end(format.or_else(|| end(inner))?)?);
    if known.is_text() {
        return None;
    }
    let format = known.name().to_uppercase();
    let message = format!("'{name}' is compressed with {} as a whole, which only text may be", codec.name());
    Some(
        Error::new(ErrorKind::Unsupported, message)
            .with_hint(format!("leave that out of the name: {format} files are compressed inside, and read in parts")),
    )
}

/// Formats that are read and not written.
pub(crate) fn no_writer(format: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{} files are read and not written", format.to_uppercase()))
        .with_hint("write PARQUET, CSV, JSON or ARROW: COPY ... TO 'x.parquet'")
}

/// Whether rows can be written in that format.
pub(crate) fn is_written(format: &str) -> bool {
    !["avro", "orc"].iter().any(|read_only| format.eq_ignore_ascii_case(read_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_formats() {
        for (name, format) in [
            ("a.parquet", Some("parquet")),
            ("A.PARQUET", Some("parquet")),
            ("a.csv.gz", Some("csv")),
            ("a.tsv.zst", Some("csv")),
            ("a.jsonl.bz2", Some("json")),
            ("a.feather", Some("arrow")),
            ("a.avro", Some("avro")),
            ("a.orc", Some("orc")),
            ("a.parquet.gz", None),
            ("a.gz", None),
            ("a", None),
        ] {
            assert_eq!(of_name(name).map(Known::name), format, "{name}");
        }
        assert!(refused("a.orc.gz").is_some() && refused("a.csv.gz").is_none() && refused("a.txt.gz").is_none());
    }
}
