//! A text that is JSON: its parts are parts of the text. Whether it is JSON, serde_json says; what is here may rely on it.

use serde::de::IgnoredAny;

/// A value of JSON, without white space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t>(&'t str);

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'t> Text<'t> {
    /// `text`, if it is JSON.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Some(Self(text.trim_matches(SPACE)))
    }

    /// The values of an array; none of anything else.
    pub(super) fn items(self) -> Vec<Self> {
        match self.0.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inside) => parts(inside, ',').map(Self).collect(),
            None => Vec::new(),
        }
    }

    /// The keys and values of an object; none of anything else.
    pub(super) fn members(self) -> Vec<(String, Self)> {
        let inside = self.0.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let member = |member: &'t str| {
            let mut sides = parts(member, ':');
            let key = Self(sides.next()?).as_string()?;
            Some((key, Self(sides.next()?)))
        };
        inside.map(|inside| parts(inside, ',').filter_map(member).collect()).unwrap_or_default()
    }

    /// The characters of a string, and of anything else its text; `None` of null.
    pub(super) fn as_string(self) -> Option<String> {
        match self.0 {
            "null" => None,
            text if text.starts_with('"') => serde_json::from_str(text).ok(),
            _ => Some(self.minified()),
        }
    }

    /// The text without white space between its parts.
    pub(super) fn minified(self) -> String {
        let mut quotes = Quotes::default();
        self.0.chars().filter(|character| quotes.is_inside(*character) || !SPACE.contains(character)).collect()
    }

    /// What DuckDB calls its type.
    pub(super) fn type_name(self) -> &'static str {
        match self.0.as_bytes().first() {
            Some(b'{') => "OBJECT",
            Some(b'[') => "ARRAY",
            Some(b'"') => "VARCHAR",
            Some(b't' | b'f') => "BOOLEAN",
            Some(b'n') => "NULL",
            _ if self.0.parse::<u64>().is_ok() => "UBIGINT",
            _ if self.0.parse::<i64>().is_ok() => "BIGINT",
            _ => "DOUBLE",
        }
    }
}

/// `inside` cut at the separators that are in no brackets and no string; nothing where there is nothing.
fn parts(inside: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quotes, mut depth) = (Quotes::default(), 0usize);
    let cut = move |character: char| {
        if quotes.is_inside(character) {
            return false;
        }
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && character == separator
    };
    inside.split(cut).map(|part| part.trim_matches(SPACE)).filter(|part| !part.is_empty())
}

/// Follows the strings of a text, character by character.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    /// Whether the next character belongs to a string, its quotes among it.
    fn is_inside(&mut self, character: char) -> bool {
        if !self.open {
            self.open = character == '"';
            return self.open;
        }
        match character {
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = true,
            '"' => self.open = false,
            _ => {}
        }
        true
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_their_values_end() {
        let text = Text::of(r#" {"a": [1, {"b": "x,]\""}], "c\u0041": -1.50 , "d": {}} "#).unwrap();
        let members = text.members();
        let keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "cA", "d"]);
        let items = members[0].1.items();
        assert_eq!(items.len(), 2);
        assert_eq!(items[1].minified(), r#"{"b":"x,]\""}"#);
        assert_eq!(items[1].members()[0].1.as_string().unwrap(), r#"x,]""#);
        assert_eq!((members[1].1.minified().as_str(), members[1].1.type_name()), ("-1.50", "DOUBLE"));
        assert!(members[2].1.members().is_empty());
        assert!(Text::of("[]").unwrap().items().is_empty());
        for broken in ["", "{", "[1,]", "{'a': 1}", "nul", "1 2"] {
            assert!(Text::of(broken).is_none(), "{broken}");
        }
    }
}
