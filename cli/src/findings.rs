//! The file that `--json` names: written anew with each finding, so that a run that is cut short leaves what it had.

use std::path::{Path, PathBuf};

use crate::error::Failure;

/// Where findings go, if anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    path: Option<PathBuf>,
    /// A pipe or a terminal gets the last state alone.
    rewritable: bool,
}

impl Findings {
    /// Makes the file: found out now rather than after the work.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let mut rewritable = false;
        if let Some(path) = path {
            let file = std::fs::File::create(path).map_err(|error| Failure::file("write", path, &error))?;
            rewritable = file.metadata().is_ok_and(|meta| meta.is_file());
        }
        Ok(Self { path: path.map(Path::to_owned), rewritable })
    }

    /// Writes what there is by now.
    pub(crate) fn so_far(&self, text: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
        if self.rewritable { self.write(text) } else { Ok(()) }
    }

    /// Writes what there is in the end.
    pub(crate) fn finish(&self, text: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
        self.write(text)
    }

    fn write(&self, text: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
        match &self.path {
            Some(path) => std::fs::write(path, text()?).map_err(|error| Failure::file("write", path, &error)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_kept_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("findings.json");
        let findings = Findings::open(Some(&path)).unwrap();
        for state in ["1", "12", "123"] {
            findings.so_far(|| Ok(state.to_owned())).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), state);
        }
        let nowhere = folder.path().join("no folder/findings.json");
        assert!(Findings::open(Some(&nowhere)).is_err());
        Findings::open(None).unwrap().finish(|| Err(Failure::other("not asked for"))).unwrap();
    }
}
