//! The columns of JSON lines: those of the first records of every file together, so that a number that grew a fraction in a later
//! file, or a key that came later, is no error. Only the beginnings of files are fetched. Not here: files that are one array of
//! records, which DataFusion's format knows.

use std::io::Cursor;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::json::reader::infer_json_schema;
use datafusion::common::config::JsonOptions;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::error::{Error, ErrorKind, Result};

/// Records that are looked at, of all files together, unless the option `schema_infer_max_rec` says another number. What has a key
/// only behind these loses it, so there are many.
const RECORDS_SAMPLED: usize = 20_480;

/// Of each file, however many there are.
const RECORDS_OF_EACH: usize = 100;

/// The columns of `files`.
///
/// # Errors
/// [`ErrorKind::Invalid`] for text that is no JSON lines, or has no record.
pub(super) async fn of_files(
    options: &JsonOptions,
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
) -> Result<SchemaRef> {
    let sampled = options.schema_infer_max_rec.unwrap_or(RECORDS_SAMPLED);
    let (mut left, mut all) = (sampled, Vec::new());
    for file in files {
        let wanted = left.max(RECORDS_OF_EACH.min(sampled));
        let (head, records) = read_head(store, file, wanted).await?;
        if head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            let message = "it is one array, and no JSON lines";
            return Err(Error::new(ErrorKind::Invalid, message)
                .with_hint("read_json('...', format = 'array') reads it")
                .about_file(&file.location));
        }
        all.extend_from_slice(&head);
        all.push(b'\n');
        left -= records.min(left);
    }
    let (schema, records) = infer_json_schema(Cursor::new(all), None).map_err(DataFusionError::from)?;
    if records == 0 {
        return Err(Error::new(ErrorKind::Invalid, "there is no record in it"));
    }
    let typed = |field: &Arc<Field>| match field.data_type() {
        // Only NULL was seen: what comes later may be anything.
        DataType::Null => Field::new(field.name(), DataType::Utf8, true),
        _ => field.as_ref().clone(),
    };
    Ok(Arc::new(Schema::new(schema.fields().iter().map(typed).collect::<Vec<_>>())))
}

/// `records` lines from the beginning of the file, or all there are.
async fn read_head(store: &Arc<dyn ObjectStore>, file: &ObjectMeta, records: usize) -> Result<(Vec<u8>, usize)> {
    let got = store.get(&file.location).await.map_err(DataFusionError::from)?;
    let (mut stream, mut head, mut found) = (got.into_stream(), Vec::new(), 0);
    while let Some(bytes) = stream.try_next().await.map_err(DataFusionError::from)? {
        for (at, byte) in bytes.iter().enumerate() {
            found += usize::from(*byte == b'\n');
            if found >= records {
                head.extend_from_slice(&bytes[..=at]);
                return Ok((head, found));
            }
        }
        head.extend_from_slice(&bytes);
    }
    Ok((head, found))
}
