//! `--param 1=42`, `--param name=value`: values for `$1` and `$name`, typed by how they are written.

use std::collections::BTreeMap;
use std::fmt;

use datafusion::scalar::ScalarValue;
use maar_engine::Parameters;

use crate::error::Failure;

/// Values by position or name, without the `$`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(BTreeMap<String, ScalarValue>);

impl Params {
    /// The value of `$1` or `$name`.
    pub(crate) fn get(&self, name: &str) -> Option<&ScalarValue> {
        self.0.get(name.trim_start_matches('$'))
    }

    /// Gives `$1` or `$name` a value, as `--param` would.
    ///
    /// # Errors
    /// For a key that is neither.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        let key = key.trim().trim_start_matches('$');
        if key.is_empty() || !key.chars().all(crate::lex::is_word) {
            return Err(Failure::usage(format!("'{key}' is neither a position nor a name of a parameter")));
        }
        self.0.insert(key.to_owned(), scalar(value));
        Ok(())
    }

    /// Takes the value of `$1` or `$name` away. Whether it had one.
    pub(crate) fn unset(&mut self, key: &str) -> bool {
        self.0.remove(key.trim().trim_start_matches('$')).is_some()
    }

    pub(crate) fn to_engine(&self) -> Parameters {
        let mut parameters = Parameters::new();
        self.0.iter().for_each(|(name, value)| parameters.set(name, value.clone()));
        parameters
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "${name} = {value}"))
    }
}

/// Reads the `key=value` of every `--param`; keys are positions (`1`) or names.
pub(crate) fn parse(texts: &[String]) -> Result<Params, Failure> {
    let mut parameters = Params::default();
    for text in texts {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--param '{text}' has no '='; write --param 1=42 or --param name=value"))
        })?;
        let key = key.trim().trim_start_matches('$');
        if parameters.get(key).is_some() {
            return Err(Failure::usage(format!("--param {key} is given twice")));
        }
        parameters.set(key, value)?;
    }
    Ok(parameters)
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
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
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
    fn keys_are_positions_or_names() {
        let texts = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        let found = parse(&texts(&["2=b", "$1=a", "name=a=b"])).unwrap();
        assert!(["1", "2", "name"].iter().all(|key| found.get(key).is_some()));
        for wrong in [&["x"] as &[&str], &["1=a", "1=b"], &["=a"], &["a b=1"]] {
            assert!(matches!(parse(&texts(wrong)), Err(Failure::Usage { .. })), "{wrong:?}");
        }
    }
}
