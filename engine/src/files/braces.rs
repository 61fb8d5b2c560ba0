//! Alternatives in paths: `{a,b}.parquet` stands for `a.parquet` and `b.parquet`, as in shells; groups may hold others, and
//! slashes. A brace without a comma or without its end is a character like any other. Not here: what else a pattern says.

use crate::error::{Error, ErrorKind, Result};

/// What one path may stand for at most: groups behind each other multiply.
const ALTERNATIVES_MAX: usize = 1000;

/// Where the first group begins.
pub(super) fn first(text: &str) -> Option<usize> {
    group(text).map(|group| group.start)
}

/// The paths that `text` stands for, in their order.
///
/// # Errors
/// [`ErrorKind::Invalid`] for more than a thousand.
pub(super) fn expanded(text: &str) -> Result<Vec<String>> {
    let mut open = vec![text.to_string()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        let Some(Group { start, end, alternatives }) = group(&text) else {
            done.push(text);
            continue;
        };
        let written = |inner: &&str| format!("{}{inner}{}", &text[..start], &text[end..]);
        // The last is looked at first.
        open.extend(alternatives.iter().rev().map(written));
        if open.len() + done.len() > ALTERNATIVES_MAX {
            let message = format!("the braces of a path stand for more than {ALTERNATIVES_MAX} paths");
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("name a folder, or a pattern with * or **"));
        }
    }
    Ok(done)
}

/// A group of alternatives, and where it stands with its braces.
struct Group<'t> {
    start: usize,
    end: usize,
    alternatives: Vec<&'t str>,
}

fn group(text: &str) -> Option<Group<'_>> {
    let braces = text.match_indices('{').map(|(at, _)| at);
    braces.filter(|at| !is_in_set(text, *at)).find_map(|start| closed(text, start))
}

/// Whether the character at `at` is a member of `[...]`.
fn is_in_set(text: &str, at: usize) -> bool {
    let opened = text[..at].rfind('[').filter(|opened| !text[*opened..at].contains([']', '/']));
    opened.is_some() && text[at..].split('/').next().is_some_and(|rest| rest.contains(']'))
}

fn closed(text: &str, start: usize) -> Option<Group<'_>> {
    let (mut depth, mut from, mut alternatives) = (0usize, start + 1, Vec::new());
    for (at, character) in text[start..].char_indices().map(|(at, character)| (start + at, character)) {
        match character {
            '{' => depth += 1,
            ',' if depth == 1 => {
                alternatives.push(&text[from..at]);
                from = at + 1;
            }
            '}' if depth == 1 => {
                if alternatives.is_empty() {
                    return None;
                }
                alternatives.push(&text[from..at]);
                return Some(Group { start, end: at + 1, alternatives });
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn groups_multiply_and_nest() {
        for (text, expected) in [
            ("a.csv", "a.csv"),
            ("{a,b}.csv", "a.csv b.csv"),
            ("{a,b}/{1,2}", "a/1 a/2 b/1 b/2"),
            ("x{,y}", "x xy"),
            ("{a,b{1,2}}c", "ac b1c b2c"),
            ("{a/b,c}/*.csv", "a/b/*.csv c/*.csv"),
            ("{a}{b", "{a}{b"),
            ("{a,b", "{a,b"),
            ("[{,}]", "[{,}]"),
            ("{a}{b,c}", "{a}b {a}c"),
            ("[!x]{b,c}", "[!x]b [!x]c"),
        ] {
            assert_eq!(expanded(text).unwrap().join(" "), expected, "{text}");
        }
        assert_eq!(first("lake/{a,b}"), Some(5));
        let many = "{0,1,2,3,4,5,6,7,8,9}".repeat(4);
        assert_eq!(expanded(&many).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
