//! Every source file opens by saying what it is and what it is not.

use super::Breach;
use super::source::File;

/// How a header begins, by the ending of the file's name.
const OPENINGS: &[(&str, &str)] =
    &[(".rs", "//!"), (".cuh", "//"), (".cu", "//"), (".h", "//"), (".cpp", "//"), (".py", "\"\"\"")];

/// Headers that say nothing.
const EMPTY: &[&str] = &["stub", "placeholder", "tbd"];

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        let Some((_, opening)) = OPENINGS.iter().find(|(ending, _)| file.path.ends_with(ending)) else { continue };
        let first = file.text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        let said = first.strip_prefix(opening).map(str::trim);
        let is_empty = |said: &str| said.is_empty() || EMPTY.contains(&said.to_lowercase().as_str());
        if said.is_none_or(is_empty) {
            breaches.push(Breach::new(
                &file.path,
                1,
                format!("open the file with `{opening} ...`: what it is, and what it is not"),
            ));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_a_header_that_says_something() {
        let files = [
            File::new("a/src/good.rs", "//! What it is.\n"),
            File::new("a/src/bare.rs", "use x;\n"),
            File::new("a/src/empty.rs", "//! stub\n"),
            File::new("a/src/good.cuh", "// Hash tables.\n"),
            File::new("a/src/bare.cuh", "#pragma once\n"),
            File::new("k/run.py", "#!/usr/bin/env python3\n\"\"\"Runs it.\"\"\"\n"),
            File::new("notes.md", "no header wanted\n"),
        ];
        let paths: Vec<String> = check(&files).into_iter().map(|breach| breach.path).collect();
        assert_eq!(paths, ["a/src/bare.rs", "a/src/empty.rs", "a/src/bare.cuh"]);
    }
}
