//! The columns that come from the files' paths, and the files that a filter over them leaves.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatchOptions};
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::error::Result;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
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

    /// Which of `filters` choose files alone, as a table tells the planner.
    pub(crate) fn pushed_down(&self, filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
        let decided = |filter: &&Expr| match self.decide(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        filters.iter().map(decided).collect()
    }

    /// For each of `rows`, which are the values of the first columns in some folder's path: whether `filters` may be true for
    /// files below it. What a filter says that is about other columns, or that fails here, is for later.
    pub(super) fn admit(&self, rows: &[&[ScalarValue]], filters: &[Expr]) -> Vec<bool> {
        let fields = &self.fields[..rows.first().map_or(0, |row| row.len())];
        let is_known = |filter: &&Expr| {
            filter.column_refs().iter().all(|column| fields.iter().any(|field| field.name() == column.name()))
        };
        let mut admitted = vec![true; rows.len()];
        for filter in filters.iter().filter(is_known) {
            let Ok(holds) = self.hold(rows, filter) else { continue };
            admitted.iter_mut().zip(holds).for_each(|(admitted, holds)| *admitted &= holds);
        }
        admitted
    }

    /// The files for whose values every one of `filters` is true. A filter sees only files that those before it left: it may
    /// fail on others.
    pub(crate) fn choose(&self, files: Vec<PartitionedFile>, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let mut left = files;
        for filter in filters {
            let rows: Vec<&[ScalarValue]> = left.iter().map(|file| file.partition_values.as_slice()).collect();
            let holds = self.hold(&rows, filter)?;
            left = left.into_iter().zip(holds).filter(|(_, holds)| *holds).map(|(file, _)| file).collect();
        }
        Ok(left)
    }

    /// For which of `rows`, values of the columns from the first on, `filter` is true.
    fn hold(&self, rows: &[&[ScalarValue]], filter: &Expr) -> Result<Vec<bool>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let named = filter.column_refs();
        let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
        for (at, field) in self.fields.iter().enumerate() {
            if named.iter().any(|column| column.name() == field.name()) {
                fields.push(Arc::clone(field));
                columns.push(ScalarValue::iter_to_array(rows.iter().map(|row| row[at].clone()))?);
            }
        }
        let schema = Arc::new(Schema::new(fields));
        let filter = create_physical_expr(
            filter,
            &DFSchema::try_from(Arc::clone(&schema))?,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?;
        let counted = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &counted)?;
        let holds = filter.evaluate(&batch)?.into_array(rows.len())?;
        let holds = holds.as_boolean();
        Ok((0..holds.len()).map(|at| holds.is_valid(at) && holds.value(at)).collect())
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
