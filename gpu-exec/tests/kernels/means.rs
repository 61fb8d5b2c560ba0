//! `arithmetic.cuh`: means of sums that have up to 192 bits.

use std::sync::Arc;

use arrow::datatypes::i256;
use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, edges, ensure, random, shape};

const MEANS: Kernel = Kernel {
    entry: "check_means",
    sync: SyncMode::None,
    source: r#"
struct Params { const i128* high; const i128* low; const i64* count; u64 rows; i128* whole; i32* digits; };
MAAR_KERNEL(check_means, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    p.whole[row] = mean_whole(p.high[row], p.low[row], p.count[row]);
    p.digits[row] = mean_digits(p.high[row], p.low[row], p.count[row], 10000);
  }
}
"#,
};

/// Sums of so many values, each of the greatest magnitude or any, as their high and low halves add up.
fn sums() -> Vec<(i128, i128, i64)> {
    let most = 10_i128.pow(38) - 1;
    let mut sums = Vec::new();
    let mut add = |value: i128, count: i64| {
        let (high, low) = (value >> 64, value & i128::from(u64::MAX));
        sums.push((high * i128::from(count), low * i128::from(count), count));
    };
    for count in [1, 2, 3, 7, 1 << 20, (1 << 40) - 1] {
        for value in [most, -most, most - 1, 1, -1, 0, i128::from(i64::MAX), -(1_i128 << 64)] {
            add(value, count);
        }
        edges().iter().filter(|edge| edge.unsigned_abs() <= most.unsigned_abs()).for_each(|edge| add(*edge, count));
    }
    for seed in SEEDS {
        let mut random = random(seed);
        for _ in 0..2000 {
            let high = random.random_range(-(1_i128 << 62)..1 << 62);
            // As sums of no equal values would be.
            sums.push((high, random.random_range(0..1_i128 << 100), random.random_range(1..1_i64 << 40)));
        }
    }
    sums
}

pub(crate) fn means(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let sums = sums();
    let (high, low, count): (Vec<i128>, Vec<i128>, Vec<i64>) =
        (sums.iter().map(|s| s.0).collect(), sums.iter().map(|s| s.1).collect(), sums.iter().map(|s| s.2).collect());
    let inputs = (bench.up(&high)?, bench.up(&low)?, bench.up(&count)?);
    let (whole, digits) = (bench.filled::<i128>(sums.len(), 0)?, bench.filled::<i32>(sums.len(), 0)?);
    let params =
        [inputs.0.ptr().0, inputs.1.ptr().0, inputs.2.ptr().0, sums.len() as u64, whole.ptr().0, digits.ptr().0];
    bench.run(&MEANS, shape(2, 128, 0), &params)?;
    let got = bench.down::<i128>(&whole)?.into_iter().zip(bench.down::<i32>(&digits)?);
    let power = i256::from_i128(10_000);
    for ((high, low, count), (whole, digits)) in sums.into_iter().zip(got) {
        let half = i256::from_i128(1 << 64);
        let sum = i256::from_i128(high).wrapping_mul(half).wrapping_add(i256::from_i128(low));
        let want = sum.wrapping_mul(power).wrapping_div(i256::from_i128(i128::from(count)));
        let got = i256::from_i128(whole).wrapping_mul(power).wrapping_add(i256::from_i128(i128::from(digits)));
        ensure(got == want, || format!("{sum} / {count} became {whole} and {digits} instead of {want}"))?;
        ensure(whole.signum() * i128::from(digits) >= 0, || format!("{whole} and {digits} have two signs"))?;
    }
    Ok(())
}
