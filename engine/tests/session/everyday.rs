//! Statements as people write them: spellings of DuckDB's and PostgreSQL's that the parser or the planner would not take, and
//! what is said of those that are not there.

use crate::support::{cells, error, session};

#[tokio::test]
async fn statements_of_other_dialects_are_read() {
    let session = session();
    let tables = "create table t(a int, b int); insert into t values (1, 2), (3, 4); \
                  create table q as select {'Aa': 1, 'b': 2} as s; create table words as select 'hello' as w";
    session.run_script(tables).await.unwrap();
    let cases = [
        ("table t", "1,2;3,4"),
        ("(table t) union all table t order by a", "1,2;1,2;3,4;3,4"),
        ("with c as materialized (select 1 as x), d as not materialized (select 2) select * from c, d", "1,2"),
        ("with c as (select 1 as x) table c", "1"),
        ("select 5 as x, sum(a) from t group by x", "5,4"),
        ("select 5 as a, count(*) from t group by a", "5,1;5,1"),
        ("select 1 as a, 3 as \"B\" union all by name select 2 as A, 4 as b, 5 as c order by a", "1,3,;2,4,5"),
        ("select s.*, q.s.*, unnest(s), unnest({'x': 7, 'y': 8}) from q", "1,2,1,2,1,2,7,8"),
        ("select w[1], w[-1], w[2:3], w[0:2], w[3:2], w[-3:-2], w[9] from words", "h,o,el,he,,ll,"),
        ("select columns(*) from t where a = 1", "1,2"),
        ("select min(columns('a|b')), max(columns(['B'])), count(*) from t", "1,2,4,2"),
        ("select 2 ** 3, 2 * 3 ** 2, 2 ** 3 ** 2", "8.0,18.0,64.0"),
        ("select w glob 'h*o', w glob '[!h]*', w glob 'hell?' from words", "true,false,true"),
        ("select date '2024-01-01' + interval (a) month from t order by a", "2024-02-01;2024-04-01"),
        ("select timestamp '2024-01-01 00:00:00' + interval '1 day -01:30'", "2024-01-01T22:30:00"),
        ("select strftime('%d/%m', date '2024-02-29')", "29/02"),
        ("select array(select x.a from t x where x.a >= y.a order by x.b desc) from t y order by y.a", "[3, 1];[3]"),
        ("select array(select a from t where false), array(select distinct 1 from t)", "[],[1]"),
        (
            "select x > time '06:00:00', x between '06:00' and time '07:00:00', x in (time '06:30:00'), time '07:00:00' <= x \
          from (select arrow_cast('06:30:00', 'Time64(Microsecond)') as x)",
            "true,true,true,false",
        ),
        (
            "select x - timestamp '2024-01-01 00:00:00' > '12 hours', '1 day' < x - timestamp '2024-01-01 00:00:00' \
          from (select timestamp '2024-01-02 00:00:00' as x)",
            "true,false",
        ),
        ("select w[2:], w[:2], w[-2:] from words", "ello,he,lo"),
        ("select 7 // 2, -7 // 2, 7.5 // 2, 7 div 2, 7.5 div 2, -2 ** 2, 2 ** -1", "3,-3,3.75,3,3,4.0,0.5"),
        ("select w ^@ 'he' and true from words", "true"),
        (
            "select [x * 2 for x in [1, 2, 3] if x > 1], [[x + y for y in [1]] for x in [a]] from t where a = 1",
            "[4, 6],[[2]]",
        ),
        ("select count(*) from t tablesample (100 percent)", "2"),
        ("select count(*) from t as x tablesample bernoulli (0) where x.a > 0", "0"),
        ("select count(*) from t tablesample reservoir (1 rows)", "1"),
        ("select count(*) from (from t using sample 100%) x, t y", "4"),
        ("select count(*) from (select * from t using sample 1)", "1"),
        ("select a, count(*) from t group by a with rollup order by a nulls last", "1,1;3,1;,2"),
        ("select a from t where columns('a|b') > 1", "3"),
        ("select columns(c -> c like 'b%') from t order by 1", "2;4"),
        ("select '{\"a\": {\"b\": [1, 2.50]}}' -> 'a' ->> '$.b[-1]' = '2.50'", "true"),
        (
            "select j -> 'a' is null, j ->> 'a', (j -> 'a')::int + 1, length(j -> 'a') from (select '{\"a\": 5}' as j)",
            "false,5,6,1",
        ),
        ("select j ->> 'a' || '!', j -> 'a' || '!', j -> 'a' = '5' from (select '{\"a\": 5}' as j)", "5!,5!,true"),
        (
            "select list_transform([1, 2], x -> [x, 0]), list_transform([a], x -> [[x], [b]]) from t where a = 1",
            "[[1, 0], [2, 0]],[[[1], [2]]]",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(cells(&session, sql).await.unwrap(), expected, "{sql}");
    }
    session.run_script("insert into t by name select 6 as B, 5 as a").await.unwrap();
    assert_eq!(cells(&session, "select * from t where a = 5").await.unwrap(), "5,6");
}

#[tokio::test]
async fn columns_are_called_as_they_are_written() {
    let session = session();
    session.run_script("create table lists as select [1] as l").await.unwrap();
    let cases: [(&str, &[&str]); 8] = [
        ("select unnest([1]), unnest(range(1))", &["unnest([1])", "unnest(range(1))"]),
        ("select unnest(l) from lists", &["unnest(l)"]),
        ("select unnest(struct_pack(a := 1, b := 2))", &["a", "b"]),
        ("select unnest({'a': 1, 'B': 2})", &["a", "B"]),
        ("select s.* from (select {'Aa': 1} as s)", &["Aa"]),
        (
            "select min(columns('x|y')), columns('x') + 1 from (select 1 as x, 2 as y) group by x",
            &["min(x)", "min(y)", "x + 1"],
        ),
        ("select 2 ** 3", &["2 ** 3"]),
        ("select 1 as a union by name select 2 as A, 3 as b", &["a", "b"]),
    ];
    for (sql, expected) in cases {
        let (batches, _) = session.sql(sql).await.unwrap().collect().await.unwrap();
        let schema = batches[0].schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, expected, "{sql}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_what_was_written() {
    let session = session();
    session.run_script("create table t(a int, w text)").await.unwrap();
    let cases = [
        ("select b'abc'", "b'abc' is not supported"),
        ("select w.upper().lower() from t", "the call of"),
        ("pivot t on w in ('x') using a / 2", "PIVOT takes aggregates"),
        ("pivot t on w in ('x') using upper(w) group by a", "PIVOT takes aggregates"),
        ("select columns('z') from t", "columns('z') fits no column"),
        ("select format('%s {}', 1)", "the template has both % and {}"),
        ("select printf('%d %d', 1)", "the template asks for argument 2"),
        ("select list_aggregate([1], 'regr_r2')", "cannot do 'regr_r2'"),
        ("select upper(w) filter (where a = 1) from t", "upper is no aggregate"),
        ("select upper(distinct w) from t", "upper is no aggregate"),
        ("select upper(w) over () from t", "upper is no aggregate"),
        ("select min(*) from t", "min takes values, and no star"),
        ("select count(distinct *) from t", "count(DISTINCT *) is not supported"),
        ("select * replace (1 as b) from t", "REPLACE names b"),
        ("select * from t positional join t as u", "POSITIONAL JOIN is not supported"),
        ("select * from t asof join t u on t.a >= u.a", "ASOF JOIN is not supported"),
        ("select * from t prewhere a = 1", "PREWHERE is not supported"),
        ("select a from t group by a with totals", "WITH TOTALS is not supported"),
        ("select top 1 a from t", "TOP is not supported"),
        ("select a from t for update", "FOR UPDATE is not supported"),
        ("select a from t limit 1 by t.a", "LIMIT ... BY is not supported"),
        ("select a from t settings x = 1", "SETTINGS is not supported"),
        ("select a from t format csv", "FORMAT is not supported"),
        ("select a from t start with a = 1 connect by a = a", "CONNECT BY is not supported"),
        ("select a from t sort by a", "SORT BY is not supported"),
        ("select a from t with (nolock)", "a hint behind a table is not supported"),
        ("select a from t with ordinality", "WITH ORDINALITY is not supported"),
        ("select a from t tablesample (10)", "does not say how many rows"),
        ("select a from t tablesample bernoulli (10) repeatable (1)", "the same each time"),
        ("alter table t add column z int", "ALTER TABLE is not supported"),
        ("create index i on t (a)", "CREATE INDEX is not supported"),
        ("create function f(x int) returns int return x + 1", "CREATE FUNCTION is not supported"),
        ("begin", "BEGIN is not supported"),
        ("insert into t values (1, 'x') returning a", "RETURNING is not supported"),
        ("update t set a = u.a from t as u where u.a = t.a", "UPDATE ... FROM is not supported"),
        ("delete from t using t as u where u.a = t.a", "DELETE ... USING is not supported"),
        ("select * ilike 'b', 1 as a from t order by t.a", "two columns are called a"),
        ("select cast(a as utinyint) from t", "there is no type UTINYINT"),
        ("select to_char(now(), 'YYYY-MM-DD')", "to_char takes the codes of C"),
        ("select list_reduce([1, 2], (a, x) -> a + x * 1.5)", "the lambda of list_reduce gives DOUBLE"),
        ("select list_reduce(list_value(a), (x, y) -> 'z') from t where a is null", "gives VARCHAR"),
        ("select json_extract('{', '$.a')", "'{' is no JSON"),
        ("select json_extract('{}', '$.*')", "may find several values"),
        ("select columns(c -> c > 'a') from t", "is not supported"),
        ("select array(select a from t group by a order by a)", "array of a query is not supported"),
    ];
    for (sql, expected) in cases {
        let error = error(&session, sql).await;
        assert!(error.message().contains(expected), "{sql}: {error}");
        for inner in ["BinaryOp", "ValueWithSpan", "Function {", "Operator"] {
            assert!(!error.to_string().contains(inner), "{sql}: {error}");
        }
    }
}

#[tokio::test]
async fn templates_and_ages_are_those_of_duckdb() {
    let session = session();
    let cases = [
        (
            "printf('%05.1f/%,d/%-4s/%x/%e/%g/%%', 2.25, 1234567, 'ab', 255, 1.5, 0.0001)",
            "002.2/1,234,567/ab  /ff/1.500000e+00/0.0001/%",
        ),
        ("printf('%2$s %1$s', 'a', 'b')", "b a"),
        ("printf('%s', null) is null", "true"),
        ("format('{} {:>3}/{:<3}/{:^3}/{:+d}/{:x}/{{}}', 'a', 'b', 'c', 'd', 5, 255)", "a   b/c  / d /+5/ff/{}"),
        ("format('%s', null) = ''", "true"),
        ("format('100% {}', 3)", "100% 3"),
        ("age('2024-01-31', '2024-03-01')", "-1 mons -1 days"),
        ("hex(-1)", "FFFFFFFFFFFFFFFF"),
        ("skewness(x) from (values (1), (2)) v(x)", ""),
        ("skewness(x) from (values (1), (1), (1)) v(x)", "NaN"),
    ];
    for (expression, expected) in cases {
        assert_eq!(
            cells(&session, &format!("select {expression}")).await.unwrap(),
            expected.trim_end(),
            "{expression}"
        );
    }
}
