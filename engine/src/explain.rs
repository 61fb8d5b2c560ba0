//! Adds sections to EXPLAIN and EXPLAIN ANALYZE. `placement`: every operator's place, and why it is not the device; host
//! operators print themselves, so the reasons need rows of their own. Where a device has run something, `timeline` and `memory`:
//! what the whole query was busy with, and the most memory it took.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::format::ExplainFormat;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, PlanType, TableType, ToStringifiedPlan, WriteOp};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::StreamExt;

use crate::device::{OperatorPlacement, Placement, QueryReport};
use crate::error::{Result, readable};

/// `stream` with the placement rows behind it, when `logical` is an explanation for people.
pub(crate) async fn with_placement(
    state: &Arc<SessionState>,
    logical: &LogicalPlan,
    physical: &Arc<dyn ExecutionPlan>,
    stream: SendableRecordBatchStream,
) -> Result<SendableRecordBatchStream> {
    let explained = match logical {
        LogicalPlan::Explain(explain) if is_explained(logical) => {
            // ExplainExec keeps only the printed plan; planning once more gives the operators themselves.
            state.query_planner().create_physical_plan(&explain.plan, state.as_ref()).await.ok()
        }
        LogicalPlan::Analyze(_) => physical.children().first().map(|child| Arc::clone(child)),
        _ => None,
    };
    Ok(match explained {
        Some(plan) => append(state, in_sql(stream), plan),
        None if is_explained(logical) => in_sql(stream),
        None => stream,
    })
}

/// Whether people read an explanation: one of a command has no operators.
fn is_explained(logical: &LogicalPlan) -> bool {
    matches!(logical, LogicalPlan::Explain(explain) if is_for_people(&explain.explain_format))
}

/// `plan`, or for EXPLAIN of a change one that changes nothing: some tables are changed while they are planned, those in memory
/// too where `corrections/changes.rs` has not made a query of it.
pub(crate) fn without_change(mut plan: LogicalPlan) -> LogicalPlan {
    if let LogicalPlan::Explain(explain) = &mut plan
        && let Some(unchanged) = unchanged(&explain.plan)
    {
        explain.plan = Arc::new(unchanged);
    }
    plan
}

/// `plan`, or for EXPLAIN of a COPY with keys in its options one that does not show them.
pub(crate) fn without_keys(plan: &LogicalPlan) -> Cow<'_, LogicalPlan> {
    let LogicalPlan::Explain(explain) = plan else { return Cow::Borrowed(plan) };
    let LogicalPlan::Copy(copy) = explain.plan.as_ref() else { return Cow::Borrowed(plan) };
    let is_key = |name: &str| name.contains("key_as_hex");
    if !copy.options.keys().any(|name| is_key(name)) {
        return Cow::Borrowed(plan);
    }
    let (mut copy, mut explain) = (copy.clone(), explain.clone());
    copy.options.iter_mut().filter(|(name, _)| is_key(name)).for_each(|(_, value)| *value = "***".to_string());
    explain.plan = Arc::new(LogicalPlan::Copy(copy));
    explain.stringified_plans = vec![explain.plan.to_stringified(PlanType::InitialLogicalPlan)];
    Cow::Owned(LogicalPlan::Explain(explain))
}

/// An UPDATE or DELETE that reads what it would change and changes nothing; `None` of every other plan.
pub(crate) fn unchanged(plan: &LogicalPlan) -> Option<LogicalPlan> {
    let LogicalPlan::Dml(change) = plan else { return None };
    if matches!(change.op, WriteOp::Insert(_)) {
        return None;
    }
    let mut change = change.clone();
    change.target = provider_as_source(Arc::new(Unchanged { table: source_as_provider(&change.target).ok()? }));
    Some(LogicalPlan::Dml(change))
}

/// A table whose changes are planned as the scan of what they would change.
#[derive(Debug)]
struct Unchanged {
    table: Arc<dyn TableProvider>,
}

#[async_trait]
impl TableProvider for Unchanged {
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
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, projection, filters, limit).await
    }

    async fn delete_from(
        &self,
        state: &dyn Session,
        filters: Vec<Expr>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, None, &filters, None).await
    }

    async fn update(
        &self,
        state: &dyn Session,
        _: Vec<(String, Expr)>,
        filters: Vec<Expr>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, None, &filters, None).await
    }
}

/// The graph and JSON formats are read by programs, which expect one document.
fn is_for_people(format: &ExplainFormat) -> bool {
    matches!(format, ExplainFormat::Indent | ExplainFormat::Tree)
}

/// The plans with their values as SQL writes them.
fn in_sql(stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let shown = stream.map(|batch| {
        let batch = batch?;
        let columns = batch.columns().iter().map(|column| match column.as_any().downcast_ref::<StringArray>() {
            Some(texts) => Arc::new(texts.iter().map(|text| text.map(shown_text)).collect::<StringArray>()),
            None => Arc::clone(column),
        });
        Ok(RecordBatch::try_new(batch.schema(), columns.collect())?)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, shown))
}

/// A plan as it is shown, or why there is none: a command (CREATE, DROP, SET) is run as it is planned.
fn shown_text(text: &str) -> String {
    const COMMAND: &str = "This feature is not implemented: Unsupported logical plan: ";
    if text.starts_with(COMMAND) {
        return "none: the statement is a command, which reads no rows or runs while it is planned".to_string();
    }
    match text {
        "physical_plan_error" => "physical_plan".to_string(),
        text => readable(text),
    }
}

fn append(
    state: &Arc<SessionState>,
    stream: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
) -> SendableRecordBatchStream {
    let state = Arc::clone(state);
    let schema = stream.schema();
    let label = Arc::clone(&schema);
    // Read after the plan has run, so that ANALYZE shows what happened and not what was predicted.
    let section = futures::stream::once(async move {
        let report = QueryReport::of(&state, &plan);
        let mut sections = vec![("placement", readable(&section_text(&report.operators)))];
        if !report.work.device.is_empty() {
            sections.extend([("timeline", report.timeline.to_string()), ("memory", report.memory.to_string())]);
        }
        let (names, texts): (Vec<&str>, Vec<String>) = sections.into_iter().unzip();
        let columns: [ArrayRef; 2] = [Arc::new(StringArray::from(names)), Arc::new(StringArray::from(texts))];
        Ok(RecordBatch::try_new(label, columns.to_vec())?)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, stream.chain(section)))
}

fn section_text(operators: &[OperatorPlacement]) -> String {
    let line = |operator: &OperatorPlacement| match &operator.place {
        Placement::Device => format!("{}: device", operator.operator),
        Placement::Metadata => format!("{}: metadata", operator.operator),
        Placement::Movement => format!("{}: movement", operator.operator),
        Placement::Host { reason } => format!("{}: host ({reason})", operator.operator),
    };
    operators.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// SHOW and its kin are queries over `information_schema`: no data is read, so no device is asked for.
pub(crate) fn reads_only_information_schema(plan: &LogicalPlan) -> bool {
    let (mut scans, mut others) = (0usize, 0usize);
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            scans += 1;
            others += usize::from(scan.table_name.schema() != Some("information_schema"));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && scans > 0 && others == 0
}
