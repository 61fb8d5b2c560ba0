//! Functions that other engines have, written out: each value is what DuckDB gives, where DuckDB has the function.

use crate::support::{cells, error, session};

const CASES: &[(&str, &str)] = &[
    ("mod(7, 3), mod(-7, 3), mod(null, 3)", "1,-1,"),
    ("year(d), month(d), day(d), quarter(d), week(d), dayofyear(d), dayofweek(d)", "2024,2,29,1,9,60,4"),
    ("hour(ts), minute(ts), second(ts), year('2024-05-01'), year(null::date)", "10,20,30,2024,"),
    ("monthname(d), dayname(d), last_day(d), last_day(date '2023-12-05')", "February,Thursday,2024-02-29,2023-12-31"),
    (
        "date_diff('day', d, date '2024-03-02'), datediff('month', date '2023-12-31', d), date_diff('year', date '2023-12-31', d)",
        "2,2,1",
    ),
    (
        "date_diff('week', date '2024-01-07', date '2024-01-08'), date_diff('week', date '1969-12-28', date '1969-12-29')",
        "1,1",
    ),
    ("date_diff('hour', ts, ts + interval '45 minutes'), date_sub('hour', ts, ts + interval '45 minutes')", "1,0"),
    ("datediff(date '2024-03-02', d), datediff(day, d, date '2024-03-02')", "2,2"),
    (
        "date_add(d, interval '1 day'), date_add(d, 1), date_sub(d, 1), dateadd(month, 1, d)",
        "2024-03-01,2024-03-01,2024-02-28,2024-03-29",
    ),
    (
        "strftime(ts, '%Y/%m/%d %H:%M'), strptime('2024-02-29 01:02:03', '%Y-%m-%d %H:%M:%S')",
        "2024/02/29 10:20,2024-02-29T01:02:03",
    ),
    (
        "regexp_extract('ab12', '[0-9]+'), regexp_extract('ab12', '([a-z])([0-9])', 2), regexp_extract('ab', 'x')",
        "12,1,",
    ),
    ("regexp_extract(null, 'x') is null, regexp_matches('abc', 'b'), regexp_full_match('abc', 'b')", "true,true,false"),
    ("if(1 = 1, 'x', 'y'), if(null, 1, 2), ifnull(null, 3), nvl2(1, 2, 3), nvl2(null, 2, 3)", "x,2,3,2,3"),
    (
        "isinf(cast('-inf' as double)), isfinite(1.5), isnull(null), zeroifnull(null), nullifzero(0)",
        "true,true,true,0,",
    ),
    (
        "len('abc'), strlen('é'), ucase('x'), lcase('X'), locate('b', 'abc'), length(space(2)), startswith('abc', 'a')",
        "3,2,X,x,2,2,true",
    ),
    ("string_split('a,b', ','), truncate(2.7), ceiling(2.1), sign(-3.0), square(3)", "[a, b],2.0,3.0,-1.0,9.0"),
    (
        "unix_timestamp(ts), epoch_ms(ts), add_months(d, 12), to_base64('x'::bytea)",
        "1709202030,1709202030000,2025-02-28,eA==",
    ),
];

/// What the documentation's examples do not say: NULL, edges, arguments that are no constants.
const EDGES: &[(&str, &str)] = &[
    (
        "century(date '2000-01-01'), century(date '2001-01-01'), decade(date '1999-01-01'), yearweek(date '2021-01-03')",
        "20,21,199,202053",
    ),
    ("to_days(null) is null, add_months(d, null) is null, dateadd(day, null, d) is null", "true,true,true"),
    ("make_timestamp(null, 2, 29, 1, 2, 3) is null, make_timestamp(2024, 2, 29, 1, 2, 3)", "true,2024-02-29T01:02:03"),
    (
        "time_bucket(interval '1 month', d), time_bucket(interval '2 weeks', timestamp '1999-02-28 10:25:30')",
        "2024-02-01T00:00:00,1999-02-15T00:00:00",
    ),
    ("months_between(date '2024-03-15', date '2024-01-31'), months_between(null, d) is null", "1.48387097,true"),
    ("next_day(d, 'Thu'), next_day(d, 'fr'), next_day(d, 'x') is null", "2024-03-07,2024-03-01,true"),
    ("locate('b', 'abc', 3), locate('b', null, 1) is null, pmod(-7, 3), width_bucket(5, 10, 0, 4)", "0,true,2,3"),
    ("list_unique([1, 1, null]), list_count([null]), list_first([]) is null, get([1, 2], -1) is null", "1,0,true,true"),
    ("regexp_substr('ab', 'x') is null, parse_filename('c.csv'), xor(5, 3), convert('1', int) + 1", "true,c.csv,6,2"),
    ("struct_pack(a := 1, b := 'x').b, list_value(), array(d, d)[2]", "x,[],2024-02-29"),
];

const LAMBDAS: &[(&str, &str)] = &[
    ("list_transform(l, x -> x + a), l, a from t order by a", "[2, 3],[1, 2],1;,,2;[],[],3"),
    ("list_filter(l, x -> x > a), a from t order by a", "[2],1;,2;[],3"),
    ("transform([[1, 2], [3]], l -> transform(l, x -> x * 2))", "[[2, 4], [6]]"),
    (
        "list_transform([1, 2], lambda x: x + 1), array_any_match([1, 2], X -> x > 1), array_first([1, 2], x -> x > 1)",
        "[2, 3],true,2",
    ),
    ("filter([1, 2, null], x -> x is not null)", "[1, 2]"),
];

