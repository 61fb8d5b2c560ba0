//! Keeps every device text that the tests compile, so that the last step can compile it again for real GPUs.
//!
//! The emulated device compiles with what CXX names. That is a script of ours here: it calls the real compiler, and
//! copies the source of each call that succeeds. The code cache is emptied with the texts: what is taken from a cache
//! passes no compiler.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Names the folder of the texts for the last step.
pub(crate) const VARIABLE: &str = "MAAR_TEST_DEVICE_TEXT";

/// Where the texts of a run go.
pub(crate) struct Recorder {
    pub(crate) texts: PathBuf,
    pub(crate) compiler: PathBuf,
}

impl Recorder {
    /// Makes the script in `folder`. `anew` forgets the texts of earlier runs, and the code in `caches` with them.
    pub(crate) fn start(folder: &Path, compiler: &Path, anew: bool, caches: &[&Path]) -> Result<Self, Failure> {
        let recorder = Self { texts: folder.join("device-text"), compiler: folder.join("recording-c++") };
        if anew {
            for stale in caches.iter().copied().chain([recorder.texts.as_path()]) {
                match fs::remove_dir_all(stale) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(describe(stale, &error)),
                    _ => {}
                }
            }
        }
        fs::create_dir_all(&recorder.texts).map_err(|error| describe(&recorder.texts, &error))?;
        let text = script(compiler, &recorder.texts);
        // The script is part of what compiled code is cached by: it is not touched where it is right.
        if fs::read_to_string(&recorder.compiler).ok().as_deref() != Some(&text) {
            fs::write(&recorder.compiler, text).map_err(|error| describe(&recorder.compiler, &error))?;
        }
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&recorder.compiler, permissions).map_err(|error| describe(&recorder.compiler, &error))?;
        Ok(recorder)
    }
}

fn describe(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display())
}

fn script(compiler: &Path, texts: &Path) -> String {
    format!(
        r#"#!/bin/sh
# Written by `cargo xtask test`: compiles, and keeps the source.
'{compiler}' "$@" || exit $?
for word in "$@"; do
    case "$word" in
        *.cpp)
            name=$(sha256sum < "$word" | cut -c1-32)
            # Renamed, so that no reader sees half of it.
            cp "$word" '{texts}'/"$name.$$" && mv '{texts}'/"$name.$$" '{texts}'/"$name.cpp"
            ;;
    esac
done
exit 0
"#,
        compiler = compiler.display(),
        texts = texts.display(),
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
        assert_eq!(fs::read_dir(&recorder.texts).unwrap().count(), 0);
        assert!(run("cat").status.success());
        let kept: Vec<_> = fs::read_dir(&recorder.texts).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(fs::read_to_string(&kept[0]).unwrap(), "text");
        fs::remove_dir_all(&folder).unwrap();
    }
}
