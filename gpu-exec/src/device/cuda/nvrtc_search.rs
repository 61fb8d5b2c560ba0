//! Where NVRTC may be: the places of the CUDA toolkit, the loader, and Python's wheels.
//!
//! Not here: loading it ([`super::nvrtc`]).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libloading::Library;

/// Names the loader is asked for, newest first.
const LOADER_NAMES: &[&str] = &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
/// Folders of wheels below a `site-packages`: a trailing `*` stands for any ending.
const WHEEL_FOLDERS: &[&str] = &["nvidia/cu1*/lib", "nvidia/cuda_nvrtc/lib"];
const TOOLKIT_FOLDERS: &[&str] = &["/usr/local/cuda*/lib64"];

/// What may be tried, lazily: later places cost more to list.
pub(super) fn candidates() -> impl Iterator<Item = PathBuf> {
    let places: [fn() -> Vec<PathBuf>; 4] = [
        || LOADER_NAMES.iter().map(PathBuf::from).collect(),
        || {
            TOOLKIT_FOLDERS
                .iter()
                .flat_map(|pattern| libraries(Path::new("/"), pattern.trim_start_matches('/')))
                .collect()
        },
        || virtual_environment().iter().flat_map(|dir| wheels(dir)).collect(),
        || python_path().iter().flat_map(|dir| wheels(dir)).collect(),
    ];
    places.into_iter().flat_map(|list| list())
}

/// The library the user names, a file or the folder it lies in.
pub(super) fn named_by_user() -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os("MAAR_NVRTC").filter(|v| !v.is_empty())?);
    if path.is_dir() { Some(libraries_in(&path).into_iter().next().unwrap_or(path)) } else { Some(path) }
}

/// All places, in words, for an error.
pub(super) fn places() -> &'static str {
    "MAAR_NVRTC, the loader path, /usr/local/cuda*/lib64 and the site-packages of python3 and VIRTUAL_ENV"
}

/// Loads the companions that lie beside an NVRTC named by its path; none for a name that the loader finds by itself.
pub(super) fn builtins_beside(library: &Path) -> Vec<Library> {
    let Some(dir) = library.parent().filter(|dir| !dir.as_os_str().is_empty()) else { return vec![] };
    let builtins = entries(dir).filter(|name| name.to_string_lossy().starts_with("libnvrtc-builtins.so"));
    // SAFETY: NVIDIA's own library of texts; it has no initialisers of its own.
    let loaded = builtins.map(|name| unsafe { Library::new(dir.join(name)) });
    // One that does not load shows when NVRTC is tried out.
    loaded.filter_map(Result::ok).collect()
}

fn wheels(site_packages: &Path) -> Vec<PathBuf> {
    WHEEL_FOLDERS.iter().flat_map(|pattern| libraries(site_packages, pattern)).collect()
}

fn virtual_environment() -> Vec<PathBuf> {
    let root = env::var_os("VIRTUAL_ENV").filter(|v| !v.is_empty()).map(PathBuf::from);
    root.map(|root| expand(&root, "lib/python3*/site-packages")).unwrap_or_default()
}

/// `sys.path` of the `python3` on PATH; empty where there is none.
fn python_path() -> Vec<PathBuf> {
    let output =
        Command::new("python3").args(["-c", "import sys; print('\\n'.join(p for p in sys.path if p))"]).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines().map(PathBuf::from).collect()
}

fn libraries(root: &Path, pattern: &str) -> Vec<PathBuf> {
    expand(root, pattern).iter().flat_map(|dir| libraries_in(dir)).collect()
}

/// NVRTC libraries in `dir`, highest version first; not their companions (`libnvrtc-builtins`, `libnvrtc.alt`).
fn libraries_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = entries(dir)
        .filter(|name| name.to_string_lossy().starts_with("libnvrtc.so"))
        .map(|name| dir.join(name))
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(version_key(path)));
    found
}

/// The numbers in a path, so that `.so.13` comes after `.so.12.8` and `cuda-12.10` after `cuda-12.9`.
fn version_key(path: &Path) -> Vec<u64> {
    let text = path.to_string_lossy();
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The folders below `root` that match, highest version first.
fn expand(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    for part in pattern.split('/') {
        found = found.iter().flat_map(|dir| matching(dir, part)).collect();
    }
    found
}

fn matching(dir: &Path, part: &str) -> Vec<PathBuf> {
    let Some(start) = part.strip_suffix('*') else {
        let path = dir.join(part);
        return if path.is_dir() { vec![path] } else { Vec::new() };
    };
    let mut found: Vec<PathBuf> = entries(dir)
        .filter(|name| name.to_string_lossy().starts_with(start))
        .map(|name| dir.join(name))
        .filter(|path| path.is_dir())
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(version_key(path)));
    found
}

fn entries(dir: &Path) -> impl Iterator<Item = OsString> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn finds_the_newest_library_of_a_wheel() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "nvidia/cu12/lib/libnvrtc.so.12",
            "nvidia/cu13/lib/libnvrtc.so.13",
            "nvidia/cu13/lib/libnvrtc-builtins.so.13.0",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        let found = wheels(dir.path());
        let names: Vec<_> = found.iter().map(|p| p.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["nvidia/cu13/lib/libnvrtc.so.13", "nvidia/cu12/lib/libnvrtc.so.12"]);
    }

    #[test]
    fn versions_compare_as_numbers() {
        let newer = version_key(Path::new("/usr/local/cuda-12.10/lib64"));
        assert!(newer > version_key(Path::new("/usr/local/cuda-12.9/lib64")));
    }
}
