//! Drives the built `maar`: what it writes to stdout and stderr, and its exit codes. The shell is driven through a pseudo-terminal.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bench;
mod cuda;
mod device;
mod errors;
mod formats;
mod mcp;
mod pages;
mod profile;
mod remote;
mod scripts;
mod serve;
mod shell;
#[path = "../../../tests/src/skip.rs"]
mod skip;

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a run of `maar` gave.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

/// A command that no setting of the caller's environment reaches.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maar"));
    command.args(args).stdin(Stdio::null()).env("NO_COLOR", "1").env("XDG_CONFIG_HOME", "/nowhere");
    for name in ["MAAR_DEVICE", "MAAR_PASSWORD", "PAGER", "EDITOR", "VISUAL"] {
        command.env_remove(name);
    }
    command
}

/// Runs `maar` on the CPU with nothing on stdin.
pub(crate) fn maar(args: &[&str]) -> Ran {
    ran(command(&[&["--device", "cpu"], args].concat()).output().unwrap())
}

/// Runs `maar` on the CPU with `input` on stdin.
pub(crate) fn maar_with_input(args: &[&str], input: &str) -> Ran {
    let mut child = command(&[&["--device", "cpu"], args].concat());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ran(child.wait_with_output().unwrap())
}

pub(crate) fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code().unwrap() }
}

/// The stdout of a run that must succeed silently.
pub(crate) fn answer(args: &[&str]) -> String {
    let ran = maar(args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}: {}", ran.out);
    ran.out
}
