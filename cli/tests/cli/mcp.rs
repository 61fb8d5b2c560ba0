//! `maar mcp` as a client sees it: a message a line. That clients of somebody else's understand it is tested in `drivers`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve::{address, serving};
use crate::{command, maar};

/// What takes so long that no test waits for it.
const LONG: &str = "select sum(a.value * b.value) from range(0, 3000000) a, range(0, 3000000) b";

struct Mcp {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: u64,
}

impl Mcp {
    fn start(options: &[&str]) -> Self {
        let mut child = command(&[&["--device", "cpu", "mcp"], options].concat());
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout, next: 0 }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.stdin.as_ref().unwrap(), "{message}").unwrap();
    }

    /// Sends a request and gives its id.
    fn request(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| unreachable!("{error}: {line}"))
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        let mut answer = self.answer();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)));
        answer.as_object_mut().unwrap().remove("result").unwrap_or(answer)
    }

    /// Calls a tool: what it says, and whether that is an error.
    fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let result = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        (result["content"][0]["text"].as_str().unwrap().to_owned(), result["isError"].as_bool().unwrap())
    }

    fn rows(&mut self, tool: &str, arguments: Value) -> Value {
        let (text, is_error) = self.call(tool, arguments);
        assert!(!is_error, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn refusal(&mut self, sql: &str) -> String {
        let (text, is_error) = self.call("query", json!({ "sql": sql }));
        assert!(is_error, "{sql}: {text}");
        text
    }

    /// It ends once nobody speaks to it any more.
    fn end(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Mcp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with a script that makes the table `t`, and a file beside it.
fn folder() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (init, csv) = (at("init.sql"), at("t.csv"));
    std::fs::write(&init, "create table t as values (1, 'one'), (2, null), (3, 'three')").unwrap();
    std::fs::write(&csv, "a\n1\n").unwrap();
    (folder, init, csv)
}

#[test]
fn tables_are_listed_described_and_queried() {
    let (_folder, init, _) = folder();
    let mut mcp = Mcp::start(&["--init", &init, "--max-rows", "2"]);
    let greeting = mcp.ask("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {} }));
    assert_eq!((&greeting["protocolVersion"], &greeting["serverInfo"]["name"]), (&json!("2025-06-18"), &json!("maar")));
    mcp.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let tools = mcp.ask("tools/list", json!({}));
    let names: Vec<_> = tools["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["list_tables", "describe_table", "query"]);
    assert!(tools["tools"].as_array().unwrap().iter().all(|tool| tool["annotations"]["readOnlyHint"] == true));

    let tables = mcp.rows("list_tables", json!({}));
    assert_eq!(tables["rows"], json!([["datafusion", "public", "t", "BASE TABLE"]]));
    let columns = mcp.rows("describe_table", json!({ "table": "t", "schema": "public" }));
    assert_eq!((&columns["row_count"], &columns["rows"][0][0]), (&json!(2), &json!("column1")));
    let rows = mcp.rows("query", json!({ "sql": "select column1 as n, column2 as word from t order by n;" }));
    assert_eq!((&rows["rows"], &rows["has_more"]), (&json!([[1, "one"], [2, null]]), &json!(true)));
    let rows = mcp.rows("query", json!({ "sql": "select count(*) as n from t", "max_rows": 1 }));
    assert_eq!((&rows["rows"], &rows["has_more"]), (&json!([[3]]), &json!(false)));
    assert!(mcp.refusal("select colum1 from t").contains("column1"), "a hint helps a model too");
    mcp.end();
}

#[test]
fn it_reads_only_and_only_what_is_opened() {
    let (folder, init, csv) = folder();
    let mut mcp = Mcp::start(&["--init", &init]);
    for sql in [
        "drop table t",
        "insert into t values (4, 'four')",
        "create temp table u as select 1",
        "explain analyze insert into t values (4, 'four')",
        "prepare p as delete from t",
    ] {
        assert!(mcp.refusal(sql).contains("reader"), "{sql}");
    }
    assert!(mcp.refusal("select 1; select 2").contains("one statement"));
    assert!(mcp.refusal("set maar.device_memory = '1GB'").contains("whole server"));
    assert!(mcp.refusal(&format!("select * from '{csv}'")).contains("not among the files"));
    assert!(mcp.refusal(&format!("copy t to '{csv}.csv'")).contains("not among the files"));
    assert_eq!(mcp.rows("query", json!({ "sql": "select count(*) from t" }))["rows"], json!([[3]]));
    mcp.end();
    let mut mcp = Mcp::start(&["--allow-path", folder.path().to_str().unwrap()]);
    let rows = mcp.rows("query", json!({ "sql": format!("select a from '{csv}'") }));
    assert_eq!(rows["rows"], json!([[1]]));
    assert!(mcp.refusal(&format!("copy (select 1) to '{csv}.csv'")).contains("reader"));
}

#[test]
fn what_is_no_call_is_told_by_the_protocol() {
    let mut mcp = Mcp::start(&[]);
    let error = |answer: &Value| answer["error"]["code"].as_i64().unwrap_or_else(|| unreachable!("{answer}"));
    assert_eq!(error(&mcp.ask("resources/list", json!({}))), -32601);
    assert_eq!(error(&mcp.ask("tools/call", json!({ "name": "drop_table" }))), -32602);
    mcp.send(&json!([1, 2]));
    assert_eq!(error(&mcp.answer()), -32600);
    writeln!(mcp.stdin.as_ref().unwrap(), "{{").unwrap();
    assert_eq!(error(&mcp.answer()), -32700);
    assert_eq!(mcp.ask("ping", json!({})), json!({}));
    // A version that nobody knows: the newest that this server speaks.
    let greeting = mcp.ask("initialize", json!({ "protocolVersion": "1999-01-01" }));
    assert!(greeting["protocolVersion"].as_str().unwrap() > "2025", "{greeting}");
    mcp.end();
}

#[test]
fn a_query_has_so_much_time_and_can_be_cancelled() {
    let mut mcp = Mcp::start(&["--timeout", "2"]);
    let started = Instant::now();
    assert!(mcp.refusal(LONG).contains("2 s"));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());

    let long = mcp.request("tools/call", json!({ "name": "query", "arguments": { "sql": LONG } }));
    let next = mcp.request("tools/call", json!({ "name": "query", "arguments": { "sql": "select 1" } }));
    assert_eq!(mcp.ask("ping", json!({})), json!({}), "it listens while a query runs");
    mcp.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": long } }));
    assert_eq!(mcp.answer()["id"], json!(next), "what is cancelled has no answer, and the next one runs");
    mcp.request("tools/call", json!({ "name": "query", "arguments": { "sql": LONG } }));
    mcp.end();
}

#[test]
fn on_a_server_it_is_a_reader_whoever_logs_in() {
    let (folder, init, _) = folder();
    let (mut server, said) = serving(&["--init", &init], 1);
    let connect = address(&said[0]).to_owned();
    let mut mcp = Mcp::start(&["--connect", &connect]);
    assert_eq!(mcp.rows("query", json!({ "sql": "select sum(column1) from t" }))["rows"], json!([[6]]));
    assert!(mcp.refusal("drop table t").contains("reader"));
    assert_eq!(mcp.rows("list_tables", json!({}))["rows"][0][2], "t");
    mcp.end();
    let both = maar(&["mcp", "--connect", &connect, "--init", &init]);
    assert!(both.code == 2 && both.err.contains("--init"), "{}", both.err);
    server.kill().unwrap();
    server.wait().unwrap();
    let nobody = maar(&["mcp", "--connect", &connect]);
    assert!(nobody.code == 3 && nobody.err.contains("cannot connect"), "{}", nobody.err);
    drop(folder);
}
