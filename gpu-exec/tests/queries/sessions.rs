//! Sessions that share a device and its memory. Who has no room waits for others, for a bounded time; all answers are right,
//! and what was held is given back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use tokio::task::JoinHandle;

use super::harness::{Both, Settings, Table, answer, planned};
use super::inputs::{End, rows};
use super::refused;

/// Holds one of the large tables beside what is made of it, and not both.
const MEMORY: u64 = 1_700_000;
const ROWS: usize = 40_000;

const OF_A: &str = "SELECT count(*), min(a.v), max(a.w), max(a.u) FROM a JOIN endless ON a.v = endless.k";
const OF_B: &str = "SELECT count(*), min(v), max(w), max(u) FROM b WHERE v % 7 <> 3";

/// Two tables of three numbers of eight bytes.
fn large() -> Vec<Table<'static>> {
    let rows = |factor: u64| {
        format!(
            "SELECT n * {factor} AS v, n * 3 * {factor} AS w, n * 5 * {factor} AS u \
             FROM (SELECT CAST(value AS BIGINT) AS n FROM generate_series(1, {ROWS}))"
        )
    };
    vec![("a", vec![rows(1_000_000_007_001)]), ("b", vec![rows(1_000_000_009_003)])]
}

async fn open(patience: Option<Duration>) -> Both {
    let settings = Settings { memory_bytes: Some(MEMORY), patience, way_back: true, ..Settings::default() };
    let both = Both::with(&large(), |_| true, settings).await;
    let (endless, _) = rows(&both, "SELECT CAST(value AS BIGINT) AS k FROM generate_series(1, 100)", End::GoesOn).await;
    both.register("endless", &endless);
    both
}

/// A query that has its table on the device and waits for rows of the host's.
async fn holder(both: &Both) -> JoinHandle<()> {
    let context = both.another(false);
    let mut stream = execute_stream(planned(&context, OF_A).await, context.task_ctx()).unwrap();
    let holds = tokio::spawn(async move { assert!(stream.next().await.is_none(), "there is an end") });
    within("it has its table", || both.runtime.handle().memory().used_bytes > MEMORY / 2).await;
    // All of it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    holds
}

