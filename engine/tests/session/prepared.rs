//! Prepared statements that DataFusion's PREPARE stumbles over, and placeholders as drivers write them.

use maar_engine::datafusion::arrow::datatypes::DataType;
use maar_engine::datafusion::scalar::ScalarValue;
use maar_engine::{ErrorKind, Parameters};

use crate::support::{cells, error, session};

#[tokio::test]
async fn distinct_on_can_be_prepared() {
    let session = session();
    session.run_script("create table t as select * from (values (1, 'b'), (1, 'a'), (2, 'c')) v(k, s)").await.unwrap();
    for sql in [
        "prepare one as select distinct on ($1) s from t order by $1, s",
        "prepare each as select distinct on (k) k, s from t where k >= $1 order by k, s",
    ] {
        cells(&session, sql).await.unwrap();
    }
    assert_eq!(cells(&session, "execute each(1)").await.unwrap(), "1,a;2,c");
    assert_eq!(cells(&session, "execute one(7)").await.unwrap(), "a");
}

#[tokio::test]
async fn question_marks_are_numbered() {
    let session = session();
    let two = || Parameters::positional([ScalarValue::from(5_i64), ScalarValue::from("x")]);
    let query = session.prepare("select ? - 1 as a, '?' as q, ? as b -- ?").await.unwrap();
    assert_eq!(query.parameters().unwrap().keys().cloned().collect::<Vec<_>>(), ["$1", "$2"]);
    let (batches, _) = query.with_parameters(&two()).unwrap().execute().await.unwrap().collect().await.unwrap();
    let row: Vec<String> =
        (0..3).map(|at| ScalarValue::try_from_array(batches[0].column(at), 0).unwrap().to_string()).collect();
    assert_eq!(row, ["4", "?", "x"]);
    session.sql_with("select ?2, ?1", &two()).await.unwrap();
    for mixed in ["select ?, $1", "select\n  $name, ?", "select ?, ?2"] {
        let refused = error(&session, mixed).await;
        assert_eq!(refused.kind(), ErrorKind::Syntax, "{mixed}");
        assert!(refused.to_string().contains("$1, $2"), "{refused}");
    }
}

#[tokio::test]
async fn the_columns_of_a_query_with_placeholders_have_their_final_types() {
    let session = session();
    session.run_script("create table t (a int, d decimal(5, 2), u bigint unsigned)").await.unwrap();
    let types = async |sql: &str| -> Vec<DataType> {
        let schema = session.prepare(sql).await.unwrap().schema().unwrap();
        schema.fields().iter().map(|field| field.data_type().clone()).collect()
    };
    for (open, closed) in [
        ("select u - 5, sum(d) from t where a = $1 group by u", "select u - 5, sum(d) from t where a = 1 group by u"),
        ("select a from t limit $1", "select a from t limit 1"),
        ("select a + $1 from t where a > $1", "select a + 1::int from t"),
        ("insert into t values ($1, $2, $3)", "insert into t values (1, 2, 3)"),
    ] {
        assert_eq!(types(open).await, types(closed).await, "{open}");
    }
}

#[tokio::test]
async fn values_of_other_types_are_assigned() {
    let session = session();
    session.run_script("create table t (a int, s text); insert into t values (1, 'x')").await.unwrap();
    let values = Parameters::positional([ScalarValue::from(7_i64), ScalarValue::from("y")]);
    let run = async |sql: &str| session.sql_with(sql, &values).await?.collect().await;
    run("update t set a = $1, s = $2").await.unwrap();
    run("insert into t values ($1, $2)").await.unwrap();
    run("explain analyze insert into t values ($1, $2)").await.unwrap();
    run("update t set s = $2 where a = $1").await.unwrap();
    session.run_script("prepare p as insert into t values ($1, $2); execute p(8, 'z')").await.unwrap();
    let nulls = Parameters::positional([ScalarValue::Int64(None), ScalarValue::Utf8(None)]);
    session.sql_with("insert into t values ($1, $2)", &nulls).await.unwrap().collect().await.unwrap();
    assert_eq!(cells(&session, "select a, s from t order by a").await.unwrap(), "7,y;7,y;7,y;8,z;,");
    let far = Parameters::positional([ScalarValue::from(1_i64 << 40)]);
    let above = session.sql_with("select count(*) from t where a < $1", &far).await.unwrap().collect().await.unwrap().0;
    assert_eq!(ScalarValue::try_from_array(above[0].column(0), 0).unwrap(), ScalarValue::from(4_i64));
    let twice = session.prepare("select count(*) from t where a = $1 or a::bigint + 1 = $1").await.unwrap();
    assert_eq!(twice.parameters().unwrap().into_iter().collect::<Vec<_>>(), [("$1".to_owned(), None)]);
    for sql in ["insert into t values ($1, 'z')", "update t set a = $1"] {
        assert!(session.sql_with(sql, &far).await.unwrap().collect().await.is_err(), "{sql}");
    }
    assert_eq!(cells(&session, "select count(*), max(a) from t").await.unwrap(), "5,8");
}
