//! Checks of thread indices, warp operations, barriers and waiting between blocks, at all sizes that matter.

use std::sync::Arc;

use super::super::{DeviceError, DeviceHandle, Launch};
use super::harness::{Bench, ensure, same, shape};
use super::{CheckResult, kernels};

/// One tile of rows, as pipelines use it.
const TILE: usize = 2048;

pub(super) fn indices(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (blocks, threads) in [(1, 32), (3, 64), (1, 256), (70, 256)] {
        let out = bench.zeros::<u64>((blocks * threads * 6) as usize)?;
        bench.run(&kernels::INDICES, shape(blocks, threads, 0), &[out.ptr().0])?;
        let want: Vec<u64> = (0..blocks * threads)
            .flat_map(|i| {
                let tid = i % threads;
                [tid, i / threads, threads, blocks, tid % 32, tid / 32]
            })
            .map(u64::from)
            .collect();
        same(&format!("indices of {blocks} x {threads}"), &bench.down(&out)?, &want)?;
    }
    Ok(())
}

pub(super) fn launch_shapes(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let too_much = device.info().shared_bytes_max + 1;
    for launch in [shape(0, 32, 0), shape(1, 0, 0), shape(1, 33, 0), shape(1, 288, 0), shape(1, 32, too_much)] {
        let Launch { blocks, threads, shared_bytes } = launch;
        let outcome = bench.run(&kernels::INDICES, launch, &[0]);
        let refused = matches!(outcome, Err(super::CheckError::Device(DeviceError::InvalidCall { .. })));
        ensure(refused, || format!("{blocks} x {threads} with {shared_bytes} bytes gave {outcome:?}"))?;
    }
    Ok(())
}

pub(super) fn sums(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in [0, 1, 31, 32, 33, TILE - 1, TILE, TILE + 1, 100_000] {
        let values: Vec<i32> = (0..rows).map(|i| (i as i32).wrapping_mul(1_000_003)).collect();
        let want: i64 = values.iter().map(|v| i64::from(*v)).sum();
        let column = bench.up(&values)?;
        for (blocks, threads) in [(1, 32), (2, 64), (5, 256)] {
            let total = bench.zeros::<i64>(1)?;
            let params = [column.ptr().0, total.ptr().0, rows as u64];
            bench.run(&kernels::SUM, shape(blocks, threads, 0), &params)?;
            same(&format!("sum of {rows} rows in {blocks} x {threads}"), &bench.down(&total)?, &[want])?;
        }
    }
    Ok(())
}

pub(super) fn votes(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let words: [u32; 8] = [0, u32::MAX, 1, 0x8000_0000, 0xAAAA_AAAA, 0x7FFF_FFFF, 0xFFFF_FFFE, 0x1234_5678];
    let flags: Vec<u32> = words.iter().flat_map(|w| (0..32).map(move |lane| w >> lane & 1)).collect();
    let flags = bench.up(&flags)?;
    for threads in [32, 64, 256] {
        let [ballots, any, all] = [bench.zeros::<u32>(8)?, bench.zeros::<u32>(8)?, bench.zeros::<u32>(8)?];
        let params = [&flags, &ballots, &any, &all].map(|b| b.ptr().0);
        bench.run(&kernels::VOTES, shape(256 / threads, threads, 0), &params)?;
        same("ballots", &bench.down(&ballots)?, &words)?;
        same("any", &bench.down(&any)?, &words.map(|w| u32::from(w != 0)))?;
        same("all", &bench.down(&all)?, &words.map(|w| u32::from(w == u32::MAX)))?;
    }
    Ok(())
}

pub(super) fn shuffles(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let values: Vec<i128> = (0..32).map(|i| (i - 16) * 0x0123_4567_89AB_CDEF_0011_2233_4455_i128).collect();
    let input = bench.up(&values)?;
    let out = bench.zeros::<i128>(7 * 160)?;
    bench.run(&kernels::SHUFFLES, shape(1, 32, 0), &[input.ptr().0, out.ptr().0])?;
    // What each type keeps of a value, in the kernel's order.
    let kept: [fn(i128) -> i128; 7] = [
        |v| i128::from(v as i32),
        |v| i128::from(v as u32),
        |v| i128::from(v as i64),
        |v| i128::from(v as u64),
        |v| v,
        |v| v & 0xffff,
        |v| v & 0xff_ffff,
    ];
    let sources: [fn(usize) -> usize; 5] = [
        |_| 7,
        |lane| (lane + 5) % 32,
        |lane| if lane < 3 { lane } else { lane - 3 },
        |lane| if lane + 4 > 31 { lane } else { lane + 4 },
        |lane| lane ^ 9,
    ];
    let want: Vec<i128> = kept
        .iter()
        .flat_map(|keep| sources.iter().map(move |source| (keep, source)))
        .flat_map(|(keep, source)| (0..32).map(move |lane| (keep, source(lane))))
        .map(|(keep, lane)| keep(values[lane]))
        .collect();
    same("shuffles", &bench.down(&out)?, &want)
}

pub(super) fn block_reduction(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (blocks, threads) in [(1, 32), (3, 64), (40, 256)] {
        let values: Vec<i64> = (0..i64::from(blocks * threads)).map(|i| i * i - 77).collect();
        let want: Vec<i64> = values.chunks(threads as usize).map(|block| block.iter().sum()).collect();
        let (input, sums) = (bench.up(&values)?, bench.zeros::<i64>(blocks as usize)?);
        bench.run(&kernels::BLOCK_SUM, shape(blocks, threads, threads / 32 * 8), &[input.ptr().0, sums.ptr().0])?;
        same(&format!("block sums of {blocks} x {threads}"), &bench.down(&sums)?, &want)?;
    }
    Ok(())
}

pub(super) fn large_shared_memory(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    // The most without opting in, and the most there is.
    for shared_bytes in [4, 48 << 10, device.info().shared_bytes_max] {
        let words = shared_bytes / 4;
        let out = bench.zeros::<u32>(2 * words as usize)?;
        bench.run(&kernels::REVERSE, shape(2, 256, shared_bytes), &[out.ptr().0, u64::from(words)])?;
        let want: Vec<u32> = (0..2).flat_map(|block| (0..words).rev().map(move |i| i + block)).collect();
        same(&format!("{shared_bytes} bytes reversed"), &bench.down(&out)?, &want)?;
    }
    Ok(())
}

pub(super) fn look_back(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (blocks, tiles) in [(1, 1), (2, 33), (16, 500)] {
        let (ticket, flags, totals) =
            (bench.zeros::<u32>(1)?, bench.zeros::<u64>(tiles as usize)?, bench.zeros::<u64>(tiles as usize)?);
        let params = [ticket.ptr().0, flags.ptr().0, totals.ptr().0, tiles];
        bench.run(&kernels::LOOK_BACK, shape(blocks, 64, 4), &params)?;
        let want: Vec<u64> = (1..=tiles).map(|n| n * (n + 1) / 2).collect();
        same(&format!("{tiles} tiles in {blocks} blocks"), &bench.down(&totals)?, &want)?;
    }
    Ok(())
}
