//! `[x * 2 FOR x IN list IF x > 1]`, as in DuckDB and Python, is
//! `list_transform(list_filter(list, x -> x > 1), x -> x * 2)`: put right before parsing.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::{Tokens, deeper, parts, tokens_of};

/// `tokens` with every comprehension written out.
pub(crate) fn comprehended(mut tokens: Tokens) -> Tokens {
    let mut at = tokens.len();
    // From the last bracket on, what is inside one is written out before it.
    while let Some(open) = tokens[..at].iter().rposition(|token| token.token == Token::LBracket) {
        at = open;
        let Some(close) = closing(&tokens, open) else { continue };
        if let Some(written) = written_out(&tokens[open + 1..close], &tokens[open]) {
            tokens.splice(open..=close, written);
        }
    }
    tokens
}

/// Where the bracket that opens at `open` is closed.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0;
    let closes = |token: &TokenWithSpan| {
        depth = deeper(depth, &token.token);
        depth == 0
    };
    tokens[open..].iter().position(closes).map(|close| open + close)
}

fn written_out(inside: &[TokenWithSpan], open: &TokenWithSpan) -> Option<Tokens> {
    let (made, [variable, list, test]) = parts(inside, ["for", "in", "if"]);
    let is_word = |token: &&TokenWithSpan| matches!(token.token, Token::Word(_));
    let variable = variable?.iter().find(is_word)?.clone();
    let said = |sql: &str| tokens_of(sql, open.span);
    let lambda = |body: Tokens| [vec![variable.clone()], said(" -> ("), body, said(")")].concat();
    let list = [said("("), list?, said(")")].concat();
    let list = match test {
        Some(test) => [said("list_filter("), list, said(", "), lambda(test), said(")")].concat(),
        None => list,
    };
    Some([said("list_transform("), list, said(", "), lambda(made), said(")")].concat())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::super::grammar::Grammar;
    use super::*;

    #[test]
    fn comprehensions_are_calls_and_lists_stay() {
        let cases = [
            ("[x FOR x IN l]", "list_transform((l ), x -> (x ))"),
            ("[x FOR x IN l IF x]", "list_transform(list_filter((l ), x -> (x)), x -> (x ))"),
            ("[1, a[2]]", "[1, a[2]]"),
            ("[[y for y in x] for x in l]", "list_transform((l), x -> (list_transform((x), y -> (y )) ))"),
        ];
        for (sql, expected) in cases {
            let tokens = Tokenizer::new(&Grammar, sql).tokenize_with_location().unwrap();
            let written: String = comprehended(tokens).iter().map(|token| token.token.to_string()).collect();
            let plain = |text: &str| text.replace(' ', "");
            assert_eq!(plain(&written), plain(expected), "{sql}");
        }
    }
}
