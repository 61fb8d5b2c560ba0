//! Statements as other dialects spell them, put right before parsing: `WITH a AS MATERIALIZED (...)`, `TABLE t` for
//! `SELECT * FROM t`, `= ANY (VALUES ...)`, `INSERT INTO t BY NAME ...`, `USING SAMPLE 10%`, `FROM ['a', 'b']`. Not here: FROM
//! without SELECT (`from_first`), operators (`operators`).

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::readers::READ_FILES;
use super::tokens::{Tokens, deeper, is_any, is_word, tokens_of};

/// The only column that INSERT INTO ... BY NAME lists until its query's names are known (`names`).
pub(super) const BY_NAME: &str = "maar_by_name";

/// `tokens` as the parser knows them.
pub(crate) fn respelled(tokens: Tokens) -> Tokens {
    let places: Vec<usize> =
        (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_))).collect();
    let mut respelled: Vec<Option<Tokens>> = vec![None; tokens.len()];
    let first = places.first().map(|at| &tokens[*at]);
    let starts_with = |word: &str| first.is_some_and(|first| is_word(first, word));
    for (place, at) in places.iter().copied().enumerate() {
        let token = &tokens[at];
        let near =
            |offset: isize| place.checked_add_signed(offset).and_then(|place| places.get(place)).map(|at| &tokens[*at]);
        let is_near = |offset, word: &str| near(offset).is_some_and(|token| is_word(token, word));
        let opens = |offset| near(offset).is_some_and(|token| token.token == Token::LParen);
        if is_word(token, "materialized") && opens(1) {
            let is_not = is_near(-1, "not");
            if is_near(if is_not { -2 } else { -1 }, "as") {
                respelled[at] = Some(Vec::new());
                if is_not {
                    respelled[places[place - 1]] = Some(Vec::new());
                }
            }
        }
        if is_word(token, "table") && near(1).is_some_and(|next| is_name(&next.token)) {
            let begins_query = match near(-1) {
                None => true,
                Some(before) if is_word(before, "as") => starts_with("create"),
                Some(before) if before.token == Token::RParen => starts_with("with"),
                Some(before) => {
                    before.token == Token::LParen || is_any(before, &["union", "all", "except", "intersect", "explain"])
                }
            };
            respelled[at] = begins_query.then(|| tokens_of("SELECT * FROM", token.span));
        }
        // `x IS DISTINCT FROM ['a']` compares a list of texts.
        if is_any(token, &["from", "join"]) && !is_near(-1, "distinct") {
            respell_paths(&tokens, &places[place + 1..], &mut respelled);
        }
        // Behind what reads a single table alone: of a join, DuckDB takes the sample behind it.
        if is_word(token, "using") && is_near(1, "sample") && is_one_table(&tokens[..at]) {
            respelled[at] = Some(tokens_of("TABLESAMPLE", token.span));
            respelled[places[place + 1]] = Some(Vec::new());
        }
        // The parser knows only SELECT for the beginning of a query there.
        if is_word(token, "values")
            && opens(-1)
            && opens(1)
            && near(-2).is_some_and(|before| takes_value(&before.token))
            && let Some(close) = closing(&tokens, at)
        {
            respelled[at] = Some(tokens_of("SELECT * FROM (VALUES", token.span));
            respelled[close] = Some(tokens_of("))", tokens[close].span));
        }
        let samples = |offset| SAMPLES.iter().any(|word| is_near(offset, word));
        if token.token == Token::Mod && matches!(near(-1).map(|near| &near.token), Some(Token::Number(..))) {
            let is_quantity = samples(-2) || (near(-2).is_some_and(|near| near.token == Token::LParen) && samples(-3));
            respelled[at] = is_quantity.then(|| tokens_of(" PERCENT", token.span));
        }
        if is_word(token, "reservoir") && opens(1) && samples(-1) {
            respelled[at] = Some(Vec::new());
        }
        if is_word(token, "by") && is_near(1, "name") && starts_with("insert") && place >= 3 && is_into(&tokens[..at]) {
            respelled[at] = Some(tokens_of(&format!("({BY_NAME})"), token.span));
            respelled[places[place + 1]] = Some(Vec::new());
        }
    }
    put_together(tokens, respelled)
}

/// The tokens, with those that are written otherwise in their places: none in nearly every statement.
fn put_together(tokens: Tokens, respelled: Vec<Option<Tokens>>) -> Tokens {
    if respelled.iter().all(Option::is_none) {
        return tokens;
    }
    let pieces = tokens.into_iter().zip(respelled);
    pieces.flat_map(|(token, respelled)| respelled.unwrap_or_else(|| vec![token])).collect()
}

/// A list of paths that begins at the first of `places` is a call of what reads them.
fn respell_paths(tokens: &[TokenWithSpan], places: &[usize], respelled: &mut [Option<Tokens>]) {
    if let Some((open, close)) = listed_texts(tokens, places) {
        respelled[open] = Some(tokens_of(&format!(" {READ_FILES}(["), tokens[open].span));
        respelled[close] = Some(tokens_of("])", tokens[close].span));
    }
}

