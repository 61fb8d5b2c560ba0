//! `cargo xtask gpu-kit`: one folder to copy to a machine with a GPU and no Rust.
//!
//! Holds the binary (compressed), the wheel of DuckDB, the queries and the scripts of `xtask/kit` with what they share. Not NVRTC: the
//! target machine's is used. Fails when the folder is larger than it may be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Arguments;
use crate::{Failure, cargo, command, root};

/// What the folder may weigh.
const BYTES_MAX: u64 = 55_000_000;
/// The one that README builds: a kit then costs no second build of everything.
const PROFILE: &str = "release";
const SCRIPTS: &[&str] = &["run.sh", "duckdb_tpch.py", "memory.py", "cold.py", "merge.py", "rest.py", "README.md"];
/// What they share with other benchmarks.
const PLUMBING: &str = "plumbing.py";
/// For which Python the wheel is.
const PYTHON: &str = "3.12";
const PLATFORMS: &[&str] =
    &["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];
/// The requirement that goes along. Not its extension for TPC-H: data comes from `maar bench`, queries from us.
const WHEEL: &str = "duckdb==";

/// Runs `cargo xtask gpu-kit` with these words behind it.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let arguments = Arguments::parse(words, &["--out", "--profile"], &[])?;
    let profile = arguments.value("--profile").unwrap_or(PROFILE);
    let kit = arguments.value("--out").map_or_else(|| root::target().join("gpu-kit"), PathBuf::from);
    empty_folder(&kit)?;

    println!("== binary, profile {profile}");
    build(profile)?;
    compress(&binary(profile), &kit.join("maar.xz"), profile)?;
    println!("== scripts and queries");
    for script in SCRIPTS {
        copy(&root::repository().join("xtask/kit").join(script), &kit.join(script))?;
    }
    copy(&root::repository().join("benchmarks").join(PLUMBING), &kit.join(PLUMBING))?;
    copy_queries(&kit.join("queries"))?;
    println!("== wheel of DuckDB for Python {PYTHON}");
    download_wheel(&kit.join("wheels"))?;
    weigh(&kit, profile)
}

/// Makes `kit` a new folder. Deletes an old one only if it looks like a kit.
fn empty_folder(kit: &Path) -> Result<(), Failure> {
    let is_kit = kit.join("run.sh").exists() || fs::read_dir(kit).is_ok_and(|mut entries| entries.next().is_none());
    if kit.exists() && !is_kit {
        return Err(format!("{} is there and is no kit: choose another folder with --out", kit.display()));
    }
    if kit.exists() {
        fs::remove_dir_all(kit).map_err(|error| format!("{}: {error}", kit.display()))?;
    }
    fs::create_dir_all(kit).map_err(|error| format!("{}: {error}", kit.display()))
}

fn build(profile: &str) -> Result<(), Failure> {
    // No package is named: alone it would resolve other features, and build DataFusion a second time.
    let mut build = cargo::cargo();
    command::run(build.args(["build", "--locked", "--bin", "maar", "--profile", profile]))
}

fn binary(profile: &str) -> PathBuf {
    // Cargo calls the folder of the `dev` profile by another name.
    let folder = if profile == "dev" { "debug" } else { profile };
    root::target().join(folder).join("maar")
}

/// Writes `binary`, without its symbols, to `out` as xz.
fn compress(binary: &Path, out: &Path, profile: &str) -> Result<(), Failure> {
    let stripped = out.with_extension("");
    command::run(Command::new("strip").arg("-o").arg(&stripped).arg(binary))?;
    let plain = size(&stripped)?;
    // The strongest setting takes minutes; it is wanted only for what is shipped.
    let level = if profile == PROFILE { "-9e" } else { "-1" };
    command::run(Command::new("xz").args([level, "--threads=0", "--force"]).arg(&stripped))?;
    println!("   {:.1} MB stripped, {:.1} MB as xz", megabytes(plain), megabytes(size(out)?));
    Ok(())
}

fn copy_queries(to: &Path) -> Result<(), Failure> {
    let from = root::repository().join("cli/src/bench/queries");
    let entries = fs::read_dir(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    let mut count = 0;
    for entry in entries.filter_map(Result::ok).filter(|entry| entry.path().extension().is_some_and(|e| e == "sql")) {
        copy(&entry.path(), &to.join(entry.file_name()))?;
        count += 1;
    }
    if count == 22 { Ok(()) } else { Err(format!("{}: {count} queries, not 22", from.display())) }
}

fn download_wheel(to: &Path) -> Result<(), Failure> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON]);
    for platform in PLATFORMS {
        pip.args(["--platform", platform]);
    }
    let requirements = include_str!("../requirements.txt").lines();
    let wanted = requirements.filter(|line| line.starts_with(WHEEL));
    command::run(pip.arg("--dest").arg(to).args(wanted))
}

/// Prints what each part weighs and fails when the whole is too heavy.
fn weigh(kit: &Path, profile: &str) -> Result<(), Failure> {
    println!("== {}", kit.display());
    let mut total = 0;
    let mut folders = vec![kit.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = size(&path)?;
            total += bytes;
            if bytes > 100_000 {
                println!("   {:>6.1} MB  {}", megabytes(bytes), path.strip_prefix(kit).unwrap_or(&path).display());
            }
        }
    }
    println!("   {:>6.1} MB  in all", megabytes(total));
    match total > BYTES_MAX {
        true if profile == PROFILE => Err(format!(
            "the kit weighs {:.1} MB, more than {:.0}: look for a feature of a dependency to turn off",
            megabytes(total),
            megabytes(BYTES_MAX)
        )),
        true => Err(format!("too heavy to ship; only the profile `{PROFILE}` is meant to fit")),
        false => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(|_| ()).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}

fn size(path: &Path) -> Result<u64, Failure> {
    path.metadata().map(|meta| meta.len()).map_err(|error| format!("{}: {error}", path.display()))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn never_deletes_a_folder_that_is_no_kit() {
        let folder = std::env::temp_dir().join(format!("maar-kit-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("precious"), "x").unwrap();
        assert!(empty_folder(&folder).is_err());
        fs::write(folder.join("run.sh"), "x").unwrap();
        assert!(empty_folder(&folder).is_ok());
        assert!(!folder.join("precious").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_scripts_are_there() {
        for script in SCRIPTS {
            assert!(root::repository().join("xtask/kit").join(script).exists(), "{script}");
        }
    }
}
