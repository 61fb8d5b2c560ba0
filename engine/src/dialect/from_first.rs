//! FROM without SELECT, put right before parsing: `FROM t WHERE a > 1` is `SELECT * FROM t WHERE a > 1`. The parser knows
//! FROM first, but no clause behind it.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// `tokens` with `SELECT *` in front of each FROM that begins a query and has no SELECT behind it.
pub(crate) fn with_selects(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let missing = missing_selects(&tokens);
    if missing.is_empty() {
        return tokens;
    }
    let mut complete = Vec::with_capacity(tokens.len() + 2 * missing.len());
    for (at, token) in tokens.into_iter().enumerate() {
        if missing.contains(&at) {
            let word = |written: Token| TokenWithSpan { token: written, span: token.span };
            complete.extend([word(Token::make_keyword("SELECT")), word(Token::Mul)]);
        }
        complete.push(token);
    }
    complete
}

/// The places of the FROMs that want one.
fn missing_selects(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let mut missing = Vec::new();
    let mut before: [Option<&Token>; 2] = [None, None];
    let starts_with = tokens.iter().map(|token| &token.token).find(|token| is_visible(token)).and_then(keyword);
    // Whether the query at hand, and each around it, has had its SELECT.
    let mut selected = vec![false];
    for (at, token) in tokens.iter().enumerate() {
        note(&token.token, &mut selected);
        if selected.last() == Some(&false)
            && keyword(&token.token) == Some(Keyword::FROM)
            && begins_query(before, starts_with)
            && !has_select(&tokens[at + 1..])
        {
            missing.push(at);
        }
        if is_visible(&token.token) {
            before = [before[1], Some(&token.token)];
        }
    }
    missing
}

fn note(token: &Token, selected: &mut Vec<bool>) {
    let now = match token {
        Token::LParen => return selected.push(false),
        Token::RParen => {
            selected.pop();
            return;
        }
        word => match keyword(word) {
            Some(Keyword::SELECT) => true,
            Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT) => false,
            _ => return,
        },
    };
    if let Some(last) = selected.last_mut() {
        *last = now;
    }
}

fn is_visible(token: &Token) -> bool {
    !matches!(token, Token::Whitespace(_))
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(Word { quote_style: None, keyword, .. }) => Some(*keyword),
        _ => None,
    }
}

/// Whether a FROM behind those two tokens begins a query. TRIM(FROM x) does not.
fn begins_query(before: [Option<&Token>; 2], statement: Option<Keyword>) -> bool {
    let Some(last) = before[1] else { return true };
    match last {
        Token::LParen => before[0].and_then(keyword) != Some(Keyword::TRIM),
        // The last of the queries that WITH names.
        Token::RParen => statement == Some(Keyword::WITH),
        word => matches!(
            keyword(word),
            Some(
                Keyword::UNION
                    | Keyword::ALL
                    | Keyword::EXCEPT
                    | Keyword::INTERSECT
                    | Keyword::AS
                    | Keyword::EXPLAIN
                    | Keyword::ANALYZE
                    | Keyword::VERBOSE
            )
        ),
    }
}

/// Whether the query that goes on with `tokens` has a SELECT of its own.
fn has_select(tokens: &[TokenWithSpan]) -> bool {
    let mut depth = 0usize;
    for TokenWithSpan { token, .. } in tokens {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            _ if depth > 0 => {}
            word => match keyword(word) {
                Some(Keyword::SELECT) => return true,
                Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT) => return false,
                _ => {}
            },
        }
    }
    false
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::super::grammar::Grammar;
    use super::*;

    fn complete(sql: &str) -> String {
        let tokens = Tokenizer::new(&Grammar, sql).tokenize_with_location().unwrap();
        with_selects(tokens).iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn a_query_that_begins_with_from_gets_its_select() {
        let cases = [
            ("FROM t WHERE a", "SELECT*FROM t WHERE a"),
            ("FROM t SELECT a", "FROM t SELECT a"),
            ("SELECT x FROM (FROM t) UNION ALL FROM u", "SELECT x FROM (SELECT*FROM t) UNION ALL SELECT*FROM u"),
            ("WITH c AS (FROM t) FROM c", "WITH c AS (SELECT*FROM t) SELECT*FROM c"),
            ("WITH c AS (SELECT f(1) FROM t) SELECT f(2) FROM c", "WITH c AS (SELECT f(1) FROM t) SELECT f(2) FROM c"),
            ("SELECT trim(FROM a), extract(day FROM b) FROM t", "SELECT trim(FROM a), extract(day FROM b) FROM t"),
            ("DELETE FROM t", "DELETE FROM t"),
        ];
        for (sql, expected) in cases {
            assert_eq!(complete(sql), expected, "{sql}");
        }
    }
}