const AGGREGATES: &[(&str, &str)] = &[
    ("product(x) filter (where x > 1), product(distinct x % 2), sem(x), favg(x)", "6.0,0.0,0.47140452079103173,2.0"),
    ("first(s) ignore nulls, weighted_avg(x, case when x = 3 then 2 else 1 end)", "a,2.25"),
    ("any_value(x), arg_min(s, x), arg_max(s, x), min_by(s, x), max_by(s, x)", "1,a,c,a,c"),
    ("arg_max(s, x) filter (where x < 3), count_if(x > 1), list(x order by x)", "a,2,[1, 2, 3]"),
    ("approx_quantile(x, 0.5), quantile_cont(x, 0.5), first(s), every(x > 0), variance(x)", "2.0,2.0,a,true,1.0"),
    ("group_concat(s), approx_count_distinct(x)", "a,c,3"),
];

#[tokio::test]
async fn scalar_functions_of_other_engines() {
    let session = session();
    for (list, expected) in CASES {
        let sql = format!("select {list} from (select date '2024-02-29' d, timestamp '2024-02-29 10:20:30' ts) q");
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), *expected, "{list}");
    }
}

#[tokio::test]
async fn functions_at_their_edges() {
    let session = session();
    for (list, expected) in EDGES {
        let sql = format!("select {list} from (select date '2024-02-29' d) q");
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), *expected, "{list}");
    }
}

#[tokio::test]
async fn lambdas() {
    let session = session();
    session
        .run_script("create table t as select * from (values ([1, 2], 1), (null, 2), ([], 3)) v(l, a)")
        .await
        .unwrap();
    for (list, expected) in LAMBDAS {
        let given = cells(&session, &format!("select {list}")).await.unwrap_or_else(|e| e.to_string());
        assert_eq!(given, *expected, "{list}");
    }
    for (sql, message, hint) in [
        ("select list_transform([9223372036854775807], x -> x + 1)", "overflow", "wider"),
        ("select list_transform([1], (x, i) -> x + i)", "2 parameters", "x -> x + 1"),
        ("select (a, l) -> 'x' from t", "nothing takes the lambda", "s.field"),
        ("select array(select a from t group by a order by a)", "array of a query", "array_agg"),
        ("select sum((x, y) -> x) from t", "nothing takes the lambda", "array_transform"),
    ] {
        let e = error(&session, sql).await;
        assert!(e.message().contains(message) && e.hint().unwrap_or_default().contains(hint), "{sql}: {e}");
    }
}

#[tokio::test]
async fn aggregates_of_other_engines() {
    let session = session();
    session.run_script("create table t as select * from (values (1, 'a'), (2, null), (3, 'c')) v(x, s)").await.unwrap();
    for (list, expected) in AGGREGATES {
        let given = cells(&session, &format!("select {list} from t")).await.unwrap_or_else(|e| e.to_string());
        assert_eq!(given, *expected, "{list}");
    }
    let grouped = "select x % 2, arg_max(x, x), count_if(s is null) from t group by 1 order by 1";
    assert_eq!(cells(&session, grouped).await.unwrap(), "0,2,1;1,3,0");
    assert_eq!(cells(&session, "select x, first(s) over (order by x) from t order by x").await.unwrap(), "1,a;2,a;3,a");
    let running = "select x, product(x) over (order by x) from t order by x";
    assert_eq!(cells(&session, running).await.unwrap(), "1,1.0;2,2.0;3,6.0");
}

/// Values that are counted: over several partitions, groups, windows that slide, and floats that are equal.
#[tokio::test]
async fn modes_histograms_and_entropies() {
    let session = session();
    let cases = [
        (
            "select mode(value % 7), histogram(value % 2), entropy(value % 2) from generate_series(1, 50000)",
            "1,{0: 25000, 1: 25000},1.0",
        ),
        ("select value % 2, mode(value % 3) from generate_series(1, 10) group by 1 order by 1", "0,1;1,0"),
        (
            "select mode(s), histogram(s), mode() within group (order by s desc) from (values ('b'), ('a'), ('b'), (null)) v(s)",
            "b,{a: 1, b: 2},b",
        ),
        (
            "select mode(x) is null, histogram(x) is null, entropy(x) from (values (1)) v(x) where x > 1",
            "true,true,0.0",
        ),
        (
            "select histogram(x), mode(x) from (values (0e0), (-0e0), (cast('nan' as double)), (-cast('nan' as double))) v(x)",
            "{0.0: 2, NaN: 2},0.0",
        ),
        (
            "select x, mode(x % 2) over (order by x rows between 1 preceding and 1 following) from (values (1), (3), (4), (6), (8)) v(x) order by x",
            "1,1;3,1;4,0;6,0;8,0",
        ),
        ("select mode(x) filter (where x < 3), mode(distinct x) from (values (3), (3), (2)) v(x)", "2,2"),
        ("select mode([x]), mode({'a': x}) from (values (3), (3), (2)) v(x)", "[3],{a: 3}"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
}

#[tokio::test]
async fn a_function_that_is_not_there_is_answered_with_what_to_write() {
    let session = session();
    assert_eq!(error(&session, "select yeer(now())").await.hint(), Some("did you mean year?"));
    assert!(error(&session, "select soundex('a')").await.hint().is_some_and(|hint| hint.contains("levenshtein")));
    assert_eq!(error(&session, "select qqqqqqq(1)").await.hint(), None);
    assert!(error(&session, "select current_user").await.hint().is_some_and(|hint| hint.contains("SHOW ALL")));
    assert!(error(&session, "from json_each('x')").await.hint().is_some_and(|hint| hint.contains("JSON files")));
    let unit = error(&session, "select date_diff('fortnight', now(), now())").await;
    assert!(unit.hint().is_some_and(|hint| hint.contains("quarter")), "{unit}");
}
