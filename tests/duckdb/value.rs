//! Answers of two engines as values that compare: numbers by value whatever their type, moments in one spelling.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use maar_tests::Result;
use maar_tests::compare::Order;
use maar_tests::session::Answer;
use serde_json::Value as Json;

/// Floats are the same within this share of the larger one ...
const FLOAT_RELATIVE: f64 = 1e-9;
/// ... a 32-bit float has fewer digits ...
const SINGLE_RELATIVE: f64 = 1e-6;
/// ... or within this share of the largest value of the column: a sum of large terms may end near zero.
const FLOAT_ABSOLUTE: f64 = 1e-12;

/// One value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    /// Integers and decimals, without needless zeros; texts, moments and truth values as they are spelt.
    Exact(String),
    Float(f64),
}

/// How the values of a column compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Kind {
    /// For floats: the share by which two of them may differ.
    relative: Option<f64>,
    /// For decimals: their last digit. Averages and quotients are cut off behind it, DuckDB's are floats.
    last_digit: f64,
}

/// All rows of one statement.
#[derive(Debug)]
pub(crate) struct Table {
    kinds: Vec<Kind>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// Rows as `oracle.py` sends them.
    pub(crate) fn from_duckdb(reply: &Json) -> Result<Self> {
        let list = |json: Option<&Json>| json.and_then(Json::as_array).cloned().ok_or("no list in DuckDB's answer");
        let types: Vec<String> =
            list(reply.get("types"))?.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect();
        let mut rows = Vec::new();
        for row in list(reply.get("rows"))? {
            let cells = list(Some(&row))?;
            rows.push(cells.iter().zip(&types).map(|(cell, name)| from_text(cell.as_str(), name)).collect());
        }
        Ok(Self { kinds: types.iter().map(|name| kind_in_duckdb(name)).collect(), rows })
    }

    /// Rows as Maar gave them.
    pub(crate) fn from_maar(answer: &Answer) -> Result<Self> {
        let mut rows = Vec::new();
        for batch in &answer.batches {
            let columns: Vec<Vec<Value>> =
                batch.columns().iter().map(|column| from_arrow(column)).collect::<Result<_>>()?;
            rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()));
        }
        let kinds = answer.schema.fields().iter().map(|field| kind_in_arrow(field.data_type())).collect();
        Ok(Self { kinds, rows })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Compares `self`, of Maar, with DuckDB's.
    ///
    /// # Errors
    /// With the first difference, as text.
    pub(crate) fn same(mut self, mut duckdb: Self, order: Order) -> std::result::Result<(), String> {
        if self.kinds.len() != duckdb.kinds.len() {
            return Err(format!("{} columns against {}", self.kinds.len(), duckdb.kinds.len()));
        }
        if self.rows.len() != duckdb.rows.len() {
            return Err(format!("{} rows against {}", self.rows.len(), duckdb.rows.len()));
        }
        let kinds: Vec<Kind> = self.kinds.iter().zip(&duckdb.kinds).map(|(a, b)| a.and(*b)).collect();
        if order == Order::None {
            self.rows.sort_by(|a, b| compare(a, b, &kinds));
            duckdb.rows.sort_by(|a, b| compare(a, b, &kinds));
        }
        for column in 0..kinds.len() {
            let scale = duckdb
                .rows
                .iter()
                .filter_map(|row| row[column].number())
                .filter(|n| n.is_finite())
                .fold(0.0, |scale: f64, n| scale.max(n.abs()));
            for (index, (a, b)) in self.rows.iter().zip(&duckdb.rows).enumerate() {
                if !kinds[column].is_same(&a[column], &b[column], scale) {
                    return Err(format!("row {index}, column {column}: {} against {}", show(a), show(b)));
                }
            }
        }
        Ok(())
    }
}

impl Kind {
    fn float(relative: f64) -> Self {
        Self { relative: Some(relative), last_digit: 0.0 }
    }

