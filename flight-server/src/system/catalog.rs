//! The catalog `maar` with its one schema `system`. Nothing can be made or dropped in it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream;
use maar_engine::datafusion::catalog::streaming::StreamingTable;
use maar_engine::datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::execution::TaskContext;
use maar_engine::datafusion::physical_plan::SendableRecordBatchStream;
use maar_engine::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use maar_engine::datafusion::physical_plan::streaming::PartitionStream;
use maar_engine::datafusion::prelude::SessionConfig;

use super::{caches, object_stores, operators, queries, sessions, settings};

pub(crate) const CATALOG: &str = "maar";
pub(crate) const SCHEMA: &str = "system";

/// A table: its columns, and its rows as a session sees them now.
struct Table {
    name: &'static str,
    schema: fn() -> Schema,
    rows: fn(&SessionConfig, SchemaRef) -> Result<RecordBatch>,
}

const TABLES: &[Table] = &[
    Table { name: "caches", schema: caches::schema, rows: caches::rows },
    Table { name: "object_stores", schema: object_stores::schema, rows: object_stores::rows },
    Table { name: "operators", schema: operators::schema, rows: operators::rows },
    Table { name: "queries", schema: queries::schema, rows: queries::rows },
    Table { name: "sessions", schema: sessions::schema, rows: sessions::rows },
    Table { name: "settings", schema: settings::schema, rows: settings::rows },
];

#[derive(Debug)]
pub(super) struct Catalog;

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        (name == SCHEMA).then(|| Arc::new(System) as Arc<dyn SchemaProvider>)
    }
}

#[derive(Debug)]
struct System;

#[async_trait]
impl SchemaProvider for System {
    fn table_names(&self) -> Vec<String> {
        TABLES.iter().map(|table| table.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = TABLES.iter().find(|table| table.name == name) else { return Ok(None) };
        let schema = Arc::new((table.schema)());
        let rows = Rows { schema: Arc::clone(&schema), rows: table.rows };
        Ok(Some(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(rows)])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        TABLES.iter().any(|table| table.name == name)
    }
}

/// The rows of a table, which are made when they are read.
#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    rows: fn(&SessionConfig, SchemaRef) -> Result<RecordBatch>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, rows) = (Arc::clone(&self.schema), self.rows);
        let rows = stream::once(async move { rows(context.session_config(), schema) });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
