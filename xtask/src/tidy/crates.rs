//! Arrows between the crates point down only.

use super::Breach;
use crate::cargo::Package;

const ALL: &[&str] = &["*"];

/// Who may depend on whom. A crate that is not here is refused until it is written down.
const ARROWS: &[(&str, &[&str])] = &[
    ("maar-cli", &["maar-flight-server", "maar-cluster", "maar-engine"]),
    ("maar-flight-server", &["maar-engine"]),
    ("maar-cluster", &["maar-engine", "maar-gpu-exec"]),
    ("maar-python", &["maar-engine"]),
    ("maar-engine", &["maar-gpu-exec", "maar-stores"]),
    ("maar-gpu-exec", &[]),
    ("maar-stores", &[]),
    ("maar-tests", ALL),
    ("maar-benchmarks", ALL),
    ("xtask", &[]),
];

const TABLE: &str = "ARROWS in xtask/src/tidy/crates.rs";

pub(super) fn check(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in packages {
        let manifest = format!("{}/Cargo.toml", package.name.trim_start_matches("maar-"));
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            breaches.push(Breach::new(
                &manifest,
                0,
                format!("crate `{}` is not in {TABLE}: say what it may use", package.name),
            ));
            continue;
        };
        for used in package.depends_on.iter().filter(|used| *allowed != ALL && !allowed.contains(&used.as_str())) {
            let may = if allowed.is_empty() { "no crate of ours".to_owned() } else { allowed.join(", ") };
            let remedy = format!("`{}` may use {may}, not `{used}`: arrows point down only ({TABLE})", package.name);
            breaches.push(Breach::new(&manifest, 0, remedy));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, depends_on: &[&str]) -> Package {
        let depends_on = depends_on.iter().map(|name| (*name).to_owned()).collect();
        Package { name: name.into(), depends_on, tests: Vec::new() }
    }

    #[test]
    fn arrows_point_down() {
        assert!(check(&[package("maar-cli", &["maar-engine"]), package("maar-tests", &["maar-gpu-exec"])]).is_empty());
        assert_eq!(check(&[package("maar-gpu-exec", &["maar-engine"])]).len(), 1);
        assert_eq!(check(&[package("maar-cli", &["maar-gpu-exec"])]).len(), 1);
        assert_eq!(check(&[package("maar-newcomer", &[])]).len(), 1);
    }
}
