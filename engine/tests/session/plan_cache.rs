//! Plans that are kept for another run of a statement: when one is used again, and everything after which none may be. On the
//! emulated device, which needs a C++ compiler.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use maar_engine::device::DeviceKind;
use maar_engine::{Session, datafusion};
use tempfile::TempDir;

async fn session() -> (Session, TempDir) {
    let directory = TempDir::new().unwrap();
    let session = Session::builder().device(DeviceKind::Emulated).target_partitions(2).build().unwrap();
    write(&session, directory.path(), "a", "select value as n, value % 3 as g from generate_series(0, 99)").await;
    let script = format!(
        "create external table t stored as parquet location '{}/'; create view v as select g, sum(n) as s from t group by g",
        directory.path().display()
    );
    session.run_script(&script).await.unwrap();
    (session, directory)
}

async fn write(session: &Session, directory: &Path, name: &str, rows: &str) {
    let copy = format!("copy ({rows}) to '{}/{name}.parquet'", directory.display());
    session.run_script(&copy).await.unwrap();
}

/// The rows, sorted, and whether the plan was kept from an earlier run.
async fn run(session: &Session, sql: &str) -> (String, bool) {
    let (batches, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('+')).skip(1).collect();
    lines.sort_unstable();
    (lines.join(" ").replace(' ', ""), report.plan_from_cache)
}

/// The rows of a run that planned, and of one that did not have to.
async fn warmed(session: &Session, sql: &str) -> String {
    let (first, _) = run(session, sql).await;
    let (second, kept) = run(session, sql).await;
    assert_eq!((&second, kept), (&first, true), "{sql}");
    first
}

/// What a run gives that may not use the kept plan.
async fn planned(session: &Session, sql: &str) -> String {
    let (rows, kept) = run(session, sql).await;
    assert!(!kept, "{sql}");
    rows
}

