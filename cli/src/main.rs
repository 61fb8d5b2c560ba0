//! `maar`: the shell, script runner, server and benchmark over `maar-engine`. No query logic lives here.

mod args;
mod backend;
mod bench;
mod device;
mod engine;
mod error;
mod findings;
mod interpreter;
mod interrupt;
mod lex;
mod mcp;
mod meta;
mod opening;
mod output;
mod pager;
mod params;
mod profile;
mod progress;
mod remote;
mod selftest;
mod serve;
mod shell;
mod source;
mod terminal;
mod user;
mod workers;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use args::{Cli, Command, Input};
use error::Failure;
use interpreter::{Interpreter, Settings};
use interrupt::{Interrupt, Second};
use profile::Profile;
use source::Source;
use tokio::runtime::Builder;
use workers::Workers;

/// Rows that a box shows in the shell.
const SHELL_ROWS: usize = 40;

fn main() -> ExitCode {
    let (cli, inputs) = args::parse();
    error::quiet_panics();
    let color = terminal::error_colors(cli.common.no_color);
    // A thread that stays awake when queries keep all workers busy.
    let main = Builder::new_current_thread().enable_time().build();
    let result = match main {
        Ok(main) => main.block_on(Box::pin(dispatch(cli, inputs))),
        Err(error) => Err(Failure::other(format!("cannot start: {error}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error::report(&failure, color);
            failure.exit_code()
        }
    }
}

async fn dispatch(cli: Cli, inputs: Vec<Input>) -> Result<(), Failure> {
    let device = cli.common.device.unwrap_or_default();
    match &cli.command {
        None => Box::pin(run(&cli, inputs)).await,
        Some(Command::Devices) => devices(),
        Some(Command::Serve(args)) => serve::run(args, device).await,
        Some(Command::Mcp(args)) => mcp::run(args, cli.common.device).await,
        Some(Command::User { name, role }) => user::run(name, *role, std::io::stdin().lock(), std::io::stdout().lock()),
        Some(Command::Selftest(args)) => selftest::selftest(args, device).await,
        Some(Command::Bench(args::Bench::Tpch(args))) => bench::tpch(args, device).await,
        Some(Command::Bench(args::Bench::Tpcds(args))) => bench::tpcds(args, device).await,
        Some(Command::Bench(args::Bench::Kernels(args))) => bench::kernels(args, device).await,
    }
}

fn devices() -> Result<(), Failure> {
    Ok(std::io::stdout().lock().write_all(engine::devices().as_bytes())?)
}

/// The shell where a person sits at stdin and no input is named; else the scripts.
async fn run(cli: &Cli, inputs: Vec<Input>) -> Result<(), Failure> {
    let params = params::parse(&cli.run.params)?;
    let interactive = inputs.is_empty() && std::io::stdin().is_terminal();
    let sources = if interactive { Vec::new() } else { sources(inputs)? };
    let profile = Profile::load()?;
    let workers = Workers::start()?;
    let backend = opening::open(cli, &profile, &workers).await?;
    let settings = Settings {
        format: cli.run.format.or(profile.format).unwrap_or_default(),
        timer: cli.run.timer || profile.timer,
        expanded: false,
        max_rows: Some(profile.max_rows.unwrap_or(SHELL_ROWS)).filter(|rows| interactive && *rows > 0),
        color: terminal::colors(cli.common.no_color),
        pager: profile.pager && !cli.run.no_pager,
        table: output::INSERT_INTO.to_owned(),
    };
    let interrupt = Interrupt::listen(if interactive { Second::Ignored } else { Second::Exits })?;
    let mut interpreter = Interpreter::new(backend, workers, settings, params, interrupt);
    let result = match interactive {
        true => shell::run(&mut interpreter, profile.startup()?).await,
        false => scripts(&mut interpreter, &sources).await,
    };
    interpreter.backend.close().await;
    result
}

async fn scripts(interpreter: &mut Interpreter, sources: &[Source]) -> Result<(), Failure> {
    for source in sources {
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
