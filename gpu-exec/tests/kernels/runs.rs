//! `fixed/runs.cu`: counts of slots become offsets, and every row finds a place in the run of its slot.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use maar_gpu_exec::kernels;
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, random, same, shape};

const fn step(entry: &'static str, sync: SyncMode) -> Kernel {
    Kernel { entry, sync, source: kernels::RUNS }
}
const SUMS: Kernel = step("maar_run_sums", SyncMode::Block);
const BASES: Kernel = step("maar_run_bases", SyncMode::Block);
const OFFSETS: Kernel = step("maar_run_offsets", SyncMode::Block);
const FILL: Kernel = step("maar_run_fill", SyncMode::None);

/// Slots around a chunk of 2048, around the 256 chunks one pass of the middle kernel takes, and of one slot.
const SLOTS: [usize; 9] = [1, 31, 32, 33, 2047, 2048, 2049, 10_000, 2048 * 256 + 2049];

pub(crate) fn runs(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for slots in SLOTS {
        // The longest tables cost most and hold nothing new for few rows.
        let sizes: &[usize] = if slots > 10_000 { &[5000] } else { &[0, 1, 33, 5000] };
        for rows in sizes.iter().copied() {
            let mut random = random(SEEDS[rows % 3] + slots as u64);
            let sets = [
                vec![slots as u32 - 1; rows],
                (0..rows).map(|_| random.random_range(0..slots) as u32).collect(),
                // Towards the first slots.
                (0..rows).map(|_| random.random_range(0..slots).min(random.random_range(0..slots)) as u32).collect(),
            ];
            for (set, slot_of) in sets.iter().enumerate() {
                check(&bench, slots, slot_of)
                    .map_err(|error| format!("{rows} rows in {slots} slots, set {set}: {error}"))?;
            }
        }
    }
    Ok(())
}

fn check(bench: &Bench<'_>, slots: usize, slot_of: &[u32]) -> CheckResult {
    let rows = slot_of.len();
    let mut counts = vec![0_u32; slots];
    slot_of.iter().for_each(|slot| counts[*slot as usize] += 1);
    let chunks = slots.div_ceil(2048);
    // The counter says how many rows came; no more than the capacity were stored.
    let (came, stored) = (bench.up(&[rows as u64 + 7])?, bench.up(slot_of)?);
    let (counted, sums) = (bench.up(&counts)?, bench.filled::<u64>(chunks, 0xff)?);
    let (offsets, permutation) = (bench.filled::<u32>(slots + 1, 0xff)?, bench.filled::<u32>(rows, 0xff)?);
    let addresses = [&came, &counted, &offsets, &sums, &stored, &permutation].map(|buffer| buffer.ptr().0);
    let mut params = vec![slots as u64];
    params.extend(addresses);
    params.push(rows as u64);
    bench.run(&SUMS, shape(chunks.min(5) as u32, 256, 128), &params)?;
    bench.run(&BASES, shape(1, 256, 128), &params)?;
    bench.run(&OFFSETS, shape(chunks.min(5) as u32, 256, 128), &params)?;
    bench.run(&FILL, shape(3, 256, 0), &params)?;
    let mut want = vec![0_u32];
    want.extend(counts.iter().scan(0, |end, count| {
        *end += count;
        Some(*end)
    }));
    same("offsets", &bench.down::<u32>(&offsets)?, &want)?;
    same("counts, used up", &bench.down::<u32>(&counted)?, &vec![0; slots])?;
    let mut permuted: Vec<u32> = bench.down(&permutation)?;
    let slots_in_order: Vec<u32> = permuted.iter().filter_map(|row| slot_of.get(*row as usize).copied()).collect();
    let mut sorted = slot_of.to_vec();
    sorted.sort_unstable();
    same("slots of the rows in their runs", &slots_in_order, &sorted)?;
    permuted.sort_unstable();
    Ok(same("rows in the runs", &permuted, &(0..rows as u32).collect::<Vec<_>>())?)
}
