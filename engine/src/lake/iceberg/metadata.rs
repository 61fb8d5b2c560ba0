//! The file of metadata: schemas, ways to part rows, and versions, which Iceberg calls snapshots.

use std::collections::HashMap;

use object_store::path::Path;
use serde::Deserialize;
use serde_json::Value;

use super::super::place::{Place, damaged};
use super::super::version::{AsOf, shown};
use crate::error::{Error, ErrorKind, Result};

/// Versions of the format that are read.
const LAST_VERSION: u32 = 3;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    format_version: u32,
    pub(super) location: String,
    #[serde(default)]
    schemas: Vec<Schema>,
    /// Of version 1, which may have no list of them.
    schema: Option<Schema>,
    current_schema_id: Option<i32>,
    #[serde(default)]
    partition_specs: Vec<Spec>,
    /// Of version 1.
    partition_spec: Option<Vec<SpecField>>,
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<Version>,
    #[serde(default)]
    snapshot_log: Vec<LogEntry>,
    #[serde(default)]
    properties: HashMap<String, String>,
    #[serde(default)]
    encryption_keys: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Schema {
    #[serde(default)]
    schema_id: i32,
    pub(super) fields: Vec<SchemaField>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SchemaField {
    pub(super) id: i32,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) data_type: Value,
    /// What rows have that were written before the column came.
    pub(super) initial_default: Option<Value>,
}

/// A way to part rows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Spec {
    spec_id: i32,
    fields: Vec<SpecField>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SpecField {
    /// Of the column; version 3 may have several.
    pub(super) source_id: Option<i32>,
    pub(super) transform: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Version {
    snapshot_id: i64,
    timestamp_ms: i64,
    /// Old tables of version 1 have the manifests themselves here, in `manifests`.
    manifest_list: Option<String>,
    schema_id: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LogEntry {
    snapshot_id: i64,
    timestamp_ms: i64,
}

impl Version {
    pub(super) fn id(&self) -> i64 {
        self.snapshot_id
    }
}

impl Metadata {
    pub(super) fn parsed(path: &Path, text: &[u8]) -> Result<Self> {
        serde_json::from_slice(text).map_err(|e| damaged(path, e))
    }

    /// # Errors
    /// [`ErrorKind::Unsupported`] for what is not read.
    pub(super) fn check(&self, place: &Place) -> Result<()> {
        let refused = |what: String| {
            let message = format!("the Iceberg table '{}' {what}, which is not supported", place.written());
            Error::new(ErrorKind::Unsupported, message).with_hint(format!("versions 1 to {LAST_VERSION} are read"))
        };
        if !(1..=LAST_VERSION).contains(&self.format_version) {
            return Err(refused(format!("is of version {} of the format", self.format_version)));
        }
        if !self.encryption_keys.is_empty() {
            return Err(refused("is encrypted".to_string()));
        }
        Ok(())
    }

    /// The version that is asked for; `None` of a table that has none yet.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it is not there.
    pub(super) fn version(&self, place: &Place, as_of: AsOf) -> Result<Option<&Version>> {
        let none = |cause: String| {
            let message = format!("the table '{}' has no {cause}", place.written());
            Error::new(ErrorKind::NotFound, message).with_hint("ask for another one, or for none: the latest")
        };
        let id = match as_of {
            AsOf::Latest => match self.current_snapshot_id.filter(|id| *id >= 0) {
                Some(id) => id,
                None => return Ok(None),
            },
            AsOf::Number(number) => i64::try_from(number).map_err(|_| none(format!("snapshot {number}")))?,
            AsOf::Time(time) => self.at(time).ok_or_else(|| {
                let first = self.snapshots.iter().map(|version| version.timestamp_ms).min();
                let first = first.map(|time| format!(": its first snapshot is of {}", shown(time)));
                none(format!("version of that time{}", first.unwrap_or_default()))
            })?,
        };
        let version = self.snapshots.iter().find(|version| version.snapshot_id == id);
        version.map(Some).ok_or_else(|| none(format!("snapshot {id}")))
    }

    fn at(&self, time: i64) -> Option<i64> {
        if self.snapshot_log.is_empty() {
            let before = self.snapshots.iter().filter(|version| version.timestamp_ms <= time);
            return before.max_by_key(|version| version.timestamp_ms).map(|version| version.snapshot_id);
        }
        let before = self.snapshot_log.iter().filter(|entry| entry.timestamp_ms <= time);
        before.max_by_key(|entry| entry.timestamp_ms).map(|entry| entry.snapshot_id)
    }

    /// The schema of a version.
    pub(super) fn schema(&self, place: &Place, version: Option<&Version>, as_current: bool) -> Result<&Schema> {
        let of_version = version.and_then(|version| version.schema_id).filter(|_| !as_current);
        let wanted = of_version.or(self.current_schema_id).unwrap_or(0);
        let known = self.schemas.iter().find(|schema| schema.schema_id == wanted).or(self.schema.as_ref());
        known.ok_or_else(|| invalid(place, &format!("there is no schema {wanted}")))
    }

    /// Whether `version` is the latest, whose columns are those of the table now.
    pub(super) fn is_current(&self, version: Option<&Version>) -> bool {
        version.map(Version::id) == self.current_snapshot_id.filter(|id| *id >= 0)
    }

    /// The column of that number, as the last schema that has it says.
    pub(super) fn field_of_any(&self, number: i32) -> Option<&SchemaField> {
        let has = |schema: &&Schema| schema.fields.iter().any(|field| field.id == number);
        let of_list = self.schemas.iter().filter(has).max_by_key(|schema| schema.schema_id);
        of_list.or(self.schema.as_ref())?.fields.iter().find(|field| field.id == number)
    }

    /// How the rows of a manifest are parted.
    pub(super) fn spec(&self, id: i32) -> &[SpecField] {
        self.known_spec(id).unwrap_or_default()
    }

    fn known_spec(&self, id: i32) -> Option<&[SpecField]> {
        let known = self.partition_specs.iter().find(|spec| spec.spec_id == id).map(|spec| &spec.fields);
        known.or(self.partition_spec.as_ref()).map(Vec::as_slice)
    }

    /// Whether that way parts no rows: a field that was taken away from a table of version 1 stays, as nothing.
    pub(super) fn is_unparted(&self, id: i32) -> bool {
        self.known_spec(id).is_some_and(|fields| fields.iter().all(|field| field.transform == "void"))
    }

    /// # Errors
    /// [`ErrorKind::Unsupported`] where it has manifests without a list of them.
    pub(super) fn manifest_list<'v>(&self, place: &Place, version: &'v Version) -> Result<&'v str> {
        version.manifest_list.as_deref().ok_or_else(|| {
            let message = format!("snapshot {} of '{}' has no manifest list", version.id(), place.written());
            Error::new(ErrorKind::Unsupported, message).with_hint("have a later writer make a new version of the table")
        })
    }

    /// Names of columns in files without numbers, by the numbers of fields.
    pub(super) fn names(&self, place: &Place) -> Result<HashMap<i32, Vec<String>>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Named {
            field_id: Option<i32>,
            names: Vec<String>,
        }
        let Some(text) = self.properties.get("schema.name-mapping.default") else { return Ok(HashMap::new()) };
        let named: Vec<Named> = serde_json::from_str(text).map_err(|e| invalid(place, &e.to_string()))?;
        Ok(named.into_iter().filter_map(|named| Some((named.field_id?, named.names))).collect())
    }
}

pub(super) fn invalid(place: &Place, cause: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("the metadata of '{}' is damaged: {cause}", place.written()))
        .with_hint("a table is as good as its metadata: restore it, or read another version")
}
