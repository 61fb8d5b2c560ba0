//! Tests that cannot run on this machine say so, where `cargo xtask test` sees it. Tests of other packages take this file
//! by its path: one place knows the list.
#![allow(unreachable_pub, reason = "public in the library, private where it is taken by its path")]

use std::fs::OpenOptions;
use std::io::Write;

/// The file that collects the skipped tests of a run.
const VARIABLE: &str = "MAAR_TEST_SKIPS";

/// Notes that `test` was skipped because `part` (`compiler`, `nvrtc`, `python`, `gpu`) is missing, for `reason`.
///
/// Under `cargo xtask test` with `CI=true` every such line but those of `gpu` is a failure. Outside of it the line goes
/// nowhere, and the test is seen as passed.
pub fn skipped(part: &str, test: &str, reason: &str) {
    let Some(file) = std::env::var_os(VARIABLE) else { return };
    let line = format!("{part}: {test}: {}\n", reason.replace('\n', " "));
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(file) {
        // A list that cannot be written must not fail the test that was to be skipped.
        let _ = file.write_all(line.as_bytes());
    }
}
