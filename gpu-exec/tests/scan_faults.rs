//! Object stores that fail, stall, or change a file while it is read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod scan_support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use maar_gpu_exec::column::Stored;
use maar_gpu_exec::scan::{Listed, ParquetScan, ScanError};
use object_store::{ObjectStore, ObjectStoreExt};

use self::scan_support::files::{Bench, batch};
use self::scan_support::store::{Fault, FaultyStore};
use self::scan_support::{Value, expected};

/// A scan over a store in memory that holds one file of two row groups with texts and numbers.
async fn bench(rows: i64) -> (Bench, Arc<FaultyStore>, ParquetScan, Vec<Vec<Option<Value>>>) {
    bench_at(rows, LOCAL).await
}

/// Files are asked for by their tag.
async fn tagged(rows: i64) -> (Bench, Arc<FaultyStore>, ParquetScan, Vec<Vec<Option<Value>>>) {
    bench_at(rows, TAGGED).await
}

/// Local files are not: their tag does not change with every change.
const LOCAL: &str = "file://";
const TAGGED: &str = "memory://lake";

async fn bench_at(rows: i64, url: &str) -> (Bench, Arc<FaultyStore>, ParquetScan, Vec<Vec<Option<Value>>>) {
    let mut bench = Bench::new();
    let part = |from: i64| {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + rows));
        let texts: ArrayRef = Arc::new(
            (from..from + rows).map(|i| (i % 4 != 0).then(|| format!("t{}", i % 50))).collect::<StringArray>(),
        );
        batch(&[("k", keys), ("s", texts)])
    };
    let parts = [part(0), part(rows + 7)];
    bench.write("a.parquet", &parts);
    let scan = bench.plan("k, s", None).await;
    let scan = ParquetScan { store_url: ObjectStoreUrl::parse(url).unwrap(), ..scan };
    let objects = Arc::new(FaultyStore::new());
    objects.put(&scan.files[0].location, std::fs::read(bench.path("a.parquet")).unwrap().into()).await.unwrap();
    bench.objects = Some(Arc::clone(&objects) as Arc<_>);
    let values = (0..2).map(|c| parts.iter().flat_map(|part| expected(part.column(c))).collect()).collect();
    (bench, objects, scan, values)
}

#[tokio::test]
async fn bytes_are_counted_as_they_are_asked_for() {
    let (bench, objects, scan, values) = bench(3000).await;
    let loaded = bench.load(&scan).await.unwrap();
    assert_eq!(bench.rows(&loaded.table), values);
    let footer = scan.files[0].size.min(64 << 10);
    assert_eq!(loaded.stats.file_bytes_read, objects.chunk_bytes.load(Ordering::Relaxed) + footer);
    let again = bench.load(&scan).await.unwrap();
    assert_eq!((again.stats.file_bytes_read, bench.rows(&again.table)), (0, values));
}

#[tokio::test]
async fn a_file_replaced_while_it_is_read_is_no_result() {
    for (bytes, url) in
        [(vec![7; 100_000], LOCAL), (vec![7; 8], LOCAL), (vec![7; 100_000], TAGGED), (vec![7; 8], TAGGED)]
    {
        let (bench, objects, scan, values) = bench_at(3000, url).await;
        let bytes = Bytes::from(bytes);
        let original = objects.get(&scan.files[0].location).await.unwrap().bytes().await.unwrap();
        *objects.fault.lock().unwrap() = Fault::Replace(bytes);
        match bench.load(&scan).await {
            Err(ScanError::FileChanged { .. } | ScanError::Store { .. }) => {}
            other => panic!("{other:?}"),
        }
        // The same content again is another state: nothing read in between may be used.
        *objects.fault.lock().unwrap() = Fault::Replace(original.clone());
        assert!(bench.load(&scan).await.is_err());
        objects.put(&scan.files[0].location, original.into()).await.unwrap();
        *objects.fault.lock().unwrap() = Fault::None;
        assert_eq!(bench.rows(&bench.load(&scan).await.unwrap().table), values);
    }
}

/// The scan as a statement finds it that lists the store now.
async fn listed(objects: &FaultyStore, scan: &ParquetScan) -> (Arc<ParquetScan>, Listed) {
    let files: Vec<_> = objects.list(None).try_collect().await.unwrap();
    let listed = Listed::default();
    listed.note(scan.store_url.as_str(), &files.clone().into());
    (Arc::new(ParquetScan { files, ..scan.clone() }), listed)
}

