//! Statements that are PostgreSQL's own and that this server answers itself: the words of transactions, parameters of the session, what
//! drivers say when they give a connection back. All else is for the engine. Not here: what they do (`own`).

use maar_engine::datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use maar_engine::datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::settings;

/// Bytes of the longest such statement.
const BYTES_MAX: usize = 8 << 10;

/// A statement of PostgreSQL's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Own {
    Begin {
        read_only: Option<bool>,
    },
    Commit,
    RollBack,
    /// SET TRANSACTION, and SET SESSION CHARACTERISTICS.
    Access {
        read_only: Option<bool>,
        is_of_the_session: bool,
    },
    /// `None`: DEFAULT.
    Set {
        name: &'static str,
        value: Option<String>,
    },
    Show {
        name: &'static str,
    },
    Reset {
        name: &'static str,
    },
    ResetAll,
    /// `None`: ALL.
    Deallocate {
        name: Option<String>,
    },
    DiscardAll,
    /// There is nothing to do; its tag.
    Nothing(&'static str),
    /// Cannot be had here: what, and what to do instead.
    Refused(&'static str, &'static str),
}

/// Verbs that begin such statements.
const VERBS: &[&str] = &[
    "ABORT",
    "BEGIN",
    "CLOSE",
    "COMMIT",
    "COPY",
    "DEALLOCATE",
    "DECLARE",
    "DISCARD",
    "END",
    "FETCH",
    "LISTEN",
    "LOCK",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "RELEASE",
    "RESET",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHOW",
    "START",
    "UNLISTEN",
];

const NO_CURSORS: &str = "leave the cursor to the driver, whose portals are read in parts, or use LIMIT";
const NO_TRANSACTIONS: &str = "statements stand for themselves here";

/// What `sql` is, if it is one of PostgreSQL's own.
pub(super) fn own(sql: &str) -> Option<Own> {
    let bare = without_comments(sql);
    let verb = bare.split(|c: char| !c.is_ascii_alphabetic()).next()?.to_ascii_uppercase();
    if !VERBS.contains(&verb.as_str()) || (bare.len() > BYTES_MAX && verb != "COPY") {
        return None;
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, bare).tokenize().ok()?;
    let tokens: Vec<Token> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_) | Token::SemiColon)).collect();
    let words: Vec<String> = tokens.iter().map(word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (words[0], &words[1..]) {
        ("BEGIN", rest) | ("START", ["TRANSACTION", rest @ ..]) => Some(Own::Begin { read_only: access(rest) }),
        ("COMMIT" | "ROLLBACK", ["PREPARED", ..]) | ("PREPARE", ["TRANSACTION", ..]) => {
            Some(Own::Refused("two-phase commit", NO_TRANSACTIONS))
        }
        ("ROLLBACK", rest) if rest.contains(&"TO") => Some(Own::Refused("ROLLBACK TO SAVEPOINT", NO_TRANSACTIONS)),
        ("COMMIT" | "END" | "ROLLBACK" | "ABORT", [.., "AND", "CHAIN"]) => {
            Some(Own::Refused("AND CHAIN", NO_TRANSACTIONS))
        }
        ("COMMIT" | "END", _) => Some(Own::Commit),
        ("ROLLBACK" | "ABORT", _) => Some(Own::RollBack),
        ("SAVEPOINT" | "RELEASE", _) => Some(Own::Refused("SAVEPOINT", NO_TRANSACTIONS)),
        ("DECLARE" | "FETCH" | "MOVE", _) => Some(Own::Refused("DECLARE, FETCH and MOVE", NO_CURSORS)),
        ("LISTEN" | "NOTIFY", _) => Some(Own::Refused("LISTEN and NOTIFY", "ask for changes again")),
        ("LOCK", _) => Some(Own::Refused("LOCK", NO_TRANSACTIONS)),
        ("COPY", rest) if rest.iter().any(|word| matches!(*word, "STDIN" | "STDOUT")) => Some(Own::Refused(
            "COPY FROM STDIN and TO STDOUT",
            "INSERT rows or read a file (COPY t FROM 'file'), and SELECT what is to leave; Flight SQL takes tables as they are",
        )),
        ("CLOSE", ["ALL"]) => Some(Own::Nothing("CLOSE CURSOR ALL")),
        ("CLOSE", _) => Some(Own::Refused("CLOSE", NO_CURSORS)),
        ("UNLISTEN", _) => Some(Own::Nothing("UNLISTEN")),
        ("DISCARD", ["ALL"]) => Some(Own::DiscardAll),
        ("DISCARD", ["PLANS" | "SEQUENCES"]) => Some(Own::Nothing("DISCARD")),
        ("DEALLOCATE", ["ALL"] | ["PREPARE", "ALL"]) => Some(Own::Deallocate { name: None }),
        ("DEALLOCATE", rest) => {
            let at = usize::from(rest.first() == Some(&"PREPARE")) + 1;
            tokens.get(at).map(|token| Own::Deallocate { name: Some(name(token)) })
        }
        ("RESET", ["ALL"]) => Some(Own::ResetAll),
        ("RESET", ["SESSION", "AUTHORIZATION"] | ["ROLE"]) => Some(Own::Nothing("RESET")),
        ("RESET", [_]) => settings::known(&name(&tokens[1])).map(|name| Own::Reset { name }),
        ("SHOW", ["TIME", "ZONE"]) => settings::known("TimeZone").map(|name| Own::Show { name }),
        ("SHOW", ["TRANSACTION", "ISOLATION", "LEVEL"]) => {
            settings::known("transaction_isolation").map(|name| Own::Show { name })
        }
        ("SHOW", [_]) => settings::known(&name(&tokens[1])).map(|name| Own::Show { name }),
        ("SET", rest) => set(&tokens[1..], rest),
        _ => None,
    }
}

