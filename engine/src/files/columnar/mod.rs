//! Arrow, Avro and ORC files as tables. Their columns are those of all files together, found by name, with types that hold what
//! every file has, as with Parquet. DataFusion's sources and `datafusion-orc`'s take the columns of files by their places, or
//! leave the order of a projection out; so each file is opened for its own columns, and its rows are put into the table's.
//!
//! Not here: what the bytes of such files mean, which those sources know, and Parquet, which has statistics and a device's reader.

mod arrow;
mod avro;
mod heads;
mod open;
mod source;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSinkConfig, FileSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore};

use super::formats::no_writer;
use crate::corrections::statistics::{FileColumns, Lake, united};
use crate::error::Error;
use heads::{Head, Heads};
use source::ColumnarSource;

/// What the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Arrow,
    Avro,
    Orc,
}

impl Kind {
    /// As STORED AS names it.
    pub(super) fn of(format: &str) -> Option<Self> {
        [Self::Arrow, Self::Avro, Self::Orc].into_iter().find(|kind| kind.extension() == format)
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Avro => "avro",
            Self::Orc => "orc",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Arrow => "Arrow",
            Self::Avro => "Avro",
            Self::Orc => "ORC",
        }
    }
}

/// The format.
#[derive(Debug)]
pub(super) struct Columnar {
    kind: Kind,
    heads: Arc<Heads>,
}

impl Columnar {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, heads: Arc::default() }
    }

    /// What each of the files says of itself.
    async fn read_heads(&self, state: &dyn Session, lake: &Lake, files: &[ObjectMeta]) -> Result<Vec<Head>> {
        let at_once = state.config_options().execution.meta_fetch_concurrency.get();
        let mut reading = Vec::with_capacity(files.len());
        for file in files {
            reading.push(async move {
                let read = self.heads.of(self.kind, state, lake, file).await;
                read.map_err(|e| Error::from(e).about_file(&file.location).into())
            });
        }
        stream::iter(reading).buffered(at_once).try_collect().await
    }
}

#[async_trait]
impl FileFormat for Columnar {
    fn get_ext(&self) -> String {
        self.kind.extension().to_string()
    }

    fn get_ext_with_compression(&self, _: &FileCompressionType) -> Result<String> {
        Ok(self.get_ext())
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        None
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        let lake = Lake::unnamed(state, store);
        let mut columns: Vec<FileColumns> = Vec::new();
        for (object, head) in objects.iter().zip(self.read_heads(state, &lake, objects).await?) {
            if !columns.iter().any(|known| known.schema == head.schema) {
                columns.push(FileColumns { schema: head.schema, path: lake.shown(&object.location) });
            }
        }
        united(&columns)
    }

    async fn infer_stats(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        _: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&schema))
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let store = state.runtime_env().object_store(&config.object_store_url)?;
        let lake = Lake::new(state, &store, &config.object_store_url);
        let Some(source) = config.file_source.downcast_ref::<ColumnarSource>() else {
            return datafusion::common::internal_err!("a source of another format");
        };
        let files: Vec<ObjectMeta> =
            config.file_groups.iter().flat_map(FileGroup::iter).map(|file| file.object_meta.clone()).collect();
        self.read_heads(state, &lake, &files).await?;
        let source: Arc<dyn FileSource> = Arc::new(source.clone().over(lake));
        Ok(DataSourceExec::from_data_source(FileScanConfigBuilder::from(config).with_source(source).build()))
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match self.kind {
            Kind::Arrow => ArrowFormat.create_writer_physical_plan(input, state, config, order).await,
            Kind::Avro | Kind::Orc => Err(no_writer(self.kind.extension()).into()),
        }
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(ColumnarSource::new(self.kind, Arc::clone(&self.heads), schema))
    }
}
