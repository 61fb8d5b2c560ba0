//! Values in PostgreSQL's binary format: big-endian, times from 2000-01-01, numerics in digits of base 10000.

use prost::bytes::{BufMut, BytesMut};

use super::calendar::{DAY_MICROS, EPOCH_DAYS};
use super::fault::Fault;
use super::types::Kind;
use super::value::{Value, out_of_range};

/// Appends a value of this kind.
///
/// # Errors
/// For a point in time that the format does not reach.
pub(super) fn write(value: Value<'_>, kind: Kind, out: &mut BytesMut) -> Result<(), Fault> {
    match value {
        Value::Bool(value) => out.put_u8(value.into()),
        // A type has room for all that is sent as it.
        Value::Int(value) => match kind {
            Kind::Int2 => out.put_i16(value as i16),
            Kind::Int4 => out.put_i32(value as i32),
            _ => out.put_i64(value),
        },
        Value::Float4(value) => out.put_f32(value),
        Value::Float8(value) => out.put_f64(value),
        Value::Numeric(digits, scale) => numeric(out, &digits.to_string(), scale),
        Value::Wide(digits, scale) => numeric(out, &digits.to_string(), scale),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.put_slice(bytes),
        // The least and the greatest number mean never and for ever.
        Value::Date(days) => match i32::try_from(days - EPOCH_DAYS) {
            Ok(days) if days > i32::MIN && days < i32::MAX => out.put_i32(days),
            _ => return Err(out_of_range()),
        },
        Value::Time(micros) => out.put_i64(micros),
        Value::Timestamp(micros) => match micros.checked_sub(EPOCH_DAYS * DAY_MICROS) {
            Some(micros) if micros > i64::MIN => out.put_i64(micros),
            _ => return Err(out_of_range()),
        },
        Value::Interval { months, days, micros } => {
            out.put_i64(micros);
            out.put_i32(days);
            out.put_i32(months);
        }
    }
    Ok(())
}

/// Digits of base 10000, the first of which counts 10000 to the power of `weight`; and how many decimals are shown.
fn numeric(out: &mut BytesMut, digits: &str, scale: i8) {
    let (is_negative, digits) = digits.strip_prefix('-').map_or((false, digits), |digits| (true, digits));
    let (decimals, zeros) = match usize::try_from(scale) {
        Ok(scale) => (scale, 0),
        Err(_) => (0, usize::from(scale.unsigned_abs())),
    };
    let mut text = format!("{digits:0>width$}{}", "0".repeat(zeros), width = decimals + 1);
    // Whole groups of four on both sides of the point.
    text.push_str(&"0".repeat((4 - decimals % 4) % 4));
    let whole = text.len() - decimals.div_ceil(4) * 4;
    let text = format!("{}{text}", "0".repeat((4 - whole % 4) % 4));
    let mut groups: Vec<u16> = text.as_bytes().chunks(4).map(group).collect();
    let mut weight = whole.div_ceil(4) as i16 - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= leading as i16;
    groups.truncate(groups.len() - groups.iter().rev().take_while(|group| **group == 0).count());
    if groups.is_empty() {
        weight = 0;
    }
    out.put_u16(groups.len() as u16);
    out.put_i16(weight);
    out.put_u16(if is_negative && !groups.is_empty() { 0x4000 } else { 0 });
    out.put_u16(decimals as u16);
    groups.iter().for_each(|group| out.put_u16(*group));
}

fn group(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |group, digit| group * 10 + u16::from(digit - b'0'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn written(value: Value<'_>, kind: Kind) -> Vec<u8> {
        let mut out = BytesMut::new();
        write(value, kind, &mut out).unwrap();
        out.to_vec()
    }

    fn words(bytes: &[u8]) -> Vec<u16> {
        bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn numerics_are_groups_of_four_digits() {
        for (digits, scale, expected) in [
            (0, 0, vec![0, 0, 0, 0]),
            (0, 2, vec![0, 0, 0, 2]),
            (12_345, 2, vec![2, 0, 0, 2, 123, 4500]),
            (-1, 0, vec![1, 0, 0x4000, 0, 1]),
            (100_000_000, 0, vec![1, 2, 0, 0, 1]),
            (1, 5, vec![1, 0xfffe, 0, 5, 1000]),
            (5, -4, vec![1, 1, 0, 0, 5]),
        ] {
            assert_eq!(words(&written(Value::Numeric(digits, scale), Kind::Numeric)), expected, "{digits} {scale}");
        }
    }

    #[test]
    fn times_count_from_2000() {
        assert_eq!(written(Value::Date(EPOCH_DAYS), Kind::Date), [0; 4]);
        assert_eq!(written(Value::Timestamp(EPOCH_DAYS * DAY_MICROS + 1), Kind::Timestamp), [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(written(Value::Int(-2), Kind::Int2), [0xff, 0xfe]);
        let mut out = BytesMut::new();
        assert_eq!(write(Value::Timestamp(i64::MIN), Kind::Timestamp, &mut out).unwrap_err().code, "22008");
    }
}
