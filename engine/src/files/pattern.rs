//! Patterns of paths: `*` and `?` within a segment, `[a-z]` and `[!a-z]`, `**` for any number of folders, as in DuckDB and
//! shells, and `{a,b}` (`braces`). Not here: which files there are (`location`).

use super::braces;
use crate::error::Result;

/// A pattern of path segments: what any of its alternatives matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    alternatives: Vec<Vec<String>>,
}

impl Pattern {
    /// # Errors
    /// For braces that stand for too many paths.
    pub(super) fn new(text: &str) -> Result<Self> {
        let segments =
            |text: String| text.split('/').filter(|segment| !segment.is_empty()).map(str::to_string).collect();
        Ok(Self { alternatives: braces::expanded(text)?.into_iter().map(segments).collect() })
    }

    /// The same of a URL, in which every character may be written as `%2A`; then it stands for itself.
    pub(super) fn of_url(text: &str) -> Result<Self> {
        let mut pattern = Self::new(text)?;
        pattern.alternatives.iter_mut().flatten().for_each(|segment| *segment = decoded(segment));
        Ok(pattern)
    }

    /// Whether `text` has a character that makes it a pattern.
    pub(super) fn is_in(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// `text` cut before its first segment that is a pattern, if there is one.
    pub(super) fn split(text: &str) -> Option<(&str, &str)> {
        let at = text.find(['*', '?', '[']).into_iter().chain(braces::first(text)).min()?;
        let start = text[..at].rfind('/').map_or(0, |slash| slash + 1);
        Some(text.split_at(start))
    }

    /// How many folders deep the files lie at most; `None` where `**` leaves it open.
    pub(super) fn depth(&self) -> Option<usize> {
        let open = self.alternatives.iter().flatten().any(|segment| segment == "**");
        let longest = self.alternatives.iter().map(Vec::len).max().unwrap_or(0);
        (!open).then(|| longest.saturating_sub(1))
    }

    /// The paths that it names, where each alternative is one.
    pub(super) fn names(&self) -> Option<impl Iterator<Item = String>> {
        let is_plain = self.alternatives.iter().flatten().all(|segment| !Self::is_in(segment));
        is_plain.then(|| self.alternatives.iter().map(|segments| segments.join("/")))
    }

    /// Whether it matches files of any name with that extension in the folder that it starts at, or in any folders below.
    pub(super) fn takes_new(&self, extension: &str, in_folders: bool) -> bool {
        self.alternatives.iter().any(|segments| {
            let Some((name, folders)) = segments.split_last() else { return false };
            let is_any = name == "*" || name.strip_prefix("*.").is_some_and(|end| end == extension);
            is_any && folders.iter().all(|folder| folder == "**") && !(in_folders && folders.is_empty())
        })
    }

    /// Whether files may lie in a folder of that name below folders of the names `above`.
    pub(super) fn admits_folder(&self, above: &[String], name: &str) -> bool {
        self.alternatives.iter().any(|segments| {
            let folders = segments.len().saturating_sub(1);
            let mut names = above.iter().map(String::as_str).chain([name]);
            above.len() < folders
                && segments.iter().zip(&mut names).all(|(pattern, name)| segment_matches(pattern, name))
        })
    }

    pub(super) fn matches(&self, path: &[&str]) -> bool {
        self.alternatives.iter().any(|segments| matches(segments, path))
    }
}

/// A segment of a URL as it is meant. What is written as a number is no pattern.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let coded = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        match coded.filter(|_| *first == b'%') {
            Some(character @ (b'*' | b'?' | b'[')) => bytes.extend([b'[', character, b']']),
            Some(byte) => bytes.push(byte),
            None => bytes.push(*first),
        }
        rest = if *first == b'%' && coded.is_some() { &after[2..] } else { after };
    }
    // What is no text is left as it was written.
    String::from_utf8(bytes).unwrap_or_else(|_| segment.to_string())
}

