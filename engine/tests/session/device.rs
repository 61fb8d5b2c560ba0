//! The device through the session: placement, report, explanations, exact arithmetic, and what `require_device` refuses.
//! On the emulated device, which needs a C++ compiler.

use maar_engine::device::DeviceKind;
use maar_engine::{ErrorKind, Placement, Session};
use tempfile::TempDir;

use crate::support::{cells, error};

async fn lake() -> (Session, TempDir) {
    let directory = TempDir::new().unwrap();
    let session = Session::builder().device(DeviceKind::Emulated).target_partitions(2).build().unwrap();
    let rows =
        "select value as n, value % 3 as g, cast(value as decimal(10, 2)) as d, 9223372036854775807 - value as big
        from generate_series(0, 999)";
    session
        .run_script(&format!(
            "copy ({rows}) to '{0}/t.parquet'; create external table t stored as parquet location '{0}/t.parquet'",
            directory.path().display()
        ))
        .await
        .unwrap();
    (session, directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_runs_there_and_the_report_says_so() {
    let (session, _lake) = lake().await;
    let sql = "select sum(d * 2) as s, count(*) as c from t where n >= 500 and g = 1";
    let (batches, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    // CooperativeExec hands rows on, and is DataFusion's own.
    let computing = report.operators.iter().filter(|operator| operator.operator != "CooperativeExec");
    assert!(computing.clone().all(|operator| operator.place == Placement::Device), "{:?}", report.operators);
    assert!(computing.count() > 3);
    assert!(!report.work.pipelines.is_empty() && report.work.pipelines.iter().all(|pipeline| pipeline.launches > 0));
    assert_ne!(report.device(), "cpu");
    let on_device = cells(&session, sql).await.unwrap();
    cells(&session, "set maar.device = 'cpu'").await.unwrap();
    assert_eq!(cells(&session, sql).await.unwrap(), on_device);
    let (_, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!((report.device(), report.work.pipelines.len()), ("cpu", 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_tells_the_place_of_each_operator() {
    let (session, _lake) = lake().await;
    for explain in ["explain", "explain analyze"] {
        let text =
            cells(&session, &format!("{explain} select median(s) from (select g, sum(n) as s from t group by g)"))
                .await
                .unwrap();
        assert!(text.contains(": device") && text.contains(": host ("), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasons_speak_of_the_query_and_not_of_what_the_host_got_after() {
    let (session, _lake) = lake().await;
    let sql = "explain select x, median(x) from (select cast(n as double) as x from t) group by x";
    let text = cells(&session, sql).await.unwrap();
    assert!(text.contains("median has no device form") && !text.contains("this kind of expression"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overflow_is_an_error_there_too() {
    let (session, _lake) = lake().await;
    cells(&session, "set maar.require_device = true").await.unwrap();
    for sql in [
        "select sum(big) from t",
        "select g, sum(big) from t group by g",
        "select sum(n) from t where big + 1 > 0",
        "select max(big * 2) from t",
    ] {
        let e = error(&session, sql).await;
        assert_eq!(e.kind(), ErrorKind::Invalid, "{sql}: {e}");
        assert!(e.message().contains("verflow"), "{sql}: {e}");
    }
    let divided = error(&session, "select sum(n / g) from t").await;
    assert_eq!(divided.kind(), ErrorKind::Invalid, "{divided}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn require_device_refuses_what_would_fall_back() {
    let (session, _lake) = lake().await;
    cells(&session, "set maar.require_device = true").await.unwrap();
    cells(&session, "select sum(n) from t").await.unwrap();
    cells(&session, "show maar.device").await.unwrap();
    cells(&session, "describe t").await.unwrap();
    let refused = error(&session, "select median(n) from t").await;
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("median"), "{refused}");
    let created = error(&session, "create table m as select median(n) as m from t").await;
    assert_eq!(created.kind(), ErrorKind::Unsupported, "{created}");
    assert_eq!(error(&session, "select * from m").await.kind(), ErrorKind::NotFound);
    cells(&session, "create table total as select sum(n) as s from t").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn require_device_refuses_a_change_before_it_is_made() {
    let (session, _lake) = lake().await;
    session
        .run_script("create table m as select * from (values (1), (2)) v(x); prepare p as delete from m")
        .await
        .unwrap();
    cells(&session, "set maar.require_device = true").await.unwrap();
    for change in ["update m set x = x + 1", "delete from m where x = 1", "delete from m", "truncate m", "execute p"] {
        assert_eq!(error(&session, change).await.kind(), ErrorKind::Unsupported, "{change}");
    }
    cells(&session, "set maar.require_device = false").await.unwrap();
    assert_eq!(cells(&session, "select x from m order by x").await.unwrap(), "1;2");
    assert_eq!(cells(&session, "update m set x = x + 1").await.unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_values_read_as_on_the_host() {
    let (session, _lake) = lake().await;
    let mut seen = Vec::new();
    for device in ["emulated", "cpu"] {
        cells(&session, &format!("set maar.device = '{device}'")).await.unwrap();
        for sql in [
            "select sum(n / g) from t",
            "select sum(n % g) from t",
            "select sum(cast(n as tinyint)) from t",
            "select sum(cast(d as decimal(4, 2))) from t",
            "select max(big * 4) from t where n < 10",
        ] {
            let e = error(&session, sql).await;
            // The host names the value and the operands.
            let message = e.message().split(": ").next().unwrap().to_string();
            seen.push((sql, message, e.hint().map(str::to_string)));
        }
    }
    let host = seen.split_off(5);
    assert_eq!(seen, host);
    assert!(seen.iter().all(|(.., hint)| hint.is_some()), "{seen:?}");
}

#[tokio::test]
async fn an_unusable_device_is_a_clear_error() {
    let session = Session::builder().device(DeviceKind::Cuda).build().unwrap();
    if maar_engine::devices().cuda_usable() {
        cells(&session, "select 1").await.unwrap();
        return;
    }
    let e = error(&session, "select count(*) from (values (1)) v(x)").await;
    assert_eq!(e.kind(), ErrorKind::Device, "{e}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_device_has_no_room_for_goes_back_to_the_host_and_the_report_says_so() {
    let (session, _lake) = lake().await;
    let sql = "select g, sum(n) as s, count(*) as c from t group by g order by g";
    cells(&session, "set maar.device_memory = '1kB'").await.unwrap();
    assert_eq!(cells(&session, sql).await.unwrap(), "0,166833,334;1,166167,333;2,166500,333");
    let (_, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
    let reasons = report.operators.iter().filter_map(|operator| match &operator.place {
        Placement::Host { reason } => Some(reason.as_str()),
        _ => None,
    });
    let reasons: Vec<_> = reasons.collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("went back to the host: device memory: ")), "{reasons:?}");
    assert_eq!((report.device(), report.work.pipelines.len()), ("cpu", 0));
    let text = cells(&session, &format!("explain analyze {sql}")).await.unwrap();
    assert!(text.contains("went back to the host: device memory: ") && text.contains("mode=Partial, gby"), "{text}");
    cells(&session, "set maar.require_device = true").await.unwrap();
    let refused = error(&session, "select sum(n) from t").await;
    assert_eq!(refused.kind(), ErrorKind::Memory, "{refused}");
    assert!(refused.message().contains("raise `maar.device_memory`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_back_runs_the_inputs_of_the_device_anew() {
    let (session, _lake) = lake().await;
    // The full join has run for the device, which has no form for its keys, when that refuses; it knows which of its rows have left.
    let sql = "select a.n, b.m, c.k from (select n from t where n < 3) a full join (values (2), (1700)) b(m) \
               on arrow_cast(a.n, 'Duration(Second)') = arrow_cast(b.m, 'Duration(Second)') left join (values (0), (1700)) c(k) on coalesce(a.n, b.m) = c.k order by 1, 2";
    for memory in ["64MB", "1kB"] {
        cells(&session, &format!("set maar.device_memory = '{memory}'")).await.unwrap();
        let expected = "0,,0;1,,;2,2,;,1700,1700";
        assert_eq!(cells(&session, sql).await.unwrap(), expected, "{memory}");
    }
    let text = cells(&session, &format!("explain analyze {sql}")).await.unwrap();
    assert!(text.contains("went back to the host: device memory: ") && text.contains("join_type=Full"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_has_one_arena_whatever_memory_it_is_wanted_with() {
    let (session, _lake) = lake().await;
    let sql = "select sum(n), count(*) from t where g = 1";
    let used = || session.usage().devices.iter().map(|device| device.used_bytes).collect::<Vec<_>>();
    let budgets = || session.usage().devices.iter().map(|device| device.budget_bytes).collect::<Vec<_>>();
    for (memory, bytes) in [("64MB", 64_000_000), ("32MB", 32_000_000), ("64MB", 64_000_000)] {
        cells(&session, &format!("set maar.device_memory = '{memory}'")).await.unwrap();
        // Also where the plan was kept.
        for _ in 0..2 {
            assert_eq!(cells(&session, sql).await.unwrap(), "166167,333");
            assert_eq!(budgets(), [bytes], "{memory}");
            assert!(used()[0] > 0, "columns stay");
        }
    }
}

/// Rows of the host under an aggregate of the device.
const HOST_ROWS: &str =
    "select count(*) as c, sum(v) as s, max(v % 7) as m from (select value as v from generate_series(0, 1999999))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_host_are_counted() {
    let (session, _lake) = lake().await;
    let (_, report) = session.sql(HOST_ROWS).await.unwrap().collect().await.unwrap();
    let input = report.work.inputs[0];
    assert!(
        input.rows == 2_000_000 && input.chunks > 1 && input.host_bytes < 9_000_000 && input.waves == 0,
        "{input:?}"
    );
    let explained = cells(&session, &format!("explain analyze {HOST_ROWS}")).await.unwrap();
    assert!(explained.contains("input 1: rows=2000000, chunks=") && !explained.contains("waves="), "{explained}");
    let on_device = cells(&session, HOST_ROWS).await.unwrap();
    cells(&session, "set maar.device_memory = '6MB'").await.unwrap();
    assert_eq!(cells(&session, HOST_ROWS).await.unwrap(), on_device);
    let explained = cells(&session, &format!("explain analyze {HOST_ROWS}")).await.unwrap();
    assert!(explained.contains("input 1: rows=2000000, chunks=") && explained.contains("waves="), "{explained}");
    cells(&session, "set maar.device = 'cpu'").await.unwrap();
    assert_eq!(cells(&session, HOST_ROWS).await.unwrap(), on_device);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_host_that_the_session_has_no_room_for_stay_there() {
    let session = Session::builder().device(DeviceKind::Emulated).memory_limit(5 << 20).target_partitions(2);
    let session = session.build().unwrap();
    // Numbers come as a stream.
    let (_, report) = session.sql(HOST_ROWS).await.unwrap().collect().await.unwrap();
    let input = report.work.inputs[0];
    assert!(input.rows == 2_000_000 && input.streamed == 1 && input.host_bytes < 12_000_000, "{input:?}");
    let texts =
        "select count(*) as c, max(t) as t from (select concat('a', value) as t from generate_series(0, 1999999))";
    let (_, report) = session.sql(texts).await.unwrap().collect().await.unwrap();
    assert!(report.work.inputs.is_empty() && report.work.pipelines.is_empty());
    let went_back = report.operators.iter().any(|operator| match &operator.place {
        Placement::Host { reason } => {
            reason.starts_with("went back to the host: input 1 of the device (ProjectionExec) takes more host memory")
                && reason.ends_with("raise datafusion.runtime.memory_limit")
        }
        _ => false,
    });
    assert!(went_back, "{:?}", report.operators);
    for sql in [HOST_ROWS, texts] {
        cells(&session, "set maar.device = 'emulated'").await.unwrap();
        let found = cells(&session, sql).await.unwrap();
        cells(&session, "set maar.device = 'cpu'").await.unwrap();
        assert_eq!(cells(&session, sql).await.unwrap(), found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_files_keep_their_kind() {
    let (session, lake) = lake().await;
    std::fs::write(lake.path().join("t.parquet"), b"no file of ours").unwrap();
    for device in ["emulated", "cpu"] {
        cells(&session, &format!("set maar.device = '{device}'")).await.unwrap();
        assert_eq!(error(&session, "select sum(n) from t").await.kind(), ErrorKind::Invalid, "{device}");
    }
    std::fs::remove_file(lake.path().join("t.parquet")).unwrap();
    for device in ["emulated", "cpu"] {
        cells(&session, &format!("set maar.device = '{device}'")).await.unwrap();
        assert_eq!(error(&session, "select sum(n) from t").await.kind(), ErrorKind::NotFound, "{device}");
    }
}
