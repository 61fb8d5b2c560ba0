//! The device layer on the emulated device: the checks every device must pass, under several schedules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use maar_gpu_exec::device::selftest::CHECKS;
use maar_gpu_exec::device::{DeviceChoice, DeviceHandle, DeviceOptions};
use tempfile::TempDir;

fn options(dir: &TempDir, seed: Option<u64>) -> DeviceOptions {
    DeviceOptions {
        memory_bytes: Some(256 << 20),
        cache_dir: Some(dir.path().to_owned()),
        emulator_seed: seed,
        ..DeviceOptions::default()
    }
}

/// Runs all checks under each schedule; code is compiled once.
#[test]
fn every_check_passes_under_every_schedule() {
    let dir = TempDir::new().unwrap();
    for seed in [None, Some(1), Some(2), Some(0xFEED)] {
        let device = DeviceHandle::open(DeviceChoice::Emulated, &options(&dir, seed)).unwrap();
        for check in CHECKS {
            let start = std::time::Instant::now();
            if let Err(error) = (check.run)(&device) {
                panic!("`{}` with seed {seed:?}: {error}", check.name);
            }
            eprintln!("{:?} {}: {:?}", seed, check.name, start.elapsed());
        }
    }
}
