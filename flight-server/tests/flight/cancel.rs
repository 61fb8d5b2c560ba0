//! Queries that nobody reads any more, or not yet: over a table that never ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use maar_engine::Session;
use maar_engine::datafusion::catalog::streaming::StreamingTable;
use maar_engine::datafusion::execution::TaskContext;
use maar_engine::datafusion::physical_plan::SendableRecordBatchStream;
use maar_engine::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use maar_engine::datafusion::physical_plan::streaming::PartitionStream;

use crate::support::{serve, session};

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
struct Seen {
    started: AtomicUsize,
    batches: AtomicUsize,
    stopped: AtomicUsize,
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

fn with_endless() -> (Session, Arc<Seen>) {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
    let (schema, seen) = (batch.schema(), Arc::new(Seen::default()));
    let endless = Endless { batch, schema: Arc::clone(&schema), seen: Arc::clone(&seen) };
    let table = StreamingTable::try_new(schema, vec![Arc::new(endless)]).unwrap().with_infinite_table(true);
    let session = session();
    session.context().register_table("endless", Arc::new(table)).unwrap();
    (session, seen)
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
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
