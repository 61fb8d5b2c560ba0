//! Operators that do not give their threads away, over a table that holds every thread until it is let go: what others ask for
//! meanwhile is answered, of cancelled statements and of those that run.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::decode::FlightRecordBatchStream;
use futures::{StreamExt, stream};
use maar_engine::Session;
use maar_engine::datafusion::catalog::streaming::StreamingTable;
use maar_engine::datafusion::execution::TaskContext;
use maar_engine::datafusion::physical_plan::SendableRecordBatchStream;
use maar_engine::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use maar_engine::datafusion::physical_plan::streaming::PartitionStream;
use maar_flight_server::Limits;
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::{Client, connect, rows, serve_within, session};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where threads are held.
#[derive(Debug, Default)]
struct Gate {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    threads: usize,
    is_open: bool,
}

impl Gate {
    fn hold(&self) {
        let mut held = self.held.lock();
        held.threads += 1;
        self.changed.notify_all();
        self.changed.wait_while(&mut held, |held| !held.is_open);
        held.threads -= 1;
        self.changed.notify_all();
    }

    /// Waits until so many threads are held.
    fn until(&self, threads: usize) {
        let mut held = self.held.lock();
        let timeout = self.changed.wait_while_for(&mut held, |held| held.threads != threads, PATIENCE);
        assert!(!timeout.timed_out(), "{} threads are held and not {threads}", held.threads);
    }
}

/// Lets the threads go, whatever becomes of the test.
struct Opens(Arc<Gate>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.held.lock().is_open = true;
        self.0.changed.notify_all();
    }
}

/// A table that gives a row once its thread is let go.
#[derive(Debug)]
struct Stubborn {
    batch: RecordBatch,
    schema: SchemaRef,
    gate: Arc<Gate>,
}

impl PartitionStream for Stubborn {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (batch, gate) = (self.batch.clone(), Arc::clone(&self.gate));
        let batches = stream::once(async move {
            gate.hold();
            Ok(batch)
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// As many partitions as there are threads in a runtime: one query holds them all.
fn threads() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

fn with_stubborn() -> (Session, Opens) {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
    let (schema, gate) = (batch.schema(), Arc::new(Gate::default()));
    let partition = || {
        let (batch, schema, gate) = (batch.clone(), Arc::clone(&schema), Arc::clone(&gate));
        Arc::new(Stubborn { batch, schema, gate }) as Arc<dyn PartitionStream>
    };
    let table = StreamingTable::try_new(Arc::clone(&schema), (0..threads()).map(|_| partition()).collect()).unwrap();
    let session = session();
    session.context().register_table("stubborn", Arc::new(table)).unwrap();
    (session, Opens(gate))
}

/// A server on threads of its own: where it holds them up, the test fails and does not hang.
fn served_apart(session: Session) -> String {
    let threads: &Runtime = Box::leak(Box::new(maar_engine::runtime().unwrap()));
    let _on_them = threads.enter();
    serve_within(session, Limits::default())
}

async fn started(client: &mut Client) -> FlightRecordBatchStream {
    let info = client.execute("select v from stubborn".to_owned(), None).await.unwrap();
    client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap()
}

async fn one(client: &mut Client) -> String {
    timeout(PATIENCE, rows(client, "select 1")).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_hold_their_threads_hold_up_nobody() {
    let (session, opens) = with_stubborn();
    let gate = Arc::clone(&opens.0);
    let url = served_apart(session);
    let (mut first, mut second, mut other) = (connect(&url).await, connect(&url).await, connect(&url).await);

    let cancelled = started(&mut first).await;
    gate.until(threads());
    assert_eq!(one(&mut other).await, "1", "while the first runs");
    drop(cancelled);
    assert_eq!(one(&mut other).await, "1", "while the first computes on, though cancelled");
    assert_eq!(one(&mut first).await, "1", "for its client too");

    // Not on the threads of the first.
    let runs = started(&mut second).await;
    gate.until(2 * threads());
    assert_eq!(one(&mut other).await, "1", "while two hold their threads");
    timeout(PATIENCE, connect(&url)).await.unwrap();

    drop(opens);
    let batches = timeout(PATIENCE, runs.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(batches.into_iter().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), threads());
    gate.until(0);
    assert_eq!(one(&mut other).await, "1", "afterwards");
}
