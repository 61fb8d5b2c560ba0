//! The table of functions that are written out, and of those that are not there with what to write instead.

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::Expr;

use crate::dialect::templates::parsed;

/// How a call with so many arguments is written out.
pub(super) struct Rule {
    pub(super) arguments: usize,
    pub(super) template: Expr,
}

pub(super) static RULES: LazyLock<HashMap<&'static str, Vec<Rule>>> = LazyLock::new(|| {
    let mut rules: HashMap<&'static str, Vec<Rule>> = HashMap::new();
    for (names, arguments, template) in TEMPLATES {
        for name in names.split(' ') {
            if let Some(template) = parsed(template) {
                rules.entry(name).or_default().push(Rule { arguments: *arguments, template });
            }
        }
    }
    rules
});

/// Names, number of arguments, and what the call means.
const TEMPLATES: &[(&str, usize, &str)] = &[
    // Parts of dates and times.
    ("year", 1, "extract(year from $1)"),
    ("quarter", 1, "extract(quarter from $1)"),
    ("month", 1, "extract(month from $1)"),
    ("week weekofyear", 1, "extract(week from $1)"),
    ("day dayofmonth", 1, "extract(day from $1)"),
    ("dayofweek weekday", 1, "extract(dow from $1)"),
    ("isodow", 1, "extract(isodow from $1)"),
    ("dayofyear", 1, "extract(doy from $1)"),
    ("hour", 1, "extract(hour from $1)"),
    ("minute", 1, "extract(minute from $1)"),
    ("second", 1, "extract(second from $1)"),
    ("epoch", 1, "extract(epoch from $1)"),
    ("epoch_ms", 1, "cast(arrow_cast(cast($1 as timestamp), 'Timestamp(Millisecond, None)') as bigint)"),
    ("epoch_us", 1, "cast(arrow_cast(cast($1 as timestamp), 'Timestamp(Microsecond, None)') as bigint)"),
    ("unix_timestamp", 1, "cast(arrow_cast(cast($1 as timestamp), 'Timestamp(Second, None)') as bigint)"),
    ("monthname", 1, "to_char($1, '%B')"),
    ("dayname", 1, "to_char($1, '%A')"),
    ("last_day", 1, "cast(date_trunc('month', $1) + interval '1 month' - interval '1 day' as date)"),
    ("strftime", 2, "to_char($1, $2)"),
    ("strptime", 2, "to_timestamp($1, $2)"),
    ("add_months", 2, "cast($1 as date) + cast(concat(cast($2 as varchar), ' months') as interval)"),
    ("time_bucket", 2, "date_bin($1, $2)"),
    ("time_bucket", 3, "date_bin($1, $2, $3)"),
    ("date", 1, "cast($1 as date)"),
    ("getdate sysdate localtimestamp", 0, "now()"),
    // Conditions and NULL.
    ("if iff", 3, "case when $1 then $2 else $3 end"),
    ("if iff", 2, "case when $1 then $2 end"),
    ("isnull", 1, "$1 is null"),
    ("isnotnull notnull", 1, "$1 is not null"),
    ("equal_null", 2, "$1 is not distinct from $2"),
    ("zeroifnull", 1, "coalesce($1, 0)"),
    ("nullifzero", 1, "nullif($1, 0)"),
    // Numbers.
    ("mod fmod", 2, "$1 % $2"),
    ("ceiling", 1, "ceil($1)"),
    ("sign", 1, "signum($1)"),
    ("truncate", 1, "trunc($1)"),
    ("truncate", 2, "trunc($1, $2)"),
    ("e", 0, "exp(1)"),
    ("square", 1, "power($1, 2)"),
    ("isinf", 1, "abs($1) = cast('inf' as double)"),
    ("isfinite", 1, "not isnan($1) and abs($1) <> cast('inf' as double)"),
    // Strings.
    ("len", 1, "length($1)"),
    ("strlen", 1, "octet_length($1)"),
    ("lcase", 1, "lower($1)"),
    ("ucase", 1, "upper($1)"),
    ("locate", 2, "strpos($2, $1)"),
    ("ord unicode", 1, "ascii($1)"),
    ("char", 1, "chr($1)"),
    ("space", 1, "repeat(' ', $1)"),
    ("mid", 3, "substr($1, $2, $3)"),
    ("string_split str_split split", 2, "string_to_array($1, $2)"),
    ("prefix startswith", 2, "starts_with($1, $2)"),
    ("suffix endswith", 2, "ends_with($1, $2)"),
    ("to_base64 base64", 1, "encode($1, 'base64pad')"),
    ("from_base64 unbase64", 1, "decode($1, 'base64pad')"),
    ("gen_random_uuid", 0, "uuid()"),
    ("typeof", 1, "arrow_typeof($1)"),
    // Regular expressions. The pattern in a group of its own: that group is the whole match.
    (
        "regexp_extract",
        2,
        "case when $1 is not null and $2 is not null then coalesce(array_element(regexp_match($1, concat('(', $2, ')')), 1), '') end",
    ),
    (
        "regexp_extract",
        3,
        "case when $1 is not null and $2 is not null then coalesce(array_element(regexp_match($1, concat('(', $2, ')')), $3 + 1), '') end",
    ),
    ("regexp_matches rlike", 2, "regexp_like($1, $2)"),
    ("regexp_full_match", 2, "regexp_like($1, concat('^(?:', $2, ')$'))"),
    // Lists.
    ("array_size size", 1, "array_length($1)"),
    ("list_unique", 1, "array_length(array_distinct($1))"),
    ("collect_set", 1, "array_agg(distinct $1)"),
    // Aggregates.
    ("list collect_list", 1, "array_agg($1)"),
    ("first", 1, "first_value($1)"),
    ("last", 1, "last_value($1)"),
    ("arbitrary", 1, "any_value($1)"),
    ("arg_min argmin min_by", 2, "first_value($1 order by $2 asc) filter (where $1 is not null and $2 is not null)"),
    ("arg_max argmax max_by", 2, "first_value($1 order by $2 desc) filter (where $1 is not null and $2 is not null)"),
    ("count_if countif", 1, "count(*) filter (where $1)"),
    ("every", 1, "bool_and($1)"),
    ("some", 1, "bool_or($1)"),
    ("approx_quantile", 2, "approx_percentile_cont($2) within group (order by $1)"),
    ("approx_count_distinct", 1, "approx_distinct($1)"),
    ("quantile percentile", 2, "percentile_cont($2) within group (order by $1)"),
    ("variance", 1, "var_samp($1)"),
    ("group_concat listagg", 1, "string_agg($1, ',')"),
    ("group_concat listagg", 2, "string_agg($1, $2)"),
    ("fsum kahan_sum sumkahan", 1, "sum(cast($1 as double))"),
];

