//! `spread.cuh`: what variances are made of, against integers of 256 bits.

use std::sync::Arc;

use arrow::datatypes::i256;
use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, ensure, random, shape};

const SPREAD: Kernel = Kernel {
    entry: "check_spread",
    sync: SyncMode::None,
    source: r#"
struct Params { const i64* count; const i128* sums; u64 rows; f64* out; };
MAAR_KERNEL(check_spread, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    const i128* s = p.sums + row * 4;
    p.out[row] = spread(p.count[row], s[0], s[1], s[2], s[3]);
  }
}
"#,
};

/// Values, and how often each occurs.
type Values = Vec<(i128, i128)>;

/// Values of 64 bits, signed or not: equal ones, neighbours far from zero, the ends, and any; as many as rows can be.
fn cases() -> Vec<Values> {
    let (low, high, most) = (i128::from(i64::MIN), i128::from(i64::MAX), i128::from(u64::MAX));
    let mut cases: Vec<Values> = vec![
        vec![(5, 1)],
        vec![(high, 1 << 40)],
        vec![(low, 1 << 39), (high, 1 << 39)],
        vec![(0, 1 << 39), (most, 1 << 39)],
        vec![(most, 1 << 40)],
        vec![(high, (1 << 40) - 1), (high - 1, 1)],
        vec![(-1, 3), (1, 3)],
        vec![(1 << 32, 1), ((1 << 32) - 1, 1), (-(1 << 32), 1), (-(1 << 32) - 1, 1)],
    ];
    for seed in SEEDS {
        let mut random = random(seed);
        for _ in 0..400 {
            let bits = random.random_range(0..64);
            let base = i128::from(random.random::<i64>()) >> random.random_range(0..64);
            let value = |random: &mut rand::rngs::SmallRng| {
                (base + (i128::from(random.random::<i64>()) >> bits)).clamp(low, high)
            };
            let count = random.random_range(1..20);
            cases.push((0..count).map(|_| (value(&mut random), random.random_range(1..100_000))).collect());
        }
    }
    cases
}

pub(crate) fn spreads(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let cases = cases();
    let (mut counts, mut sums, mut want) = (vec![], vec![], vec![]);
    for values in &cases {
        let total = |of: &dyn Fn(i128) -> i128| values.iter().map(|(value, times)| of(*value) * times).sum::<i128>();
        let halves = |value: i128| (value >> 32, value & 0xffff_ffff);
        let count = total(&|_| 1);
        counts.push(count as i64);
        let high = total(&|value| halves(value).0.pow(2));
        let cross = total(&|value| halves(value).0 * halves(value).1);
        let low = total(&|value| halves(value).1.pow(2));
        sums.extend([total(&|value| value), high, cross, low]);
        let wide = i256::from_i128;
        let square = |value: i128| wide(value).wrapping_mul(wide(value));
        let squares = values
            .iter()
            .fold(wide(0), |sum, (value, times)| sum.wrapping_add(square(*value).wrapping_mul(wide(*times))));
        let exact = squares.wrapping_mul(wide(count)).wrapping_sub(square(total(&|value| value)));
        want.push(exact.to_string().parse::<f64>()?);
    }
    let (count, input) = (bench.up(&counts)?, bench.up(&sums)?);
    let out = bench.filled::<f64>(cases.len(), 0)?;
    bench.run(&SPREAD, shape(2, 128, 0), &[count.ptr().0, input.ptr().0, cases.len() as u64, out.ptr().0])?;
    for (values, (got, want)) in cases.iter().zip(bench.down::<f64>(&out)?.into_iter().zip(want)) {
        ensure(got == want, || format!("the spread of {values:?} is {got:e} instead of {want:e}"))?;
    }
    Ok(())
}
