//! Checks of copies, ranges, accounting, clocks and the code cache.

use std::sync::Arc;

use super::super::{CodeOrigin, DeviceError, DeviceHandle, KernelRequest, SyncMode};
use super::harness::{Bench, ensure, same};
use super::{CheckError, CheckResult, kernels};

/// Bytes that differ from their neighbours and, at any distance that matters, from those one slot further.
fn pattern(bytes: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..bytes.min(65_521)).map(|i| (i * 31 + i / 251) as u8).collect();
    let mut all = period.repeat(bytes.div_ceil(65_521));
    all.truncate(bytes);
    all
}

pub(super) fn copies(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for bytes in [0, 1, 31, 32, 33, 255, 256, 257, 65_535, 65_537, 200_000] {
        let data = pattern(bytes);
        let (first, second) = (device.alloc("copies", bytes)?, device.alloc("copies", bytes + 7)?);
        bench.stream.upload(&first, 0, &data)?;
        bench.stream.fill(&second, 0, bytes + 7, 0x5A)?;
        bench.stream.copy(&second, 3, &first, 0, bytes)?;
        let want: Vec<u8> = [&[0x5A; 3][..], &data, &[0x5A; 4]].concat();
        same(&format!("{bytes} bytes"), &bench.down::<u8>(&second)?, &want)?;
    }
    Ok(())
}

pub(super) fn long_copies(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let bytes = (40 << 20) + 13;
    let data = pattern(bytes);
    let buffer = device.alloc("long copies", bytes)?;
    bench.stream.upload(&buffer, 0, &data)?;
    let mut back = vec![0; bytes];
    bench.stream.download(&buffer, 0, &mut back)?;
    ensure(back == data, || "a long copy differs".to_owned())?;
    // The ring's slots are all in use when the first is needed again.
    for round in 0..40_u8 {
        bench.stream.upload(&buffer, usize::from(round), &[round])?;
    }
    let mut head = [0; 40];
    bench.stream.download(&buffer, 0, &mut head)?;
    same("short copies in order", &head, &std::array::from_fn::<u8, 40, _>(|i| i as u8))
}

pub(super) fn ranges(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let buffer = device.alloc("ranges", 100)?;
    let calls = [
        bench.stream.upload(&buffer, 90, &[0; 11]),
        bench.stream.download(&buffer, 101, &mut []),
        bench.stream.fill(&buffer, usize::MAX, 2, 0),
        bench.stream.copy(&buffer, 0, &buffer, 50, 51),
        bench.stream.copy(&buffer, 0, &buffer, 10, 20),
    ];
    for (index, call) in calls.into_iter().enumerate() {
        ensure(matches!(call, Err(DeviceError::InvalidCall { .. })), || format!("call {index} gave {call:?}"))?;
    }
    Ok(())
}

pub(super) fn accounting(device: &Arc<DeviceHandle>) -> CheckResult {
    let before = device.memory().used_bytes;
    let used = || device.memory().used_bytes - before;
    let buffers =
        [0, 1, 256, 257].map(|bytes| device.alloc("accounting", bytes)).into_iter().collect::<Result<Vec<_>, _>>()?;
    same("four buffers", &[used()], &[256 + 256 + 256 + 512])?;
    ensure(buffers.iter().all(|b| b.ptr().0.is_multiple_of(256)), || "a buffer is not aligned".to_owned())?;
    drop(buffers);
    let mut reservation = device.reserve("accounting", 10_000)?;
    let buffer = reservation.alloc(4000)?;
    same("a buffer from a reservation", &[used(), reservation.bytes()], &[10_000, 10_000 - 4096])?;
    reservation.shrink_to(1000);
    same("a smaller reservation", &[used()], &[4096 + 1000])?;
    drop((reservation, buffer));
    same("nothing", &[used()], &[0])?;
    let refused = device.alloc("too much", usize::MAX / 4);
    ensure(matches!(refused, Err(DeviceError::OutOfMemory { .. })), || format!("too much gave {refused:?}"))
}

pub(super) fn time_marks(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let buffer = device.alloc("time marks", 1 << 20)?;
    let start = bench.stream.time_mark()?;
    bench.stream.fill(&buffer, 0, 1 << 20, 1)?;
    let end = bench.stream.time_mark()?;
    bench.stream.synchronize()?;
    let took = start.elapsed_ms(&end)?;
    ensure((0.0..10_000.0).contains(&took), || format!("a fill of 1 MiB took {took} ms"))
}

pub(super) fn code_is_found_again(device: &Arc<DeviceHandle>) -> CheckResult {
    let request = kernels::BITS.request();
    device.kernels(std::slice::from_ref(&request))?;
    let before = device.counters();
    let again = device.kernels(&[request.clone(), request])?;
    let after = device.counters();
    same("kernels compiled", &[after.compiled], &[before.compiled])?;
    same("found in memory", &[after.memory_hits - before.memory_hits], &[2])?;
    ensure(again.iter().all(|k| k.origin == CodeOrigin::Memory), || format!("{again:?}"))?;
    let broken = KernelRequest { entry: "broken".into(), source: "MAAR_KERNEL(broken".into(), sync: SyncMode::None };
    match device.kernels(&[broken]) {
        Err(DeviceError::Compile { entry, log }) => ensure(entry == "broken" && log.contains("broken.cu"), || {
            format!("the log does not name the source: {log}")
        }),
        other => Err(CheckError::Wrong(format!("source that is wrong gave {other:?}"))),
    }
}
