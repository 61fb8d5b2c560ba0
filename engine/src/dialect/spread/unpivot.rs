//! UNPIVOT: the SELECT that it is.

use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::rest_of;
use crate::dialect::names::ALL_BUT;
use crate::dialect::tokens::{Tokens, bracketed, error_at, is_any, is_word, parts, tokens_of};
use crate::error::{ErrorKind, Result};

pub(super) fn unpivot(first: &TokenWithSpan, rest: &[TokenWithSpan]) -> Result<Tokens> {
    const USAGE: &str = "write UNPIVOT t ON a, b INTO NAME n VALUE v";
    let span = first.span;
    let wrong = |message: &str| error_at(span, ErrorKind::Syntax, message).with_hint(USAGE);
    let (nulls, rest) = match rest {
        [include, nulls, rest @ ..] if is_word(include, "include") && is_word(nulls, "nulls") => {
            (" unpivot include nulls (", rest)
        }
        rest => (" unpivot (", rest),
    };
    let (source, [on, into, order, limit]) = parts(rest, ["on", "into", "order", "limit"]);
    let Some(on) = on.filter(|_| !source.is_empty()) else { return Err(wrong("UNPIVOT wants ON")) };
    let columns = match starred(&on) {
        Some(rest) => all_but(rest, span).ok_or_else(|| wrong("a star may only be followed by EXCLUDE"))?,
        None => on,
    };
    let (name, value) = match into.as_deref() {
        None => (tokens_of("name", span), tokens_of("value", span)),
        Some([label, name, values, value]) if is_word(label, "name") && is_word(values, "value") => {
            (vec![name.clone()], vec![value.clone()])
        }
        Some(_) => return Err(wrong("INTO wants NAME and VALUE, a column each")),
    };
    let [begin, nulls] = [tokens_of("select * from ", span), tokens_of(nulls, span)];
    let [of, list, end] = [" for ", " in (", ")) "].map(|sql| tokens_of(sql, span));
    let rest = rest_of(order, limit, span);
    Ok([begin, source, nulls, value, of, name, list, columns, end, rest].concat())
}

/// What stands behind the star, in `*` and in `COLUMNS(*)`.
fn starred(on: &[TokenWithSpan]) -> Option<&[TokenWithSpan]> {
    let list = match on {
        [columns, rest @ ..] if is_word(columns, "columns") => bracketed(rest)?,
        list => list,
    };
    list.split_first().filter(|(star, _)| star.token == Token::Mul).map(|(_, rest)| rest)
}

/// The columns of a star, as `names/pivot` reads them, where `rest` is nothing or EXCLUDE with names.
fn all_but(rest: &[TokenWithSpan], span: Span) -> Option<Tokens> {
    let names = match rest {
        [] => &[],
        [exclude, names @ ..] if is_any(exclude, &["exclude", "except"]) => bracketed(names).unwrap_or(names),
        _ => return None,
    };
    Some([tokens_of(&format!("{ALL_BUT}("), span), names.to_vec(), tokens_of(")", span)].concat())
}
