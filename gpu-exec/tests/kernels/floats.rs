//! `arithmetic.cuh` on floats: the total order, and conversions to and from integers of 128 bits.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, any_integer, edges, ensure, random, same, shape};

const ORDER: Kernel = Kernel {
    entry: "check_float_order",
    sync: SyncMode::None,
    source: r#"
struct Params { const f64* values; u64 rows; i64* order; i64* rank; u64* back; };
MAAR_KERNEL(check_float_order, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    p.order[row] = float_order(p.values[row]);
    p.rank[row] = float_rank(p.values[row]);
    p.back[row] = m_bitcast<u64>(float_from_order(float_order(p.values[row])));
  }
}
"#,
};

/// Every class of float, of both signs, with neighbours; and any bits.
fn floats() -> Vec<f64> {
    let classes = [0.0, f64::MIN_POSITIVE, 5e-324, 1.0, 1.5, 2e9, 1e18, 1e19, 1e38, f64::MAX, f64::INFINITY, f64::NAN];
    let payload = f64::from_bits(0x7ff8_0000_dead_beef);
    let mut values: Vec<f64> = Vec::new();
    for value in classes.into_iter().chain([payload]) {
        for near in [value, f64::from_bits(value.to_bits() + 1), f64::from_bits(value.to_bits().saturating_sub(1))] {
            values.extend([near, -near]);
        }
    }
    let powers = [31, 52, 53, 62, 63, 64, 65, 100, 125, 126, 127].map(|bits| 2_f64.powi(bits));
    for power in powers.into_iter().chain([8.5e37, 1e37, 0.5, 1e-3]) {
        for near in [power, power.next_up(), power.next_down(), power + 0.5, power - 0.5] {
            values.extend([near, -near]);
        }
    }
    for seed in SEEDS {
        let mut random = random(seed);
        values.extend((0..2000).map(|_| f64::from_bits(random.random())));
        values.extend((0..2000).map(|_| any_integer(&mut random) as f64));
        values.extend((0..2000).map(|_| any_integer(&mut random) as f64 / 1e20));
    }
    values
}

pub(crate) fn order(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let values = floats();
    let rows = values.len();
    let input = bench.up(&values)?;
    let (order, rank) = (bench.filled::<i64>(rows, 0)?, bench.filled::<i64>(rows, 0)?);
    let back = bench.filled::<u64>(rows, 0)?;
    let params = [input.ptr().0, rows as u64, order.ptr().0, rank.ptr().0, back.ptr().0];
    bench.run(&ORDER, shape(2, 128, 0), &params)?;
    // NaN is one value, whatever its bits.
    let plain = |value: f64| if value.is_nan() { f64::NAN } else { value };
    let bits: Vec<u64> = values.iter().map(|value| plain(*value).to_bits()).collect();
    same("floats from their order", &bench.down::<u64>(&back)?, &bits)?;
    let (order, rank): (Vec<i64>, Vec<i64>) = (bench.down(&order)?, bench.down(&rank)?);
    let unsigned_zero = |value: f64| if value == 0.0 { 0.0 } else { value };
    let mut sorted: Vec<usize> = (0..rows).collect();
    sorted.sort_by(|a, b| plain(values[*a]).total_cmp(&plain(values[*b])));
    for pair in sorted.windows(2) {
        let (a, b) = (plain(values[pair[0]]), plain(values[pair[1]]));
        let ordered = order[pair[0]].cmp(&order[pair[1]]) == a.total_cmp(&b);
        ensure(ordered, || format!("the order of {a:?} and {b:?}, {:#x} and {:#x}", a.to_bits(), b.to_bits()))?;
        let ranked = rank[pair[0]].cmp(&rank[pair[1]]) == unsigned_zero(a).total_cmp(&unsigned_zero(b));
        ensure(ranked, || format!("the rank of {a:?} and {b:?}, {:#x} and {:#x}", a.to_bits(), b.to_bits()))?;
    }
    Ok(())
}

const CONVERSIONS: Kernel = Kernel {
    entry: "check_float_conversions",
    sync: SyncMode::None,
    source: r#"
struct Params { const f64* floats; u64 float_rows; i128* integers_out; u8* failed; const i128* integers; u64 integer_rows; f64* floats_out; f32* singles_out; };
MAAR_KERNEL(check_float_conversions, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.float_rows; row += step) {
    bool failed = false;
    p.integers_out[row] = f64_to_i128(p.floats[row], failed);
    p.failed[row] = failed ? 1 : 0;
  }
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.integer_rows; row += step) {
    p.floats_out[row] = to_f64(p.integers[row]);
    p.singles_out[row] = to_f32(p.integers[row]);
  }
}
"#,
};

/// Where a conversion to an integer is refused: 2^127.
const REFUSED_FROM: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

pub(crate) fn conversions(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let (floats, integers) = (floats(), integers());
    let (float_input, integer_input) = (bench.up(&floats)?, bench.up(&integers)?);
    let (became, failed) = (bench.filled::<i128>(floats.len(), 0)?, bench.filled::<u8>(floats.len(), 0)?);
    let back = bench.filled::<f64>(integers.len(), 0)?;
    let singles = bench.filled::<f32>(integers.len(), 0)?;
    let params = [
        float_input.ptr().0,
        floats.len() as u64,
        became.ptr().0,
        failed.ptr().0,
        integer_input.ptr().0,
        integers.len() as u64,
        back.ptr().0,
        singles.ptr().0,
    ];
    bench.run(&CONVERSIONS, shape(2, 128, 0), &params)?;
    let became = bench.down::<i128>(&became)?.into_iter().zip(bench.down::<u8>(&failed)?);
    for (value, (integer, failed)) in floats.into_iter().zip(became) {
        let got = (failed == 0).then_some(integer);
        let want = (value.abs() < REFUSED_FROM).then_some(value as i128);
        ensure(got == want, || format!("{value:?} became {got:?} instead of {want:?}"))?;
    }
    for (integer, float) in integers.iter().zip(bench.down::<f64>(&back)?) {
        let want = *integer as f64;
        ensure(float == want, || format!("{integer} became {float:?} instead of {want:?}"))?;
    }
    for (integer, single) in integers.iter().zip(bench.down::<f32>(&singles)?) {
        let want = *integer as f32;
        ensure(single == want, || format!("{integer} became {single:?} instead of {want:?}"))?;
    }
    Ok(())
}

/// Integers whose conversion rounds up, down, and at the tie: bits just below the 53 or 24 that a float keeps, and
/// those that a detour over 53 bits would take to a tie of 24.
fn integers() -> Vec<i128> {
    let mut values = edges().to_vec();
    for shift in 0..102 {
        let (kept, tie) = ((1_i128 << 23 | 0x5_a5a5) << shift, (1_i128 << shift) >> 1);
        for near in [kept + tie - 1, kept + tie, kept + tie + 1] {
            values.extend([near, -near]);
        }
    }
    for shift in 0..74 {
        let (kept, tie) = ((1_i128 << 52 | 0x5_a5a5) << shift, (1_i128 << shift) >> 1);
        for odd in [0, 1_i128 << shift] {
            for near in [tie - 1, tie, tie + 1] {
                values.extend([kept + odd + near, -(kept + odd + near)]);
            }
        }
    }
    for seed in SEEDS {
        let mut random = random(seed);
        values.extend((0..3000).map(|_| any_integer(&mut random)));
    }
    values
}
