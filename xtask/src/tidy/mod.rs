//! `cargo xtask tidy`: what the compiler cannot check, each rule a table in a file of its own.
//!
//! A rule takes the files and returns what breaks it: file, line, and the remedy. Not here: style that rustfmt or
//! clippy can see.

mod crates;
mod device_subset;
mod headers;
mod rooms;
mod sizes;
mod source;
mod tokens;
mod words;

use std::fmt;

use crate::arguments::Arguments;
use crate::{Failure, cargo, root};
use source::File;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    pub(crate) path: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    /// What is wrong and what to do about it.
    pub(crate) remedy: String,
}

impl Breach {
    pub(crate) fn new(path: &str, line: usize, remedy: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, remedy: remedy.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.remedy),
            line => write!(f, "{}:{line}: {}", self.path, self.remedy),
        }
    }
}

/// A rule over the files of the repository.
type Rule = fn(&[File]) -> Vec<Breach>;

const RULES: &[(&str, Rule)] = &[
    ("headers", headers::check),
    ("rooms", rooms::check),
    ("owners", words::check_owners),
    ("words", words::check_words),
    ("names", words::check_names),
    ("hosts", words::check_hosts),
    ("device subset", device_subset::check),
];

/// Runs `cargo xtask tidy` with these words behind it.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let arguments = Arguments::parse(words, &[], &["--bless"])?;
    let files = source::files(&root::repository())?;
    if arguments.has("--bless") {
        sizes::lower(&root::repository(), &files)?;
    }
    let mut breaches = crates::check(&cargo::packages()?);
    let mut count = 1;
    for (_, rule) in RULES {
        breaches.extend(rule(&files));
        count += 1;
    }
    breaches.extend(sizes::check(&root::repository(), &files)?);
    count += 1;
    breaches.sort();
    breaches.dedup();
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.len() {
        0 => {
            println!("tidy: {} files, {count} rules, nothing to say", files.len());
            Ok(())
        }
        several => Err(format!("tidy: {several} places break a rule; each line above names its remedy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_names_its_place() {
        assert_eq!(Breach::new("a/b.rs", 7, "do this").to_string(), "a/b.rs:7: do this");
        assert_eq!(Breach::new("a/b.rs", 0, "do this").to_string(), "a/b.rs: do this");
    }
}
