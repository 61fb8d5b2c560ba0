//! `list_aggregate(l, 'sum')` and its other names: the aggregate is named by a string, and is the function of lists that does it.

use datafusion::sql::sqlparser::ast::{Expr, Value};

use crate::dialect::grammar::expression;
use crate::dialect::templates::filled;
use crate::error::{Error, ErrorKind, Result};

pub(super) const NAMES: [&str; 4] = ["list_aggregate", "list_aggr", "array_aggregate", "array_aggr"];

/// Aggregates, and what they are of a list; `$3` is a third argument.
const OF_LISTS: [(&str, &str); 29] = [
    ("sum", "list_sum($1)"),
    ("product", "array_product($1)"),
    ("min", "array_min($1)"),
    ("max", "array_max($1)"),
    ("avg", "list_avg($1)"),
    ("mean", "list_avg($1)"),
    ("count", "array_length(array_compact($1))"),
    ("first", "array_element($1, 1)"),
    ("last", "array_element($1, -1)"),
    ("any_value", "array_any_value($1)"),
    ("median", "list_median($1)"),
    ("mode", "list_mode($1)"),
    ("mad", "list_mad($1)"),
    ("histogram", "list_histogram($1)"),
    ("entropy", "list_entropy($1)"),
    ("stddev", "list_stddev_samp($1)"),
    ("stddev_samp", "list_stddev_samp($1)"),
    ("stddev_pop", "list_stddev_pop($1)"),
    ("variance", "list_var_samp($1)"),
    ("var_samp", "list_var_samp($1)"),
    ("var_pop", "list_var_pop($1)"),
    ("bit_and", "list_bit_and($1)"),
    ("bit_or", "list_bit_or($1)"),
    ("bit_xor", "list_bit_xor($1)"),
    ("bool_and", "list_bool_and($1)"),
    ("bool_or", "list_bool_or($1)"),
    ("approx_count_distinct", "list_approx_count_distinct($1)"),
    ("list", "$1"),
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
