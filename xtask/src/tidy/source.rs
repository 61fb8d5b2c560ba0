//! The files that tidy looks at: everything tracked by git, and what is new and not ignored.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::tokens;
use crate::{Failure, command};

/// One text file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// For Rust and C++: `text` with comments, strings and character literals blanked, line by line the same length.
    pub(crate) code: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let mut file = Self { path: path.to_owned(), text: text.to_owned(), code: String::new() };
        if file.is_rust() || file.is_device() {
            file.code = tokens::blank(text);
        }
        file
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Device code, and the C++ that lets it run on the host.
    pub(crate) fn is_device(&self) -> bool {
        [".cuh", ".cu", ".h", ".cpp"].iter().any(|ending| self.path.ends_with(ending))
    }

    /// The code without its `#[cfg(test)]` items; empty for a file that only holds tests.
    pub(crate) fn code_without_tests(&self) -> String {
        let is_test_file = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        if is_test_file { String::new() } else { tokens::without_tests(&self.code) }
    }
}

/// Every text file, sorted by path. Files that are not UTF-8 are left out.
pub(crate) fn files(root: &Path) -> Result<Vec<File>, Failure> {
    let mut paths = match listed_by_git(root) {
        Ok(paths) => paths,
        // A source archive has no .git: walk it.
        Err(_) => walk(root).map_err(|error| format!("{}: {error}", root.display()))?,
    };
    paths.sort();
    paths.dedup();
    let mut files = Vec::new();
    for path in paths {
        match fs::read_to_string(root.join(&path)) {
            Ok(text) => files.push(File::new(&path, &text)),
            // Deleted and not yet committed, or not text.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    Ok(files)
}

fn listed_by_git(root: &Path) -> Result<Vec<String>, Failure> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let text = command::output(&mut git)?;
    Ok(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walk(root: &Path) -> io::Result<Vec<String>> {
    const NOT_SOURCE: &[&str] = &["target", "data", ".git", ".venv"];
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !NOT_SOURCE.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root) {
                paths.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    Ok(paths)
}
