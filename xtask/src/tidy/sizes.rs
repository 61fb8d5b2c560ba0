//! Sizes as a ratchet: a file of more than 400 lines or a function of more than 70 is refused, unless it is listed in
//! `xtask/tidy-ratchet.txt` with its size, which may only shrink.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Breach;
use super::source::File;
use super::tokens::functions;
use crate::Failure;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const RATCHET: &str = "xtask/tidy-ratchet.txt";

/// Sizes above the limit that were there before, by path or `path::function`.
type Ratchet = BTreeMap<String, usize>;

/// What was measured: its size, its limit, and where it is.
struct Measured {
    key: String,
    path: String,
    line: usize,
    lines: usize,
    max: usize,
}

pub(super) fn check(root: &Path, files: &[File]) -> Result<Vec<Breach>, Failure> {
    let text = read(root)?;
    let ratchet = parse(&text)?;
    Ok(compare(&measure(files), &ratchet))
}

/// Lowers each entry to what it is today and drops those no longer needed. Never raises one, never adds one.
pub(super) fn lower(root: &Path, files: &[File]) -> Result<(), Failure> {
    let text = read(root)?;
    let mut ratchet = parse(&text)?;
    let measured = measure(files);
    ratchet.retain(|key, _| measured.iter().any(|found| found.key == *key && found.lines > found.max));
    for found in &measured {
        if let Some(entry) = ratchet.get_mut(&found.key) {
            *entry = found.lines.min(*entry);
        }
    }
    let comments: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let entries: Vec<String> = ratchet.iter().map(|(key, lines)| format!("{lines} {key}")).collect();
    let lines: Vec<String> = comments.into_iter().map(str::to_owned).chain(entries).collect();
    fs::write(root.join(RATCHET), lines.join("\n") + "\n").map_err(|error| format!("{RATCHET}: {error}"))
}

fn read(root: &Path) -> Result<String, Failure> {
    fs::read_to_string(root.join(RATCHET)).map_err(|error| format!("{RATCHET}: {error}"))
}

fn parse(text: &str) -> Result<Ratchet, Failure> {
    let mut ratchet = Ratchet::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let entry = line.split_once(' ').and_then(|(lines, key)| Some((key.trim().to_owned(), lines.parse().ok()?)));
        let (key, lines) =
            entry.ok_or_else(|| format!("{RATCHET}: `{line}` is not `LINES path` or `LINES path::function`"))?;
        ratchet.insert(key, lines);
    }
    Ok(ratchet)
}

fn measure(files: &[File]) -> Vec<Measured> {
    let mut measured = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() || file.is_device() || file.path.ends_with(".py")) {
        let path = file.path.clone();
        let lines = file.text.lines().count();
        measured.push(Measured { key: path.clone(), path: path.clone(), line: 0, lines, max: FILE_LINES_MAX });
        if !file.is_rust() {
            continue;
        }
        let mut longest: BTreeMap<String, Measured> = BTreeMap::new();
        for function in functions(&file.code) {
            let key = format!("{path}::{}", function.name);
            let found = Measured {
                key: key.clone(),
                path: path.clone(),
                line: function.line,
                lines: function.lines,
                max: FUNCTION_LINES_MAX,
            };
            // Several functions of a file may bear one name (`new`, `fmt`): the longest counts.
            if longest.get(&key).is_none_or(|known| known.lines < found.lines) {
                longest.insert(key, found);
            }
        }
        measured.extend(longest.into_values());
    }
    measured
}

fn compare(measured: &[Measured], ratchet: &Ratchet) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for found in measured {
        let what = if found.line == 0 { "file" } else { "function" };
        match ratchet.get(&found.key) {
            None if found.lines > found.max => {
                let remedy = format!("{what} of {} lines: split it, {} is the limit", found.lines, found.max);
                breaches.push(Breach::new(&found.path, found.line, remedy));
            }
            Some(&was) if found.lines > was => {
                let remedy = format!(
                    "{what} grew from {was} to {} lines, above the limit of {}: split it",
                    found.lines, found.max
                );
                breaches.push(Breach::new(&found.path, found.line, remedy));
            }
            Some(&was) if found.lines < was => {
                let remedy = format!(
                    "{what} shrank from {was} to {}: run `cargo xtask tidy --bless` to keep it so",
                    found.lines
                );
                breaches.push(Breach::new(&found.path, found.line, remedy));
            }
            _ => {}
        }
    }
    for key in ratchet.keys().filter(|key| !measured.iter().any(|found| found.key == **key)) {
        breaches.push(Breach::new(RATCHET, 0, format!("`{key}` is gone: run `cargo xtask tidy --bless`")));
    }
    breaches
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn file(path: &str, lines: usize) -> File {
        File::new(path, &"x\n".repeat(lines))
    }

    #[test]
    fn a_large_file_is_refused_unless_it_was_there() {
        let measured = measure(&[file("a.rs", 401), file("b.rs", 700), file("c.rs", 400)]);
        let breaches = compare(&measured, &parse("700 b.rs\n").unwrap());
        assert_eq!(breaches.iter().map(|breach| breach.path.as_str()).collect::<Vec<_>>(), ["a.rs"]);
    }

    #[test]
    fn the_ratchet_only_shrinks() {
        let ratchet = parse("# why\n700 b.rs\n").unwrap();
        assert_eq!(compare(&measure(&[file("b.rs", 701)]), &ratchet).len(), 1);
        assert!(compare(&measure(&[file("b.rs", 699)]), &ratchet)[0].remedy.contains("--bless"));
        assert!(compare(&[], &ratchet)[0].remedy.contains("gone"));
    }

    #[test]
    fn a_long_function_is_refused() {
        let text = format!("fn long() {{\n{}}}\nfn short() {{\n}}\n", "x();\n".repeat(70));
        let breaches = compare(&measure(&[File::new("a.rs", &text)]), &Ratchet::new());
        assert_eq!(breaches.len(), 1);
        assert_eq!(breaches[0].line, 1);
        assert!(compare(&measure(&[File::new("a.rs", &text)]), &parse("72 a.rs::long").unwrap()).is_empty());
    }

    #[test]
    fn a_line_that_is_no_entry_is_refused() {
        assert!(parse("b.rs 700").is_err());
    }
}
