//! `maar serve`: where it listens, and that Ctrl-C ends it. What it answers is tested in flight-server.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::{command, maar};

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let ran = maar(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("no authentication") && ran.err.contains("127.0.0.1"), "{}", ran.err);
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
