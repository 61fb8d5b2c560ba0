//! Answers as text, the same on every device: one string a cell.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::Result;

/// Significant digits of a float: sums depend on the order of their terms in the last ones.
const FLOAT_DIGITS: usize = 12;

/// The rows of `batches`. NULL is `NULL`, an empty string `(empty)`; control characters are escaped, so that a row
/// stays one line.
///
/// # Errors
/// Where arrow cannot show a type.
pub fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Vec<String>> =
            batch.columns().iter().map(|column| column_text(column, &options)).collect::<Result<_>>()?;
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()));
    }
    Ok(rows)
}

fn column_text(column: &dyn Array, options: &FormatOptions<'_>) -> Result<Vec<String>> {
    let formatter = ArrayFormatter::try_new(column, options)?;
    let text = |row: usize| -> Result<String> {
        if column.is_null(row) {
            return Ok("NULL".to_owned());
        }
        match column.data_type() {
            DataType::Float64 => Ok(float(column.as_primitive::<Float64Type>().value(row))),
            DataType::Float32 => Ok(float(f64::from(column.as_primitive::<Float32Type>().value(row)))),
            _ => Ok(escape(&formatter.value(row).try_to_string()?)),
        }
    };
    (0..column.len()).map(text).collect()
}

/// A float with at most [`FLOAT_DIGITS`] significant digits, and no more than it needs.
pub fn float(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return format!("{value}");
    }
    let rounded: f64 = format!("{value:.*e}", FLOAT_DIGITS - 1).parse().unwrap_or(value);
    if (1e-5..1e16).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

fn escape(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_twelve_digits() {
        assert_eq!(float(0.1 + 0.2), "0.3");
        assert_eq!(float(1.0), "1");
        assert_eq!(float(-0.0), "-0");
        assert_eq!(float(f64::NAN), "NaN");
        assert_eq!(float(1e300), "1e300");
        assert_eq!(float(123_456_789.123_456_78), "123456789.123");
    }

    #[test]
    fn a_row_is_one_line() {
        assert_eq!(escape("a\nb"), "a\\nb");
        assert_eq!(escape(""), "(empty)");
        assert_eq!(escape("żółć"), "żółć");
    }
}
