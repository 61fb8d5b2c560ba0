//! CSV files as tables: columns from whole records, whatever line breaks stand in quotes. Decoding and writing is
//! DataFusion's. Not here: how a file is cut for several readers (`pieces`).

mod columns;
mod pieces;
mod records;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::common::config::CsvOptions;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore};

pub(super) use pieces::{Pieces, PlannedPieces};
use records::Marks;

/// The format.
#[derive(Debug)]
pub(super) struct CsvTables {
    options: CsvOptions,
    host: CsvFormat,
}

impl CsvTables {
    pub(super) fn new(options: CsvOptions) -> Self {
        // The host cuts files without regard for quotes where this is off, and not at all where it is on. Files are cut with
        // regard for quotes here (`pieces`), so for the host there are none.
        let host = CsvOptions { newlines_in_values: Some(false), ..options.clone() };
        Self { options, host: CsvFormat::default().with_options(host) }
    }

    /// How files may be cut for several readers. `None`: as the host does, for files that are declared to have no line breaks
    /// in their values.
    pub(super) fn pieces(&self) -> Option<Pieces> {
        (self.options.newlines_in_values != Some(false)).then(|| Pieces::new(Marks::of(&self.options)))
    }
}

#[async_trait]
impl FileFormat for CsvTables {
    fn get_ext(&self) -> String {
        self.host.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        self.host.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.host.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        let has_header = self.options.has_header.unwrap_or(state.config_options().catalog.has_header);
        let options = CsvOptions { has_header: Some(has_header), ..self.options.clone() };
        Ok(columns::of_files(&options, store, objects).await?)
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        self.host.infer_stats(state, store, schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.host.create_physical_plan(state, config).await
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.host.create_writer_physical_plan(input, state, config, order).await
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        self.host.file_source(schema)
    }
}