#[tokio::test]
async fn what_was_just_listed_is_not_asked_for_again() {
    let (bench, objects, scan, values) = bench(3000).await;
    let heads = || objects.heads.swap(0, Ordering::Relaxed);
    let (scan, states) = listed(&objects, &scan).await;
    heads();
    assert_eq!(bench.rows(&bench.load_listed(&scan, &states).await.unwrap().table), values);
    assert_eq!(heads(), 1, "after reading, whether it is still the file that was listed");
    assert_eq!(bench.rows(&bench.load_listed(&scan, &states).await.unwrap().table), values);
    assert_eq!(heads(), 0);
    assert_eq!(bench.rows(&bench.load(&scan).await.unwrap().table), values);
    assert_eq!(heads(), 1, "a listing of another statement says nothing");
}

#[tokio::test]
async fn what_is_asked_for_by_its_tag_is_not_asked_for_afterwards() {
    let (bench, objects, scan, values) = tagged(3000).await;
    let (scan, states) = listed(&objects, &scan).await;
    objects.heads.store(0, Ordering::Relaxed);
    assert_eq!(bench.rows(&bench.load_listed(&scan, &states).await.unwrap().table), values);
    assert_eq!(objects.heads.load(Ordering::Relaxed), 0);
    // Replaced since: opened as it is.
    let path = scan.files[0].location.clone();
    let original = objects.get(&path).await.unwrap().bytes().await.unwrap();
    objects.put(&path, original.clone().into()).await.unwrap();
    bench.columns.clear();
    assert_eq!(bench.rows(&bench.load_listed(&scan, &states).await.unwrap().table), values);
    // Replaced while it is read: named.
    let (scan, states) = listed(&objects, &scan).await;
    *objects.fault.lock().unwrap() = Fault::Replace(original);
    bench.columns.clear();
    let error = bench.load_listed(&scan, &states).await.unwrap_err();
    assert!(matches!(error, ScanError::FileChanged { .. }) && error.to_string().contains("a.parquet"), "{error}");
}

#[tokio::test]
async fn a_table_is_found_whole_while_nothing_of_it_has_changed() {
    let (bench, objects, scan, values) = bench(3000).await;
    let (scan, states) = listed(&objects, &scan).await;
    assert!(bench.kept(&scan, &states).is_none());
    let loaded = bench.load_listed(&scan, &states).await.unwrap();
    let found = bench.kept(&scan, &states).unwrap();
    assert_eq!(bench.rows(&found.table), values);
    assert_eq!((found.stats.columns_resident, found.stats.columns_loaded), (loaded.stats.columns_loaded, 0));
    assert_eq!(found.stats.device_bytes, loaded.stats.device_bytes);
    // Another plan, nothing listed, and a file that was written again.
    assert!(bench.kept(&Arc::new(ParquetScan::clone(&scan)), &states).is_none());
    assert!(bench.kept(&scan, &Listed::default()).is_none());
    let path = &scan.files[0].location;
    let original = objects.get(path).await.unwrap().bytes().await.unwrap();
    objects.put(path, original.into()).await.unwrap();
    let (again, new_states) = listed(&objects, &scan).await;
    assert!(bench.kept(&scan, &new_states).is_none());
    // Loading it forgets the old state, and what was made of it.
    assert_eq!(bench.rows(&bench.load_listed(&again, &new_states).await.unwrap().table), values);
    assert!(bench.kept(&scan, &states).is_none());
    drop((loaded, found));
    // What is kept gives way.
    let used = bench.device.memory().used_bytes;
    assert!(bench.kept(&again, &new_states).is_some() && used > 0);
    assert!(bench.columns.evict(u64::MAX) > 0);
    assert!(bench.kept(&again, &new_states).is_none());
    assert_eq!(bench.device.memory().used_bytes, 0);
}

