//! DuckDB as the oracle of whole suites: the 22 queries of TPC-H and every query of the sqllogictest files, answered by
//! the emulated device and by DuckDB from the same files.
//!
//! Needs MAAR_TEST_PYTHON, which `cargo xtask test` sets. Where the two speak different SQL, `differences.rs` says so.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod differences;
mod process;
mod suite;
mod value;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use maar_tests::compare::Order;
use maar_tests::fixtures::Fixtures;
use maar_tests::session::{Place, STACK_BYTES, TestSession, runtime};
use maar_tests::{Result, skip, tpch};

use process::DuckDb;
use value::Table;

const SCALE: f64 = 0.01;

/// The one DuckDB of this run; `None`, and noted as skipped, where it or the device is missing.
fn duckdb(test: &str) -> Option<MutexGuard<'static, DuckDb>> {
    static PROCESS: OnceLock<Option<Mutex<DuckDb>>> = OnceLock::new();
    if let Some(reason) = Place::Emulated.missing() {
        eprintln!("duckdb: {test} is skipped: {reason}");
        skip::skipped("device", &format!("duckdb {test}"), &reason);
        return None;
    }
    let process = PROCESS.get_or_init(|| DuckDb::start().unwrap().map(Mutex::new));
    if process.is_none() {
        let reason = "MAAR_TEST_PYTHON names no Python with DuckDB; `cargo xtask test` makes one";
        eprintln!("duckdb: {test} is skipped: {reason}");
        skip::skipped("python", &format!("duckdb {test}"), reason);
    }
    process.as_ref().map(|process| process.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Planning deep expressions needs more stack than the threads of the test harness have.
fn on_deep_stack(work: impl FnOnce() -> Result<()> + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap();
    if let Err(error) = thread.join().unwrap() {
        eprintln!("{error}");
        assert!(error.to_string().is_empty(), "see above");
    }
}

#[test]
fn tpch_agrees() {
    on_deep_stack(|| {
        let Some(mut duckdb) = duckdb("tpch") else { return Ok(()) };
        let data = tempfile::tempdir()?;
        tpch::create(data.path(), SCALE)?;
        duckdb.open_tables(data.path(), tpch::TABLES.iter().map(|(name, _)| *name))?;
        let session = TestSession::open(Place::Emulated)?;
        let mut wrong = Vec::new();
        runtime()?.block_on(async {
            for statement in tpch::statements(data.path()) {
                session.run(&statement).await?;
            }
            for number in 1..=22 {
                let sql = tpch::query(number)?;
                let ours = Table::from_maar(&session.run(&sql).await?)?;
                let theirs = duckdb.run(&sql)??;
                // ORDER BY rarely covers the whole output: rows are a multiset.
                if let Err(difference) = ours.same(theirs, Order::None) {
                    wrong.push(format!("Q{number}, Maar against DuckDB: {difference}"));
                }
            }
            Result::Ok(())
        })?;
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
    });
}

#[test]
fn sqllogictest_files_agree() {
    on_deep_stack(|| {
        let Some(mut duckdb) = duckdb("sqllogictest") else { return Ok(()) };
        let folder = tempfile::tempdir()?;
        let fixtures = Fixtures::create(folder.path())?;
        let tally = runtime()?.block_on(suite::run(&fixtures, &mut duckdb))?;
        eprintln!("duckdb: {tally}");
        tally.verdict()
    });
}
