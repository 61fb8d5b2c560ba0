//! Errors of values: a division, an overflow, a cast. They read the same whether the host or a device found them; the host
//! alone knows the value.

use super::classify::between;
use super::{Error, ErrorKind};
use crate::device::{CAST, DIVISION_BY_ZERO, OVERFLOW};

pub(super) fn division_by_zero() -> Error {
    invalid("division by zero").with_hint("guard the divisor, as in x / nullif(divisor, 0)")
}

/// arrow says "Overflow happened on: 1 + 2"; the type is in the operands, the remedy in the type.
pub(super) fn overflow(text: &str) -> Error {
    let operation = text.strip_prefix("Overflow happened on: ").unwrap_or(text);
    let misfit = if operation.contains("does not fit") { "" } else { " does not fit its type" };
    invalid(&format!("arithmetic overflow: {operation}{misfit}")).with_hint(WIDER)
}

const WIDER: &str = "cast an operand to a wider type";

/// What a device found, if `message` is one of its.
pub(super) fn on_device(message: &str) -> Option<Error> {
    match message {
        OVERFLOW => Some(invalid("arithmetic overflow: a result does not fit its type").with_hint(WIDER)),
        DIVISION_BY_ZERO => Some(division_by_zero()),
        CAST => Some(cast("it does not fit the type")),
        _ => None,
    }
}

/// What the host says of a cast that fails, if `message` is that.
pub(super) fn on_host(message: &str) -> Option<Error> {
    // What is before the value, between it and the type, and behind the type.
    const FORMS: [(&str, &str, &str); 4] = [
        ("Cannot cast string ", " to value of ", " type"),
        ("Cannot cast value ", " to value of ", " type"),
        ("Can't cast value ", " to type ", ""),
        ("value of ", " is out of range ", ""),
    ];
    for (before, middle, after) in FORMS {
        if let Some((value, data_type)) = message.strip_prefix(before).and_then(|rest| rest.rsplit_once(middle))
            && let Some(data_type) = data_type.strip_suffix(after)
        {
            return Some(cast(&format!("{value} to {data_type}")));
        }
    }
    let value = ["large", "small"].iter().find_map(|how| message.split_once(&format!(" is too {how} to store in a ")));
    let (value, rest) = value?;
    let (data_type, digits) = (rest.split(' ').next()?, between(rest, "of precision ", ".")?);
    Some(cast(&format!("{value} to {data_type} of {digits} digits")))
}

fn cast(what: &str) -> Error {
    invalid(&format!("a value cannot be cast: {what}")).with_hint("TRY_CAST gives NULL instead")
}

/// What is no regular expression, if `message` says that of one.
pub(super) fn pattern(message: &str) -> Option<Error> {
    let said = ["regex parse error:", "Regular expression did not compile: "]
        .iter()
        .find_map(|said| message.strip_prefix(said))?;
    let cause = said.rsplit("error: ").next().unwrap_or(said).trim();
    let cause = cause.lines().next().unwrap_or_default().trim_end_matches([')', '~']);
    Some(invalid(&format!("this is no regular expression: {cause}")))
}

/// What is no format of dates, if `message` says that.
pub(super) fn format_of_dates(message: &str) -> Option<Error> {
    (message == "Format error").then(|| {
        invalid("this is no format of dates and times").with_hint("its codes are those of C, as in '%Y-%m-%d %H:%M:%S'")
    })
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_read_alike() {
        let cases = [
            ("Cannot cast string 'x' to value of Int32 type", "a value cannot be cast: 'x' to Int32"),
            ("Can't cast value 1e300 to type Int32", "a value cannot be cast: 1e300 to Int32"),
            ("value of 200 is out of range Int8", "a value cannot be cast: 200 to Int8"),
            (
                "10.00 is too large to store in a Decimal128 of precision 3. Max is 9.99",
                "a value cannot be cast: 10.00 to Decimal128 of 3 digits",
            ),
        ];
        for (from, to) in cases {
            assert_eq!(on_host(from).as_ref().map(Error::message), Some(to));
        }
        assert!(on_host("value of nothing").is_none());
        assert_eq!(
            on_device(CAST).and_then(|e| e.hint().map(str::to_string)),
            on_host(cases[0].0).and_then(|e| e.hint().map(str::to_string))
        );
    }
}
