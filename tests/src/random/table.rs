//! Random tables: a few columns of random types, with NULL, skew and extremes, in files that differ. Not here: the values of
//! a column (`values`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use rand::Rng;
use rand::rngs::StdRng;

use super::Reach;
use crate::Result;
use crate::fixtures::{File, write};

/// What a column holds, as the grammar sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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
    /// A time from the year 1 to 9999, in a unit that holds it. Only where everything is in reach.
    FarTime,
    /// A time of a zone. Only where everything is in reach.
    Zoned,
    Boolean,
}

/// Storage types that a kind may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
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
    /// With NaN of both signs, infinities and zeros of both signs.
    OddF32,
    OddF64,
    Utf8,
    LargeUtf8,
    Utf8View,
    Dictionary,
    /// Longer than what statistics keep of a text, and alike up to there.
    LongUtf8,
    Date,
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    FarSeconds,
    FarMilliseconds,
    FarMicroseconds,
    /// With the zone of [`ZONE`].
    ZonedMilliseconds,
    ZonedMicroseconds,
    Bool,
}

/// How often values repeat.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spread {
    /// All alike.
    Constant,
    /// A handful of values.
    Few,
    /// Nine in ten are the same.
    Skewed,
    /// Hardly two alike.
    Wide,
}

/// One column: its type, and how its values are spread.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub(super) storage: Storage,
    pub(super) spread: Spread,
    /// Of a hundred values, how many are NULL.
    pub(super) nulls: u32,
}

/// One table: its columns besides the join key, and its files.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Rows of each file.
    pub files: Vec<usize>,
    reach: Reach,
}

/// A large table `t` and two small ones, `u` and `v`. All have a join key: unique in `u` for one half of the cases.
#[derive(Clone, Debug)]
pub struct Tables {
    pub tables: [Table; 3],
    unique: bool,
}

pub(super) const KINDS: [(Kind, &[Storage]); 11] = [
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
/// What columns may be besides, where everything is in reach.
pub(super) const ODD_KINDS: [(Kind, &[Storage]); 7] = [
    (Kind::Float, &[Storage::OddF64, Storage::OddF32]),
    (Kind::Float, &[Storage::OddF64]),
    (Kind::Decimal, &[Storage::Decimal(38, 18), Storage::Decimal(18, 0)]),
    (Kind::Text, &[Storage::LongUtf8]),
    (Kind::Time, &[Storage::Seconds]),
    (Kind::FarTime, &[Storage::FarSeconds, Storage::FarMilliseconds, Storage::FarMicroseconds]),
    (Kind::Zoned, &[Storage::ZonedMilliseconds, Storage::ZonedMicroseconds]),
];
/// Half an hour off the others, and with summer time.
pub const ZONE: &str = "Australia/Adelaide";
pub(super) const SPREADS: [Spread; 5] = [Spread::Constant, Spread::Few, Spread::Few, Spread::Skewed, Spread::Wide];
pub(super) const NULLS: [u32; 5] = [0, 0, 10, 50, 100];
/// What texts are made of.
pub const WORDS: [&str; 16] = [
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
    /// Tables of some thousand rows, with what plain DataFusion answers rightly.
    pub fn random(random: &mut StdRng) -> Self {
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
        Self::of_files([large, small, other], Reach::Host, random)
    }

    /// Tables of a few dozen rows with everything in reach.
    pub fn small(random: &mut StdRng) -> Self {
        let sizes = |random: &mut StdRng, largest: usize| -> Vec<usize> {
            let count = random.random_range(1..=3);
            (0..count).map(|_| [0, 1, 2, 9, 20, largest][random.random_range(0..6)]).collect()
        };
        let files = [sizes(random, 60), sizes(random, 20), sizes(random, 12)];
        Self::of_files(files, Reach::All, random)
    }

    fn of_files(files: [Vec<usize>; 3], reach: Reach, random: &mut StdRng) -> Self {
        let mut names = ["t", "u", "v"].into_iter();
        let tables = files.map(|files| Table::random(names.next().unwrap_or_default(), files, reach, random));
        Self { tables, unique: random.random_bool(0.5) }
    }

    /// Whether a column may hold NaN, infinities and zeros of both signs.
    pub fn has_odd_floats(&self) -> bool {
        self.tables.iter().flat_map(|table| &table.columns).any(Column::is_odd)
    }

    /// Whether the join key of that table is unique.
    pub fn is_unique(&self, table: &Table) -> bool {
        self.unique && table.name == "u"
    }

    /// Writes every table into a folder of its own.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(&self, folder: &Path, random: &mut StdRng) -> Result<()> {
        for table in &self.tables {
            let is_unique = self.is_unique(table);
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

    /// The statements that make the tables known to a session.
    pub fn statements(&self, folder: &Path) -> Vec<String> {
        let location = |table: &Table| folder.join(&table.name).display().to_string();
        let create = |table: &Table| {
            format!("CREATE EXTERNAL TABLE {} STORED AS PARQUET LOCATION '{}/'", table.name, location(table))
        };
        self.tables.iter().map(create).collect()
    }
}

impl Table {
    fn random(name: &str, files: Vec<usize>, reach: Reach, random: &mut StdRng) -> Self {
        let count = random.random_range(4..9);
        let columns = (0..count).map(|index| Column::random(format!("{name}{index}"), reach, random)).collect();
        Self { name: name.to_owned(), columns, files, reach }
    }

    /// Rows `first..first + count`, the join key `k` before the columns.
    ///
    /// # Errors
    /// Where arrow refuses values: a bug here.
    pub fn rows(&self, first: usize, count: usize, unique: bool, random: &mut StdRng) -> Result<RecordBatch> {
        let key = |random: &mut StdRng, row: usize| {
            if unique {
                i64::try_from(first + row).ok()
            } else if random.random_ratio(1, 12) {
                None
            } else {
                let largest = if self.reach == Reach::Host { 200 } else { 20 };
                Some(random.random_range(-20..largest))
            }
        };
        let keys: Int64Array = (0..count).map(|row| key(random, row)).collect();
        let mut columns: Vec<(String, ArrayRef, bool)> = vec![(format!("{}k", self.name), Arc::new(keys), true)];
        for column in &self.columns {
            columns.push((column.name.clone(), column.values(count, random)?, true));
        }
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }

    /// A table of the same rows with other columns, as a query may make it.
    #[must_use]
    pub fn with_columns(&self, columns: Vec<Column>) -> Self {
        Self { columns, ..self.clone() }
    }

    /// Its columns that hold that.
    pub fn of_kind(&self, kind: Kind) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.kind == kind).collect()
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            writeln!(f, "{} with rows {:?}, keys unique: {}:", table.name, table.files, self.is_unique(table))?;
            for column in &table.columns {
                writeln!(f, "  {}: {:?} {:?}, {} % NULL", column.name, column.storage, column.spread, column.nulls)?;
            }
        }
        Ok(())
    }
}
