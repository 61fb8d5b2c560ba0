//! Actions in the order of their versions, and the table that they leave.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::path::Path;

use super::super::deleted::counted;
use super::super::names::decoded;
use super::super::place::{Place, damaged};
use super::super::snapshot::{self, Column, DataFile, Deleted, Lookup, Snapshot, Statistics};
use super::actions::{Add, Line, Metadata, Protocol, Vector, lines};
use super::protocol::{self, ColumnMapping};
use super::{schema, values};
use crate::error::{Error, ErrorKind, Result};

/// Of a vector in a file, one of these lies in front.
const FORMAT_BYTES: u64 = 1;
/// Characters of a file's number in a path.
const NUMBER_LENGTH: usize = 20;
/// Digits of numbers to the base of 85, as ZeroMQ's RFC 32 has them.
const DIGITS: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// A file and its vector: that is what is added and removed.
type Key = (String, String);

/// What is left of the actions so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    protocol: Option<Protocol>,
    metadata: Option<Metadata>,
    /// With the file of the log that has each.
    files: BTreeMap<Key, (Add, Arc<Path>)>,
    last: Option<Arc<Path>>,
}

impl Replay {
    /// A commit; `text` is what is in `file`.
    pub(super) fn commit(&mut self, file: &ObjectMeta, text: &[u8]) -> Result<()> {
        let path = &file.location;
        // What is removed in a commit was there before it: a file may come back with the same vector.
        let mut added = Vec::new();
        for (number, line) in lines(text) {
            let mut line = line.map_err(|e| damaged(path, format!("line {number}: {e}")))?;
            if let Some(remove) = &line.remove {
                self.files.remove(&key(&remove.path, remove.deletion_vector.as_ref()));
            }
            added.extend(line.add.take());
            self.add(path, line)?;
        }
        for add in added {
            self.add(path, Line { add: Some(add), ..Line::default() })?;
        }
        Ok(())
    }

    /// A line that `path` has, where it takes nothing away.
    pub(super) fn add(&mut self, path: &Path, line: Line) -> Result<()> {
        if let Some(add) = line.add {
            let path = match &self.last {
                Some(last) if **last == *path => Arc::clone(last),
                _ => Arc::new(path.clone()),
            };
            self.last = Some(Arc::clone(&path));
            self.files.insert(key(&add.path, add.deletion_vector.as_ref()), (add, path));
        }
        if let Some(protocol) = line.protocol {
            self.protocol = Some(protocol);
        }
        if let Some(metadata) = line.meta_data {
            self.metadata = Some(metadata);
        }
        Ok(())
    }

    pub(super) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// The table.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for what its protocol asks and is not known, [`ErrorKind::Invalid`] for a damaged log.
    pub(super) fn snapshot(self, place: &Place, version: u64) -> Result<Snapshot> {
        let missing = |what: &str| {
            let message = format!("the log of '{}' has no {what} up to version {version}", place.written());
            Error::new(ErrorKind::Invalid, message).with_hint("restore the files of its _delta_log")
        };
        let protocol = self.protocol.ok_or_else(|| missing("protocol"))?;
        protocol::check(place, &protocol)?;
        let metadata = self.metadata.ok_or_else(|| missing("metadata"))?;
        if metadata.format.provider != "parquet" {
            let message = format!("the Delta table '{}' has {} files", place.written(), metadata.format.provider);
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint("only those of Parquet are read"));
        }
        let mapping = protocol::column_mapping(place, &protocol, &metadata)?;
        let columns = schema::columns(place, &metadata, mapping)?;
        let partition: Vec<&Column> = columns.iter().filter(|column| column.is_partition).collect();
        let mut files = Vec::with_capacity(self.files.len());
        for (add, path) in self.files.into_values() {
            files.push(data_file(place, &partition, add, &path)?);
        }
        if let Some(twice) = files.windows(2).find(|two| two[0].path == two[1].path) {
            let message = format!("the log of '{}' has the file '/{}' twice", place.written(), twice[0].path);
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("restore the files of its _delta_log"));
        }
        let lookup = if mapping == ColumnMapping::Id { Lookup::NumberOrName } else { Lookup::Name };
        Ok(Snapshot { version: format!("version {version}"), columns, lookup, files, by_values: Vec::new() })
    }
}

