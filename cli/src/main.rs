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
mod shell;
mod source;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use args::{Cli, Command, Input};
use engine::Engine;
use error::Failure;
use interpreter::{Interpreter, Settings};
use interrupt::{Interrupt, force_exit_on_second};
use source::Source;

/// Rows that a box shows in the shell.
const SHELL_ROWS: usize = 40;

fn main() -> ExitCode {
    let (cli, inputs) = args::parse();
    let color = terminal::error_colors(cli.common.no_color);
    let runtime = maar_engine::runtime().map_err(|error| Failure::other(format!("cannot start threads: {error}")));
    let result = runtime.and_then(|runtime| {
        let result = runtime.block_on(Box::pin(dispatch(cli, inputs)));
        // A cancelled query may still sit in code that does not yield: do not wait for it.
        runtime.shutdown_background();
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

async fn dispatch(cli: Cli, inputs: Vec<Input>) -> Result<(), Failure> {
    match &cli.command {
        None => run(&cli, inputs).await,
        Some(Command::Devices) => Err(Failure::other("later")),
        Some(Command::Serve { .. }) => Err(Failure::other("later")),
        Some(Command::Bench(args::Bench::Tpch(args))) => bench::tpch(args, cli.common.device).await,
    }
}

/// The shell where a person sits at stdin and no input is named; else the scripts.
async fn run(cli: &Cli, inputs: Vec<Input>) -> Result<(), Failure> {
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
    let mut interpreter = Interpreter::new(engine, cli.common.device, settings, params)?;
    if interactive {
        return shell::run(interpreter).await;
    }
    tokio::spawn(force_exit_on_second(Interrupt::listen()?));
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
