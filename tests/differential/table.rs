//! Random tables: a few columns of random types, with NULL, skew and extremes, in files that differ.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use maar_tests::Result;
use maar_tests::fixtures::{File, write};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// What a column holds, as the grammar sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Integers small enough that no expression of the grammar overflows.
    Integer,
    /// Integers with both extremes of their type: compared, grouped, never added.
    Extreme,
    Decimal,
    Float,
    Text,
    Date,
    /// From the year 1 to 9999: too far for a timestamp.
    FarDate,
    Time,
    Boolean,
}

/// Storage types that a kind may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Decimal(u8, i8),
    F32,
    F64,
    Utf8,
    LargeUtf8,
    Utf8View,
    Dictionary,
    Date,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Bool,
}

/// How often values repeat.
#[derive(Clone, Copy, Debug)]
enum Spread {
    /// All alike.
    Constant,
    /// A handful of values.
    Few,
    /// Nine in ten are the same.
    Skewed,
    /// Hardly two alike.
    Wide,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    storage: Storage,
    spread: Spread,
    /// Of a hundred values, how many are NULL.
    nulls: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Rows of each file.
    files: Vec<usize>,
}

/// A large table `t` and two small ones, `u` and `v`. All have a join key: unique in `u` for one half of the cases.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) tables: [Table; 3],
    unique: bool,
}

const KINDS: [(Kind, &[Storage]); 11] = [
    (Kind::Integer, &[Storage::I8, Storage::I16, Storage::I32, Storage::I64]),
    (Kind::Integer, &[Storage::U8, Storage::U16, Storage::U32, Storage::U64]),
    (Kind::Extreme, &[Storage::I64, Storage::U64, Storage::I32, Storage::Decimal(38, 0)]),
    (Kind::Decimal, &[Storage::Decimal(7, 2), Storage::Decimal(15, 2), Storage::Decimal(12, 4)]),
    (Kind::Decimal, &[Storage::Decimal(9, 0), Storage::Decimal(20, 6), Storage::Decimal(30, 10)]),
    (Kind::Float, &[Storage::F64, Storage::F64, Storage::F32]),
    (Kind::Text, &[Storage::Utf8, Storage::LargeUtf8, Storage::Utf8View, Storage::Dictionary]),
    (Kind::Date, &[Storage::Date]),
    (Kind::FarDate, &[Storage::Date]),
    (Kind::Time, &[Storage::Milliseconds, Storage::Microseconds, Storage::Nanoseconds]),
    (Kind::Boolean, &[Storage::Bool]),
];
const SPREADS: [Spread; 5] = [Spread::Constant, Spread::Few, Spread::Few, Spread::Skewed, Spread::Wide];
const NULLS: [u32; 5] = [0, 0, 10, 50, 100];
pub(crate) const WORDS: [&str; 16] = [
    "",
    "a",
    "ab",
    "abc",
    "a%c",
    "a_c",
    "Abc",
    "zebra",
    "żółw",
    "ŻÓŁW",
    "日本語",
    "日本",
    "a\\c",
    " a ",
    "longer than twelve bytes",
    "longer than twelve bites",
];

impl Tables {
    pub(crate) fn random(random: &mut StdRng) -> Self {
        let sizes = |random: &mut StdRng, largest: usize| {
            if random.random_ratio(1, 20) {
                return vec![0];
            }
            let count = random.random_range(1..=3);
            (0..count).map(|_| [0, 1, 31, 32, 33, largest][random.random_range(0..6)]).collect::<Vec<_>>()
        };
        let mut large = sizes(random, 3000);
        if random.random_ratio(19, 20) {
            large.push(random.random_range(1..2500));
        }
        let (small, other) = (sizes(random, 300), sizes(random, 300));
        let tables =
            [Table::random("t", large, random), Table::random("u", small, random), Table::random("v", other, random)];
        Self { tables, unique: random.random_bool(0.5) }
    }

