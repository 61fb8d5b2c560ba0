//! `maar serve`: where it listens, and that Ctrl-C ends it. What it answers is tested in flight-server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::{command, maar};

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let ran = maar(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("no encryption") && ran.err.contains("127.0.0.1"), "{}", ran.err);
    assert!(ran.err.contains("--tls-cert") && ran.err.contains("--insecure"), "{}", ran.err);
}

#[test]
fn a_certificate_that_is_not_there_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.pem");
    let ran = maar(&["serve", "--tls-cert", file.to_str().unwrap(), "--tls-key", file.to_str().unwrap()]);
    assert!(ran.code == 1 && ran.err.contains("server.pem") && ran.err.contains("No such file"), "{}", ran.err);
    let ran = maar(&["serve", "--tls-cert", file.to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("--tls-key"), "{}", ran.err);
}

#[test]
fn it_says_where_it_listens_and_ends_on_interrupt() {
    let mut child = command(&["--device", "cpu", "serve", "--listen", "127.0.0.1:0"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("Flight SQL on grpc://127.0.0.1:"), "{said}");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// `maar user NAME` with this on stdin: its exit code, stdout and stderr.
fn user(name: &str, password: &str) -> (Option<i32>, String, String) {
    let mut child = command(&["user", name]);
    let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.as_ref().unwrap().write_all(password.as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

#[test]
fn users_are_made_read_and_asked_for() {
    let (code, line, _) = user("ada", "correct horse\n");
    assert!(code == Some(0) && line.starts_with("ada:$argon2id$") && !line.contains("horse"), "{line}");
    assert!(line.ends_with(":writer\n"), "{line}");
    let (code, _, error) = user("ada", "\n");
    assert!(code == Some(1) && error.contains("the password is empty"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users");
    std::fs::write(&file, format!("{line}nonsense\n")).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--users", file.to_str().unwrap()];
    let ran = maar(&serve);
    assert!(ran.code == 1 && ran.err.contains("line 2") && ran.err.contains("maar user"), "{}", ran.err);
    std::fs::write(&file, line).unwrap();
    let mut child =
        command(&serve).env("MAAR_DEVICE", "cpu").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("no encryption") && !said.contains("no users"), "{said}");
}

/// `maar serve` with these options on a port of its own, and the lines that it says when it is ready.
pub(crate) fn serving(options: &[&str], lines: usize) -> (Child, Vec<String>) {
    let mut child = command(&[&["--device", "cpu", "serve", "--listen", "127.0.0.1:0"], options].concat());
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let line = |_| {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        line
    };
    let lines = (0..lines).map(line).collect();
    // Its end is not told to nobody.
    std::mem::forget(said);
    (child, lines)
}

pub(crate) fn address(line: &str) -> &str {
    line.split_whitespace().find(|word| word.contains("://")).unwrap()
}

#[test]
fn it_is_watched_over_http_and_ends_on_sigterm() {
    let (mut child, said) = serving(&["--http", "127.0.0.1:0", "--drain-seconds", "5"], 2);
    let host = address(&said[1]).strip_prefix("http://").unwrap();
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: maar\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/livez").starts_with("HTTP/1.1 200"));
    assert!(ask("/readyz").starts_with("HTTP/1.1 200"));
    let metrics = ask("/metrics");
    assert!(metrics.contains("\nmaar_queries_total{status=\"finished\"} 0\n"), "{metrics}");
    assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn it_serves_the_tables_and_settings_that_it_was_started_with() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("t.csv"), "a\n1\n2\n").unwrap();
    let make = format!(
        "create external table t stored as csv location '{}'; create view v as select a + 1 as b from t",
        at("t.csv")
    );
    std::fs::write(at("init.sql"), make).unwrap();
    std::fs::create_dir(at("open")).unwrap();
    let set = "datafusion.runtime.memory_limit=1G";
    let options =
        ["--init", &at("init.sql"), "--set", "maar.device_memory=2GB", "--set", set, "--allow-path", &at("open")];
    let (mut child, said) = serving(&options, 1);
    let ask = |sql: &str| maar(&["--connect", address(&said[0]), "--format", "csv", "-c", sql]);
    let (all, device, host) =
        (ask("select sum(b) as s from v"), ask("show maar.device_memory"), ask("show datafusion.runtime.memory_limit"));
    let file = ask(&format!("select * from '{}'", at("t.csv")));
    let open = ask(&format!("copy (select 5 as x) to '{}/x.csv'", at("open")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((all.code, all.out.as_str()), (0, "s\n5\n"), "{}", all.err);
    assert!(device.out.contains("2000000000") && host.out.contains("1G"), "{} {}", device.out, host.out);
    assert!(file.code == 1 && file.err.contains("--allow-path"), "{}", file.err);
    assert_eq!(open.code, 0, "{}", open.err);
}

#[test]
fn what_cannot_be_enforced_stops_the_start() {
    for (options, words) in [
        (["--allow-path", "no/such/folder"], "cannot be allowed"),
        (["--allow-url", "lake"], "is no URL"),
        (["--set", "maar.device_memory"], "NAME=VALUE"),
        (["--set", "maar.no_such=1"], "maar.no_such"),
        (["--max-running", "0"], "at least 1"),
        (["--init", "no-such.sql"], "no-such.sql"),
        (["--audit-log", "/dev/full"], "audit log '/dev/full'"),
    ] {
        let ran = maar(&[&["serve", "--listen", "127.0.0.1:0"][..], &options].concat());
        assert!(ran.code != 0 && ran.err.contains(words), "{options:?}: {}", ran.err);
    }
}
