//! A table as one version of its metadata has it: columns, files, and the rows of these that are deleted. What all formats are made into.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::bounds::Bounds;
use super::iceberg::Known;

/// One version of a table.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// As errors call it: `version 3`.
    pub(crate) version: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) lookup: Lookup,
    pub(crate) files: Vec<DataFile>,
    /// Rows that are deleted by their values, by the columns that these are of.
    pub(crate) by_values: Vec<ByValues>,
}

/// How columns are found in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// By the names that the metadata says.
    Name,
    /// By the numbers of their fields; of files without numbers by those names.
    NumberOrName,
    /// By the numbers of their fields; of files without numbers by the names that the metadata has for that.
    NumberOrAlias,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// As SQL sees it.
    pub(crate) field: FieldRef,
    /// As files have it, where they do not say otherwise: of the same type, but for the names in it.
    pub(crate) stored: FieldRef,
    /// What numbers its field in files.
    pub(crate) number: Option<i32>,
    /// What numbers the fields in it, by their paths.
    pub(crate) nested: Vec<(String, i32)>,
    /// What files without numbers may call it.
    pub(crate) aliases: Vec<String>,
    /// What rows have of files that were written before it came, where that is not NULL.
    pub(crate) initial: Option<ScalarValue>,
    /// Whether the metadata gives one value of it for all rows of a file, and files have none.
    pub(crate) is_partition: bool,
}

/// A file of rows.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) path: Path,
    /// In bytes.
    pub(crate) size: u64,
    /// Of the partition columns, in their order.
    pub(crate) partition: Vec<ScalarValue>,
    /// Of other columns, by their numbers, where all rows have one and the file may not have it; `None` is one that is not known.
    pub(crate) constants: Vec<(i32, Option<ScalarValue>)>,
    pub(crate) statistics: Statistics,
    pub(crate) deleted: Deleted,
    /// Which rows that are deleted by their values may be the file's.
    pub(crate) standing: Standing,
    /// Its state as this version has found it, of a store whose tags prove what is read after it.
    pub(crate) seen: Mutex<Option<ObjectMeta>>,
}

/// Where a file stands among the files of its table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// Number of the version that it came with.
    pub(crate) sequence: i64,
    /// Number of its partition, among those of a snapshot.
    pub(crate) part: i64,
}

/// Files whose rows are values of rows that are deleted, in all data files that came before them.
#[derive(Debug)]
pub(crate) struct ByValues {
    /// Not all need be columns of the table now.
    pub(crate) columns: Vec<Column>,
    /// Of files in every partition; else each of these is about the files in its own.
    pub(crate) is_global: bool,
    pub(crate) files: Vec<DataFile>,
}

impl DataFile {
    /// Of which nothing more is known.
    pub(crate) fn new(path: Path, size: u64) -> Self {
        Self {
            path,
            size,
            partition: Vec::new(),
            constants: Vec::new(),
            statistics: Statistics::Unknown,
            deleted: Deleted::None,
            standing: Standing::default(),
            seen: Mutex::default(),
        }
    }
}

/// What the metadata says of a file's values.
#[derive(Debug)]
pub(crate) enum Statistics {
    Unknown,
    /// Delta's, as its log has it: most queries ask for few columns, or none.
    Text(Box<str>),
    /// The same from a checkpoint that has it in columns.
    Object(Box<Map<String, Value>>),
    /// Iceberg's.
    Numbered(Box<Known>),
}

impl Statistics {
    pub(crate) fn bounds(&self, column: &Column) -> Bounds {
        match self {
            Self::Unknown => Bounds::default(),
            Self::Text(text) => match serde_json::from_str::<Map<String, Value>>(text) {
                Ok(object) => super::delta::bounds(&object, column),
                Err(_) => Bounds::default(),
            },
            Self::Object(object) => super::delta::bounds(object, column),
            Self::Numbered(known) => known.bounds(column),
        }
    }
}

/// Rows of a file that are no more.
#[derive(Debug, Clone)]
pub(crate) enum Deleted {
    None,
    /// Of a deletion vector that lies in a file.
    At(Vector),
    /// Of one that the metadata holds.
    Rows(Arc<[Range<u64>]>),
}

/// Where a deletion vector lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Vector {
    pub(crate) path: Path,
    /// Of the size that stands before the vector.
    pub(crate) offset: u64,
    /// Of the vector alone.
    pub(crate) size: u64,
    /// How many rows it has.
    pub(crate) rows: u64,
}

impl Snapshot {
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|column| Arc::clone(&column.field)).collect::<Vec<_>>()))
    }

    /// Of all its files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let of_values = self.by_values.iter().flat_map(|of| &of.files);
        self.files.iter().chain(of_values).map(|file| &file.path)
    }

    pub(crate) fn partition_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_partition)
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.field.name() == name)
    }
}
