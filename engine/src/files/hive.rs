//! Hive's layout of folders: `year=2024/city=New%20York/`. Names and values are percent-encoded in it, and one word stands for
//! NULL. Not here: which files there are (`location`), and the columns that come of it (`table`).

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};

/// What stands for NULL.
pub(super) const NULL_WORD: &str = "__HIVE_DEFAULT_PARTITION__";

/// The text of that word as a value: its first character encoded, so that it is not taken for NULL.
const NULL_WORD_AS_TEXT: &str = "%5F_HIVE_DEFAULT_PARTITION__";

/// The column that a folder gives, as `(name, value)`, both still encoded.
fn column_of(folder: &str) -> Option<(&str, &str)> {
    folder.split_once('=').filter(|(name, _)| !name.is_empty())
}

/// Whether a folder of that name is one of the layout's.
pub(super) fn is_partition(folder: &str) -> bool {
    column_of(folder).is_some()
}

/// The names of the columns that `folders` give, in order.
pub(super) fn names(folders: &[&str]) -> Vec<String> {
    folders.iter().filter_map(|folder| column_of(folder)).map(|(name, _)| decoded(name)).collect()
}

/// The value that `folders` give to the column `name`, still encoded.
pub(super) fn encoded_value<'f>(folders: &[&'f str], name: &str) -> Option<&'f str> {
    folders
        .iter()
        .filter_map(|folder| column_of(folder))
        .find(|(known, _)| decoded(known) == name)
        .map(|(_, text)| text)
}

/// Whether the value that `encoded` stands for is one of `data_type`, for whole numbers and dates as they are written there.
pub(super) fn is_of_type(encoded: &str, data_type: &DataType) -> bool {
    let text = decoded(encoded);
    match data_type {
        DataType::Date32 => {
            let digits =
                |at: std::ops::Range<usize>| text.get(at).is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
            let is_written_so = text.len() == 10 && digits(0..4) && digits(5..7) && digits(8..10);
            is_written_so && ScalarValue::try_from_string(text, data_type).is_ok()
        }
        // As numbers are written: `01` is a text, which would not come out as it is otherwise.
        DataType::Int64 => text.parse::<i64>().is_ok_and(|number| number.to_string() == *text),
        _ => true,
    }
}

/// The value that one folder gives to `column`; `None` for a folder of another column. `path` is the folder's.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a value that is not of the column's type.
pub(super) fn value_of(column: &Field, folder: &str, path: &str) -> Result<Option<ScalarValue>> {
    match column_of(folder).filter(|(name, _)| decoded(name) == *column.name()) {
        Some((_, text)) => value(column, text, path).map(Some),
        None => Ok(None),
    }
}

/// The values that `folders` give to `columns`; `None` for a file that lies outside the layout.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a value that is not of its column's type.
pub(super) fn values(columns: &[FieldRef], folders: &[&str], file: &str) -> Result<Option<Vec<ScalarValue>>> {
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let Some(text) = encoded_value(folders, column.name()) else { return Ok(None) };
        values.push(value(column, text, file)?);
    }
    Ok(Some(values))
}

fn value(column: &Field, encoded: &str, file: &str) -> Result<ScalarValue> {
    let invalid = || {
        let (name, data_type) = (column.name(), column.data_type());
        let message = format!("'{encoded}' in the path of '/{file}' is no value of column {name} ({data_type})");
        Error::new(ErrorKind::Invalid, message)
            .with_hint("declare the column as VARCHAR, or take the folder out of the table")
    };
    if encoded == NULL_WORD {
        return ScalarValue::try_from(column.data_type()).map_err(|_| invalid());
    }
    let text = decoded(encoded);
    if text.is_empty() && !is_text(column.data_type()) {
        return Err(invalid());
    }
    ScalarValue::try_from_string(text, column.data_type()).map_err(|_| invalid())
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The folder for `value` of the column `name`.
pub(super) fn folder(name: &str, value: Option<&str>) -> String {
    let value = match value {
        None => NULL_WORD.to_string(),
        Some(NULL_WORD) => NULL_WORD_AS_TEXT.to_string(),
        Some(text) => encoded(text),
    };
    format!("{}={value}", encoded(name))
}

/// Letters beyond ASCII stay: Spark decodes percent signs byte by byte, to other letters.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '~') {
            encoded.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            encoded.push(c);
        }
    }
    encoded
}

/// A percent sign that begins no code stands for itself, and so does text whose codes make no UTF-8.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let column: FieldRef = Field::new("p", DataType::Utf8, true).into();
        let texts =
            ["", "..", ".", "a/b", "x=y", "50%", "%5F", "ä ö", "a\nb", "\\", "'\"", "*?[", NULL_WORD, "%", "NULL"];
        for text in texts.map(Some).into_iter().chain([None]) {
            let folder = folder("p", text);
            assert!(!folder.contains(['/', '*', '\n']), "{folder}");
            let read = values(&[FieldRef::clone(&column)], &[&folder], "f").ok().flatten();
            assert_eq!(read, Some(vec![ScalarValue::Utf8(text.map(str::to_string))]), "{folder}");
        }
    }

    #[test]
    fn files_outside_the_layout_have_no_values() {
        let column: FieldRef = Field::new("p", DataType::Int32, true).into();
        let of = |folders: &[&str]| values(&[FieldRef::clone(&column)], folders, "f");
        assert!(matches!(of(&[]), Ok(None)));
        assert!(matches!(of(&["q=1"]), Ok(None)));
        assert!(matches!(of(&["x", "p=07"]), Ok(Some(values)) if values == [ScalarValue::Int32(Some(7))]));
        assert!(matches!(of(&["p=seven"]), Err(e) if e.message().contains("'seven' in the path of '/f'")));
    }

    #[test]
    fn values_are_of_the_types_that_they_are_written_as() {
        for (text, is_number, is_date) in [
            ("7", true, false),
            ("-7", true, false),
            ("-07", false, false),
            ("01", false, false),
            ("0", true, false),
            ("-0", false, false),
            ("+7", false, false),
            ("9223372036854775808", false, false),
            ("2024-02-29", false, true),
            ("2024-02-30", false, false),
            ("2024%2D01%2D01", false, true),
            ("", false, false),
            ("1.5", false, false),
        ] {
            assert_eq!(is_of_type(text, &DataType::Int64), is_number, "{text}");
            assert_eq!(is_of_type(text, &DataType::Date32), is_date, "{text}");
        }
    }
}
