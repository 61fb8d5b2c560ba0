//! Values of parameters as clients send them. A value is what was sent: it is read as the type that the parameter has and never cut to
//! fit. Not here: which type that is (`parameters`), and arrays (`arrays`).

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, IntervalMonthDayNano, i256};
use maar_engine::datafusion::scalar::ScalarValue;
use prost::bytes::Buf;
use regex::Regex;

use super::arrays::{binary_array, text_array};
use super::calendar::{DAY_MICROS, EPOCH_DAYS};
use super::fault::Fault;
use super::interval;
use super::parameters::{Parameter, UUID};
use super::types::{Format, Kind};

/// The value of a parameter; NULL of its type where there is none.
///
/// # Errors
/// For what is no value of the type.
pub(super) fn decode(bytes: Option<&[u8]>, format: Format, parameter: &Parameter) -> Result<ScalarValue, Fault> {
    let Some(bytes) = bytes else {
        return ScalarValue::try_new_null(&parameter.arrow).map_err(|e| Fault::error("0A000", e.to_string()));
    };
    let kind = parameter.data_type.kind;
    match (format, parameter.data_type.is_array) {
        (Format::Binary, false) if parameter.oid == UUID => uuid(bytes),
        (Format::Binary, false) => binary(bytes, kind).and_then(|value| as_wide(value, &parameter.arrow)),
        (Format::Binary, true) => binary_array(bytes),
        (Format::Text, false) => text(utf8(bytes)?, kind, &parameter.arrow),
        (Format::Text, true) => text_array(utf8(bytes)?, kind, &parameter.arrow),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::error("22021", "the value is not UTF-8"))
}

pub(super) fn none_of(kind: Kind, text: &str) -> Fault {
    let code = match kind {
        Kind::Date | Kind::Time | Kind::Timestamp | Kind::TimestampTz | Kind::Interval => "22007",
        _ => "22P02",
    };
    Fault::error(code, format!("'{text}' is no value of the type {}", format!("{kind:?}").to_lowercase()))
}

pub(super) fn text(text: &str, kind: Kind, arrow: &DataType) -> Result<ScalarValue, Fault> {
    match kind {
        Kind::Text | Kind::Json => Ok(ScalarValue::from(text)),
        Kind::Numeric if !arrow.is_integer() => numeric(text),
        Kind::Bytea => bytea(text).map(|bytes| ScalarValue::Binary(Some(bytes))).ok_or_else(|| none_of(kind, text)),
        Kind::Interval => match interval::read(text) {
            Some(value) => Ok(ScalarValue::IntervalMonthDayNano(Some(value))),
            None => read_as(text.trim(), kind, arrow),
        },
        Kind::Date | Kind::Time | Kind::Timestamp => read_as(without_zone(text.trim(), kind), kind, arrow),
        _ => read_as(text.trim(), kind, arrow),
    }
}

/// A zone behind a date or a time that has none: JDBC sends one with each. As in PostgreSQL it says nothing.
static ZONE: LazyLock<Option<[Regex; 2]>> = LazyLock::new(|| {
    const ZONE: &str = r"(?:[+-][0-9]{1,2}(?::?[0-9]{2}){0,2}|[zZ])$";
    let of_date = Regex::new(&format!(r"^([0-9-]+)\s+{ZONE}")).ok()?;
    let of_time = Regex::new(&format!(r"^((?:[0-9-]+[ T])?[0-9]{{1,2}}:[0-9:.]+)\s*{ZONE}")).ok()?;
    Some([of_date, of_time])
});

fn without_zone(text: &str, kind: Kind) -> &str {
    let Some([of_date, of_time]) = &*ZONE else { return text };
    let zoned = if kind == Kind::Date { of_date } else { of_time };
    zoned.captures(text).and_then(|found| found.get(1)).map_or(text, |without| without.as_str())
}

/// As SQL reads a string of that type.
fn read_as(text: &str, kind: Kind, arrow: &DataType) -> Result<ScalarValue, Fault> {
    let strings: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let read = cast_with_options(&strings, arrow, &options).ok().filter(|read| !read.is_null(0));
    read.and_then(|read| ScalarValue::try_from_array(&read, 0).ok()).ok_or_else(|| none_of(kind, text))
}

