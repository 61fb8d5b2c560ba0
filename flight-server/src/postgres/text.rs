//! Values in PostgreSQL's text format, under the settings that this server has: `DateStyle` ISO, `IntervalStyle` postgres, `bytea_output`
//! hex, `TimeZone` UTC, floats as short as they can be read back.

use std::fmt::{self, Write as _};

use prost::bytes::{BufMut, BytesMut};

use super::calendar::{DAY_MICROS, date_of};
use super::types::Kind;
use super::value::Value;

/// Appends a value of this kind.
pub(super) fn write(value: Value<'_>, kind: Kind, out: &mut BytesMut) {
    match value {
        Value::Bool(value) => out.put_u8(if value { b't' } else { b'f' }),
        Value::Int(value) => put(out, format_args!("{value}")),
        Value::Float4(value) => float(out, value.into(), format_args!("{value}"), format_args!("{value:e}"), 6),
        Value::Float8(value) => float(out, value, format_args!("{value}"), format_args!("{value:e}"), 15),
        Value::Numeric(digits, scale) => numeric(out, &digits.to_string(), scale),
        Value::Wide(digits, scale) => numeric(out, &digits.to_string(), scale),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Bytes(bytes) => {
            out.put_slice(b"\\x");
            bytes.iter().for_each(|byte| put(out, format_args!("{byte:02x}")));
        }
        Value::Date(days) => {
            if date(out, days) {
                out.put_slice(b" BC");
            }
        }
        Value::Time(micros) => time(out, micros),
        Value::Timestamp(micros) => {
            let is_before_christ = date(out, micros.div_euclid(DAY_MICROS));
            out.put_u8(b' ');
            time(out, micros.rem_euclid(DAY_MICROS));
            if kind == Kind::TimestampTz {
                out.put_slice(b"+00");
            }
            if is_before_christ {
                out.put_slice(b" BC");
            }
        }
        Value::Interval { months, days, micros } => interval(out, months, days, micros),
    }
}

