//! Patterns of paths: `*` and `?` within a segment, `[a-z]` and `[!a-z]`, and `**` for any number of folders, as in DuckDB and
//! shells. Not here: which files there are (`location`).

/// A pattern of path segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    segments: Vec<String>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self { segments: text.split('/').filter(|segment| !segment.is_empty()).map(str::to_string).collect() }
    }

    /// Whether `text` has a character that makes it a pattern.
    pub(super) fn is_in(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// How many folders deep the files lie; `None` where `**` leaves it open.
    pub(super) fn depth(&self) -> Option<usize> {
        let open = self.segments.iter().any(|segment| segment == "**");
        (!open).then(|| self.segments.len().saturating_sub(1))
    }

    /// Whether a folder of that name may stand at `depth`.
    pub(super) fn admits_folder(&self, depth: usize, name: &str) -> bool {
        self.segments.get(depth).is_some_and(|pattern| segment_matches(pattern, name))
    }

    pub(super) fn matches(&self, path: &[&str]) -> bool {
        matches(&self.segments, path)
    }
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
mod tests {
    use super::*;

    fn finds(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).matches(&path.split('/').collect::<Vec<_>>())
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
        ] {
            assert_eq!(finds(pattern, path), expected, "{pattern} {path}");
        }
    }
}
