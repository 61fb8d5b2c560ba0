//! Tests that could not run. Cargo hides the output of a test that passes, so a test that skips itself appends one line
//! `part: test: reason` to the file that `MAAR_TEST_SKIPS` names, and the run reads it at the end.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Failure, root};

/// Names the file for the tests.
pub(crate) const VARIABLE: &str = "MAAR_TEST_SKIPS";
/// The parts that continuous integration may lack.
const OPTIONAL_PARTS: &[&str] = &["gpu"];

/// The list of one run.
pub(crate) struct Skips {
    file: PathBuf,
}

/// One line of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    part: String,
    reason: String,
}

impl Skips {
    /// Begins an empty list.
    pub(crate) fn start() -> Result<Self, Failure> {
        let file = root::target().join("test-skips.txt");
        fs::create_dir_all(root::target()).map_err(|error| format!("{}: {error}", root::target().display()))?;
        fs::write(&file, "").map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Self { file })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// What was skipped so far, each line once.
    pub(crate) fn read(&self) -> Result<Vec<Skip>, Failure> {
        let text = fs::read_to_string(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?;
        Ok(parse(&text))
    }
}

impl Skip {
    /// True where the part is one that not even continuous integration has to have.
    pub(crate) fn may_be_skipped(&self) -> bool {
        OPTIONAL_PARTS.contains(&self.part.as_str())
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.reason)
    }
}

fn parse(text: &str) -> Vec<Skip> {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
        .into_iter()
        .map(|line| match line.split_once(':') {
            Some((part, reason)) => Skip { part: part.trim().into(), reason: reason.trim().into() },
            None => Skip { part: String::new(), reason: line.trim().into() },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gpu_may_be_absent() {
        let skips = parse("nvrtc: gate: no library\ngpu: selftest: no device\ngpu: selftest: no device\n\nodd line\n");
        let allowed: Vec<bool> = skips.iter().map(Skip::may_be_skipped).collect();
        assert_eq!(allowed, [true, false, false], "{skips:?}");
    }
}
