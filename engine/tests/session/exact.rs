//! Integer and decimal overflow is an error on the CPU, wherever the arithmetic stands.

use maar_engine::ErrorKind;
use maar_engine::datafusion::arrow::datatypes::{DataType, Schema};

use crate::support::{cells, error, session};

/// `big` is near the top of every integer type, `d` near the top of DECIMAL(38, 0).
const TABLE: &str = "create table t as select * from (values
    (1, 9223372036854775807, arrow_cast(18446744073709551615, 'UInt64'), arrow_cast(127, 'Int8'), 2147483647, 1),
    (1, 1, arrow_cast(1, 'UInt64'), arrow_cast(1, 'Int8'), 1, 2),
    (2, null, arrow_cast(3, 'UInt64'), arrow_cast(3, 'Int8'), 3, 3)) v(g, i, u, b, s, k);
    create table s as select k, arrow_cast(s, 'Int32') as s, arrow_cast(-9223372036854775807 - 1, 'Int64') as least from t;
    create table d as select * from (values (cast('99999999999999999999999999999999999999' as decimal(38, 0))),
    (cast('99999999999999999999999999999999999999' as decimal(38, 0)))) v(d)";

/// Statements over the table that must fail with an overflow.
const OVERFLOWS: &[&str] = &[
    // Constants, folded or not.
    "select 9223372036854775807 + 1",
    "select 9223372036854775807 * 2 as x",
    "select -9223372036854775807 - 2",
    "values (9223372036854775807 + 1)",
    "select 1 where 9223372036854775807 + 1 > 0",
    "select a + 1 from (select 9223372036854775807 as a)",
    "select case when true then 9223372036854775807 else k end + 1 from t",
    "select i + 1 from t where i = 9223372036854775807",
    "select * from (values (9223372036854775807)) v(x) where x + 1 > 0",
    // Projection, filter, CASE, nested.
    "select i + 1 from t",
    "select i * k * 2 from t where k = 1",
    "select u - arrow_cast(5, 'UInt64') from t",
    "select s + s from s",
    "select abs(least) from s",
    "select - least from s",
    "select least / -1 from s",
    "select k from t where i + k > 0",
    "select case when k = 1 then i + 1 else 0 end from t",
    "select coalesce(i + 1, 0) from t",
    // Aggregates: arguments, totals, groups, filters, DISTINCT.
    "select sum(i) from t",
    "select sum(u) from t",
    "select sum(distinct i) from t",
    "select g, sum(i) from t group by g",
    "select max(i + 1) from t",
    "select count(*) filter (where i + 1 > 0) from t",
    "select g, sum(i) filter (where k < 3) from t group by g",
    "select sum(k) from t group by i + 1",
    "select sum(i) + 1 from t where k = 1",
    "select sum(i + 1), sum(i + 2) from t where k = 1",
    // Windows: argument, running and sliding totals, partition and order keys.
    "select sum(i) over (order by k) from t",
    "select sum(i) over (order by k rows between 1 preceding and current row) from t",
    "select lag(i + 1) over (order by k) from t",
    "select row_number() over (order by i + 1) from t",
    "select sum(k) over (partition by i + 1) from t",
    // Joins and sorts.
    "select 1 from t a join t b on a.i + 1 = b.i",
    "select 1 from t a join t b on a.i + 1 > b.k and a.g = b.g",
    "select 1 from t a left join t b on a.i + b.k > 0",
    "select k from t order by i + 1",
    "select k from t order by i + 1 limit 1",
    // Subqueries, set operations, unnesting, DDL and DML.
    "select (select max(i) from t) + 1",
    "select k from t where k in (select i + 1 from t)",
    "select i + 1 from t union all select 1",
    "select unnest([i + 1]) from t",
    "create table x as select i + 1 as y from t",
    "insert into s values (9223372036854775807 + 1, 1, 1)",
    // Decimals: the precision of the type, and the integer underneath.
    "select d + d from d",
    "select d * 2 from d",
    "select sum(d) from d",
    "select sum(d) over () from d",
    "select cast('99999999999999999999999999999999999999' as decimal(38, 0)) + 1",
];

/// Statements that look dangerous and are not, with their answers.
const FINE: &[(&str, &str)] = &[
    ("select 9223372036854775806 + 1", "9223372036854775807"),
    ("select -9223372036854775807 - 1", "-9223372036854775808"),
    ("select case when false then 9223372036854775807 + 1 else 7 end", "7"),
    ("select case when k > 5 then i + 1 else 0 end from t where k = 1", "0"),
    ("select sum(x) from (values (9223372036854775807), (5), (-5)) v(x)", "9223372036854775807"),
    ("select sum(distinct k), sum(k) from t", "6,6"),
    ("select g, sum(k) from t group by g order by g", "1,3;2,3"),
    ("select sum(i) from t where k > 5", ""),
    ("select sum(k) over (order by k rows between 1 preceding and current row) from t order by k", "1;3;5"),
    ("select sum(distinct k) over (order by k rows between 1 preceding and current row) from t order by k", "1;3;5"),
    ("select u - 5 from t", "18446744073709551610;-4;-2"),
    ("select b + 1 from t where k = 1", "128"),
    ("select sum(k + 1), sum(k + 2) from t", "9,12"),
    ("select - k from t order by 1", "-3;-2;-1"),
    ("select k from t order by - k limit 1", "3"),
    ("select date '2024-01-31' + interval '1 month'", "2024-02-29"),
    ("select date '2024-03-01' - date '2024-02-01'", "29"),
    ("select 1.5 + 2, 3 * 0.5, 5 / 2", "3.5,1.5,2"),
    ("select arrow_typeof(sum(k)), arrow_typeof(sum(d)) from t, d where k > 9", "Int64,Decimal128(38, 0)"),
    ("select max(d) - 1 from d", "99999999999999999999999999999999999998"),
];