/// A whole number as a longer one, where that is wanted.
fn as_wide(value: ScalarValue, arrow: &DataType) -> Result<ScalarValue, Fault> {
    let is_whole = value.data_type().is_signed_integer() && arrow.is_signed_integer();
    match is_whole && value.data_type() != *arrow {
        true => value.cast_to(arrow).map_err(|e| Fault::error("22003", e.to_string())),
        false => Ok(value),
    }
}

/// Hexadecimal behind `\x`, else with escapes.
fn bytea(text: &str) -> Option<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let pair = |pair: &[u8]| {
            let pair =
                std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            if pair.len() == 2 { u8::from_str_radix(pair, 16).ok() } else { None }
        };
        return digits.chunks(2).map(pair).collect();
    }
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        match (first, behind) {
            (b'\\', [b'\\', behind @ ..]) => {
                bytes.push(b'\\');
                rest = behind;
            }
            (b'\\', [a, b, c, behind @ ..]) => {
                let octal =
                    std::str::from_utf8(&[*a, *b, *c]).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok());
                bytes.push(octal?);
                rest = behind;
            }
            (b'\\', _) => return None,
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    Some(bytes)
}

/// A number in decimal digits, with as many places as it is written with.
fn numeric(text: &str) -> Result<ScalarValue, Fault> {
    let wrong = || none_of(Kind::Numeric, text);
    let (mantissa, exponent) = match text.trim().split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| wrong())?),
        None => (text.trim(), 0),
    };
    let (sign, digits) = match mantissa.as_bytes().first() {
        Some(b'-') => ("-", &mantissa[1..]),
        Some(b'+') => ("", &mantissa[1..]),
        _ => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let scale = fraction.len() as i64 - i64::from(exponent);
    of_digits(sign, &digits, scale)
}

/// A decimal of these digits, `scale` of which are behind the point.
fn of_digits(sign: &str, digits: &str, scale: i64) -> Result<ScalarValue, Fault> {
    const MOST: i64 = 76;
    let too_long = || Fault::error("22003", format!("a number has more than {MOST} digits"));
    let digits = digits.trim_start_matches('0');
    let zeros = usize::try_from(-scale.min(0)).ok().filter(|zeros| (*zeros as i64) <= MOST).ok_or_else(too_long)?;
    let scale = scale.max(0);
    let digits = format!("{}{}", if digits.is_empty() { "0" } else { digits }, "0".repeat(zeros));
    let precision = (digits.len() as i64).max(scale).max(1);
    if precision > MOST {
        return Err(too_long());
    }
    let (written, precision, scale) = (format!("{sign}{digits}"), precision as u8, scale as i8);
    let wide = i256::from_string(&written).ok_or_else(too_long)?;
    Ok(match (precision <= 38, wide.to_i128()) {
        (true, Some(value)) => ScalarValue::Decimal128(Some(value), precision, scale),
        _ => ScalarValue::Decimal256(Some(wide), precision, scale),
    })
}

fn uuid(bytes: &[u8]) -> Result<ScalarValue, Fault> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match hex.len() {
        32 => Ok(ScalarValue::from(
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]).as_str(),
        )),
        _ => Err(misfit()),
    }
}

pub(super) fn misfit() -> Fault {
    Fault::error("22P03", "the bytes are no value of the type")
}

