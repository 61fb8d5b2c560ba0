//! The device layer on the emulated device: the checks every device must pass, caches, and memory under pressure.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use maar_gpu_exec::device::selftest::{self, CHECKS};
use maar_gpu_exec::device::{
    CodeOrigin, DeviceChoice, DeviceError, DeviceHandle, DeviceOptions, KernelRequest, discover,
};
use tempfile::TempDir;

fn open(dir: &TempDir, seed: Option<u64>) -> Arc<DeviceHandle> {
    let options = DeviceOptions {
        memory_bytes: Some(256 << 20),
        cache_dir: Some(dir.path().to_owned()),
        emulator_seed: seed,
        ..DeviceOptions::default()
    };
    DeviceHandle::open(DeviceChoice::Emulated, &options).unwrap()
}

/// Runs all checks under each schedule; code is compiled once.
#[test]
fn every_check_passes_under_every_schedule() {
    let dir = TempDir::new().unwrap();
    for seed in [None, Some(1), Some(2), Some(3), Some(0xFEED)] {
        let device = open(&dir, seed);
        for check in CHECKS {
            if let Err(error) = (check.run)(&device) {
                panic!("`{}` with seed {seed:?}: {error}", check.name);
            }
        }
        assert_eq!(device.memory().used_bytes, 0, "a check has kept a buffer");
    }
}

/// Streams of several threads work at once on one device.
#[test]
fn checks_pass_at_once_on_several_threads() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    // The last one starts threads of its own: there is no memory for all of them at once.
    let alone = ["accounting", "compiled code is found again", "streams side by side"];
    let independent = CHECKS.iter().filter(|check| !alone.contains(&check.name));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| independent.clone().for_each(|check| (check.run)(&device).unwrap()));
        }
    });
    assert_eq!(device.memory().used_bytes, 0);
}

/// Each query has a peak of its own time.
#[test]
fn a_peak_is_that_of_the_time_it_is_watched() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    drop(device.alloc("before", 8 << 20).unwrap());
    let kept = device.alloc("kept", 1 << 20).unwrap();
    let (first, second) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    device.watch_memory(&first);
    drop(device.reserve("meanwhile", 2 << 20).unwrap());
    device.watch_memory(&second);
    let peaks = || [&first, &second].map(|peak| peak.load(Ordering::Relaxed));
    assert_eq!(peaks(), [3 << 20, 1 << 20]);
    drop(device.alloc("both see it", 3 << 20).unwrap());
    assert_eq!((peaks(), device.memory().peak_bytes), ([4 << 20; 2], 8 << 20));
    drop(kept);
}

/// One small kernel.
fn request() -> KernelRequest {
    selftest::requests().remove(0)
}

fn origins(device: &DeviceHandle) -> Vec<CodeOrigin> {
    device.kernels(&[request()]).unwrap().iter().map(|kernel| kernel.origin).collect()
}

#[test]
fn code_is_compiled_once_and_found_on_disk_by_the_next_device() {
    let dir = TempDir::new().unwrap();
    let first = open(&dir, None);
    assert_eq!(origins(&first), [CodeOrigin::Compiled]);
    assert_eq!(origins(&first), [CodeOrigin::Memory]);
    let second = open(&dir, None);
    assert_eq!(origins(&second), [CodeOrigin::Disk]);
    assert_eq!(origins(&second), [CodeOrigin::Memory]);
    let counters = (first.counters(), second.counters());
    assert_eq!((counters.0.compiled, counters.0.memory_hits, counters.0.disk_hits), (1, 1, 0));
    assert_eq!((counters.1.compiled, counters.1.memory_hits, counters.1.disk_hits), (0, 1, 1));
}

#[test]
fn requests_made_at_once_compile_once() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| device.kernels(&[request(), request()]).unwrap());
        }
    });
    let counters = device.counters();
    assert_eq!((counters.compiled, counters.memory_hits), (1, 11));
}

/// All files below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_damaged_file_is_a_miss_and_is_replaced() {
    let dir = TempDir::new().unwrap();
    origins(&open(&dir, None));
    let found = files(dir.path());
    let [path] = found.as_slice() else { panic!("not one file but {found:?}") };
    let whole = fs::read(path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&whole[..whole.len() / 2], &whole[..whole.len() - 3], b"", &flipped] {
        fs::write(path, damaged).unwrap();
        assert_eq!(origins(&open(&dir, None)), [CodeOrigin::Compiled]);
        assert_eq!(origins(&open(&dir, None)), [CodeOrigin::Disk]);
    }
}

