//! `arithmetic.cuh` on integers, and `error.cuh`: what overflows, what is rounded which way, what is reported.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};

use crate::harness::{Bench, CheckResult, Kernel, Number, SEEDS, any_integer, edges, random, same, shape};

const CHECKED: Kernel = Kernel {
    entry: "check_checked_arithmetic",
    sync: SyncMode::None,
    source: r#"
struct Params { const i128* a; const i128* b; u64 rows; i128* out; u8* failed; };
MAAR_KERNEL(check_checked_arithmetic, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    bool failed[3] = {false, false, false};
    p.out[row * 3] = add_checked(p.a[row], p.b[row], failed[0]);
    p.out[row * 3 + 1] = subtract_checked(p.a[row], p.b[row], failed[1]);
    p.out[row * 3 + 2] = multiply_checked(p.a[row], p.b[row], failed[2]);
    for (u32 i = 0; i < 3; i++) p.failed[row * 3 + i] = failed[i] ? 1 : 0;
  }
}
"#,
};

/// Every edge with every edge, and drawn pairs: of any magnitude, and whose product is near the limit.
fn pairs() -> Vec<(i128, i128)> {
    let edges = edges();
    let mut pairs: Vec<(i128, i128)> = edges.iter().flat_map(|a| edges.iter().map(|b| (*a, *b))).collect();
    for seed in SEEDS {
        let mut random = random(seed);
        for _ in 0..3000 {
            let (a, b) = (any_integer(&mut random), any_integer(&mut random));
            pairs.push((a, b));
            // Quotients of the extremes and their neighbours multiply to just inside or outside.
            let divisor = if b == 0 { 1 } else { b };
            for extreme in [i128::MAX, i128::MIN] {
                let quotient = extreme.wrapping_div(divisor);
                pairs.extend([
                    (quotient, divisor),
                    (quotient.wrapping_add(1), divisor),
                    (quotient.wrapping_sub(1), divisor),
                ]);
            }
        }
    }
    pairs
}

pub(crate) fn checked(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let pairs = pairs();
    let (left, right): (Vec<i128>, Vec<i128>) = pairs.iter().copied().unzip();
    let (a, b) = (bench.up(&left)?, bench.up(&right)?);
    let (out, failed) = (bench.filled::<i128>(pairs.len() * 3, 0)?, bench.filled::<u8>(pairs.len() * 3, 0)?);
    let params = [a.ptr().0, b.ptr().0, pairs.len() as u64, out.ptr().0, failed.ptr().0];
    bench.run(&CHECKED, shape(4, 128, 0), &params)?;
    let results = bench.down::<i128>(&out)?.into_iter().zip(bench.down::<u8>(&failed)?);
    let got: Vec<Option<i128>> = results.map(|(value, failed)| (failed == 0).then_some(value)).collect();
    for (number, (a, b)) in pairs.into_iter().enumerate() {
        let want = [a.checked_add(b), a.checked_sub(b), a.checked_mul(b)];
        same(&format!("+, -, * of {a} and {b}"), &got[number * 3..][..3], &want)?;
    }
    Ok(())
}

macro_rules! division {
    ($entry:literal, $type:literal) => {
        Kernel {
            entry: $entry,
            sync: SyncMode::None,
            source: concat!(
                "struct Params { const ",
                $type,
                "* a; const ",
                $type,
                "* b; const ",
                $type,
                "* power; u64 rows; ",
                $type,
                "* out; };\n",
                "MAAR_KERNEL(",
                $entry,
                ", Params, p) {\n",
                "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {\n",
                "    const ",
                $type,
                " a = p.a[row], b = p.b[row];\n",
                "    p.out[row * 4] = divide<",
                $type,
                ">(a, b);\n",
                "    p.out[row * 4 + 1] = modulo<",
                $type,
                ">(a, b);\n",
                "    p.out[row * 4 + 2] = divide_round<",
                $type,
                ">(a, p.power[row]);\n",
                "    p.out[row * 4 + 3] = divide_floor<",
                $type,
                ">(a, p.power[row]);\n",
                "  }\n}\n"
            ),
        }
    };
}

const DIVISION32: Kernel = division!("check_division32", "i32");
const DIVISION64: Kernel = division!("check_division64", "i64");
const DIVISION128: Kernel = division!("check_division128", "i128");

