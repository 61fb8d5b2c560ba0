//! Random values of a column, by its storage and spread.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array, new_null_array,
};
use arrow::datatypes::{DataType, Int32Type};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::Reach;
use super::table::{Column, KINDS, Kind, NULLS, ODD_KINDS, SPREADS, Spread, Storage, Table, WORDS, ZONE};
use crate::Result;

/// What odd floats are.
const ODD_FLOATS: [f64; 8] = [f64::NAN, -f64::NAN, 0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 1.5, -1562.484375];

/// Random values of a column, some of them NULL.
macro_rules! column {
    ($column:expr, $count:expr, $random:expr, $array:ty, $value:expr) => {{
        let value = $value;
        let picked = (0..$count).map(|_| {
            let is_null = $random.random_ratio($column.nulls, 100);
            let found = value($random);
            (!is_null).then_some(found)
        });
        picked.collect::<$array>()
    }};
}

impl Column {
    pub(super) fn random(name: String, reach: Reach, random: &mut StdRng) -> Self {
        let odd = if reach == Reach::All { ODD_KINDS.len() } else { 0 };
        let index = random.random_range(0..KINDS.len() + odd);
        let (kind, storages) = KINDS.get(index).copied().unwrap_or_else(|| ODD_KINDS[index - KINDS.len()]);
        Self {
            name,
            kind,
            storage: *storages.choose(random).unwrap_or(&storages[0]),
            spread: SPREADS[random.random_range(0..SPREADS.len())],
            nulls: if reach == Reach::All && random.random_bool(0.6) {
                10
            } else {
                NULLS[random.random_range(0..NULLS.len())]
            },
        }
    }

    /// The join key of a table.
    pub fn key(table: &Table) -> Self {
        let name = format!("{}k", table.name);
        Self { name, kind: Kind::Integer, storage: Storage::I64, spread: Spread::Wide, nulls: 8 }
    }

    /// Whether it may hold NaN or infinities.
    pub(super) fn is_odd(&self) -> bool {
        matches!(self.storage, Storage::OddF32 | Storage::OddF64)
    }

    /// The integer that stands for a value, by the spread.
    fn pick(&self, random: &mut StdRng, bound: i64) -> i64 {
        match self.spread {
            Spread::Constant => bound / 3,
            Spread::Few => random.random_range(0..7) * (bound / 7) - bound / 2,
            Spread::Skewed if random.random_ratio(9, 10) => 0,
            Spread::Skewed | Spread::Wide => random.random_range(-bound..=bound),
        }
    }

    pub(super) fn values(&self, count: usize, random: &mut StdRng) -> Result<ArrayRef> {
        macro_rules! picked {
            ($array:ty, $value:expr) => {
                column!(self, count, random, $array, $value)
            };
        }
        Ok(match self.storage {
            Storage::I32 if self.kind == Kind::Extreme => {
                Arc::new(picked!(Int32Array, |r: &mut StdRng| { *[i32::MIN, i32::MAX, 0, -1].choose(r).unwrap_or(&0) }))
            }
            Storage::U64 if self.kind == Kind::Extreme => Arc::new(picked!(UInt64Array, |r: &mut StdRng| {
                *[u64::MAX, 0, 1, 1 << 63, (1 << 63) - 1].choose(r).unwrap_or(&0)
            })),
            Storage::U8 => Arc::new(picked!(UInt8Array, |r: &mut StdRng| self.pick(r, 255).unsigned_abs() as u8)),
            Storage::U16 => Arc::new(picked!(UInt16Array, |r: &mut StdRng| self.pick(r, 65_535).unsigned_abs() as u16)),
            Storage::U32 => {
                Arc::new(picked!(UInt32Array, |r: &mut StdRng| self.pick(r, 100_000).unsigned_abs() as u32))
            }
            Storage::U64 => Arc::new(picked!(UInt64Array, |r: &mut StdRng| self.pick(r, 1_000_000).unsigned_abs())),
            Storage::I8 => Arc::new(picked!(Int8Array, |r: &mut StdRng| self.pick(r, 127) as i8)),
            Storage::I16 => Arc::new(picked!(Int16Array, |r: &mut StdRng| self.pick(r, 32_767) as i16)),
            Storage::I32 => Arc::new(picked!(Int32Array, |r: &mut StdRng| self.pick(r, 100_000) as i32)),
            Storage::I64 if self.kind == Kind::Extreme => Arc::new(picked!(Int64Array, |r: &mut StdRng| {
                *[i64::MIN, i64::MAX, 0, -1, i64::MIN + 1, 1 << 40].choose(r).unwrap_or(&0)
            })),
            Storage::I64 => Arc::new(picked!(Int64Array, |r: &mut StdRng| self.pick(r, 1_000_000))),
            Storage::Decimal(precision, scale) if self.kind == Kind::Extreme => {
                let largest = 10_i128.pow(u32::from(precision)) - 1;
                let values = picked!(Decimal128Array, |r: &mut StdRng| {
                    *[largest, -largest, 0, 1, i128::from(i64::MAX), i128::from(u64::MAX) + 1].choose(r).unwrap_or(&0)
                });
                Arc::new(values.with_precision_and_scale(precision, scale)?)
            }
            Storage::Decimal(precision, scale) => {
                let values = picked!(Decimal128Array, |r: &mut StdRng| i128::from(self.pick(r, 9_999_999)));
                Arc::new(values.with_precision_and_scale(precision, scale)?)
            }
            Storage::F32 => Arc::new(picked!(Float32Array, |r: &mut StdRng| self.pick(r, 100_000) as f32 / 64.0)),
            Storage::F64 => Arc::new(picked!(Float64Array, |r: &mut StdRng| self.pick(r, 100_000) as f64 / 64.0)),
            Storage::Utf8 => Arc::new(picked!(StringArray, |r: &mut StdRng| self.word(r))),
            Storage::LargeUtf8 => Arc::new(picked!(LargeStringArray, |r: &mut StdRng| self.word(r))),
            Storage::Utf8View => Arc::new(picked!(StringViewArray, |r: &mut StdRng| self.word(r))),
            Storage::Dictionary => {
                let words = picked!(StringArray, |r: &mut StdRng| self.word(r));
                Arc::new(words.iter().collect::<DictionaryArray<Int32Type>>())
            }
            Storage::Date if self.kind == Kind::FarDate => Arc::new(picked!(Date32Array, |r: &mut StdRng| {
                *[-719_162, 2_932_896, 0, -1, 59, 19_782, -141_428, self.pick(r, 700_000) as i32]
                    .choose(r)
                    .unwrap_or(&0)
            })),
            Storage::Date => Arc::new(picked!(Date32Array, |r: &mut StdRng| 9_000 + self.pick(r, 3_000) as i32)),
            Storage::Milliseconds => {
                Arc::new(picked!(TimestampMillisecondArray, |r: &mut StdRng| self.pick(r, 1 << 40) | 1))
            }
            Storage::Microseconds => {
                Arc::new(picked!(TimestampMicrosecondArray, |r: &mut StdRng| self.pick(r, 1 << 50) | 1))
            }
            Storage::Nanoseconds => {
                Arc::new(picked!(TimestampNanosecondArray, |r: &mut StdRng| self.pick(r, 1 << 60) | 1))
            }
            Storage::Bool => Arc::new(picked!(BooleanArray, |r: &mut StdRng| self.pick(r, 100) > 0)),
            _ => self.odd_values(count, random),
        })
    }

