//! Runs every file of `tests/sqllogictest/slt` on each device, as `cpu::topic/file` and `emulated::topic/file`, and on a device
//! that next to nothing fits on, as `cramped::topic/file`: in waves, in parts, back on the host, and with the same answers.
//!
//! `cargo test --workspace --test sqllogictest -- --complete [FILTER]` writes the answers of the CPU into the files;
//! a human then reads the difference. The labels `cpu` and `emulated` may be used in `onlyif` and `skipif`.

#![expect(clippy::print_stderr, reason = "a test binary speaks on its streams")]

mod database;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use maar_tests::fixtures::Fixtures;
use maar_tests::session::{Place, STACK_BYTES, runtime};
use maar_tests::{Result, skip, slt};
use sqllogictest::{DefaultColumnType, Runner, default_normalizer, default_validator, strict_column_validator};

use database::Database;

const STANDS: [Stand; 3] = [
    Stand { name: "cpu", place: Place::Cpu, device_memory: None },
    Stand { name: "emulated", place: Place::Emulated, device_memory: None },
    Stand { name: "cramped", place: Place::Emulated, device_memory: Some("60kB") },
];

/// What a file runs on.
#[derive(Clone, Copy)]
pub(crate) struct Stand {
    name: &'static str,
    pub(crate) place: Place,
    /// Another than usual.
    pub(crate) device_memory: Option<&'static str>,
}

/// Device pipelines run by all files.
static PIPELINES: AtomicUsize = AtomicUsize::new(0);

fn main() -> ExitCode {
    let (complete, words): (Vec<String>, Vec<String>) = std::env::args().partition(|word| word == "--complete");
    let arguments = Arguments::from_iter(words);
    match run(&arguments, !complete.is_empty()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sqllogictest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, complete: bool) -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let fixtures = Arc::new(Fixtures::create(folder.path())?);
    let files = slt::files()?;
    if complete {
        return rewrite(&files, arguments.filter.as_deref(), &fixtures);
    }
    let mut trials = Vec::new();
    for stand in STANDS {
        if let Some(reason) = stand.place.missing() {
            eprintln!("sqllogictest: {}:: is skipped: {reason}", stand.name);
            skip::skipped("device", &format!("sqllogictest {}::", stand.name), &reason);
            continue;
        }
        trials.extend(files.iter().map(|file| trial(stand, file, &fixtures)));
    }
    // The canary is for the whole set: a filter may leave a file that runs nothing on the device.
    let is_whole = arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.list;
    let conclusion = libtest_mimic::run(arguments, trials);
    if is_whole && Place::Emulated.missing().is_none() && PIPELINES.load(Ordering::Relaxed) == 0 {
        return Err("no pipeline ran on the device by any file".into());
    }
    Ok(conclusion.exit_code())
}

fn trial(stand: Stand, file: &Path, fixtures: &Arc<Fixtures>) -> Trial {
    let name = format!("{}::{}", stand.name, slt::topic(file));
    let (file, fixtures) = (file.to_path_buf(), Arc::clone(fixtures));
    Trial::test(name, move || {
        let outcome = on_deep_stack(move || {
            runtime()?.block_on(async {
                let mut runner = runner(stand, &fixtures);
                let outcome = runner.run_file_async(&file).await;
                runner.shutdown_async().await;
                outcome.map_err(|error| error.display(false).to_string().into())
            })
        });
        outcome.map_err(|error| Failed::from(error.to_string()))
    })
}

/// Writes what the CPU answers into each file that `filter` names.
fn rewrite(files: &[PathBuf], filter: Option<&str>, fixtures: &Arc<Fixtures>) -> Result<ExitCode> {
    for file in files.iter().filter(|file| filter.is_none_or(|filter| slt::topic(file).contains(filter))) {
        let (path, fixtures) = (file.clone(), Arc::clone(fixtures));
        on_deep_stack(move || {
            runtime()?.block_on(async {
                let mut runner = runner(STANDS[0], &fixtures);
                let rewritten = runner
                    .update_test_file(&path, " ", default_validator, default_normalizer, strict_column_validator)
                    .await;
                rewritten.map_err(|error| format!("{}: {error}", path.display()).into())
            })
        })?;
        eprintln!("rewritten: {}", slt::topic(file));
    }
    Ok(ExitCode::SUCCESS)
}

type Connect =
    Box<dyn FnMut() -> futures::future::BoxFuture<'static, std::result::Result<Database, database::Failure>>>;

fn runner(stand: Stand, fixtures: &Arc<Fixtures>) -> Runner<Database, Connect> {
    let shared = Arc::clone(fixtures);
    let connect: Connect = Box::new(move || {
        let fixtures = Arc::clone(&shared);
        Box::pin(async move { Database::open(stand, &fixtures, &PIPELINES).await })
    });
    let mut runner = Runner::new(connect);
    runner.with_column_validator(strict_column_validator);
    runner.add_label(stand.place.name());
    runner.set_var("FIXTURES".to_owned(), fixtures.folder().display().to_string());
    runner
}

/// Planning deep expressions needs more stack than the threads of the test harness have.
fn on_deep_stack(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work)?;
    thread.join().unwrap_or_else(|_| Err("a panic, see above".into()))
}

/// One letter a column in the files: text, integer, float, or anything else.
type Column = DefaultColumnType;
