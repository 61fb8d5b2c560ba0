//! Drivers that people use, against `maar serve`: ADBC's for Flight SQL, from Python (`adbc.py`), and JDBC's (`Jdbc.java`); and a client
//! that talks to `maar mcp` (`tools.py`); psycopg, SQLAlchemy and psql (`postgres`); and a store of somebody else's that `maar` talks to (`s3`). What the protocols say is tested elsewhere; here, that programs of somebody else's understand
//! them the same way.
//!
//! Needs MAAR_TEST_PYTHON and MAAR_TEST_JDBC, which `cargo xtask test` sets.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../../flight-server/tests/flight/certificates.rs"]
mod certificates;
mod dashboard;
mod postgres;
mod s3;
#[path = "../../../tests/src/skip.rs"]
mod skip;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use certificates::Made;
use dashboard::Served;
use serde_json::{Value, json};

const PYTHON: &str = "MAAR_TEST_PYTHON";
const JDBC: &str = "MAAR_TEST_JDBC";

/// The Python that has the driver; `None`, and noted as skipped, where there is none.
fn python(test: &str) -> Option<PathBuf> {
    let python = std::env::var_os(PYTHON).map(PathBuf::from);
    if python.is_none() {
        skip::skipped(
            "python",
            &format!("drivers {test}"),
            "MAAR_TEST_PYTHON names no Python; `cargo xtask test` makes one",
        );
    }
    python
}

fn maar(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maar"));
    command.args(arguments).stdin(Stdio::null()).env("MAAR_DEVICE", "cpu").env("NO_COLOR", "1");
    command
}

/// A server of its own, which ends with the test.
struct Server {
    child: Child,
    /// As it says it.
    address: String,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut child = maar(&[&["serve", "--listen", "127.0.0.1:0"], options].concat());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.split_whitespace().find(|word| word.starts_with("grpc"));
        Self { address: address.unwrap_or_else(|| unreachable!("it does not listen: {said}")).to_owned(), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a test of `adbc.py`.
fn adbc(python: &Path, test: &str, address: &str, options: &Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/adbc.py");
    let mut command = Command::new(python);
    let ran = command.arg(script).args([test, address, &options.to_string()]).output().unwrap();
    assert!(ran.status.success(), "{test}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Runs `Jdbc.java` with the driver in this file.
fn jdbc(driver: &str, url: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/Jdbc.java");
    let mut command = Command::new("java");
    // Buffers of Arrow reach into Java's own.
    command.args(["--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", driver]);
    let ran = command.arg(script).arg(url).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// The line of a user.
fn user(name: &str, password: &str, role: &str) -> String {
    let mut child = maar(&["user", name, "--role", role]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success());
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn adbc_does_what_it_does_with_others() {
    let Some(python) = python("adbc") else { return };
    let server = Server::start(&[]);
    for test in ["statements", "types", "parameters", "ingest", "metadata", "incremental", "cancel"] {
        adbc(&python, test, &server.address, &json!({}));
    }
}

#[test]
fn a_client_of_the_model_context_protocol_uses_the_tools() {
    let Some(python) = python("mcp") else { return };
    let folder = tempfile::tempdir().unwrap();
    let init = folder.path().join("init.sql");
    std::fs::write(
        &init,
        "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'one'), (2, NULL), (3, 'three')) AS v (n, word)",
    )
    .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/tools.py");
    let talk = |options: &[&str]| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(env!("CARGO_BIN_EXE_maar")).args(["--device", "cpu", "mcp"]).args(options);
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    talk(&["--init", init.to_str().unwrap()]);
    let server = Server::start(&["--init", init.to_str().unwrap()]);
    talk(&["--connect", &server.address]);
}

#[test]
fn a_client_of_the_model_context_protocol_uses_the_tools_over_http() {
    let Some(python) = python("mcp over http") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(
        at("init.sql"),
        "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'one'), (2, NULL), (3, 'three')) AS v (n, word)",
    )
    .unwrap();
    std::fs::write(at("users"), user("ada", "correct horse", "admin")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/tools.py");
    let talk = |options: &[&str], user: &[&str]| {
        let served = Served::start(&[&["--init", &at("init.sql")], options].concat());
        let mut command = Command::new(&python);
        let ran = command.arg(&script).arg(format!("{}mcp", served.page)).args(user).output().unwrap();
        (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (is_well, said) = talk(&[], &[]);
    assert!(is_well, "{said}");
    let (is_well, said) = talk(&["--users", &at("users")], &["ada", "correct horse"]);
    assert!(is_well, "{said}");
    assert!(!talk(&["--users", &at("users")], &["ada", "wrong"]).0);
}

#[test]
fn jdbc_does_what_it_does_with_others() {
    let Ok(driver) = std::env::var(JDBC) else {
        let reason = "MAAR_TEST_JDBC names no driver; `cargo xtask test` fetches it";
        return skip::skipped("java", "drivers jdbc", reason);
    };
    let server = Server::start(&[]);
    let place = server.address.trim_start_matches("grpc://");
    jdbc(&driver, &format!("jdbc:arrow-flight-sql://{place}/?useEncryption=false"));

    let made = Made::new();
    let users = made.folder.path().join("users");
    std::fs::write(&users, user("bob", "secret", "writer")).unwrap();
    let file = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let (cert, key) = (file(&made.path("cert")), file(&made.path("key")));
    let server = Server::start(&["--users", &file(&users), "--tls-cert", &cert, "--tls-key", &key]);
    let place = server.address.trim_start_matches("grpc+tls://");
    let authority = file(&made.path("ca"));
    jdbc(&driver, &format!("jdbc:arrow-flight-sql://{place}/?user=bob&password=secret&tlsRootCerts={authority}"));
}

#[test]
fn adbc_logs_in_over_tls() {
    let Some(python) = python("adbc over tls") else { return };
    let (made, clients) = (Made::new(), Made::new());
    let users = made.folder.path().join("users");
    std::fs::write(&users, user("ada", "correct horse", "reader") + &user("bob", "secret", "writer")).unwrap();
    let (cert, key, ca) = (made.path("cert"), made.path("key"), clients.path("ca"));
    let file = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let options = ["--users", &file(&users), "--tls-cert", &file(&cert), "--tls-key", &file(&key)];
    let server = Server::start(&options);
    assert!(server.address.starts_with("grpc+tls://"), "{}", server.address);
    let of = |name: &str, password: &str, more: Value| {
        let mut options = json!({ "username": name, "password": password });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    let trust = || json!({ "adbc.flight.sql.client_option.tls_root_certs": made.authority });
    adbc(&python, "statements", &server.address, &of("bob", "secret", trust()));
    adbc(&python, "reader", &server.address, &of("ada", "correct horse", trust()));
    adbc(&python, "stranger", &server.address, &of("ada", "wrong", trust()));
    adbc(&python, "stranger", &server.address, &of("bob", "secret", json!({})));
    adbc(&python, "stranger", &server.address.replace("grpc+tls", "grpc"), &of("bob", "secret", json!({})));

    let server = Server::start(&[&options[..], &["--tls-client-ca", &file(&ca)]].concat());
    adbc(&python, "stranger", &server.address, &of("bob", "secret", trust()));
    let mut known = trust();
    known["adbc.flight.sql.client_option.mtls_cert_chain"] = clients.certificate.clone().into();
    known["adbc.flight.sql.client_option.mtls_private_key"] = clients.key.clone().into();
    adbc(&python, "reader", &server.address, &of("ada", "correct horse", known));
}
