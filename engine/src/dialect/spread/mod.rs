//! PIVOT and UNPIVOT as statements, as in DuckDB: `PIVOT t ON x USING sum(v) GROUP BY g` and
//! `UNPIVOT t ON a, b INTO NAME n VALUE v`, wherever a query may stand. They are written out as the SELECTs that they are,
//! token by token, so that errors point at what the user wrote. PIVOT and UNPIVOT in FROM are in `names/pivot`.

mod pivot;
mod place;
mod unpivot;

pub(crate) use pivot::{Pivot, Value};

use datafusion::sql::sqlparser::tokenizer::{Span, TokenWithSpan};

use super::tokens::{Tokens, is_any, tokens_of, visible};
use crate::error::Result;
use pivot::pivot;
use unpivot::unpivot;

/// A statement with a part that is to be written out.
pub(crate) enum Spread {
    Pivot(Box<Pivot>),
    /// Written out already.
    Unpivot(Tokens),
}

/// The last PIVOT or UNPIVOT of the statement, which has none inside; `None` where there is none left.
///
/// # Errors
/// [`ErrorKind::Syntax`] or [`ErrorKind::Unsupported`] for a PIVOT or UNPIVOT that cannot be written out.
pub(crate) fn spread(tokens: &[TokenWithSpan]) -> Result<Option<Spread>> {
    if !tokens.iter().any(place::begins) {
        return Ok(None);
    }
    let visible = visible(tokens);
    let Some(at) = place::last(&visible) else { return Ok(None) };
    let end = place::end(&visible, at);
    let (before, after) = (visible[..at].to_vec(), visible[end..].to_vec());
    let (first, rest) = (&visible[at], &visible[at + 1..end]);
    Ok(Some(match is_any(first, &place::PIVOTS) {
        true => {
            let with = place::queries_around(&visible, at);
            Spread::Pivot(Box::new(pivot(first, rest)?.within(before, after, with)))
        }
        false => Spread::Unpivot([before, unpivot(first, rest)?, after].concat()),
    }))
}

/// ORDER BY and LIMIT again.
fn rest_of(order: Option<Tokens>, limit: Option<Tokens>, span: Span) -> Tokens {
    let again = |word: &str, behind: Option<Tokens>| behind.map(|behind| [tokens_of(word, span), behind].concat());
    [again("order ", order), again("limit ", limit)].into_iter().flatten().flatten().collect()
}
