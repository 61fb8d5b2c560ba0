//! Files of one table whose columns differ: grown, added, missing, in another order. The CPU and the device read the narrower
//! files into the wider columns alike; types that no type holds are an error that names both files.

use std::sync::Arc;

use maar_engine::device::DeviceKind;
use maar_engine::{ErrorKind, Session};
use tempfile::TempDir;

use crate::stores::Watched;
use crate::support::{cells, error, session};

const OLD: &str = "select cast(i as int) as i, cast(i + 0.5 as real) as f, cast(i + 0.25 as decimal(5, 2)) as d, \
                   cast(date '2024-01-01' + interval '1 day' * i as date) as t, 'w' || i as s, cast(i as smallint unsigned) as u \
                   from generate_series(0, 9) g(i)";
const NEW: &str = "select i * 1000000000 as i, cast(i % 2 as varchar) as added, cast(i + 0.125 as decimal(15, 3)) as d, \
                   cast(i / 4.0 as double) as f, timestamp '2024-01-05 12:00:00' as t, cast(-i as int) as u \
                   from generate_series(10, 19) g(i)";

fn on(device: DeviceKind) -> Session {
    Session::builder().device(device).target_partitions(2).build().unwrap()
}

async fn lake(first: &str, second: &str) -> TempDir {
    let (session, lake) = (session(), TempDir::new().unwrap());
    for (name, rows) in [("a", first), ("b", second)] {
        let file = lake.path().join(name).join("1.parquet").display().to_string();
        session.run_script(&format!("copy ({rows}) to '{file}'")).await.unwrap();
    }
    lake
}

/// What both orders of the files give.
const ROWS: &[(&str, &str)] = &[
    ("select count(*), sum(i), min(i), max(i) from t", "20,145000000045,0,19000000000"),
    ("select count(*), sum(i) from t where i > 8", "11,145000000009"),
    ("select sum(i) from t where i = 7 or i = 11000000000", "11000000007"),
    ("select sum(f), min(f), max(f) from t", "86.25,0.5,9.5"),
    ("select count(*) from t where f >= 4.5", "8"),
    ("select sum(d), min(d), max(d) from t", "193.750,0.250,19.125"),
    ("select count(*) from t where d = 3.25 or d = 12.125", "2"),
    ("select count(*), min(t), max(t) from t", "20,2024-01-01T00:00:00,2024-01-10T00:00:00"),
    ("select count(*) from t where t > timestamp '2024-01-05 00:00:00'", "15"),
    ("select count(s), count(added), max(s), min(added) from t", "10,10,w9,0"),
    ("select sum(u), min(u) from t", "-100,-19"),
    ("select added, count(*) from t group by added order by added", "0,5;1,5;,10"),
    ("select i % 10, count(*) from t where i < 10 group by 1 having i % 10 > 7 order by 1", "8,1;9,1"),
    ("select a.i, b.u from t a join t b on a.i = b.u where a.i < 3 order by 1", "0,0;1,1;2,2"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grown_columns_are_read_alike_by_cpu_and_device() {
    for (first, second) in [(OLD, NEW), (NEW, OLD)] {
        let lake = lake(first, second).await;
        for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
            let session = on(device);
            let pattern = format!("{}/*/*.parquet", lake.path().display());
            session
                .run_script(&format!("create external table t stored as parquet location '{pattern}'"))
                .await
                .unwrap();
            for (sql, rows) in ROWS {
                let read = cells(&session, sql).await;
                assert_eq!(read.unwrap_or_else(|e| e.to_string()), *rows, "{device:?}: {sql}");
            }
            let types = "select arrow_typeof(i), arrow_typeof(f), arrow_typeof(d), arrow_typeof(u) from t limit 1";
            assert_eq!(cells(&session, types).await.unwrap(), "Int64,Float64,Decimal128(15, 3),Int32", "{device:?}");
            // The same of several locations.
            let at = |name: &str| lake.path().join(name).display().to_string();
            let table = format!("create external table u stored as parquet location ('{}/', '{}/')", at("a"), at("b"));
            session.run_script(&table).await.unwrap();
            assert_eq!(cells(&session, "select sum(i) from u").await.unwrap(), "145000000045", "{device:?}");
            let listed = format!("select sum(i) from ['{}/1.parquet', '{}/1.parquet']", at("a"), at("b"));
            assert_eq!(cells(&session, &listed).await.unwrap(), "145000000045", "{device:?}");
        }
    }
}

/// The device itself loads a narrower file into a wider column.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_device_loads_grown_columns_itself() {
    let (lake, session) = (lake(OLD, NEW).await, on(DeviceKind::Emulated));
    session.run_script("set maar.require_device = true").await.unwrap();
    for (column, sum) in [("i", "145000000045"), ("f", "86.25"), ("d", "193.750"), ("u", "-100")] {
        let sql = format!("select sum({column}) from '{}/*/*.parquet' where i >= 0", lake.path().display());
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), sum, "{column}");
    }
}

#[tokio::test]
async fn types_that_clash_name_both_files() {
    let session = session();
    for (one, other, types) in [
        ("1", "2.5", ["BIGINT", "DOUBLE"]),
        ("'x'", "1", ["VARCHAR", "BIGINT"]),
        ("true", "cast(1 as int)", ["BOOLEAN", "INT"]),
    ] {
        let lake = lake(&format!("select {one} as n"), &format!("select 1 as m, {other} as n")).await;
        let at = |name: &str| lake.path().join(name).join("1.parquet").display().to_string();
        let (a, b) = (at("a"), at("b"));
        for sql in [
            format!("select * from '{}/*/*.parquet'", lake.path().display()),
            format!("select * from ['{a}', '{b}']"),
            format!("create external table t stored as parquet location '{}/*/*.parquet'", lake.path().display()),
        ] {
            let e = error(&session, &sql).await;
            assert_eq!(e.kind(), ErrorKind::Invalid, "{sql}: {e}");
            for named in [types[0], types[1], "column n", &a, &b] {
                assert!(e.message().contains(named), "{sql}: {named}: {e}");
            }
            assert!(e.hint().is_some_and(|hint| hint.contains("CREATE EXTERNAL TABLE")), "{e}");
        }
    }
}

#[tokio::test]
async fn files_of_a_store_are_named_by_their_urls() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Cpu, "counted://lake");
    session
        .run_script("copy (select 1 as n) to 'counted://lake/t/a.parquet'; copy (select 'x' as n) to 'counted://lake/t/b.parquet'")
        .await
        .unwrap();
    let e = error(&session, "select * from 'counted://lake/t/'").await;
    for file in ["'counted://lake/t/a.parquet'", "'counted://lake/t/b.parquet'"] {
        assert!(e.message().contains(file), "{e}");
    }
}
