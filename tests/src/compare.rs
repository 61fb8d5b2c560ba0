//! Are two answers the same? By value, not by type: `Utf8` and `Utf8View` hold the same strings, and a device may call
//! a column by another width of the same kind.
//!
//! Integers, decimals, strings and dates are compared exactly, floats with a tolerance. Rows are a multiset unless the
//! caller says that their order counts.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::Result;
use crate::session::Answer;

/// Floats are the same within this share of the larger one ...
const FLOAT_RELATIVE: f64 = 1e-9;
/// ... or within this share of the largest value of the column: a sum of large terms may end near zero.
const FLOAT_ABSOLUTE: f64 = 1e-12;

/// Whether the order of rows counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// ORDER BY covers every column of the output.
    Total,
    /// Rows are a multiset.
    None,
}

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Exact(Option<String>),
    Float(f64),
}

type Row = Vec<Cell>;

/// Compares two answers.
///
/// # Errors
/// With the first difference, as text: shape, or the first row that has no twin.
pub fn same(left: &Answer, right: &Answer, order: Order) -> Result<()> {
    if left.schema.fields().len() != right.schema.fields().len() {
        return Err(format!("{} columns against {}", left.schema.fields().len(), right.schema.fields().len()).into());
    }
    let (mut left, mut right) = (table(&left.batches)?, table(&right.batches)?);
    if left.len() != right.len() {
        return Err(format!("{} rows against {}", left.len(), right.len()).into());
    }
    if order == Order::None {
        left.sort_by(compare_rows);
        right.sort_by(compare_rows);
    }
    let scales = scales(&right);
    for (index, (a, b)) in left.iter().zip(&right).enumerate() {
        if let Some(column) = (0..a.len()).find(|column| !same_cell(&a[*column], &b[*column], scales[*column])) {
            let sorted = if order == Order::None { " (sorted)" } else { "" };
            return Err(format!("row {index}{sorted}, column {column}:\n  {}\n  {}", show(a), show(b)).into());
        }
    }
    Ok(())
}

fn table(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Vec<Cell>> = batch.columns().iter().map(|column| cells(column)).collect::<Result<_>>()?;
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect::<Row>()));
    }
    Ok(rows)
}

fn cells(column: &dyn Array) -> Result<Vec<Cell>> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
    // Of the values: a column of nothing but NULL, and one of a dictionary, have no nulls of their own.
    let nulls = column.logical_nulls();
    let cell = |row: usize| -> Result<Cell> {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(Cell::Exact(None));
        }
        Ok(match column.data_type() {
            DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => Cell::Float(f64::from(column.as_primitive::<Float32Type>().value(row))),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Cell::Exact(Some(decimal(&formatter.value(row).try_to_string()?)))
            }
            _ => Cell::Exact(Some(formatter.value(row).try_to_string()?)),
        })
    };
    (0..column.len()).map(cell).collect()
}

