//! The grammar of expressions. Each rule keeps to what cannot fail: no overflow, no division by zero, no cast that may
//! be refused; errors have tests of their own.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::table::{Column, Kind, Table, WORDS};

/// Expressions over the columns of these tables.
pub(crate) struct Grammar<'a> {
    pub(crate) tables: Vec<&'a Table>,
}

const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
const PATTERNS: [&str; 8] = ["a%", "%c", "%b%", "a_c", "%", "", "a\\%c", "%longer%bytes"];

impl Grammar<'_> {
    fn column(&self, kind: Kind, random: &mut StdRng) -> Option<&Column> {
        let all: Vec<&Column> = self.tables.iter().flat_map(|table| table.of_kind(kind)).collect();
        all.choose(random).copied()
    }

    /// Any column of the tables.
    pub(crate) fn any_column(&self, random: &mut StdRng) -> Option<&Column> {
        let all: Vec<&Column> = self.tables.iter().flat_map(|table| &table.columns).collect();
        all.choose(random).copied()
    }

    /// A condition, nested at most `depth` deep.
    pub(crate) fn condition(&self, depth: usize, random: &mut StdRng) -> String {
        if depth == 0 || random.random_ratio(1, 3) {
            return self.comparison(random);
        }
        let left = self.condition(depth - 1, random);
        match random.random_range(0..6) {
            0 | 1 => format!("({left} AND {})", self.condition(depth - 1, random)),
            2 | 3 => format!("({left} OR {})", self.condition(depth - 1, random)),
            4 => format!("NOT ({left})"),
            _ => {
                format!("({left}) IS {}", ["TRUE", "NOT TRUE", "FALSE", "NULL", "NOT NULL"][random.random_range(0..5)])
            }
        }
    }

    fn comparison(&self, random: &mut StdRng) -> String {
        let Some(column) = self.any_column(random) else { return "true".to_owned() };
        let name = &column.name;
        let comparison = COMPARISONS[random.random_range(0..COMPARISONS.len())];
        match random.random_range(0..8) {
            0 => format!("{name} IS {}NULL", if random.random_bool(0.5) { "NOT " } else { "" }),
            1 => {
                let list: Vec<String> = (0..random.random_range(1..6)).map(|_| literal(column.kind, random)).collect();
                format!("{name} {}IN ({})", if random.random_bool(0.3) { "NOT " } else { "" }, list.join(", "))
            }
            2 if column.kind != Kind::Boolean => {
                format!("{name} BETWEEN {} AND {}", literal(column.kind, random), literal(column.kind, random))
            }
            3 if column.kind == Kind::Text => {
                let pattern = PATTERNS[random.random_range(0..PATTERNS.len())];
                format!("{name} {}LIKE '{pattern}'", if random.random_bool(0.3) { "NOT " } else { "" })
            }
            4 => match self.column(column.kind, random) {
                Some(other) => format!("{name} {comparison} {}", other.name),
                None => format!("{name} {comparison} {}", literal(column.kind, random)),
            },
            5 => format!("{} {comparison} {}", self.number(1, random), literal(Kind::Integer, random)),
            _ if column.kind == Kind::Boolean => name.clone(),
            _ => format!("{name} {comparison} {}", literal(column.kind, random)),
        }
    }

    /// A number: integer, decimal or float.
    pub(crate) fn number(&self, depth: usize, random: &mut StdRng) -> String {
        let kind = [Kind::Integer, Kind::Integer, Kind::Decimal, Kind::Float][random.random_range(0..4)];
        self.of_kind(kind, depth, random)
    }

    /// A number of this kind, so bounded that nothing built here overflows.
    fn of_kind(&self, kind: Kind, depth: usize, random: &mut StdRng) -> String {
        let leaf = match self.column(kind, random) {
            Some(column) if kind == Kind::Integer => format!("CAST({} AS BIGINT)", column.name),
            Some(column) => column.name.clone(),
            None => literal(kind, random),
        };
        if depth == 0 {
            return leaf;
        }
        let other = |random: &mut StdRng| self.of_kind(kind, depth - 1, random);
        match random.random_range(0..8) {
            0 => format!("({leaf} + {})", other(random)),
            1 => format!("({leaf} - {})", other(random)),
            2 => format!("({leaf} * {})", ["2", "3", "10"][random.random_range(0..3)]),
            3 => format!("CASE WHEN {} THEN {leaf} ELSE {} END", self.comparison(random), other(random)),
            4 => format!("CASE WHEN {} THEN {leaf} END", self.comparison(random)),
            5 if kind == Kind::Integer => format!("({leaf} / {})", ["2", "7", "1000"][random.random_range(0..3)]),
            6 if kind == Kind::Integer => self.date_part(random).unwrap_or(leaf),
            7 => format!("coalesce({leaf}, {})", literal(kind, random)),
            _ => leaf,
        }
    }

    fn date_part(&self, random: &mut StdRng) -> Option<String> {
        let column = self.column(Kind::Date, random)?;
        let part = ["year", "month", "day"][random.random_range(0..3)];
        Some(format!("CAST(extract({part} FROM {}) AS BIGINT)", column.name))
    }
}

/// A literal of this kind: often a value that the tables have.
pub(crate) fn literal(kind: Kind, random: &mut StdRng) -> String {
    match kind {
        Kind::Integer => {
            let bound = [3, 100, 30_000, 1_000_000][random.random_range(0..4)];
            random.random_range(-bound..=bound).to_string()
        }
        Kind::Extreme => ["0", "-1", "9223372036854775807", "-9223372036854775807", "5000000000"]
            [random.random_range(0..5)]
        .to_owned(),
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
        Kind::Boolean => ["true", "false"][random.random_range(0..2)].to_owned(),
    }
}
