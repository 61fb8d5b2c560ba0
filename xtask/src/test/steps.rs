//! The steps of `cargo xtask test`, as a table: cheap ones first, then the tests from small to large.

use std::process::Command;

use crate::cargo::{Package, cargo};
use crate::{Failure, command, tidy};

/// The package whose test targets are each a step of its own.
const TESTS_PACKAGE: &str = "maar-tests";

/// What every step is given.
pub(crate) struct Context {
    /// Variables for the tests.
    pub(crate) environment: Vec<(String, String)>,
}

/// One named step.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) run: Box<Action>,
}

pub(crate) type Action = dyn Fn(&Context) -> Result<(), Failure>;

/// Cargo's arguments for each step that is one cargo command; the words after `what` are the command.
const CARGO_STEPS: &[(&str, &str, &[&str])] = &[
    ("format", "the layout of the source is what cargo fmt makes", &["fmt", "--all", "--check"]),
    (
        "clippy",
        "no warning in any target of the workspace",
        &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    ),
    ("build", "every test binary links", &["test", "--workspace", "--locked", "--no-run"]),
    (
        "unit",
        "unit and integration tests of each crate, examples included",
        &["test", "--workspace", "--exclude", TESTS_PACKAGE, "--lib", "--bins", "--tests", "--examples", "--locked"],
    ),
    ("doc", "examples in the documentation", &["test", "--workspace", "--doc", "--locked"]),
    ("harness", "the harness itself", &["test", "--package", TESTS_PACKAGE, "--lib", "--locked"]),
];

/// Every step, in order. The test targets of `maar-tests` (sqllogictest, differential, ...) come last.
pub(crate) fn all(packages: &[Package]) -> Vec<Step> {
    let mut steps: Vec<Step> = CARGO_STEPS
        .iter()
        .map(|(name, what, arguments)| {
            cargo_step(name, what, arguments.iter().map(|word| (*word).to_owned()).collect())
        })
        .collect();
    let tidy = Step {
        name: "tidy".into(),
        what: "headers, sizes, who imports whom, device text".into(),
        run: Box::new(|_| tidy::run(&[])),
    };
    steps.insert(1, tidy);
    let targets = packages.iter().filter(|package| package.name == TESTS_PACKAGE).flat_map(|package| &package.tests);
    for target in targets {
        let words = ["test", "--package", TESTS_PACKAGE, "--locked", "--test", target];
        let what = format!("tests/{target}");
        steps.push(cargo_step(target, &what, words.iter().map(|word| (*word).to_owned()).collect()));
    }
    steps
}

fn cargo_step(name: &str, what: &str, arguments: Vec<String>) -> Step {
    let run = move |context: &Context| {
        let mut command: Command = cargo();
        command.args(&arguments).envs(context.environment.iter().map(|(name, value)| (name, value)));
        command::run(&mut command)
    };
    Step { name: name.to_owned(), what: what.to_owned(), run: Box::new(run) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_target_is_a_step_and_names_are_unique() {
        let package = Package {
            name: TESTS_PACKAGE.into(),
            depends_on: Vec::new(),
            tests: vec!["differential".into(), "tpch".into()],
        };
        let steps = all(&[package]);
        let mut names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names[..3], ["format", "tidy", "clippy"]);
        assert_eq!(names[names.len() - 2..], ["differential", "tpch"]);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), steps.len());
    }
}
