//! The actions of a log that a reader needs, as JSON has them. Keys that are not known are passed over, as the protocol wants it:
//! what a reader must know is among the features of the protocol.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A line of a commit, or a row of a checkpoint: one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Line {
    pub(super) add: Option<Add>,
    pub(super) remove: Option<Remove>,
    pub(super) meta_data: Option<Metadata>,
    pub(super) protocol: Option<Protocol>,
    pub(super) sidecar: Option<Sidecar>,
    pub(super) commit_info: Option<CommitInfo>,
}

/// A file becomes the table's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    pub(super) path: String,
    #[serde(default)]
    pub(super) partition_values: HashMap<String, Option<String>>,
    pub(super) size: u64,
    pub(super) stats: Option<String>,
    /// In checkpoints, instead of the text.
    #[serde(rename = "stats_parsed")]
    pub(super) parsed_stats: Option<Map<String, Value>>,
    pub(super) deletion_vector: Option<Vector>,
}

/// A file is the table's no more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    pub(super) deletion_vector: Option<Vector>,
}

/// Which rows of a file are deleted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Vector {
    pub(super) storage_type: String,
    pub(super) path_or_inline_dv: String,
    pub(super) offset: Option<u64>,
    pub(super) size_in_bytes: u64,
    pub(super) cardinality: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) format: Format,
    pub(super) schema_string: String,
    #[serde(default)]
    pub(super) partition_columns: Vec<String>,
    #[serde(default)]
    pub(super) configuration: HashMap<String, Option<String>>,
}

/// Of data files.
#[derive(Debug, Deserialize)]
pub(super) struct Format {
    pub(super) provider: String,
}

impl Default for Format {
    fn default() -> Self {
        Self { provider: "parquet".to_string() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: u32,
    pub(super) reader_features: Option<Vec<String>>,
}

/// A file with rows of a checkpoint.
#[derive(Debug, Deserialize)]
pub(super) struct Sidecar {
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitInfo {
    pub(super) in_commit_timestamp: Option<i64>,
}

impl Metadata {
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.configuration.get(name)?.as_deref()
    }
}

impl Vector {
    /// What tells it from another vector of the same file.
    pub(super) fn key(&self) -> String {
        let offset = self.offset.map(|offset| format!("@{offset}")).unwrap_or_default();
        format!("{}{}{offset}", self.storage_type, self.path_or_inline_dv)
    }
}

/// The lines of a text, each with its number from 1.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, serde_json::Result<Line>)> {
    let lines = text.split(|byte| *byte == b'\n').zip(1..);
    let told = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    told.map(|(line, number)| (number, serde_json::from_slice(line)))
}
