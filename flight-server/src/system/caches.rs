//! `maar.system.caches`: what is kept between queries, and how often it was of use. Of the plans it is the session's own; all else is
//! everyone's, and says nothing of anyone.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use maar_engine::CacheUsage;
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::prelude::SessionConfig;

use super::viewer::Viewer;

type Number = fn(&CacheUsage) -> Option<u64>;

/// The columns behind the name and the device.
const NUMBERS: &[(&str, Number)] = &[
    ("entries", |cache| cache.entries),
    ("entries_max", |cache| cache.entries_max),
    ("bytes", |cache| cache.bytes),
    ("bytes_max", |cache| cache.bytes_max),
    ("hits", |cache| cache.hits),
    ("misses", |cache| cache.misses),
    ("evicted", |cache| cache.evicted),
    ("outdated", |cache| cache.outdated),
];

pub(super) fn schema() -> Schema {
    let text = ["cache", "device"].map(|name| Field::new(name, DataType::Utf8, true));
    let numbers = NUMBERS.iter().map(|(name, _)| Field::new(*name, DataType::UInt64, true));
    Schema::new(text.into_iter().chain(numbers).collect::<Vec<_>>())
}

pub(super) fn rows(config: &SessionConfig, schema: SchemaRef) -> Result<RecordBatch> {
    let caches = Viewer::of(config)?.engine()?.caches();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(caches.iter().map(|cache| Some(cache.name)).collect::<StringArray>()),
        Arc::new(caches.iter().map(|cache| cache.device.as_deref()).collect::<StringArray>()),
    ];
    for (_, number) in NUMBERS {
        columns.push(Arc::new(caches.iter().map(number).collect::<UInt64Array>()));
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}
