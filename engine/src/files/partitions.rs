//! The columns that come from the files' paths, and the files that a filter over them leaves.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatchOptions};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;

/// The columns that come from paths, in the order of the folders.
#[derive(Debug, Clone)]
pub(crate) struct Partitions {
    fields: Vec<FieldRef>,
}

impl Partitions {
    pub(crate) fn new(fields: Vec<FieldRef>) -> Self {
        Self { fields }
    }

    pub(super) fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether these columns alone decide `filter`, so that it can choose files and need not be asked of rows.
    pub(crate) fn decide(&self, filter: &Expr) -> bool {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name().as_str()).collect();
        !names.is_empty() && expr_applicable_for_cols(&names, filter) && !reaches_outside(filter)
    }

    /// Whether `filters` may be true for files in a folder whose path gives `values` to the first columns. What a filter says that
    /// is about others, or that fails here, is for later.
    pub(super) fn admit(&self, values: &[ScalarValue], filters: &[Expr]) -> bool {
        let fields = &self.fields[..values.len()];
        let is_known = |filter: &&Expr| {
            filter.column_refs().iter().all(|column| fields.iter().any(|field| field.name() == column.name()))
        };
        let holds = |filter: &Expr| -> Result<bool> {
            let schema = Arc::new(Schema::new(fields.to_vec()));
            let named = DFSchema::try_from(Arc::clone(&schema))?;
            let columns = values.iter().map(ScalarValue::to_array).collect::<Result<Vec<ArrayRef>>>()?;
            let batch = RecordBatch::try_new(schema, columns)?;
            let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
            let filter = create_physical_expr(filter, &named, &properties, &context)?;
            let holds = filter.evaluate(&batch)?.into_array(1)?;
            Ok(holds.as_boolean().is_valid(0) && holds.as_boolean().value(0))
        };
        filters.iter().filter(is_known).all(|filter| holds(filter).unwrap_or(true))
    }

    /// The files for whose values every one of `filters` is true. A filter sees only files that those before it left: it may
    /// fail on others.
    pub(crate) fn choose(&self, files: Vec<PartitionedFile>, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        if filters.is_empty() || files.is_empty() {
            return Ok(files);
        }
        let schema = Arc::new(Schema::new(self.fields.clone()));
        let named = DFSchema::try_from(Arc::clone(&schema))?;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.fields.len());
        for at in 0..self.fields.len() {
            let values: Vec<ScalarValue> = files.iter().map(|file| file.partition_values[at].clone()).collect();
            columns.push(ScalarValue::iter_to_array(values)?);
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(files.len()));
        let mut batch = RecordBatch::try_new_with_options(schema, columns, &rows)?;
        let mut left = files;
        for filter in filters {
            let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
            let filter = create_physical_expr(filter, &named, &properties, &context)?;
            let holds = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
            let holds = holds.as_boolean();
            let holds: BooleanArray = (0..holds.len()).map(|at| Some(holds.is_valid(at) && holds.value(at))).collect();
            batch = filter_record_batch(&batch, &holds)?;
            left = left.into_iter().zip(holds.values()).filter(|(_, holds)| *holds).map(|(file, _)| file).collect();
        }
        Ok(left)
    }
}

/// Whether the value of `filter` hangs on more than the row at hand.
fn reaches_outside(filter: &Expr) -> bool {
    let mut outside = false;
    // Visiting cannot fail: the closure does not.
    let _ = filter.apply(|e| {
        outside |= matches!(
            e,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::ScalarVariable(..)
        );
        Ok(if outside { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    outside
}
