//! `maar.system.object_stores`: the stores of URLs that the server has opened, and the names of the secrets that opened them. Whoever
//! sees all sees them: nobody knows whose a store is. Not here: secrets themselves (`maar_secrets()`), which are never shown.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::prelude::SessionConfig;

use super::viewer::Viewer;

pub(super) fn schema() -> Schema {
    let column = |name: &str, data_type| Field::new(name, data_type, true);
    Schema::new(vec![
        column("url", DataType::Utf8),
        column("type", DataType::Utf8),
        column("secrets", DataType::Utf8),
        column("is_open_without", DataType::Boolean),
    ])
}

pub(super) fn rows(config: &SessionConfig, schema: SchemaRef) -> Result<RecordBatch> {
    let viewer = Viewer::of(config)?;
    let stores = if viewer.sees_all() { viewer.engine()?.object_stores() } else { Vec::new() };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(stores.iter().map(|store| Some(store.url.as_str())).collect::<StringArray>()),
        Arc::new(stores.iter().map(|store| Some(store.kind.to_string())).collect::<StringArray>()),
        Arc::new(stores.iter().map(|store| Some(store.secrets.join(", "))).collect::<StringArray>()),
        Arc::new(stores.iter().map(|store| Some(store.is_open_without)).collect::<BooleanArray>()),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}
