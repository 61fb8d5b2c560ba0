//! The source of a scan of Arrow, Avro or ORC files: what is projected, and how its files are opened (`open`).

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::ObjectStore;

use super::Kind;
use super::heads::Heads;
use super::open::Opener;
use crate::corrections::statistics::Lake;

/// Rows of a batch, where nobody says a number.
const BATCH_ROWS: usize = 8192;

#[derive(Clone)]
pub(super) struct ColumnarSource {
    kind: Kind,
    heads: Arc<Heads>,
    schema: TableSchema,
    batch_rows: usize,
    projection: SplitProjection,
    metrics: ExecutionPlanMetricsSet,
    /// Where the files are: known once the scan is planned.
    lake: Option<Lake>,
}

impl ColumnarSource {
    pub(super) fn new(kind: Kind, heads: Arc<Heads>, schema: TableSchema) -> Self {
        Self {
            kind,
            heads,
            batch_rows: BATCH_ROWS,
            projection: SplitProjection::unprojected(&schema),
            schema,
            metrics: ExecutionPlanMetricsSet::new(),
            lake: None,
        }
    }

    pub(super) fn over(self, lake: Lake) -> Self {
        Self { lake: Some(lake), ..self }
    }
}

impl FileSource for ColumnarSource {
    fn create_file_opener(
        &self,
        _: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        _: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let Some(lake) = self.lake.clone() else {
            return datafusion::common::internal_err!("a scan that nobody planned");
        };
        let columns = self.schema.file_schema();
        let opener = Opener {
            kind: self.kind,
            heads: Arc::clone(&self.heads),
            lake,
            wanted: Arc::new(columns.project(&self.projection.file_indices)?),
            batch_rows: self.batch_rows,
            config: config.clone(),
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), columns)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, batch_rows: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_rows, ..self.clone() })
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self { projection, ..self.clone() })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        self.kind.extension()
    }

    /// Avro's blocks are found from the beginning only.
    fn supports_repartitioning(&self) -> bool {
        self.kind != Kind::Avro
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        datafusion::physical_plan::apply_expression_roots(self.projection.source.iter(), f)
    }
}
