//! PollFlightInfo: how far a query is, while it runs and nobody reads; that it can be cancelled by what it said; that it ends with
//! who asks.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{Action, CancelFlightInfoRequest, FlightDescriptor, PollInfo};
use maar_engine::Session;
use prost::Message;
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::cancel::{until, with_endless};
use crate::support::{Client, connect, fetch, rows, serve, serve_within, session, text};

fn descriptor(sql: &str) -> FlightDescriptor {
    let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

async fn poll(client: &mut Client, descriptor: FlightDescriptor) -> Result<PollInfo, Status> {
    client.inner_mut().poll_flight_info(descriptor).await.map(tonic::Response::into_inner)
}

/// A table whose rows take long to go through.
async fn lake() -> (Session, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    let script = format!(
        "copy (select value as n from generate_series(1, 30000)) to '{0}/t.parquet';
         create external table t stored as parquet location '{0}/t.parquet';
         set datafusion.execution.batch_size = 64; set datafusion.execution.target_partitions = 1",
        folder.path().display()
    );
    session.run_script(&script).await.unwrap();
    (session, folder)
}

/// Some seconds of work, all of it behind the scan's back.
const SLOW: &str =
    "select count(*) as c from t where length(encode(sha256(repeat(cast(n as varchar), 2000)), 'hex')) > 0";

#[tokio::test(flavor = "multi_thread")]
async fn it_says_how_far_a_query_is_and_then_where_its_rows_are() {
    let (session, _folder) = lake().await;
    let mut client = serve(session).await;
    let (mut next, mut said, mut last) = (descriptor(SLOW), Vec::new(), None);
    let start = Instant::now();
    while last.is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "{said:?}");
        let told = poll(&mut client, next.clone()).await.unwrap();
        let info = told.info.unwrap();
        assert_eq!(info.clone().try_decode_schema().unwrap().field(0).name(), "c", "known from the first answer on");
        said.extend(told.progress);
        match told.flight_descriptor {
            Some(again) => {
                assert!(info.endpoint.is_empty() && told.expiration_time.is_some(), "{info:?}");
                next = again;
            }
            None => last = Some(info),
        }
    }
    assert!(said.len() > 2, "there was no progress to see: {said:?}");
    assert!(said.iter().all(|part| (0.0..=1.0).contains(part)) && said.is_sorted(), "{said:?}");
    assert!(said.iter().any(|part| *part > 0.0 && *part < 1.0) && said.last() == Some(&1.0), "{said:?}");
    let (_, batches) = fetch(&mut client, last.clone().unwrap()).await.unwrap();
    assert_eq!(text(&batches), "30000");
    assert!(fetch(&mut client, last.unwrap()).await.is_err(), "once");
    assert_eq!(poll(&mut client, next).await.unwrap_err().code(), Code::NotFound);
    let progress = "select progress from maar.system.queries where query like '%sha256%' and query not like '%system%'";
    assert_eq!(rows(&mut client, progress).await.unwrap(), "1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_polled_can_be_cancelled() {
    let (session, seen) = with_endless();
    let mut client = serve(session).await;
    let told = poll(&mut client, descriptor("select v from endless where v < 0")).await.unwrap();
    assert_eq!((told.progress, told.info.as_ref().unwrap().endpoint.len()), (None, 0), "nobody can tell");
    until("it does not run", async || seen.started.load(Ordering::SeqCst) == 1).await;
    let request = CancelFlightInfoRequest { info: told.info };
    client.do_action(Action::new("CancelFlightInfo", request.encode_to_vec())).await.unwrap().message().await.unwrap();
    let ended = poll(&mut client, told.flight_descriptor.unwrap()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Cancelled, "{ended}");
    until("it goes on", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_fetches_end_when_they_are_told_to_and_with_their_connection() {
    let (session, seen) = with_endless();
    let url = serve_within(session, maar_flight_server::Limits::default());
    let (mut client, mut other) = (connect(&url).await, connect(&url).await);
    for _ in 0..2 {
        let mut told = poll(&mut client, descriptor("select v from endless")).await.unwrap();
        while let Some(again) = told.flight_descriptor {
            told = poll(&mut client, again).await.unwrap();
        }
        assert_eq!(told.info.unwrap().endpoint.len(), 1, "its first rows are there");
    }
    until("they do not run", async || seen.started.load(Ordering::SeqCst) == 2).await;
    let kill = "select maar.system.kill_query(min(query_id)) from maar.system.queries where query like '%endless' and state = 'running'";
    assert_eq!(rows(&mut other, kill).await.unwrap(), "cancelling");
    until("the one goes on", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
    drop(client);
    until("the other goes on", async || seen.stopped.load(Ordering::SeqCst) == 2).await;
    let sessions = "select count(*) from maar.system.sessions";
    until("its session is kept", async || rows(&mut other, sessions).await.unwrap() == "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_with_the_call_that_finds_them() {
    let mut client = serve(session()).await;
    assert_eq!(poll(&mut client, descriptor("select nothing")).await.unwrap_err().code(), Code::NotFound);
    let failed = poll(&mut client, descriptor("select 1 / (value - 1) from generate_series(1, 3)")).await.unwrap_err();
    assert!(failed.message().contains("zero"), "{failed}");
    let broken = poll(&mut client, FlightDescriptor::new_cmd("x")).await.unwrap_err();
    assert_eq!(broken.code(), Code::InvalidArgument);
}
