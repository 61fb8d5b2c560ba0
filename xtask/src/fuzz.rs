//! `cargo xtask fuzz`: the property oracles over many more pairs than a test run has time for.
//!
//! Not here: the properties themselves, which are the test target `properties`.

use crate::arguments::Arguments;
use crate::{Failure, cargo, command};

/// Pairs of a run without `--pairs`.
const PAIRS: &str = "20000";
const FIRST_SEED: &str = "1";

/// Runs `cargo xtask fuzz` with these words behind it.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let arguments = Arguments::parse(words, &["--pairs", "--seed"], &[])?;
    let pairs = number(&arguments, "--pairs", PAIRS)?;
    let seed = number(&arguments, "--seed", FIRST_SEED)?;
    println!(
        "== {pairs} pairs from seed {seed} on; MAAR_SEED=n cargo test --workspace --test properties runs one case again"
    );
    let mut fuzz = cargo::cargo();
    fuzz.args(["test", "--workspace", "--locked", "--test", "properties", "--", "--nocapture"]);
    command::run(fuzz.envs([("MAAR_PAIRS", pairs), ("MAAR_FIRST_SEED", seed)]))
}

/// The value of `flag`, which has to be a number from 1 on.
fn number(arguments: &Arguments, flag: &str, otherwise: &str) -> Result<String, Failure> {
    let text = arguments.value(flag).unwrap_or(otherwise);
    match text.parse::<u64>() {
        Ok(number) if number > 0 => Ok(number.to_string()),
        _ => Err(format!("`{flag} {text}`: a number from 1 on is wanted")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn numbers_are_checked_before_anything_runs() {
        let arguments = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Arguments::parse(&words, &["--pairs", "--seed"], &[]).unwrap()
        };
        assert_eq!(number(&arguments("--pairs 7"), "--pairs", PAIRS).unwrap(), "7");
        assert_eq!(number(&arguments(""), "--pairs", PAIRS).unwrap(), PAIRS);
        assert!(number(&arguments("--seed many"), "--seed", FIRST_SEED).unwrap_err().contains("many"));
        assert!(number(&arguments("--pairs 0"), "--pairs", PAIRS).is_err());
    }
}
