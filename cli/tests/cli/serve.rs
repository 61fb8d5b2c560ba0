//! `maar serve`: where it listens, and that Ctrl-C ends it. What it answers is tested in flight-server.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

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