/// Where a list of nothing but texts is opened and closed that begins at the first of `places`.
fn listed_texts(tokens: &[TokenWithSpan], places: &[usize]) -> Option<(usize, usize)> {
    let (open, behind) = places.split_first().filter(|(open, _)| tokens[**open].token == Token::LBracket)?;
    for (at, place) in behind.iter().enumerate() {
        match &tokens[*place].token {
            Token::SingleQuotedString(_) if at % 2 == 0 => {}
            Token::Comma if at % 2 == 1 => {}
            Token::RBracket if at % 2 == 1 => return Some((*open, *place)),
            _ => return None,
        }
    }
    None
}

/// Whether a bracket behind the token holds a value, or is what ANY and ALL compare with.
fn takes_value(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            let words =
                ["any", "all", "some", "select", "when", "then", "else", "and", "or", "not", "where", "between"];
            word.quote_style.is_none() && words.iter().any(|known| word.value.eq_ignore_ascii_case(known))
        }
        Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => true,
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Comma => true,
        _ => false,
    }
}

/// Where the bracket around the token at `at` is closed.
fn closing(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let closes = |token: &TokenWithSpan| {
        let is_close = depth == 0 && token.token == Token::RParen;
        depth = deeper(depth, &token.token);
        is_close
    };
    tokens[at..].iter().position(closes).map(|place| at + place)
}

/// Words that the size of a sample follows.
const SAMPLES: [&str; 5] = ["tablesample", "sample", "bernoulli", "system", "reservoir"];

/// Whether the last FROM in `tokens` names one table, and no clause follows.
fn is_one_table(tokens: &[TokenWithSpan]) -> bool {
    let Some(from) = tokens.iter().rposition(|token| is_word(token, "from")) else { return false };
    let clauses = ["join", "where", "group", "having", "qualify", "window", "order", "limit", "union", "using"];
    !tokens[from..]
        .iter()
        .any(|token| is_any(token, &clauses) || matches!(token.token, Token::Comma | Token::LParen | Token::RParen))
}

fn is_name(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_some() || !matches!(word.value.to_ascii_lowercase().as_str(), "from" | "as"))
}

/// Whether they are INSERT INTO and the name of a table.
fn is_into(tokens: &[TokenWithSpan]) -> bool {
    let begins_query = ["select", "from", "values", "with", "set", "table"];
    tokens.iter().any(|token| is_word(token, "into")) && !tokens.iter().any(|token| is_any(token, &begins_query))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::super::grammar::Grammar;
    use super::*;

    #[test]
    fn spellings_are_put_right_and_names_stay() {
        let cases = [
            ("WITH a AS NOT MATERIALIZED (SELECT 1) TABLE a", "WITH a AS   (SELECT 1) SELECT * FROM a"),
            ("WITH a AS materialized (SELECT 1) SELECT materialized", "WITH a AS  (SELECT 1) SELECT materialized"),
            ("TABLE t", "SELECT * FROM t"),
            ("SELECT 1 = ANY (VALUES (1), (2))", "SELECT 1 = ANY (SELECT * FROM (VALUES (1), (2)))"),
            ("SELECT (VALUES (1)), 2", "SELECT (SELECT * FROM (VALUES (1))), 2"),
            ("SELECT a FROM (VALUES (1)) v(a)", "SELECT a FROM (VALUES (1)) v(a)"),
            ("TABLE a UNION ALL (VALUES (1))", "SELECT * FROM a UNION ALL (SELECT * FROM (VALUES (1)))"),
            ("CREATE TABLE u AS TABLE t", "CREATE TABLE u AS SELECT * FROM t"),
            ("(TABLE t) UNION ALL TABLE u", "(SELECT * FROM t) UNION ALL SELECT * FROM u"),
            ("DROP TABLE t", "DROP TABLE t"),
            ("SELECT * FROM ['a', 'b'] t", "SELECT * FROM  read_files(['a', 'b']) t"),
            ("SELECT x IS DISTINCT FROM ['a']", "SELECT x IS DISTINCT FROM ['a']"),
            ("SELECT * FROM t JOIN ['a'] u", "SELECT * FROM t JOIN  read_files(['a']) u"),
            ("SELECT 1 AS table FROM t", "SELECT 1 AS table FROM t"),
            ("INSERT INTO t BY NAME SELECT 1 AS a", "INSERT INTO t (maar_by_name)  SELECT 1 AS a"),
            ("SELECT * FROM t AS x USING SAMPLE 10%", "SELECT * FROM t AS x TABLESAMPLE  10 PERCENT"),
            ("SELECT * FROM t TABLESAMPLE reservoir(2 ROWS)", "SELECT * FROM t TABLESAMPLE (2 ROWS)"),
            ("SELECT a % 2 FROM t JOIN u USING (sample)", "SELECT a % 2 FROM t JOIN u USING (sample)"),
            ("SELECT a FROM t ORDER BY name", "SELECT a FROM t ORDER BY name"),
            ("INSERT INTO t SELECT a FROM u ORDER BY name", "INSERT INTO t SELECT a FROM u ORDER BY name"),
        ];
        for (sql, expected) in cases {
            let tokens = Tokenizer::new(&Grammar, sql).tokenize_with_location().unwrap();
            let written: String = respelled(tokens).iter().map(|token| token.token.to_string()).collect();
            assert_eq!(written, expected, "{sql}");
        }
    }
}
