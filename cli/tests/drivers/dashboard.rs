//! The dashboard in a browser that nobody looks at (`browser.py`): pages, progress, cancelling, the login, and that no text of a user
//! becomes markup. What the pages are given is tested in flight-server.
//!
//! Needs MAAR_TEST_BROWSER, a Chromium, which `cargo xtask test` finds.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::{maar, python, skip, user};

const BROWSER: &str = "MAAR_TEST_BROWSER";

/// A server with a dashboard.
pub(crate) struct Served {
    child: Child,
    address: String,
    /// Where the dashboard is.
    pub(crate) page: String,
}

impl Served {
    pub(crate) fn start(options: &[&str]) -> Self {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let mut child =
            maar(&[&listen[..], options].concat()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut word = |begins: &str| {
            let line = lines.next().unwrap().unwrap();
            let found = line.split_whitespace().find(|word| word.starts_with(begins)).map(str::to_owned);
            found.unwrap_or_else(|| unreachable!("it does not listen: {line}"))
        };
        let (address, page) = (word("grpc"), word("http"));
        Self { child, address, page: format!("{page}/") }
    }

    /// Runs a statement in a shell of its own.
    fn ask(&self, sql: &str) -> Command {
        let mut command = maar(&["--connect", &self.address, "--format", "csv", "-c", sql]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Python and the browser; `None`, and noted as skipped, where one is not there.
fn parts(test: &str) -> Option<(PathBuf, PathBuf)> {
    let python = python(test)?;
    match std::env::var_os(BROWSER) {
        Some(browser) => Some((python, browser.into())),
        None => {
            let reason = "MAAR_TEST_BROWSER names no Chromium; `cargo xtask test` finds or installs one";
            skip::skipped("browser", &format!("drivers {test}"), reason);
            None
        }
    }
}

/// Runs a test of `browser.py`.
fn drive((python, browser): &(PathBuf, PathBuf), test: &str, page: &str, options: &Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/browser.py");
    let mut command = Command::new(python);
    let ran = command.arg(script).arg(browser).args([test, page, &options.to_string()]).output().unwrap();
    assert!(ran.status.success(), "{test}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_browser_shows_the_pages_and_takes_no_text_for_markup() {
    let Some(parts) = parts("dashboard pages") else { return };
    let served = Served::start(&[]);
    let script = "select '<script>document.title=''taken''</script>' as a, '<img src=x onerror=alert(1)>' as b";
    for sql in [script, "select count(*) from (values (1), (2)) as t (n) where n > random()"] {
        assert!(served.ask(sql).status().unwrap().success(), "{sql}");
    }
    let mut ids = maar(&[
        "--connect",
        &served.address,
        "--format",
        "csv",
        "-c",
        "select query_id from maar.system.queries where query like '%random%' and query not like '%system%'",
    ]);
    let said = String::from_utf8(ids.output().unwrap().stdout).unwrap();
    let finished = said.lines().nth(1).unwrap();
    let shots = std::env::var("MAAR_TEST_SHOTS").ok();
    drive(&parts, "pages", &served.page, &json!({ "finished": finished, "shots": shots }));
}

#[test]
fn in_a_browser_progress_moves_and_a_click_cancels() {
    let Some(parts) = parts("dashboard cancel") else { return };
    let folder = tempfile::tempdir().unwrap();
    let init = folder.path().join("init.sql");
    let table = folder.path().join("t.parquet");
    let make = format!(
        "copy (select value as n from generate_series(1, 200000)) to '{0}' stored as parquet;
         create external table t stored as parquet location '{0}'",
        table.display()
    );
    std::fs::write(&init, make).unwrap();
    // Small batches, one thread, and much to do for each row: it runs for as long as anybody looks, and its scan moves.
    let settings = ["--set", "datafusion.execution.batch_size=64", "--set", "datafusion.execution.target_partitions=1"];
    let served = Served::start(&[&["--init", init.to_str().unwrap()], &settings[..]].concat());
    let slow = "select count(*) from t where length(encode(sha256(repeat(cast(n as varchar), 20000)), 'hex')) < 0";
    let mut query = served.ask(slow);
    let asked = thread::spawn(move || query.status());
    let shots = std::env::var("MAAR_TEST_SHOTS").ok();
    drive(&parts, "cancel", &served.page, &json!({ "shots": shots }));
    assert!(!asked.join().unwrap().unwrap().success(), "it was cancelled");
}

#[test]
fn in_a_browser_a_login_comes_first() {
    let Some(parts) = parts("dashboard login") else { return };
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, user("ada", "correct horse", "reader") + &user("root", "secret", "admin")).unwrap();
    let served = Served::start(&["--users", users.to_str().unwrap()]);
    for (name, password) in [("ada", "correct horse"), ("root", "secret")] {
        let file = folder.path().join("password");
        std::fs::write(&file, password).unwrap();
        let url = served.address.replace("grpc://", &format!("grpc://{name}@"));
        let sql = format!("select 'of {name}'");
        let mut asked = maar(&["--connect", &url, "--password-file", file.to_str().unwrap(), "-c", &sql]);
        assert!(asked.output().unwrap().status.success());
    }
    let options = json!({ "user": "ada", "password": "correct horse", "own": "of ada", "other": "of root" });
    drive(&parts, "login", &served.page, &options);
}