fn key(path: &str, vector: Option<&Vector>) -> Key {
    // Some writers encode a path otherwise when they take it away.
    let path = decoded(path).unwrap_or_else(|| path.to_string());
    (path, vector.map(Vector::key).unwrap_or_default())
}

fn data_file(place: &Place, partition: &[&Column], add: Add, log: &Path) -> Result<DataFile> {
    let mut values = Vec::with_capacity(partition.len());
    for column in partition {
        let (name, data_type) = (column.stored.name(), column.field.data_type());
        let Some(text) = add.partition_values.get(name) else {
            return Err(damaged(log, format!("'{}' has no value of the partition column {name}", add.path)));
        };
        let value = values::of_partition(text.as_deref(), data_type).ok_or_else(|| {
            let text = text.as_deref().unwrap_or_default();
            damaged(log, format!("'{text}', of the partition column {name} of '{}', is no {data_type}", add.path))
        })?;
        values.push(value);
    }
    let deleted = add.deletion_vector.as_ref().map(|vector| deleted(place, vector, log)).transpose()?;
    let statistics = match (add.stats, add.parsed_stats) {
        (Some(text), _) => Statistics::Text(text.into()),
        (None, Some(object)) => Statistics::Object(Box::new(object)),
        (None, None) => Statistics::Unknown,
    };
    let path = place.named(&add.path)?;
    let deleted = deleted.unwrap_or(Deleted::None);
    Ok(DataFile { partition: values, statistics, deleted, ..DataFile::new(path, add.size) })
}

fn deleted(place: &Place, vector: &Vector, log: &Path) -> Result<Deleted> {
    let text = vector.path_or_inline_dv.as_str();
    let wrong = |cause: &str| damaged(log, format!("the deletion vector '{text}': {cause}"));
    let path = match vector.storage_type.as_str() {
        "i" => {
            let bytes = from_base_85(text).ok_or_else(|| wrong("it is no number to the base of 85"))?;
            let size = usize::try_from(vector.size_in_bytes).unwrap_or(usize::MAX);
            // The last group of digits is filled up.
            let bytes = bytes.get(..size).ok_or_else(|| wrong("it is shorter than it says"))?;
            let rows = counted(bytes, vector.cardinality).map_err(wrong)?;
            return Ok(Deleted::Rows(rows.into()));
        }
        "u" => {
            let at = text.len().checked_sub(NUMBER_LENGTH).filter(|at| text.is_char_boundary(*at));
            let (folder, number) = text.split_at(at.ok_or_else(|| wrong("it is too short"))?);
            let bytes = from_base_85(number).ok_or_else(|| wrong("it is no number to the base of 85"))?;
            let number: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let [a, b, c, d] = [&number[..8], &number[8..12], &number[12..16], &number[16..20]];
            let name = format!("deletion_vector_{a}-{b}-{c}-{d}-{}.bin", &number[20..]);
            place.below(&if folder.is_empty() { name } else { format!("{folder}/{name}") })?
        }
        "p" => place.at_url(text)?,
        other => return Err(wrong(&format!("it is stored in a way '{other}', which is not known"))),
    };
    let (size, rows) = (vector.size_in_bytes, vector.cardinality);
    Ok(Deleted::At(snapshot::Vector { path, offset: vector.offset.unwrap_or(FORMAT_BYTES), size, rows }))
}

/// The bytes of a number: four for every five digits.
fn from_base_85(text: &str) -> Option<Vec<u8>> {
    let groups = text.as_bytes().chunks_exact(5);
    if !groups.remainder().is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 5 * 4);
    for group in groups {
        let mut number = 0_u32;
        for digit in group {
            let value = DIGITS.iter().position(|known| known == digit)?;
            number = number.checked_mul(85)?.checked_add(u32::try_from(value).ok()?)?;
        }
        bytes.extend(number.to_be_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_to_the_base_of_85() {
        assert_eq!(from_base_85("HelloWorld").unwrap(), [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]);
        assert_eq!(from_base_85("Hell"), None);
        assert_eq!(from_base_85("#####"), None, "too great");
        assert_eq!(from_base_85("Hell~"), None);
    }
}
