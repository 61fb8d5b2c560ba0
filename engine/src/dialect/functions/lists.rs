//! `list_aggregate(l, 'sum')` and its other names: the aggregate is named by a string, and is the function of lists that does it.

use datafusion::sql::sqlparser::ast::{Expr, Value};

use crate::dialect::grammar::expression;
use crate::dialect::templates::filled;
use crate::error::{Error, ErrorKind, Result};

pub(super) const NAMES: [&str; 4] = ["list_aggregate", "list_aggr", "array_aggregate", "array_aggr"];

/// Aggregates, and what they are of a list; `$3` is a third argument.
const OF_LISTS: [(&str, &str); 11] = [
    ("sum", "array_sum($1)"),
    ("product", "array_product($1)"),
    ("min", "array_min($1)"),
    ("max", "array_max($1)"),
    ("avg", "array_avg($1)"),
    ("mean", "array_avg($1)"),
    ("count", "array_length(array_compact($1))"),
    ("first", "array_element($1, 1)"),
    ("last", "array_element($1, -1)"),
    ("any_value", "array_any_value($1)"),
    ("string_agg", "array_to_string($1, $3)"),
];

/// The call written out; `None` where it is none of these.
///
/// # Errors
/// Of kind Unsupported, for an aggregate that lists have not.
pub(super) fn written_out(name: &str, arguments: &[Expr]) -> Result<Option<Expr>> {
    let [list, aggregate, rest @ ..] = arguments else { return Ok(None) };
    if !NAMES.contains(&name) {
        return Ok(None);
    }
    let named = match aggregate {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(named) => named.to_ascii_lowercase(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let known = OF_LISTS.iter().find(|(known, _)| *known == named).and_then(|(_, template)| expression(template));
    let Some(template) = known else {
        let names: Vec<&str> = OF_LISTS.iter().map(|(known, _)| *known).collect();
        return Err(Error::new(ErrorKind::Unsupported, format!("{name} of a list cannot do {aggregate}"))
            .with_hint(format!("it does {}; for others use unnest in a subquery", names.join(", "))));
    };
    let comma = Expr::value(Value::SingleQuotedString(",".to_string()));
    let separator = rest.first().cloned().unwrap_or(comma);
    Ok(Some(filled(&template, &[list.clone(), aggregate.clone(), separator])))
}
