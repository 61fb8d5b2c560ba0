//! Parquet's format behind the gate: what the planner learns of files passes here.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Statistics};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory, FileMeta};
use datafusion::datasource::physical_plan::{
    FileScanConfig, FileScanConfigBuilder, FileSinkConfig, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{LexOrdering, LexRequirement};
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore};

use super::super::simplify::keeper;
use super::footers::Lake;
use super::keyed::{Keys, check_writable};
use super::reader::TruthfulParquetFileReaderFactory;
use super::{facts, order};
use crate::device::Parsed;

/// Makes [`TruthfulFormat`]s of what the host's factory makes.
pub(super) struct TruthfulFormats {
    host: Arc<dyn FileFormatFactory>,
}

impl TruthfulFormats {
    pub(super) fn new(host: Arc<dyn FileFormatFactory>) -> Self {
        Self { host }
    }
}

impl FileFormatFactory for TruthfulFormats {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        Ok(Arc::new(TruthfulFormat { host: self.host.create(state, options)? }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(TruthfulFormat { host: self.host.default() })
    }
}

impl GetExt for TruthfulFormats {
    fn get_ext(&self) -> String {
        self.host.get_ext()
    }
}

// As the host's prints: an explained COPY shows it.
impl fmt::Debug for TruthfulFormats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)
    }
}

#[derive(Debug)]
pub(super) struct TruthfulFormat {
    host: Arc<dyn FileFormat>,
}

/// Whether files of `format` are read with a key.
pub(crate) fn has_keys(format: &dyn FileFormat) -> bool {
    let host = format.downcast_ref::<TruthfulFormat>().and_then(|format| format.host.downcast_ref::<ParquetFormat>());
    host.is_some_and(|host| host.options().crypto.file_decryption.is_some())
}

impl TruthfulFormat {
    pub(super) fn new(host: Arc<dyn FileFormat>) -> Self {
        Self { host }
    }

    /// The host's Parquet format, where files have the columns that it finds in them.
    pub(super) fn host(&self) -> Option<&ParquetFormat> {
        // INT96 is coerced by nobody but the host.
        self.host.downcast_ref::<ParquetFormat>().filter(|host| host.coerce_int96().is_none())
    }

    /// The footer of a file, of some columns at least or of all.
    pub(super) async fn footer(
        &self,
        lake: &Lake,
        meta: &ObjectMeta,
        columns: Option<&BTreeSet<String>>,
    ) -> Result<Arc<Parsed>> {
        match Keys::of(self.host.as_ref())? {
            Some(keys) => Ok(Arc::new(keys.footer(lake, meta).await?)),
            None => lake.footer(meta, columns).await,
        }
    }

    /// The columns of files.
    pub(super) async fn columns(&self, lake: &Lake, state: &dyn Session, files: &[ObjectMeta]) -> Result<SchemaRef> {
        match self.host() {
            Some(host) => lake.columns(state, (host, Keys::of(self.host.as_ref())?.as_ref()), files).await,
            None => self.host.infer_schema(state, &lake.store, files).await,
        }
    }
}

#[async_trait]
impl FileFormat for TruthfulFormat {
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
        self.columns(&Lake::unnamed(state, store), state, objects).await
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        declared: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        let footer = self.footer(&Lake::unnamed(state, store), object, None).await?;
        Ok(facts::of_columns(&footer, declared.fields().iter().map(AsRef::as_ref)))
    }

    async fn infer_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        declared: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Option<LexOrdering>> {
        let footer = self.footer(&Lake::unnamed(state, store), object, None).await?;
        order::proven(&footer.metadata, &declared)
    }

    async fn infer_stats_and_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        declared: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<FileMeta> {
        let footer = self.footer(&Lake::unnamed(state, store), object, None).await?;
        let statistics = facts::of_columns(&footer, declared.fields().iter().map(AsRef::as_ref));
        Ok(FileMeta::new(statistics).with_ordering(order::proven(&footer.metadata, &declared)?))
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.host.create_physical_plan(state, config).await?;
        let Some(scan) = plan.downcast_ref::<DataSourceExec>() else { return Ok(plan) };
        let Some((config, source)) = scan.downcast_to_file_source::<ParquetSource>() else { return Ok(plan) };
        let store = state.runtime_env().object_store(&config.object_store_url)?;
        let lake = Lake::new(state, &store, &config.object_store_url);
        let declared = Arc::clone(config.file_schema());
        let columns = source.projection().map(|projection| Arc::new(of_files(projection, &declared)));
        let keys = Keys::of(self.host.as_ref())?;
        let readers = TruthfulParquetFileReaderFactory { lake, declared, columns, keys };
        let source = source.clone().with_parquet_file_reader_factory(Arc::new(readers));
        let adapter = config.expr_adapter_factory.clone().unwrap_or_else(keeper);
        let config =
            FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(source)).with_expr_adapter(Some(adapter));
        Ok(DataSourceExec::from_data_source(config.build()))
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        check_writable(self.host.as_ref())?;
        self.host.create_writer_physical_plan(input, state, config, order).await
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        self.host.file_source(table_schema)
    }
}

/// The columns of files that a projection of the table reads. What is added to a scan later (filters, other projections) is
/// made of these.
fn of_files(projection: &ProjectionExprs, declared: &Schema) -> BTreeSet<String> {
    let name = |position: usize| declared.fields().get(position).map(|field| field.name().clone());
    projection.column_indices().into_iter().filter_map(name).collect()
}
