//! `fixed/sort.cu`: keys of every type become words in the order of the values, NULLs at either end, and rows are sorted by them.

use std::cmp::Ordering;
use std::sync::Arc;

use maar_gpu_exec::device::selftest::sorting::{Sorting, Told};
use maar_gpu_exec::device::{DeviceBuffer, DeviceHandle};
use rand::Rng;
use rand::rngs::SmallRng;

use crate::harness::{Bench, CheckResult, Number, Result, SEEDS, SIZES, any_integer, random, same};

const FLOAT: u64 = 1;
const DESCENDING: u64 = 2;
const NULL_BIT: u64 = 4;
const NULLS_FIRST: u64 = 8;

/// A key of some rows: its values as ranks that order as they do, and as it lies on the device.
struct Key {
    ranks: Vec<Option<i128>>,
    how: u64,
    described: [u64; 5],
    bits: u32,
    _data: (DeviceBuffer, Option<DeviceBuffer>),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Signed, of so many bytes, between bounds.
    Int(usize, i128, i128),
    F32,
    F64,
}

const KINDS: [Kind; 9] = [
    Kind::Int(1, 0, 1),
    Kind::Int(1, -128, 127),
    Kind::Int(2, -3, 900),
    Kind::Int(4, 5, 5),
    Kind::Int(4, i32::MIN as i128, i32::MAX as i128),
    Kind::Int(8, i64::MIN as i128, i64::MAX as i128),
    Kind::Int(16, i128::MIN, i128::MAX),
    Kind::F32,
    Kind::F64,
];

/// Each kind alone, both ways, with NULLs at either end and without; then several one after another.
pub(crate) fn keys(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in [1, 300] {
        for kind in KINDS {
            for how in 0..8_u64 {
                // Bit by bit: descending, NULLs, NULLs first.
                let how = [DESCENDING, NULL_BIT, NULLS_FIRST]
                    .iter()
                    .zip(0..)
                    .map(|(flag, bit)| (how >> bit & 1) * flag)
                    .sum();
                let mut random = random(SEEDS[rows % 3] + how);
                let key = Key::new(&bench, &mut random, rows, kind, how)?;
                check(&bench, rows, &[key]).map_err(|error| format!("{rows} rows of {kind:?}, {how}: {error}"))?;
            }
        }
    }
    for seed in 0..8 {
        let mut random = random(seed);
        let rows = SIZES[random.random_range(0..8)];
        let how = [DESCENDING | NULL_BIT, NULL_BIT | NULLS_FIRST, 0, DESCENDING];
        let several = (0..random.random_range(2..9)).map(|number| {
            let kind = KINDS[random.random_range(0..KINDS.len())];
            Key::new(&bench, &mut random, rows, kind, how[number % 4])
        });
        let several = several.collect::<Result<Vec<_>>>()?;
        check(&bench, rows, &several).map_err(|error| format!("keys of seed {seed}, {rows} rows: {error}"))?;
    }
    Ok(())
}

/// Words whose digits differ, are few, or are the same of all rows.
pub(crate) fn many(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in SIZES {
        let mut random = random(rows as u64);
        let sets: [Vec<u64>; 3] = [
            (0..rows).map(|_| random.random()).collect(),
            (0..rows).map(|_| random.random_range(0..3_u64) << 20).collect(),
            vec![u64::MAX; rows],
        ];
        for (set, words) in sets.iter().enumerate() {
            let mut want: Vec<u32> = (0..rows as u32).collect();
            want.sort_by_key(|row| words[*row as usize]);
            let sorting = Sorting::new(&bench, rows, 1)?.with_words(words)?;
            same(&format!("{rows} rows, set {set}"), &sorting.many(5)?, &want)?;
            if rows <= 4096 {
                same(&format!("{rows} rows in a block, set {set}"), &sorting.few()?, &want)?;
            }
        }
    }
    Ok(())
}

