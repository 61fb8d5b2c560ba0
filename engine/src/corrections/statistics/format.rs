//! Parquet's format behind the gate: what the planner learns of files passes here.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Statistics};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory, FileMeta};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{
    FileScanConfig, FileScanConfigBuilder, FileSinkConfig, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::{LexOrdering, LexRequirement};
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore};
use parquet::file::metadata::ParquetMetaData;

use super::super::simplify::keeper;
use super::reader::{TruthfulParquetFileReaderFactory, passed};
use super::{facts, order};

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

impl TruthfulFormat {
    pub(super) fn new(host: Arc<dyn FileFormat>) -> Self {
        Self { host }
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
        let schema = self.host.infer_schema(state, store, objects).await?;
        if objects.len() < 2 || schema.fields().iter().all(|field| field.is_nullable()) {
            return Ok(schema);
        }
        let mut missing = vec![false; schema.fields().len()];
        for object in objects {
            let metadata = footer(state, store, object).await?;
            let stored = metadata.file_metadata().schema().get_fields();
            for (missing, field) in missing.iter_mut().zip(schema.fields()) {
                *missing |= !stored.iter().any(|stored| stored.name() == field.name());
            }
        }
        let fields = schema.fields().iter().zip(missing).map(|(field, missing)| {
            if missing { Arc::new(field.as_ref().clone().with_nullable(true)) } else { Arc::clone(field) }
        });
        Ok(Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())))
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        declared: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Statistics> {
        facts::statistics(footer(state, store, object).await?.as_ref(), &declared)
    }

    async fn infer_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        declared: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<Option<LexOrdering>> {
        order::proven(footer(state, store, object).await?.as_ref(), &declared)
    }

    async fn infer_stats_and_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        declared: SchemaRef,
        object: &ObjectMeta,
    ) -> Result<FileMeta> {
        let metadata = footer(state, store, object).await?;
        let statistics = facts::statistics(&metadata, &declared)?;
        Ok(FileMeta::new(statistics).with_ordering(order::proven(&metadata, &declared)?))
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.host.create_physical_plan(state, config).await?;
        let Some(scan) = plan.downcast_ref::<DataSourceExec>() else { return Ok(plan) };
        let Some((config, source)) = scan.downcast_to_file_source::<ParquetSource>() else { return Ok(plan) };
        let Some(host) = source.parquet_file_reader_factory() else { return Ok(plan) };
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let declared = Arc::clone(config.file_schema());
        let readers = TruthfulParquetFileReaderFactory::new(Arc::clone(host), cache, declared);
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
        self.host.create_writer_physical_plan(input, state, config, order).await
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        self.host.file_source(table_schema)
    }
}

async fn footer(
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    object: &ObjectMeta,
) -> Result<Arc<ParquetMetaData>> {
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let host = DFParquetMetadata::new(store.as_ref(), object).with_file_metadata_cache(Some(Arc::clone(&cache)));
    Ok(passed(host.fetch_metadata().await?, object, &cache))
}
