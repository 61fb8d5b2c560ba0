//! Values in DataFusion's texts as SQL writes them: `Utf8("a")` is `'a'`, `Int64(5)` is `5`, and an interval is no dump of a
//! struct. Used for messages and for EXPLAIN; not for values of results.

/// DataFusion's names of types before the values in brackets, and how those are written.
const TYPES: &[(&str, Shown)] = &[
    ("Utf8", Shown::String),
    ("Utf8View", Shown::String),
    ("LargeUtf8", Shown::String),
    ("Date32", Shown::Date),
    ("Date64", Shown::Date),
    ("Boolean", Shown::Bare),
    ("Int8", Shown::Bare),
    ("Int16", Shown::Bare),
    ("Int32", Shown::Bare),
    ("Int64", Shown::Bare),
    ("UInt8", Shown::Bare),
    ("UInt16", Shown::Bare),
    ("UInt32", Shown::Bare),
    ("UInt64", Shown::Bare),
    ("Float16", Shown::Bare),
    ("Float32", Shown::Bare),
    ("Float64", Shown::Bare),
    ("Decimal32", Shown::Decimal),
    ("Decimal64", Shown::Decimal),
    ("Decimal128", Shown::Decimal),
    ("Decimal256", Shown::Decimal),
    ("IntervalMonthDayNano", Shown::Interval),
    ("IntervalDayTime", Shown::Interval),
    ("IntervalYearMonth", Shown::Interval),
];

/// How a value is written.
#[derive(Clone, Copy)]
enum Shown {
    /// As it is: a number or a truth value.
    Bare,
    String,
    Date,
    Decimal,
    Interval,
}

impl Shown {
    /// The value in brackets; `None` where it is none, but the parameters of a type.
    fn write(self, inside: &str) -> Option<String> {
        if inside == "NULL" {
            return Some(inside.to_string());
        }
        let string = inside.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match self {
            Self::Bare => {
                let is_value = inside.parse::<f64>().is_ok() || matches!(inside, "true" | "false");
                is_value.then(|| inside.to_string())
            }
            Self::String => Some(format!("'{}'", string?.replace('\'', "''"))),
            Self::Date => Some(format!("DATE '{}'", string?)),
            Self::Decimal => {
                let (digits, rest) = inside.strip_prefix("Some(")?.split_once(')')?;
                Some(decimal(digits, rest.rsplit(',').next()?.trim()))
            }
            Self::Interval => fields(string?),
        }
    }
}

/// `text` with its values as SQL writes them.
pub(crate) fn readable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['(', '{']) {
        let (before, from) = rest.split_at(at);
        let word = before.trim_end_matches(' ').rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        let known = TYPES.iter().find(|(name, _)| *name == word);
        let closing = if from.starts_with('(') { ')' } else { '}' };
        let written = known.zip(closed(from, closing)).and_then(|((_, how), end)| {
            let inside = &from[1..end];
            let written = if closing == '}' { fields(inside) } else { how.write(inside) };
            written.map(|written| (written, end))
        });
        match written {
            Some((written, end)) => {
                let kept = before.trim_end_matches(' ').len() - word.len();
                shown.push_str(&before[..kept]);
                shown.push_str(&written);
                rest = &from[end + 1..];
            }
            None => match cut_off(from).filter(|_| known.is_some()) {
                Some(behind) => {
                    shown.push_str(&before[..before.trim_end_matches(' ').len() - word.len()]);
                    shown.push(CUT);
                    rest = behind;
                }
                None => {
                    shown.push_str(before);
                    shown.push_str(&from[..1]);
                    rest = &from[1..];
                }
            },
        }
    }
    shown.push_str(rest);
    shown
}

/// Where a text was cut off.
const CUT: char = '…';

/// What comes behind a value that was cut off within its line.
fn cut_off(value: &str) -> Option<&str> {
    let (before, behind) = value.split_once(CUT)?;
    (!before.contains('\n')).then_some(behind)
}

/// Where the bracket that `text` begins with is closed; brackets in quotes are text.
fn closed(text: &str, closing: char) -> Option<usize> {
    let (mut depth, mut quoted) = (0usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '{' if !quoted => depth += 1,
            ')' | '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return (c == closing).then_some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// `IntervalMonthDayNano { months: 0, days: 90, nanoseconds: 0 }`, or what is in its brackets.
fn fields(dump: &str) -> Option<String> {
    let inside = dump.split_once('{').map_or(dump, |(_, inside)| inside).trim_end_matches('}');
    let pair = |field: &str| {
        let (unit, count) = field.split_once(':')?;
        Some((count.trim().to_string(), unit.trim().to_string()))
    };
    let parts: Vec<(String, String)> = inside.split(',').map(pair).collect::<Option<_>>()?;
    Some(interval(&parts))
}

fn decimal(digits: &str, scale: &str) -> String {
    let scale = scale.parse::<usize>().unwrap_or(0);
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

fn interval(parts: &[(String, String)]) -> String {
    let written = parts.iter().filter(|(count, _)| *count != "0").map(|(count, unit)| match unit.as_str() {
        "nanoseconds" => seconds(count),
        unit => format!("{count} {}", if count == "1" { unit.trim_end_matches('s') } else { unit }),
    });
    let written: Vec<String> = written.collect();
    let text = if written.is_empty() { "0 days".to_string() } else { written.join(" ") };
    format!("INTERVAL '{text}'")
}

fn seconds(nanoseconds: &str) -> String {
    let Ok(count) = nanoseconds.parse::<i64>() else { return format!("{nanoseconds} nanoseconds") };
    let (whole, rest) = (count / 1_000_000_000, (count % 1_000_000_000).unsigned_abs());
    let sign = if count < 0 && whole == 0 { "-" } else { "" };
    match rest {
        0 => format!("{whole} seconds"),
        rest => format!("{sign}{whole}.{} seconds", format!("{rest:09}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn values_read_as_sql() {
        let cases = [
            (r#"date_part(Utf8("YEAR"),t.d) = Int32(2024)"#, "date_part('YEAR',t.d) = 2024"),
            (
                r#"d - IntervalMonthDayNano("IntervalMonthDayNano { months: 1, days: 90, nanoseconds: 1500000000 }")"#,
                "d - INTERVAL '1 month 90 days 1.5 seconds'",
            ),
            ("Decimal128(Some(-5),15,2) + Float64(1.5)", "-0.05 + 1.5"),
            (r#"Date32("1998-09-02") > Date32(NULL), Boolean(true)"#, "DATE '1998-09-02' > NULL, true"),
            ("d - IntervalMonthDayNano { months: 0, days: 90,…: host (cpu)", "d - …: host (cpu)"),
            ("cannot cast Int64 to Decimal128(15, 2)", "cannot cast Int64 to Decimal128(15, 2)"),
        ];
        for (from, to) in cases {
            assert_eq!(readable(from), to);
        }
    }
}