/// Dividends and divisors cut to a type's width, and the powers of ten below its limit in turn.
fn divide<T: Number + Eq>(
    bench: &Bench<'_>,
    kernel: &Kernel,
    max: i128,
    cut: impl Fn(i128) -> T,
    widen: impl Fn(T) -> i128,
) -> CheckResult {
    let powers: Vec<i128> = (1..39).map(|digits| 10_i128.pow(digits)).filter(|power| *power <= max).collect();
    let wide = |value: i128| widen(cut(value));
    let mut rows: Vec<[i128; 3]> = Vec::new();
    for (number, (a, b)) in pairs().into_iter().filter(|(_, b)| wide(*b) != 0).enumerate() {
        let power = powers[number % powers.len()];
        // A second row has its dividend half way between two multiples, or next to it.
        let half = wide(a) / power / 2 * power + (power / 2 + number as i128 % 3 - 1) * wide(a).signum();
        rows.extend([[wide(a), wide(b), power], [wide(half), wide(b), power]]);
    }
    let column = |part: usize| bench.up(&rows.iter().map(|row| cut(row[part])).collect::<Vec<T>>());
    let (a, b, power) = (column(0)?, column(1)?, column(2)?);
    let out = bench.filled::<T>(rows.len() * 4, 0)?;
    let params = [a.ptr().0, b.ptr().0, power.ptr().0, rows.len() as u64, out.ptr().0];
    bench.run(kernel, shape(4, 128, 0), &params)?;
    let got: Vec<i128> = bench.down::<T>(&out)?.into_iter().map(&widen).collect();
    for (number, [a, b, power]) in rows.into_iter().enumerate() {
        let (quotient, rest) = (a / power, a % power);
        let rounded = if rest.abs() >= power / 2 { quotient + a.signum() } else { quotient };
        let want = [wide(a.wrapping_div(b)), a.wrapping_rem(b), rounded, a.div_euclid(power)];
        same(&format!("{}: {a} over {b} and {power}", kernel.entry), &got[number * 4..][..4], &want)?;
    }
    Ok(())
}

pub(crate) fn division(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    divide(&bench, &DIVISION32, i128::from(i32::MAX), |value| value as i32, i128::from)?;
    divide(&bench, &DIVISION64, i128::from(i64::MAX), |value| value as i64, i128::from)?;
    divide(&bench, &DIVISION128, i128::MAX, |value| value, |value| value)
}

macro_rules! shift {
    ($($type:ident),*) => {[$((
        Kernel {
            entry: concat!("check_shift_", stringify!($type)),
            sync: SyncMode::None,
            source: concat!(
                "struct Params { const ", stringify!($type), "* a; const i64* places; u64 rows; ", stringify!($type), "* out; };\n",
                "MAAR_KERNEL(check_shift_", stringify!($type), ", Params, p) {\n",
                "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {\n",
                "    p.out[row * 2] = shift_left<", stringify!($type), ">(u64(p.a[row]), p.places[row]);\n",
                "    p.out[row * 2 + 1] = shift_right<", stringify!($type), ">(p.a[row], p.places[row]);\n",
                "  }\n}\n"
            ),
        },
        (|bench, kernel, rows| {
            let a: Vec<$type> = rows.iter().map(|(a, _)| *a as $type).collect();
            let places: Vec<i64> = rows.iter().map(|(_, places)| *places as i64).collect();
            let (values, counts) = (bench.up(&a)?, bench.up(&places)?);
            let out = bench.filled::<$type>(a.len() * 2, 0)?;
            bench.run(kernel, shape(4, 128, 0), &[values.ptr().0, counts.ptr().0, a.len() as u64, out.ptr().0])?;
            let pairs = a.iter().zip(&places);
            let want: Vec<$type> =
                pairs.flat_map(|(a, places)| [a.wrapping_shl(*places as u32), a.wrapping_shr(*places as u32)]).collect();
            same(kernel.entry, &bench.down::<$type>(&out)?, &want)?;
            Ok(())
        }) as ShiftCheck,
    )),*]};
}

/// Runs a kernel over values and numbers of places, each cut to its type.
type ShiftCheck = fn(&Bench<'_>, &Kernel, &[(i128, i128)]) -> CheckResult;

/// The host's shifts are Rust's wrapping ones.
pub(crate) fn shifts(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let mut rows = pairs();
    rows.extend((-70..70).flat_map(|places| edges().iter().map(move |a| (*a, places))));
    for (kernel, check) in shift!(i8, i16, i32, i64, u8, u16, u32, u64) {
        check(&bench, &kernel, &rows)?;
    }
    Ok(())
}

const ERRORS: Kernel = Kernel {
    entry: "check_error_words",
    sync: SyncMode::None,
    source: r#"
struct Params { const u64* bits; u64 rows; u64* error; };
MAAR_KERNEL(check_error_words, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step)
    if (p.bits[row] != 0) report_error(p.error, p.bits[row], row);
}
"#,
};

pub(crate) fn errors(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for first in [0_usize, 1, 31, 32, 777, 4999, 5000] {
        let bits: Vec<u64> = (0..5000).map(|row| if row < first { 0 } else { 1 << (row % 5) }).collect();
        let (input, error) = (bench.up(&bits)?, bench.up(&[0, u64::MAX])?);
        bench.run(&ERRORS, shape(3, 64, 0), &[input.ptr().0, 5000, error.ptr().0])?;
        let all = bits.iter().fold(0, |all, bits| all | bits);
        let row = if first < 5000 { first as u64 } else { u64::MAX };
        same(&format!("errors from row {first}"), &bench.down::<u64>(&error)?, &[all, row])?;
    }
    Ok(())
}
