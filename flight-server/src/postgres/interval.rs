//! Intervals as PostgreSQL's clients write them: `1 year 2 mons 3 days -04:05:06.7`. Not here: other ways of SQL to write one, which the
//! engine reads.

use arrow::datatypes::IntervalMonthDayNano;

/// Units with their months, days and nanoseconds.
const UNITS: &[(&str, i32, i32, i64)] = &[
    ("year", 12, 0, 0),
    ("mon", 1, 0, 0),
    ("month", 1, 0, 0),
    ("week", 0, 7, 0),
    ("day", 0, 1, 0),
    ("hour", 0, 0, 3_600_000_000_000),
    ("minute", 0, 0, 60_000_000_000),
    ("second", 0, 0, 1_000_000_000),
];

/// The interval that `text` is; `None` for what is none of these, or too long.
pub(super) fn read(text: &str) -> Option<IntervalMonthDayNano> {
    let (mut months, mut days, mut nanos) = (0_i32, 0_i32, 0_i64);
    let mut words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            nanos = nanos.checked_add(clock(word)?)?;
            continue;
        }
        let number = word.parse::<i32>().ok()?;
        let unit = words.next()?.to_ascii_lowercase();
        let unit = unit.strip_suffix('s').unwrap_or(&unit);
        let (_, of_month, of_day, of_nano) = UNITS.iter().find(|(name, ..)| *name == unit)?;
        months = months.checked_add(number.checked_mul(*of_month)?)?;
        days = days.checked_add(number.checked_mul(*of_day)?)?;
        nanos = nanos.checked_add(i64::from(number).checked_mul(*of_nano)?)?;
    }
    Some(IntervalMonthDayNano::new(months, days, nanos))
}

/// Nanoseconds of `[+-]HH:MM[:SS[.digits]]`.
fn clock(word: &str) -> Option<i64> {
    let (sign, word) = match word.strip_prefix('-') {
        Some(word) => (-1, word),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let mut parts = word.split(':');
    let (hours, minutes, seconds) = (digits(parts.next()?)?, digits(parts.next()?)?, parts.next().unwrap_or("0"));
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if parts.next().is_some() || fraction.len() > 9 {
        return None;
    }
    let fraction = if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<9}"))? };
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(digits(whole)?)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)?.checked_mul(sign)
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_write_is_read() {
        for (text, months, days, nanos) in [
            ("3 days 0:00:04.000005", 0, 3, 4_000_005_000),
            ("3 days, 0:00:04", 0, 3, 4_000_000_000),
            ("1 year 2 mons -3 days -04:05:06", 14, -3, -14_706_000_000_000),
            ("00:00:00", 0, 0, 0),
        ] {
            assert_eq!(read(text), Some(IntervalMonthDayNano::new(months, days, nanos)), "{text}");
        }
        for wrong in ["", "3", "days", "1:2:3:4", "1 fortnight", "::", "99999999999 days"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
