//! The grammar of expressions. Each rule keeps to what cannot fail: no overflow, no division by zero, no cast that may
//! be refused; errors have tests of their own.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::Reach;
use super::table::{Column, Kind, Table, WORDS, ZONE};
use super::text::{LENGTHS, PATTERNS};

/// Expressions over the columns of these tables.
#[derive(Clone)]
pub struct Grammar<'a> {
    pub tables: Vec<&'a Table>,
    pub reach: Reach,
    /// The table that subqueries of conditions read, where those may stand.
    pub subqueries: Option<&'a Table>,
}

pub(super) const COMPARISONS: [&str; 8] = ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"];
pub(super) const DATE_PARTS: [&str; 7] = ["year", "month", "day", "quarter", "week", "dow", "doy"];
pub(super) const TIME_PARTS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "millisecond"];

impl<'a> Grammar<'a> {
    /// What plain DataFusion answers rightly.
    pub fn host(tables: Vec<&'a Table>) -> Self {
        Self { tables, reach: Reach::Host, subqueries: None }
    }

    /// Everything but subqueries.
    pub fn all(tables: Vec<&'a Table>) -> Self {
        Self { tables, reach: Reach::All, subqueries: None }
    }

    /// The same without what is only in reach where everything is.
    #[must_use]
    pub fn simple(mut self) -> Self {
        self.reach = Reach::Host;
        self
    }

    pub(super) fn column(&self, kind: Kind, random: &mut StdRng) -> Option<&Column> {
        let all: Vec<&Column> = self.tables.iter().flat_map(|table| table.of_kind(kind)).collect();
        all.choose(random).copied()
    }

    /// Any column of the tables.
    pub fn any_column(&self, random: &mut StdRng) -> Option<&Column> {
        let all: Vec<&Column> = self.tables.iter().flat_map(|table| &table.columns).collect();
        all.choose(random).copied()
    }

    /// A condition, nested at most `depth` deep.
    pub fn condition(&self, depth: usize, random: &mut StdRng) -> String {
        if depth == 0 || random.random_ratio(1, 3) {
            return self.comparison(random);
        }
        let left = self.condition(depth - 1, random);
        match random.random_range(0..8) {
            0 | 1 => format!("({left} AND {})", self.condition(depth - 1, random)),
            2 | 3 => format!("({left} OR {})", self.condition(depth - 1, random)),
            4 => format!("NOT ({left})"),
            5 => {
                format!("({left}) IS {}", ["TRUE", "NOT TRUE", "FALSE", "NULL", "NOT NULL"][random.random_range(0..5)])
            }
            6 => format!("(({left}) = ({}))", self.condition(depth - 1, random)),
            _ => {
                let (then, otherwise) = (self.condition(depth - 1, random), self.condition(depth - 1, random));
                let otherwise = if random.random_bool(0.5) { format!(" ELSE {otherwise}") } else { String::new() };
                format!("(CASE WHEN {left} THEN {then}{otherwise} END)")
            }
        }
    }

    /// In brackets: IS DISTINCT FROM binds more loosely than one thinks.
    pub fn comparison(&self, random: &mut StdRng) -> String {
        format!("({})", self.bare_comparison(random))
    }

    fn bare_comparison(&self, random: &mut StdRng) -> String {
        if self.reach == Reach::All && random.random_ratio(2, 5) {
            return self.wide_comparison(random);
        }
        let Some(column) = self.any_column(random) else { return "true".to_owned() };
        let name = &column.name;
        let comparison = COMPARISONS[random.random_range(0..COMPARISONS.len())];
        match random.random_range(0..9) {
            0 => format!("{name} IS {}NULL", if random.random_bool(0.5) { "NOT " } else { "" }),
            1 => {
                let member = |random: &mut StdRng| {
                    if random.random_ratio(1, 8) { "NULL".to_owned() } else { literal(column.kind, random) }
                };
                let list: Vec<String> = (0..random.random_range(1..6)).map(|_| member(random)).collect();
                format!("{name} {}IN ({})", if random.random_bool(0.3) { "NOT " } else { "" }, list.join(", "))
            }
            2 if column.kind != Kind::Boolean => {
                let not = if random.random_bool(0.2) { "NOT " } else { "" };
                format!("{name} {not}BETWEEN {} AND {}", literal(column.kind, random), literal(column.kind, random))
            }
            3 if column.kind == Kind::Text => {
                let pattern = PATTERNS[random.random_range(0..PATTERNS.len())];
                let like = ["LIKE", "LIKE", "NOT LIKE", "ILIKE"][random.random_range(0..4)];
                format!("{} {like} '{pattern}'", self.text(column, random))
            }
            4 => match self.column(column.kind, random) {
                Some(other) => format!("{name} {comparison} {}", other.name),
                None => format!("{name} {comparison} {}", literal(column.kind, random)),
            },
            5 => format!("{} {comparison} {}", self.number(1, random), self.number(1, random)),
            6 if column.kind == Kind::Text && random.random_bool(0.4) => {
                format!("{} {comparison} {}", self.chosen_text(2, random), self.chosen_text(1, random))
            }
            6 if column.kind == Kind::Text => {
                format!("{} {comparison} {}", self.text(column, random), literal(Kind::Text, random))
            }
            7 if matches!(column.kind, Kind::Date | Kind::FarDate) => {
                format!("{} {comparison} {}", moved(name, random), literal(column.kind, random))
            }
            8 if random.random_ratio(1, 4) => {
                ["NULL", "NULL = 1", "1 = 0", "true", "NULL IS NULL"][random.random_range(0..5)].to_owned()
            }
            _ if column.kind == Kind::Boolean => name.clone(),
            _ => format!("{name} {comparison} {}", literal(column.kind, random)),
        }
    }

