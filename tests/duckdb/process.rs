//! The Python process that DuckDB runs in: started once, asked line by line. What it is asked is in `oracle.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use maar_tests::Result;
use serde_json::{Value as Json, json};

use crate::value::Table;

/// The Python that has DuckDB.
const VARIABLE: &str = "MAAR_TEST_PYTHON";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/duckdb/oracle.py");

/// A DuckDB that answers. The process ends with it.
pub(crate) struct DuckDb {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl DuckDb {
    /// Starts DuckDB; `None` where no Python is named.
    ///
    /// # Errors
    /// Where the Python that is named has no DuckDB.
    pub(crate) fn start() -> Result<Option<Self>> {
        let Some(python) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let mut process =
            Command::new(&python).arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(
                |error| format!("{VARIABLE}={}: {error}; install xtask/requirements.txt there", python.display()),
            )?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("the Python process has no pipes".into());
        };
        let mut started = Self { process, requests, answers: BufReader::new(answers) };
        started.open(&[])?;
        Ok(Some(started))
    }

    /// Begins a fresh database whose tables are the folders `names` below `folder`.
    pub(crate) fn open_tables<'a>(&mut self, folder: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let view = |name: &str| {
            let files = folder.join(name).join("*.parquet").display().to_string().replace('\'', "''");
            format!("CREATE VIEW {name} AS FROM read_parquet('{files}')")
        };
        self.open(&names.into_iter().map(view).collect::<Vec<_>>())
    }

    fn open(&mut self, statements: &[String]) -> Result<()> {
        let reply = self.ask(&json!({ "open": statements }))?;
        match error_of(&reply) {
            Some(error) => Err(format!("DuckDB: {error}").into()),
            None => Ok(()),
        }
    }

    /// Runs one statement: its rows, or DuckDB's refusal.
    ///
    /// # Errors
    /// The outer one: where the process is gone or speaks nonsense.
    pub(crate) fn run(&mut self, sql: &str) -> Result<std::result::Result<Table, String>> {
        let reply = self.ask(&json!({ "run": sql }))?;
        match error_of(&reply) {
            Some(error) => Ok(Err(error)),
            None => Table::from_duckdb(&reply).map(Ok),
        }
    }

    fn ask(&mut self, request: &Json) -> Result<Json> {
        writeln!(self.requests, "{request}")?;
        self.requests.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the Python process ended; is duckdb installed there? See its output above".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn error_of(reply: &Json) -> Option<String> {
    reply.get("error").and_then(Json::as_str).map(str::to_owned)
}
