//! What cargo knows of the workspace: packages, the arrows between them, and the test targets.

use std::process::Command;

use serde_json::Value;

use crate::{Failure, command, root};

/// One package of this workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Packages of this workspace it depends on, except those needed by its tests only.
    pub(crate) depends_on: Vec<String>,
    /// Names of its integration test targets, sorted.
    pub(crate) tests: Vec<String>,
}

/// A cargo command in the repository's root.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root::repository());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_own_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Whether `cargo run` sets a variable to say which package it runs. Build scripts of dependencies look at some of them, and what
/// was built without would be built again, DataFusion with it.
fn is_of_own_package(name: &str) -> bool {
    const NAMES: [&str; 4] = ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || NAMES.contains(&name)
}

/// The packages of the workspace, sorted by name.
pub(crate) fn packages() -> Result<Vec<Package>, Failure> {
    let text = command::output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let listed = metadata["packages"].as_array().ok_or("cargo metadata: no `packages`")?;
    let mut packages: Vec<Package> = listed.iter().map(package).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<String> = packages.iter().map(|package| package.name.clone()).collect();
    for package in &mut packages {
        package.depends_on.retain(|name| names.contains(name));
    }
    Ok(packages)
}

fn package(value: &Value) -> Package {
    let dependencies = value["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    let targets = value["targets"].as_array().map_or(&[][..], Vec::as_slice);
    let is_test = |target: &&Value| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == "test"));
    let mut tests: Vec<String> = targets.iter().filter(is_test).map(|target| text(&target["name"])).collect();
    tests.sort();
    Package {
        name: text(&value["name"]),
        depends_on: dependencies.iter().filter(|d| d["kind"] != "dev").map(|d| text(&d["name"])).collect(),
        tests,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
