//! The steps of `cargo xtask test`, as a table: cheap ones first, then the tests from small to large.

use std::process::Command;

use crate::cargo::{Package, cargo};
use crate::{Failure, command, tidy};

/// What every step is given.
pub(crate) struct Context {
    /// Variables for the tests.
    pub(crate) environment: Vec<(String, String)>,
}

/// Clippy compiles the workspace's own crates, in every step: `cargo clippy` would go through the whole of DataFusion once more, for
/// nothing but its types. It is what `cargo clippy -- -D warnings` sets.
pub(crate) const LINTS: [(&str, &str); 2] =
    [("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"), ("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")];

/// One named step.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) what: String,
    pub(crate) run: Box<Action>,
}

pub(crate) type Action = dyn Fn(&Context) -> Result<(), Failure>;

/// The package whose test targets come last: they need all the others.
const LAST_PACKAGE: &str = "maar-tests";

/// The test target that looks at what the others left: always the last.
const GATE: &str = "device_source";

/// The steps that are one cargo command each: name, what, words of the command.
///
/// All of them say `--workspace`: naming a package would choose other features for DataFusion, and build it again.
const CARGO_STEPS: &[(&str, &str, &[&str])] = &[
    ("format", "the layout of the source is what cargo fmt makes", &["fmt", "--all", "--check"]),
    (
        "build",
        "every target compiles and links, and clippy has no warning for any",
        &["build", "--workspace", "--all-targets", "--locked"],
    ),
    ("unit", "the tests inside each crate", &["test", "--workspace", "--lib", "--bins", "--examples", "--locked"]),
    ("doc", "examples in the documentation", &["test", "--workspace", "--doc", "--locked"]),
];

/// Every step, in order. Each integration test target is a step of its own, named after it.
pub(crate) fn all(packages: &[Package]) -> Vec<Step> {
    let mut steps: Vec<Step> =
        CARGO_STEPS.iter().map(|(name, what, words)| cargo_step(name, (*what).to_owned(), words)).collect();
    let tidy = Step {
        name: "tidy".into(),
        what: "headers, sizes, who imports whom, device source".into(),
        run: Box::new(|_| tidy::run(&[])),
    };
    steps.insert(1, tidy);
    let (last, first): (Vec<&Package>, Vec<&Package>) =
        packages.iter().partition(|package| package.name == LAST_PACKAGE);
    for package in first.into_iter().chain(last) {
        for target in &package.tests {
            // Two packages may use one name: cargo then runs both.
            if target != GATE && !steps.iter().any(|step| step.name == *target) {
                let what = format!("integration tests of {}", package.name);
                steps.push(cargo_step(target, what, &["test", "--workspace", "--locked", "--test", target]));
            }
        }
    }
    if packages.iter().any(|package| package.tests.iter().any(|target| target == GATE)) {
        let words = ["test", "--workspace", "--locked", "--test", GATE];
        steps.push(cargo_step(GATE, "all device source of the steps above compiles for every GPU".into(), &words));
    }
    steps
}

fn cargo_step(name: &str, what: String, words: &[&str]) -> Step {
    let arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let run = move |context: &Context| {
        let mut command: Command = cargo();
        command.args(&arguments).envs(context.environment.iter().map(|(name, value)| (name, value)));
        command::run(&mut command)
    };
    Step { name: name.to_owned(), what, run: Box::new(run) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, tests: &[&str]) -> Package {
        let tests = tests.iter().map(|name| (*name).to_owned()).collect();
        Package { name: name.into(), depends_on: Vec::new(), tests }
    }

    #[test]
    fn each_test_target_is_a_step_and_names_are_unique() {
        let steps = all(&[
            package(LAST_PACKAGE, &["device_source", "differential", "tpch"]),
            package("maar-engine", &["session", "tpch"]),
        ]);
        let mut names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names[..3], ["format", "tidy", "build"]);
        assert_eq!(names[names.len() - 4..], ["session", "tpch", "differential", GATE]);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), steps.len());
    }
}
