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
    let cases: [(&str, &[&str]); 5] = [
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
        ("select 7 // 2", "the operator // is not supported"),
        ("select 7 div 2", "the operator DIV is not supported"),
        ("select b'abc'", "b'abc' is not supported"),
        ("select w.upper().lower() from t", "the call of"),
        ("pivot t on w using sum(a) / 2", "USING takes aggregates"),
        ("select columns('z') from t", "columns('z') fits no column"),
        ("select format('%s {}', 1)", "the template has both % and {}"),
        ("select printf('%d %d', 1)", "the template asks for argument 2"),
        ("select list_aggregate([1], 'median')", "cannot do 'median'"),
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
