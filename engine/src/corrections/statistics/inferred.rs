//! The columns of files that are declared without any, as the host's format finds them; as nullable as the files are, and of
//! types that hold what every file has ([`super::widened`]).

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::file_format::parquet::{
    ParquetFormat, transform_binary_to_string, transform_schema_to_view,
};
use datafusion::error::Result;

use super::footers::FileColumns;
use super::widened;

/// The columns of all files together.
pub(super) fn schema(files: &[FileColumns], host: &ParquetFormat) -> Result<SchemaRef> {
    let bare = |schema: Schema| match host.skip_metadata() {
        true => {
            let bare = |field: &Arc<Field>| field.as_ref().clone().with_metadata(Default::default());
            Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>())
        }
        false => schema,
    };
    let merged = Schema::try_merge(widened::alike(files)?.into_iter().map(bare))?;
    let merged = if host.binary_as_string() { transform_binary_to_string(&merged) } else { merged };
    let merged = if host.force_view_types() { transform_schema_to_view(&merged) } else { merged };
    Ok(Arc::new(with_missing(merged, files)))
}

/// The columns of files of whatever format: their names, in the order in which they come, and types that hold what every file has.
///
/// # Errors
/// For a column of which two files have types that no other holds.
pub(crate) fn united(files: &[FileColumns]) -> Result<SchemaRef> {
    Ok(Arc::new(with_missing(Schema::try_merge(widened::alike(files)?)?, files)))
}

/// A column that a file lacks is NULL there.
fn with_missing(merged: Schema, files: &[FileColumns]) -> Schema {
    let lacks = |name: &str| files.iter().any(|file| file.schema.column_with_name(name).is_none());
    if files.len() < 2 || merged.fields().iter().all(|field| field.is_nullable()) {
        return merged;
    }
    let fields = merged.fields().iter().map(|field| match field.is_nullable() || !lacks(field.name()) {
        true => Arc::clone(field),
        false => Arc::new(field.as_ref().clone().with_nullable(true)),
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), merged.metadata().clone())
}
