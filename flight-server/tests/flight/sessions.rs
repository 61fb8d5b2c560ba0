//! Sessions: one for each client, by its connection or by the token of its login.

use std::time::Duration;

use arrow_flight::Action;
use maar_flight_server::Limits;
use tonic::Code;

use crate::support::{Client, connect, fetch, rows, serve, serve_within, session, status};

const SHOW: &str = "show datafusion.execution.batch_size";
const DEFAULT: &str = "datafusion.execution.batch_size,8192";
const CHANGED: &str = "datafusion.execution.batch_size,100";

/// CloseSession, and the status in its answer.
async fn close(client: &mut Client) -> Result<Vec<u8>, arrow_flight::error::FlightError> {
    let mut closed = client.do_action(Action::new("CloseSession", "")).await?;
    Ok(closed.message().await.unwrap().unwrap().body.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_has_its_own_options_and_temporary_tables() {
    let url = serve_within(session(), Limits::default());
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    rows(&mut one, "create table everyones as values (1), (2)").await.unwrap();
    assert_eq!(rows(&mut two, "select sum(column1) from everyones").await.unwrap(), "3");
    rows(&mut one, "create temp table own as values (7)").await.unwrap();
    assert_eq!(rows(&mut one, "select column1 from own").await.unwrap(), "7");
    assert_eq!(status(rows(&mut two, "select column1 from own").await).code(), Code::NotFound);
    rows(&mut one, "set datafusion.execution.batch_size = 100").await.unwrap();
    assert_eq!(rows(&mut one, SHOW).await.unwrap(), CHANGED);
    assert_eq!(rows(&mut two, SHOW).await.unwrap(), DEFAULT);
    let refused = status(rows(&mut one, "set maar.device_memory = '1GB'").await);
    assert!(refused.code() == Code::PermissionDenied && refused.message().contains("whole server"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_keeps_is_its_own() {
    let url = serve_within(session(), Limits::default());
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    let info = one.execute("select 1".to_owned(), None).await.unwrap();
    assert_eq!(status(fetch(&mut two, info.clone()).await).code(), Code::NotFound, "a stolen ticket");
    fetch(&mut one, info).await.unwrap();

    // The handle of one in the mouth of the other.
    let mut prepared = one.prepare("select 1".to_owned(), None).await.unwrap();
    let command = prepared.execute().await.unwrap().flight_descriptor.unwrap();
    let stolen = two.inner_mut().get_flight_info(command).await.unwrap_err();
    assert_eq!(stolen.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_to_one_session_over_all_connections() {
    let url = serve_within(session(), Limits::default());
    let mut one = connect(&url).await;
    one.handshake("anybody", "anything").await.unwrap();
    rows(&mut one, "set datafusion.execution.batch_size = 100").await.unwrap();
    let mut two = connect(&url).await;
    two.set_token(one.token().unwrap().clone());
    drop(one);
    assert_eq!(rows(&mut two, SHOW).await.unwrap(), CHANGED);

    assert_eq!(close(&mut two).await.unwrap(), [8, 1]);
    assert_eq!(status(rows(&mut two, SHOW).await).code(), Code::Unauthenticated, "a closed session");
    for forged in ["", "x", &"0".repeat(32)] {
        two.set_token(forged.to_owned());
        assert_eq!(status(rows(&mut two, SHOW).await).code(), Code::Unauthenticated, "{forged}");
        assert_eq!(status(close(&mut two).await).code(), Code::Unauthenticated, "{forged}");
    }
    two.clear_token();
    assert_eq!(rows(&mut two, SHOW).await.unwrap(), DEFAULT);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_connections_session_starts_another() {
    let mut client = serve(session()).await;
    let info = client.execute("select 1".to_owned(), None).await.unwrap();
    rows(&mut client, "set datafusion.execution.batch_size = 100").await.unwrap();
    assert_eq!(close(&mut client).await.unwrap(), [8, 1]);
    assert_eq!(rows(&mut client, SHOW).await.unwrap(), DEFAULT);
    assert_eq!(status(fetch(&mut client, info).await).code(), Code::NotFound);
    assert_eq!(close(&mut client).await.unwrap(), [8, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_bounded_and_end_with_their_connections() {
    let url = serve_within(session(), Limits { sessions: 2, ..Limits::default() });
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = connect(&url).await;
        rows(&mut client, "select 1").await.unwrap();
        clients.push(client);
    }
    let mut late = connect(&url).await;
    let refused = status(rows(&mut late, "select 1").await);
    assert!(refused.code() == Code::ResourceExhausted && refused.message().contains("2 sessions"), "{refused}");
    clients.pop();
    let mut tries = 0;
    while rows(&mut late, "select 1").await.is_err() {
        tries += 1;
        assert!(tries < 300, "the session outlives its connection");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_end_and_used_ones_do_not() {
    let idle = Duration::from_millis(500);
    let url = serve_within(session(), Limits { sessions: 2, idle, ..Limits::default() });
    let mut client = connect(&url).await;
    client.handshake("anybody", "anything").await.unwrap();
    // Rows that are being read hold a session, however slowly.
    let info = client.execute("select * from range(0, 3000000)".to_owned(), None).await.unwrap();
    let stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    tokio::time::sleep(idle * 3).await;
    rows(&mut client, "select 1").await.unwrap();
    drop(stream);
    tokio::time::sleep(idle * 3).await;
    assert_eq!(status(rows(&mut client, "select 1").await).code(), Code::Unauthenticated);
    // Their places are free again.
    client.clear_token();
    for _ in 0..2 {
        client.handshake("anybody", "anything").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_statements_are_bounded_for_each_session() {
    let url = serve_within(session(), Limits::default());
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    let mut prepared = Vec::new();
    let refused = loop {
        match one.prepare("select 1".to_owned(), None).await {
            Ok(statement) => prepared.push(statement),
            refused => break status(refused.map(|_| ())),
        }
        assert!(prepared.len() <= 256);
    };
    assert_eq!((prepared.len(), refused.code()), (256, Code::ResourceExhausted), "{refused}");
    two.prepare("select 1".to_owned(), None).await.unwrap();
    prepared.pop().unwrap().close().await.unwrap();
    one.prepare("select 1".to_owned(), None).await.unwrap();
}
