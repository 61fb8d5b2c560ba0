//! Errors about types: two that do not fit each other, and values that do not fit one.

use super::classify::between;
use super::{Error, ErrorKind};

/// Types that do not fit each other, which DataFusion takes for a bug of its own.
pub(super) fn mismatch(message: &str) -> Option<Error> {
    if let Some(types) = between(message, "Failed to coerce types ", " in BETWEEN") {
        let (one, other) = types.split_once(" and ")?;
        let text = format!("BETWEEN compares values of one type, and {one} and {other} have none in common");
        return Some(Error::new(ErrorKind::Invalid, text).with_hint("cast one side to the type of the other"));
    }
    let (_, data_type) = message.split_once("Cannot run range queries on datatype: ")?;
    let data_type = data_type.split(['\n', '.']).next().unwrap_or(data_type).trim();
    let text = format!("RANGE takes an ORDER BY of numbers, dates or times, and this one is of {data_type}");
    Some(Error::new(ErrorKind::Invalid, text).with_hint("count rows with ROWS, or values with GROUPS"))
}

/// A time that nanoseconds cannot hold.
pub(super) fn beyond_unit(message: &str) -> Option<Error> {
    let is_about = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    let overflows = is_about(&["exceeds the representable i64 range", "Overflow converting"]);
    if !overflows || !is_about(&["to Timestamp(ns", "to Nanosecond"]) {
        return None;
    }
    let time = between(message, "Overflow converting ", " to ").map(|time| format!("{time}: ")).unwrap_or_default();
    let text = format!("{time}a time in nanoseconds lies between 1677-09-21 and 2262-04-11");
    Some(Error::new(ErrorKind::Invalid, text).with_hint("take microseconds: CAST(... AS TIMESTAMP(6))"))
}

/// Types of arrow's, and what SQL calls them.
const NAMES: [(&str, &str); 19] = [
    ("Utf8", "VARCHAR"),
    ("Utf8View", "VARCHAR"),
    ("LargeUtf8", "VARCHAR"),
    ("Boolean", "BOOLEAN"),
    ("Int8", "TINYINT"),
    ("Int16", "SMALLINT"),
    ("Int32", "INT"),
    ("Int64", "BIGINT"),
    ("UInt8", "TINYINT UNSIGNED"),
    ("UInt16", "SMALLINT UNSIGNED"),
    ("UInt32", "INT UNSIGNED"),
    ("UInt64", "BIGINT UNSIGNED"),
    ("Float32", "REAL"),
    ("Float64", "DOUBLE"),
    ("Date32", "DATE"),
    ("Binary", "BYTEA"),
    ("BinaryView", "BYTEA"),
    ("Decimal128", "DECIMAL"),
    ("Decimal256", "DECIMAL"),
];

/// `text` with types as SQL calls them. What stands in quotes is the user's and stays.
pub(crate) fn in_sql(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let (mut rest, mut quote) = (text, None);
    while let Some(character) = rest.chars().next() {
        if quote.is_none() && character.is_ascii_alphabetic() {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let is_part = written.ends_with(['.', '_']);
            let known = NAMES.iter().find(|(name, _)| *name == word).filter(|_| !is_part);
            written.push_str(known.map_or(word, |(_, named)| *named));
            rest = behind;
            continue;
        }
        match quote {
            // The one of "isn't" opens nothing.
            None if matches!(character, '\'' | '"') && !written.ends_with(|c: char| c.is_ascii_alphanumeric()) => {
                quote = Some(character);
            }
            Some(open) if open == character => quote = None,
            _ => {}
        }
        written.push(character);
        rest = &rest[character.len_utf8()..];
    }
    written
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_nanoseconds_cannot_hold_is_named() {
        let texts = [
            "Overflow converting 9999-12-31 00:00:00 to Nanosecond. The dates that can be represented as nanoseconds ...",
            "Cannot cast Timestamp(ms) value 253402214400000 to Timestamp(ns): converted value exceeds the representable i64 range",
        ];
        for text in texts {
            let found = beyond_unit(text).unwrap();
            assert!(found.message().contains("2262-04-11"), "{found}");
            assert!(found.hint().is_some_and(|hint| hint.contains("TIMESTAMP(6)")));
        }
        assert!(beyond_unit("Overflow converting 9999999-01-01 to Microsecond").is_none());
    }

    #[test]
    fn types_read_as_sql() {
        let text = in_sql("cast 'Int64' of List(Int64), t.Int64 and Decimal128(5, 2) to Utf8View; a_Utf8");
        assert_eq!(text, "cast 'Int64' of List(BIGINT), t.Int64 and DECIMAL(5, 2) to VARCHAR; a_Utf8");
    }

    #[test]
    fn types_of_between_are_the_users_own() {
        let found = mismatch("Failed to coerce types Int64 and Boolean in BETWEEN expression").unwrap();
        assert_eq!(found.kind(), ErrorKind::Invalid);
        assert!(mismatch("Cannot run range queries on datatype: List(Int64)").is_some());
        assert!(mismatch("something else").is_none());
    }
}
