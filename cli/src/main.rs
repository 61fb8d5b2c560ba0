//! `maar`: the shell, script runner, server and benchmark over `maar-engine`. No query logic lives here.

mod args;
mod bench;
mod engine;
mod error;
mod interpreter;
mod interrupt;
mod lex;
mod meta;
mod output;
mod params;
mod progress;
mod serve;
mod shell;
mod source;
mod terminal;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use args::{Cli, Command, Input};
use engine::Engine;
use error::Failure;
use interpreter::{Interpreter, Settings};
use interrupt::{Interrupt, Second};
use source::Source;
use tokio::runtime::{Builder, Handle, Runtime};

/// Rows that a box shows in the shell.
const SHELL_ROWS: usize = 40;

fn main() -> ExitCode {
    let (cli, inputs) = args::parse();
    let color = terminal::error_colors(cli.common.no_color);
    let result = runtimes().and_then(|(workers, main)| {
        let result = main.block_on(Box::pin(dispatch(cli, inputs, workers.handle())));
        // A cancelled query may still sit in code that does not yield: do not wait for it.
        workers.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error::report(&failure, color);
            failure.exit_code()
        }
    }
}

/// The engine's runtime, and one for this thread alone, which stays awake when queries keep all workers busy.
fn runtimes() -> Result<(Runtime, Runtime), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::other(format!("cannot start threads: {error}"));
    let workers = maar_engine::runtime().map_err(|error| failed(&error))?;
    let main = Builder::new_current_thread().enable_time().build().map_err(|error| failed(&error))?;
    Ok((workers, main))
}

async fn dispatch(cli: Cli, inputs: Vec<Input>, workers: &Handle) -> Result<(), Failure> {
    match &cli.command {
        None => run(&cli, inputs, workers).await,
        Some(Command::Devices) => devices(),
        Some(Command::Serve { listen }) => serve::run(*listen, cli.common.device, workers).await,
        Some(Command::Bench(args::Bench::Tpch(args))) => bench::tpch(args, cli.common.device, workers).await,
    }
}

fn devices() -> Result<(), Failure> {
    Ok(std::io::stdout().lock().write_all(engine::devices().as_bytes())?)
}

/// The shell where a person sits at stdin and no input is named; else the scripts.
async fn run(cli: &Cli, inputs: Vec<Input>, workers: &Handle) -> Result<(), Failure> {
    let params = params::parse(&cli.run.params)?;
    let interactive = inputs.is_empty() && std::io::stdin().is_terminal();
    let sources = if interactive { Vec::new() } else { sources(inputs)? };
    let engine = Engine::open(cli.common.device)?;
    let settings = Settings {
        format: cli.run.format,
        timer: cli.run.timer,
        expanded: false,
        max_rows: interactive.then_some(SHELL_ROWS),
        color: terminal::colors(cli.common.no_color),
    };
    let interrupt = Interrupt::listen(if interactive { Second::Ignored } else { Second::Exits })?;
    let mut interpreter = Interpreter::new(engine, workers, settings, params, interrupt);
    if interactive {
        return shell::run(interpreter).await;
    }
    for source in &sources {
        if interpreter.run(source).await?.is_break() {
            break;
        }
    }
    interpreter.redirect(None)
}

/// Reads all inputs before any statement runs: a misspelt file must not leave half of the work done.
fn sources(inputs: Vec<Input>) -> Result<Vec<Source>, Failure> {
    if inputs.is_empty() {
        return Ok(vec![Source::stdin()?]);
    }
    let source = |input| match input {
        Input::Command(text) => Ok(Source::typed(text)),
        Input::File(path) => Source::read(&path),
    };
    inputs.into_iter().map(source).collect()
}