/// Writing to memory cannot fail.
fn put(out: &mut BytesMut, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// `plain` or, of very large and very small numbers, `scientific`, as PostgreSQL does of a type with so many digits.
fn float(out: &mut BytesMut, value: f64, plain: fmt::Arguments<'_>, scientific: fmt::Arguments<'_>, digits: i32) {
    if value.is_nan() {
        return out.put_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let written = scientific.to_string();
    // The digits decide, not the value: of a REAL the nearest to 0.0001 is less than that.
    let parts = written.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match parts {
        Some((mantissa, exponent)) if !(-4..digits).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            put(out, format_args!("{mantissa}e{sign}{:02}", exponent.unsigned_abs()));
        }
        _ => put(out, plain),
    }
}

fn numeric(out: &mut BytesMut, digits: &str, scale: i8) {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    match usize::try_from(scale) {
        Ok(0) => put(out, format_args!("{sign}{digits}")),
        Ok(scale) => {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            put(out, format_args!("{sign}{whole}.{fraction}"));
        }
        Err(_) if digits == "0" => out.put_u8(b'0'),
        Err(_) => put(out, format_args!("{sign}{digits}{}", "0".repeat(scale.unsigned_abs().into()))),
    }
}

/// Whether it is before the year 1, which is written behind all else.
fn date(out: &mut BytesMut, days: i64) -> bool {
    let (year, month, day) = date_of(days);
    let is_before_christ = year < 1;
    let year = if is_before_christ { 1 - year } else { year };
    put(out, format_args!("{year:04}-{month:02}-{day:02}"));
    is_before_christ
}

fn time(out: &mut BytesMut, micros: i64) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    put(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    decimals(out, fraction.unsigned_abs());
}

/// Of a second, without zeros at the end.
fn decimals(out: &mut BytesMut, micros: u64) {
    if micros != 0 {
        let digits = format!("{micros:06}");
        put(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

fn interval(out: &mut BytesMut, months: i32, days: i32, micros: i64) {
    let start = out.len();
    let (years, months) = (months / 12, months % 12);
    let mut was_negative = false;
    for (count, one, many) in [(years, "year", "years"), (months, "mon", "mons"), (days, "day", "days")] {
        if count == 0 {
            continue;
        }
        if out.len() > start {
            out.put_u8(b' ');
        }
        // Behind a negative part a positive one has its sign.
        let sign = if was_negative && count > 0 { "+" } else { "" };
        put(out, format_args!("{sign}{count} {}", if count == 1 { one } else { many }));
        was_negative = count < 0;
    }
    if micros != 0 || out.len() == start {
        if out.len() > start {
            out.put_u8(b' ');
        }
        let sign = match micros < 0 {
            true => "-",
            false if was_negative => "+",
            false => "",
        };
        let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        put(out, format_args!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        decimals(out, fraction);
    }
}

/// Appends an element of an array, which is quoted where it has to be.
pub(super) fn element(text: &[u8], out: &mut BytesMut) {
    let is_special = |byte: &u8| b"{}\",\\".contains(byte) || byte.is_ascii_whitespace() || *byte == 0x0b;
    if !text.is_empty() && !text.iter().any(is_special) && !text.eq_ignore_ascii_case(b"null") {
        return out.put_slice(text);
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>, kind: Kind) -> String {
        let mut out = BytesMut::new();
        write(value, kind, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn numbers_read_as_those_of_postgresql() {
        for (value, text) in [
            (Value::Float8(0.1), "0.1"),
            (Value::Float8(1.0), "1"),
            (Value::Float8(-0.0), "-0"),
            (Value::Float8(1e15), "1e+15"),
            (Value::Float8(123_456_789_012_345.0), "123456789012345"),
            (Value::Float8(1e-5), "1e-05"),
            (Value::Float8(-1.5e300), "-1.5e+300"),
            (Value::Float8(f64::NAN), "NaN"),
            (Value::Float8(f64::NEG_INFINITY), "-Infinity"),
            (Value::Float4(0.1), "0.1"),
            (Value::Float4(1e6), "1e+06"),
            (Value::Float4(1e-4), "0.0001"),
            (Value::Float4(9.9e-5), "9.9e-05"),
            (Value::Float8(0.0), "0"),
            (Value::Numeric(12345, 2), "123.45"),
            (Value::Numeric(-5, 3), "-0.005"),
            (Value::Numeric(0, 2), "0.00"),
            (Value::Numeric(7, -2), "700"),
            (Value::Numeric(i128::MAX, 0), "170141183460469231731687303715884105727"),
            (Value::Bytes(b"\x00\xff"), "\\x00ff"),
            (Value::Bool(true), "t"),
        ] {
            assert_eq!(written(value, Kind::Float8), text, "{value:?}");
        }
    }

    #[test]
    fn times_read_as_those_of_postgresql() {
        for (value, kind, text) in [
            (Value::Date(0), Kind::Date, "1970-01-01"),
            (Value::Date(-719_163), Kind::Date, "0001-12-31 BC"),
            (Value::Date(2_932_897), Kind::Date, "10000-01-01"),
            (Value::Timestamp(-1), Kind::Timestamp, "1969-12-31 23:59:59.999999"),
            (Value::Timestamp(1_500_000), Kind::TimestampTz, "1970-01-01 00:00:01.5+00"),
            (Value::Time(DAY_MICROS - 1), Kind::Time, "23:59:59.999999"),
            (Value::Interval { months: 0, days: 0, micros: 0 }, Kind::Interval, "00:00:00"),
            (
                Value::Interval { months: 14, days: 3, micros: 4_000_500 },
                Kind::Interval,
                "1 year 2 mons 3 days 00:00:04.0005",
            ),
            (Value::Interval { months: -1, days: 1, micros: -1_000_000 }, Kind::Interval, "-1 mons +1 day -00:00:01"),
        ] {
            assert_eq!(written(value, kind), text, "{value:?}");
        }
    }

    #[test]
    fn elements_are_quoted_where_they_must() {
        for (text, quoted) in
            [("a", "a"), ("", "\"\""), ("null", "\"null\""), ("a b", "\"a b\""), ("a\"\\", "\"a\\\"\\\\\"")]
        {
            let mut out = BytesMut::new();
            element(text.as_bytes(), &mut out);
            assert_eq!(out, quoted.as_bytes());
        }
    }
}