impl Key {
    fn new(bench: &Bench<'_>, random: &mut SmallRng, rows: usize, kind: Kind, how: u64) -> Result<Self> {
        let valid: Vec<u8> = (0..rows).map(|_| u8::from(random.random_range(0..5) > 0)).collect();
        let is_nullable = how & NULL_BIT != 0;
        let (data, ranks, least, bits, width, how) = match kind {
            Kind::Int(width, min, max) => {
                let values: Vec<i128> = (0..rows).map(|_| within(any_integer(random), min, max)).collect();
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()[..width].to_vec()).collect();
                let bits = 128 - (max.wrapping_sub(min) as u128).leading_zeros();
                (bench.up(&bytes)?, values, min, bits, width, how)
            }
            Kind::F32 => {
                let values: Vec<f32> = (0..rows).map(|_| float(random) as f32).collect();
                let ranks = values.iter().map(|value| rank(f64::from(*value))).collect();
                (uploaded(bench, &values)?, ranks, 0, 32, 4, how | FLOAT)
            }
            Kind::F64 => {
                let values: Vec<f64> = (0..rows).map(|_| float(random)).collect();
                (uploaded(bench, &values)?, values.iter().map(|value| rank(*value)).collect(), 0, 64, 8, how | FLOAT)
            }
        };
        let on_device = if is_nullable { Some(bench.up(&valid)?) } else { None };
        let known = |row: usize| !is_nullable || valid[row] != 0;
        let ranks = ranks.into_iter().enumerate().map(|(row, rank)| known(row).then_some(rank)).collect();
        let described = [
            data.ptr().0,
            on_device.as_ref().map_or(0, |valid| valid.ptr().0),
            least as u64,
            (least >> 64) as u64,
            width as u64 | u64::from(bits) << 8 | how << 16,
        ];
        Ok(Self { ranks, how, described, bits: bits + u32::from(is_nullable), _data: (data, on_device) })
    }

    fn compare(&self, one: usize, other: usize) -> Ordering {
        let (one, other) = (self.ranks[one], self.ranks[other]);
        let nulls = one.is_none().cmp(&other.is_none());
        let nulls = if self.how & NULLS_FIRST != 0 { nulls.reverse() } else { nulls };
        let values = if one.is_some() && other.is_some() { one.cmp(&other) } else { Ordering::Equal };
        nulls.then(if self.how & DESCENDING != 0 { values.reverse() } else { values })
    }
}

fn uploaded<T: Number>(bench: &Bench<'_>, values: &[T]) -> Result<DeviceBuffer> {
    Ok(bench.up(values)?)
}

fn within(value: i128, min: i128, max: i128) -> i128 {
    match (max.wrapping_sub(min) as u128).checked_add(1) {
        Some(domain) => min.wrapping_add((value as u128 % domain) as i128),
        None => value,
    }
}

/// Zeros and NaN of both signs, infinities, and numbers of all sizes.
fn float(random: &mut SmallRng) -> f64 {
    match random.random_range(0..12) {
        0 => 0.0,
        1 => -0.0,
        2 => f64::NAN,
        3 => -f64::NAN,
        4 => f64::INFINITY,
        5 => f64::NEG_INFINITY,
        6 => f64::from(random.random_range(-3..3)),
        _ => (random.random::<f64>() - 0.5) * 10_f64.powi(random.random_range(-30..30)),
    }
}

/// By SQL's order: NaN above all, and one zero.
fn rank(value: f64) -> i128 {
    let bits = if value == 0.0 { 0 } else { value.to_bits() as i64 };
    match () {
        () if value.is_nan() => i128::MAX,
        () if bits < 0 => -i128::from(bits & i64::MAX),
        () => i128::from(bits),
    }
}

fn check(bench: &Bench<'_>, rows: usize, keys: &[Key]) -> CheckResult {
    let words = (keys.iter().map(|key| key.bits as usize).sum::<usize>()).div_ceil(64).max(1);
    let mut sorting = Sorting::new(bench, rows, words)?;
    if keys.iter().all(|key| key.bits == 0) {
        sorting = sorting.with_words(&vec![0; rows])?;
    }
    let described = keys.iter().map(|key| key.described).collect();
    sorting.run(3, &Told { step: 0, word: words, keys: described, ..Told::default() })?;
    let mut want: Vec<u32> = (0..rows as u32).collect();
    want.sort_by(|one, other| {
        let orders = keys.iter().map(|key| key.compare(*one as usize, *other as usize));
        orders.fold(Ordering::Equal, Ordering::then)
    });
    let found = sorting.words()?;
    let of = |row: u32| (0..words).map(|word| found[word * rows + row as usize]).collect::<Vec<_>>();
    let mut by_words: Vec<u32> = (0..rows as u32).collect();
    by_words.sort_by_key(|row| of(*row));
    same("order of the words", &by_words, &want)?;
    Ok(same("order", &sorting.few()?, &want)?)
}