    /// A group key that is more than a column.
    pub fn key(&self, column: &Column, random: &mut StdRng) -> String {
        match column.kind {
            Kind::Integer => format!("(CAST({} AS BIGINT) % 5)", column.name),
            Kind::Text if random.random_bool(0.5) => self.chosen_text(2, random),
            Kind::Text => self.text(column, random),
            Kind::Date | Kind::FarDate => {
                format!("extract({} FROM {})", DATE_PARTS[random.random_range(0..DATE_PARTS.len())], column.name)
            }
            Kind::Time | Kind::Zoned => format!("CAST({} AS DATE)", column.name),
            Kind::Boolean => format!("({} IS NOT TRUE)", column.name),
            Kind::Decimal => format!("CAST({} AS BIGINT)", column.name),
            Kind::Extreme | Kind::Float | Kind::FarTime => column.name.clone(),
        }
    }

    /// A number: integer, decimal or float.
    pub fn number(&self, depth: usize, random: &mut StdRng) -> String {
        let kind = [Kind::Integer, Kind::Integer, Kind::Decimal, Kind::Float][random.random_range(0..4)];
        self.of_kind(kind, depth, random)
    }

    /// An integer.
    pub fn integer(&self, depth: usize, random: &mut StdRng) -> String {
        self.of_kind(Kind::Integer, depth, random)
    }

    /// A number whose sums are exact: an integer or a decimal.
    pub fn exact(&self, depth: usize, random: &mut StdRng) -> String {
        self.of_kind([Kind::Integer, Kind::Decimal][random.random_range(0..2)], depth, random)
    }

    /// A number of this kind, so bounded that nothing built here overflows.
    pub(super) fn of_kind(&self, kind: Kind, depth: usize, random: &mut StdRng) -> String {
        let leaf = match self.column(kind, random) {
            Some(column) if kind == Kind::Integer => format!("CAST({} AS BIGINT)", column.name),
            Some(column) => column.name.clone(),
            None => literal(kind, random),
        };
        if depth == 0 {
            return leaf;
        }
        let other = |random: &mut StdRng| self.of_kind(kind, depth - 1, random);
        match random.random_range(0..14) {
            0 => format!("({leaf} + {})", other(random)),
            1 => format!("({leaf} - {})", other(random)),
            2 => format!("({leaf} * {})", ["2", "3", "10"][random.random_range(0..3)]),
            3 => format!("CASE WHEN {} THEN {leaf} ELSE {} END", self.comparison(random), other(random)),
            4 => format!("CASE WHEN {} THEN {leaf} END", self.comparison(random)),
            5 if kind == Kind::Integer => format!("({leaf} / {})", ["2", "-7", "1000"][random.random_range(0..3)]),
            6 if kind == Kind::Integer => self.part(random).unwrap_or(leaf),
            7 => format!("coalesce({leaf}, {})", literal(kind, random)),
            8 => self.converted(kind, random).unwrap_or(leaf),
            9 => format!("abs({leaf})"),
            10 => format!("nullif({leaf}, {})", literal(kind, random)),
            11 => {
                let value = literal(kind, random);
                format!("CASE ({leaf}) WHEN NULL THEN {value} WHEN {value} THEN NULL ELSE -({leaf}) END")
            }
            12 if kind == Kind::Integer => {
                let op = ["& 255", "| 5", "^ -1", ">> 2", "<< 3"][random.random_range(0..5)];
                format!("({leaf} {op})")
            }
            12 if kind == Kind::Float => format!("{}({leaf})", ["floor", "ceil", "trunc"][random.random_range(0..3)]),
            12 => format!("trunc({leaf}, {})", random.random_range(-1..3)),
            13 => format!("round({leaf}, {})", random.random_range(-2..4)),
            _ => leaf,
        }
    }

