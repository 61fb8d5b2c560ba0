//! `maar --connect`: the same shell over a server. What a server answers is tested in flight-server.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Ran, command, maar, ran};

/// A query that does not end in the time of a test, but can be ended: a join that looks at all pairs cannot.
pub(crate) const ENDLESS: &str = "SELECT count(*) FROM range(0, 1000000000000) WHERE value % 7 = 8";

/// A running `maar serve`; ended with the test.
pub(crate) struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let serve = ["--device", "cpu", "serve", "--listen", "127.0.0.1:0"];
        let mut child = command(&[&serve, options].concat());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        stderr.read_line(&mut said).unwrap();
        assert!(said.contains("127.0.0.1:"), "{said}");
        let at = said.find("127.0.0.1:").unwrap();
        let address = said[at..].split(' ').next().unwrap().to_owned();
        Self { child, stderr, address }
    }

    fn url(&self) -> String {
        format!("grpc://{}", self.address)
    }

    /// Runs `maar` over it.
    fn maar(&self, args: &[&str]) -> Ran {
        ran(command(&[&["--connect", &self.url()], args].concat()).output().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut rest = String::new();
        let _ = self.stderr.read_to_string(&mut rest);
    }
}

/// Makes a file of users, with ada and her password `correct horse`.
pub(crate) fn write_user(path: &str) {
    let mut child = command(&["user", "ada"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    std::fs::write(path, child.wait_with_output().unwrap().stdout).unwrap();
}

#[test]
fn results_errors_and_exit_codes_are_those_of_a_session_here() {
    let server = Server::start(&[]);
    let runs: &[&[&str]] = &[
        &["-c", "SELECT 1 AS a, 'x' AS b, NULL AS c, 1.50 AS d, DATE '2020-02-03' AS e, [1, NULL] AS f"],
        &["-c", "SELECT 1 AS a; CREATE TEMP TABLE t AS SELECT value AS k FROM range(0, 3); SELECT sum(k) AS s FROM t"],
        &["-c", "SET datafusion.execution.batch_size = 17; SHOW datafusion.execution.batch_size"],
        &["-c", "CREATE TEMP TABLE t (k INT); INSERT INTO t VALUES (1), (2); \\d t"],
        &["-c", "SELECT 1;\n  SELEC 2; SELECT 3"],
        &["-c", "SELECT 1;\n SELECT\n  fooo FROM (SELECT 1 AS foo)"],
        &["-c", "SELECT * FROM nowhere"],
        &["-c", "SELECT 1 / 0"],
        &["-c", "SELECT 'open"],
        &["-c", "SELECT * FROM '/nowhere/*.parquet'"],
        &["-c", "SELECT $1 + 1 AS a, $who AS b", "--param", "1=41", "--param", "who=it's"],
        &["-c", "SELECT ? AS a, ? AS b", "--param", "1=1998-09-02", "--param", "2=NULL"],
        &["-c", "SELECT $2 AS b", "--param", "2=x"],
        &["-c", "SELECT $1 AS b, $2 AS c", "--param", "2=x"],
        &["-c", "SELECT $1 AS b"],
        &["-c", "EXPLAIN SELECT 1 AS a"],
        &["-c", "SELECT value FROM range(0, 100000)"],
        &["-c", "SELECT repeat('x', 6000000) AS wide"],
        &["-c", "\\nonsense"],
        &["-c", "SELECT 2 AS b \\gx"],
    ];
    for run in runs {
        for format in ["box", "csv", "jsonl"] {
            let args = [&["--format", format], *run].concat();
            let (here, there) = (maar(&args), server.maar(&[&["--device", "cpu"], &args[..]].concat()));
            assert_eq!((&there.out, &there.err, there.code), (&here.out, &here.err, here.code), "{args:?}");
        }
    }
}

#[test]
fn each_run_has_a_session_of_its_own() {
    let server = Server::start(&[]);
    let made =
        server.maar(&["-c", "CREATE TEMP TABLE mine AS SELECT 1 AS a", "-c", "CREATE TABLE ours AS SELECT 2 AS b"]);
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    let after = server.maar(&["--format", "csv", "-c", "SELECT * FROM ours", "-c", "SELECT * FROM mine"]);
    assert_eq!((after.code, after.out.as_str()), (1, "b\n2\n"));
    assert!(after.err.contains("mine"), "{}", after.err);
    let connection = server.maar(&["-c", "\\conninfo"]);
    assert!(connection.out.contains(&server.url()) && connection.out.contains("Maar"), "{}", connection.out);
}

#[test]
fn a_server_with_users_is_entered_by_password_from_the_environment_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    write_user(&path("users"));
    std::fs::write(path("password"), "correct horse\n").unwrap();
    let server = Server::start(&["--users", &path("users")]);
    let url = format!("grpc://ada@{}", server.address);
    let try_it = |url: &str, options: &[&str], password: Option<&str>| {
        let mut command =
            command(&[&["--connect", url], options, &["--format", "csv", "-c", "SELECT 1 AS a"]].concat());
        password.map(|password| command.env("MAAR_PASSWORD", password));
        ran(command.output().unwrap())
    };
    assert_eq!(try_it(&url, &[], Some("correct horse")).out, "a\n1\n");
    assert_eq!(try_it(&url, &["--password-file", &path("password")], Some("wrong")).out, "a\n1\n");
    let wrong = try_it(&url, &[], Some("wrong"));
    assert!(wrong.code == 3 && wrong.err.contains("refused the login"), "{}", wrong.err);
    let none = try_it(&url, &[], None);
    assert!(none.code == 3 && none.err.contains("MAAR_PASSWORD"), "{}", none.err);
    let nobody = try_it(&server.url(), &[], None);
    assert!(nobody.code == 3 && nobody.err.contains("grpc://USER@"), "{}", nobody.err);
    let told = try_it(&format!("grpc://ada:secret@{}", server.address), &[], None);
    assert!(told.code == 2 && told.err.contains("MAAR_PASSWORD") && !told.err.contains("secret"), "{}", told.err);
    let elsewhere = try_it("grpc://ada@192.0.2.1", &[], Some("x"));
    assert!(elsewhere.code == 2 && elsewhere.err.contains("--insecure"), "{}", elsewhere.err);
}

#[test]
fn a_server_that_is_not_there_is_an_error_with_a_remedy() {
    let connect = |args: &[&str]| ran(command(&[args, &["-c", "SELECT 1"]].concat()).output().unwrap());
    let gone = connect(&["--connect", "grpc://127.0.0.1:1"]);
    assert!(
        gone.code == 3 && gone.err.contains("Connection refused") && gone.err.contains("maar serve"),
        "{}",
        gone.err
    );
    for wrong in [
        &["--connect", "nonsense"] as &[&str],
        &["--tls-ca", "x"],
        &["--connect", "http://x"],
        &["--connect", "grpc://x", "serve"],
    ] {
        assert_eq!(connect(wrong).code, 2, "{wrong:?}");
    }
    let server = Server::start(&[]);
    let encrypted = connect(&["--connect", &format!("grpc+tls://{}", server.address)]);
    assert!(encrypted.code == 3 && encrypted.err.contains("write grpc://"), "{}", encrypted.err);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, "no certificate").unwrap();
    let ca = ca.to_str().unwrap();
    let plain = connect(&["--connect", &server.url(), "--tls-ca", ca]);
    assert!(plain.code == 2 && plain.err.contains("grpc+tls://"), "{}", plain.err);
    let empty = connect(&["--connect", &format!("grpc+tls://{}", server.address), "--tls-ca", ca]);
    assert!(empty.code == 1 && empty.err.contains("BEGIN CERTIFICATE"), "{}", empty.err);
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("grpc://{}", listener.local_addr().unwrap());
    let ran = ran(command(&["--connect", &url, "-c", "SELECT 1"]).output().unwrap());
    assert!(ran.code == 3 && ran.err.contains("no answer within 10 seconds"), "{}", ran.err);
}

