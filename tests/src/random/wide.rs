//! What the grammar has besides where everything is in reach: expressions that plain DataFusion is known to answer wrongly
//! now and then, and subqueries.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::expression::{COMPARISONS, DATE_PARTS, Grammar, TIME_PARTS, literal};
use super::table::{Column, Kind};
use super::text::PATTERNS;

const INTEGER_TYPES: [&str; 8] = [
    "TINYINT",
    "SMALLINT",
    "INT",
    "BIGINT",
    "TINYINT UNSIGNED",
    "SMALLINT UNSIGNED",
    "INT UNSIGNED",
    "BIGINT UNSIGNED",
];
/// Literals about the bounds of the types above.
const BOUNDS: [&str; 14] =
    ["0", "1", "-1", "2", "44", "127", "128", "-129", "255", "256", "32767", "65536", "2147483648", "-2147483649"];
/// Times that a column of seconds or milliseconds cannot hold, and times that nanoseconds cannot.
const FAR_TIMES: [&str; 8] = [
    "1970-01-01 00:00:00.0005",
    "1969-12-31 23:59:59.9999999",
    "1970-01-01 00:00:00.000000001",
    "1999-12-31 12:00:00.5000001",
    "9999-12-31 00:00:00",
    "1600-01-01 00:00:00",
    "0001-01-01 00:00:00",
    "2262-04-11 23:47:16.854775807",
];
const UNITS: [&str; 8] = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"];

