//! The gate for device source: NVRTC makes code of it for every architecture, without a GPU.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../tests/src/skip.rs"]
mod skip;

use maar_gpu_exec::device::{DeviceError, KernelRequest, SyncMode, discover, nvrtc_check, selftest};
use maar_gpu_exec::{bench, kernels};

const ARCHITECTURES: [u32; 4] = [75, 80, 90, 100];

/// Whether NVRTC is here; else `test` is listed as skipped.
fn available(test: &str) -> bool {
    let missing = discover().nvrtc.err();
    if let Some(error) = &missing {
        skip::skipped("nvrtc", test, &error.to_string());
    }
    missing.is_none()
}

#[test]
fn every_primitive_compiles_for_every_architecture_without_spills() {
    if !available("every_primitive_compiles_for_every_architecture_without_spills") {
        return;
    }
    let mut requests = selftest::requests();
    requests.push(KernelRequest { entry: "maar_run_sums".into(), source: kernels::RUNS.into(), sync: SyncMode::Block });
    requests.push(KernelRequest { entry: "maar_pick".into(), source: kernels::PICK.into(), sync: SyncMode::None });
    requests.extend(bench::requests());
    for arch in ARCHITECTURES {
        let resources = nvrtc_check(&requests, arch).unwrap();
        for (request, found) in requests.iter().zip(resources) {
            let what = format!("`{}` for sm_{arch}: {found:?}", request.entry);
            assert!((1..=128).contains(&found.registers), "{what}");
            assert_eq!(found.spill_bytes, 0, "{what}");
        }
    }
}

#[test]
fn wrong_text_is_an_error_with_its_own_lines() {
    if !available("wrong_text_is_an_error_with_its_own_lines") {
        return;
    }
    let source = "struct Params { u64 a; };\nMAAR_KERNEL(wrong, Params, p) {\n  unknown(p.a);\n}\n";
    let request = KernelRequest { entry: "wrong".into(), source: source.into(), sync: SyncMode::None };
    match nvrtc_check(std::slice::from_ref(&request), 90) {
        Err(DeviceError::Compile { entry, log }) => {
            assert_eq!(entry, "wrong");
            assert!(log.contains("wrong.cu(3)"), "{log}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(nvrtc_check(&[request], 20), Err(DeviceError::Unavailable { .. })));
}