/// What to write instead of a function that is not there: names near in meaning, not in spelling.
const INSTEAD: &[(&str, &str)] = &[
    ("quantile_disc percentile_disc", "percentile_cont(0.5) WITHIN GROUP (ORDER BY x), which interpolates"),
    ("mode", "SELECT x ... GROUP BY x ORDER BY count(*) DESC LIMIT 1"),
    ("histogram", "GROUP BY x with count(*)"),
    ("product", "exp(sum(ln(x))), for positive x"),
    ("printf format", "concat(...), or to_char for dates"),
    ("hash xxhash64 murmur3", "md5(x) or sha256(x)"),
    ("months_between", "date_diff('month', a, b)"),
    ("age", "a - b, or date_diff('day', b, a)"),
    ("generate_subscripts", "generate_series(1, n) in FROM"),
    ("explode", "unnest(list)"),
    ("to_number", "cast(x AS DECIMAL(p, s)) or try_cast"),
    ("list_transform transform list_filter filter list_apply", "unnest(list) in a subquery, and array_agg over it"),
    ("kurtosis skewness entropy mad", "the formula with avg, stddev and count"),
    ("struct_pack", "named_struct('name', value, ...)"),
    ("json_extract json_extract_string get_json_object", "a column of type STRUCT: JSON files are read as structs"),
    ("convert_timezone timezone from_utc_timestamp", "x AT TIME ZONE 'Europe/Paris'"),
    ("soundex difference jaccard", "levenshtein(a, b)"),
];

/// The names of the functions that are written out.
pub(crate) fn written_names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().flat_map(|(names, ..)| names.split(' ')).chain(super::dates::NAMES)
}

/// What to write instead of the function `name`, where it is known.
pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    INSTEAD.iter().find(|(names, _)| names.split(' ').any(|known| known == name)).map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/functions.md");

    #[test]
    fn the_page_names_every_function_of_the_tables() {
        let on_page = |name: &str| PAGE.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|w| w == name);
        let instead = INSTEAD.iter().flat_map(|(names, _)| names.split(' '));
        let missing: Vec<&str> = written_names().chain(instead).filter(|name| !on_page(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_template_is_an_expression() {
        for (names, _, template) in TEMPLATES {
            assert!(parsed(template).is_some(), "{names}: {template}");
        }
    }
}
