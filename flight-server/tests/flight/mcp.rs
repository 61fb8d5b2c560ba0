//! The Model Context Protocol over HTTP: what a message is answered with, and who is heard. A client of somebody else's is in
//! `cli/tests/drivers`.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maar_engine::Session;
use maar_flight_server::{Role, ServeOptions, Server, Users};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::cancel::{until, with_endless};
use crate::http::{Said, send};
use crate::support::session;

fn serving(session: Session, users: Option<Users>) -> SocketAddr {
    let options = ServeOptions { users, http: Some("127.0.0.1:0".parse().unwrap()), ..ServeOptions::default() };
    let server = Server::bind(session, "127.0.0.1:0".parse().unwrap(), options).unwrap();
    let http = server.http_address().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    http
}

async fn post(http: SocketAddr, message: &Value, headers: &[(&str, &str)]) -> Said {
    let accept = ("Accept", "application/json, text/event-stream");
    send(http, "POST /mcp", &[headers, &[accept]].concat(), &message.to_string()).await
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

fn query(sql: &str) -> Value {
    request("tools/call", &json!({ "name": "query", "arguments": { "sql": sql } }))
}

/// The text of a tool's answer, and whether it is an error.
fn answer(said: &Said) -> (String, bool) {
    assert_eq!(said.status, 200, "{}", said.body);
    let result = &said.json()["result"];
    (result["content"][0]["text"].as_str().unwrap().to_owned(), result["isError"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_posts_and_nothing_is_kept_between_them() {
    let session = session();
    session.run_script("create table t as values (1, 'one'), (2, null)").await.unwrap();
    let http = serving(session, None);
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "0" } });
    let greeting = post(http, &request("initialize", &hello), &[]).await;
    assert!(greeting.head.contains("content-type: application/json") && !greeting.head.contains("mcp-session-id"));
    assert_eq!(greeting.json()["result"]["protocolVersion"], "2025-06-18");
    let told = post(http, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }), &[]).await;
    assert_eq!((told.status, told.body.as_str()), (202, ""));
    let tools = post(http, &request("tools/list", &json!({})), &[("MCP-Protocol-Version", "2025-06-18")]).await.json();
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 3);

    let (rows, is_error) = answer(&post(http, &query("select column1 as n, column2 from t order by n"), &[]).await);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    assert_eq!((&rows["rows"], is_error), (&json!([[1, "one"], [2, null]]), false));
    for (sql, words) in [
        ("drop table t", "reader"),
        ("select 1; select 2", "more than one statement"),
        ("select colum1 from t", "column1"),
        ("select 1 / 0", "zero"),
    ] {
        let (text, is_error) = answer(&post(http, &query(sql), &[]).await);
        assert!(is_error && text.contains(words), "{sql}: {text}");
    }
    let unknown = post(http, &request("resources/list", &json!({})), &[]).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (200, &json!(-32601)));
    assert_eq!(post(http, &json!([1]), &[]).await.status, 400);
    assert_eq!(send(http, "GET /mcp", &[], "").await.status, 405);
    let sessions = answer(&post(http, &query("select count(*) from maar.system.sessions"), &[]).await).0;
    assert!(sessions.contains("[1]"), "that of the call alone: {sessions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_and_unknown_versions_are_not_heard() {
    let http = serving(session(), None);
    let ping = request("ping", &json!({}));
    let own = format!("http://{http}");
    for (headers, status) in [
        ([("Origin", "http://evil.example.com")], 403),
        ([("Host", "evil.example.com")], 403),
        ([("Origin", own.as_str())], 200),
        ([("MCP-Protocol-Version", "1999-01-01")], 400),
        ([("MCP-Protocol-Version", "2025-03-26")], 200),
    ] {
        assert_eq!(post(http, &ping, &headers).await.status, status, "{headers:?}");
    }
    assert_eq!(send(http, "POST /mcp", &[("Accept", "text/html")], &ping.to_string()).await.status, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_users_every_message_says_whose_it_is_and_all_are_readers() {
    let users = Users::parse(&Users::line("root", "secret", Role::Admin).unwrap()).unwrap();
    let http = serving(session(), Some(users));
    let ping = request("ping", &json!({}));
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("root:{password}")));
    assert_eq!(post(http, &ping, &[]).await.status, 401);
    assert_eq!(post(http, &ping, &[("Authorization", &basic("wrong"))]).await.status, 401);
    assert_eq!(post(http, &ping, &[("Authorization", "Bearer 00000000000000000000000000000000")]).await.status, 401);
    let login = basic("secret");
    assert_eq!(post(http, &ping, &[("Authorization", &login)]).await.status, 200);
    let (text, is_error) =
        answer(&post(http, &query("create table t as values (1)"), &[("Authorization", &login)]).await);
    assert!(is_error && text.contains("reader"), "{text}");
    let mine = query("select \"user\", role from maar.system.sessions");
    let rows = answer(&post(http, &mine, &[("Authorization", &login)]).await).0;
    assert!(rows.contains(r#"["root","reader"]"#), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_cancels_its_query() {
    let (session, seen) = with_endless();
    let http = serving(session, None);
    let body = query("select v from endless where v < 0").to_string();
    let mut stream = TcpStream::connect(http).await.unwrap();
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {http}\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    until("it does not run", async || seen.started.load(Ordering::SeqCst) == 1).await;
    drop(stream);
    until("it goes on", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
}
