//! Paths into JSON, as DuckDB writes them: `$.a[0]."b c"`, the pointer `/a/0`, a bare key, an index.

use datafusion::common::Result;

use super::text::Text;
use crate::error::{Error, ErrorKind};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// Negative from the end.
    Index(i64),
    /// Of a pointer: an index of an array, and a key of an object.
    Either(String),
}

impl Path {
    /// # Errors
    /// Of kind Invalid or Unsupported, for what is no path and for one that finds several values.
    pub(super) fn read(path: &str) -> Result<Self> {
        let steps = match path.chars().next() {
            Some('$') => steps(&path[1..]),
            Some('/') => Ok(path[1..].split('/').map(pointed).collect()),
            _ => Ok(vec![Step::Key(path.to_string())]),
        };
        steps.map(Self).map_err(|(kind, what)| {
            let error = Error::new(kind, format!("the path '{path}' {what}"));
            error.with_hint("write '$.key[0].\"other key\"', '/key/0', or the key alone").into()
        })
    }

    /// The value of an array at an index.
    ///
    /// # Errors
    /// Of kind Invalid, for an integer of more than 64 bits.
    pub(super) fn of_index(index: &str) -> Result<Self> {
        match index.parse() {
            Ok(index) => Ok(Self(vec![Step::Index(index)])),
            Err(_) => Err(Error::new(ErrorKind::Invalid, format!("{index} is no index of an array")).into()),
        }
    }

    /// What the path leads to in `text`.
    pub(super) fn find<'t>(&self, text: Text<'t>) -> Option<Text<'t>> {
        self.0.iter().try_fold(text, |text, step| match step {
            Step::Key(key) => member(text, key),
            Step::Index(index) => item(text, *index),
            Step::Either(name) => {
                member(text, name).or_else(|| name.parse::<u32>().ok().and_then(|index| item(text, i64::from(index))))
            }
        })
    }
}

fn member<'t>(text: Text<'t>, key: &str) -> Option<Text<'t>> {
    text.members().into_iter().find(|(own, _)| own == key).map(|(_, value)| value)
}

fn item(text: Text<'_>, index: i64) -> Option<Text<'_>> {
    let items = text.items();
    let place = if index < 0 { index + items.len() as i64 } else { index };
    items.get(usize::try_from(place).ok()?).copied()
}

/// A step of a pointer, in which `~1` is a slash.
fn pointed(step: &str) -> Step {
    Step::Either(step.replace("~1", "/").replace("~0", "~"))
}

type Refused = (ErrorKind, &'static str);

const SEVERAL: Refused = (ErrorKind::Unsupported, "may find several values, which is not supported");
const BROKEN: Refused = (ErrorKind::Invalid, "is no path into JSON");

/// The steps behind `$`.
fn steps(mut rest: &str) -> std::result::Result<Vec<Step>, Refused> {
    let mut steps = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (step, behind) = match first {
            '.' => key(&rest[1..])?,
            '[' => index(&rest[1..])?,
            _ => return Err(BROKEN),
        };
        steps.push(step);
        rest = behind;
    }
    Ok(steps)
}

fn key(rest: &str) -> std::result::Result<(Step, &str), Refused> {
    if rest.starts_with(['*', '.']) {
        return Err(SEVERAL);
    }
    let (key, behind) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or(BROKEN)?,
        None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
    };
    if key.is_empty() { Err(BROKEN) } else { Ok((Step::Key(key.to_string()), behind)) }
}

fn index(rest: &str) -> std::result::Result<(Step, &str), Refused> {
    let (inside, behind) = rest.split_once(']').ok_or(BROKEN)?;
    if inside == "*" {
        return Err(SEVERAL);
    }
    if let Some(key) = inside.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok((Step::Key(key.to_string()), behind));
    }
    // `#-1` is the last.
    let number = inside.strip_prefix('#').unwrap_or(inside);
    number.parse().map(|index| (Step::Index(index), behind)).map_err(|_| BROKEN)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<String> {
        let text = Text::of(r#"{"a": [10, {"b c": 2}], "x.y": 3, "0": 4, "": 5}"#).unwrap();
        Path::read(path).unwrap().find(text).map(Text::minified)
    }

    #[test]
    fn paths_find_what_they_say() {
        for (path, value) in [
            ("$.a[0]", "10"),
            ("$.a[-1].\"b c\"", "2"),
            ("$.a[#-2]", "10"),
            ("$[\"x.y\"]", "3"),
            ("/a/1/b c", "2"),
            ("/0", "4"),
            ("x.y", "3"),
            ("", "5"),
            ("$.a[1]", r#"{"b c":2}"#),
        ] {
            assert_eq!(found(path).as_deref(), Some(value), "{path}");
        }
        for path in ["$.b", "$.a[2]", "$.a[-3]", "$.a.b", "b", "/a/x"] {
            assert_eq!(found(path), None, "{path}");
        }
        for path in ["$a", "$.", "$.a[", "$.a[x]", "$.*", "$.a[*]", "$..a"] {
            assert!(Path::read(path).is_err(), "{path}");
        }
    }
}
