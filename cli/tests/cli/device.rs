//! The commands about a device alone, on the emulated one: `selftest` and `bench kernels`.

use serde_json::Value;

use crate::{Ran, command, ran};

/// Runs `maar` with a device of the caller's choice.
fn maar_on(device: &str, args: &[&str]) -> Ran {
    ran(command(&[&["--device", device], args].concat()).output().unwrap())
}

/// Whether the emulated device cannot run here; then the test is noted as skipped, where `cargo xtask test` sees it.
pub(crate) fn skipped(test: &str) -> bool {
    let listed = maar_on("cpu", &["devices"]).out;
    let Some(missing) = listed.lines().find(|line| line.starts_with("emulated") && line.contains("missing:")) else {
        return false;
    };
    crate::skip::skipped("compiler", test, missing);
    true
}

pub(crate) fn json(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_emulated_device_passes_its_self_test() {
    if skipped("the_emulated_device_passes_its_self_test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("selftest.json");
    let ran = maar_on("emulated", &["selftest", "--json", path.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let object = json(&path);
    let checks = object["checks"].as_array().unwrap();
    assert_eq!(object["device"]["kind"].as_str(), Some("emulated"));
    assert_eq!(object["passed"].as_u64(), Some(checks.len() as u64));
    let of = |kind: &str| checks.iter().filter(|check| check["kind"] == kind).count();
    assert!(of("device") >= 20 && of("query") >= 40, "{}", ran.out);
    assert!(checks.iter().all(|check| check["ok"] == true && check["ms"].as_f64() >= Some(0.0)), "{}", ran.out);
}

#[test]
fn some_checks_can_be_named() {
    if skipped("some_checks_can_be_named") {
        return;
    }
    let ran = maar_on("emulated", &["selftest", "--only", "groups: hash"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("1 of 1 checks passed."), "{}", ran.out);
    let ran = maar_on("emulated", &["selftest", "--from", "streams side by side", "--only", "side by side"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("2 of 2 checks passed."), "{}", ran.out);
    let ran = maar_on("emulated", &["selftest", "--from", "side by side"]);
    assert_eq!((ran.code, ran.err.contains("'side by side'")), (2, true), "{}", ran.err);
    let ran = maar_on("emulated", &["selftest", "--only", "no such check"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("'no such check'"), "{}", ran.err);
}

#[test]
fn micro_benchmarks_are_measured_and_written() {
    if skipped("micro_benchmarks_are_measured_and_written") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kernels.json");
    let ran = maar_on("emulated", &["bench", "kernels", "--quick", "--json", path.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let object = json(&path);
    assert_eq!(object["quick"].as_bool(), Some(true));
    let rows = object["measurements"].as_array().unwrap();
    for group in [
        "copy",
        "loads",
        "gather",
        "global atomics",
        "shared atomics",
        "private sums",
        "launch",
        "compile",
        "host to device",
        "device to host",
    ] {
        assert!(rows.iter().any(|row| row["group"] == group), "{group} is missing");
    }
    for row in rows {
        assert!(row["error"].is_null() && row["ms"].as_f64() > Some(0.0), "{row}");
        assert!(row["runs"].as_u64() >= Some(5), "{row}");
    }
    assert!(rows.iter().any(|row| row["name"].as_str().unwrap().starts_with("the largest of TPC-H")), "{}", ran.out);
}

#[test]
fn the_cpu_is_no_device_and_a_missing_gpu_is_told() {
    for args in [&["selftest"] as &[&str], &["bench", "kernels"]] {
        let ran = maar_on("cpu", args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains("--device cuda"), "{}", ran.err);
    }
    let listed = maar_on("cpu", &["devices"]);
    if listed.out.contains("missing: libcuda") {
        let ran = maar_on("cuda", &["selftest"]);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("Install NVIDIA's driver") && ran.err.contains("--device emulated"), "{}", ran.err);
    }
}
