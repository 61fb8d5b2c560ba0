//! Two results compared by value: exact for integers, decimals, strings and dates, near for floats. Rows are a
//! multiset, except that the columns of ORDER BY must come in the same sequence.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Floats may differ by this part of the larger one: sums in another order round differently.
const RELATIVE: f64 = 1e-9;

/// And by this in any case: sums near zero have no useful relative error.
const ABSOLUTE: f64 = 1e-9;

/// One value, comparable across types that hold the same kind of value (Decimal(15,2) and Decimal(25,2)).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    /// The one spelling of an exact value.
    Exact(String),
    Float(f64),
}

/// The rows of a result.
pub(crate) type Rows = Vec<Vec<Cell>>;

/// All rows of `batches`, in order.
pub(crate) fn rows(batches: &[RecordBatch]) -> Result<Rows, ArrowError> {
    let mut all = Vec::new();
    for batch in batches {
        let columns: Vec<Vec<Cell>> =
            batch.columns().iter().map(|array| cells(array.as_ref())).collect::<Result<_, _>>()?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        all.extend((0..batch.num_rows()).map(|_| columns.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>()));
    }
    Ok(all)
}

fn cells(array: &dyn Array) -> Result<Vec<Cell>, ArrowError> {
    if let DataType::Dictionary(_, values) = array.data_type() {
        return cells(cast(array, values)?.as_ref());
    }
    if array.data_type().is_floating() {
        let floats = cast(array, &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>();
        return Ok(floats.iter().map(|value| value.map_or(Cell::Null, Cell::Float)).collect());
    }
    let decimal = array.data_type().is_decimal();
    let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
    let text = |row| {
        let text = formatter.value(row).try_to_string()?;
        Ok(Cell::Exact(if decimal { plain_decimal(&text) } else { text }))
    };
    (0..array.len()).map(|row| if array.is_null(row) { Ok(Cell::Null) } else { text(row) }).collect()
}

/// `1.50` and `1.5` are one value: without the zeros at the end.
fn plain_decimal(text: &str) -> String {
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// `Ok` where both hold the same rows, else the first difference in words. `order` names the ORDER BY columns.
pub(crate) fn compare(mut ours: Rows, mut theirs: Rows, order: &[usize]) -> Result<(), String> {
    if ours.len() != theirs.len() {
        return Err(format!("{} rows instead of {}", ours.len(), theirs.len()));
    }
    for (at, (our, their)) in ours.iter().zip(&theirs).enumerate() {
        let key = |row: &Vec<Cell>| order.iter().filter_map(|column| row.get(*column).cloned()).collect::<Vec<_>>();
        if !same_row(&key(our), &key(their)) {
            return Err(format!(
                "row {} is out of order: {} instead of {}",
                at + 1,
                show(&key(our)),
                show(&key(their))
            ));
        }
    }
    ours.sort_by(|a, b| order_rows(a, b));
    theirs.sort_by(|a, b| order_rows(a, b));
    match ours.iter().zip(&theirs).find(|(our, their)| !same_row(our, their)) {
        Some((our, their)) => Err(format!("row {} instead of {}", show(our), show(their))),
        None => Ok(()),
    }
}

/// Whether each of these rows is one of those, and as often.
pub(crate) fn is_part(mut some: Rows, mut all: Rows) -> bool {
    some.sort_by(|a, b| order_rows(a, b));
    all.sort_by(|a, b| order_rows(a, b));
    let mut all = all.iter();
    some.iter().all(|row| all.any(|other| same_row(row, other)))
}

fn same_row(a: &[Cell], b: &[Cell]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => near(*a, *b),
        (a, b) => a == b,
    }
}

/// Whether two floats are equal but for rounding.
pub(crate) fn near(a: f64, b: f64) -> bool {
    let same = a == b || (a.is_nan() && b.is_nan());
    let finite = a.is_finite() && b.is_finite();
    same || finite && (a - b).abs() <= ABSOLUTE.max(RELATIVE * a.abs().max(b.abs()))
}

/// A total order in which exact columns weigh first, so that rounding of floats does not part equal rows.
pub(crate) fn order_rows(a: &[Cell], b: &[Cell]) -> Ordering {
    let exact = a.iter().zip(b).map(|(a, b)| match (a, b) {
        (Cell::Exact(a), Cell::Exact(b)) => a.cmp(b),
        (Cell::Null, Cell::Null) | (Cell::Float(_), Cell::Float(_)) => Ordering::Equal,
        (a, b) => rank(a).cmp(&rank(b)),
    });
    let floats = || {
        a.iter().zip(b).map(|(a, b)| match (a, b) {
            (Cell::Float(a), Cell::Float(b)) => a.total_cmp(b),
            _ => Ordering::Equal,
        })
    };
    exact.fold(Ordering::Equal, Ordering::then).then_with(|| floats().fold(Ordering::Equal, Ordering::then))
}

fn rank(cell: &Cell) -> u8 {
    match cell {
        Cell::Null => 0,
        Cell::Exact(_) => 1,
        Cell::Float(_) => 2,
    }
}

fn show(row: &[Cell]) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Exact(text) => text.clone(),
        Cell::Float(value) => value.to_string(),
    };
    format!("({})", row.iter().map(cell).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray, StringViewArray};

    use super::*;

    fn one(array: ArrayRef) -> Rows {
        rows(&[RecordBatch::try_from_iter([("x", array)]).unwrap()]).unwrap()
    }

    fn decimals(values: Vec<Option<i128>>, precision: u8, scale: i8) -> Rows {
        one(Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap()))
    }

    #[test]
    fn values_count_and_types_do_not() {
        assert!(compare(decimals(vec![Some(150), None], 15, 2), decimals(vec![None, Some(15000)], 38, 4), &[]).is_ok());
        assert!(
            compare(one(Arc::new(Int32Array::from(vec![7]))), one(Arc::new(Int64Array::from(vec![7]))), &[0]).is_ok()
        );
        assert!(
            compare(one(Arc::new(StringArray::from(vec!["a"]))), one(Arc::new(StringViewArray::from(vec!["a"]))), &[0])
                .is_ok()
        );
        assert!(compare(decimals(vec![Some(0)], 15, 2), decimals(vec![Some(-1)], 15, 2), &[]).is_err());
        assert!(compare(decimals(vec![None], 15, 2), decimals(vec![Some(0)], 15, 2), &[]).is_err());
    }

    #[test]
    fn floats_are_near_and_nothing_else_is() {
        let float = |value: f64| one(Arc::new(Float64Array::from(vec![value])));
        assert!(compare(float(1e15), float(1e15 + 100.0), &[]).is_ok());
        assert!(compare(float(1e-12), float(-1e-12), &[]).is_ok());
        assert!(compare(float(f64::NAN), float(f64::NAN), &[]).is_ok());
        assert!(compare(float(1.0), float(1.000_001), &[]).is_err());
        assert!(compare(float(f64::INFINITY), float(1.0), &[]).is_err());
    }

    #[test]
    fn a_part_has_no_row_that_the_whole_has_not() {
        let ints = |values: Vec<i64>| one(Arc::new(Int64Array::from(values)));
        assert!(is_part(ints(vec![3, 1]), ints(vec![1, 2, 3])));
        assert!(is_part(ints(vec![2, 2]), ints(vec![2, 1, 2])));
        assert!(!is_part(ints(vec![2, 2]), ints(vec![1, 2, 3])));
        assert!(!is_part(ints(vec![4]), ints(vec![1, 2, 3])));
        assert!(is_part(vec![], vec![]));
    }

    #[test]
    fn order_matters_where_it_was_asked_for() {
        let ints = |values: Vec<i64>| one(Arc::new(Int64Array::from(values)));
        assert!(compare(ints(vec![1, 2]), ints(vec![2, 1]), &[]).is_ok());
        assert!(compare(ints(vec![1, 2]), ints(vec![2, 1]), &[0]).is_err());
        assert!(compare(ints(vec![1, 1]), ints(vec![1, 2]), &[]).is_err());
        assert!(compare(ints(vec![1]), ints(vec![1, 1]), &[]).is_err());
    }
}
