//! Statements as tokens: what is rewritten before anything is parsed is cut and put together here, and keeps its places in
//! what the user wrote. Not here: which statements those are (`spread`, `copy`).

use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Word};

use super::grammar::Grammar;
use crate::error::{Error, ErrorKind, Position};

pub(super) type Tokens = Vec<TokenWithSpan>;

/// What is before the first of `words`, and behind each of them up to the next; brackets are passed over.
pub(super) fn parts<const N: usize>(tokens: &[TokenWithSpan], words: [&str; N]) -> (Tokens, [Option<Tokens>; N]) {
    let (mut source, mut behind) = (Vec::new(), [const { None }; N]);
    let (mut depth, mut part, mut next) = (0usize, None, 0);
    for token in tokens {
        depth = deeper(depth, &token.token);
        if depth == 0
            && let Some(found) = (next..N).find(|word| is_word(token, words[*word]))
        {
            (part, next) = (Some(found), found + 1);
            behind[found] = Some(Vec::new());
            continue;
        }
        match part.and_then(|part: usize| behind[part].as_mut()) {
            Some(tokens) => Tokens::push(tokens, token.clone()),
            None => source.push(token.clone()),
        }
    }
    (source, behind)
}

/// `tokens` before and behind the first `word` outside of brackets.
pub(super) fn cut(tokens: &[TokenWithSpan], word: &str) -> (Tokens, Option<Tokens>) {
    let (before, [behind]) = parts(tokens, [word]);
    (before, behind)
}

pub(super) fn split_at_commas(tokens: &[TokenWithSpan]) -> Vec<Tokens> {
    let (mut items, mut depth) = (vec![Vec::new()], 0);
    for token in tokens {
        depth = deeper(depth, &token.token);
        match (depth, &token.token, items.last_mut()) {
            (0, Token::Comma, _) => items.push(Vec::new()),
            (_, _, Some(item)) => item.push(token.clone()),
            _ => {}
        }
    }
    items
}

/// What stands in the brackets that `tokens` are.
pub(super) fn bracketed(tokens: &[TokenWithSpan]) -> Option<&[TokenWithSpan]> {
    match tokens {
        [open, inside @ .., close] if open.token == Token::LParen && close.token == Token::RParen => Some(inside),
        _ => None,
    }
}

/// How deep in brackets what follows `token` is.
pub(super) fn deeper(depth: usize, token: &Token) -> usize {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => depth + 1,
        Token::RParen | Token::RBracket | Token::RBrace => depth.saturating_sub(1),
        _ => depth,
    }
}

/// The tokens that say something.
pub(super) fn visible(tokens: &[TokenWithSpan]) -> Tokens {
    let is_space = |token: &&TokenWithSpan| matches!(token.token, Token::Whitespace(_) | Token::EOF | Token::SemiColon);
    tokens.iter().filter(|token| !is_space(token)).cloned().collect()
}

pub(super) fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word))
}

pub(super) fn is_any(token: &TokenWithSpan, words: &[&str]) -> bool {
    words.iter().any(|word| is_word(token, word))
}

/// A token as a name: strings and quoted words without their quotes.
pub(super) fn name_of(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::SingleQuotedString(string) | Token::EscapedStringLiteral(string) => string.clone(),
        Token::Word(word) => word.value.clone(),
        other => other.to_string(),
    }
}

/// The tokens of `sql`, all at the place of what they stand for.
pub(super) fn tokens_of(sql: &str, span: Span) -> Tokens {
    let tokens = Tokenizer::new(&Grammar, sql).tokenize().unwrap_or_default();
    tokens.into_iter().map(|token| TokenWithSpan { token, span }).collect()
}

/// An error at a place.
pub(super) fn error_at(span: Span, kind: ErrorKind, message: impl Into<String>) -> Error {
    let start = span.start;
    let place = (start.line > 0).then_some(Position { line: start.line as usize, column: start.column as usize });
    Error::new(kind, message.into()).or_at(place)
}
