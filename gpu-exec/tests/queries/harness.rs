//! Two sessions over the same files: one that places on the emulated device, one that does not.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use maar_gpu_exec::device::{DeviceChoice, DeviceOptions};
use maar_gpu_exec::exec::{DeviceFactory, DeviceRuntime, RuntimeOptions};
use maar_gpu_exec::options::{DeviceOption, MaarOptions};
use maar_gpu_exec::planner::PlacementRule;
use maar_gpu_exec::report::DeviceReport;
use tempfile::TempDir;

pub(crate) struct Both {
    pub(crate) device: SessionContext,
    pub(crate) host: SessionContext,
    pub(crate) runtime: Arc<DeviceRuntime>,
    files: TempDir,
    /// What its sessions know, by name.
    tables: Mutex<Vec<(String, Arc<dyn TableProvider>)>>,
}

/// How the device of a test is opened, where that matters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) segment_rows: usize,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) input_bytes: Option<u64>,
    pub(crate) patience: Option<Duration>,
    /// The memory limit of the session on the device.
    pub(crate) host_bytes: Option<usize>,
    /// Whether what the device refuses runs on the host.
    pub(crate) way_back: bool,
}

const ITEMS: &str = "SELECT CAST(i AS BIGINT) AS item, CAST(i / 4 AS BIGINT) AS parent, CAST(i % 50 + 1 AS DECIMAL(15,2)) AS quantity, \
     CAST((i * 7919) % 100000 AS DECIMAL(15,2)) / CAST(10 AS DECIMAL(3,1)) AS raw_price, \
     CAST(CAST(i % 11 AS DECIMAL(15,2)) / 100 AS DECIMAL(15,2)) AS discount, arrow_cast(CAST(8035 + i % 2500 AS INT), 'Date32') AS raw_day, \
     CASE WHEN i % 3 = 0 THEN 'A' WHEN i % 3 = 1 THEN 'N' ELSE 'R' END AS flag, CASE WHEN i % 2 = 0 THEN 'O' ELSE 'F' END AS status, \
     CASE WHEN i % 7 = 0 THEN NULL ELSE CAST(i % 23 AS INT) END AS maybe, CAST(i % 97 AS DOUBLE) / 97 AS ratio";

/// A table: its name, and for each of its files the SELECT that makes its rows.
pub(crate) type Table<'a> = (&'a str, Vec<String>);

impl Both {
    /// Over `items` (three files of several row groups) and `parents`.
    pub(crate) async fn open() -> Self {
        let items = [(0, 6000), (6001, 6033), (6034, 13000)].into_iter().map(|(first, last)| {
            format!(
                "SELECT item, parent, quantity, CAST(raw_price AS DECIMAL(15,2)) AS price, discount, CAST(raw_day AS DATE) AS day, flag, status, maybe, ratio FROM ({ITEMS} FROM (SELECT value AS i FROM generate_series({first}, {last})))"
            )
        });
        let parents = "SELECT CAST(i AS BIGINT) AS id, CASE WHEN i % 5 = 0 THEN 'red' WHEN i % 5 = 1 THEN 'N' ELSE 'blue' END AS kind, arrow_cast(CAST(7305 + i % 900 AS INT), 'Date32') AS since, CAST(i % 13 AS DECIMAL(15,2)) AS weight FROM (SELECT value AS i FROM generate_series(0, 2999))";
        Self::over(&[("items", items.collect()), ("parents", vec![parents.into()])]).await
    }

