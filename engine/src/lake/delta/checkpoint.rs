//! Checkpoints: the actions that are left of all commits before. In one file, in parts, or of version 2 (JSON or Parquet, with
//! sidecars in `_sidecars`).
//!
//! Rows of Parquet are turned into the lines that commits have, so that there is one way to read an action.

use bytes::Bytes;
use datafusion::arrow::json::writer::{LineDelimited, WriterBuilder};
use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::schema::types::SchemaDescriptor;

use super::super::place::{Place, damaged, unharmed};
use super::actions::{Line, lines};
use super::replay::Replay;
use super::{LOG, listing};
use crate::error::Result;

/// What is read of a checkpoint's columns.
const COLUMNS: [&str; 9] = [
    "protocol",
    "metaData",
    "sidecar",
    "add.path",
    "add.partitionValues",
    "add.size",
    "add.stats",
    "add.deletionVector",
    "add.modificationTime",
];
/// What is read where the text of the statistics is not there.
const TEXT: &str = "add.stats";
const PARSED: &str = "add.stats_parsed";

/// Reads a checkpoint's parts.
pub(super) async fn read_into(replay: &mut Replay, place: &Place, parts: &[ObjectMeta]) -> Result<()> {
    let mut sidecars: Vec<Path> = Vec::new();
    for (file, bytes) in listing::contents(place, parts).await? {
        for line in unharmed(&file.location, || rows(&file.location, bytes))? {
            if let Some(sidecar) = &line.sidecar {
                sidecars.push(sidecar_path(place, &sidecar.path)?);
            }
            replay.add(&file.location, line)?;
        }
    }
    for (path, bytes) in listing::contents_at(place, &sidecars).await? {
        for line in unharmed(path, || rows(path, bytes))? {
            replay.add(path, line)?;
        }
    }
    Ok(())
}

/// A sidecar is called by its name alone, in a folder of its own.
fn sidecar_path(place: &Place, name: &str) -> Result<Path> {
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    place.below(&format!("{LOG}/_sidecars/{name}"))
}

fn rows(path: &Path, bytes: Bytes) -> Result<Vec<Line>> {
    let mut read = Vec::new();
    let mut take = |text: &[u8]| -> Result<()> {
        for (number, line) in lines(text) {
            read.push(line.map_err(|e| damaged(path, format!("row {number}: {e}")))?);
        }
        Ok(())
    };
    if path.extension() == Some("json") {
        take(&bytes)?;
        return Ok(read);
    }
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| damaged(path, e))?;
    let mask = wanted(builder.parquet_schema());
    let reader = builder.with_projection(mask).build().map_err(|e| damaged(path, e))?;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(path, e))?;
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).and_then(|()| writer.finish()).map_err(|e| damaged(path, e))?;
        take(&writer.into_inner())?;
    }
    Ok(read)
}

fn wanted(schema: &SchemaDescriptor) -> ProjectionMask {
    let has_text = schema.columns().iter().any(|column| column.path().string() == TEXT);
    let more = (!has_text).then_some(PARSED);
    ProjectionMask::columns(schema, COLUMNS.into_iter().chain(more))
}
