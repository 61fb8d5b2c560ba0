//! From SQL to the kernels of its device plans, by the real rooms of the crate, stopping before anything is compiled.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use datafusion::config::ConfigOptions;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use maar_gpu_exec::codegen::{Kernel, generate};
use maar_gpu_exec::column::TableShape;
use maar_gpu_exec::options::{DeviceOption, MaarOptions};
use maar_gpu_exec::planner::{DeviceNodes, Lowered, PlacementRule, RawTexts, ScannedRows};
use maar_gpu_exec::scan::{HostInput, InputColumns};
use maar_gpu_exec::strategy::{Cuts, Limits, Shapes, plan};

use crate::data::{SMALL, Sizes, tables};

/// A GPU of today, whatever the emulated device has.
const LIMITS: Limits = Limits { shared_bytes: 227 << 10, table_bytes: 16 << 30, parts: false, cuts: Cuts::NONE };

/// Keeps what placement lowers, and leaves the host's plan as it is.
#[derive(Debug, Default)]
struct Keeper {
    lowered: Mutex<Vec<Lowered>>,
}

impl DeviceNodes for Keeper {
    fn check_scan(&self, _: &Arc<dyn ExecutionPlan>) -> Result<ScannedRows, String> {
        Ok(ScannedRows::All)
    }

    fn make(&self, lowered: Lowered, original: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        self.lowered.lock().unwrap().push(lowered);
        Ok(original)
    }

    fn lowered<'a>(&self, _: &'a dyn ExecutionPlan) -> Option<&'a Lowered> {
        None
    }
}

/// The tables in a session.
pub(crate) struct Generated {
    context: SessionContext,
    keeper: Arc<Keeper>,
}

impl Generated {
    pub(crate) fn new(sizes: Sizes) -> Self {
        let keeper = Arc::new(Keeper::default());
        let context = session(Arc::clone(&keeper));
        for (name, rows) in tables(sizes) {
            let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
            context.register_table(name, Arc::new(table)).unwrap();
        }
        Self { context, keeper }
    }

    /// A query over a copy of a table whose columns have other names, and these names.
    pub(crate) fn renamed(&self, table: &str, sql: &str) -> (String, Vec<String>) {
        let (_, rows) = tables(SMALL).into_iter().find(|(name, _)| *name == table).unwrap();
        let schema = rows.schema();
        let mut theirs = sql
            .replace(&format!(" {table} "), &format!(" {table}_renamed "))
            .replace(&format!(" {table}\n"), &format!(" {table}_renamed\n"));
        let (mut fields, mut names) = (Vec::new(), Vec::new());
        for (number, field) in schema.fields().iter().enumerate() {
            let name = format!("renamed_{number}");
            theirs = theirs.replace(field.name(), &name);
            fields.push(field.as_ref().clone().with_name(&name));
            names.push(name);
        }
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new(Arc::clone(&schema), rows.columns().to_vec()).unwrap();
        let copy = MemTable::try_new(schema, vec![vec![rows]]).unwrap();
        let name = format!("{table}_renamed");
        self.context.deregister_table(&name).unwrap();
        self.context.register_table(&name, Arc::new(copy)).unwrap();
        (theirs, names)
    }

    /// The kernels of a query, in the order in which they run.
    pub(crate) async fn kernels(&self, sql: &str) -> Vec<Kernel> {
        let frame = self.context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        frame.create_physical_plan().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let lowered = std::mem::take(&mut *self.keeper.lowered.lock().unwrap());
        assert!(!lowered.is_empty(), "nothing of this was placed: {sql}");
        let mut kernels = Vec::new();
        for lowered in lowered {
            assert!(lowered.inputs.is_empty(), "a part of this stays on the host: {sql}");
            let mut scans = Vec::new();
            let raw = RawTexts::of(&lowered.root);
            for (number, scan) in lowered.scans.iter().enumerate() {
                scans.push(self.shape(scan, raw.of_scan(number)).await);
            }
            let shapes = Shapes { scans, inputs: vec![] };
            let plan = plan(&lowered.root, &shapes, LIMITS).unwrap_or_else(|error| panic!("{sql}: {error}"));
            kernels.extend(plan.stages.iter().map(|stage| generate(&stage.pipeline)));
        }
        kernels
    }

    /// The shape of files that have dictionaries for all texts but comments.
    async fn shape(&self, scan: &Arc<dyn ExecutionPlan>, mut raw: BTreeSet<usize>) -> TableShape {
        let batches = collect(Arc::clone(scan), self.context.task_ctx()).await.unwrap();
        let schema = scan.schema();
        raw.retain(|column| schema.field(*column).name().ends_with("_comment"));
        let columns = InputColumns::new(&schema, &raw).unwrap();
        let chunk = columns.encode(&batches).unwrap();
        HostInput::new(columns, vec![chunk]).unwrap().shape().clone()
    }

    /// The source of a query, one kernel after another.
    pub(crate) async fn source(&self, sql: &str) -> String {
        let described = |kernel: &Kernel| {
            let Kernel { source, shared_bytes, shared_bytes_per_group, sync, .. } = kernel;
            format!("// {sync:?}, {shared_bytes} shared bytes and {shared_bytes_per_group} a group\n{source}")
        };
        self.kernels(sql).await.iter().map(described).collect::<Vec<_>>().join("\n")
    }
}

fn session(keeper: Arc<Keeper>) -> SessionContext {
    let mut config = ConfigOptions::new();
    config.extensions.insert(MaarOptions { device: DeviceOption::Emulated, ..MaarOptions::default() });
    config.execution.target_partitions = 2;
    let mut rules = PhysicalOptimizer::new().rules;
    let place = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap();
    rules.insert(place, Arc::new(PlacementRule::new(Some(keeper))));
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::from(config))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    SessionContext::new_with_state(state)
}