    /// A number of this kind from a column of another.
    fn converted(&self, kind: Kind, random: &mut StdRng) -> Option<String> {
        let from = [Kind::Integer, Kind::Decimal, Kind::Float, Kind::Boolean][random.random_range(0..4)];
        let column = self.column(from, random)?;
        let name = &column.name;
        // NaN is no integer.
        let cast = if column.is_odd() { "TRY_CAST" } else { "CAST" };
        Some(match (from, kind) {
            (Kind::Boolean, Kind::Integer) => format!("CAST({name} AS BIGINT)"),
            (Kind::Boolean, _) => return None,
            (_, Kind::Integer) => format!("{cast}({name} AS BIGINT)"),
            (_, Kind::Decimal) => {
                format!(
                    "{cast}({name} AS DECIMAL({}))",
                    ["20, 0", "20, 1", "22, 3", "38, 7"][random.random_range(0..4)]
                )
            }
            (_, Kind::Float) => format!("CAST({name} AS {})", ["DOUBLE", "DOUBLE", "REAL"][random.random_range(0..3)]),
            _ => return None,
        })
    }

    /// A part of a moment, or the length of a text.
    fn part(&self, random: &mut StdRng) -> Option<String> {
        let kind = [Kind::Date, Kind::FarDate, Kind::Time, Kind::Text][random.random_range(0..4)];
        let name = &self.column(kind, random)?.name;
        let call = match kind {
            Kind::Text => LENGTHS[random.random_range(0..LENGTHS.len())].replace("{}", name),
            Kind::Time => format!("extract({} FROM {name})", TIME_PARTS[random.random_range(0..TIME_PARTS.len())]),
            _ => format!("extract({} FROM {name})", DATE_PARTS[random.random_range(0..DATE_PARTS.len())]),
        };
        Some(format!("CAST({call} AS BIGINT)"))
    }
}

/// A date and an interval.
fn moved(date: &str, random: &mut StdRng) -> String {
    let interval = ["1 day", "31 days", "1 month", "13 months", "1 year", "4 years"][random.random_range(0..6)];
    format!("{date} {} INTERVAL '{interval}'", ["+", "-"][random.random_range(0..2)])
}

/// A literal of this kind: often a value that the tables have.
pub fn literal(kind: Kind, random: &mut StdRng) -> String {
    match kind {
        Kind::Integer => {
            let bound = [3, 100, 30_000, 1_000_000][random.random_range(0..4)];
            random.random_range(-bound..=bound).to_string()
        }
        Kind::Extreme => {
            ["0", "-1", "9223372036854775807", "-9223372036854775807", "5000000000", "2147483647", "-2147483648"]
                [random.random_range(0..7)]
            .to_owned()
        }
        Kind::Decimal => {
            let cents: i32 = random.random_range(-9_999_999..9_999_999) / [1, 100, 10_000][random.random_range(0..3)];
            format!("CAST('{}.{:02}' AS DECIMAL(7, 2))", cents / 100, (cents % 100).abs())
        }
        Kind::Float => format!("{:e}", f64::from(random.random_range(-100_000..100_000)) / 64.0),
        Kind::Text => format!("'{}'", WORDS[random.random_range(0..WORDS.len())]),
        Kind::Date => format!(
            "DATE '{}-{:02}-{:02}'",
            random.random_range(1988..2003),
            random.random_range(1..13),
            random.random_range(1..29)
        ),
        Kind::FarDate => {
            let far =
                ["0001-01-01", "9999-12-31", "1970-01-01", "1969-12-31", "2024-02-29", "1582-10-15", "1600-03-01"];
            format!("DATE '{}'", far[random.random_range(0..far.len())])
        }
        Kind::Time => {
            let times =
                ["1970-01-01 00:00:00", "1969-12-31 23:59:59.999", "1999-12-31 12:00:00.5", "2001-09-09 01:46:40"];
            format!("TIMESTAMP '{}'", times[random.random_range(0..times.len())])
        }
        // Each of them makes the literals of its statement microseconds.
        Kind::FarTime => {
            let times =
                ["9999-12-31 00:00:00", "0001-01-01 00:00:00", "1600-03-01 12:30:00", "2262-04-12 00:00:00.000001"];
            format!("TIMESTAMP '{}'", times[random.random_range(0..times.len())])
        }
        Kind::Zoned => {
            let times = ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999+09:30", "1999-12-31T12:00:00.5Z"];
            let time = times[random.random_range(0..times.len())];
            format!("arrow_cast('{time}', 'Timestamp(ms, \"{ZONE}\")')")
        }
        Kind::Boolean => ["true", "false"][random.random_range(0..2)].to_owned(),
    }
}
