//! What is resident: read once, reclaimed where it is unused, shared by loads side by side.

use std::sync::Arc;

use maar_gpu_exec::device::DeviceOptions;
use maar_gpu_exec::scan::ScanError;

use super::int;
use super::scan_support::every::{columns_of, every_type};
use super::scan_support::files::{Bench, batch};

#[tokio::test]
async fn a_second_query_reads_nothing() {
    let bench = Bench::new();
    bench.write("a.parquet", &[every_type(1, 3000, 5), every_type(10, 100, 0)]);
    let first = bench.query("i32, words, d15", None).await;
    assert!(first.stats.file_bytes_read > 0 && first.stats.columns_loaded == 6);
    let again = bench.query("words, i32", None).await;
    assert_eq!((again.stats.file_bytes_read, again.stats.columns_loaded, again.stats.columns_resident), (0, 0, 4));
    assert_eq!(bench.rows(&again.table), [bench.rows(&first.table)[1].clone(), bench.rows(&first.table)[0].clone()]);
    let more = bench.query("words, f64", None).await;
    assert_eq!((more.stats.columns_loaded, more.stats.columns_resident), (2, 2));
    assert!(more.stats.file_bytes_read > 0 && more.stats.file_bytes_read < first.stats.file_bytes_read);
}

#[tokio::test]
async fn memory_is_reclaimed_from_unused_pieces_only() {
    let options = DeviceOptions { memory_bytes: Some(200_000), ..DeviceOptions::default() };
    let bench = Bench::with(options, None);
    for name in ["a", "b", "c", "d"] {
        let column = int((0..10_000).map(|i| i * 1_000_000_007 % 100_000_007));
        bench.write(&format!("{name}.parquet"), &[batch(&[("k", Arc::clone(&column)), ("l", column)])]);
    }
    // 4 files x 10,000 rows x 4 bytes: one column fits, two do not.
    let first = bench.query("k", None).await;
    match bench.load(&bench.plan("l", None).await).await {
        Err(ScanError::Device(error)) => assert!(error.to_string().contains("column l"), "{error}"),
        other => panic!("{:?}", other.map(|loaded| loaded.stats)),
    }
    let values = bench.rows(&first.table);
    drop(first);
    let second = bench.query("l", None).await;
    assert_eq!(bench.rows(&second.table), values);
    assert!(bench.columns.stats().evicted >= 1);
}

#[tokio::test]
async fn a_byte_budget_bounds_the_store() {
    let bench = Bench::with(DeviceOptions::default(), Some(100_000));
    bench.write("a.parquet", &[every_type(0, 10_000, 0)]);
    let loaded = bench.query("*", None).await;
    let values = bench.rows(&loaded.table);
    drop(loaded);
    let again = bench.query("*", None).await;
    assert_eq!(bench.rows(&again.table), values);
    drop(again);
    bench.query("flag", None).await;
    assert!(bench.columns.stats().bytes <= 100_000, "{:?}", bench.columns.stats());
    bench.columns.clear();
    assert_eq!((bench.columns.stats().bytes, bench.device.memory().used_bytes), (0, 0));
}

#[tokio::test]
async fn dropping_a_load_stops_it_and_leaves_a_working_store() {
    let bench = Bench::new();
    let groups: Vec<_> = (0..20).map(|g| every_type(g * 5000, 5000, 0)).collect();
    bench.write("a.parquet", &groups);
    let scan = bench.plan("*", None).await;
    // Wherever the load is cut (scan_faults.rs cuts one for certain).
    for ms in [1, 10, 30] {
        drop(tokio::time::timeout(std::time::Duration::from_millis(ms), bench.load(&scan)).await);
    }
    let loaded = bench.load(&scan).await.unwrap();
    assert_eq!(bench.rows(&loaded.table), columns_of(&groups));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queries_side_by_side_agree() {
    let bench = Arc::new(Bench::new());
    let groups: Vec<_> = (0..4).map(|g| every_type(g * 3000, 3000, 3)).collect();
    bench.write("a.parquet", &groups[..2]);
    bench.write("b.parquet", &groups[2..]);
    let scans = [bench.plan("*", None).await, bench.plan("words, i64", None).await, bench.plan("*", None).await];
    let spawn = |scan| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.load(&scan).await.unwrap() })
    };
    let loaded = futures::future::try_join_all(scans.map(spawn)).await.unwrap();
    let all = columns_of(&groups);
    assert_eq!(bench.rows(&loaded[0].table), all);
    assert_eq!(bench.rows(&loaded[1].table), [all[18].clone(), all[3].clone()]);
    assert_eq!(bench.rows(&loaded[2].table), all);
}