pub(super) fn binary(mut bytes: &[u8], kind: Kind) -> Result<ScalarValue, Fault> {
    let cut = |_| misfit();
    let value = match kind {
        Kind::Text | Kind::Json => return utf8(bytes).map(ScalarValue::from),
        Kind::Bytea => return Ok(ScalarValue::Binary(Some(bytes.to_vec()))),
        Kind::Numeric => return binary_numeric(bytes),
        Kind::Bool => ScalarValue::Boolean(Some(bytes.try_get_u8().map_err(cut)? != 0)),
        Kind::Int2 => ScalarValue::Int16(Some(bytes.try_get_i16().map_err(cut)?)),
        Kind::Int4 => ScalarValue::Int32(Some(bytes.try_get_i32().map_err(cut)?)),
        // An oid is shorter, and has no sign.
        Kind::Int8 if bytes.len() == 4 => ScalarValue::Int64(Some(bytes.try_get_u32().map_err(cut)?.into())),
        Kind::Int8 => ScalarValue::Int64(Some(bytes.try_get_i64().map_err(cut)?)),
        Kind::Float4 => ScalarValue::Float32(Some(bytes.try_get_f32().map_err(cut)?)),
        Kind::Float8 => ScalarValue::Float64(Some(bytes.try_get_f64().map_err(cut)?)),
        Kind::Date => {
            let days = finite(bytes.try_get_i32().map_err(cut)?, i32::MIN, i32::MAX)?;
            let days = i64::from(days) + EPOCH_DAYS;
            ScalarValue::Date32(Some(i32::try_from(days).map_err(|_| out_of_range())?))
        }
        Kind::Time => match bytes.try_get_i64().map_err(cut)? {
            micros @ 0..DAY_MICROS => ScalarValue::Time64Microsecond(Some(micros)),
            DAY_MICROS => return Err(Fault::error("0A000", "24:00:00 is no time of a day here")),
            _ => return Err(misfit()),
        },
        Kind::Timestamp | Kind::TimestampTz => {
            let micros = finite(bytes.try_get_i64().map_err(cut)?, i64::MIN, i64::MAX)?;
            let zone = (kind == Kind::TimestampTz).then(|| Arc::from("+00:00"));
            let micros = micros.checked_add(EPOCH_DAYS * DAY_MICROS).ok_or_else(out_of_range)?;
            ScalarValue::TimestampMicrosecond(Some(micros), zone)
        }
        Kind::Interval => {
            let micros = bytes.try_get_i64().map_err(cut)?;
            let days = bytes.try_get_i32().map_err(cut)?;
            let months = bytes.try_get_i32().map_err(cut)?;
            let nanos = micros.checked_mul(1000).ok_or_else(out_of_range)?;
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanos)))
        }
    };
    if bytes.is_empty() { Ok(value) } else { Err(misfit()) }
}

/// A point in time that is none of the two that PostgreSQL has for never and for ever.
fn finite<T: PartialEq>(value: T, never: T, ever: T) -> Result<T, Fault> {
    match value == never || value == ever {
        true => {
            Err(Fault::error("0A000", "infinity is no date and no timestamp here: send NULL, or a bound of your own"))
        }
        false => Ok(value),
    }
}

fn out_of_range() -> Fault {
    Fault::error("22008", "a date, time or interval is beyond what the types here reach")
}