impl Grammar<'_> {
    /// A comparison, without brackets.
    pub(super) fn wide_comparison(&self, random: &mut StdRng) -> String {
        if self.subqueries.is_some() && random.random_bool(0.5) {
            return self.subquery(random).unwrap_or_else(|| "true".to_owned());
        }
        let found = match random.random_range(0..10) {
            0 => self.narrowed(random),
            1 => self.moment_comparison(random),
            9 => self.two_units(random),
            2 => self.text_comparison(random),
            3 => self.with_itself(random),
            4 | 5 => self.two_lists(random),
            6 => self.guarded(random),
            7 => self.truth(random),
            _ => self.member(random),
        };
        found.unwrap_or_else(|| self.plain(random))
    }

    fn plain(&self, random: &mut StdRng) -> String {
        let Some(column) = self.any_column(random) else { return "true".to_owned() };
        format!("{} {} {}", column.name, operator(random), literal(column.kind, random))
    }

    /// A value of the column's kind, that several columns and constants may give.
    pub fn value(&self, column: &Column, depth: usize, random: &mut StdRng) -> String {
        match column.kind {
            Kind::Integer | Kind::Decimal | Kind::Float => self.of_kind(column.kind, depth, random),
            Kind::Text => self.chosen_text(depth, random),
            Kind::Boolean => self.condition(depth, random),
            Kind::Extreme | Kind::Date | Kind::FarDate | Kind::Time | Kind::FarTime | Kind::Zoned => {
                self.chosen(column, depth, random)
            }
        }
    }

    /// A value that is stored or a constant, chosen by conditions.
    fn chosen(&self, column: &Column, depth: usize, random: &mut StdRng) -> String {
        // The extremes of two types have no common type.
        let leaf = match random.random_range(0..4) {
            0 if column.kind != Kind::Extreme => literal(column.kind, random),
            1 if column.kind != Kind::Extreme => {
                self.column(column.kind, random).map_or_else(|| column.name.clone(), |other| other.name.clone())
            }
            _ => column.name.clone(),
        };
        if depth == 0 {
            return leaf;
        }
        let other = |random: &mut StdRng| self.chosen(column, depth - 1, random);
        match random.random_range(0..7) {
            0 => format!("CASE WHEN {} THEN {leaf} END", self.comparison(random)),
            1 => format!("CASE WHEN {} THEN {leaf} ELSE {} END", self.comparison(random), other(random)),
            2 => format!("coalesce({leaf}, {})", other(random)),
            3 => format!("nullif({leaf}, {})", other(random)),
            4 => format!("greatest({leaf}, {})", other(random)),
            5 => format!("least({leaf}, {})", other(random)),
            _ => leaf,
        }
    }

    /// A number cast to a type that may be too small for it.
    fn narrowed(&self, random: &mut StdRng) -> Option<String> {
        let kinds = [Kind::Integer, Kind::Decimal, Kind::Float, Kind::Extreme, Kind::Boolean, Kind::Text];
        let name = &self.column(kinds[random.random_range(0..kinds.len())], random)?.name;
        let to = INTEGER_TYPES[random.random_range(0..INTEGER_TYPES.len())];
        let bound = BOUNDS[random.random_range(0..BOUNDS.len())];
        Some(format!("TRY_CAST({name} AS {to}) {} {bound}", operator(random)))
    }

    fn moment_comparison(&self, random: &mut StdRng) -> Option<String> {
        let kind = [Kind::Time, Kind::Zoned, Kind::Date, Kind::Time, Kind::Zoned][random.random_range(0..5)];
        let name = &self.column(kind, random)?.name;
        let far = format!("TIMESTAMP '{}'", FAR_TIMES[random.random_range(0..FAR_TIMES.len())]);
        let operator = operator(random);
        let unit = UNITS[random.random_range(0..UNITS.len())];
        Some(match random.random_range(0..8) {
            0 | 1 => format!("{name} {operator} {far}"),
            2 => format!("date_trunc('{unit}', {name}) {operator} {}", literal(Kind::Time, random)),
            3 => format!("CAST({name} AS DATE) {operator} {}", literal(Kind::FarDate, random)),
            4 => format!("{name} {operator} {}", literal(Kind::Date, random)),
            5 => format!("CAST({name} AS TIMESTAMP) {operator} {}", literal(Kind::Time, random)),
            6 => format!("{name} IN ({far}, {}, {})", literal(kind, random), literal(Kind::Time, random)),
            _ => {
                let parts = if kind == Kind::Date { DATE_PARTS } else { TIME_PARTS };
                let part = parts[random.random_range(0..parts.len())];
                format!("extract({part} FROM {name}) {operator} {}", random.random_range(0..60))
            }
        })
    }

    /// Two times of different units.
    fn two_units(&self, random: &mut StdRng) -> Option<String> {
        let kinds = [Kind::Time, Kind::FarTime, Kind::Zoned, Kind::Date, Kind::FarDate];
        let mut one = || self.column(kinds[random.random_range(0..kinds.len())], random).map(|column| &column.name);
        let (left, right) = (one()?, one()?);
        let third = one().unwrap_or(left);
        Some(match random.random_range(0..6) {
            0..=2 => format!("{left} {} {right}", operator(random)),
            3 => format!("{left} IN ({right}, {third})"),
            4 => format!("{left} NOT BETWEEN {right} AND {third}"),
            _ => format!("CASE {left} WHEN {right} THEN true WHEN {third} THEN false END"),
        })
    }

    fn text_comparison(&self, random: &mut StdRng) -> Option<String> {
        let column = self.column(Kind::Text, random)?;
        let text = self.text(column, random);
        let other = self.column(Kind::Text, random)?;
        let word = literal(Kind::Text, random);
        let pattern = PATTERNS[random.random_range(0..PATTERNS.len())];
        Some(match random.random_range(0..8) {
            0 => format!("{text} LIKE {}", other.name),
            1 => format!("{text} NOT LIKE {}", other.name),
            2 => format!("starts_with({text}, {word})"),
            3 => format!("contains({text}, {word})"),
            4 => format!("{text} || {word} {} {word}", operator(random)),
            5 => format!("{text} ILIKE '{pattern}'"),
            6 => format!("{text} NOT ILIKE '{pattern}'"),
            _ => format!("ends_with({text}, {word})"),
        })
    }

    /// What a simplifier may take for always true.
    fn with_itself(&self, random: &mut StdRng) -> Option<String> {
        let column = self.any_column(random)?;
        let name = &column.name;
        let number = format!("CAST({name} AS BIGINT)");
        Some(match (column.kind, random.random_range(0..7)) {
            (Kind::Integer, 0) => format!("({number} - {number}) {} 0", operator(random)),
            (Kind::Integer, 1) => format!("({number} * 0) {} 0", operator(random)),
            (Kind::Integer, 2) => format!("({number} % 1) {} 0", operator(random)),
            (Kind::Integer, 3) => format!("({number} & {number}) {} {number}", operator(random)),
            (Kind::Integer, 4) => format!("({number} xor {number}) {} 0", operator(random)),
            (Kind::Integer, 5) => format!("({number} | 0) {} {number}", operator(random)),
            (Kind::Float, 0) => format!("({name} * 0) {} 0", operator(random)),
            (Kind::Float, 1) => format!("({name} - {name}) {} 0", operator(random)),
            (Kind::Text, 0) => format!("{name} LIKE '%'"),
            (Kind::Text, 1) => format!("{name} LIKE {name}"),
            _ => format!("{name} {} {name}", operator(random)),
        })
    }

    /// Two lists, or two bounds, of one column.
    fn two_lists(&self, random: &mut StdRng) -> Option<String> {
        let column = self.any_column(random)?;
        let value = |random: &mut StdRng| literal(column.kind, random);
        let pool = [value(random), value(random), value(random), "NULL".to_owned()];
        let one = |random: &mut StdRng| {
            let count = if random.random_ratio(1, 5) { 5 } else { random.random_range(1..4) };
            let members: Vec<&str> = (0..count)
                .filter_map(|_| pool[..3 + usize::from(count > 3)].choose(random).map(String::as_str))
                .collect();
            match random.random_range(0..6) {
                0 | 1 => format!("{} IN ({})", column.name, members.join(", ")),
                2 | 3 => format!("{} NOT IN ({})", column.name, members.join(", ")),
                4 if column.kind != Kind::Boolean => {
                    format!("{} BETWEEN {} AND {}", column.name, members[0], members[members.len() - 1])
                }
                _ => format!("{} {} {}", column.name, operator(random), members[0]),
            }
        };
        let (left, right) = (one(random), one(random));
        Some(format!("({left}) {} ({right})", ["AND", "OR"][random.random_range(0..2)]))
    }

    /// A division that is not reached where it must not be.
    fn guarded(&self, random: &mut StdRng) -> Option<String> {
        let name = &self.column(Kind::Integer, random)?.name;
        let by = format!("CAST({name} AS BIGINT)");
        let risky = format!("(1000 / {by}) {} {}", operator(random), random.random_range(-9..9));
        let instead = ["true", "false", "NULL"][random.random_range(0..3)];
        Some(match random.random_range(0..3) {
            0 => format!("CASE WHEN {name} = 0 THEN {instead} ELSE {risky} END"),
            1 => format!("CASE WHEN {name} <> 0 THEN {risky} ELSE {instead} END"),
            _ => format!("CASE {by} WHEN 0 THEN {instead} ELSE {risky} END"),
        })
    }

    /// Booleans as values.
    fn truth(&self, random: &mut StdRng) -> Option<String> {
        let name = &self.column(Kind::Boolean, random)?.name;
        let other = self.comparison(random);
        let constant = literal(Kind::Boolean, random);
        Some(match random.random_range(0..6) {
            0 => format!("{name} {} {constant}", operator(random)),
            1 => format!("{name} {} {other}", operator(random)),
            2 => format!("coalesce({name}, {other})"),
            3 => format!("nullif({name}, {other})"),
            4 => format!("{name} IN ({constant}, {other})"),
            _ => format!("{other} IS {}TRUE", if random.random_bool(0.5) { "NOT " } else { "" }),
        })
    }

    /// IN over expressions.
    fn member(&self, random: &mut StdRng) -> Option<String> {
        let column = self.any_column(random)?;
        if matches!(column.kind, Kind::Boolean | Kind::Extreme) {
            return None;
        }
        let value = |random: &mut StdRng| self.value(column, 1, random);
        let not = if random.random_bool(0.5) { "NOT " } else { "" };
        Some(format!(
            "({}) {not}IN ({}, {}, {})",
            value(random),
            value(random),
            literal(column.kind, random),
            column.name
        ))
    }

    /// A condition over another table.
    fn subquery(&self, random: &mut StdRng) -> Option<String> {
        let (inner, outer) = (self.subqueries?, self.tables.first()?);
        let name = &inner.name;
        let (outer_key, inner_key) = (format!("{0}.{0}k", outer.name), format!("{name}.{name}k"));
        let among = Grammar::all(vec![inner]);
        let condition = among.comparison(random);
        let column = self.any_column(random)?;
        let (left, right) = match inner.of_kind(column.kind).choose(random) {
            Some(other) => (column.name.clone(), format!("{name}.{}", other.name)),
            None => (outer_key.clone(), inner_key.clone()),
        };
        let not = if random.random_bool(0.5) { "NOT " } else { "" };
        let correlated = format!("{inner_key} {} {outer_key}", ["=", "=", "=", "<"][random.random_range(0..4)]);
        Some(match random.random_range(0..9) {
            0 => format!("{left} {not}IN (SELECT {right} FROM {name})"),
            1 => format!("{left} {not}IN (SELECT {right} FROM {name} WHERE {condition})"),
            2 | 3 => format!("{left} {not}IN (SELECT {right} FROM {name} WHERE {correlated})"),
            4 => format!("{not}EXISTS (SELECT 1 FROM {name} WHERE {correlated} AND {condition})"),
            5 => format!("{not}EXISTS (SELECT 1 FROM {name} WHERE {condition})"),
            6 => {
                format!("{left} {} (SELECT max({right}) FROM {name} WHERE {inner_key} = {outer_key})", operator(random))
            }
            7 => format!("{left} {} (SELECT min({right}) FROM {name} WHERE {condition})", operator(random)),
            _ => {
                let all = ["ANY", "ALL"][random.random_range(0..2)];
                let operator = COMPARISONS[random.random_range(0..6)];
                format!("{left} {operator} {all} (SELECT {right} FROM {name} WHERE {condition})")
            }
        })
    }
}

fn operator(random: &mut StdRng) -> &'static str {
    COMPARISONS[random.random_range(0..COMPARISONS.len())]
}
