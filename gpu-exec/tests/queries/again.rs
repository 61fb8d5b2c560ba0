//! A plan that runs again: what its last run found out saves launches and waits. Where its rows have changed meanwhile, that
//! costs a launch and no row.

use std::sync::Arc;

use datafusion::physical_plan::{ExecutionPlan, collect};
use maar_gpu_exec::report::DeviceReport;

use super::harness::{Both, lines};

/// Rows of `t`; more than a result that comes whole has.
const ROWS: u64 = 120_000;

/// A table of which `kept` rows are on side 0; whatever their number, it is stored alike.
fn rows(kept: u64) -> String {
    format!(
        "SELECT CAST(i AS BIGINT) AS v, CASE WHEN i < {kept} THEN 0 ELSE 1 END AS side, CAST(i % 1000 AS BIGINT) AS k, i * 1000003 AS sparse, \
         concat('the text of row ', CAST(i AS VARCHAR)) AS text, CAST(i % 7 AS VARCHAR) AS word FROM (SELECT value AS i FROM generate_series(0, {}))",
        ROWS - 1
    )
}

async fn planned(both: &Both, query: &str) -> Arc<dyn ExecutionPlan> {
    both.device.sql(query).await.unwrap().create_physical_plan().await.unwrap()
}

/// The rows of a run, sorted, and what it did.
async fn ran(both: &Both, plan: &Arc<dyn ExecutionPlan>) -> (Vec<String>, DeviceReport) {
    let batches = collect(Arc::clone(plan), both.device.task_ctx()).await.unwrap();
    let mut found: Vec<String> = batches.iter().flat_map(lines).collect();
    found.sort();
    let mut report = DeviceReport::default();
    maar_gpu_exec::exec::reports(plan).into_iter().for_each(|one| report.add(one));
    (found, report)
}

async fn on_host(both: &Both, query: &str) -> Vec<String> {
    let batches = both.host.sql(query).await.unwrap().collect().await.unwrap();
    let mut found: Vec<String> = batches.iter().flat_map(lines).collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_resident_tables_waits_once() {
    let both = Both::written(&[("t", vec![rows(100)])], |_| false).await;
    for (query, waits) in [
        ("SELECT sum(v), count(*) FROM t WHERE k < 10", 1),
        ("SELECT k, count(*), min(v), max(v) FROM t GROUP BY k", 1),
        ("SELECT sparse, count(*) FROM t GROUP BY sparse HAVING count(*) > 1", 1),
        ("SELECT v, k FROM t WHERE side = 0", 1),
        ("SELECT v, k, sparse FROM t WHERE k >= 0", 1),
        ("SELECT a.v, b.sparse FROM t a JOIN t b ON a.k = b.k WHERE a.side = 0", 1),
        // Where texts lie raw: how long they are, and they themselves.
        ("SELECT text, v FROM t WHERE side = 0", 3),
        ("SELECT a.text, b.text FROM t a JOIN t b ON a.sparse = b.sparse WHERE a.side = 0", 3),
    ] {
        let (plan, expected) = (planned(&both, query).await, on_host(&both, query).await);
        let (first, _) = ran(&both, &plan).await;
        let (again, report) = ran(&both, &plan).await;
        assert!(first == expected, "{query}: {} rows, expected {}", first.len(), expected.len());
        assert!(again == expected, "{query} again: {} rows, expected {}", again.len(), expected.len());
        let launches: u64 = report.pipelines.iter().map(|pipeline| pipeline.launches).sum();
        assert_eq!((report.waits, launches), (waits, report.pipelines.len() as u64), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_of_other_rows_costs_a_launch_and_no_row() {
    let both = Both::over(&[("t", vec![rows(100)])]).await;
    let query = "SELECT v, k, sparse FROM t WHERE side = 0";
    let plan = planned(&both, query).await;
    let launches = |report: &DeviceReport| report.pipelines[0].launches;
    let (found, report) = ran(&both, &plan).await;
    assert_eq!((found.len(), launches(&report)), (100, 1));
    for (kept, expected) in [(90_000, 2), (90_000, 1), (5, 1), (5, 1), (1, 1), (119_000, 2)] {
        let file = both.file("t", 0);
        let copy = format!("COPY ({}) TO '{}' STORED AS PARQUET", rows(kept), file.display());
        std::fs::remove_file(&file).unwrap();
        both.host.sql(&copy).await.unwrap().collect().await.unwrap();
        let (found, report) = ran(&both, &plan).await;
        // The host has listed the file that was there.
        let expected_rows = on_host(&both, &query.replace("FROM t", &format!("FROM ({}) AS t", rows(kept)))).await;
        assert!(found == expected_rows, "{kept} rows");
        assert_eq!((found.len() as u64, launches(&report)), (kept, expected));
    }
}
