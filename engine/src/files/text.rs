//! Readers of text files (CSV, JSON) whose errors name the file. Around the host's readers, which say what is wrong and where
//! in a batch, but not in which file.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
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
use crate::error::Error;

/// The scan `plan` of text files, whose errors name their files; `pieces`: how its files are cut.
pub(super) fn named(plan: Arc<dyn ExecutionPlan>, pieces: Option<Pieces>) -> Arc<dyn ExecutionPlan> {
    let scan = plan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    let Some(config) = scan.and_then(|source| source.downcast_ref::<FileScanConfig>()) else { return plan };
    let source = NamedSource { inner: Arc::clone(&config.file_source), pieces };
    DataSourceExec::from_data_source(FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(source)).build())
}

/// The host's source of files, with named errors.
struct NamedSource {
    inner: Arc<dyn FileSource>,
    pieces: Option<Pieces>,
}

impl NamedSource {
    fn around(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { inner, pieces: self.pieces.clone() })
    }
}

impl FileSource for NamedSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let inner = self.inner.create_file_opener(Arc::clone(&store), config, partition)?;
        let pieces = self.pieces.as_ref().map(|pieces| pieces.planned(&config.file_groups));
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
        self.inner.supports_repartitioning()
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
            let batches = opening.await.map_err(|e| in_file(e, &path))?;
            Ok(batches.map_err(move |e| in_file(e, &path)).boxed())
        }
        .boxed())
    }
}

fn in_file(error: DataFusionError, file: &Path) -> DataFusionError {
    Error::from(error).about_file(file).into()
}