    /// Writes every table into a folder of its own.
    pub(crate) fn write(&self, folder: &Path, random: &mut StdRng) -> Result<()> {
        for table in &self.tables {
            let is_unique = self.unique && table.name == "u";
            let mut first = 0;
            for (index, rows) in table.files.iter().enumerate() {
                let batch = table.rows(first, *rows, is_unique, random)?;
                first += rows;
                let group = random.random_range(1..=(*rows).max(1)).max(*rows / 5);
                let file = File::new(batch, &[group]);
                let file = if random.random_bool(0.3) { file.plain() } else { file };
                write(&folder.join(&table.name).join(format!("part-{index}.parquet")), &file)?;
            }
        }
        Ok(())
    }

    pub(crate) fn statements(&self, folder: &Path) -> Vec<String> {
        let location = |table: &Table| folder.join(&table.name).display().to_string();
        let create = |table: &Table| {
            format!("CREATE EXTERNAL TABLE {} STORED AS PARQUET LOCATION '{}/'", table.name, location(table))
        };
        self.tables.iter().map(create).collect()
    }
}

impl Table {
    fn random(name: &str, files: Vec<usize>, random: &mut StdRng) -> Self {
        let count = random.random_range(4..9);
        let columns = (0..count).map(|index| Column::random(format!("{name}{index}"), random)).collect();
        Self { name: name.to_owned(), columns, files }
    }

    /// Rows `first..first + count`, the join key `k` before the columns.
    fn rows(&self, first: usize, count: usize, unique: bool, random: &mut StdRng) -> Result<RecordBatch> {
        let key = |random: &mut StdRng, row: usize| {
            if unique {
                i64::try_from(first + row).ok()
            } else if random.random_ratio(1, 12) {
                None
            } else {
                Some(random.random_range(-20..200))
            }
        };
        let keys: Int64Array = (0..count).map(|row| key(random, row)).collect();
        let mut columns: Vec<(String, ArrayRef, bool)> = vec![(format!("{}k", self.name), Arc::new(keys), true)];
        for column in &self.columns {
            columns.push((column.name.clone(), column.values(count, random)?, true));
        }
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.kind == kind).collect()
    }
}