fn matches(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => (0..=path.len()).any(|skipped| matches(rest, &path[skipped..])),
        Some((first, rest)) => {
            path.split_first().is_some_and(|(name, below)| segment_matches(first, name) && matches(rest, below))
        }
    }
}

/// A name that begins with a dot is hidden: only a pattern that begins with one finds it.
fn segment_matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    characters_match(&pattern, &name)
}

/// Greedy with one point to return to: a later star makes an earlier one's choice final.
fn characters_match(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(width) = pattern.get(p..).and_then(|rest| one_matches(rest, name[n])) {
            p += width;
            n += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, n) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How much of `pattern` stands for the one character `c`; `None` if it does not match.
fn one_matches(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match set(pattern) {
            Some((members, width)) => in_set(members, c).then_some(width),
            // A bracket that is never closed is a character like any other.
            None => (c == '[').then_some(1),
        },
        first => (*first == c).then_some(1),
    }
}

/// The inside of `[...]`, and how long the whole is. A closing bracket that comes first is a member.
fn set(pattern: &[char]) -> Option<(&[char], usize)> {
    let start = if pattern.get(1) == Some(&'!') { 2 } else { 1 };
    let close = (start + 1..pattern.len()).find(|at| pattern[*at] == ']')?;
    Some((&pattern[1..close], close + 1))
}

fn in_set(members: &[char], c: char) -> bool {
    let (negated, mut rest) = match members.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, members),
    };
    let mut found = false;
    while let Some((first, after)) = rest.split_first() {
        match after {
            ['-', last, tail @ ..] => {
                found |= (*first..=*last).contains(&c);
                rest = tail;
            }
            _ => {
                found |= *first == c;
                rest = after;
            }
        }
    }
    found != negated
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn finds(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(&path.split('/').collect::<Vec<_>>())
    }

    #[test]
    fn stars_stay_within_a_segment_and_two_cross_folders() {
        for (pattern, path, expected) in [
            ("*.parquet", "a.parquet", true),
            ("*.parquet", "g/a.parquet", false),
            ("*/data.parquet", "g/data.parquet", true),
            ("*/data.parquet", "g/h/data.parquet", false),
            ("**/*.parquet", "a.parquet", true),
            ("**/*.parquet", "g/h/a.parquet", true),
            ("**", "g/h/a.parquet", true),
            ("a**b/c", "aXb/c", true),
            ("g?/[ab].csv", "g1/b.csv", true),
            ("[!ab].csv", "b.csv", false),
            ("[a-c]*.csv", "bee.csv", true),
            ("[]].csv", "].csv", true),
            ("[x.csv", "[x.csv", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxbxxa", false),
            ("*.csv", ".hidden.csv", false),
            (".*.csv", ".hidden.csv", true),
            ("{a,b}/*.csv", "b/x.csv", true),
            ("{a,b}/*.csv", "c/x.csv", false),
            ("{a/b,c}/**", "a/b/x.csv", true),
        ] {
            assert_eq!(finds(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_is_cut_where_it_begins() {
        for (text, expected) in [
            ("lake/a.csv", None),
            ("lake/{a}.csv", None),
            ("lake/*.csv", Some(("lake/", "*.csv"))),
            ("lake/{a,b}/[x].csv", Some(("lake/", "{a,b}/[x].csv"))),
            ("*/a", Some(("", "*/a"))),
        ] {
            assert_eq!(Pattern::split(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_url_writes_as_a_number_stands_for_itself() {
        let finds = |pattern: &str, name: &str| Pattern::of_url(pattern).unwrap().matches(&[name]);
        assert!(finds("a%20b*", "a bc") && finds("%2A?", "*x") && finds("%zz*", "%zz1") && finds("%C3%A4?", "\u{e4}x"));
        assert!(!finds("%2A?", "xx") && !finds("a%20b*", "a%20bc"));
    }
}
