//! How many statements run at once, who waits, and who is refused: over a table that never ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow_flight::decode::FlightRecordBatchStream;
use futures::StreamExt;
use maar_flight_server::Limits;
use tonic::Code;

use crate::cancel::{next_code, until, with_endless};
use crate::support::{Client, connect, rows, serve_within, status};

const NO_ROWS: &str = "select v from endless where v < 0";

async fn started(client: &mut Client, sql: &str) -> Result<FlightRecordBatchStream, arrow_flight::error::FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    client.do_get(info.endpoint[0].ticket.clone().unwrap()).await
}

fn few(queued: usize, queue_wait: Duration) -> Limits {
    Limits { running: 1, queued, queue_wait, ..Limits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_line_refuses_and_a_free_place_is_taken() {
    let (session, seen) = with_endless();
    let url = serve_within(session, few(1, Duration::from_secs(60)));
    let (mut one, mut two, mut three) = (connect(&url).await, connect(&url).await, connect(&url).await);
    let mut first = started(&mut one, NO_ROWS).await.unwrap();
    until("the first does not run", async || seen.started.load(Ordering::SeqCst) == 1).await;
    let waits = tokio::spawn(async move { started(&mut two, "select v from endless limit 1").await });
    let queued = "select count(*) from maar.system.queries where state = 'queued'";
    until("the second does not wait", async || rows(&mut three, queued).await.unwrap() == "1").await;

    let refused = status(started(&mut three, NO_ROWS).await.map(|_| ()));
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("1 statements wait") && refused.message().contains("--max-queued"), "{refused}");
    let change = status(three.execute_update("create table t as select v from endless".to_owned(), None).await);
    assert_eq!(change.code(), Code::ResourceExhausted, "{change}");
    // Settings and looks at the server need no place.
    rows(&mut three, "set datafusion.execution.batch_size = 100").await.unwrap();
    rows(&mut three, "show tables").await.unwrap();

    // A client that goes away leaves its place within a second.
    let gone = Instant::now();
    drop((first.next(), one));
    drop(first);
    let mut second = waits.await.unwrap().unwrap();
    assert!(gone.elapsed() < Duration::from_secs(1), "{:?}", gone.elapsed());
    assert_eq!(second.next().await.unwrap().unwrap().num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_has_an_end_and_can_be_ended() {
    let (session, seen) = with_endless();
    let url = serve_within(session, few(5, Duration::from_millis(300)));
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    let mut first = started(&mut one, NO_ROWS).await.unwrap();
    until("the first does not run", async || seen.started.load(Ordering::SeqCst) == 1).await;
    let late = status(started(&mut two, NO_ROWS).await.map(|_| ()));
    assert!(late.code() == Code::ResourceExhausted && late.message().contains("waited 300 ms"), "{late}");

    let kill = "select maar.system.kill_query(query_id) from maar.system.queries where state = 'running' and query like 'select v%'";
    assert_eq!(rows(&mut two, kill).await.unwrap(), "cancelling");
    assert_eq!(next_code(&mut first).await, Code::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_lets_others_run() {
    let (session, _) = with_endless();
    let url = serve_within(session, few(5, Duration::from_secs(60)));
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    let mut slow = started(&mut one, "select v from endless").await.unwrap();
    slow.next().await.unwrap().unwrap();
    let short = "select v from endless limit 1";
    let ran = tokio::time::timeout(Duration::from_secs(30), rows(&mut two, short)).await;
    assert_eq!(ran.unwrap().unwrap(), "0");
    // It goes on where it stood.
    for _ in 0..200 {
        slow.next().await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_places_of_its_own() {
    let (session, seen) = with_endless();
    let limits = Limits { running_per_session: 1, queued: 0, ..Limits::default() };
    let url = serve_within(session, limits);
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    let _first = started(&mut one, NO_ROWS).await.unwrap();
    until("the first does not run", async || seen.started.load(Ordering::SeqCst) == 1).await;
    assert_eq!(status(started(&mut one, NO_ROWS).await.map(|_| ())).code(), Code::ResourceExhausted);
    let _other = started(&mut two, NO_ROWS).await.unwrap();
    until("the other does not run", async || seen.started.load(Ordering::SeqCst) == 2).await;
}
