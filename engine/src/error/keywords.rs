//! Did you mean: a keyword that a statement misspells, or that it leaves half. Not here: names (`missing`).

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::nearest::nearest;
use super::{Error, Position};

/// Keywords that people misspell.
const KEYWORDS: [&str; 34] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "QUALIFY",
    "WINDOW",
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "USING",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "DISTINCT",
    "BETWEEN",
    "VALUES",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "REPLACE",
    "TABLE",
    "DESCRIBE",
    "EXPLAIN",
    "SUMMARIZE",
    "PARTITION",
    "COPY",
];

/// Keywords that want another behind them.
const PAIRS: [(&str, &str); 3] = [("GROUP", "BY"), ("ORDER", "BY"), ("PARTITION", "BY")];

/// `error` of the parser, with a hint where the word in its place, or the one before, is nearly a keyword.
pub(crate) fn with_keyword(error: Error, tokens: &[TokenWithSpan]) -> Error {
    let Some(at) = error.position() else { return error };
    if error.hint().is_some() {
        return error;
    }
    let words: Vec<&TokenWithSpan> =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let starts = |token: &&&TokenWithSpan| {
        Position { line: token.span.start.line as usize, column: token.span.start.column as usize } == at
    };
    let place = words.iter().position(|token| starts(&token)).unwrap_or(words.len());
    let here = words.get(place).copied();
    let before = place.checked_sub(1).and_then(|before| words.get(before)).copied();
    let half = here.or(before).and_then(|token| word(token)).and_then(|word| {
        let (first, second) = PAIRS.iter().find(|(first, _)| first.eq_ignore_ascii_case(word))?;
        let next = here.and_then(|_| words.get(place + 1)).and_then(|token| self::word(token));
        (!next.is_some_and(|next| next.eq_ignore_ascii_case(second))).then(|| format!("write {first} {second}"))
    });
    // The word before first: the parser takes a misspelt keyword for a name, and stumbles over the next.
    let misspelt = || [before, here].into_iter().flatten().filter_map(word).find_map(misspelt);
    match half.or_else(misspelt) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn word(token: &TokenWithSpan) -> Option<&str> {
    match &token.token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value),
        _ => None,
    }
}

fn misspelt(word: &str) -> Option<String> {
    let is_one = KEYWORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
    // Letters that change places count as two slips, which short words do not bear.
    let transposed = || KEYWORDS.into_iter().find(|known| sorted(known) == sorted(word));
    let near = nearest(word, &KEYWORDS).or_else(transposed).filter(|_| !is_one)?;
    Some(format!("did you mean {near}?"))
}

fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::misspelt;

    #[test]
    fn slips_of_keywords_are_found_and_names_are_not() {
        for (word, keyword) in [("FORM", "FROM"), ("wehre", "WHERE"), ("selec", "SELECT"), ("grup", "GROUP")] {
            assert_eq!(misspelt(word), Some(format!("did you mean {keyword}?")), "{word}");
        }
        for word in ["id", "name", "grp", "from", "SELECT", "price"] {
            assert_eq!(misspelt(word), None, "{word}");
        }
    }
}
