//! The CUDA device against a stand-in for the driver and for NVRTC (`stand_in/`), which do what they are asked late, on
//! the host: every call that Maar makes of them, streams, events and staging memory under several threads, and what is
//! left of a run once the device is lost. Not here: whether a GPU would run the code.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::device::{json, skipped};
use crate::{Ran, command, ran};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/stand_in");
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gpu-exec/src/kernels/shim.h");

/// The folder of the libraries, built once.
fn libraries() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_folder, path) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for (source, library) in [("driver.cpp", "libcuda.so.1"), ("nvrtc.cpp", "libnvrtc.so.13")] {
            let mut compile = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()));
            compile.args(["-std=c++17", "-O1", "-shared", "-fPIC", "-pthread", "-w", "-o"]);
            compile.arg(folder.path().join(library)).arg(format!("{SOURCES}/{source}")).arg("-ldl");
            let compiled = compile.output().unwrap();
            assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        }
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

/// Runs `maar --device cuda` on the stand-in; the `fault_at`-th launch of the process faults.
fn on_stand_in(args: &[&str], cache: &Path, fault_at: Option<u32>) -> Ran {
    let mut command = command(&[&["--device", "cuda"], args].concat());
    command.env("LD_LIBRARY_PATH", libraries()).env("MAAR_NVRTC", libraries().join("libnvrtc.so.13"));
    command.env("STAND_IN_SHIM", SHIM).env("XDG_CACHE_HOME", cache).env_remove("STAND_IN_FAULT_AT");
    if let Some(number) = fault_at {
        command.env("STAND_IN_FAULT_AT", number.to_string());
    }
    ran(command.output().unwrap())
}

fn names(object: &Value, of: &str) -> Vec<String> {
    let entries = object[of].as_array().unwrap().iter();
    entries.map(|entry| entry["name"].as_str().or(entry.as_str()).unwrap().to_owned()).collect()
}

#[test]
fn the_self_test_passes_on_a_driver_that_is_late() {
    if skipped("the_self_test_passes_on_a_driver_that_is_late") {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let path = cache.path().join("selftest.json");
    let ran = on_stand_in(&["selftest", "--json", path.to_str().unwrap()], cache.path(), None);
    // Nothing on stderr: the stand-in says there what was not given back.
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let object = json(&path);
    assert_eq!(object["device"]["name"].as_str(), Some("Stand-in GPU"));
    assert_eq!(names(&object, "checks"), names(&object, "planned"));
}

#[test]
fn a_lost_device_fails_what_comes_after_and_works_in_a_new_process() {
    if skipped("a_lost_device_fails_what_comes_after_and_works_in_a_new_process") {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let path = cache.path().join("selftest.json");
    let lost = on_stand_in(&["selftest", "--json", path.to_str().unwrap()], cache.path(), Some(3));
    assert_eq!(lost.code, 1, "{}", lost.err);
    let object = json(&path);
    let planned = names(&object, "planned");
    assert_eq!(names(&object, "checks"), planned, "every check has an outcome");
    let checks = object["checks"].as_array().unwrap();
    let broken = checks.iter().position(|check| check["ok"] == false).unwrap();
    let error = checks[broken]["error"].as_str().unwrap();
    assert!(error.contains("CUDA_ERROR_ILLEGAL_ADDRESS") && error.contains("cannot be used again"), "{error}");
    assert!(checks[broken + 1..].iter().all(|check| check["ok"] == false), "{}", lost.out);
    let last = &planned[planned.len() - 1];
    let again = on_stand_in(&["selftest", "--from", last], cache.path(), None);
    assert_eq!((again.code, again.err.as_str()), (0, ""), "{}", again.out);
    assert!(again.out.contains("1 of 1 checks passed."), "{}", again.out);
}
