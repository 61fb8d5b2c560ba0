//! Readers of all files but Parquet, whose errors name the file. Around the host's readers, which say what is wrong and where in a
//! batch, but not in which file, and some of which give up in a panic on bytes that are no such file. Text is unpacked here.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileOpenFuture, FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, PhysicalExpr};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use object_store::path::Path;

use super::csv::{Pieces, PlannedPieces};
use super::text::TextTables;
use super::unpacked::{Unpacked, Unpacking};
use crate::error::{Error, ErrorKind};

/// The scan `plan` of files that `format` reads, with errors that name their files.
pub(super) fn named(plan: Arc<dyn ExecutionPlan>, format: &Arc<dyn FileFormat>) -> Arc<dyn ExecutionPlan> {
    let scan = plan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    let Some(config) = scan.and_then(|source| source.downcast_ref::<FileScanConfig>()) else { return plan };
    let way = Way::of(format, &config.file_groups);
    let source = NamedSource { inner: Arc::clone(&config.file_source), way };
    DataSourceExec::from_data_source(FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(source)).build())
}

/// How files are handed to their readers.
#[derive(Clone, Default)]
struct Way {
    /// How they are cut.
    pieces: Option<Pieces>,
    /// Of text.
    unpacking: Option<Unpacking>,
    /// Whether each has one reader only.
    is_whole: bool,
}

impl Way {
    fn of(format: &Arc<dyn FileFormat>, groups: &[FileGroup]) -> Self {
        let Some(text) = format.downcast_ref::<TextTables>() else { return Self::default() };
        let unpacking = text.unpacking();
        let is_packed = |file: &PartitionedFile| unpacking.is_from_beginning(&file.object_meta.location);
        Self {
            pieces: text.pieces(),
            unpacking: Some(unpacking),
            is_whole: text.is_one_value() || groups.iter().flat_map(FileGroup::iter).any(is_packed),
        }
    }

    fn unpacked(&self, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        match self.unpacking {
            Some(unpacking) => Arc::new(Unpacked::new(store, unpacking)),
            None => store,
        }
    }
}

/// The host's source of files, with named errors.
struct NamedSource {
    inner: Arc<dyn FileSource>,
    way: Way,
}

impl NamedSource {
    fn around(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { inner, way: self.way.clone() })
    }
}

impl FileSource for NamedSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let store = self.way.unpacked(store);
        let inner = self.inner.create_file_opener(Arc::clone(&store), config, partition)?;
        let pieces = self.way.pieces.as_ref().map(|pieces| pieces.planned(&config.file_groups));
        Ok(Arc::new(NamedOpener { inner, store, pieces }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.around(self.inner.with_batch_size(batch_size))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_extra(format, f)
    }

    fn supports_repartitioning(&self) -> bool {
        !self.way.is_whole && self.inner.supports_repartitioning()
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self.inner.try_pushdown_projection(projection)?.map(|inner| self.around(inner)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }
}

struct NamedOpener {
    inner: Arc<dyn FileOpener>,
    store: Arc<dyn ObjectStore>,
    pieces: Option<PlannedPieces>,
}

impl FileOpener for NamedOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let path = file.object_meta.location.clone();
        let (inner, store, pieces) = (Arc::clone(&self.inner), Arc::clone(&self.store), self.pieces.clone());
        let opening = async move {
            let aligned = match pieces {
                Some(pieces) => pieces.aligned(&store, file).await?,
                None => Some(file),
            };
            match aligned {
                Some(file) => inner.open(file)?.await,
                None => Ok(stream::empty().boxed()),
            }
        };
        Ok(async move {
            // What is held across the panic is dropped with the stream.
            let opened = AssertUnwindSafe(opening).catch_unwind().await.unwrap_or_else(|panic| Err(gave_up(panic)));
            let batches = AssertUnwindSafe(opened.map_err(|e| in_file(e, &path))?).catch_unwind();
            let batches = batches.map(|batch| batch.unwrap_or_else(|panic| Err(gave_up(panic))));
            Ok(batches.map_err(move |e| in_file(e, &path)).boxed())
        }
        .boxed())
    }
}

/// What a reader says that was not written for bytes as these.
fn gave_up(panic: Box<dyn Any + Send>) -> DataFusionError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let said = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason is known");
    damaged(&format!("its reader gave up ({said})")).into()
}

fn in_file(error: DataFusionError, file: &Path) -> DataFusionError {
    let error = Error::from(error);
    // What a decoder says in words of its own: bugs say that they are some.
    let is_unsorted = error.kind() == ErrorKind::Internal && !error.message().starts_with("internal error");
    match is_unsorted {
        true => damaged(error.message()).about_file(file).into(),
        false => error.about_file(file).into(),
    }
}

fn damaged(cause: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("it is damaged: {cause}")).with_hint("replace the file or take it away")
}