    pub(crate) async fn over(tables: &[Table<'_>]) -> Self {
        Self::written(tables, |_| true).await
    }

    /// `dictionaries` says of each of a table's files whether it has dictionaries.
    pub(crate) async fn written(tables: &[Table<'_>], dictionaries: fn(usize) -> bool) -> Self {
        // A segment a row group, however small.
        Self::gathered(tables, dictionaries, 0).await
    }

    /// Small row groups are gathered to segments of so many rows.
    pub(crate) async fn gathered(tables: &[Table<'_>], dictionaries: fn(usize) -> bool, segment_rows: usize) -> Self {
        Self::within(tables, dictionaries, segment_rows, None).await
    }

    /// On a device of so many bytes.
    pub(crate) async fn within(
        tables: &[Table<'_>],
        dictionaries: fn(usize) -> bool,
        segment_rows: usize,
        memory_bytes: Option<u64>,
    ) -> Self {
        Self::with(tables, dictionaries, Settings { segment_rows, memory_bytes, ..Settings::default() }).await
    }

    pub(crate) async fn with(tables: &[Table<'_>], dictionaries: fn(usize) -> bool, settings: Settings) -> Self {
        let Settings { segment_rows, memory_bytes, input_bytes, way_back, patience, host_bytes } = settings;
        let files = tempfile::tempdir().unwrap();
        let writer = SessionContext::new();
        for (table, parts) in tables {
            for (part, select) in parts.iter().enumerate() {
                let path = files.path().join(format!("{table}/{part}.parquet"));
                let copy = format!(
                    "COPY ({select}) TO '{}' STORED AS PARQUET OPTIONS ('format.max_row_group_size' 3000, 'format.dictionary_enabled' {})",
                    path.display(),
                    dictionaries(part)
                );
                writer.sql(&copy).await.unwrap().collect().await.unwrap();
            }
        }
        let cache = files.path().join("cache");
        let device_options = DeviceOptions {
            cache_dir: Some(std::env::var_os("MAAR_TEST_CACHE").map_or(cache, Into::into)),
            // A read outside a buffer faults.
            separate_buffers: true,
            memory_bytes,
            ..DeviceOptions::default()
        };
        let runtime = DeviceRuntime::open(
            DeviceChoice::Emulated,
            &RuntimeOptions {
                device: device_options,
                resident_bytes: None,
                segment_rows: Some(segment_rows),
                input_bytes,
                patience,
            },
        )
        .unwrap();
        let device = session(Some(Arc::clone(&runtime)), way_back, false, host_bytes);
        let host = session(None, false, false, None);
        for context in [&device, &host] {
            for (table, _) in tables {
                let path = files.path().join(table);
                context.register_parquet(*table, path.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
            }
        }
        let mut known = vec![];
        for (table, _) in tables {
            known.push(((*table).to_owned(), host.table_provider(*table).await.unwrap()));
        }
        Self { device, host, runtime, files, tables: Mutex::new(known) }
    }

    /// One more session on the device, with the way back to the host unless that is required.
    pub(crate) fn another(&self, require_device: bool) -> SessionContext {
        let context = session(Some(Arc::clone(&self.runtime)), true, require_device, None);
        for (name, table) in self.tables.lock().unwrap().iter() {
            context.register_table(name, Arc::clone(table)).unwrap();
        }
        context
    }

    /// Bytes of device memory that are held once no query runs; what is resident is none of them.
    pub(crate) async fn held_bytes(&self) -> u64 {
        // What a query that failed had others do ends soon.
        for _ in 0..500 {
            self.forget();
            if self.runtime.handle().memory().used_bytes == 0 {
                return 0;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.runtime.handle().memory().used_bytes
    }

    /// A table's file, by its number.
    pub(crate) fn file(&self, table: &str, part: usize) -> PathBuf {
        self.files.path().join(format!("{table}/{part}.parquet"))
    }

    /// A table that is no file: its scan stays on the host.
    pub(crate) fn register(&self, name: &str, table: &Arc<dyn TableProvider>) {
        for context in [&self.device, &self.host] {
            context.register_table(name, Arc::clone(table)).unwrap();
        }
        self.tables.lock().unwrap().push((name.to_owned(), Arc::clone(table)));
    }

    /// Both answers must be the same, and the device must have sent the query back with a reason that says this much.
    pub(crate) async fn goes_back(&self, query: &str, expected: &str) {
        let (host, _) = run(&self.host, query).await;
        let (found, plan) = run(&self.device, query).await;
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(shown.contains("went back to the host: ") && shown.contains(expected), "{query}\n{shown}");
        assert!(maar_gpu_exec::exec::reports(&plan).is_empty(), "{query}\n{shown}");
        assert_eq!(host, found, "{query}\n{shown}");
    }

    /// The same, row by row.
    pub(crate) async fn goes_back_in_order(&self, query: &str) {
        let plan = planned(&self.host, query).await;
        let expected = rows(&self.host, &plan, query).await;
        let plan = planned(&self.device, query).await;
        let found = rows(&self.device, &plan, query).await;
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(shown.contains("went back to the host: "), "{query}\n{shown}");
        assert!(expected == found, "{query}\n{shown}");
    }

    /// Drops what is resident, so that the next query loads what it needs in the form it would choose.
    pub(crate) fn forget(&self) {
        self.runtime.store().clear();
    }

    /// The device must refuse the rows with an error that says this much.
    pub(crate) async fn fails(&self, query: &str, expected: &str) {
        let frame = self.device.sql(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        let plan = frame.create_physical_plan().await.unwrap_or_else(|error| panic!("{query}: {error}"));
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(shown.contains("DeviceExec"), "{query} is not placed on the device\n{shown}");
        match collect(plan, self.device.task_ctx()).await {
            Ok(batches) => panic!("{query} gave {:?}", batches.iter().flat_map(lines).collect::<Vec<_>>()),
            Err(error) => assert!(error.to_string().contains(expected), "{query}: {error}"),
        }
    }

    /// Both answers, as sorted lines, must be the same; the device must have run something.
    pub(crate) async fn same(&self, query: &str) -> Vec<DeviceReport> {
        self.agree(query, query).await
    }

    /// The same of a query that is one plan of the device.
    pub(crate) async fn whole(&self, query: &str) {
        let reports = self.same(query).await;
        assert_eq!(reports.len(), 1, "{query} is not one plan of the device");
    }

    /// Both answers must be the same row by row, and the order the device's.
    pub(crate) async fn in_order(&self, query: &str) -> Vec<DeviceReport> {
        let plan = planned(&self.host, query).await;
        let expected = rows(&self.host, &plan, query).await;
        let plan = planned(&self.device, query).await;
        let found = rows(&self.device, &plan, query).await;
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(!shown.contains("Sort") && !shown.contains("went back"), "{query}\n{shown}");
        let differ = expected.iter().zip(&found).position(|(a, b)| a != b);
        assert!(
            expected == found,
            "{query}\n{shown}\n{} rows expected, {} found, first difference in row {differ:?}: {:?}",
            expected.len(),
            found.len(),
            differ.map(|row| (&expected[row], &found[row]))
        );
        let reports = maar_gpu_exec::exec::reports(&plan);
        let sorted: u64 = reports.iter().flat_map(|report| &report.pipelines).map(|p| p.sorted.runs).sum();
        assert!(sorted > 0 || found.is_empty(), "{query}\n{shown}");
        reports
    }

    /// Both answers must be the same, wherever the query ran.
    pub(crate) async fn agree_anyhow(&self, query: &str) {
        let (expected, _) = run(&self.host, query).await;
        let (found, plan) = run(&self.device, query).await;
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(expected == found, "{query}\n{shown}\n{} rows, {} found", expected.len(), found.len());
    }

    /// The same of two queries, one for the device and one for the host.
    pub(crate) async fn agree(&self, query: &str, host_query: &str) -> Vec<DeviceReport> {
        let (expected, _) = run(&self.host, host_query).await;
        let (found, plan) = run(&self.device, query).await;
        let reports = maar_gpu_exec::exec::reports(&plan);
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert!(reports.iter().any(|report| !report.pipelines.is_empty()), "no kernel ran for {query}\n{shown}");
        let texts: Vec<&str> = reports.iter().flat_map(|report| &report.pipelines).map(|p| p.source.as_str()).collect();
        assert!(
            expected == found,
            "{query}\n{shown}\nexpected {} rows, found {}\nfirst differences: {:?}\n{}",
            expected.len(),
            found.len(),
            expected.iter().zip(&found).filter(|(a, b)| a != b).take(5).collect::<Vec<_>>(),
            texts.join("\n----\n")
        );
        reports
    }
}

fn session(
    runtime: Option<Arc<DeviceRuntime>>,
    way_back: bool,
    require_device: bool,
    host_bytes: Option<usize>,
) -> SessionContext {
    let device = if runtime.is_some() { DeviceOption::Emulated } else { DeviceOption::Cpu };
    let options = MaarOptions { device, require_device, ..MaarOptions::default() };
    let config = SessionConfig::new().with_option_extension(options).with_target_partitions(2);
    let memory = RuntimeEnvBuilder::new();
    let memory = match host_bytes {
        Some(bytes) => memory.with_memory_limit(bytes, 1.0),
        None => memory,
    };
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(memory.build_arc().unwrap())
        .with_default_features()
        .build();
    let mut rules = state.physical_optimizers().to_vec();
    let at = rules
        .iter()
        .position(|rule| rule.name() == "EnsureRequirements")
        .expect("the rule list has EnsureRequirements");
    let nodes = runtime.map(|runtime| {
        let nodes = DeviceFactory::new(runtime);
        let nodes = if way_back { nodes.with_way_back(rules[at..].into()) } else { nodes };
        Arc::new(nodes) as Arc<dyn maar_gpu_exec::planner::DeviceNodes>
    });
    rules.insert(at, Arc::new(PlacementRule::new(nodes)));
    SessionContext::new_with_state(
        SessionStateBuilder::new_from_existing(state).with_physical_optimizer_rules(rules).build(),
    )
}

async fn run(context: &SessionContext, query: &str) -> (Vec<String>, Arc<dyn ExecutionPlan>) {
    let plan = planned(context, query).await;
    let lines = answer(context, &plan)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}\n{}", displayable(plan.as_ref()).indent(true)));
    (lines, plan)
}

pub(crate) async fn planned(context: &SessionContext, query: &str) -> Arc<dyn ExecutionPlan> {
    let frame = context.sql(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    frame.create_physical_plan().await.unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// The rows of a plan as lines, in their order.
async fn rows(context: &SessionContext, plan: &Arc<dyn ExecutionPlan>, query: &str) -> Vec<String> {
    let batches = collect(Arc::clone(plan), context.task_ctx()).await;
    batches.unwrap_or_else(|error| panic!("{query}: {error}")).iter().flat_map(lines).collect()
}

/// The rows of a plan as sorted lines.
pub(crate) async fn answer(context: &SessionContext, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<String>> {
    let batches = collect(Arc::clone(plan), context.task_ctx()).await?;
    let mut lines: Vec<String> = batches.iter().flat_map(lines).collect();
    lines.sort();
    Ok(lines)
}

/// One line a row; floats rounded to 9 digits, since sums differ in order.
pub(crate) fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    let float: Vec<bool> = batch.columns().iter().map(|column| column.data_type().is_floating()).collect();
    (0..batch.num_rows())
        .map(|row| {
            let cells: Vec<String> = columns
                .iter()
                .zip(&float)
                .map(|(column, float)| {
                    let text = column.value(row).to_string();
                    match text.parse::<f64>() {
                        Ok(value) if *float => format!("{value:.9e}"),
                        _ => text,
                    }
                })
                .collect();
            cells.join("|")
        })
        .collect()
}
