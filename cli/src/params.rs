//! `--param 1=42`, `--param name=value`: values for `$1` and `$name`, typed by how they are written.

use std::collections::HashMap;

use datafusion::common::ParamValues;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::scalar::ScalarValue;

use crate::error::Failure;

/// Reads the `key=value` of every `--param`. Keys are all positions (`1`, `2`, ... without a gap) or all names,
/// as DataFusion binds either. Returns `None` where there is none.
pub(crate) fn parse(texts: &[String]) -> Result<Option<ParamValues>, Failure> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut pairs = Vec::new();
    for text in texts {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--param '{text}' has no '='; write --param 1=42 or --param name=value")))?;
        let key = key.trim().trim_start_matches('$');
        if key.is_empty() || !key.chars().all(crate::lex::is_word) {
            return Err(Failure::usage(format!("--param '{text}': '{key}' is neither a position nor a name")));
        }
        if pairs.iter().any(|(known, _)| known == key) {
            return Err(Failure::usage(format!("--param {key} is given twice")));
        }
        pairs.push((key.to_owned(), scalar(value)));
    }
    bind(pairs).map(Some)
}

fn bind(mut pairs: Vec<(String, ScalarValue)>) -> Result<ParamValues, Failure> {
    let numbered = pairs.iter().filter(|(key, _)| key.parse::<usize>().is_ok()).count();
    if numbered == 0 {
        let named: HashMap<_, _> = pairs.into_iter().map(|(key, value)| (key, ScalarAndMetadata::from(value))).collect();
        return Ok(ParamValues::Map(named));
    }
    if numbered < pairs.len() {
        return Err(Failure::usage("--param takes positions (1=, 2=) or names (a=, b=), not both at once"));
    }
    pairs.sort_by_key(|(key, _)| key.parse::<usize>().unwrap_or(usize::MAX));
    if let Some(missing) = (1..).zip(&pairs).find(|(at, (key, _))| *key != at.to_string()).map(|(at, _)| at) {
        return Err(Failure::usage(format!("--param {missing}=... is missing; positions count from 1 without a gap")));
    }
    Ok(ParamValues::List(pairs.into_iter().map(|(_, value)| ScalarAndMetadata::from(value)).collect()))
}

/// The value as SQL would read it unquoted: NULL, true/false, an integer, a number, an ISO date; else a string.
/// Quotes make a string of anything: `--param "1='42'"`.
fn scalar(text: &str) -> ScalarValue {
    if let Some(inner) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return ScalarValue::from(inner.replace("''", "'"));
    }
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "null" => return ScalarValue::Null,
        "true" => return ScalarValue::from(true),
        "false" => return ScalarValue::from(false),
        _ => {}
    }
    if let Ok(value) = text.parse::<i64>() {
        return ScalarValue::from(value);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if let Some(value) = text.parse::<f64>().ok().filter(|_| numeric) {
        return ScalarValue::from(value);
    }
    iso_date(text).unwrap_or_else(|| ScalarValue::from(text))
}

fn iso_date(text: &str) -> Option<ScalarValue> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if !shape {
        return None;
    }
    ScalarValue::try_from_string(text.to_owned(), &arrow::datatypes::DataType::Date32).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_by_their_spelling() {
        assert_eq!(scalar("42"), ScalarValue::Int64(Some(42)));
        assert_eq!(scalar("-1.5"), ScalarValue::Float64(Some(-1.5)));
        assert_eq!(scalar("1e3"), ScalarValue::Float64(Some(1000.0)));
        assert_eq!(scalar("'42'"), ScalarValue::from("42"));
        assert_eq!(scalar("it's"), ScalarValue::from("it's"));
        assert_eq!(scalar("NULL"), ScalarValue::Null);
        assert_eq!(scalar("TRUE"), ScalarValue::Boolean(Some(true)));
        assert_eq!(scalar("nan"), ScalarValue::from("nan"));
        assert_eq!(scalar("1998-09-02"), ScalarValue::Date32(Some(10471)));
        assert_eq!(scalar("1998-99-02"), ScalarValue::from("1998-99-02"));
        assert_eq!(scalar(""), ScalarValue::from(""));
    }

    #[test]
    fn positions_and_names_do_not_mix_and_leave_no_gap() {
        let texts = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        assert!(parse(&[]).unwrap().is_none());
        assert!(matches!(parse(&texts(&["2=b", "1=a"])).unwrap(), Some(ParamValues::List(list)) if list.len() == 2));
        assert!(matches!(parse(&texts(&["name=a=b"])).unwrap(), Some(ParamValues::Map(_))));
        for wrong in [&["x"] as &[&str], &["1=a", "b=c"], &["2=a"], &["1=a", "1=b"], &["=a"]] {
            assert!(matches!(parse(&texts(wrong)), Err(Failure::Usage { .. })), "{wrong:?}");
        }
    }
}
