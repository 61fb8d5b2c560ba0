//! Queries that are told to end, whose client is gone, or whose time is over: over a table that never ends.

use std::sync::atomic::Ordering;

use maar_flight_server::ServeOptions;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{Client, serve};
use crate::cancel::{until, with_endless};

async fn cancel(address: std::net::SocketAddr, (process, secret): (u32, u32)) {
    let words = [16, 80_877_102, process, secret];
    let message: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&message).await.unwrap();
    // Nothing is answered.
    let mut rest = Vec::new();
    assert_eq!(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await.unwrap_or_default(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_key_ends_what_runs() {
    let (session, seen) = with_endless();
    let address = serve(session, ServeOptions::default());
    let (mut client, mut other) = (Client::connect(address).await, Client::connect(address).await);
    // A query without rows yet, one with rows, and a change.
    for sql in [
        "select v from endless where v < 0",
        "select v from endless",
        "create table t as select v from endless where v < 0",
    ] {
        let (key, stopped) = (client.key, seen.stopped.load(Ordering::SeqCst));
        let started = seen.started.load(Ordering::SeqCst);
        client.send(b'Q', &super::client::string(sql)).await;
        until("the query did not start", async || seen.started.load(Ordering::SeqCst) > started).await;
        // A wrong secret, and another's key, do nothing.
        cancel(address, (key.0, key.1 ^ 1)).await;
        cancel(address, other.key).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(seen.stopped.load(Ordering::SeqCst), stopped, "{sql}");
        cancel(address, key).await;
        let answer = client.answer().await;
        assert_eq!((answer.code(), answer.ready), ("57014", 'I'), "{sql}");
        until("the query went on", async || seen.stopped.load(Ordering::SeqCst) > stopped).await;
        // What comes late ends nothing that comes after.
        cancel(address, key).await;
        assert_eq!(client.rows("select 1").await, "1");
    }
    assert_eq!(other.rows("select 2").await, "2");
    let known =
        other.rows("select state from maar.system.queries where query like '%endless%' and state <> 'running'").await;
    assert_eq!(known, "cancelled;cancelled;cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_ends_with_its_client() {
    let (session, seen) = with_endless();
    let address = serve(session, ServeOptions::default());
    for sql in ["select v from endless where v < 0", "create table t as select v from endless where v < 0"] {
        let stopped = seen.stopped.load(Ordering::SeqCst);
        let started = seen.started.load(Ordering::SeqCst);
        let mut client = Client::connect(address).await;
        client.send(b'Q', &super::client::string(sql)).await;
        until("the query did not start", async || seen.started.load(Ordering::SeqCst) > started).await;
        drop(client);
        until("the query went on without its client", async || seen.stopped.load(Ordering::SeqCst) > stopped).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_the_query_up() {
    let (session, seen) = with_endless();
    let address = serve(session, ServeOptions::default());
    let mut client = Client::connect(address).await;
    client.send(b'Q', &super::client::string("select v from endless")).await;
    until("the query did not start", async || seen.batches.load(Ordering::SeqCst) > 0).await;
    until("the query ran ahead of its reader", async || {
        let before = seen.batches.load(Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        before == seen.batches.load(Ordering::SeqCst)
    })
    .await;
    assert!(seen.batches.load(Ordering::SeqCst) < 1000, "rows pile up");
    assert_eq!(seen.stopped.load(Ordering::SeqCst), 0);
    drop(client);
    until("the query went on without its reader", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
    // Nor does he hold it when it is told to end, or its time is over: he hears of it once he reads.
    for ends in ["cancel", "statement_timeout"] {
        let stopped = seen.stopped.load(Ordering::SeqCst);
        let mut client = Client::connect(address).await;
        if ends == "statement_timeout" {
            client.query("set statement_timeout = '3s'").await;
        }
        let batches = seen.batches.load(Ordering::SeqCst);
        client.send(b'Q', &super::client::string("select v from endless")).await;
        until("the query did not start", async || seen.batches.load(Ordering::SeqCst) > batches + 1).await;
        if ends == "cancel" {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            cancel(address, client.key).await;
        }
        until("the query waits for its reader", async || seen.stopped.load(Ordering::SeqCst) > stopped).await;
        let answer = client.answer().await;
        assert_eq!((answer.code(), answer.ready), ("57014", 'I'), "{ends}");
        assert_eq!(client.rows("select 1").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_its_time_and_a_portal_runs_only_when_it_is_executed() {
    let (session, seen) = with_endless();
    let mut client = Client::connect(serve(session, ServeOptions::default())).await;
    client.parse("", "select v from endless", &[]).await;
    client.bind("p", "", &[], (0, 0)).await;
    client.describe(b'P', "p").await;
    client.sync().await;
    client.query("begin").await;
    client.parse("", "select v from endless", &[]).await;
    client.bind("p", "", &[], (0, 0)).await;
    client.sync().await;
    assert_eq!(seen.started.load(Ordering::SeqCst), 0, "nothing was executed");
    client.execute("p", 5).await;
    assert_eq!(client.sync().await.rows.len(), 5);
    assert_eq!((seen.started.load(Ordering::SeqCst), seen.stopped.load(Ordering::SeqCst)), (1, 0));
    client.send(b'C', b"Pp\0").await;
    client.sync().await;
    until("a portal that was closed goes on", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
    client.query("rollback; set statement_timeout = '100ms'").await;
    assert_eq!(client.query("select v from endless where v < 0").await.code(), "57014");
    until("the query went on after its time", async || seen.stopped.load(Ordering::SeqCst) == 2).await;
    assert_eq!(client.rows("show statement_timeout").await, "100ms");
}
