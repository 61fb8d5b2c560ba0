//! What no driver sends. The server answers others all the while.

use maar_flight_server::{Limits, ServeOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Client, serve, startup};
use crate::support::session;

async fn answered(address: std::net::SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_ends_its_connection_only() {
    let limits = Limits { message_bytes: 1000, ..Limits::default() };
    let address = serve(session(), ServeOptions { limits, ..ServeOptions::default() });
    for first in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 0, 0, 3, 0, 3, 0, 0],
        &[0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0],
        &[0, 0, 0, 8, 0, 2, 0, 0],
        &[0, 0, 0, 12, 0, 3, 0, 0, b'u', b's', b'e', b'r'],
        &startup(&[("database", "x")]),
    ] {
        let answer = answered(address, first).await;
        assert!(answer.starts_with(b"E") && answer.windows(5).any(|part| part == b"FATAL"), "{first:?} {answer:?}");
    }
    let hello = startup(&[("user", "ada")]);
    let message = |letter: u8, length: u32, body: &[u8]| [&[letter][..], &length.to_be_bytes(), body].concat();
    for (bytes, word) in [
        (message(b'Q', 3, b""), "08P01"),
        (message(b'Q', u32::MAX, b""), "08P01"),
        (message(b'Q', 2000, b""), "max-message"),
        (message(b'?', 4, b""), "08P01"),
        (message(b'Q', 10, b"open!!"), "08P01"),
        (message(b'B', 8, b"\0\0\xff\xff"), "08P01"),
    ] {
        let answer = answered(address, &[&hello[..], &bytes].concat()).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains(word) && text.contains("FATAL"), "{bytes:?} {text}");
    }
    let mut client = Client::connect(address).await;
    client.send(b'Q', b"select '\xff'\0").await;
    assert_eq!(client.answer().await.code(), "22021");
    assert_eq!(client.rows("select 1").await, "1");
    // What nobody waits for.
    client.send(b'd', b"rows of a copy").await;
    client.send(b'c', b"").await;
    assert_eq!(client.rows("select 2").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_newer_is_told_what_is_spoken() {
    let address = serve(session(), ServeOptions::default());
    let mut hello = startup(&[("user", "ada"), ("_pq_.command_tag_format", "x")]);
    hello[7] = 2;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&hello).await.unwrap();
    let mut letter = [0];
    stream.read_exact(&mut letter).await.unwrap();
    assert_eq!(letter, *b"v");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_holds_nothing() {
    let address = serve(session(), ServeOptions::default());
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let begun = std::time::Instant::now();
    crate::cancel::until("the silent ones kept others out", async || {
        let stream = TcpStream::connect(address).await.unwrap();
        Client::log_in(stream, &[("user", "ada")], None).await.is_ok()
    })
    .await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(25));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_hard_to_read_end_nothing_and_take_no_time() {
    let address = serve(session(), ServeOptions::default());
    let mut client = Client::connect(address).await;
    let begun = std::time::Instant::now();
    // Deeper than any stack, of what is put into other words; longer than a statement may be.
    let deep = format!("select 1{} from pg_class", "+1".repeat(500_000));
    assert_eq!(client.query(&deep).await.code(), "0A000");
    assert_eq!(client.with(&deep, &[]).await.code(), "0A000");
    assert_eq!(client.query(&format!("select {} from pg_class", "x".repeat(2 << 20))).await.code(), "22023");
    // Comments in comments, and statements that are none.
    let comments = format!("{}{}select 1", "/* ".repeat(100_000), "*/ ".repeat(100_000));
    assert_eq!(client.with(&comments, &[]).await.text(), "1");
    assert_eq!(client.query(&format!("{}select 2", ";\n".repeat(50_000))).await.text(), "2");
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_do_not_pile_up_until_a_sync() {
    let address = serve(session(), ServeOptions::default());
    let mut client = Client::connect(address).await;
    let columns: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    client.parse("wide", &format!("select {}", columns.join(",")), &[]).await;
    client.sync().await;
    // Each question of a few bytes has an answer of thousands; nothing asks for them to be sent.
    for _ in 0..100 {
        client.describe(b'S', "wide").await;
    }
    assert_eq!(client.receive().await.0, b't');
    client.sync().await;
}
