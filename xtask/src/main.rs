//! The one entry for developer tasks: `cargo xtask test`, `fuzz`, `soak`, `tidy`, `gpu-kit`.
//!
//! Depends on nothing heavy, so that it compiles in seconds. Not here: anything a user of Maar runs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on its streams")]

mod arguments;
mod cargo;
mod command;
mod fuzz;
mod gpu_kit;
mod maven;
mod parts;
mod root;
mod soak;
mod test;
mod tidy;

use std::process::ExitCode;

/// Why a task did not succeed: cause and remedy, ready to print.
pub(crate) type Failure = String;

const USAGE: &str = "\
usage: cargo xtask TASK

  test [--only STEP]... [--list]     everything that must pass before a merge
  fuzz [--pairs N] [--seed S]        pairs of queries that must have one answer: 20000 of them, from seed 1 on
  soak [--minutes N]                 many clients on one server, some of which vanish: 10 minutes of it
  tidy [--bless]                     what the compiler cannot check: headers, sizes, who imports whom
                                     (--bless lowers ratchet entries that have shrunk, never raises one)
  gpu-kit [--out DIR] [--profile P]  one folder under 55 MB to run on a machine with a GPU and no Rust
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let task = words.next();
    let words: Vec<String> = words.collect();
    let outcome = match task.as_deref() {
        Some("test") => test::run(&words),
        Some("fuzz") => fuzz::run(&words),
        Some("soak") => soak::run(&words),
        Some("tidy") => tidy::run(&words),
        Some("gpu-kit") => gpu_kit::run(&words),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(format!("no task named `{other}`\n\n{USAGE}")),
        None => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