#[tokio::test]
async fn overflow_is_an_error_everywhere() {
    let session = session();
    session.run_script(TABLE).await.unwrap();
    let mut wrong = Vec::new();
    for sql in OVERFLOWS {
        match cells(&session, sql).await {
            Ok(rows) => wrong.push(format!("{sql}\n   gave {rows}")),
            Err(e) if e.kind() != ErrorKind::Invalid || !e.message().contains("verflow") => {
                wrong.push(format!("{sql}\n   failed with {:?} {e}", e.kind()));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_does_not_overflow_is_computed() {
    let session = session();
    session.run_script(TABLE).await.unwrap();
    let mut wrong = Vec::new();
    for (sql, expected) in FINE {
        match cells(&session, sql).await {
            Ok(rows) if rows == *expected => {}
            other => wrong.push(format!("{sql}\n   gave {other:?} instead of {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn arguments_that_planning_folds_do_not_wrap() {
    let session = session();
    cells(&session, "prepare p as select $1").await.unwrap();
    for sql in
        ["select count(*) from generate_series(1, 9223372036854775807 + 1)", "execute p(9223372036854775807 + 1)"]
    {
        error(&session, sql).await;
    }
    assert_eq!(cells(&session, "execute p(1 + 1)").await.unwrap(), "2");
    assert_eq!(cells(&session, "select count(*) from generate_series(1, 2 * 2)").await.unwrap(), "4");
}

#[tokio::test]
async fn division_by_zero_is_an_error() {
    let session = session();
    for sql in [
        "select 1 / 0",
        "select x / 0 from (values (1)) v(x)",
        "select 1 % 0",
        "select cast(1 as decimal(5, 2)) / cast(0 as decimal(5, 2))",
    ] {
        let e = error(&session, sql).await;
        assert_eq!((e.kind(), e.message()), (ErrorKind::Invalid, "division by zero"), "{sql}");
    }
    assert_eq!(cells(&session, "select 1.0 / 0.0").await.unwrap(), "inf");
}

#[tokio::test]
async fn types_stay_as_they_were() {
    let session = session();
    session.run_script(TABLE).await.unwrap();
    let plain = maar_engine::datafusion::prelude::SessionContext::new();
    for statement in TABLE.split(';') {
        plain.sql(statement).await.unwrap().collect().await.unwrap();
    }
    for sql in
        ["select k + 1, - k, sum(k), k * 2 + 1 from t group by k", "select sum(k) over (order by k + 1), 1 + 2 from t"]
    {
        let ours = session.sql(sql).await.unwrap().schema();
        let theirs = plain.sql(sql).await.unwrap();
        let types = |schema: &Schema| -> Vec<(DataType, bool)> {
            schema.fields().iter().map(|field| (field.data_type().clone(), field.is_nullable())).collect()
        };
        assert_eq!(types(&ours), types(theirs.schema().inner()), "{sql}");
        assert!(!session.sql(sql).await.unwrap().collect().await.unwrap().0.is_empty());
    }
}

#[tokio::test]
async fn the_schema_told_ahead_is_the_one_that_comes() {
    let session = session();
    session.run_script(TABLE).await.unwrap();
    for sql in [
        "select u - 5 from t",
        "select count(distinct k), sum(cast(k as decimal(7, 2))) from t",
        "select round(cast(k as decimal(7, 2)) / cast(3 as decimal(7, 2)), 2) from t",
        "select min(k), max(k), count(*) from t",
        "select a.k, b.k from t a left join t b on a.k = b.k where b.k > 0",
        "explain select 1",
        "insert into s values (1, 2, 3)",
    ] {
        let query = session.prepare(sql).await.unwrap();
        let told = query.schema().unwrap();
        let (batches, _) = query.execute().await.unwrap().collect().await.unwrap();
        for batch in batches {
            assert_eq!(batch.schema(), told, "{sql}");
        }
    }
}

#[tokio::test]
async fn plans_show_plain_arithmetic() {
    let session = session();
    session.run_script(TABLE).await.unwrap();
    let plan = cells(&session, "explain select k + 1 from t where k * 2 > 3 and i + k = 9").await.unwrap();
    assert!(plan.contains("k@1 + 1") || plan.contains("+ 1"), "{plan}");
    assert!(!plan.contains("maar_add"), "{plan}");
}
