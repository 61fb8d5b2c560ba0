//! An expression with something done to its values that is no business of SQL: what wraps it has its type, its name and its
//! place in EXPLAIN.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::sort_properties::ExprProperties;
use datafusion::physical_expr::PhysicalExpr;

/// What is done: a check, or another form of the same values.
pub(crate) trait Unseen: fmt::Debug + Clone + Eq + Hash + Send + Sync + 'static {
    /// # Errors
    /// Where a value fails the check.
    fn apply(&self, value: ColumnarValue) -> Result<ColumnarValue>;
}

/// An expression with it.
#[derive(Debug)]
pub(crate) struct With<U> {
    pub(crate) inner: Arc<dyn PhysicalExpr>,
    pub(crate) unseen: U,
}

impl<U: Unseen> PartialEq for With<U> {
    fn eq(&self, other: &Self) -> bool {
        self.unseen == other.unseen && self.inner.eq(&other.inner)
    }
}

impl<U: Unseen> Eq for With<U> {}

impl<U: Unseen> Hash for With<U> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unseen.hash(state);
        self.inner.hash(state);
    }
}

impl<U: Unseen> fmt::Display for With<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl<U: Unseen> PhysicalExpr for With<U> {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.unseen.apply(self.inner.evaluate(batch)?)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match children.into_iter().next() {
            Some(inner) => Ok(Arc::new(Self { inner, unseen: self.unseen.clone() })),
            None => datafusion::common::internal_err!("{:?} is done to one expression", self.unseen),
        }
    }

    /// Nothing but the type: whoever compares two ranges compares their types first.
    fn get_properties(&self, children: &[ExprProperties]) -> Result<ExprProperties> {
        let unknown = ExprProperties::new_unknown();
        match children.first() {
            Some(inner) => Ok(unknown.with_range(Interval::make_unbounded(&inner.range.data_type())?)),
            None => Ok(unknown),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