    /// Of two columns that are compared.
    fn and(self, other: Self) -> Self {
        let relative = match (self.relative, other.relative) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (one, other) => one.or(other),
        };
        Self { relative, last_digit: self.last_digit.max(other.last_digit) }
    }

    fn is_exact(self) -> bool {
        self.relative.is_none()
    }

    /// `scale`: the largest value of the column.
    fn is_same(self, a: &Value, b: &Value, scale: f64) -> bool {
        let (Some(relative), Some(x), Some(y)) = (self.relative, a.number(), b.number()) else { return a == b };
        let tolerance = (relative * x.abs().max(y.abs())).max(FLOAT_ABSOLUTE * scale).max(self.last_digit);
        x == y || (x.is_nan() && y.is_nan()) || ((x - y).abs() <= tolerance && x.is_finite() && y.is_finite())
    }
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Exact(text) => text.parse().ok(),
            Self::Null => None,
        }
    }
}

/// Exact columns decide first, so that rows with nearly equal floats still meet their twins.
fn compare(a: &[Value], b: &[Value], kinds: &[Kind]) -> Ordering {
    let by = |exact: bool| {
        let columns = (0..kinds.len()).filter(|column| kinds[*column].is_exact() == exact);
        columns.map(|column| order(&a[column], &b[column], exact)).find(|order| order.is_ne())
    };
    by(true).or_else(|| by(false)).unwrap_or(Ordering::Equal)
}

fn order(a: &Value, b: &Value, exact: bool) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Exact(a), Value::Exact(b)) if exact => a.cmp(b),
        _ => match (a.number(), b.number()) {
            // Zero has two signs and one value.
            (Some(a), Some(b)) if a == b => Ordering::Equal,
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => Ordering::Equal,
        },
    }
}

fn show(row: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Exact(text) => text.clone(),
        Value::Float(value) => format!("{value:?}"),
    };
    format!("[{}]", row.iter().map(cell).collect::<Vec<_>>().join(" | "))
}

fn kind_in_duckdb(name: &str) -> Kind {
    match name {
        "DOUBLE" => Kind::float(FLOAT_RELATIVE),
        "FLOAT" => Kind::float(SINGLE_RELATIVE),
        _ => Kind::default(),
    }
}

fn from_text(cell: Option<&str>, name: &str) -> Value {
    let Some(text) = cell else { return Value::Null };
    match name {
        "DOUBLE" | "FLOAT" => text.parse().map_or_else(|_| Value::Exact(text.to_owned()), Value::Float),
        name if name.starts_with("DECIMAL") => Value::Exact(plain(text)),
        name if name.starts_with("TIMESTAMP") => Value::Exact(moment(text)),
        _ => Value::Exact(text.to_owned()),
    }
}

fn kind_in_arrow(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Float64 => Kind::float(FLOAT_RELATIVE),
        DataType::Float32 => Kind::float(SINGLE_RELATIVE),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            Kind { relative: None, last_digit: 0.1_f64.powi(i32::from(*scale)) }
        }
        _ => Kind::default(),
    }
}

fn from_arrow(column: &dyn Array) -> Result<Vec<Value>> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
    let value = |row: usize| -> Result<Value> {
        if column.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match column.data_type() {
            DataType::Float64 => Value::Float(column.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => Value::Float(f64::from(column.as_primitive::<Float32Type>().value(row))),
            DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => {
                Value::Exact(plain(&formatter.value(row).try_to_string()?))
            }
            DataType::Timestamp(_, _) => Value::Exact(moment(&formatter.value(row).try_to_string()?)),
            _ => Value::Exact(formatter.value(row).try_to_string()?),
        })
    };
    (0..column.len()).map(value).collect()
}

/// A decimal without the zeros behind its last digit.
fn plain(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `2024-01-01 00:00:00.5`: no `T`, no zone but UTC, no zeros behind the last digit.
fn moment(text: &str) -> String {
    let text = text.replace('T', " ");
    plain(text.trim_end_matches('Z').trim_end_matches("+00"))
}