/// Waits until something is so.
async fn within(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A query on a session of its own: its rows, how long it waited in milliseconds, and how it shows itself.
fn started(both: &Both, query: &'static str) -> JoinHandle<(Vec<String>, f64, String)> {
    let context = both.another(false);
    tokio::spawn(async move {
        let plan = planned(&context, query).await;
        let found = answer(&context, &plan).await.unwrap();
        let waited = maar_gpu_exec::exec::reports(&plan).iter().map(|report| report.waited_ms).sum();
        (found, waited, displayable(plan.as_ref()).indent(true).to_string())
    })
}

async fn on_host(both: &Both, query: &str) -> Vec<String> {
    answer(&both.host, &planned(&both.host, query).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_room_waits_for_who_has_it() {
    let both = open(None).await;
    let expected = on_host(&both, OF_B).await;
    let holds = holder(&both).await;
    let (cancelled, waits) = (started(&both, OF_B), started(&both, OF_B));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waits.is_finished() && !cancelled.is_finished());
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    let gone = Instant::now();
    holds.abort();
    let (found, waited_ms, shown) = waits.await.unwrap();
    assert!(gone.elapsed() < Duration::from_secs(5), "{:?}", gone.elapsed());
    assert_eq!(found, expected, "{shown}");
    assert!(waited_ms > 100.0 && shown.contains(", waited_ms=") && !shown.contains("waves="), "{shown}");
    assert_eq!(both.held_bytes().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_longer_than_patience() {
    let both = open(Some(Duration::from_millis(200))).await;
    let expected = on_host(&both, OF_B).await;
    let holds = holder(&both).await;
    let start = Instant::now();
    let (found, _, shown) = started(&both, OF_B).await.unwrap();
    assert_eq!(found, expected, "{shown}");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert!(shown.contains("waves=") && shown.contains("waited_ms=") || shown.contains(" ms for others"), "{shown}");
    assert!(!holds.is_finished());
    holds.abort();
    assert_eq!(both.held_bytes().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_takes_pin_no_table() {
    let both = open(None).await;
    let query = "SELECT v, w FROM b WHERE v % 7 <> 3";
    let expected = on_host(&both, query).await.len();
    let context = both.another(false);
    let mut stream = execute_stream(planned(&context, query).await, context.task_ctx()).unwrap();
    let mut found = stream.next().await.unwrap().unwrap().num_rows();
    within("only the error word is held", || {
        // What is resident goes when it is asked for.
        both.forget();
        both.runtime.handle().memory().used_bytes < 1000
    })
    .await;
    while let Some(batch) = stream.next().await {
        found += batch.unwrap().num_rows();
    }
    assert_eq!(found, expected);
}

/// More than the device has room for, as tables and as keys.
const TOO_LARGE: &str = "SELECT a.sparse, a.own, b.word, count(*), max(b.x) FROM facts a JOIN facts b ON a.id = b.id \
     GROUP BY a.sparse, a.own, b.word";

/// A session's statements, one after another, beginning with another in each session. How long they waited, in milliseconds.
async fn statements(context: SessionContext, first: usize, expected: Arc<Vec<Vec<String>>>) -> f64 {
    let mut waited_ms = 0.0;
    for turn in 0..2 * refused::QUERIES.len() {
        let number = (first + turn) % refused::QUERIES.len();
        let query = refused::QUERIES[number];
        let plan = planned(&context, query).await;
        let found = answer(&context, &plan).await;
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert_eq!(found.as_ref().ok(), Some(&expected[number]), "{query}: {:?}\n{shown}", found.as_ref().err());
        waited_ms += maar_gpu_exec::exec::reports(&plan).iter().map(|report| report.waited_ms).sum::<f64>();
    }
    waited_ms
}

/// A session whose statements nobody reads to the end.
async fn cancelled(context: SessionContext) {
    for turn in 0..2 * refused::QUERIES.len() {
        let query = refused::QUERIES[turn % refused::QUERIES.len()];
        let plan = planned(&context, query).await;
        let mut stream: SendableRecordBatchStream = execute_stream(plan, context.task_ctx()).unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(7 * turn as u64), stream.next()).await;
    }
}

async fn too_large(context: SessionContext, expected: Vec<String>) {
    for _ in 0..3 {
        let plan = planned(&context, TOO_LARGE).await;
        let found = answer(&context, &plan).await.unwrap();
        let shown = displayable(plan.as_ref()).indent(true).to_string();
        assert_eq!(found, expected, "{shown}");
        assert!(["waves=", "parts=", "went back"].iter().any(|how| shown.contains(how)), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_sessions_share_a_device() {
    // A busy machine may take longer than anybody waits by default.
    let patience = Some(Duration::from_secs(60));
    let settings = Settings { memory_bytes: Some(600_000), way_back: true, patience, ..Settings::default() };
    let both = Both::with(&refused::tables(), |_| true, settings).await;
    refused::register_inputs(&both).await;
    let mut expected = vec![];
    for query in refused::QUERIES {
        expected.push(on_host(&both, query).await);
    }
    let (expected, of_too_large) = (Arc::new(expected), on_host(&both, TOO_LARGE).await);
    let (mut sessions, mut others) = (vec![], vec![]);
    for first in 0..6 {
        sessions.push(tokio::spawn(statements(both.another(false), first, Arc::clone(&expected))));
    }
    others.push(tokio::spawn(cancelled(both.another(false))));
    others.push(tokio::spawn(too_large(both.another(false), of_too_large)));
    let mut waited_ms = 0.0;
    for session in sessions {
        waited_ms += tokio::time::timeout(Duration::from_secs(240), session).await.unwrap().unwrap();
    }
    for session in others {
        tokio::time::timeout(Duration::from_secs(240), session).await.unwrap().unwrap();
    }
    assert!(waited_ms > 0.0, "there was room for all");
    assert_eq!(both.held_bytes().await, 0);
}
