//! What broke other servers of this protocol, and what strangers send: answered as it should be, or refused while the server goes on.

use std::time::{Duration, Instant};

use arrow_flight::error::FlightError;
use futures::StreamExt;
use maar_engine::Session;
use maar_engine::device::DeviceKind;
use maar_flight_server::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tonic::Code;

use crate::support::{connect, fetch, rows, serve, serve_within, session, status, with_file};

#[tokio::test(flavor = "multi_thread")]
async fn statements_come_with_semicolons_and_comments() {
    let mut client = serve(session()).await;
    for sql in ["SELECT 1;", "select 1 ; ", "-- why\nselect 1", "/* a; b */ select 1 -- end", "\n\t select 1;;"] {
        assert_eq!(rows(&mut client, sql).await.unwrap(), "1", "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extremes_from_statistics_are_sent_as_advertised() {
    let (mut client, _folder) = with_file().await;
    for sql in ["select min(amount), max(amount), count(*) from t", "select max(name), min(name) from t"] {
        let info = client.execute(sql.to_owned(), None).await.unwrap();
        let (schema, _) = fetch(&mut client, info).await.unwrap();
        assert!(schema.field(0).is_nullable() && schema.field(1).is_nullable(), "{sql}: {schema}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_larger_than_clients_take_by_default_is_sent_to_those_that_take_it() {
    let url = serve_within(session(), Limits::default());
    let wide = connect(&url).await.into_inner().max_decoding_message_size(64 << 20);
    let mut wide = crate::support::Client::new_from_inner(wide);
    let info = wide.execute("select repeat('x', 6000000) as s".to_owned(), None).await.unwrap();
    let (_, batches) = fetch(&mut wide, info).await.unwrap();
    assert!(batches[0].get_array_memory_size() > 6_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_any_length_fit_into_headers() {
    let mut client = serve(session()).await;
    let name = "x".repeat(100_000);
    for sql in [
        format!("select cast('{name}' as int)"),
        "select cast(repeat('x', 100000) as int)".to_owned(),
        format!("select {name} from range(0, 1)"),
        format!("select * from \"{name}\""),
    ] {
        let refused = status(rows(&mut client, &sql).await);
        assert!(matches!(refused.code(), Code::InvalidArgument | Code::NotFound), "{refused}");
        assert!(refused.message().len() <= 2048, "{}", refused.message().len());
    }
    assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_taken_up_to_their_limit() {
    let url = serve_within(session(), Limits::default());
    let mut client = connect(&url).await;
    client.set_header("x-own", "y".repeat(9 << 10));
    assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1", "9 KiB, as JDBC sends");
    let mut large = connect(&url).await;
    large.set_header("x-own", "y".repeat(100 << 10));
    rows(&mut large, "select 1").await.unwrap_err();
    let small = serve_within(session(), Limits { header_bytes: 4 << 10, ..Limits::default() });
    let mut client = connect(&small).await;
    assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1");
    client.set_header("x-own", "y".repeat(9 << 10));
    rows(&mut client, "select 1").await.unwrap_err();
    for url in [url, small] {
        assert_eq!(rows(&mut connect(&url).await, "select 1").await.unwrap(), "1", "others are answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_taken_up_to_their_limit() {
    let url = serve_within(session(), Limits { message_bytes: 64 << 10, ..Limits::default() });
    let mut client = connect(&url).await;
    let sql = format!("select 1 -- {}", "x".repeat(100 << 10));
    let refused = status(rows(&mut client, &sql).await);
    assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused}");
    assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_hold_up_nobody() {
    let url = serve_within(session(), Limits::default());
    let host = url.strip_prefix("http://").unwrap();
    let mut silent = Vec::new();
    for at in 0..100 {
        let mut stream = TcpStream::connect(host).await.unwrap();
        // Nothing, half of a greeting, a greeting and half of a frame, and what is no HTTP.
        let said: &[u8] = [&b""[..], b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0", b"\x16\x03\x01\x02"][at % 4];
        stream.write_all(said).await.unwrap();
        silent.push(stream);
    }
    let mut client = tokio::time::timeout(Duration::from_secs(10), connect(&url)).await.unwrap();
    assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1");
    let sessions = "select count(*) from maar.system.sessions";
    assert_eq!(rows(&mut client, sessions).await.unwrap(), "1", "who says nothing has no session");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_a_client_that_is_gone_is_free_within_a_second() {
    let base = session();
    let mut client = serve(base.clone()).await;
    let before = base.usage().host_bytes;
    let sql = "select value, repeat('x', 100) as s from range(0, 2000000) order by value % 1000, value";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert!(base.usage().host_bytes > before, "it holds what it sorted");
    let gone = Instant::now();
    drop((stream, client));
    while base.usage().host_bytes > before {
        assert!(gone.elapsed() < Duration::from_secs(1), "{} bytes are held", base.usage().host_bytes);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_takes_its_temporary_tables_along() {
    let idle = Duration::from_millis(300);
    let base = session();
    let url = serve_within(base.clone(), Limits { idle, ..Limits::default() });
    let (mut client, mut other) = (connect(&url).await, connect(&url).await);
    client.handshake("anybody", "anything").await.unwrap();
    rows(&mut client, "create temp table own as select value from range(0, 1000)").await.unwrap();
    assert_eq!(rows(&mut client, "select count(*) from own").await.unwrap(), "1000");
    tokio::time::sleep(idle * 3).await;
    let ended: Result<String, FlightError> = rows(&mut client, "select count(*) from own").await;
    assert_eq!(status(ended).code(), Code::Unauthenticated);
    assert_eq!(rows(&mut other, "select count(*) from maar.system.sessions").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn device_memory_of_a_client_that_is_gone_is_free_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    let base = Session::builder().device(DeviceKind::Emulated).build().unwrap();
    let make = format!(
        "copy (select value as v from range(0, 300000)) to '{0}'; create external table t stored as parquet location '{0}'",
        file.display()
    );
    base.run_script(&make).await.unwrap();
    let used = || base.usage().devices.iter().map(|device| device.used_bytes).sum::<u64>();
    let mut client = serve(base.clone()).await;
    let sql = "select v * 3 as w from t where v % 7 <> 3";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    fetch(&mut client, info).await.unwrap();
    // What stays are the columns.
    let before = used();
    assert!(before > 0);
    for _ in 0..3 {
        let mut gone = client.clone();
        let info = gone.execute(sql.to_owned(), None).await.unwrap();
        let mut stream = gone.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        let since = Instant::now();
        drop((stream, gone));
        while used() > before {
            assert!(since.elapsed() < Duration::from_secs(1), "{} bytes are held, {before} before", used());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
