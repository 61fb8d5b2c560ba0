//! The columns of files that are declared without any, as the host's format finds them; as nullable as the files are.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::file_format::parquet::{
    ParquetFormat, transform_binary_to_string, transform_schema_to_view,
};
use datafusion::error::Result;

/// The columns of all files of these schemas together.
pub(super) fn schema(schemas: &[SchemaRef], host: &ParquetFormat) -> Result<SchemaRef> {
    let plain = |schema: &SchemaRef| match host.skip_metadata() {
        true => {
            let bare = |field: &Arc<Field>| field.as_ref().clone().with_metadata(Default::default());
            Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>())
        }
        false => schema.as_ref().clone(),
    };
    let merged = Schema::try_merge(schemas.iter().map(plain))?;
    let merged = if host.binary_as_string() { transform_binary_to_string(&merged) } else { merged };
    let merged = if host.force_view_types() { transform_schema_to_view(&merged) } else { merged };
    Ok(Arc::new(with_missing(merged, schemas)))
}

/// A column that a file lacks is NULL there.
fn with_missing(merged: Schema, schemas: &[SchemaRef]) -> Schema {
    let lacks = |name: &str| schemas.iter().any(|schema| schema.column_with_name(name).is_none());
    if schemas.len() < 2 || merged.fields().iter().all(|field| field.is_nullable()) {
        return merged;
    }
    let fields = merged.fields().iter().map(|field| match field.is_nullable() || !lacks(field.name()) {
        true => Arc::clone(field),
        false => Arc::new(field.as_ref().clone().with_nullable(true)),
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), merged.metadata().clone())
}
