//! Fault: DELETE and UPDATE of a table in memory look for their condition in the optimized plan, and take none for 'every row':
//! `DELETE FROM t WHERE k IN (SELECT ...)`, `WHERE EXISTS (...)` and `WHERE false` empty the table, UPDATE changes all of it,
//! LIMIT is forgotten, and a scalar subquery is an internal error. The change is made while it is planned, one batch after
//! the other, so that an error leaves half of it (DataFusion 55.2, `extract_dml_filters`).
//!
//! Correction: a change is a query over the table, which says of each row what it becomes and whether it is one of those, and
//! a sink that puts its rows in the place of the table's, all at once. Test: `engine/tests/session/changes.rs`.
//!
//! Not here: EXPLAIN without ANALYZE, which changes nothing (`explain`).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{filter_record_batch, not};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Column;
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::datasource::{MemTable, provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{
    DmlStatement, Expr, LogicalPlan, LogicalPlanBuilder, Projection, TableType, WriteOp, lit, when,
};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, SendableRecordBatchStream};
use futures::TryStreamExt;

/// The column that says whether a row is one of those that are changed.
const IS_CHANGED: &str = "__is_changed";

/// `plan`, where it is a change of a table in memory, or EXPLAIN ANALYZE of one, as a query that is written over the table.
///
/// # Errors
/// Where the statement says more than which rows: LIMIT.
pub(crate) async fn as_query(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Dml(change) => written_over(change).await,
        LogicalPlan::Analyze(mut analyze) if matches!(analyze.input.as_ref(), LogicalPlan::Dml(_)) => {
            if let LogicalPlan::Dml(change) = analyze.input.as_ref() {
                analyze.input = Arc::new(written_over(change.clone()).await?);
            }
            Ok(LogicalPlan::Analyze(analyze))
        }
        other => Ok(other),
    }
}

async fn written_over(change: DmlStatement) -> Result<LogicalPlan> {
    let kind = match change.op {
        WriteOp::Delete => Kind::Delete,
        WriteOp::Update => Kind::Update,
        _ => return Ok(LogicalPlan::Dml(change)),
    };
    let table = source_as_provider(&change.target)?;
    let Some(rows) = table.downcast_ref::<MemTable>() else { return Ok(LogicalPlan::Dml(change)) };
    let before = Snapshot::of(rows).await;
    let input = match kind {
        Kind::Delete => deleted(Arc::unwrap_or_clone(change.input))?,
        Kind::Update => updated(Arc::unwrap_or_clone(change.input))?,
    };
    let target = provider_as_source(Arc::new(Rewritten { table: Arc::clone(&table), kind, before: Arc::new(before) }));
    let op = WriteOp::Insert(InsertOp::Overwrite);
    Ok(LogicalPlan::Dml(DmlStatement::new(change.table_name, target, op, Arc::new(input))))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delete,
    Update,
}

/// Every row, and whether it is deleted.
fn deleted(input: LogicalPlan) -> Result<LogicalPlan> {
    if matches!(input, LogicalPlan::Limit(_)) {
        return datafusion::common::not_impl_err!("DELETE with LIMIT is not supported");
    }
    marked(input)
}

/// Every row with its new values, and whether it is updated. Values are computed for the rows that get them.
fn updated(input: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Projection(assigned) = input else {
        return datafusion::common::internal_err!("an UPDATE names its columns");
    };
    let marked = marked(Arc::unwrap_or_clone(assigned.input))?;
    let is_changed = Expr::Column(Column::new_unqualified(IS_CHANGED));
    let olds: Vec<Column> = marked.schema().columns();
    let mut columns = Vec::with_capacity(olds.len());
    for (value, old) in assigned.expr.into_iter().zip(&olds) {
        let value = value.unalias();
        let old_value = Expr::Column(old.clone());
        let new = if value == old_value { value } else { when(is_changed.clone(), value).otherwise(old_value)? };
        columns.push(new.alias(&old.name));
    }
    columns.push(is_changed);
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(marked))?))
}

