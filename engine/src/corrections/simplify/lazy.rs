//! `guard AND risky` on the host: the right side is computed for the rows that the left side has not decided, as devices do.
//!
//! DataFusion computes it for every row of a batch, unless the left side decides them all or nearly all.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{and_kleene, filter_record_batch, is_null, not, or, or_kleene};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::risk::physical_can_fail;
use crate::exact::physical::{Rewritten, rewrite_operator};

type Expr = Arc<dyn PhysicalExpr>;

/// The rule; it goes last, so that other rules still see plain conditions.
#[derive(Debug)]
pub(super) struct GuardRisks;

impl PhysicalOptimizerRule for GuardRisks {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        rewrite_all(plan, &guard)
    }

    fn name(&self) -> &str {
        "maar_guarded_conditions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan without the guards of [`GuardRisks`]: as placement saw it.
pub(super) fn without_guards(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    rewrite_all(plan, &|expr: Expr, _: &SchemaRef| {
        expr.transform_up(|e| match e.downcast_ref::<Guarded>() {
            Some(guarded) => Ok(Transformed::yes(guarded.plain())),
            None => Ok(Transformed::no(e)),
        })
    })
}

/// Whether the expression is one of those that [`GuardRisks`] puts.
pub(super) fn is_guarded(expr: &Expr) -> bool {
    expr.is::<Guarded>()
}

fn rewrite_all(
    plan: Arc<dyn ExecutionPlan>,
    rewrite: &dyn Fn(Expr, &SchemaRef) -> Result<Transformed<Expr>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| match rewrite_operator(&plan, rewrite)? {
        Rewritten::Changed(new) => Ok(Transformed::yes(new)),
        Rewritten::Same | Rewritten::Opaque => Ok(Transformed::no(plan)),
    })
    .data()
}

fn guard(expr: Expr, schema: &SchemaRef) -> Result<Transformed<Expr>> {
    let connects = |e: &Expr| {
        e.downcast_ref::<BinaryExpr>().is_some_and(|binary| matches!(binary.op(), Operator::And | Operator::Or))
    };
    if !expr.exists(|e| Ok(connects(e)))? {
        return Ok(Transformed::no(expr));
    }
    expr.transform_up(|e| {
        let Some(binary) = e.downcast_ref::<BinaryExpr>() else { return Ok(Transformed::no(e)) };
        if !connects(&e) || !physical_can_fail(binary.right(), schema) {
            return Ok(Transformed::no(e));
        }
        let guarded = Guarded::new(Arc::clone(binary.left()), *binary.op(), Arc::clone(binary.right()))?;
        Ok(Transformed::yes(Arc::new(guarded)))
    })
}

/// `left AND right` or `left OR right`.
#[derive(Debug, Clone)]
struct Guarded {
    left: Expr,
    op: Operator,
    right: Expr,
    /// The columns that `right` reads, and `right` over those alone: rows are picked from no others.
    columns: Vec<usize>,
    narrow: Expr,
}

impl Guarded {
    fn new(left: Expr, op: Operator, right: Expr) -> Result<Self> {
        let mut places = HashMap::new();
        let mut columns = Vec::new();
        let narrow = Arc::clone(&right).transform_up(|e| {
            let Some(column) = e.downcast_ref::<Column>() else { return Ok(Transformed::no(e)) };
            let place = *places.entry(column.index()).or_insert_with(|| {
                columns.push(column.index());
                columns.len() - 1
            });
            Ok(Transformed::yes(Arc::new(Column::new(column.name(), place)) as Expr))
        });
        let narrow = narrow.data()?;
        Ok(Self { left, op, right, columns, narrow })
    }

    fn plain(&self) -> Expr {
        Arc::new(BinaryExpr::new(Arc::clone(&self.left), self.op, Arc::clone(&self.right)))
    }

    /// The rows that the left side does not decide.
    fn open_rows(&self, left: &BooleanArray) -> Result<BooleanArray> {
        let decided = if self.op == Operator::And { not(left)? } else { left.clone() };
        let open = not(&decided)?;
        if open.null_count() == 0 {
            return Ok(open);
        }
        let known = BooleanArray::new(open.values().clone(), None);
        Ok(or(&known, &is_null(&open)?)?)
    }
}

/// `picked` in the places of the rows that it was computed for, NULL in the others: those the left side decides.
fn spread(picked: &BooleanArray, rows: &BooleanArray) -> BooleanArray {
    let mut picked = picked.iter();
    rows.values().iter().map(|wanted| if wanted { picked.next().flatten() } else { None }).collect()
}

impl PhysicalExpr for Guarded {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        Ok(self.left.nullable(schema)? || self.right.nullable(schema)?)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.plain().return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let left = self.left.evaluate(batch)?.into_array(rows)?;
        let left = left.as_boolean();
        let open = self.open_rows(left)?;
        if !open.has_true() {
            return Ok(ColumnarValue::Array(Arc::new(left.clone())));
        }
        let right = if open.has_false() {
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let schema = Arc::new(batch.schema_ref().project(&self.columns)?);
            let columns = self.columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
            let narrow = RecordBatch::try_new_with_options(schema, columns, &options)?;
            let picked = filter_record_batch(&narrow, &open)?;
            let right = self.narrow.evaluate(&picked)?.into_array(picked.num_rows())?;
            spread(right.as_boolean(), &open)
        } else {
            self.right.evaluate(batch)?.into_array(rows)?.as_boolean().clone()
        };
        let both = match self.op {
            Operator::And => and_kleene(left, &right)?,
            _ => or_kleene(left, &right)?,
        };
        Ok(ColumnarValue::Array(Arc::new(both) as ArrayRef))
    }

    fn children(&self) -> Vec<&Expr> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Expr>) -> Result<Expr> {
        match children.as_slice() {
            [left, right] => Ok(Arc::new(Self::new(Arc::clone(left), self.op, Arc::clone(right))?)),
            _ => datafusion::common::internal_err!("{} has two sides", self.op),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt_sql(f)
    }
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt(f)
    }
}

impl PartialEq for Guarded {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.left.eq(&other.left) && self.right.eq(&other.right)
    }
}

impl Eq for Guarded {}

impl Hash for Guarded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.left, self.op, &self.right).hash(state);
    }
}
