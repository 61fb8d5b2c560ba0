//! Queries that end before their time: dropped, failed. Device memory is then what it was before, the columns that stay
//! resident apart. The device's own accounting is the witness, so sessions here are built on an open runtime.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use maar_gpu_exec::device::{CountersSnapshot, DeviceChoice};
use maar_gpu_exec::exec::{DeviceFactory, DeviceRuntime, RuntimeOptions};
use maar_gpu_exec::options::{DeviceOption, MaarOptions};
use maar_gpu_exec::planner::PlacementRule;
use maar_tests::tpch;

use crate::lake::{data, on_device};

/// How long a dropped query may go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows in many batches; groups in one; a join with its build, and one with duplicate keys.
const QUERIES: [&str; 4] = [
    "SELECT l_orderkey, l_extendedprice * (1 - l_discount) AS price, l_comment FROM lineitem WHERE l_quantity > 3",
    "SELECT l_orderkey, sum(l_quantity) FROM lineitem GROUP BY l_orderkey",
    "SELECT l_orderkey, o_orderdate FROM lineitem JOIN orders ON l_orderkey = o_orderkey WHERE l_tax > 0.01",
    "SELECT a.l_orderkey, b.l_linenumber FROM lineitem a JOIN lineitem b ON a.l_orderkey = b.l_orderkey",
];

/// A device, and a session of plain DataFusion that places on it.
struct Device {
    runtime: Arc<DeviceRuntime>,
    context: SessionContext,
}

impl Device {
    async fn open(data: &Path) -> Self {
        let runtime = DeviceRuntime::open(DeviceChoice::Emulated, &RuntimeOptions::default()).unwrap();
        let factory = Arc::new(DeviceFactory::new(Arc::clone(&runtime)));
        let options = MaarOptions { device: DeviceOption::Emulated, ..MaarOptions::default() };
        // Small batches: a stream that is dropped early has much left to give.
        let config = SessionConfig::new().with_option_extension(options).with_target_partitions(2).with_batch_size(100);
        let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
        let mut rules = state.physical_optimizers().to_vec();
        let at = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap();
        rules.insert(at, Arc::new(PlacementRule::new(Some(factory))));
        let state = SessionStateBuilder::new_from_existing(state).with_physical_optimizer_rules(rules).build();
        let context = SessionContext::new_with_state(state);
        for statement in tpch::statements(data) {
            context.sql(&statement).await.unwrap().collect().await.unwrap();
        }
        Self { runtime, context }
    }

    fn counters(&self) -> CountersSnapshot {
        self.runtime.handle().counters()
    }

    fn used_bytes(&self) -> u64 {
        self.runtime.handle().memory().used_bytes
    }

    /// Runs a query to its end; its columns are resident then. Returns its rows.
    async fn run(&self, sql: &str) -> usize {
        let batches = self.context.sql(sql).await.unwrap().collect().await.unwrap();
        batches.iter().map(|batch| batch.num_rows()).sum()
    }

    /// Waits until no more than `bytes` are in use.
    async fn settles_at(&self, bytes: u64, what: &str) {
        let start = Instant::now();
        while self.used_bytes() > bytes {
            assert!(start.elapsed() < PATIENCE, "{what}: {} bytes in use instead of {bytes}", self.used_bytes());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(self.used_bytes(), bytes, "{what} gave back memory that was not its own");
    }
}

#[test]
fn a_stream_dropped_midway_leaves_memory_as_it_was() {
    on_device("dropped", async || {
        let data = data();
        let device = Device::open(data.path()).await;
        for sql in QUERIES {
            let rows = device.run(sql).await;
            assert!(rows > 1000, "{sql} has only {rows} rows");
            let resident = device.used_bytes();
            for batches in [0, 1, 3] {
                let mut stream = device.context.sql(sql).await.unwrap().execute_stream().await.unwrap();
                for _ in 0..batches {
                    stream.next().await.unwrap().unwrap();
                }
                drop(stream);
                device.settles_at(resident, &format!("after {batches} batches of {sql}")).await;
            }
            assert_eq!(device.run(sql).await, rows, "after early ends: {sql}");
        }
        // All that is left is what the column store holds.
        assert_eq!(device.used_bytes(), held(&device), "memory in use that is no resident column");
    });
}

/// Device memory of the resident columns.
fn held(device: &Device) -> u64 {
    device.runtime.store().stats().bytes
}

#[test]
fn a_query_that_fails_leaves_memory_as_it_was() {
    on_device("failed", async || {
        let data = data();
        let device = Device::open(data.path()).await;
        device.run("SELECT sum(l_orderkey) FROM lineitem WHERE l_partkey > 0").await;
        let resident = device.used_bytes();
        for sql in [
            "SELECT sum(l_orderkey / (l_partkey - l_partkey)) FROM lineitem",
            "SELECT CAST(l_orderkey + 2147483647 AS INT), l_partkey FROM lineitem WHERE l_partkey > 0",
        ] {
            let outcome = device.context.sql(sql).await.unwrap().collect().await;
            assert!(outcome.is_err(), "this has an answer: {sql}");
            device.settles_at(resident, sql).await;
        }
    });
}

/// The device's own counters, which no report can flatter: fixed kernels and copies count too.
#[test]
fn a_hot_query_compiles_nothing_and_uploads_no_columns() {
    on_device("counters", async || {
        let data = data();
        let device = Device::open(data.path()).await;
        for sql in QUERIES {
            let rows = device.run(sql).await;
            let before = device.counters();
            assert_eq!(device.run(sql).await, rows);
            let after = device.counters();
            let columns = held(&device);
            let uploaded = after.uploaded_bytes - before.uploaded_bytes;
            assert_eq!((after.compiled, after.disk_hits), (before.compiled, before.disk_hits), "{sql} compiled again");
            assert!(after.launches > before.launches, "{sql} ran nothing on the device");
            // Segment tables, lookups and initial states are made anew for each run; columns are not.
            assert!(uploaded < columns / 4, "{sql} uploaded {uploaded} bytes beside {columns} of resident columns");
        }
    });
}