impl Column {
    fn random(name: String, random: &mut StdRng) -> Self {
        let (kind, storages) = KINDS[random.random_range(0..KINDS.len())];
        Self {
            name,
            kind,
            storage: *storages.choose(random).unwrap_or(&storages[0]),
            spread: SPREADS[random.random_range(0..SPREADS.len())],
            nulls: NULLS[random.random_range(0..NULLS.len())],
        }
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

    fn values(&self, count: usize, random: &mut StdRng) -> Result<ArrayRef> {
        macro_rules! column {
            ($array:ty, $value:expr) => {{
                let value = $value;
                let picked = (0..count).map(|_| {
                    let is_null = random.random_ratio(self.nulls, 100);
                    let found = value(random);
                    (!is_null).then_some(found)
                });
                picked.collect::<$array>()
            }};
        }
        Ok(match self.storage {
            Storage::I32 if self.kind == Kind::Extreme => {
                Arc::new(column!(Int32Array, |r: &mut StdRng| { *[i32::MIN, i32::MAX, 0, -1].choose(r).unwrap_or(&0) }))
            }
            Storage::U64 if self.kind == Kind::Extreme => Arc::new(column!(UInt64Array, |r: &mut StdRng| {
                *[u64::MAX, 0, 1, 1 << 63, (1 << 63) - 1].choose(r).unwrap_or(&0)
            })),
            Storage::U8 => Arc::new(column!(UInt8Array, |r: &mut StdRng| self.pick(r, 255).unsigned_abs() as u8)),
            Storage::U16 => Arc::new(column!(UInt16Array, |r: &mut StdRng| self.pick(r, 65_535).unsigned_abs() as u16)),
            Storage::U32 => {
                Arc::new(column!(UInt32Array, |r: &mut StdRng| self.pick(r, 100_000).unsigned_abs() as u32))
            }
            Storage::U64 => Arc::new(column!(UInt64Array, |r: &mut StdRng| self.pick(r, 1_000_000).unsigned_abs())),
            Storage::I8 => Arc::new(column!(Int8Array, |r: &mut StdRng| self.pick(r, 127) as i8)),
            Storage::I16 => Arc::new(column!(Int16Array, |r: &mut StdRng| self.pick(r, 32_767) as i16)),
            Storage::I32 => Arc::new(column!(Int32Array, |r: &mut StdRng| self.pick(r, 100_000) as i32)),
            Storage::I64 if self.kind == Kind::Extreme => Arc::new(column!(Int64Array, |r: &mut StdRng| {
                *[i64::MIN, i64::MAX, 0, -1, i64::MIN + 1, 1 << 40].choose(r).unwrap_or(&0)
            })),
            Storage::I64 => Arc::new(column!(Int64Array, |r: &mut StdRng| self.pick(r, 1_000_000))),
            Storage::Decimal(precision, scale) if self.kind == Kind::Extreme => {
                let largest = 10_i128.pow(u32::from(precision)) - 1;
                let values = column!(Decimal128Array, |r: &mut StdRng| {
                    *[largest, -largest, 0, 1, i128::from(i64::MAX), i128::from(u64::MAX) + 1].choose(r).unwrap_or(&0)
                });
                Arc::new(values.with_precision_and_scale(precision, scale)?)
            }
            Storage::Decimal(precision, scale) => {
                let values = column!(Decimal128Array, |r: &mut StdRng| i128::from(self.pick(r, 9_999_999)));
                Arc::new(values.with_precision_and_scale(precision, scale)?)
            }
            Storage::F32 => Arc::new(column!(Float32Array, |r: &mut StdRng| self.pick(r, 100_000) as f32 / 64.0)),
            Storage::F64 => Arc::new(column!(Float64Array, |r: &mut StdRng| self.pick(r, 100_000) as f64 / 64.0)),
            Storage::Utf8 => Arc::new(column!(StringArray, |r: &mut StdRng| self.word(r))),
            Storage::LargeUtf8 => Arc::new(column!(LargeStringArray, |r: &mut StdRng| self.word(r))),
            Storage::Utf8View => Arc::new(column!(StringViewArray, |r: &mut StdRng| self.word(r))),
            Storage::Dictionary => {
                let words = column!(StringArray, |r: &mut StdRng| self.word(r));
                Arc::new(words.iter().collect::<DictionaryArray<Int32Type>>())
            }
            Storage::Date if self.kind == Kind::FarDate => Arc::new(column!(Date32Array, |r: &mut StdRng| {
                *[-719_162, 2_932_896, 0, -1, 59, 19_782, -141_428, self.pick(r, 700_000) as i32]
                    .choose(r)
                    .unwrap_or(&0)
            })),
            Storage::Date => Arc::new(column!(Date32Array, |r: &mut StdRng| 9_000 + self.pick(r, 3_000) as i32)),
            Storage::Milliseconds => {
                Arc::new(column!(TimestampMillisecondArray, |r: &mut StdRng| self.pick(r, 1 << 40) | 1))
            }
            Storage::Microseconds => {
                Arc::new(column!(TimestampMicrosecondArray, |r: &mut StdRng| self.pick(r, 1 << 50) | 1))
            }
            Storage::Nanoseconds => {
                Arc::new(column!(TimestampNanosecondArray, |r: &mut StdRng| self.pick(r, 1 << 60) | 1))
            }
            Storage::Bool => Arc::new(column!(BooleanArray, |r: &mut StdRng| self.pick(r, 100) > 0)),
        })
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

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(
                f,
                "{} with rows {:?}, keys unique: {}:",
                table.name,
                table.files,
                self.unique && table.name == "u"
            )?;
            for column in &table.columns {
                writeln!(f, "  {}: {:?} {:?}, {} % NULL", column.name, column.storage, column.spread, column.nulls)?;
            }
        }
        Ok(())
    }
}
