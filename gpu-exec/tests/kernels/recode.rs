//! `fixed/recode.cu`: codes of one dictionary become codes of another, from every width to every width.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SIZES, random, same, shape};

const RECODE: Kernel =
    Kernel { entry: "maar_recode", sync: SyncMode::None, source: include_str!("../../src/kernels/fixed/recode.cu") };

/// Bytes of a code.
const WIDTHS: [usize; 3] = [1, 2, 4];

fn stored(codes: &[u32], width: usize) -> Vec<u8> {
    codes.iter().flat_map(|code| code.to_le_bytes()[..width].to_vec()).collect()
}

/// Largest code of a width.
fn largest(width: usize) -> u32 {
    u32::MAX >> (32 - 8 * width)
}

pub(crate) fn codes(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in SIZES {
        for (from, to) in WIDTHS.into_iter().flat_map(|from| WIDTHS.map(|to| (from, to))) {
            for entries in [0, 1, 200] {
                let mut random = random((rows + from * 8 + to) as u64);
                let table: Vec<u32> = (0..entries).map(|_| random.random_range(0..=largest(to))).collect();
                // Codes past the table stay as they are, so they fit the new width.
                let bound = largest(from).min(largest(to)).min(300);
                let codes: Vec<u32> = (0..rows).map(|_| random.random_range(0..=bound)).collect();
                let want: Vec<u32> =
                    codes.iter().map(|code| table.get(*code as usize).copied().unwrap_or(*code)).collect();
                let (input, table) = (bench.up(&stored(&codes, from))?, bench.up(&table)?);
                let out = bench.filled::<u8>(rows * to, 0)?;
                let params =
                    [rows as u64, input.ptr().0, from as u64, out.ptr().0, to as u64, table.ptr().0, entries as u64];
                bench.run(&RECODE, shape(3, 64, 0), &params)?;
                let what = format!("{rows} codes of {from} bytes to {to}, {entries} entries");
                same(&what, &bench.down::<u8>(&out)?, &stored(&want, to))?;
            }
        }
    }
    Ok(())
}
