//! ORDER BY with a LIMIT over rows of a device: only the first leave it, or, where the host sorts, only those that may be among
//! them; and the answer is the host's. On the emulated device, which needs a C++ compiler.

use maar_engine::Session;
use maar_engine::device::DeviceKind;
use tempfile::TempDir;

use crate::support::cells;

const ROWS: u64 = 20_000;

/// Keys of several types with many ties and NULLs, a text that has no dictionary, one that has.
async fn sessions() -> (Session, Session, TempDir) {
    let directory = TempDir::new().unwrap();
    let rows = format!(
        "select value as id, cast(value * 7919 % 1000 as int) as k, cast(value * 31 % 97 as smallint) as few,
        case when value % 3 = 0 then null else value * 13 % 777 end as missing,
        cast(value * 17 % 5003 as decimal(20, 2)) / 4 as price, date '2001-01-01' + cast(value * 3 % 900 as int) as day,
        cast(value * 11 % 4001 as bigint unsigned) as u, to_timestamp_micros(value * 12345 % 99991) as at,
        cast(value % 500 as double) as x, concat('the text of row ', value) as own, concat('word ', value % 30) as word
        from generate_series(0, {})",
        ROWS - 1
    );
    let path = format!("{}/t.parquet", directory.path().display());
    let open = |device| Session::builder().device(device).target_partitions(2).build().unwrap();
    let (cpu, device) = (open(DeviceKind::Cpu), open(DeviceKind::Emulated));
    cpu.run_script(&format!(
        "copy ({rows}) to '{path}' stored as parquet options ('format.dictionary_enabled' 'false')"
    ))
    .await
    .unwrap();
    for session in [&cpu, &device] {
        let table = format!("create external table t stored as parquet location '{path}'");
        session.run_script(&table).await.unwrap();
    }
    (cpu, device, directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rows_are_the_hosts_and_no_others_leave_the_device() {
    let (cpu, device, _directory) = sessions().await;
    for order in [
        "k, id",
        "k desc, id desc",
        "few, id",
        "missing, id",
        "missing desc, id",
        "missing desc nulls last, id",
        "missing nulls first, id",
        "price desc, id",
        "day, id",
        "u desc, id",
        "at, id",
        "x, id",
        "word, id",
        "k + few, id",
    ] {
        for (limit, rows) in [("limit 7", 7), ("limit 5 offset 9", 5), ("limit 1", 1)] {
            let sql = format!("select * from t where id % 2 = 1 order by {order} {limit}");
            let explained = cells(&device, &format!("explain {sql}")).await.unwrap();
            assert!(explained.contains("-> sort(") && !explained.contains("host"), "{sql}\n{explained}");
            let (batches, report) = device.sql(&sql).await.unwrap().collect().await.unwrap();
            assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), rows);
            assert_eq!(report.work.rows_out, rows as u64, "{sql}");
            assert_eq!(cells(&device, &sql).await.unwrap(), cells(&cpu, &sql).await.unwrap(), "{sql}");
            let analyzed = cells(&device, &format!("explain analyze {sql}")).await.unwrap();
            assert!(analyzed.contains("sorted_rows=10000, sort_ms="), "{analyzed}");
        }
    }
}

/// A key that the device has no form for leaves the sort to the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_rows_leave_where_the_host_sorts() {
    let (cpu, device, _directory) = sessions().await;
    for order in ["k", "k desc", "missing desc nulls last", "price desc", "day", "u desc", "at"] {
        let sql = format!("select * from t where id % 2 = 1 order by {order}, md5(own) limit 7");
        let explained = cells(&device, &format!("explain {sql}")).await.unwrap();
        assert!(explained.contains("first=7 by ") && explained.contains("md5"), "{sql}\n{explained}");
        let (_, report) = device.sql(&sql).await.unwrap().collect().await.unwrap();
        assert!(report.work.rows_out < ROWS / 8, "{sql}: {} rows left", report.work.rows_out);
        assert_eq!(cells(&device, &sql).await.unwrap(), cells(&cpu, &sql).await.unwrap(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_tied_few_or_none() {
    let (cpu, device, _directory) = sessions().await;
    for sql in [
        "select id, own from t where id > 3 order by k, id limit 9000",
        "select id, own from t where id > 3 order by few * 0, id limit 10",
        "select id, own from t where id > 3 order by k, id limit 0",
        "select id, own from t where id > 19990 order by k, id limit 3",
        "select id, own from t where id < 0 order by k limit 3",
        "select k, count(*) as c, max(price) from t where id > 3 group by k order by c desc, k limit 3",
        "select a.own, b.id from t a join t b on a.id = b.id + 1 where a.k < 900 order by b.few, b.id limit 11",
    ] {
        assert_eq!(cells(&device, sql).await.unwrap(), cells(&cpu, sql).await.unwrap(), "{sql}");
    }
}
