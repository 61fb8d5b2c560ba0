//! Where in a statement a PIVOT or UNPIVOT begins that is a query, and what WITH names around it.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::tokens::{Tokens, deeper, is_any, is_word, split_at_commas, tokens_of};

pub(super) const PIVOTS: [&str; 2] = ["pivot", "pivot_wider"];
const UNPIVOTS: [&str; 2] = ["unpivot", "pivot_longer"];

pub(super) fn begins(token: &TokenWithSpan) -> bool {
    is_any(token, &PIVOTS) || is_any(token, &UNPIVOTS)
}

/// The last place at which one begins: it has none inside.
pub(super) fn last(tokens: &[TokenWithSpan]) -> Option<usize> {
    (0..tokens.len()).rev().find(|at| begins(&tokens[*at]) && is_query(tokens, *at))
}

/// Whether a query may begin there. PIVOT in FROM comes behind a SELECT of its own brackets.
fn is_query(tokens: &[TokenWithSpan], at: usize) -> bool {
    let before = level(tokens, at);
    let has = |word: &str| before.iter().any(|token| is_word(token, word));
    if ["select", "from", "values"].iter().any(|word| has(word)) {
        return false;
    }
    let begins_with = |words: &[&str]| before.first().is_some_and(|first| is_any(first, words));
    match before.last() {
        // In brackets it may be a name: ON tells.
        None => at == 0 || own(&tokens[at..end(tokens, at)]).any(|token| is_word(token, "on")),
        Some(last) if is_word(last, "as") => begins_with(&["create"]),
        Some(last) if is_any(last, &["explain", "analyze", "verbose", "summarize", "describe"]) => true,
        Some(last) => (last.token == Token::RParen && has("with")) || begins_with(&["insert"]),
    }
}

/// The tokens before `at` in the same brackets, those in brackets of their own left out.
fn level(tokens: &[TokenWithSpan], at: usize) -> Vec<&TokenWithSpan> {
    let start = opening(tokens, at).map_or(0, |open| open + 1);
    own(&tokens[start..at]).collect()
}

/// The bracket that is open at `at`.
fn opening(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    (0..at).rev().find(|before| match &tokens[*before].token {
        Token::RParen | Token::RBracket | Token::RBrace => {
            depth += 1;
            false
        }
        Token::LParen | Token::LBracket | Token::LBrace if depth == 0 => true,
        Token::LParen | Token::LBracket | Token::LBrace => {
            depth -= 1;
            false
        }
        _ => false,
    })
}

/// The tokens outside of brackets, closing ones among them.
fn own(tokens: &[TokenWithSpan]) -> impl Iterator<Item = &TokenWithSpan> {
    tokens
        .iter()
        .scan(0, |depth, token| {
            *depth = deeper(*depth, &token.token);
            Some((*depth == 0).then_some(token))
        })
        .flatten()
}

/// Where the query that begins at `at` ends: with its brackets, or the statement.
pub(super) fn end(tokens: &[TokenWithSpan], at: usize) -> usize {
    let mut depth = 0usize;
    let closing = tokens[at..].iter().position(|token| {
        let closes = depth == 0 && deeper(1, &token.token) == 0;
        depth = deeper(depth, &token.token);
        closes
    });
    closing.map_or(tokens.len(), |closing| at + closing)
}

/// WITH and all queries that are in sight at `at`, the nearest of those that have one name.
pub(super) fn queries_around(tokens: &[TokenWithSpan], at: usize) -> Tokens {
    let (mut found, mut recursive, mut inside): (Vec<Tokens>, bool, usize) = (Vec::new(), false, at);
    loop {
        let start = opening(tokens, inside).map_or(0, |open| open + 1);
        let before = &tokens[start..inside];
        if let Some(with) = before.iter().position(|token| is_word(token, "with")) {
            let mut list = &before[with + 1..];
            if list.first().is_some_and(|first| is_word(first, "recursive")) {
                (recursive, list) = (true, &list[1..]);
            }
            let named = split_at_commas(list).into_iter().filter_map(whole);
            let named: Vec<Tokens> = named.filter(|query| !found.iter().any(|near| same(near, query))).collect();
            found.splice(0..0, named);
        }
        match opening(tokens, inside) {
            Some(open) => inside = open,
            None => break,
        }
    }
    let Some(span) = tokens.get(at).map(|token| token.span).filter(|_| !found.is_empty()) else { return Vec::new() };
    let comma = tokens_of(",", span);
    let list = found.iter().map(Vec::as_slice).collect::<Vec<_>>().join(comma.as_slice());
    [tokens_of(if recursive { "with recursive " } else { "with " }, span), list].concat()
}

/// `name AS (query)`, without what follows; nothing where the query is not closed.
fn whole(mut query: Tokens) -> Option<Tokens> {
    let mut depth = 0;
    let mut is_behind_as = false;
    let end = query.iter().position(|token| {
        is_behind_as |= depth == 0 && is_word(token, "as");
        depth = deeper(depth, &token.token);
        is_behind_as && depth == 0 && token.token == Token::RParen
    })?;
    query.truncate(end + 1);
    Some(query)
}

fn same(one: &Tokens, other: &Tokens) -> bool {
    matches!((one.first(), other.first()), (Some(one), Some(other)) if one.token == other.token)
}
