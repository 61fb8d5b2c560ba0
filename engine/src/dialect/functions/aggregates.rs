//! Aggregates. A clause of the call (DISTINCT, FILTER, OVER) goes to each aggregate of the template.

use super::rules::Template;

pub(super) const TEMPLATES: &[Template] = &[
    ("collect_set", 1, "array_agg(distinct $1)"),
    ("list collect_list", 1, "array_agg($1)"),
    ("first", 1, "first_value($1)"),
    ("last", 1, "last_value($1)"),
    ("arbitrary", 1, "any_value($1)"),
    ("arg_min argmin min_by", 2, "first_value($1 order by $2 asc) filter (where $1 is not null and $2 is not null)"),
    ("arg_max argmax max_by", 2, "first_value($1 order by $2 desc) filter (where $1 is not null and $2 is not null)"),
    ("count_if countif", 1, "count(*) filter (where $1)"),
    ("every", 1, "bool_and($1)"),
    ("some any", 1, "bool_or($1)"),
    ("approx_quantile", 2, "approx_percentile_cont($2) within group (order by $1)"),
    ("approx_count_distinct", 1, "approx_distinct($1)"),
    ("quantile percentile", 2, "percentile_cont($2) within group (order by $1)"),
    ("variance", 1, "var_samp($1)"),
    ("group_concat listagg", 1, "string_agg($1, ',')"),
    ("group_concat listagg", 2, "string_agg($1, $2)"),
    ("fsum kahan_sum sumkahan", 1, "sum(cast($1 as double))"),
    ("approx_percentile percentile_approx", 2, "approx_percentile_cont($2) within group (order by $1)"),
    ("approx_percentile percentile_approx", 3, "approx_percentile_cont($2) within group (order by $1)"),
    ("favg", 1, "avg(cast($1 as double))"),
    ("weighted_avg wavg", 2, "sum(cast($1 as double) * $2) / sum(case when $1 is not null then $2 else 0 end)"),
    ("geomean geometric_mean", 1, "exp(avg(ln($1)))"),
    ("sem", 1, "stddev_pop($1) / sqrt(count($1))"),
    ("product", 1, "array_product(array_agg(cast($1 as double)))"),
    // Of a sample, as in DuckDB: a moment is the sum of powers less what the mean makes of them.
    (
        "skewness",
        1,
        "case when count($1) > 2 then case when sum(power(cast($1 as double), 2)) > sum(cast($1 as double)) * sum(cast($1 as double)) / count($1) then sqrt(cast(count($1) as double) * (count($1) - 1)) / (count($1) - 2) * (sum(power(cast($1 as double), 3)) / count($1) - 3 * sum(power(cast($1 as double), 2)) / count($1) * sum(cast($1 as double)) / count($1) + 2 * power(sum(cast($1 as double)) / count($1), 3)) / power(sum(power(cast($1 as double), 2)) / count($1) - power(sum(cast($1 as double)) / count($1), 2), 1.5) else cast('nan' as double) end end",
    ),
    (
        "kurtosis_pop",
        1,
        "case when count($1) > 1 then case when sum(power(cast($1 as double), 2)) > sum(cast($1 as double)) * sum(cast($1 as double)) / count($1) then (sum(power(cast($1 as double), 4)) / count($1) - 4 * sum(power(cast($1 as double), 3)) / count($1) * sum(cast($1 as double)) / count($1) + 6 * sum(power(cast($1 as double), 2)) / count($1) * power(sum(cast($1 as double)) / count($1), 2) - 3 * power(sum(cast($1 as double)) / count($1), 4)) / power((sum(power(cast($1 as double), 2)) / count($1) - power(sum(cast($1 as double)) / count($1), 2)), 2) - 3 else cast('nan' as double) end end",
    ),
    (
        "kurtosis",
        1,
        "case when count($1) > 3 then case when sum(power(cast($1 as double), 2)) > sum(cast($1 as double)) * sum(cast($1 as double)) / count($1) then (count($1) - 1) * ((count($1) + 1) * (sum(power(cast($1 as double), 4)) / count($1) - 4 * sum(power(cast($1 as double), 3)) / count($1) * sum(cast($1 as double)) / count($1) + 6 * sum(power(cast($1 as double), 2)) / count($1) * power(sum(cast($1 as double)) / count($1), 2) - 3 * power(sum(cast($1 as double)) / count($1), 4)) / power((sum(power(cast($1 as double), 2)) / count($1) - power(sum(cast($1 as double)) / count($1), 2)), 2) - 3 * (count($1) - 1)) / (cast(count($1) - 2 as double) * (count($1) - 3)) else cast('nan' as double) end end",
    ),
    ("count_star", 0, "count(*)"),
];
