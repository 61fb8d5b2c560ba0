//! The items of select lists as they were typed: cut out of the statement's tokens, with white space and comments made one
//! space. An item's text is its name where it has no other.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::Select;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// The tokens of a statement, and where in them its SELECTs are.
pub(super) struct Typed<'a> {
    tokens: &'a [TokenWithSpan],
    selects: HashMap<Location, usize>,
}

impl<'a> Typed<'a> {
    pub(super) fn new(tokens: &'a [TokenWithSpan]) -> Self {
        let selects = tokens.iter().enumerate().filter(|(_, token)| keyword(&token.token) == Some(Keyword::SELECT));
        Self { tokens, selects: selects.map(|(at, token)| (token.span.start, at)).collect() }
    }

    /// The text of each item of `select`; `None` where it was not typed, or cannot be cut.
    pub(super) fn items(&self, select: &Select) -> Option<Vec<String>> {
        let at = *self.selects.get(&select.select_token.0.span.start)?;
        let items = cut(&self.tokens[at + 1..]);
        (items.len() == select.projection.len()).then_some(items)
    }
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// The items of the select list that `tokens` begin with.
fn cut(tokens: &[TokenWithSpan]) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = Item::default();
    let mut depth = 0usize;
    let mut before = Before::Start;
    for TokenWithSpan { token, .. } in tokens {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace if depth == 0 => break,
            Token::RParen | Token::RBracket | Token::RBrace => {
                depth -= 1;
                if before == Before::DistinctOn && depth == 0 {
                    (item, before) = (Item::default(), Before::Item);
                    continue;
                }
            }
            Token::SemiColon | Token::EOF => break,
            Token::Comma if depth == 0 && before != Before::DistinctOn => {
                items.push(std::mem::take(&mut item).text);
                before = Before::Item;
                continue;
            }
            Token::Word(_) if depth == 0 => match (keyword(token), before) {
                (Some(Keyword::DISTINCT | Keyword::ALL), Before::Start) => {
                    before = Before::Quantifier;
                    continue;
                }
                (Some(Keyword::ON), Before::Quantifier) => {
                    before = Before::DistinctOn;
                    continue;
                }
                (Some(Keyword::FROM), Before::Distinct) => before = Before::Item,
                (Some(Keyword::EXCEPT), Before::Star) => before = Before::Item,
                (Some(word), _) if ends_list(word) => break,
                (Some(Keyword::DISTINCT), _) => before = Before::Distinct,
                _ => before = Before::Item,
            },
            Token::Mul => before = Before::Star,
            Token::Whitespace(_) => {}
            _ if before != Before::DistinctOn => before = Before::Item,
            _ => {}
        }
        item.push(token);
    }
    items.push(item.text);
    items
}

/// What the last word of the list was, as far as it decides what the next one is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Start,
    /// DISTINCT or ALL right behind SELECT.
    Quantifier,
    /// Inside the brackets of DISTINCT ON.
    DistinctOn,
    /// The DISTINCT of IS DISTINCT FROM.
    Distinct,
    /// A star, whose EXCEPT names columns.
    Star,
    Item,
}

fn ends_list(word: Keyword) -> bool {
    use Keyword as K;
    matches!(
        word,
        K::FROM
            | K::INTO
            | K::WHERE
            | K::GROUP
            | K::HAVING
            | K::ORDER
            | K::LIMIT
            | K::OFFSET
            | K::FETCH
            | K::UNION
            | K::EXCEPT
            | K::INTERSECT
            | K::MINUS
            | K::WINDOW
            | K::QUALIFY
    )
}

#[derive(Default)]
struct Item {
    text: String,
    space: bool,
}

impl Item {
    fn push(&mut self, token: &Token) {
        match token {
            Token::Whitespace(_) => self.space = true,
            visible => {
                if std::mem::take(&mut self.space) && !self.text.is_empty() {
                    self.text.push(' ');
                }
                match visible {
                    // The tokenizer took the doubling of quotes away.
                    Token::SingleQuotedString(string) => {
                        self.text.push_str(&format!("'{}'", string.replace('\'', "''")))
                    }
                    other => self.text.push_str(&other.to_string()),
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::dialect::grammar::Grammar;

    fn items(sql: &str) -> Vec<String> {
        let tokens = Tokenizer::new(&Grammar, sql).tokenize_with_location().unwrap();
        let at = tokens.iter().position(|token| keyword(&token.token) == Some(Keyword::SELECT)).unwrap();
        cut(&tokens[at + 1..])
    }

    #[test]
    fn items_read_as_typed() {
        let cases: &[(&str, &[&str])] = &[
            ("select a,  Sum( b ) from t", &["a", "Sum( b )"]),
            ("select extract(year FROM d), 1", &["extract(year FROM d)", "1"]),
            ("select a -- why\n + 1, 'it''s' from t", &["a + 1", "'it''s'"]),
            ("select distinct on (a, b) c, d from t", &["c", "d"]),
            ("select distinct a is not distinct from b from t", &["a is not distinct from b"]),
            ("select * except (a, b), t.* from t", &["* except (a, b)", "t.*"]),
            ("select (select max(x) from u), \"From\" where true", &["(select max(x) from u)", "\"From\""]),
            ("select a::int, [1, 2][1] union select 1, 2", &["a::int", "[1, 2][1]"]),
            ("select all a /* x */ limit 1", &["a"]),
        ];
        for (sql, expected) in cases {
            assert_eq!(&items(sql), expected, "{sql}");
        }
    }
}
