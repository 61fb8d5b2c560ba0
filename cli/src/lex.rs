//! A lexical view of what is being typed: enough to colour a line, to complete a word and to know when to wait for more.
//! Not a parser, and it cuts no script into statements: what a token means, and where a statement ends, is the engine's
//! to say.

use std::ops::Range;

/// What a token is, as far as its spelling tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Comment,
    Word,
    Number,
    String,
    /// `"name"` or `` `name` ``.
    QuotedName,
    /// `$1` or `$name`.
    Parameter,
    Semicolon,
    Symbol,
}

/// One token: its bytes in the text, and whether it was ended (a quote or comment may still be open).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    pub(crate) closed: bool,
}

/// Cuts `text` into tokens that cover it without gaps.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let (kind, length, closed) = next(&text[at..]);
        let token = Token { kind, range: at..at + length, closed };
        at += length;
        Some(token)
    })
}

/// Kind, length in bytes and closedness of the token that `rest` (not empty) begins with.
fn next(rest: &str) -> (Kind, usize, bool) {
    let first = rest.chars().next().unwrap_or(' ');
    let run = |keep: fn(char) -> bool| rest.find(|c: char| !keep(c)).unwrap_or(rest.len());
    match first {
        c if c.is_whitespace() => (Kind::Space, run(char::is_whitespace), true),
        '-' if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len()), true),
        '/' if rest.starts_with("/*") => block_comment(rest),
        ';' => (Kind::Semicolon, 1, true),
        '\'' => quoted(rest, '\'', Kind::String, false),
        'e' | 'E' if rest[1..].starts_with('\'') => {
            let (kind, length, closed) = quoted(&rest[1..], '\'', Kind::String, true);
            (kind, length + 1, closed)
        }
        '"' => quoted(rest, '"', Kind::QuotedName, false),
        '`' => quoted(rest, '`', Kind::QuotedName, false),
        '$' => dollar(rest),
        c if c.is_ascii_digit() => (Kind::Number, number(rest), true),
        '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (Kind::Number, number(rest), true),
        c if is_word(c) => (Kind::Word, run(is_word), true),
        c => (Kind::Symbol, c.len_utf8(), true),
    }
}

/// Whether `c` may stand inside an unquoted name or keyword.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn number(rest: &str) -> usize {
    let mut previous = ' ';
    for (at, c) in rest.char_indices() {
        let exponent_sign = (c == '+' || c == '-') && (previous == 'e' || previous == 'E');
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent_sign) {
            return at;
        }
        previous = c;
    }
    rest.len()
}

/// A quoted token: a doubled quote stands for itself, and with `escapes` a backslash takes the next character.
fn quoted(rest: &str, quote: char, kind: Kind, escapes: bool) -> (Kind, usize, bool) {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, after)| *after == quote).is_none() {
            return (kind, at + quote.len_utf8(), true);
        }
    }
    (kind, rest.len(), false)
}

/// Block comments nest, as in PostgreSQL.
fn block_comment(rest: &str) -> (Kind, usize, bool) {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return (Kind::Comment, at, true);
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    (Kind::Comment, rest.len(), false)
}

/// `$tag$ ... $tag$` is a string, `$1` and `$name` are parameters.
fn dollar(rest: &str) -> (Kind, usize, bool) {
    let name = rest[1..].find(|c: char| !is_word(c)).unwrap_or(rest.len() - 1);
    let tag = 1 + name;
    let numbered = rest[1..].starts_with(|c: char| c.is_ascii_digit());
    if rest[tag..].starts_with('$') && !numbered {
        let delimiter = &rest[..=tag];
        return match rest[tag + 1..].find(delimiter) {
            Some(end) => (Kind::String, tag + 1 + end + delimiter.len(), true),
            None => (Kind::String, rest.len(), false),
        };
    }
    let kind = if name > 0 { Kind::Parameter } else { Kind::Symbol };
    (kind, tag, true)
}

/// Whether an editor may hand `text` over: every statement is ended by `;`, or there is none.
pub(crate) fn is_complete(text: &str) -> bool {
    let mut complete = true;
    for token in tokens(text) {
        match token.kind {
            Kind::Comment if !token.closed => return false,
            Kind::Space | Kind::Comment => {}
            kind => complete = kind == Kind::Semicolon,
        }
    }
    complete
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn completeness_waits_for_the_semicolon_and_for_open_quotes() {
        for complete in ["", "  ", "select 1;", "select 1; -- done", "-- only a comment", "select ';';"] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["select 1", "select ';", "select 1; select", "/* x", "select $$;", "select \"a;"] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn tokens_cover_the_text() {
        let text = "SELECT é+1.5e-3, $1, $name, .5 FROM 'x''y' -- c\n WHERE \"a\"\"b\" = `z`;";
        let found: Vec<Token> = tokens(text).collect();
        assert_eq!(found.iter().map(|t| &text[t.range.clone()]).collect::<String>(), text);
        let kind_of = |s: &str| found.iter().find(|t| &text[t.range.clone()] == s).unwrap().kind;
        assert_eq!(kind_of("1.5e-3"), Kind::Number);
        assert_eq!(kind_of("$name"), Kind::Parameter);
        assert_eq!(kind_of("'x''y'"), Kind::String);
        assert_eq!(kind_of("\"a\"\"b\""), Kind::QuotedName);
    }
}
