//! Joins that would make hundreds of times the rows they read, in the order in which they are written.

use maar_engine::Session;
use maar_engine::device::DeviceKind;
use tempfile::TempDir;

use crate::support::cells;

async fn lake(device: DeviceKind) -> (Session, TempDir) {
    let directory = TempDir::new().unwrap();
    let session = Session::builder().device(device).target_partitions(2).build().unwrap();
    let many = "select value as id, value % 10 as a, concat('s', value % 10) as s from generate_series(0, 19999)";
    let few = "select value * 1000 as id, value as c from generate_series(0, 19)";
    for (name, rows) in [("t1", many), ("t2", many), ("t3", many), ("t4", few), ("t5", few)] {
        let path = directory.path().join(format!("{name}.parquet")).display().to_string();
        let script = format!(
            "copy ({rows}) to '{path}' stored as parquet; \
             create external table {name} stored as parquet location '{path}'"
        );
        session.run_script(&script).await.unwrap();
    }
    (session, directory)
}

fn five(key: &str) -> String {
    format!(
        "select count(*), sum(t1.id), max(t2.id + t4.c), min(t3.s) from t1 join t2 on t1.{key} = t2.{key}
         join t3 on t3.{key} = t2.{key} and t3.id + 1 = t1.id + 1
         join t4 on t4.id = t1.id join t5 on t5.id = t2.id and t5.c < t4.c"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joins_that_grow_come_late() {
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let (session, _lake) = lake(device).await;
        for key in ["a", "s"] {
            assert_eq!(cells(&session, &five(key)).await.unwrap(), "190,2470000,18019,s0", "{device:?}: {key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_joins_stay_as_they_are_written() {
    let (session, _lake) = lake(DeviceKind::Cpu).await;
    let plan = "explain select count(*) from t1 join t2 on t1.id = t2.id join t4 on t4.id = t1.id";
    let plan = cells(&session, plan).await.unwrap();
    let place = |table: &str| plan.find(&format!("{table}.parquet")).unwrap();
    let (first, second, last) = (place("t1"), place("t2"), place("t4"));
    assert!(
        last < first.min(second) || last > first.max(second),
        "t4 comes between the two that are joined first: {plan}"
    );
}
