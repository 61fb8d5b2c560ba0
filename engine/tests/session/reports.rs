//! Reports: the timeline and the memory of a query, and what is known of one that was stopped or failed. On the emulated
//! device, which needs a C++ compiler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maar_engine::device::{DeviceKind, Ended, TimelineReport, Work};
use maar_engine::{ErrorKind, Placement, QueryReport, QueryResult, Session};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tempfile::TempDir;

use crate::stores::{Replacement, Watched};
use crate::support::cells;

const ROWS: u64 = 30_000;
/// Far more batches than may wait for their reader.
const BATCH_ROWS: u64 = 100;
/// How long a device may go on with what it has begun.
const PATIENCE: Duration = Duration::from_secs(60);
const FILTERED: &str = "select n, d from t where d > 0";

async fn lake() -> (Session, TempDir) {
    let directory = TempDir::new().unwrap();
    let session = Session::builder().device(DeviceKind::Emulated).target_partitions(2).build().unwrap();
    let rows = format!(
        "select value as n, value % 3 as g, cast(value + 1 as decimal(10, 2)) as d, 9223372036854775807 - value as big
        from generate_series(0, {})",
        ROWS - 1
    );
    let script = format!(
        "copy ({rows}) to '{0}/t.parquet'; create external table t stored as parquet location '{0}/t.parquet';
        set datafusion.execution.batch_size = {BATCH_ROWS}",
        directory.path().display()
    );
    session.run_script(&script).await.unwrap();
    (session, directory)
}