    /// The values of what is only in reach where everything is.
    fn odd_values(&self, count: usize, random: &mut StdRng) -> ArrayRef {
        macro_rules! picked {
            ($array:ty, $value:expr) => {
                column!(self, count, random, $array, $value)
            };
        }
        match self.storage {
            Storage::OddF32 => Arc::new(picked!(Float32Array, |r: &mut StdRng| odd_float(r) as f32)),
            Storage::OddF64 => Arc::new(picked!(Float64Array, |r: &mut StdRng| odd_float(r))),
            Storage::LongUtf8 => {
                Arc::new(picked!(StringArray, |r: &mut StdRng| format!("{}{}", "long ".repeat(20), self.word(r))))
            }
            Storage::FarSeconds => Arc::new(picked!(TimestampSecondArray, |r: &mut StdRng| far_second(r))),
            Storage::FarMilliseconds => {
                Arc::new(picked!(TimestampMillisecondArray, |r: &mut StdRng| far_second(r) * 1_000))
            }
            Storage::FarMicroseconds => {
                Arc::new(picked!(TimestampMicrosecondArray, |r: &mut StdRng| far_second(r) * 1_000_000))
            }
            Storage::Seconds => Arc::new(picked!(TimestampSecondArray, |r: &mut StdRng| self.pick(r, 1 << 30) | 1)),
            Storage::ZonedMilliseconds => {
                let values = picked!(TimestampMillisecondArray, |r: &mut StdRng| self.pick(r, 1 << 40) | 1);
                Arc::new(values.with_timezone(ZONE))
            }
            Storage::ZonedMicroseconds => {
                let values = picked!(TimestampMicrosecondArray, |r: &mut StdRng| self.pick(r, 1 << 50) | 1);
                Arc::new(values.with_timezone(ZONE))
            }
            _ => new_null_array(&DataType::Null, count),
        }
    }

    fn word(&self, random: &mut StdRng) -> String {
        match self.spread {
            Spread::Wide => {
                format!("{} {}", WORDS[random.random_range(0..WORDS.len())], random.random_range(0..10_000))
            }
            Spread::Constant => "abc".to_owned(),
            Spread::Skewed if random.random_ratio(9, 10) => "zebra".to_owned(),
            Spread::Few | Spread::Skewed => WORDS[random.random_range(0..WORDS.len())].to_owned(),
        }
    }
}

/// Midnights of far days and of days about the ends of nanoseconds, and times as other columns have them.
fn far_second(random: &mut StdRng) -> i64 {
    let days = [-719_162, 2_932_896, -135_080, 106_752, 106_751, -106_752, 0, 10_956];
    days.choose(random).copied().unwrap_or(0) * 86_400 + [0, 1].choose(random).copied().unwrap_or(0)
}

fn odd_float(random: &mut StdRng) -> f64 {
    *ODD_FLOATS.choose(random).unwrap_or(&0.0)
}