/// Groups of four digits: see `binary`.
fn binary_numeric(mut bytes: &[u8]) -> Result<ScalarValue, Fault> {
    let cut = |_| misfit();
    let count = usize::from(bytes.try_get_u16().map_err(cut)?);
    let weight = i64::from(bytes.try_get_i16().map_err(cut)?);
    let sign = bytes.try_get_u16().map_err(cut)?;
    let shown = i64::from(bytes.try_get_u16().map_err(cut)?);
    let sign = match sign {
        0 => "",
        0x4000 => "-",
        _ => return Err(Fault::error("0A000", "NaN and infinity are no decimals here: send a double precision")),
    };
    if bytes.len() != count * 2 {
        return Err(misfit());
    }
    let mut digits = String::new();
    while let Ok(group) = bytes.try_get_u16() {
        if group > 9999 {
            return Err(misfit());
        }
        digits.push_str(&format!("{group:04}"));
    }
    // Places of the groups, of which more or fewer are shown.
    let places = (count as i64 - 1 - weight) * 4;
    let places = if count == 0 { 0 } else { places };
    let (kept, scale) = match places - shown {
        surplus @ 1.. => {
            let end = digits.len().saturating_sub(usize::try_from(surplus).unwrap_or(usize::MAX));
            if digits[end..].bytes().any(|digit| digit != b'0') {
                return Err(misfit());
            }
            (digits[..end].to_owned(), shown)
        }
        lack => {
            let lack = usize::try_from(-lack).ok().filter(|lack| *lack <= 76 || digits.is_empty());
            let lack = lack.ok_or_else(|| Fault::error("22003", "a number has more than 76 digits"))?;
            (format!("{digits}{}", if digits.is_empty() { String::new() } else { "0".repeat(lack) }), shown)
        }
    };
    of_digits(sign, &kept, scale)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::postgres::types::PgType;

    fn parameter(kind: Kind) -> Parameter {
        let data_type = PgType::one(kind);
        Parameter { data_type, oid: data_type.oid(), arrow: data_type.arrow() }
    }

    fn of_text(text: &str, kind: Kind) -> Result<ScalarValue, Fault> {
        decode(Some(text.as_bytes()), Format::Text, &parameter(kind))
    }

    #[test]
    fn decimals_keep_their_places() {
        for (text, value) in [
            ("123.450", ScalarValue::Decimal128(Some(123_450), 6, 3)),
            ("-0.005", ScalarValue::Decimal128(Some(-5), 3, 3)),
            ("0", ScalarValue::Decimal128(Some(0), 1, 0)),
            ("1e3", ScalarValue::Decimal128(Some(1000), 4, 0)),
            ("1.5e-3", ScalarValue::Decimal128(Some(15), 4, 4)),
        ] {
            assert_eq!(of_text(text, Kind::Numeric).unwrap(), value, "{text}");
        }
        for wrong in ["", "-", "1,5", "NaN", "0x1", "1e99999999999"] {
            assert!(of_text(wrong, Kind::Numeric).is_err(), "{wrong}");
        }
        assert_eq!(of_text(&"9".repeat(77), Kind::Numeric).unwrap_err().code, "22003");
        for (digits, scale) in [(0_i128, 0), (12_345, 2), (-1, 0), (100_000_000, 0), (1, 5), (99_990_000, 4)] {
            let mut bytes = prost::bytes::BytesMut::new();
            super::super::binary::write(super::super::value::Value::Numeric(digits, scale), Kind::Numeric, &mut bytes)
                .unwrap();
            let read = decode(Some(&bytes), Format::Binary, &parameter(Kind::Numeric)).unwrap();
            let ScalarValue::Decimal128(Some(value), _, places) = read else { unreachable!("{read}") };
            assert_eq!((value, places), (digits, scale));
        }
    }

    #[test]
    fn zones_say_nothing_of_what_has_none() {
        for (text, kind, without) in [
            ("2020-01-03 +00", Kind::Date, "2020-01-03"),
            ("2020-01-03", Kind::Date, "2020-01-03"),
            ("2020-01-03 12:00:00.5+01", Kind::Timestamp, "2020-01-03 12:00:00.5"),
            ("2020-01-03T12:00:00 -05:30", Kind::Timestamp, "2020-01-03T12:00:00"),
            ("2020-01-03 12:00:00Z", Kind::Timestamp, "2020-01-03 12:00:00"),
            ("2020-01-03", Kind::Timestamp, "2020-01-03"),
            ("12:00:00+01", Kind::Time, "12:00:00"),
            ("12:00:00", Kind::Time, "12:00:00"),
        ] {
            assert_eq!(without_zone(text, kind), without, "{text}");
        }
        let noon = of_text("2020-01-03 12:00:00+01", Kind::Timestamp).unwrap();
        assert_eq!(noon, of_text("2020-01-03 12:00:00", Kind::Timestamp).unwrap());
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (kind, text) in
            [(Kind::Int4, "1.5"), (Kind::Int2, "70000"), (Kind::Date, "soon"), (Kind::Bool, "2"), (Kind::Bytea, "\\xf")]
        {
            assert!(of_text(text, kind).is_err(), "{kind:?} {text}");
        }
        for (kind, bytes) in [
            (Kind::Int4, &b"\0"[..]),
            (Kind::Int2, b"\0\0\0"),
            (Kind::Text, b"\xff"),
            (Kind::Numeric, b"\0\x01\0\0\0\0\0\0"),
            (Kind::Date, &i32::MIN.to_be_bytes()),
            (Kind::Date, &i32::MAX.to_be_bytes()),
            (Kind::Timestamp, &i64::MIN.to_be_bytes()),
            (Kind::TimestampTz, &i64::MAX.to_be_bytes()),
            (Kind::Time, &(-1_i64).to_be_bytes()),
            (Kind::Time, &DAY_MICROS.to_be_bytes()),
        ] {
            assert!(decode(Some(bytes), Format::Binary, &parameter(kind)).is_err(), "{kind:?}");
        }
        assert_eq!(of_text("t", Kind::Bool).unwrap(), ScalarValue::Boolean(Some(true)));
        assert!(decode(None, Format::Text, &parameter(Kind::Int4)).unwrap().is_null());
        assert_eq!(of_text("\\x00fF", Kind::Bytea).unwrap(), ScalarValue::Binary(Some(vec![0, 255])));
        assert_eq!(of_text("a\\\\\\001", Kind::Bytea).unwrap(), ScalarValue::Binary(Some(b"a\\\x01".to_vec())));
    }
}