#[test]
fn a_refused_request_names_itself_and_the_option() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    let held = device.alloc("held", 200 << 20).unwrap();
    let refused = device.alloc("hash build", 100 << 20).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "device memory: hash build asked for 104857600 bytes; 209715200 of 268435456 bytes are in use (raise \
         `maar.device_memory`)"
    );
    assert!(
        matches!(device.reserve("sort", 100 << 20), Err(DeviceError::OutOfMemory { operation, .. }) if operation == "sort")
    );
    drop(held);
    device.alloc("hash build", 100 << 20).unwrap();
    assert_eq!(device.memory().peak_bytes, 200 << 20);
}

#[test]
fn the_reclaimer_is_asked_before_a_request_is_refused() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    let cached = Arc::new(Mutex::new((0..2).map(|_| device.alloc("cache", 100 << 20).unwrap()).collect::<Vec<_>>()));
    let (asked, evictable) = (Arc::new(AtomicU64::new(0)), Arc::downgrade(&cached));
    let needed = Arc::clone(&asked);
    device.set_reclaimer(Box::new(move |bytes| {
        needed.store(bytes, Ordering::Relaxed);
        let freed = evictable.upgrade().and_then(|cache| cache.lock().unwrap().pop());
        freed.map_or(0, |buffer| buffer.len() as u64)
    }));
    let mut reservation = device.reserve("scratch", 100 << 20).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), (300 - 256) << 20);
    assert_eq!(cached.lock().unwrap().len(), 1);
    reservation.alloc(100 << 20).unwrap();
    device.alloc("more scratch", 100 << 20).unwrap();
    let refused = device.alloc("too much", 300 << 20).unwrap_err();
    assert!(matches!(refused, DeviceError::OutOfMemory { used_bytes: 0, .. }), "{refused:?}");
}

#[test]
fn memory_that_rests_goes_back_once_nobody_uses_it() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    let buffer = device.alloc("rows", 100).unwrap();
    let arena_bytes = device.memory().arena_bytes;
    assert!(arena_bytes > 0);
    device.rest(true);
    assert_eq!(device.memory().arena_bytes, arena_bytes);
    drop(buffer);
    assert_eq!(device.memory().arena_bytes, 0);
    // What runs on takes some again, for as long as it needs it.
    drop(device.alloc("rows", 100).unwrap());
    assert_eq!(device.memory().arena_bytes, 0);
    device.rest(false);
    drop(device.alloc("rows", 100).unwrap());
    assert_eq!(device.memory().arena_bytes, arena_bytes);
}

#[test]
fn requests_are_refused_by_their_numbers() {
    let dir = TempDir::new().unwrap();
    let device = open(&dir, None);
    device.refuse(1..3);
    let refused: Vec<bool> = (0..5).map(|_| device.alloc("rows", 100).is_err()).collect();
    assert_eq!(refused, [false, true, true, false, false]);
    assert_eq!(device.refuse(0..0), 5);
    device.alloc("rows", 100).unwrap();
    assert_eq!((device.refuse(0..0), device.memory().used_bytes), (1, 0));
}

#[test]
fn a_missing_compiler_or_cache_folder_says_what_to_do() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("a file");
    fs::write(&file, b"").unwrap();
    let options = DeviceOptions { cache_dir: Some(file), ..DeviceOptions::default() };
    match DeviceHandle::open(DeviceChoice::Emulated, &options) {
        Err(DeviceError::Unavailable { what, remedy }) => {
            assert!(what.contains("a file") && remedy.contains("cache_dir"), "{what}. {remedy}");
        }
        other => panic!("{other:?}"),
    }
}

/// Everything that is missing comes with its cause and what to do.
#[test]
fn discovery_names_cause_and_remedy() {
    let report = discover();
    let text = report.to_string();
    for (found, remedy) in [(report.driver.is_ok(), "driver"), (report.nvrtc.is_ok(), "MAAR_NVRTC")] {
        assert!(found || text.contains(remedy), "{text}");
    }
    assert!(text.contains("emulated"), "{text}");
    if !report.cuda_usable() {
        let refused = DeviceHandle::open(DeviceChoice::Cuda { ordinal: 0 }, &DeviceOptions::default());
        assert!(matches!(refused, Err(DeviceError::Unavailable { .. })), "{refused:?}");
    }
}