/// The rows of the table with a mark on those that the condition is true of.
fn marked(input: LogicalPlan) -> Result<LogicalPlan> {
    let (is_changed, rows) = match input {
        LogicalPlan::Filter(filter) => (filter.predicate.is_true(), Arc::unwrap_or_clone(filter.input)),
        rows => (lit(true), rows),
    };
    let mut columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(is_changed.alias(IS_CHANGED));
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

/// What a table holds at some time, to see whether it still does.
#[derive(Debug)]
struct Snapshot(Vec<Vec<RecordBatch>>);

impl Snapshot {
    async fn of(table: &MemTable) -> Self {
        let mut partitions = Vec::with_capacity(table.batches.len());
        for partition in &table.batches {
            partitions.push(partition.read().await.clone());
        }
        Self(partitions)
    }

    fn is(&self, at: usize, now: &[RecordBatch]) -> bool {
        let same_column = |a: &RecordBatch, b: &RecordBatch| match (a.columns().first(), b.columns().first()) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => a.num_rows() == b.num_rows(),
            _ => false,
        };
        self.0.get(at).is_some_and(|then| {
            then.len() == now.len() && then.iter().zip(now).all(|(then, now)| same_column(then, now))
        })
    }
}

/// The table, to which a query gives all its rows anew.
#[derive(Debug, Clone)]
struct Rewritten {
    table: Arc<dyn TableProvider>,
    kind: Kind,
    before: Arc<Snapshot>,
}

#[async_trait]
impl TableProvider for Rewritten {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, projection, filters, limit).await
    }

    async fn insert_into(
        &self,
        _: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        _: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (schema, mark) = (self.schema(), Arc::new(Field::new(IS_CHANGED, DataType::Boolean, true)));
        let marked = schema.fields().iter().cloned().chain([mark]).collect::<Vec<_>>();
        let sink = Rows { into: self.clone(), schema: Arc::new(Schema::new(marked)), unmarked: schema };
        Ok(Arc::new(DataSinkExec::new(input, Arc::new(sink), None)))
    }
}

/// The sink: it reads to the end before it changes anything.
#[derive(Debug)]
struct Rows {
    into: Rewritten,
    /// What it reads: the columns of the table and the mark.
    schema: SchemaRef,
    /// Those of the table alone.
    unmarked: SchemaRef,
}

#[async_trait]
impl DataSink for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(&self, mut data: SendableRecordBatchStream, _: &Arc<TaskContext>) -> Result<u64> {
        let (mut count, mut rows) = (0, Vec::new());
        while let Some(batch) = data.try_next().await? {
            let (changed, batch) = self.split(&batch)?;
            count += changed;
            if batch.num_rows() > 0 {
                rows.push(batch);
            }
        }
        if count > 0 {
            self.replace(rows).await?;
        }
        Ok(count)
    }
}

impl Rows {
    /// How many rows of the batch are changed, and what the table keeps of it.
    fn split(&self, batch: &RecordBatch) -> Result<(u64, RecordBatch)> {
        let Some((mark, columns)) = batch.columns().split_last() else {
            return datafusion::common::internal_err!("changed rows have a mark");
        };
        let mark = mark.as_boolean();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let kept = RecordBatch::try_new_with_options(Arc::clone(&self.unmarked), columns.to_vec(), &options)?;
        let kept = match self.into.kind {
            Kind::Delete => filter_record_batch(&kept, &not(mark)?)?,
            Kind::Update => kept,
        };
        Ok((mark.true_count() as u64, kept))
    }

    async fn replace(&self, rows: Vec<RecordBatch>) -> Result<()> {
        let Some(table) = self.into.table.downcast_ref::<MemTable>() else {
            return datafusion::common::internal_err!("the table is one in memory");
        };
        let mut partitions = Vec::with_capacity(table.batches.len());
        for partition in &table.batches {
            partitions.push(partition.write().await);
        }
        if !partitions.iter().enumerate().all(|(at, now)| self.into.before.is(at, now)) {
            return datafusion::common::exec_err!(
                "the table was changed by another statement while this one read it: run it again"
            );
        }
        table.sort_order.lock().clear();
        partitions.iter_mut().for_each(|partition| partition.clear());
        if let Some(first) = partitions.first_mut() {
            **first = rows;
        }
        Ok(())
    }
}

impl DisplayAs for Rows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.into.kind == Kind::Delete { "delete" } else { "update" };
        write!(f, "{what} (table in memory)")
    }
}
