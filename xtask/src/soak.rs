//! `cargo xtask soak`: many clients on one server for as long as it is said; the test target `soak` runs a short form.

use crate::arguments::Arguments;
use crate::{Failure, cargo, command};

const MINUTES: &str = "10";

/// Runs `cargo xtask soak` with these words behind it.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let arguments = Arguments::parse(words, &["--minutes"], &[])?;
    let seconds = seconds(arguments.value("--minutes").unwrap_or(MINUTES))?;
    let mut soak = cargo::cargo();
    soak.args(["test", "--workspace", "--locked", "--test", "soak", "--", "--nocapture"]);
    command::run(soak.env("MAAR_SOAK_SECONDS", seconds.to_string()))
}

fn seconds(minutes: &str) -> Result<u64, Failure> {
    match minutes.parse::<u64>() {
        Ok(minutes) if (1..=10_000).contains(&minutes) => Ok(minutes * 60),
        _ => Err(format!("`--minutes {minutes}`: a number from 1 on is wanted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_checked() {
        assert_eq!(seconds("2"), Ok(120));
        assert!(seconds("0").is_err() && seconds("many").is_err());
    }
}
