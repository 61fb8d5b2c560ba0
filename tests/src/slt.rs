//! The sqllogictest files: where they are and what they are called. Not here: how they are run.

use std::path::{Path, PathBuf};

use crate::Result;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sqllogictest/slt");

/// All files, in order.
pub fn files() -> Result<Vec<PathBuf>> {
    below(Path::new(FOLDER))
}

/// `slt/nulls/logic.slt` is `nulls/logic`.
pub fn topic(file: &Path) -> String {
    file.strip_prefix(FOLDER).unwrap_or(file).with_extension("").display().to_string()
}

fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "slt") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