const SUMS: &str = "select g, sum(n) as s from t group by g order by g";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_runs_again_is_not_planned_again() {
    let (session, directory) = session().await;
    let path = format!("select count(*) from '{}/*.parquet' where n > 5", directory.path().display());
    for sql in [
        SUMS,
        "select s from v where g = 1",
        "select count(*) from t where n > (select avg(n) from t where g = 0)",
        "select n from t where g = 2 order by n desc limit 3",
        "select a.n from t a join t b on a.n = b.n + 90 where b.g in (select max(g) from t)",
        "select n, n as n from t where n < 2",
        path.as_str(),
    ] {
        let rows = warmed(&session, sql).await;
        let (third, kept) = run(&session, sql).await;
        assert_eq!((third, kept), (rows, true), "{sql}");
    }
    let (_, report) = session.sql(SUMS).await.unwrap().collect().await.unwrap();
    assert!(report.work.pipelines.iter().all(|pipeline| pipeline.origin.to_string() == "memory"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_files_is_always_what_is_read() {
    let (session, directory) = session().await;
    let path = format!("select * from '{}/*.parquet' where n > 97", directory.path().display());
    let in_subquery = "select count(*) from t where n > (select max(n) - 1 from t)";
    assert_eq!(warmed(&session, SUMS).await, "|0|1683||1|1617||2|1650|");
    assert_eq!(warmed(&session, &path).await, "|98|2||99|0|");
    assert_eq!(warmed(&session, in_subquery).await, "|1|");
    write(&session, directory.path(), "b", "select cast(200 as bigint) as n, cast(1 as bigint) as g").await;
    assert_eq!(planned(&session, SUMS).await, "|0|1683||1|1817||2|1650|");
    assert_eq!(planned(&session, &path).await, "|200|1||98|2||99|0|");
    assert_eq!(planned(&session, in_subquery).await, "|1|");
    warmed(&session, SUMS).await;
    // The same size, other values, other names of columns.
    write(&session, directory.path(), "b", "select cast(300 as bigint) as n, cast(1 as bigint) as g").await;
    assert_eq!(planned(&session, SUMS).await, "|0|1683||1|1917||2|1650|");
    std::fs::remove_file(directory.path().join("b.parquet")).unwrap();
    assert_eq!(planned(&session, SUMS).await, "|0|1683||1|1617||2|1650|");
    warmed(&session, &path).await;
    write(&session, directory.path(), "a", "select 'x' as k, cast(98 as bigint) as n").await;
    assert_eq!(planned(&session, &path).await, "|x|98|");
    warmed(&session, &path).await;
    std::fs::remove_file(directory.path().join("a.parquet")).unwrap();
    assert!(session.sql(&path).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_was_planned_early_reads_the_files_of_its_run() {
    let (session, directory) = session().await;
    warmed(&session, SUMS).await;
    let (early, late) = (session.prepare(SUMS).await.unwrap(), session.prepare(SUMS).await.unwrap());
    write(&session, directory.path(), "b", "select cast(200 as bigint) as n, cast(1 as bigint) as g").await;
    let rows = |batches: Vec<_>| pretty_format_batches(&batches).unwrap().to_string();
    let (batches, report) = early.execute().await.unwrap().collect().await.unwrap();
    assert!(rows(batches).contains("1817") && !report.plan_from_cache);
    session.run_script("set datafusion.execution.batch_size = 4096").await.unwrap();
    let (batches, report) = late.execute().await.unwrap().collect().await.unwrap();
    assert!(rows(batches).contains("1817") && !report.plan_from_cache);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_session_makes_a_new_plan() {
    let (session, directory) = session().await;
    let other = format!("{}/other", directory.path().display());
    std::fs::create_dir(&other).unwrap();
    write(&session, Path::new(&other), "o", "select cast(7 as bigint) as n, cast(1 as bigint) as g").await;
    let external = |name: &str| format!("create external table {name} stored as parquet location '{other}/'");
    let of_view = "select s from v where g = 1";
    for (sql, before, change, after) in [
        (
            SUMS,
            "|0|1683||1|1617||2|1650|",
            "set datafusion.execution.batch_size = 1000".to_string(),
            "|0|1683||1|1617||2|1650|",
        ),
        (
            of_view,
            "|1617|",
            "create or replace view v as select g, count(*) as s from t group by g".to_string(),
            "|33|",
        ),
        ("select count(*) from T where n < 50", "|50|", external("\"T\""), "|1|"),
        ("select count(*) from \"T\" where n < 50", "|1|", format!("drop table \"T\"; {}", external("\"T\"")), "|1|"),
        (SUMS, "|0|1683||1|1617||2|1650|", format!("drop table t; {}", external("t")), "|1|7|"),
        (SUMS, "|1|7|", "drop table t; create table t as select 3 as n, 4 as g".to_string(), "|4|3|"),
    ] {
        assert_eq!(warmed(&session, sql).await, before, "{sql}");
        session.run_script(&change).await.unwrap();
        assert_eq!(planned(&session, sql).await, after, "{sql} after {change}");
    }
    // A table in memory changes without a trace: never kept.
    session.run_script("insert into t values (5, 4)").await.unwrap();
    assert_eq!(planned(&session, SUMS).await, "|4|8|");
    assert_eq!(planned(&session, SUMS).await, "|4|8|");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_of_another_meaning_makes_a_new_plan() {
    let (session, _directory) = session().await;
    let sql = "select n from t where n = f(n) and n < 10";
    for (number, rows) in [(3_i64, "|3|"), (4, "|4|")] {
        let constant = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(number.into()));
        let (int, function) = (DataType::Int64, Arc::new(constant));
        session.context().register_udf(create_udf("f", vec![int.clone()], int, Volatility::Immutable, function));
        assert_eq!(planned(&session, sql).await, rows);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_on_the_time_on_chance_or_on_rows_is_planned_each_time() {
    let (session, _directory) = session().await;
    session.run_script("create view late as select n from t where now() > timestamp '2020-01-01'").await.unwrap();
    for sql in [
        "select count(*) from t where now() > timestamp '2020-01-01'",
        "select count(*) from t where current_date > date '2020-01-01'",
        "select count(*) from t where random() < 2",
        "select count(*) from late",
        "summarize t",
        "from (pivot (select n % 2 as p, g, n from t) on p using sum(n) group by g) select count(*)",
        "explain select count(*) from t",
        "select 1",
        "select table_name from information_schema.tables where table_name = 't'",
    ] {
        for _ in 0..3 {
            planned(&session, sql).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_failed_or_was_dropped_leaves_no_plan() {
    let (session, _directory) = session().await;
    let failing = "select sum(n + 9223372036854775807) from t";
    for _ in 0..3 {
        assert!(session.sql(failing).await.unwrap().collect().await.is_err());
    }
    drop(session.sql(SUMS).await.unwrap());
    assert_eq!(planned(&session, SUMS).await, "|0|1683||1|1617||2|1650|");
    // Two at a time: one has the plan, the other makes its own.
    warmed(&session, SUMS).await;
    let (first, second) = (session.sql(SUMS).await.unwrap(), session.sql(SUMS).await.unwrap());
    let (first, second) = futures::join!(first.collect(), second.collect());
    let ((first, of_first), (second, of_second)) = (first.unwrap(), second.unwrap());
    assert_eq!((of_first.plan_from_cache, of_second.plan_from_cache), (true, false));
    assert_eq!(pretty_format_batches(&first).unwrap().to_string(), pretty_format_batches(&second).unwrap().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_back_to_the_host_is_tried_anew() {
    let (session, _directory) = session().await;
    session.run_script("set maar.device_memory = '1kB'").await.unwrap();
    for _ in 0..3 {
        assert_eq!(planned(&session, SUMS).await, "|0|1683||1|1617||2|1650|");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_plans_are_kept_as_the_option_says_and_none_on_the_cpu() {
    let (session, _directory) = session().await;
    session.run_script("set maar.plan_cache = 2").await.unwrap();
    let statement = |number: usize| format!("select count(*) from t where n > {number}");
    for number in 0..3 {
        planned(&session, &statement(number)).await;
    }
    assert!(!run(&session, &statement(0)).await.1);
    assert!(run(&session, &statement(2)).await.1);
    for option in ["set maar.plan_cache = 0", "set maar.plan_cache = 9; set maar.device = 'cpu'"] {
        session.run_script(option).await.unwrap();
        for _ in 0..3 {
            planned(&session, SUMS).await;
        }
    }
}
