//! Reads the few flags of a task. Unknown words are errors, so that a typing mistake never runs the wrong thing.

use crate::Failure;

/// The flags of one task: those that take a value (repeatable) and those that do not.
pub(crate) struct Arguments {
    values: Vec<(String, String)>,
    switches: Vec<String>,
}

impl Arguments {
    /// Splits `words` by the names given; fails on a word that is neither, or a flag without its value.
    pub(crate) fn parse(words: &[String], with_value: &[&str], switches: &[&str]) -> Result<Self, Failure> {
        let mut parsed = Self { values: Vec::new(), switches: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if switches.contains(&word.as_str()) {
                parsed.switches.push(word.clone());
            } else if with_value.contains(&word.as_str()) {
                let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
                parsed.values.push((word.clone(), value.clone()));
            } else {
                let known: Vec<&str> = with_value.iter().chain(switches).copied().collect();
                return Err(format!("unknown argument `{word}`; this task takes: {}", known.join(", ")));
            }
        }
        Ok(parsed)
    }

    pub(crate) fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|s| s == switch)
    }

    /// The last value given to `flag`.
    pub(crate) fn value<'a>(&'a self, flag: &'a str) -> Option<&'a str> {
        self.all(flag).next_back()
    }

    /// Every value given to `flag`, in order.
    pub(crate) fn all<'a>(&'a self, flag: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.values.iter().filter(move |(name, _)| name == flag).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn reads_values_and_switches() {
        let parsed = Arguments::parse(&words("--only a --list --only b"), &["--only"], &["--list"]).unwrap();
        assert_eq!(parsed.all("--only").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(parsed.value("--only"), Some("b"));
        assert!(parsed.has("--list"));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(Arguments::parse(&words("--onyl a"), &["--only"], &[]).is_err());
        assert!(Arguments::parse(&words("--only"), &["--only"], &[]).is_err());
    }
}
