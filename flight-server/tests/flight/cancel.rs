//! Queries that nobody reads any more, or not yet, or that are told to end: over a table that never ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult, Any, ProstMessageExt};
use arrow_flight::{Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use futures::{StreamExt, stream};
use maar_engine::Session;
use maar_engine::datafusion::catalog::streaming::StreamingTable;
use maar_engine::datafusion::execution::TaskContext;
use maar_engine::datafusion::physical_plan::SendableRecordBatchStream;
use maar_engine::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use maar_engine::datafusion::physical_plan::streaming::PartitionStream;

use maar_flight_server::Limits;
use prost::Message;
use tonic::Code;

use crate::support::{Client, connect, rows, serve, serve_within, session, status};

const ROWS: usize = 8192;

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A table that never ends, and counts.
#[derive(Debug)]
struct Endless {
    batch: RecordBatch,
    schema: SchemaRef,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) started: AtomicUsize,
    pub(crate) batches: AtomicUsize,
    pub(crate) stopped: AtomicUsize,
}

/// Counts its own end.
struct Reading(Arc<Seen>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

impl PartitionStream for Endless {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.seen.started.fetch_add(1, Ordering::SeqCst);
        let batch = self.batch.clone();
        let batches = stream::unfold(Reading(Arc::clone(&self.seen)), move |reading| {
            let batch = batch.clone();
            async move {
                tokio::task::yield_now().await;
                reading.0.batches.fetch_add(1, Ordering::SeqCst);
                Some((Ok(batch), reading))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

pub(crate) fn with_endless() -> (Session, Arc<Seen>) {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
    let (schema, seen) = (batch.schema(), Arc::new(Seen::default()));
    let endless = Endless { batch, schema: Arc::clone(&schema), seen: Arc::clone(&seen) };
    let table = StreamingTable::try_new(schema, vec![Arc::new(endless)]).unwrap().with_infinite_table(true);
    let session = session();
    session.context().register_table("endless", Arc::new(table)).unwrap();
    (session, seen)
}

pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_flight_info_runs_nothing_and_dropping_the_stream_cancels() {
    let (session, seen) = with_endless();
    let mut client = serve(session).await;
    let info = client.execute("select v + 1 from endless".to_owned(), None).await.unwrap();
    assert_eq!(seen.started.load(Ordering::SeqCst), 0, "a FlightInfo only plans");

    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
    assert_eq!((seen.started.load(Ordering::SeqCst), seen.stopped.load(Ordering::SeqCst)), (1, 0));

    // A client that does not read holds the query up: its rows are not heaped in the server.
    until("the query ran ahead of its reader", async || {
        let before = seen.batches.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        before == seen.batches.load(Ordering::SeqCst)
    })
    .await;
    assert_eq!(seen.stopped.load(Ordering::SeqCst), 0);

    drop(stream);
    until("the query went on without its reader", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_gone_cancels_a_query_without_rows() {
    let (session, seen) = with_endless();
    let mut client = serve(session).await;
    let info = client.execute("select v from endless where v < 0".to_owned(), None).await.unwrap();
    let stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    until("the query did not start", async || seen.batches.load(Ordering::SeqCst) > 0).await;
    drop(stream);
    drop(client);
    until("the query went on without its client", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
}

/// CancelFlightInfo.
async fn cancel(client: &mut Client, info: &FlightInfo) -> Result<CancelStatus, FlightError> {
    let request = CancelFlightInfoRequest { info: Some(info.clone()) };
    let mut answer = client.do_action(Action::new("CancelFlightInfo", request.encode_to_vec())).await?;
    let result = CancelFlightInfoResult::decode(answer.message().await?.unwrap().body).unwrap();
    Ok(result.status())
}

pub(crate) async fn next_code(stream: &mut FlightRecordBatchStream) -> Code {
    loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(FlightError::Tonic(status))) => return status.code(),
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_cancelled_by_its_flight_info() {
    let (session, seen) = with_endless();
    let url = serve_within(session, Limits::default());
    let (mut client, mut other) = (connect(&url).await, connect(&url).await);
    // With rows, and before there is one; only by its own session.
    for (sql, has_rows) in [("select v from endless", true), ("select v from endless where v < 0", false)] {
        let stopped = seen.stopped.load(Ordering::SeqCst);
        let info = client.execute(sql.to_owned(), None).await.unwrap();
        let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
        if has_rows {
            stream.next().await.unwrap().unwrap();
        }
        let stranger = cancel(&mut other, &info).await.unwrap_err();
        assert!(matches!(&stranger, FlightError::Tonic(status) if status.code() == Code::NotFound), "{stranger}");
        assert_eq!(cancel(&mut client, &info).await.unwrap(), CancelStatus::Cancelling);
        assert_eq!(next_code(&mut stream).await, Code::Cancelled);
        until("the query went on", async || seen.stopped.load(Ordering::SeqCst) == stopped + 1).await;
        until("it is still known", async || cancel(&mut client, &info).await.is_err()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_waits_is_dropped() {
    let (session, seen) = with_endless();
    let mut client = serve(session).await;
    let info = client.execute("select v from endless".to_owned(), None).await.unwrap();
    assert_eq!(cancel(&mut client, &info).await.unwrap(), CancelStatus::Cancelled);
    let gone = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.map(|_| ());
    assert_eq!(status(gone).code(), Code::NotFound);
    assert_eq!(seen.started.load(Ordering::SeqCst), 0);

    // The older message: wrapped, and with the FlightInfo as bytes.
    let info = client.execute("select v from endless".to_owned(), None).await.unwrap();
    let request = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
    let action = Action::new("CancelQuery", request.as_any().encode_to_vec());
    let mut answer = client.do_action(action).await.unwrap();
    let any = Any::decode(answer.message().await.unwrap().unwrap().body).unwrap();
    let result: ActionCancelQueryResult = any.unpack().unwrap().unwrap();
    assert_eq!(result.result, CancelStatus::Cancelled as i32);

    let catalogs = client.get_catalogs().await.unwrap();
    assert_eq!(cancel(&mut client, &catalogs).await.unwrap(), CancelStatus::NotCancellable);
    let nothing = client.do_action(Action::new("CancelFlightInfo", "")).await.map(|_| ());
    assert_eq!(status(nothing).code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_is_the_end_of_its_queries() {
    let (session, seen) = with_endless();
    let url = serve_within(session, Limits::default());
    let mut one = connect(&url).await;
    one.handshake("anybody", "anything").await.unwrap();
    let info = one.execute("select v from endless".to_owned(), None).await.unwrap();
    let mut stream = one.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let mut two = connect(&url).await;
    two.set_token(one.token().unwrap().clone());
    two.do_action(Action::new("CloseSession", "")).await.unwrap();
    assert_eq!(next_code(&mut stream).await, Code::Cancelled);
    until("the query went on without its session", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_client_is_gone_stops() {
    let (session, seen) = with_endless();
    let mut client = serve(session).await;
    let mut updating = client.clone();
    let update = tokio::spawn(async move {
        updating.execute_update("create table t as select v from endless where v < 0".to_owned(), None).await
    });
    until("the update did not start", async || seen.batches.load(Ordering::SeqCst) > 0).await;
    update.abort();
    until("the update went on without its client", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(status(rows(&mut client, "select * from t").await).code(), Code::NotFound);
}
