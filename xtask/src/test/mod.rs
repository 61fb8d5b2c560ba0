//! `cargo xtask test`: everything that must pass before a merge, as named steps, stopping at the first that fails.
//!
//! A part that is missing (a compiler, a Python package) makes the tests that need it skip themselves; each skip is
//! listed at the end, and with `CI=true` is a failure. Only tests on a real GPU, and of Java's driver, may be skipped there.

mod recorder;
mod skips;
mod steps;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::parts::Parts;
use crate::{Failure, cargo};
use recorder::Recorder;
use skips::Skips;
use steps::{Context, Step};

/// Runs `cargo xtask test` with these words behind it.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let arguments = Arguments::parse(words, &["--only"], &["--list"])?;
    let steps = steps::all(&cargo::packages()?);
    if arguments.has("--list") {
        for step in &steps {
            println!("{:<14} {}", step.name, step.what);
        }
        return Ok(());
    }
    let chosen = choose(steps, &arguments.all("--only").collect::<Vec<_>>())?;
    let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    let started = Instant::now();

    println!("== parts: what the tests need beyond cargo");
    let parts = Parts::ensure();
    for missing in &parts.missing {
        println!("   missing: {missing}");
    }
    if ci && !parts.missing.is_empty() {
        return Err("with CI=true every part must be there; see `missing` above".into());
    }
    let skips = Skips::start()?;
    // Chosen steps build on what an earlier run left.
    let is_whole = arguments.all("--only").next().is_none();
    let context = Context { environment: environment(&parts, &skips, is_whole)? };

    let done = run_steps(&chosen, &context)?;
    summary(&done, started.elapsed());
    report_skips(&skips, &parts, ci)
}

fn run_steps(steps: &[Step], context: &Context) -> Result<Vec<(String, Duration)>, Failure> {
    let mut done = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {} ({} of {}): {}", step.name, index + 1, steps.len(), step.what);
        let started = Instant::now();
        if let Err(cause) = (step.run)(context) {
            summary(&done, done.iter().map(|(_, time)| *time).sum());
            let again = format!("run it alone with: cargo xtask test --only {}", step.name);
            return Err(format!(
                "\nFAILED at step `{}` after {}\n{cause}\n{again}",
                step.name,
                show(started.elapsed())
            ));
        }
        println!("   ok: {} in {}", step.name, show(started.elapsed()));
        done.push((step.name.clone(), started.elapsed()));
    }
    Ok(done)
}

fn choose(steps: Vec<Step>, only: &[&str]) -> Result<Vec<Step>, Failure> {
    if let Some(unknown) = only.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        return Err(format!("no step named `{unknown}`; the steps are: {}", names.join(", ")));
    }
    Ok(steps.into_iter().filter(|step| only.is_empty() || only.contains(&step.name.as_str())).collect())
}

/// What the tests are told. `anew`: compiled pipelines of earlier runs are forgotten.
fn environment(parts: &Parts, skips: &Skips, anew: bool) -> Result<Vec<(String, String)>, Failure> {
    let folder = crate::root::target().join("test-cache");
    let (pipelines, xdg_cache) = (folder.join("pipelines"), folder.join("xdg-cache"));
    let mut paths: Vec<(&str, PathBuf)> = parts.environment();
    if let Some(compiler) = &parts.compiler {
        // TPC-H data stays where it is: `maar bench` keeps it below maar/tpch.
        let caches = [pipelines.as_path(), &xdg_cache.join("maar/v1")];
        let recorder = Recorder::start(&folder, compiler, anew, &caches)?;
        paths.extend([("CXX", recorder.compiler), (recorder::VARIABLE, recorder.sources)]);
    }
    paths.extend([
        // Compiled pipelines are kept between the test binaries of a run, and never in the user's own folders.
        ("MAAR_TEST_CACHE", pipelines),
        ("XDG_CACHE_HOME", xdg_cache),
        ("XDG_STATE_HOME", folder.join("xdg-state")),
        ("XDG_CONFIG_HOME", folder.join("xdg-config")),
        (skips::VARIABLE, skips.file().to_path_buf()),
    ]);
    let mut variables: Vec<(String, String)> =
        paths.into_iter().map(|(name, path)| (name.to_owned(), path.display().to_string())).collect();
    variables.extend(steps::LINTS.map(|(name, value)| (name.into(), value.into())));
    // Tables of the tests are small: most of their row groups stay segments, as those of users' tables do.
    variables.push(("MAAR_SEGMENT_ROWS".into(), "20000".into()));
    // A snapshot that differs is a failure, never a file quietly written.
    variables.push(("INSTA_UPDATE".into(), "no".into()));
    Ok(variables)
}

fn summary(done: &[(String, Duration)], total: Duration) {
    println!("\n== summary");
    for (name, time) in done {
        println!("   {name:<14} {:>8}", show(*time));
    }
    println!("   {:<14} {:>8}", "in all", show(total));
}

fn report_skips(skips: &Skips, parts: &Parts, ci: bool) -> Result<(), Failure> {
    let skipped = skips.read()?;
    if skipped.is_empty() && parts.missing.is_empty() {
        println!("   nothing was skipped");
        return Ok(());
    }
    for missing in &parts.missing {
        println!("   missing: {missing}");
    }
    for skip in &skipped {
        println!("   skipped: {skip}");
    }
    match skipped.iter().find(|skip| !skip.may_be_skipped()) {
        Some(skip) if ci => {
            Err(format!("with CI=true only tests on a real GPU or with Java may be skipped, not: {skip}"))
        }
        _ => Ok(()),
    }
}

fn show(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 { format!("{}m{:02}s", seconds / 60, seconds % 60) } else { format!("{:.1}s", time.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn step(name: &str) -> Step {
        Step { name: name.into(), what: String::new(), run: Box::new(|_| Ok(())) }
    }

    #[test]
    fn only_keeps_the_order_of_the_table() {
        let chosen = choose(vec![step("a"), step("b"), step("c")], &["c", "a"]).unwrap();
        assert_eq!(chosen.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn only_refuses_a_name_it_does_not_know() {
        let failure = choose(vec![step("format")], &["fromat"]).err().unwrap();
        assert!(failure.contains("fromat") && failure.contains("format"), "{failure}");
    }

    #[test]
    fn stops_at_the_first_failure() {
        let fails = Step { name: "bad".into(), what: String::new(), run: Box::new(|_| Err("cause".into())) };
        let failure = run_steps(&[step("good"), fails], &Context { environment: Vec::new() }).unwrap_err();
        assert!(failure.contains("bad") && failure.contains("cause"), "{failure}");
    }
}