#[test]
fn rows_come_while_the_query_runs_and_a_reader_may_leave() {
    let server = Server::start(&[]);
    // Sorting or counting all of it would take minutes.
    let endless = "SELECT a.value FROM range(0, 10000000) a, range(0, 10000) b";
    let mut child = command(&["--connect", &server.url(), "--format", "csv", "-c", endless]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(rows.next().unwrap().unwrap(), "value");
    assert!(rows.next().is_some());
    drop(rows);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

/// Seconds of processor that a process has used.
fn used(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[test]
fn ctrl_c_ends_the_statement_on_the_server() {
    let server = Server::start(&[]);
    let mut child = command(&["--connect", &server.url(), "-c", ENDLESS]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(used(server.child.id()) > 0.5, "the query does not run");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (Some(130), "Interrupted.\n")
    );
    let started = Instant::now();
    loop {
        let before = used(server.child.id());
        std::thread::sleep(Duration::from_millis(500));
        if used(server.child.id()) - before < 0.1 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "the server still runs the query");
    }
}

#[test]
fn files_of_this_machine_are_copied_to_the_server_and_back() {
    let (server, folder) = (Server::start(&["--allow-path", "/dev/null"]), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("in.csv"), "n;word\n1;one\n2;\n3;it's\n").unwrap();
    let run = |script: &str| {
        let path = at("script.sql");
        std::fs::write(&path, script).unwrap();
        server.maar(&["--format", "csv", "-f", &path])
    };
    // The server opens no file of this machine.
    let refused = run(&format!("SELECT * FROM '{}'", at("in.csv")));
    assert!(refused.err.contains("not among the files"), "{}", refused.err);
    let ran = run(&format!(
        "CREATE TABLE t (n INT, word VARCHAR);\n\\copy t FROM '{}' (FORMAT csv, HEADER, DELIMITER ';')\n\
         SELECT count(*) AS c, sum(n) AS s, max(word) AS w FROM t;\n\
         \\copy t TO '{}' (FORMAT csv, HEADER)\n\\copy (SELECT n * 10 AS m FROM t WHERE n > 1 ORDER BY n) TO '{}'\n\
         \\copy t FROM '{}' (FORMAT csv, HEADER)\nSELECT count(*) AS c FROM t;",
        at("in.csv"),
        at("out.csv"),
        at("out.parquet"),
        at("out.csv"),
    ));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(ran.out, "count\n3\nc,s,w\n3,6,one\ncount\n3\ncount\n2\ncount\n3\nc\n6\n");
    assert_eq!(std::fs::read_to_string(at("out.csv")).unwrap().lines().count(), 4);
    let parquet = maar(&["--format", "csv", "-c", &format!("SELECT * FROM '{}'", at("out.parquet"))]);
    assert_eq!(parquet.out, "m\n20\n30\n");
    for (wrong, words) in [
        (format!("\\copy no_such FROM '{}'", at("in.csv")), "no_such"),
        (format!("\\copy t FROM '{}'", at("no-such.csv")), "no-such.csv"),
        (format!("\\copy (SELECT 1) FROM '{}'", at("in.csv")), "not into queries"),
        (format!("\\copy (SELECT no_such) TO '{}'", at("never.csv")), "no_such"),
        ("\\copy t".to_owned(), "\\copy TABLE FROM"),
    ] {
        let ran = run(&wrong);
        assert!(ran.code == 1 && ran.err.contains(words), "{wrong}: {} {}", ran.out, ran.err);
    }
}