/// A decimal without the zeros at its end: 1.50 is 1.5.
fn decimal(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

/// Exact columns decide first, so that rows with nearly equal floats still meet their twins.
fn compare_rows(left: &Row, right: &Row) -> Ordering {
    let exact = |a: &Cell, b: &Cell| match (a, b) {
        (Cell::Exact(a), Cell::Exact(b)) => a.cmp(b),
        (Cell::Exact(_), Cell::Float(_)) => Ordering::Less,
        (Cell::Float(_), Cell::Exact(_)) => Ordering::Greater,
        (Cell::Float(_), Cell::Float(_)) => Ordering::Equal,
    };
    let float = |a: &Cell, b: &Cell| match (a, b) {
        // Zero and NaN have two signs and one value; NaN is the largest.
        (Cell::Float(a), Cell::Float(b)) => a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        _ => Ordering::Equal,
    };
    let by = |compare: &dyn Fn(&Cell, &Cell) -> Ordering| {
        left.iter().zip(right).map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    by(&exact).then_with(|| by(&float))
}

/// The largest finite magnitude of each column.
fn scales(rows: &[Row]) -> Vec<f64> {
    let mut scales = vec![0.0_f64; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (scale, cell) in scales.iter_mut().zip(row) {
            if let Cell::Float(value) = cell
                && value.is_finite()
            {
                *scale = scale.max(value.abs());
            }
        }
    }
    scales
}

fn same_cell(left: &Cell, right: &Cell, scale: f64) -> bool {
    match (left, right) {
        (Cell::Float(a), Cell::Float(b)) => same_float(*a, *b, scale),
        _ => left == right,
    }
}

fn same_float(a: f64, b: f64, scale: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let tolerance = (FLOAT_RELATIVE * a.abs().max(b.abs())).max(FLOAT_ABSOLUTE * scale);
    (a - b).abs() <= tolerance && a.is_finite() && b.is_finite()
}

fn show(row: &Row) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Exact(Some(text)) => text.clone(),
        Cell::Exact(None) => "NULL".to_owned(),
        Cell::Float(value) => format!("{value:?}"),
    };
    row.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, NullArray, StringArray, StringViewArray};

    use super::*;

    fn answer(columns: Vec<ArrayRef>) -> Answer {
        let batch =
            RecordBatch::try_from_iter(columns.into_iter().enumerate().map(|(i, column)| (format!("c{i}"), column)))
                .unwrap();
        Answer { schema: batch.schema(), batches: vec![batch], pipelines: 0 }
    }

    fn numbers(ints: Vec<i64>, floats: Vec<f64>) -> Answer {
        answer(vec![Arc::new(Int64Array::from(ints)), Arc::new(Float64Array::from(floats))])
    }

    #[test]
    fn order_counts_where_it_is_said_to() {
        let (a, b) = (numbers(vec![1, 2], vec![0.5, 0.25]), numbers(vec![2, 1], vec![0.25, 0.5]));
        assert!(same(&a, &b, Order::None).is_ok());
        assert!(same(&a, &b, Order::Total).is_err());
    }

    #[test]
    fn floats_may_differ_in_the_last_digits_only() {
        let near = numbers(vec![1, 1], vec![1e9, 1e-4]);
        assert!(same(&near, &numbers(vec![1, 1], vec![1e-4, 1e9 + 0.1]), Order::None).is_ok());
        assert!(same(&near, &numbers(vec![1, 1], vec![1e-4, 1e9 + 10.0]), Order::None).is_err());
        assert!(same(&numbers(vec![1], vec![f64::NAN]), &numbers(vec![1], vec![f64::NAN]), Order::None).is_ok());
        let signs = |nan: f64| numbers(vec![1, 1], vec![1.0, nan]);
        assert!(same(&signs(f64::NAN), &signs(-f64::NAN), Order::None).is_ok());
        assert!(same(&numbers(vec![1], vec![f64::INFINITY]), &numbers(vec![1], vec![1e300]), Order::None).is_err());
    }

    #[test]
    fn values_count_and_types_do_not() {
        let text = answer(vec![Arc::new(StringArray::from(vec![Some("a"), None]))]);
        let view = answer(vec![Arc::new(StringViewArray::from(vec![None, Some("a")]))]);
        assert!(same(&text, &view, Order::None).is_ok());
        let (nothing, nulls) =
            (answer(vec![Arc::new(NullArray::new(1))]), answer(vec![Arc::new(Int64Array::from(vec![None]))]));
        assert!(same(&nothing, &nulls, Order::None).is_ok());
        let other = answer(vec![Arc::new(StringArray::from(vec![Some("a"), Some("")]))]);
        assert!(same(&text, &other, Order::None).is_err());
    }

    #[test]
    fn decimals_are_the_same_at_every_scale() {
        assert_eq!([decimal("1.50"), decimal("100"), decimal("-3.00"), decimal("0.00")], ["1.5", "100", "-3", "0"]);
    }

    #[test]
    fn counts_of_rows_are_told() {
        let error = same(&numbers(vec![1], vec![0.0]), &numbers(vec![], vec![]), Order::None).unwrap_err();
        assert_eq!(error.to_string(), "1 rows against 0");
    }
}