#[tokio::test]
async fn a_file_replaced_after_it_was_listed_is_no_mixture() {
    let (bench, objects, scan, values) = bench(3000).await;
    let (scan, states) = listed(&objects, &scan).await;
    let path = scan.files[0].location.clone();
    let original = objects.get(&path).await.unwrap().bytes().await.unwrap();
    // As long, and another state.
    objects.put(&path, original.clone().into()).await.unwrap();
    let error = bench.load_listed(&scan, &states).await.unwrap_err();
    assert!(matches!(error, ScanError::FileChanged { .. }) && error.to_string().contains("a.parquet"), "{error}");
    // Longer: it cannot be opened as it was listed, and is read as it is.
    let longer = [&b"PAR1 and something"[..], &original].concat();
    objects.put(&path, longer.into()).await.unwrap();
    assert!(bench.load_listed(&scan, &states).await.is_err(), "its offsets are another file's");
    objects.put(&path, original.into()).await.unwrap();
    let (scan, states) = listed(&objects, &scan).await;
    assert_eq!(bench.rows(&bench.load_listed(&scan, &states).await.unwrap().table), values);
    objects.delete(&path).await.unwrap();
    assert_eq!(bench.rows(&bench.load_listed(&scan, &states).await.unwrap().table), values, "all of it is resident");
    bench.columns.clear();
    let error = bench.load_listed(&scan, &states).await.unwrap_err();
    assert!(matches!(error, ScanError::FileGone { .. }), "{error}");
}

#[tokio::test]
async fn a_file_deleted_while_it_is_read_and_a_store_out_of_order() {
    let (bench, objects, scan, _) = bench(100).await;
    *objects.fault.lock().unwrap() = Fault::Fail;
    let error = bench.load(&scan).await.unwrap_err();
    assert!(matches!(error, ScanError::Store { .. }) && error.to_string().contains("out of order"), "{error}");
    *objects.fault.lock().unwrap() = Fault::Delete;
    let error = bench.load(&scan).await.unwrap_err();
    assert!(matches!(error, ScanError::FileGone { .. }) && error.to_string().contains("a.parquet"), "{error}");
}

#[tokio::test]
async fn a_dropped_load_leaves_a_working_store() {
    let (bench, objects, scan, values) = bench(3000).await;
    *objects.fault.lock().unwrap() = Fault::Stall;
    let cut = tokio::time::timeout(Duration::from_millis(50), bench.load(&scan)).await;
    assert!(cut.is_err());
    *objects.fault.lock().unwrap() = Fault::None;
    assert_eq!(bench.rows(&bench.load(&scan).await.unwrap().table), values);
}

/// Scans of one query over the same file, two of them of the same columns.
#[tokio::test]
async fn what_several_scans_want_is_read_once() {
    let (bench, objects, scan, values) = bench(3000).await;
    let mut narrow = scan.clone();
    narrow.projection = vec![1];
    let scans = [&scan, &narrow, &scan];
    let loaded = bench.open(&scans).await.unwrap().finish().await.unwrap();
    let found: Vec<_> = loaded.iter().map(|loaded| bench.rows(&loaded.table)).collect();
    assert_eq!(found, [values.clone(), values[1..].to_vec(), values.clone()]);
    let footer = scan.files[0].size.min(64 << 10);
    assert_eq!(loaded[0].stats.file_bytes_read, objects.chunk_bytes.load(Ordering::Relaxed) + footer);
    let counts = |loaded: &maar_gpu_exec::scan::Loaded| (loaded.stats.columns_loaded, loaded.stats.columns_resident);
    assert_eq!(loaded.iter().map(counts).collect::<Vec<_>>(), [(4, 0), (0, 2), (0, 4)]);
    assert_eq!(loaded[1].stats.file_bytes_read + loaded[2].stats.file_bytes_read, 0);
    // One dictionary, by identity: comparing their texts needs no translation.
    let text = |at: usize, column: usize| match &loaded[at].table.shape.columns[column].stored {
        Stored::Codes { dictionary, .. } => Arc::clone(dictionary),
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&text(0, 1), &text(1, 0)) && Arc::ptr_eq(&text(0, 1), &text(2, 1)));
    drop(loaded);
    assert_eq!(bench.columns.stats().bytes, bench.device.memory().used_bytes, "what is held is resident");
}

/// One scan's file is replaced while another's is read: neither is a result.
#[tokio::test]
async fn one_scan_of_several_that_fails_fails_them_all() {
    let (bench, objects, scan, values) = bench(3000).await;
    *objects.fault.lock().unwrap() = Fault::Fail;
    assert!(matches!(bench.open(&[&scan, &scan]).await.unwrap().finish().await, Err(ScanError::Store { .. })));
    *objects.fault.lock().unwrap() = Fault::None;
    let mut gone = scan.clone();
    gone.files[0].location = "gone.parquet".into();
    match bench.open(&[&scan, &gone]).await {
        Err(ScanError::FileGone { path }) => assert!(path.ends_with("gone.parquet"), "{path}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.rows(&bench.load(&scan).await.unwrap().table), values);
}
