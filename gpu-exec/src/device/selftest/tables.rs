//! Checks of what only many threads at once can break: tables that all of them fill, and streams side by side.

use std::sync::Arc;
use std::thread;

use super::super::{DeviceHandle, DeviceKind};
use super::harness::{Bench, ensure, same, shape};
use super::{CheckError, CheckResult, kernels, memory, threads};

/// Threads that copy and launch at once, each on a stream of its own.
const STREAMS: usize = 4;

/// Lanes of one warp, warps of one block and blocks insert the same few keys, or all different ones: into a table of
/// words, and into one whose slots are written under a lock while other lanes of the same warp wait for them.
pub(super) fn contention(device: &Arc<DeviceHandle>) -> CheckResult {
    let (blocks, rows) = if device.info().kind == DeviceKind::Cuda { (264, 1 << 20) } else { (8, 1 << 14) };
    for distinct in [1_u64, 3, 37, rows / 4] {
        fill(device, blocks, rows, distinct).map_err(|error| match error {
            CheckError::Wrong(what) => CheckError::Wrong(format!("{rows} rows of {distinct} keys: {what}")),
            error @ CheckError::Device(_) => error,
        })?;
    }
    Ok(())
}

fn fill(device: &Arc<DeviceHandle>, blocks: u32, rows: u64, distinct: u64) -> CheckResult {
    let bench = Bench::new(device)?;
    let slots = (distinct * 2).next_power_of_two().max(64);
    let (count, words) = (slots as usize, 2 * slots as usize);
    let keys = bench.up(&vec![u64::MAX; count])?;
    let (states, wide) = (bench.zeros::<u32>(count)?, bench.up(&vec![u64::MAX; words])?);
    let error = bench.up(&[0, u64::MAX])?;
    let (counts, sums) = (bench.zeros::<u64>(count)?, bench.zeros::<i128>(count)?);
    let params = [
        rows,
        distinct,
        slots - 1,
        keys.ptr().0,
        states.ptr().0,
        wide.ptr().0,
        error.ptr().0,
        counts.ptr().0,
        sums.ptr().0,
    ];
    bench.run(&kernels::CONTENTION, shape(blocks, 256, 0), &params)?;
    same("error words", &bench.down(&error)?, &[0, u64::MAX])?;

    let keys: Vec<u64> = bench.down(&keys)?;
    let counts: Vec<u64> = bench.down(&counts)?;
    let mut found: Vec<(u64, u64)> = keys.into_iter().zip(counts).filter(|(key, _)| *key != u64::MAX).collect();
    found.sort_unstable();
    let of_key = |key: u64| rows / distinct + u64::from(key < rows % distinct);
    let want: Vec<(u64, u64)> = (0..distinct).map(|key| (key, of_key(key))).collect();
    ensure(found == want, || format!("the table of words holds {} keys, or miscounts their rows", found.len()))?;

    let (states, wide): (Vec<u32>, Vec<u64>) = (bench.down(&states)?, bench.down(&wide)?);
    let sums: Vec<i128> = bench.down(&sums)?;
    let mut found: Vec<(u64, u64, i128)> =
        (0..count).filter(|slot| states[*slot] == 2).map(|slot| (wide[slot], wide[count + slot], sums[slot])).collect();
    found.sort_unstable();
    // Sums whose low words carry.
    let sum = |key: u64| {
        let (first, steps) = (i128::from(key), i128::from(of_key(key)));
        (first * steps + i128::from(distinct) * steps * (steps - 1) / 2) * (1 << 50) - steps
    };
    let want: Vec<(u64, u64, i128)> = (0..distinct).map(|key| (key, !key, sum(key))).collect();
    ensure(found == want, || format!("the table of wide keys holds {} keys, or sums their rows wrongly", found.len()))
}

/// Copies and launches of several threads do not meet: not in staging memory, not in the arena, not in the compiler.
pub(super) fn side_by_side(device: &Arc<DeviceHandle>) -> CheckResult {
    thread::scope(|scope| {
        let work = || {
            memory::copies(device)?;
            threads::sums(device)?;
            memory::long_copies(device)
        };
        let running: Vec<_> = (0..STREAMS).map(|_| scope.spawn(work)).collect();
        let ended = |outcome: thread::Result<CheckResult>| {
            outcome.unwrap_or_else(|_| Err(CheckError::Wrong("a thread panicked".to_owned())))
        };
        running.into_iter().try_for_each(|thread| ended(thread.join()))
    })
}
