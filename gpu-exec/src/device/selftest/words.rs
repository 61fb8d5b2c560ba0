//! Checks of bit operations, 128-bit integers, vector loads and the parameter block.

use std::sync::Arc;

use super::super::DeviceHandle;
use super::harness::{Bench, Number, same, shape};
use super::{CheckError, CheckResult, kernels};

pub(super) fn bits(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let values: Vec<u64> = (0..32)
        .map(|i| if i < 2 { i * u64::MAX } else { 0xDEAD_BEEF_0BAD_F00D_u64.rotate_left(i as u32 * 3) >> i })
        .collect();
    let (input, out) = (bench.up(&values)?, bench.zeros::<u64>(320)?);
    bench.run(&kernels::BITS, shape(1, 32, 0), &[input.ptr().0, out.ptr().0])?;
    let want: Vec<u64> = values
        .iter()
        .flat_map(|x| {
            let low = *x as u32;
            let first = if low == 0 { 0 } else { low.trailing_zeros() + 1 };
            let high = (u128::from(*x) * 0x9E37_79B9_7F4A_7C15) >> 64;
            [
                u64::from(low.count_ones()),
                u64::from(x.count_ones()),
                u64::from(first),
                u64::from(low.leading_zeros()),
                u64::from(x.leading_zeros()),
                high as u64,
                *x.min(&1000),
                *x.max(&1000),
                *x,
                u64::from(*x == 0),
            ]
        })
        .collect();
    same("bit operations", &bench.down(&out)?, &want)
}

pub(super) fn wide_integers(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let big = 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210_i128;
    let a: Vec<i128> = (0..32).map(|i| (big >> i) * if i % 2 == 0 { 1 } else { -1 }).collect();
    let b: Vec<i128> = (0..32).map(|i| if i == 5 { 0 } else { (big >> (i * 4 % 120)) - i * 1_000_003 }).collect();
    let (left, right, out) = (bench.up(&a)?, bench.up(&b)?, bench.zeros::<i128>(192)?);
    bench.run(&kernels::WIDE, shape(1, 32, 0), &[left.ptr().0, right.ptr().0, out.ptr().0])?;
    let want: Vec<i128> = a
        .iter()
        .zip(&b)
        .flat_map(|(a, b)| {
            let (quotient, rest) = (a.checked_div(*b).unwrap_or(0), a.checked_rem(*b).unwrap_or(0));
            [a.wrapping_add(*b), a.wrapping_sub(*b), a.wrapping_mul(*b), quotient, rest, i128::from(a < b)]
        })
        .collect();
    same("128-bit integers", &bench.down(&out)?, &want)
}

pub(super) fn floats(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let a: Vec<f64> = (0..32).map(|i| (f64::from(i) - 15.5) * if i % 3 == 0 { 1.0 } else { 1e10 / 3.0 }).collect();
    let b: Vec<f64> = (0..32).map(|i| 0.7 + f64::from(i % 5)).collect();
    let (left, right, out) = (bench.up(&a)?, bench.up(&b)?, bench.zeros::<f64>(32 * 9)?);
    bench.run(&kernels::FLOATS, shape(1, 32, 0), &[left.ptr().0, right.ptr().0, out.ptr().0])?;
    // `a * b + a` is rounded twice: neither device may fuse it.
    let row =
        |a: f64, b: f64| [a % b, a.abs().sqrt(), a.floor(), a.ceil(), a.trunc(), a.round(), a.abs(), a * b + a, a / b];
    let want: Vec<f64> = a.iter().zip(&b).flat_map(|(a, b)| row(*a, *b)).collect();
    same("floats", &bench.down(&out)?, &want)
}

/// Rows of every type, 256 threads of eight.
const ROWS: usize = 2048;

fn weighed<T: Number>(bench: &Bench<'_>, make: impl Fn(i64) -> T) -> Result<super::super::DeviceBuffer, CheckError> {
    bench.up(&(0..ROWS as i64).map(|i| make(i % 101)).collect::<Vec<T>>())
}

pub(super) fn loads_of_eight(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let columns = [
        weighed(&bench, |i| i as i8)?,
        weighed(&bench, |i| i as u8)?,
        weighed(&bench, |i| i as i16)?,
        weighed(&bench, |i| i as u16)?,
        weighed(&bench, |i| i as i32)?,
        weighed(&bench, |i| i as u32)?,
        weighed(&bench, |i| i)?,
        weighed(&bench, |i| i as u64)?,
        weighed(&bench, i128::from)?,
        weighed(&bench, |i| i as f32)?,
        weighed(&bench, |i| i as f64)?,
    ];
    let (out, words) = (bench.zeros::<i64>(256 * 12)?, bench.up(&(0..1024).collect::<Vec<u32>>())?);
    let params: Vec<u64> = columns.iter().chain([&out, &words]).map(|b| b.ptr().0).collect();
    bench.run(&kernels::LOADS, shape(1, 256, 0), &params)?;
    let want: Vec<i64> = (0..256_i64)
        .flat_map(|t| {
            let sum: i64 = (0..8).map(|i| (8 * t + i) % 101 * (i + 1)).sum();
            let mut thread = [sum; 12];
            thread[11] = 16 * t + 6;
            thread
        })
        .collect();
    same("loads of eight", &bench.down(&out)?, &want)
}

pub(super) fn many_parameters(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let words: Vec<u64> = (0..511_u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let out = bench.zeros::<u64>(511)?;
    let params: Vec<u64> = std::iter::once(out.ptr().0).chain(words.iter().copied()).collect();
    bench.run(&kernels::PARAMETERS, shape(1, 64, 0), &params)?;
    same("parameters", &bench.down(&out)?, &words)
}