fn set(tokens: &[Token], words: &[&str]) -> Option<Own> {
    match words {
        ["SESSION", "CHARACTERISTICS", "AS", "TRANSACTION", rest @ ..] => {
            Some(Own::Access { read_only: access(rest), is_of_the_session: true })
        }
        ["TRANSACTION", rest @ ..] | ["LOCAL", "TRANSACTION", rest @ ..] => {
            Some(Own::Access { read_only: access(rest), is_of_the_session: false })
        }
        ["SESSION", "AUTHORIZATION", ..] | ["ROLE", ..] | ["SESSION", "ROLE", ..] => {
            Some(Own::Refused("SET ROLE and SET SESSION AUTHORIZATION", "log in as the other user"))
        }
        ["SESSION", rest @ ..] => set(&tokens[1..], rest),
        ["LOCAL", rest @ ..] => set(&tokens[1..], rest).map(|_| Own::Refused("SET LOCAL", "SET holds for the session")),
        ["TIME", "ZONE", ..] => {
            let name = settings::known("TimeZone")?;
            let value = value(&tokens[2..]);
            let value = value.filter(|value| !value.eq_ignore_ascii_case("local"));
            Some(Own::Set { name, value })
        }
        ["NAMES", ..] => Some(Own::Set { name: settings::known("client_encoding")?, value: value(&tokens[1..]) }),
        [_, "TO" | "=", ..] => Some(Own::Set { name: settings::known(&name(&tokens[0]))?, value: value(&tokens[2..]) }),
        _ => None,
    }
}

/// What a list of modes says of changes.
fn access(words: &[&str]) -> Option<bool> {
    words.windows(2).rev().find_map(|pair| match pair {
        ["READ", "ONLY"] => Some(true),
        ["READ", "WRITE"] => Some(false),
        _ => None,
    })
}

/// A word without quotes, in capitals; anything else as it is written.
fn word(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        other => other.to_string(),
    }
}

/// What a token names.
fn name(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
        Token::Word(word) => word.value.clone(),
        other => other.to_string(),
    }
}

/// A value, or several; `None` for DEFAULT.
fn value(tokens: &[Token]) -> Option<String> {
    if tokens.len() == 1 && word(&tokens[0]) == "DEFAULT" {
        return None;
    }
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::SingleQuotedString(string) => text.push_str(string),
            Token::EscapedStringLiteral(string) => text.push_str(string),
            Token::Comma => text.push_str(", "),
            other => text.push_str(&other.to_string()),
        }
    }
    Some(text)
}

/// `sql` from its first word on.
pub(super) fn without_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        let behind = if let Some(line) = rest.strip_prefix("--") {
            line.split_once('\n').map_or("", |(_, behind)| behind)
        } else if let Some(block) = rest.strip_prefix("/*") {
            behind_block(block)
        } else {
            return rest;
        };
        rest = behind.trim_start();
    }
}

/// What is behind a comment, which may have others inside. Each byte is looked at once: nobody can make it long work.
fn behind_block(comment: &str) -> &str {
    let (bytes, mut depth, mut at) = (comment.as_bytes(), 1, 0);
    while depth > 0 {
        match bytes.get(at..at + 2) {
            None => return "",
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            Some(_) => at += 1,
        }
    }
    &comment[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_postgresqls_is_told_from_the_rest() {
        let set = |name, value: &str| Some(Own::Set { name, value: Some(value.to_owned()) });
        for (sql, expected) in [
            ("begin", Some(Own::Begin { read_only: None })),
            (
                "/* x /* y */ */ -- z\nSTART TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY;",
                Some(Own::Begin { read_only: Some(true) }),
            ),
            ("end work", Some(Own::Commit)),
            ("rollback", Some(Own::RollBack)),
            ("set DateStyle = 'ISO, DMY'", set("DateStyle", "ISO, DMY")),
            ("SET search_path TO \"$user\", public", set("search_path", "\"$user\", public")),
            ("set session extra_float_digits = 3", set("extra_float_digits", "3")),
            ("set extra_float_digits to -15", set("extra_float_digits", "-15")),
            ("set time zone 'UTC'", set("TimeZone", "UTC")),
            ("set names 'utf8'", set("client_encoding", "utf8")),
            ("set timezone to default", Some(Own::Set { name: "TimeZone", value: None })),
            ("show Transaction Isolation Level", Some(Own::Show { name: "transaction_isolation" })),
            ("deallocate \"_pg3_0\"", Some(Own::Deallocate { name: Some("_pg3_0".to_owned()) })),
            (
                "set session characteristics as transaction read only",
                Some(Own::Access { read_only: Some(true), is_of_the_session: true }),
            ),
            ("set maar.device = 'cpu'", None),
            ("set datafusion.execution.batch_size = 1", None),
            ("show tables", None),
            ("show maar.device", None),
            ("select 1", None),
            ("copy t to 'file.csv'", None),
            ("prepare p as select 1", None),
            ("", None),
        ] {
            assert_eq!(own(sql), expected, "{sql}");
        }
        for (sql, rest) in [("/*/**/*/x", "x"), ("/*/x", ""), ("/* ü */ -- é\n y", "y"), ("/**//* */", ""), ("/*", "")]
        {
            assert_eq!(without_comments(sql), rest, "{sql}");
        }
        for sql in [
            "savepoint a",
            "rollback to a",
            "copy t from stdin",
            "COPY (select 1) TO STDOUT",
            "set local timezone = 'UTC'",
            "fetch 1 from c",
        ] {
            assert!(matches!(own(sql), Some(Own::Refused(..))), "{sql}");
        }
    }
}
