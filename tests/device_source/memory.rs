//! What was compiled before, by content: a source that has passed on an architecture is not compiled for it again. Kept beside the
//! recorded sources, from run to run. Not here: what is compiled.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Sources that have passed, each with its architecture.
pub(crate) struct Memory {
    file: PathBuf,
    passed: BTreeSet<(u32, u64)>,
    /// What compiles, and the library that every source is compiled with: with another one nothing has passed.
    surroundings: u64,
}

impl Memory {
    /// What a file beside the folder of the sources says; nothing where there is none, or what it says is no number.
    pub(crate) fn beside(sources: &Path, surroundings: &impl Hash) -> Self {
        let file = sources.with_extension("passed");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let pair = |line: &str| {
            let (architecture, digest) = line.split_once(' ')?;
            Some((architecture.parse().ok()?, digest.parse().ok()?))
        };
        Self { passed: text.lines().filter_map(pair).collect(), file, surroundings: digest(surroundings) }
    }

    pub(crate) fn has(&self, architecture: u32, source: &str) -> bool {
        self.passed.contains(&(architecture, self.digest(source)))
    }

    /// These have passed now.
    pub(crate) fn add<'a>(&mut self, architecture: u32, sources: impl Iterator<Item = &'a str>) -> std::io::Result<()> {
        let new: Vec<(u32, u64)> = sources.map(|source| (architecture, self.digest(source))).collect();
        let lines: String = new.iter().map(|(architecture, digest)| format!("{architecture} {digest}\n")).collect();
        self.passed.extend(new);
        OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(lines.as_bytes())
    }

    fn digest(&self, source: &str) -> u64 {
        digest(&(self.surroundings, source))
    }
}

/// The same in every run: this hasher has no key.
pub(crate) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
#[expect(clippy::unwrap_used, reason = "a test")]
fn what_has_passed_is_known_the_next_time_unless_the_library_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("sources");
    Memory::beside(&sources, &"library").add(90, ["a", "b"].into_iter()).unwrap();
    Memory::beside(&sources, &"library").add(75, ["b"].into_iter()).unwrap();
    let memory = Memory::beside(&sources, &"library");
    assert!(memory.has(90, "a") && memory.has(90, "b") && memory.has(75, "b"));
    assert!(!memory.has(75, "a") && !memory.has(90, "c"));
    assert!(!Memory::beside(&sources, &"another library").has(90, "a"));
}
