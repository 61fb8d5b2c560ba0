//! Names as people write them: without regard to case, more than once, and as the columns of a result are called.

use std::sync::Arc;

use maar_engine::Session;
use maar_engine::datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StructArray};
use maar_engine::datafusion::arrow::datatypes::{DataType, Field};
use maar_engine::datafusion::arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;

use crate::support::{cells, error, session};

/// A session with the tables `trips` and `v`, and a folder with a file whose columns are written with capitals.
async fn taxi() -> (Session, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("Zone", DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![7, 8, 9])) as ArrayRef,
    )]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("VendorID", Arc::new(Int64Array::from(vec![1, 2, 2]))),
        ("Fare Amount", Arc::new(Float64Array::from(vec![Some(1.5), Some(2.5), None]))),
        ("Place", place),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let file = std::fs::File::create(folder.path().join("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let session = session();
    let script = "create table t as select * from (values (1, date '2024-01-01', timestamp '2024-01-01 10:00:00', 2.5), \
                  (2, date '2024-02-03', timestamp '2024-02-03 11:00:00', 3.5)) v(a, d, ts, \"Price\"); \
                  create table \"Big\" as select 1 as \"Id\", 2 as \"id\", 3 as \"Other\"";
    session.run_script(script).await.unwrap();
    (session, folder)
}

/// The names of the columns of a result, as the stream and each of its batches have them; they must agree with the plan's.
async fn names(session: &Session, sql: &str) -> String {
    let planned = session.prepare(sql).await.unwrap().schema().unwrap();
    let result = session.sql(sql).await.unwrap();
    let schema = result.schema();
    assert_eq!(planned, schema, "{sql}");
    for batch in result.collect().await.unwrap().0 {
        assert_eq!(batch.schema(), schema, "{sql}");
    }
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn columns_are_called_what_was_typed() {
    let (session, _folder) = taxi().await;
    let cases = [
        ("select A, t.D, \"price\" from t", "a | d | Price"),
        ("select sum(a),  COUNT( * ) from t", "sum(a) | COUNT( * )"),
        (
            "select extract(year FROM d), a+1, a /* x */ + 2, (a), -a from t",
            "extract(year FROM d) | a+1 | a + 2 | a | -a",
        ),
        (
            "select d + interval '1 day', a::text, cast(a as int), 'it''s', 1 from t",
            "d + interval '1 day' | a::text | cast(a as int) | 'it''s' | 1",
        ),
        (
            "select case when a = 1 then 'x' end, (select max(a) from t) from t",
            "case when a = 1 then 'x' end | (select max(a) from t)",
        ),
        ("select a as Total, a \"b c\" from t", "Total | b c"),
        ("select row_number() over (order by a) from t", "row_number() over (order by a)"),
        ("select is_one is distinct from 2, is_one from (select 1 as is_one) q", "is_one is distinct from 2 | is_one"),
        ("select sum(a) from t union all select 1", "sum(a)"),
        ("select * from (select sum(a), d from t group by d) q", "sum(a) | d"),
        ("with c as (select max(a) from t) select * from c", "max(a)"),
        ("select \"max(a)\" from (select max(a) from t) q", "max(a)"),
        ("select X from (values (1)) v(x)", "x"),
        ("select count(*) from t group by d having count(*) > 0 order by count(*)", "count(*)"),
        ("select distinct a + 1 from t order by a + 1", "a + 1"),
        ("select year(d), mod(a, 2) from t", "year(d) | mod(a, 2)"),
    ];
    for (sql, expected) in cases {
        assert_eq!(names(&session, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn names_may_repeat_in_a_result() {
    let (session, _folder) = taxi().await;
    let cases = [
        ("select a, a from t", "a | a", "1,1;2,2"),
        ("select count(*), count(*) from t", "count(*) | count(*)", "2,2"),
        (
            "select a, sum(a), sum(CAST(a AS BIGINT)) from t group by a order by a",
            "a | sum(a) | sum(CAST(a AS BIGINT))",
            "1,1,1;2,2,2",
        ),
        ("select *, a from (select a from t) q", "a | a", "1,1;2,2"),
        (
            "select a, * replace (a + 1 as A) from (select a, d from t) q order by 1 limit 1",
            "a | a | d",
            "1,2,2024-01-01",
        ),
        ("select * from (values (1, 2)) v(A, b) join (values (1, 3)) w(a, c) using (a)", "A | b | c", "1,2,3"),
        ("select a x, a + 1 x from t order by 2 desc", "x | x", "2,3;1,2"),
        ("select x.a, y.a from t x join t y on x.a = y.a order by x.a", "a | a", "1,1;2,2"),
        ("select a, a from t union all select 5, 6 order by a", "a | a", "1,1;2,2;5,6"),
        ("select count(*), count(*) from t group by cast(ts as date), ts", "count(*) | count(*)", "1,1;1,1"),
        (
            "select cast(ts as date) = d, cast(d as date) = d from t group by cast(ts as date), ts, d, cast(d as date)",
            "cast(ts as date) = d | cast(d as date) = d",
            "true,true;true,true",
        ),
    ];
    for (sql, expected, rows) in cases {
        assert_eq!(names(&session, sql).await, expected, "{sql}");
        assert_eq!(cells(&session, sql).await.unwrap(), rows, "{sql}");
    }
}

#[tokio::test]
async fn names_that_repeat_are_numbered_where_columns_need_one_each() {
    let (session, folder) = taxi().await;
    let file = folder.path().join("out.parquet");
    let script = format!(
        "create table made as select a, a, a as a_1, sum(a) from t group by a; \
         create view seen as select a, a from t; copy (select a, A, sum(a) from t group by a) to '{}'",
        file.display()
    );
    session.run_script(&script).await.unwrap();
    let cases = [
        ("select * from made".to_string(), "a | a_2 | a_1 | sum(a)"),
        ("select * from seen".to_string(), "a | a_1"),
        (format!("select * from '{}'", file.display()), "a | a_1 | sum(a)"),
        ("with c as (select a, a from t) select * from c".to_string(), "a | a_1"),
        ("select * from (select x.a, y.* from t x join (select a from t) y on x.a = y.a) q".to_string(), "a | a_1"),
        ("select * from (select * from (select a from t) x cross join (select a from t) y) q".to_string(), "a | a_1"),
        ("select q.a_1 + 1 from (select a, a from t) q".to_string(), "q.a_1 + 1"),
        ("select a from t where exists (select a, a from t u where u.a = t.a)".to_string(), "a"),
    ];
    for (sql, expected) in cases {
        assert_eq!(names(&session, &sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn names_match_without_case_in_every_clause() {
    let (session, folder) = taxi().await;
    let trips = format!("'{}/*.parquet'", folder.path().display());
    let cases = [
        ("select VendorID from TRIPS where VENDORID = 1", "1"),
        ("select vendorid, \"vendorID\" from TRIPS x where X.vendorid > 1 limit 1", "2,2"),
        (
            "select vendorid, count(*), sum(\"fare amount\") from TRIPS group by vendorID having max(VENDORid) > 1 order by VendorId",
            "2,2,2.5",
        ),
        (
            "select p.zone, place.ZONE, place['zone'], (place).Zone from TRIPS cross join (select Place p from TRIPS limit 1) q order by 2 limit 1",
            "7,7,7,7",
        ),
        ("select max(place.zone) over (partition by vendorid) from TRIPS where vendorid = 2 limit 1", "9"),
        ("select a.vendorid from TRIPS a join TRIPS b on A.vendorid = B.VENDORID and a.place.zone < b.place.zone", "2"),
        ("select VENDORID from TRIPS join (select vendorid from TRIPS where vendorID = 1) q using (VendorId)", "1"),
        ("with Q as (select vendorid as Vid from TRIPS) select VID from q where vid = 1", "1"),
        (
            "select count(*) from TRIPS o where exists (select 1 from TRIPS i where i.vendorid = O.VENDORid and i.place.zone > 8)",
            "2",
        ),
        ("select * exclude (PLACE, \"fare AMOUNT\") from TRIPS order by 1 limit 1", "1"),
        ("select other, \"OTHER\" from big", "3,3"),
        ("select Id, id, \"Id\" from Big", "1,2,1"),
        ("select A from T where PRICE > 3", "2"),
    ];
    for (sql, rows) in cases {
        let sql = sql.replace("TRIPS", &trips);
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
}

#[tokio::test]
async fn several_that_differ_in_case_alone_are_listed() {
    let (session, _folder) = taxi().await;
    let e = error(&session, "select iD from big").await;
    assert!(e.message().contains("\"Id\", \"id\"") && e.position().is_some(), "{e}");
    session.run_script("create table \"big\" as select 1 as a").await.unwrap();
    assert_eq!(cells(&session, "select a from big").await.unwrap(), "1");
    let e = error(&session, "select a from BIG").await;
    assert!(e.message().contains("\"Big\"") && e.message().contains("\"big\""), "{e}");
    assert_eq!(cells(&session, "select other from Big").await.unwrap(), "3");
}

#[tokio::test]
async fn aliases_stand_for_their_expressions_where_no_column_has_the_name() {
    let (session, _folder) = taxi().await;
    let cases = [
        ("select a + 1 as b from t where b = 3", "3"),
        ("select a + 1 as B, b * 2 as c from t where C = 6", "3,6"),
        ("select a * 10 as a from t where a = 2", "20"),
        ("select a + 1 as k, count(*) from t group by K + 0, a having K > 2", "3,1"),
        ("select a + 1 as K from t order by k desc", "3;2"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
}

#[tokio::test]
async fn short_forms_of_select_and_order() {
    let (session, _folder) = taxi().await;
    let cases = [
        ("from (values (1, 2)) v(x, y)", "1,2"),
        ("from t where a = 1 limit 1", "1,2024-01-01,2024-01-01T10:00:00,2.5"),
        ("from t select a where a > 1", "2"),
        ("select count(*) from (from t) q", "2"),
        ("with c as (from t) from c where a = 9", ""),
        ("select a % 2, a from t order by all desc", "1,1;0,2"),
        ("select trim(both 'y' from 'yxy'), extract(day from d) from t order by all limit 1", "x,1"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
    assert_eq!(names(&session, "from t").await, "a | d | ts | Price");
}

#[tokio::test]
async fn commands_find_tables_and_columns_without_case() {
    let (session, _folder) = taxi().await;
    session.run_script("insert into T (PRICE, A, d, TS) select price, 9, D, ts from t where A = 1").await.unwrap();
    assert_eq!(cells(&session, "select a from t where price = 2.5 order by a").await.unwrap(), "1;9");
    session.run_script("update t set A = 7 where PRICE > 3").await.unwrap();
    session.run_script("delete from T where A = 9").await.unwrap();
    assert_eq!(cells(&session, "select a from t order by a").await.unwrap(), "1;7");
    assert!(cells(&session, "describe BIG").await.unwrap().starts_with("Id,"));
    session.run_script("drop table BIG").await.unwrap();
    assert_eq!(cells(&session, "show tables").await.unwrap(), "datafusion,public,t,BASE TABLE");
    assert_eq!(cells(&session, "show tables like 'x%'").await.unwrap(), "");
}

#[tokio::test]
async fn no_message_or_plan_shows_a_value_as_the_planner_prints_it() {
    let (session, _folder) = taxi().await;
    let sql =
        "explain select extract(year from d), sum(a) from t where ts > d - interval '90 days' and a < 5 group by 1";
    let plan = cells(&session, sql).await.unwrap();
    assert!(plan.contains("INTERVAL '90 days'"), "{plan}");
    for internal in ["Utf8(", "Int64(", "MonthDayNano"] {
        assert!(!plan.contains(internal), "{internal} in {plan}");
    }
    let e = error(&session, "select a + interval '1 month' from t").await;
    assert!(!e.message().contains("months:"), "{e}");
}

#[tokio::test]
async fn using_joins_columns_of_other_spellings_on_every_side() {
    let session = session();
    session
        .run_script(
            "create table l as select * from (values (1, 10), (2, 20)) v(\"Id\", x); \
             create table r as select * from (values (2, 200), (3, 300)) v(id, y); \
             create table z as select * from (values (3, 9)) v(\"ID\", w)",
        )
        .await
        .unwrap();
    let cases = [
        ("select * from l full join r using (id) order by id", "1,10,;2,20,200;3,,300"),
        ("select id, ID, \"Id\", r.id, l.id from l full join r using (ID) order by 1", "1,1,1,,1;2,2,2,2,2;3,3,3,3,"),
        ("select * from l right join r using (id) order by iD", "2,20,200;3,,300"),
        ("select id from l right join r using (id) where ID > 2", "3"),
        ("select * from l left join r using (id) order by id", "1,10,;2,20,200"),
        ("select id, ID, r.id from l left join r using (id) order by 1", "1,1,;2,2,2"),
        ("select * from l join r using (ID)", "2,20,200"),
        ("select id, count(*) from l full join r using (id) group by id order by id", "1,1;2,1;3,1"),
        ("select * from l full join r using (id) full join z using (id) order by id", "1,10,,;2,20,200,;3,,300,9"),
    ];
    for (sql, rows) in cases {
        assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{sql}");
    }
    assert_eq!(names(&session, "select * from l full join r using (id)").await, "Id | x | y");
}

#[tokio::test]
async fn fields_of_written_structs_match_without_case() {
    let session = session();
    let sql = "select {'X': 1}.x, {'a': {'Deep': 2}}.A.deep, {'X': 1, 'x': 2}.x, {'x': 3}['X']";
    assert_eq!(cells(&session, sql).await.unwrap(), "1,2,2,3");
}

#[tokio::test]
async fn views_show_what_was_typed() {
    let session = session();
    let typed = "Create View  v AS\n  SELECT sum(V.\"a\") FROM (values (1)) V(A)";
    cells(&session, &format!("{typed};")).await.unwrap();
    for sql in ["select definition from information_schema.views", "show create table v"] {
        let (batches, _) = session.sql(sql).await.unwrap().collect().await.unwrap();
        let column = batches[0].column(batches[0].num_columns() - 1);
        let shown = maar_engine::datafusion::arrow::util::display::array_value_to_string(column, 0).unwrap();
        assert_eq!(shown, typed, "{sql}");
    }
    assert_eq!(cells(&session, "select * from v").await.unwrap(), "1");
}