/// The report once the device has put down what it had begun.
async fn settled(result: &QueryResult) -> QueryReport {
    let start = Instant::now();
    loop {
        let report = result.report();
        if report.work.ended != Ended::Running {
            return report;
        }
        assert!(start.elapsed() < PATIENCE, "{report:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads until it fails.
async fn failed(session: &Session, sql: &str) -> (ErrorKind, QueryReport) {
    let mut result = session.sql(sql).await.unwrap();
    loop {
        match result.next_batch().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return (error.kind(), result.report()),
            None => unreachable!("{sql} has an answer"),
        }
    }
}

fn bytes(timeline: &TimelineReport, work: Work) -> u64 {
    timeline.of(work).map_or(0, |report| report.bytes)
}

/// Times that cannot be.
fn check(timeline: &TimelineReport) {
    let TimelineReport { elapsed_ms, work, busy_ms, overlap_ms, .. } = timeline;
    assert!(overlap_ms <= busy_ms && busy_ms <= elapsed_ms, "{timeline}");
    assert!(work.iter().all(|work| work.busy_ms <= *elapsed_ms), "{timeline}");
    assert!(timeline.longest().is_none_or(|longest| longest.busy_ms <= *busy_ms), "{timeline}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timeline_says_what_a_query_was_busy_with() {
    let (session, _lake) = lake().await;
    let sql = "select g, sum(d) from t group by g";
    let (_, cold) = session.sql(sql).await.unwrap().collect().await.unwrap();
    check(&cold.timeline);
    let load = cold.work.loads[0];
    assert_eq!(cold.ended, Ended::Finished);
    assert_eq!(
        bytes(&cold.timeline, Work::Fetch),
        load.file_bytes_read,
        "the planner has read the footer: {}",
        cold.timeline
    );
    assert!(bytes(&cold.timeline, Work::Upload) >= load.device_bytes, "{}", cold.timeline);
    for work in [Work::List, Work::Decode, Work::Compile, Work::Kernel] {
        assert!(cold.timeline.of(work).is_some_and(|report| report.spans > 0), "{work}: {}", cold.timeline);
    }
    assert!(bytes(&cold.timeline, Work::Download) > 0, "{}", cold.timeline);
    assert_eq!(cold.timeline.fetched_before_kernels(), Some(1.0), "tables are loaded whole: {}", cold.timeline);
    assert!(cold.memory.device_bytes >= load.device_bytes, "{:?}", cold.memory);
    assert!(cold.memory.host_bytes >= load.file_bytes_read, "{:?}", cold.memory);

    let (_, hot) = session.sql(sql).await.unwrap().collect().await.unwrap();
    check(&hot.timeline);
    for work in [Work::Footer, Work::Fetch, Work::Decode, Work::Compile] {
        assert_eq!(hot.timeline.of(work), None, "{}", hot.timeline);
    }
    assert!(hot.timeline.of(Work::Kernel).is_some() && hot.memory.host_bytes == 0, "{} {:?}", hot.timeline, hot.memory);
    assert!(hot.timeline.longest().is_some_and(|longest| longest.work != Work::Wait), "{}", hot.timeline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_analyze_shows_it() {
    let (session, _lake) = lake().await;
    let sql = "select g, sum(d) from t group by g";
    let text = cells(&session, &format!("explain analyze {sql}")).await.unwrap();
    for shown in
        ["timeline,list: busy_ms=", "fetch: busy_ms=", "kernel: busy_ms=", "all: elapsed_ms=", "two_at_once_ms="]
    {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    for shown in ["memory,device: peak_bytes=", "pinned: peak_bytes=", "host: peak_bytes="] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let text = cells(&session, &format!("explain {sql}")).await.unwrap();
    assert!(!text.contains("timeline") && !text.contains("peak_bytes"), "{text}");
    cells(&session, "set maar.device = 'cpu'").await.unwrap();
    let text = cells(&session, &format!("explain analyze {sql}")).await.unwrap();
    assert!(!text.contains("timeline") && !text.contains("peak_bytes"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_in_waves_are_waited_for_and_kept_on_the_host() {
    let (session, _lake) = lake().await;
    cells(&session, "set maar.device_memory = '200kB'").await.unwrap();
    let (_, report) =
        session.sql("select count(*), sum(d), max(n), min(big) from t").await.unwrap().collect().await.unwrap();
    assert!(report.work.loads[0].waves > 1, "{report:?}");
    check(&report.timeline);
    assert!(report.timeline.of(Work::Wait).is_some(), "{}", report.timeline);
    assert!(report.memory.host_bytes > 0 && report.memory.device_bytes <= 200_000, "{:?}", report.memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_stopped_after_rows_says_what_it_did() {
    let (session, _lake) = lake().await;
    let mut result = session.sql(FILTERED).await.unwrap();
    result.next_batch().await.unwrap().unwrap();
    assert_eq!(result.report().ended, Ended::Running);
    result.cancel();
    // What was done before the rows left is there at once.
    let report = result.report();
    assert_eq!(report.ended, Ended::StoppedEarly);
    let (pipeline, load) = (&report.work.pipelines[0], report.work.loads[0]);
    assert_eq!((pipeline.rows_in, pipeline.launches, load.files), (ROWS, 1, 1), "{report:?}");
    assert!(pipeline.kernel_ms > 0.0 && load.file_bytes_read > 0 && report.work.rows_out > 0, "{report:?}");
    check(&report.timeline);
    let elapsed = report.timeline.elapsed_ms;
    let report = settled(&result).await;
    assert_eq!((report.ended, report.work.ended), (Ended::StoppedEarly, Ended::StoppedEarly));
    assert_eq!(report.timeline.elapsed_ms, elapsed, "the clock of a query stops with it");
    assert!(result.next_batch().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_stopped_at_once_says_so() {
    let (session, _lake) = lake().await;
    let mut result = session.sql(FILTERED).await.unwrap();
    result.cancel();
    let report = settled(&result).await;
    assert_eq!((report.ended, report.work.ended), (Ended::StoppedEarly, Ended::StoppedEarly));
    assert!(report.device().starts_with("emulated"), "{}", report.device());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_limit_of_the_host_stops_is_reported() {
    let (session, _lake) = lake().await;
    let sql = "select unnest([n, n + 1]) as u from t where d > 0 limit 3";
    let mut result = session.sql(sql).await.unwrap();
    while let Some(batch) = result.next_batch().await {
        batch.unwrap();
    }
    let report = settled(&result).await;
    assert_eq!((report.ended, report.work.ended), (Ended::Finished, Ended::StoppedEarly), "{report:?}");
    assert_eq!((report.work.pipelines[0].rows_in, report.work.loads[0].files), (ROWS, 1));
    let text = cells(&session, &format!("explain analyze {sql}")).await.unwrap();
    // It may still be putting down its work.
    let shown = ["stopped early, rows_out=", "running, rows_out="].iter().any(|shown| text.contains(shown));
    assert!(shown && text.contains("pipeline 1: maar_") && !text.contains("(predicted)"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_fails_in_a_kernel_says_what_it_did() {
    let (session, _lake) = lake().await;
    cells(&session, "set maar.require_device = true").await.unwrap();
    let (kind, report) = failed(&session, "select g, sum(big) from t group by g").await;
    assert_eq!((kind, report.ended, report.work.ended), (ErrorKind::Invalid, Ended::Failed, Ended::Failed));
    let pipeline = &report.work.pipelines[0];
    assert!(pipeline.rows_in == ROWS && pipeline.launches > 0 && pipeline.kernel_ms > 0.0, "{report:?}");
    assert!(report.work.loads[0].file_bytes_read > 0 && report.work.rows_out == 0, "{report:?}");
    assert!(report.timeline.of(Work::Kernel).is_some(), "{}", report.timeline);
    check(&report.timeline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_whose_file_is_replaced_while_it_is_read_says_what_it_did() {
    const URL: &str = "replaced://lake";
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Emulated, URL);
    let rows = |from: u64| format!("select value as n, value * 3 as m from generate_series({from}, {})", from + 99);
    for (file, from) in [("t/0.parquet", 0), ("new.parquet", 50_000)] {
        let copy = format!("copy ({}) to '{URL}/{file}' (format parquet, row_group_size 20)", rows(from));
        session.run_script(&copy).await.unwrap();
    }
    session.run_script(&format!("create external table t stored as parquet location '{URL}/t/'")).await.unwrap();
    let with = store.get(&Path::from("new.parquet")).await.unwrap().bytes().await.unwrap();
    *store.replacement.lock().unwrap() = Some(Replacement { path: Path::from("t/0.parquet"), with, after: 2 });
    let (_, report) = failed(&session, "select sum(n), sum(m), count(*) from t where n <> 5").await;
    // It may have begun with what was there by then; nothing of that has left.
    assert_eq!((report.ended, report.work.ended, report.work.rows_out), (Ended::Failed, Ended::Failed, 0));
    let load = report.work.loads[0];
    assert!(load.files == 1 && load.row_groups == 5 && load.file_bytes_read > 0, "{load:?}");
    assert_eq!(bytes(&report.timeline, Work::Fetch), load.file_bytes_read, "{}", report.timeline);
    check(&report.timeline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_the_device_has_no_room_for_says_what_it_did() {
    let (session, _lake) = lake().await;
    session.run_script("set maar.device_memory = '1kB'; set maar.require_device = true").await.unwrap();
    let (kind, report) = failed(&session, "select g, sum(n) from t group by g").await;
    assert_eq!((kind, report.ended, report.work.ended), (ErrorKind::Memory, Ended::Failed, Ended::Failed));
    let load = report.work.loads[0];
    assert!(load.files == 1 && load.file_bytes_read > 0, "{load:?}");
    assert!(report.memory.device_bytes <= 1000 && report.memory.host_bytes > 0, "{:?}", report.memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_a_tree_with_what_each_did() {
    let (session, _lake) = lake().await;
    let sql = "select g, sum(d) as s, row_number() over () as r from t group by g";
    let mut result = session.sql(sql).await.unwrap();
    let watch = result.watch().unwrap();
    while let Some(batch) = result.next_batch().await {
        batch.unwrap();
    }
    let seen = watch.report().unwrap();
    assert_eq!(watch.fraction(), Some(1.0));
    let nodes = result.report().nodes;
    assert_eq!(nodes.len(), seen.nodes.len());
    assert!(nodes[0].depth == 0 && nodes.windows(2).all(|pair| pair[1].depth <= pair[0].depth + 1), "{nodes:?}");
    let device = nodes.iter().find(|node| node.work.is_some()).unwrap();
    assert_eq!((device.place.clone(), device.rows), (Some(Placement::Device), Some(3)), "{device:?}");
    assert!(device.bytes > 0 && device.ms.is_some() && device.stands_for.len() > 1, "{device:?}");
    let window = nodes.iter().find(|node| node.operator.contains("WindowAgg")).unwrap();
    assert!(matches!(&window.place, Some(Placement::Host { reason }) if !reason.is_empty()), "{window:?}");
    assert_eq!(window.rows, Some(3));
    // Who watches keeps nothing.
    drop(result);
    cells(&session, "set maar.plan_cache = 0").await.unwrap();
    let mut uncached = session.sql("select n from t where n < 5").await.unwrap();
    let watch = uncached.watch().unwrap();
    assert!(watch.report().is_some());
    uncached.cancel();
    drop(uncached);
    let start = Instant::now();
    while watch.report().is_some() {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(watch.fraction(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_host_scans_say_how_far_a_query_is() {
    let (session, _lake) = lake().await;
    cells(&session, "set maar.device = 'cpu'").await.unwrap();
    cells(&session, "set datafusion.execution.target_partitions = 1").await.unwrap();
    let mut result = session.sql("select n + 1 from t").await.unwrap();
    let watch = result.watch().unwrap();
    let mut said = vec![watch.fraction().unwrap()];
    while let Some(batch) = result.next_batch().await {
        batch.unwrap();
        said.push(watch.fraction().unwrap());
    }
    assert!(said.is_sorted() && said[0] < 0.5 && said.last() == Some(&1.0), "{said:?}");
    assert!(said.iter().any(|part| *part > 0.0 && *part < 1.0), "{said:?}");
    let endless = session.sql("select * from generate_series(1, 1000000)").await.unwrap();
    assert_eq!(endless.watch().unwrap().fraction(), None, "nobody knows");
}
