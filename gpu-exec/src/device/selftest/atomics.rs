//! Checks of atomics, on global and shared memory, under contention.

use std::sync::Arc;

use super::super::DeviceHandle;
use super::harness::{Bench, ensure, same, shape};
use super::{CheckResult, kernels};

pub(super) fn global(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (blocks, threads) in [(1, 32), (7, 64), (9, 256)] {
        let rows = u64::from(blocks * threads);
        let n = rows as i64;
        let [add32, addi32] = [bench.zeros::<u32>(1)?, bench.zeros::<i32>(1)?];
        let [add64, addi64] = [bench.zeros::<u64>(1)?, bench.zeros::<i64>(1)?];
        let (addf32, addf64) = (bench.zeros::<f32>(1)?, bench.zeros::<f64>(1)?);
        let (bounds32, bounds64) = (bench.up(&[u32::MAX, 0])?, bench.up(&[u64::MAX, 0])?);
        let (boundsi32, boundsi64) = (bench.up(&[i32::MAX, i32::MIN])?, bench.up(&[i64::MAX, i64::MIN])?);
        let (bits32, bits64) = (bench.up(&[0, u32::MAX])?, bench.up(&[0, u64::MAX])?);
        let seen = bench.zeros::<u32>(rows as usize)?;
        let buffers = [
            &add32, &add64, &addi32, &addi64, &addf32, &addf64, &bounds32, &bounds64, &boundsi32, &boundsi64, &bits32,
            &bits64, &seen,
        ];
        bench.run(&kernels::ATOMICS, shape(blocks, threads, 0), &buffers.map(|b| b.ptr().0))?;
        same("add u32", &bench.down(&add32)?, &[rows as u32])?;
        same("add u64", &bench.down(&add64)?, &[(rows * (rows - 1) / 2) << 32])?;
        same("add i32", &bench.down(&addi32)?, &[-(n as i32)])?;
        same("add i64", &bench.down(&addi64)?, &[n * (n - 1) / 2 - 500 * n])?;
        same("add f32", &bench.down(&addf32)?, &[rows as f32 * 0.5])?;
        same("add f64", &bench.down(&addf64)?, &[rows as f64 * 0.25])?;
        same("min and max u32", &bench.down(&bounds32)?, &[0, rows as u32 - 1])?;
        same("min and max u64", &bench.down(&bounds64)?, &[0, (rows - 1) << 33])?;
        same("min and max i32", &bench.down(&boundsi32)?, &[-500, n as i32 - 501])?;
        same("min and max i64", &bench.down(&boundsi64)?, &[-500 << 33, (n - 501) << 33])?;
        let and32 = if rows >= 31 { 0x8000_0000 } else { u32::MAX << rows };
        same("or and and u32", &bench.down(&bits32)?, &[u32::MAX, and32])?;
        let (or64, and64) = if rows >= 64 { (u64::MAX, 1 << 63) } else { (u64::MAX >> (64 - rows), u64::MAX << rows) };
        same("or and and u64", &bench.down(&bits64)?, &[or64, and64])?;
        same("old values of add", &bench.down(&seen)?, &vec![1_u32; rows as usize])?;
    }
    Ok(())
}

pub(super) fn shared(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for groups in [1_u64, 4, 33, 300] {
        let counts = bench.zeros::<u64>(groups as usize)?;
        bench.run(&kernels::SHARED_ATOMICS, shape(6, 256, groups as u32 * 8), &[counts.ptr().0, groups])?;
        let mut want = vec![0; groups as usize];
        (0..256).for_each(|tid| want[(tid % groups) as usize] += 6 * tid);
        same(&format!("{groups} shared counters"), &bench.down(&counts)?, &want)?;
    }
    Ok(())
}

pub(super) fn compare_and_swap(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let (blocks, threads) = (8, 256);
    let rows = u64::from(blocks * threads);
    let capacity = rows + 1;
    let slots = bench.zeros::<u64>(capacity as usize)?;
    let (winners, last, last64) = (bench.zeros::<u32>(1)?, bench.zeros::<u32>(1)?, bench.zeros::<u64>(1)?);
    let small = bench.zeros::<u32>(1)?;
    let params = [slots.ptr().0, capacity, winners.ptr().0, last.ptr().0, last64.ptr().0, small.ptr().0];
    bench.run(&kernels::SWAPS, shape(blocks, threads, 0), &params)?;
    same("keys inserted", &bench.down(&winners)?, &[rows as u32 / 2])?;
    let mut keys: Vec<u64> = bench.down::<u64>(&slots)?.into_iter().filter(|key| *key != 0).collect();
    keys.sort_unstable();
    same("keys in the table", &keys, &(1..=rows / 2).collect::<Vec<u64>>())?;
    let last: Vec<u64> = bench.down::<u32>(&last)?.into_iter().map(u64::from).chain(bench.down(&last64)?).collect();
    let small = bench.down::<u32>(&small)?.into_iter().map(u64::from);
    ensure(last.into_iter().chain(small).all(|row| (1..=rows).contains(&row)), || "a swap lost its value".to_owned())
}
