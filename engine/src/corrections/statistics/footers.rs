//! Footers of a table's files, read once for planning, for the host's scans and for the device's.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::LexOrdering;
use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use parquet::errors::ParquetError;

use super::format::TruthfulFormat;
use super::keyed::Keys;
use super::{facts, inferred, order};
use crate::device::{FileAt, Footers, Parsed, ScanError, Trace};

/// Where files are, and what is known of them.
#[derive(Debug, Clone)]
pub(crate) struct Lake {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Of the store.
    pub(crate) url: Arc<str>,
    pub(crate) footers: Arc<Footers>,
    /// Of the query that is planned.
    pub(crate) trace: Option<Arc<Trace>>,
}

/// What a file says of some columns of a table: its rows, these columns in their order, and how its rows are sorted.
#[derive(Debug, Clone)]
pub(crate) struct FileFacts {
    pub(crate) statistics: Statistics,
    pub(crate) ordering: Option<LexOrdering>,
}

/// The columns of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileColumns {
    pub(crate) schema: SchemaRef,
    /// As errors name it.
    pub(crate) path: String,
}

impl Lake {
    pub(crate) fn new(state: &dyn Session, store: &Arc<dyn ObjectStore>, url: &ObjectStoreUrl) -> Self {
        Self::of(state, store, url.as_str())
    }

    /// Of a caller that knows no URL: stores say what they are.
    pub(crate) fn unnamed(state: &dyn Session, store: &Arc<dyn ObjectStore>) -> Self {
        let says = store.to_string();
        let local = says.contains("LocalFileSystem(file:///)");
        Self::of(state, store, if local { "file:///" } else { &says })
    }

    fn of(state: &dyn Session, store: &Arc<dyn ObjectStore>, url: &str) -> Self {
        let footers = state.config().get_extension::<Footers>().unwrap_or_default();
        let trace = state.config().get_extension::<Trace>();
        Self { store: Arc::clone(store), url: url.into(), footers, trace }
    }

    pub(super) fn file<'a>(&'a self, meta: &'a ObjectMeta) -> FileAt<'a> {
        FileAt { store: &*self.store, url: &self.url, meta, trace: self.trace.as_deref() }
    }

    /// The state of a file that is said to have `size` bytes, told with its end; `None` where it has to be asked for.
    pub(crate) async fn told(&self, path: &Path, size: u64) -> Option<ObjectMeta> {
        self.footers.told((&*self.store, &self.url), (path, size), self.trace.as_deref()).await
    }

    /// Whether the footer of a file is kept in that state.
    pub(crate) fn has(&self, meta: &ObjectMeta) -> bool {
        self.footers.has(self.file(meta))
    }

    /// The footer of a file, of some columns at least or of all.
    pub(super) async fn footer(&self, meta: &ObjectMeta, columns: Option<&BTreeSet<String>>) -> Result<Arc<Parsed>> {
        let read = self.footers.footer(self.file(meta), columns).await;
        Ok(read.map_err(|error| of_parquet(error, self))?.0)
    }

    /// What a file says of the columns at `positions` of the files' schema.
    pub(crate) async fn facts(
        &self,
        (state, format): (&dyn Session, &Arc<dyn FileFormat>),
        (declared, positions): (&SchemaRef, &[usize]),
        meta: &ObjectMeta,
    ) -> Result<FileFacts> {
        let Some(ours) = format.downcast_ref::<TruthfulFormat>() else {
            let declared = Arc::clone(declared);
            let mut known = format.infer_stats_and_ordering(state, &self.store, declared, meta).await?;
            let all = std::mem::take(&mut known.statistics.column_statistics);
            known.statistics.column_statistics = positions.iter().map(|position| all[*position].clone()).collect();
            return Ok(FileFacts { statistics: known.statistics, ordering: known.ordering });
        };
        let fields = || positions.iter().map(|position| declared.field(*position));
        let names: BTreeSet<String> = fields().map(|field| field.name().clone()).collect();
        let footer = ours.footer(self, meta, Some(&names)).await?;
        let ordering = order::proven(&footer.metadata, declared)?;
        Ok(FileFacts { statistics: facts::of_columns(&footer, fields()), ordering })
    }

    /// The columns of files.
    pub(crate) async fn schema(
        &self,
        state: &dyn Session,
        format: &Arc<dyn FileFormat>,
        files: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        match format.downcast_ref::<TruthfulFormat>() {
            Some(ours) => ours.columns(self, state, files).await,
            None => format.infer_schema(state, &self.store, files).await,
        }
    }

    /// The columns of files as the host's format `host` finds them.
    pub(super) async fn columns(
        &self,
        state: &dyn Session,
        (host, keys): (&ParquetFormat, Option<&Keys>),
        files: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        inferred::schema(&self.schemas(state, keys, files).await?, host)
    }

    /// The schemas that files have, each once: in the order of the files' paths, with the first file that has it.
    async fn schemas(
        &self,
        state: &dyn Session,
        keys: Option<&Keys>,
        files: &[ObjectMeta],
    ) -> Result<Vec<FileColumns>> {
        let mut sorted: Vec<&ObjectMeta> = files.iter().collect();
        sorted.sort_by(|a, b| a.location.cmp(&b.location));
        let at_once = state.config_options().execution.meta_fetch_concurrency.get();
        let mut reading = Vec::with_capacity(sorted.len());
        for file in &sorted {
            reading.push(self.file_schema(keys, file));
        }
        let mut read = stream::iter(reading).buffered(at_once).enumerate();
        let mut columns: Vec<FileColumns> = Vec::new();
        while let Some((at, schema)) = read.next().await {
            let schema = schema?;
            if !columns.iter().any(|known| known.schema == schema) {
                columns.push(FileColumns { schema, path: self.shown(&sorted[at].location) });
            }
        }
        Ok(columns)
    }

    /// The columns of one file, as it has them itself.
    pub(crate) async fn columns_in(&self, file: &ObjectMeta) -> Result<SchemaRef> {
        self.file_schema(None, file).await
    }

    async fn file_schema(&self, keys: Option<&Keys>, file: &ObjectMeta) -> Result<SchemaRef> {
        match keys {
            Some(keys) => Ok(Arc::clone(&keys.footer(self, file).await?.schema)),
            None => Ok(self.footers.schema(self.file(file)).await.map_err(|error| of_parquet(error, self))?),
        }
    }

    /// A file as errors name it.
    pub(crate) fn shown(&self, file: &Path) -> String {
        let is_url = self.url.contains("://") && !self.url.starts_with("file:");
        let place = if is_url { &self.url } else { "/" };
        format!("{place}{file}")
    }
}

/// The error as a reader of Parquet files tells it.
pub(super) fn of_parquet(error: ScanError, lake: &Lake) -> ParquetError {
    match error {
        ScanError::Corrupt { message, .. } => ParquetError::General(message),
        other => match ObjectStoreUrl::parse(lake.url.as_ref()) {
            Ok(url) => ParquetError::External(Box::new(other.within(&url).as_of_store())),
            Err(_) => ParquetError::External(Box::new(other.as_of_store())),
        },
    }
}
