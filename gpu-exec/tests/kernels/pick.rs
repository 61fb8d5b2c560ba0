//! `fixed/pick.cu`: some rows of an array, of every width.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use maar_gpu_exec::kernels::PICK;
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SIZES, random, same, shape};

const KERNEL: Kernel = Kernel { entry: "maar_pick", sync: SyncMode::None, source: PICK };

pub(crate) fn rows(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in SIZES {
        for width in [1_usize, 2, 4, 8, 16] {
            let mut random = random((rows * 31 + width) as u64);
            let values: Vec<u8> = (0..rows.max(1) * width).map(|_| random.random()).collect();
            let picked: Vec<u32> = (0..rows).map(|_| random.random_range(0..rows.max(1) as u32)).collect();
            let want: Vec<u8> =
                picked.iter().flat_map(|row| values[*row as usize * width..][..width].to_vec()).collect();
            let (from, list) = (bench.up(&values)?, bench.up(&picked)?);
            let to = bench.filled::<u8>(rows * width, 0)?;
            let params = [rows as u64, list.ptr().0, from.ptr().0, to.ptr().0, width as u64];
            bench.run(&KERNEL, shape(3, 64, 0), &params)?;
            same(&format!("{rows} rows of {width} bytes"), &bench.down::<u8>(&to)?, &want)?;
        }
    }
    Ok(())
}
