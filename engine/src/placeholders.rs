//! `?` as a placeholder, as drivers write it: the first is `$1`, the second `$2`. To the planner all of them would be one.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Position, Result};

/// `tokens` of a statement, in which every placeholder has a number or a name.
///
/// # Errors
/// [`ErrorKind::Syntax`] for `?` beside `$1` or `$name`: which value is whose would be a guess.
pub(crate) fn numbered(mut tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let (mut count, mut other) = (0, None);
    for token in &mut tokens {
        let Token::Placeholder(name) = &mut token.token else { continue };
        match name.strip_prefix('?') {
            Some("") => {
                count += 1;
                *name = format!("${count}");
            }
            Some(number) => {
                *name = format!("${number}");
                other = other.or(Some(token.span.start));
            }
            None => other = other.or(Some(token.span.start)),
        }
    }
    match other {
        Some(start) if count > 0 => {
            let position = Position { line: start.line as usize, column: start.column as usize };
            Err(Error::new(ErrorKind::Syntax, "the statement has parameters with and without a number or name")
                .or_at(Some(position))
                .with_hint("write ? for all of them, or $1, $2, ... for all"))
        }
        _ => Ok(tokens),
    }
}
