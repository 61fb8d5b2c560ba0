//! Keeps every device source that the tests compile, so that the last step can compile it again for real GPUs.
//!
//! The emulated device compiles with what CXX names. That is a script of ours here: it calls the real compiler, and
//! copies the source of each call that succeeds. The code cache is emptied with the sources: what is taken from a cache
//! passes no compiler.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Names the folder of the sources for the last step.
pub(crate) const VARIABLE: &str = "MAAR_TEST_DEVICE_SOURCE";

/// Where the sources of a run go.
pub(crate) struct Recorder {
    pub(crate) sources: PathBuf,
    pub(crate) compiler: PathBuf,
}

impl Recorder {
    /// Makes the script in `folder`. `anew` forgets the sources of earlier runs, and the code in `caches` with them.
    pub(crate) fn start(folder: &Path, compiler: &Path, anew: bool, caches: &[&Path]) -> Result<Self, Failure> {
        let recorder = Self { sources: folder.join("device-source"), compiler: folder.join("recording-c++") };
        if anew {
            for stale in caches.iter().copied().chain([recorder.sources.as_path()]) {
                match fs::remove_dir_all(stale) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(describe(stale, &error)),
                    _ => {}
                }
            }
        }
        fs::create_dir_all(&recorder.sources).map_err(|error| describe(&recorder.sources, &error))?;
        let wanted = script(compiler, &recorder.sources);
        // The script is part of what compiled code is cached by: it is not touched where it is right.
        if fs::read_to_string(&recorder.compiler).ok().as_deref() != Some(&wanted) {
            fs::write(&recorder.compiler, wanted).map_err(|error| describe(&recorder.compiler, &error))?;
        }
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&recorder.compiler, permissions).map_err(|error| describe(&recorder.compiler, &error))?;
        Ok(recorder)
    }
}

fn describe(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display())
}

fn script(compiler: &Path, sources: &Path) -> String {
    format!(
        r#"#!/bin/sh
# Written by `cargo xtask test`: compiles, and keeps the source.
'{compiler}' "$@" || exit $?
for word in "$@"; do
    case "$word" in
        *.cpp)
            name=$(sha256sum < "$word" | cut -c1-32)
            # Renamed, so that no reader sees half of it.
            cp "$word" '{sources}'/"$name.$$" && mv '{sources}'/"$name.$$" '{sources}'/"$name.cpp"
            ;;
    esac
done
exit 0
"#,
        compiler = compiler.display(),
        sources = sources.display(),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::process::Command;

    use super::*;

    #[test]
    fn keeps_what_compiles_and_passes_failures_on() {
        let folder = std::env::temp_dir().join(format!("maar-recorder-{}", std::process::id()));
        let recorder = Recorder::start(&folder, Path::new("/usr/bin/env"), true, &[]).unwrap();
        let source = folder.join("a.cpp");
        fs::write(&source, "text").unwrap();
        // `env cat FILE` stands for a compiler that succeeds, `env false FILE` for one that does not.
        let run = |program: &str| Command::new(&recorder.compiler).arg(program).arg(&source).output().unwrap();
        assert!(!run("false").status.success());
        assert_eq!(fs::read_dir(&recorder.sources).unwrap().count(), 0);
        assert!(run("cat").status.success());
        let kept: Vec<_> = fs::read_dir(&recorder.sources).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "text");
        fs::remove_dir_all(&folder).unwrap();
    }
}
