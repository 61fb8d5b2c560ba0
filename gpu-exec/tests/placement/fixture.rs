//! A session over generated Parquet files, with the placement rule where the engine puts it and stand-in device nodes.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use maar_gpu_exec::options::MaarOptions;
use maar_gpu_exec::planner::{DeviceNodes, Lowered, PlacementRule, ScannedRows, describe, label};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// Stands for the node the runtime makes: it states the same properties and cannot run.
#[derive(Debug)]
pub(crate) struct StandIn {
    lowered: Lowered,
    properties: Arc<PlanProperties>,
}

impl StandIn {
    fn new(lowered: Lowered) -> Self {
        let properties = Arc::new(PlanProperties::new(
            lowered.equivalences(),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Self { lowered, properties }
    }
}

impl DisplayAs for StandIn {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceExec\n{}", describe(&self.lowered.root))
    }
}

impl ExecutionPlan for StandIn {
    fn name(&self) -> &str {
        "DeviceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.lowered.inputs.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(Lowered { inputs, ..self.lowered.clone() })))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        datafusion::common::not_impl_err!("a stand-in cannot run")
    }
}

/// Device nodes that load any Parquet scan.
#[derive(Debug, Default)]
pub(crate) struct StandIns;

impl DeviceNodes for StandIns {
    fn check_scan(&self, scan: &Arc<dyn ExecutionPlan>) -> Result<ScannedRows, String> {
        match label(scan).strip_prefix("DataSourceExec: parquet") {
            Some(_) => Ok(ScannedRows::All),
            None => Err("not a Parquet scan".to_owned()),
        }
    }

    fn make(&self, lowered: Lowered, original: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        assert_eq!(lowered.schema, original.schema());
        assert_eq!(lowered.root.fields().len(), lowered.schema.fields().len());
        Ok(Arc::new(StandIn::new(lowered)))
    }

    fn lowered<'a>(&self, plan: &'a dyn ExecutionPlan) -> Option<&'a Lowered> {
        plan.downcast_ref::<StandIn>().map(|node| &node.lowered)
    }
}

/// A session with the tables of this file; the folder lives as long as it.
pub(crate) struct Fixture {
    pub(crate) context: SessionContext,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options.device = maar_gpu_exec::options::DeviceOption::Emulated).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut MaarOptions)) -> Self {
        Self::build(Some(Arc::new(StandIns)), change).await
    }

    pub(crate) async fn without_device() -> Self {
        Self::build(None, |_| ()).await
    }

    async fn build(nodes: Option<Arc<dyn DeviceNodes>>, change: impl FnOnce(&mut MaarOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let context = session(nodes, change);
        for (name, columns) in tables() {
            let path = folder.path().join(format!("{name}.parquet"));
            write(&path, &RecordBatch::try_from_iter_with_nullable(columns).unwrap());
            context.register_parquet(name, path.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
        }
        Self { context, _folder: folder }
    }

    pub(crate) async fn plan(&self, sql: &str) -> Arc<dyn ExecutionPlan> {
        let frame = self.context.sql(sql).await.unwrap();
        frame.create_physical_plan().await.unwrap()
    }

    /// The final plan, one operator a line, the device plans inside.
    pub(crate) async fn explain(&self, sql: &str) -> String {
        let mut text = String::new();
        show(&self.plan(sql).await, 0, &mut text);
        text.truncate(text.trim_end().len());
        text
    }
}

fn show(plan: &Arc<dyn ExecutionPlan>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match StandIns.lowered(plan.as_ref()) {
        Some(lowered) => {
            *text += &format!("{indent}DeviceExec\n");
            for line in describe(&lowered.root).lines() {
                *text += &format!("{indent}  | {line}\n");
            }
        }
        None => *text += &format!("{indent}{}\n", label(plan)),
    }
    for child in plan.children() {
        show(child, depth + 1, text);
    }
}

fn session(nodes: Option<Arc<dyn DeviceNodes>>, change: impl FnOnce(&mut MaarOptions)) -> SessionContext {
    let mut options = MaarOptions::default();
    change(&mut options);
    let mut config = ConfigOptions::new();
    config.extensions.insert(options);
    config.execution.target_partitions = 2;
    let mut rules = PhysicalOptimizer::new().rules;
    let place = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap();
    rules.insert(place, Arc::new(PlacementRule::new(nodes)));
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::from(config))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    SessionContext::new_with_state(state)
}

fn write(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

type Columns = Vec<(&'static str, ArrayRef, bool)>;

fn decimal(values: [i128; 3], precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap())
}

fn text(values: [&str; 3]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// TPC-H's columns that the queries read, and one table of every type.
fn tables() -> Vec<(&'static str, Columns)> {
    let days = || -> ArrayRef { Arc::new(Date32Array::from(vec![9000, 9100, 9200])) };
    let keys = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2, 3])) };
    let lineitem = vec![
        ("l_orderkey", keys(), false),
        ("l_partkey", keys(), false),
        ("l_quantity", decimal([100, 200, 300], 15, 2), false),
        ("l_extendedprice", decimal([100, 200, 300], 15, 2), false),
        ("l_discount", decimal([1, 2, 3], 15, 2), false),
        ("l_tax", decimal([1, 2, 3], 15, 2), false),
        ("l_returnflag", text(["A", "N", "R"]), false),
        ("l_linestatus", text(["O", "F", "F"]), false),
        ("l_shipdate", days(), false),
    ];
    let orders = vec![
        ("o_orderkey", keys(), false),
        ("o_custkey", keys(), false),
        ("o_orderdate", days(), false),
        ("o_shippriority", Arc::new(Int32Array::from(vec![0, 0, 0])) as ArrayRef, false),
    ];
    let customer = vec![("c_custkey", keys(), false), ("c_mktsegment", text(["BUILDING", "AUTOMOBILE", "X"]), false)];
    let part = vec![("p_partkey", keys(), false), ("p_type", text(["PROMO TIN", "ECONOMY", "STANDARD"]), false)];
    vec![("lineitem", lineitem), ("orders", orders), ("customer", customer), ("part", part), ("t", every_type())]
}

fn every_type() -> Columns {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), None, Some(vec![])]);
    let utc = TimestampMicrosecondArray::from(vec![Some(0), Some(1), None]);
    let zoned = utc.clone().with_timezone("Europe/Berlin");
    let dictionary = arrow::compute::cast(
        &text(["p", "q", "p"]),
        &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    );
    vec![
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), true),
        ("tiny", Arc::new(Int8Array::from(vec![Some(1), None, Some(-1)])), true),
        ("i", Arc::new(Int32Array::from(vec![Some(1), None, Some(-1)])), true),
        ("k", Arc::new(Int64Array::from(vec![1, 2, 3])), false),
        ("u", Arc::new(UInt64Array::from(vec![Some(1), None, Some(u64::MAX)])), true),
        ("f", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(f64::NAN)])), true),
        ("f4", Arc::new(Float32Array::from(vec![Some(1.5), None, Some(-0.0)])), true),
        ("d", decimal([100, 250, -300], 15, 2), true),
        ("wide", decimal([100, 250, -300], 30, 2), true),
        ("day", Arc::new(Date32Array::from(vec![Some(0), None, Some(-1)])), true),
        ("ts", Arc::new(utc), true),
        ("zoned", Arc::new(zoned), true),
        ("s", text(["abc", "", "xyz"]), true),
        ("s2", text(["abc", "", "xyz"]), true),
        ("dict", dictionary.unwrap(), true),
        ("list", Arc::new(list), true),
    ]
}
