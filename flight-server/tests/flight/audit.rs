//! The audit log: who came, what he asked for and what became of it; and that nothing is done that it cannot have.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow_flight::Action;
use maar_engine::Places;
use maar_flight_server::{Audit, Role, ServeError, ServeOptions, Server, Users};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;

use crate::cancel::{until, with_endless};
use crate::session_options::set_option;
use crate::support::{connect, rows, serve_with, session, status};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    (folder, path)
}

fn users(users: &[(&str, Role)]) -> Option<Users> {
    let lines: Vec<_> = users.iter().map(|(name, role)| Users::line(name, "secret", *role).unwrap()).collect();
    Some(Users::parse(&lines.join("\n")).unwrap())
}

fn audited(path: &Path) -> ServeOptions {
    ServeOptions { audit: Audit::open(path).unwrap(), ..ServeOptions::default() }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines of an event, each with some of what it says.
fn of(lines: &[Value], event: &str, keys: &[&str]) -> Vec<Value> {
    let lines = lines.iter().filter(|line| line["event"] == event);
    lines.map(|line| keys.iter().map(|key| line[key].clone()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_who_did_what() {
    let (_folder, path) = folder();
    let users = users(&[("ada", Role::Reader), ("bob", Role::Writer)]);
    let url = serve_with(session(), ServeOptions { users, ..audited(&path) });
    let mut client = connect(&url).await;
    client.handshake("ada", "wrong").await.unwrap_err();
    rows(&mut client, "select 1").await.unwrap_err();
    client.handshake("bob", "secret").await.unwrap();
    rows(&mut client, "create table t as values (1), (2)").await.unwrap();
    rows(&mut client, "set datafusion.format.null = 'it''s'; -- a comment").await.unwrap();
    rows(&mut client, "select 'aws.secret_access_key' = 'x', column1 from t, (values (9))").await.unwrap_err();
    rows(&mut client, "select column1 from t").await.unwrap();
    client.execute_update("insert into t values (3)".to_owned(), None).await.unwrap();
    set_option(&mut client, "datafusion.format.null", "none").await;
    client.clear_token();
    client.handshake("ada", "secret").await.unwrap();
    client.prepare("drop table t".to_owned(), None).await.map(|_| ()).unwrap_err();
    client.do_action(Action::new("CloseSession", "")).await.unwrap();

    let lines = lines(&path);
    assert_eq!(of(&lines, "start", &["version"]), [json!([env!("CARGO_PKG_VERSION")])]);
    let refused = of(&lines, "refused", &["user", "reason"]);
    assert_eq!(refused[0], json!(["ada", "no such user, or a wrong password"]));
    assert_eq!(refused[1][0], Value::Null, "a call without a login");
    let logins = [json!(["bob", 1, "writer", "handshake"]), json!(["ada", 2, "reader", "handshake"])];
    assert_eq!(of(&lines, "login", &["user", "session", "role", "by"]), logins);
    assert!(lines.iter().filter(|line| line["event"] == "begin").all(|line| {
        line["peer"].as_str().unwrap().starts_with("127.0.0.1:") && line["user"] == "bob" && line["session"] == 1
    }));
    let ends = of(&lines, "end", &["statement", "outcome", "rows"]);
    assert_eq!(ends[0], json!(["create table t as values (1), (2)", "finished", 0]));
    assert_eq!(ends[2][1], "failed");
    assert_eq!(ends[3], json!(["select column1 from t", "finished", 2]));
    assert_eq!(ends[4], json!(["insert into t values (3)", "finished", 1]));
    assert_eq!(ends[5], json!(["SET datafusion.format.null = 'none'", "finished", 0]));
    let error = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("reader"));
    assert!(
        lines.iter().any(|line| line["event"] == "plan" && line["outcome"] == "failed" && error(line)),
        "{lines:?}"
    );
    let begun = of(&lines, "begin", &["query"]);
    assert_eq!(begun, of(&lines, "end", &["query"]), "each that begins ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_the_end_of_what_nobody_reads() {
    let (_folder, path) = folder();
    let (session, _) = with_endless();
    let url = serve_with(session, audited(&path));
    let mut client = connect(&url).await;
    let sql = "create external table t (a int) stored as csv location 's3://u:pass@b/t' options ('aws.secret_access_key' 'hush')";
    rows(&mut client, sql).await.unwrap_err();
    let keyed = "select * from read_parquet('none.parquet', footer_key_as_hex = '68757368687573686875736868757368')";
    rows(&mut client, keyed).await.unwrap_err();
    rows(&mut client, &format!("select 1 -- {}", "x".repeat(5000))).await.unwrap();
    let info = client.execute("select v from endless".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
    drop(stream);
    let cancelled = |line: &Value| line["outcome"] == "cancelled" && line["rows"].as_u64() > Some(0);
    until("its end is not written", async || lines(&path).iter().any(cancelled)).await;
    drop(client);
    until("the end of the session is not written", async || !of(&lines(&path), "logout", &["session"]).is_empty())
        .await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("***") && !text.contains("hush") && !text.contains("pass@"), "{text}");
    assert!(text.contains("footer_key_as_hex = '***'") && !text.contains("68757368"), "{text}");
    assert!(text.contains(&"x".repeat(5000)), "the whole statement");
    assert_eq!(of(&lines(&path), "login", &["user", "by"]), [json!([null, "connection"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_have_is_not_done() {
    let (_folder, path) = folder();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // The log is a pipe, and the disk is full once nobody reads it.
    let reading = std::thread::spawn({
        let path = path.clone();
        move || File::open(path).unwrap()
    });
    let users = users(&[("bob", Role::Writer)]);
    let url = serve_with(session(), ServeOptions { users, ..audited(&path) });
    let mut client = connect(&url).await;
    client.handshake("bob", "secret").await.unwrap();
    rows(&mut client, "create table t as values (1)").await.unwrap();
    drop(reading.join().unwrap());
    for sql in ["drop table t", "select 1", "set datafusion.execution.batch_size = 100"] {
        let refused = status(rows(&mut client, sql).await);
        assert!(refused.code() == Code::Unavailable && refused.message().contains("audit log"), "{sql}: {refused}");
        let refused = status(client.execute_update(sql.to_owned(), None).await);
        assert_eq!(refused.code(), Code::Unavailable, "{sql}: {refused}");
        let refused = status(client.prepare(sql.to_owned(), None).await.map(|_| ()));
        assert_eq!(refused.code(), Code::Unavailable, "{sql}: {refused}");
    }
    client.clear_token();
    let refused = client.handshake("bob", "secret").await.unwrap_err();
    assert!(refused.to_string().contains("audit log"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_write_over_it() {
    let (folder, path) = folder();
    let places = Some(Places::default().allow_path(folder.path()).unwrap());
    let options = ServeOptions { places, ..audited(&path) };
    let refused = Server::bind(session(), "127.0.0.1:0".parse().unwrap(), options).err().unwrap();
    assert!(matches!(&refused, ServeError::AuditInReach { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_is_part_of_is_in_the_log_and_beside_the_query() {
    let (_folder, path) = folder();
    let mut client = connect(&serve_with(session(), audited(&path))).await;
    rows(&mut client, "select 1").await.unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    client.set_header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    rows(&mut client, "select 2").await.unwrap();
    client.set_header("traceparent", "nonsense");
    rows(&mut client, "select 3").await.unwrap();
    let traces = of(&lines(&path), "begin", &["statement", "trace"]);
    assert_eq!(traces, [json!(["select 1", null]), json!(["select 2", trace]), json!(["select 3", null])]);
    assert_eq!(of(&lines(&path), "end", &["trace"])[1], json!([trace]));
    let found = format!("select query from maar.system.queries where trace_id = '{trace}'");
    assert_eq!(rows(&mut client, &found).await.unwrap(), "select 2");
}
