//! Prepared statements, portals, parameters and rows in parts.

use super::client::{Client, client, serve};
use crate::support::session;
use maar_flight_server::{Limits, ServeOptions};

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_described_and_run_with_values() {
    let mut client = client().await;
    client.query("create table t as select * from (values (1, 'one', date '2020-01-01'), (2, 'two', date '2021-01-01')) as v (n, w, d)").await;
    client.parse("s", "select w, n + $1 as m from t where d > $2 order by n", &[]).await;
    client.describe(b'S', "s").await;
    let described = client.sync().await;
    assert_eq!(described.letters, "1tTZ");
    assert_eq!((&*described.parameters, described.columns.len()), (&[20, 1082][..], 2), "{described:?}");
    for (values, rows) in
        [([Some(&b"10"[..]), Some(b"2000-01-01")], "one,11;two,12"), ([None, Some(b"2020-06-01")], "two,NULL")]
    {
        client.bind("", "s", &values, (0, 0)).await;
        client.execute("", 0).await;
        let answer = client.sync().await;
        assert_eq!((answer.letters.replace('D', ""), answer.text().as_str()), ("2CZ".to_owned(), rows), "{answer:?}");
    }
    // In binary, both ways: a bigint and days from 2000.
    client.bind("", "s", &[Some(&10_i64.to_be_bytes()), Some(&7500_i32.to_be_bytes())], (1, 1)).await;
    client.execute("", 0).await;
    let answer = client.sync().await;
    assert_eq!(answer.rows, [vec![Some(b"two".to_vec()), Some(12_i64.to_be_bytes().to_vec())]], "{answer:?}");
    // Another type than the statement wants is taken as it is.
    client.parse("", "select n from t where n = $1", &[21]).await;
    client.bind("", "", &[Some(&2_i16.to_be_bytes())], (1, 0)).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await.text(), "2");
    for (sql, values, rows) in [
        ("select $1", vec![Some("x")], "x"),
        ("select $1::int + $2::int", vec![Some("1"), Some("2")], "3"),
        ("select n from t order by n limit $1", vec![Some("1")], "1"),
        ("select count(*) from t where w = any($1)", vec![Some("{one,three}")], "1"),
        ("show server_version_num", vec![], "160004"),
    ] {
        let answer = client.with(sql, &values).await;
        assert_eq!(answer.text(), rows, "{sql}: {answer:?}");
    }
    assert_eq!(
        client.with("insert into t values ($1, $2, $3)", &[Some("3"), Some("three"), Some("2022-02-02")]).await.tags,
        ["INSERT 0 1"]
    );
    assert_eq!(client.with("begin", &[]).await.ready, 'T');
    assert_eq!(client.with("", &[]).await.letters, "12nIZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_parts() {
    let mut client = client().await;
    client.query("begin").await;
    client.parse("", "select value from range(0, 10000) order by value", &[]).await;
    client.bind("p", "", &[], (0, 0)).await;
    client.execute("p", 3).await;
    let first = client.sync().await;
    assert_eq!((first.text().as_str(), first.letters.as_str()), ("0;1;2", "12DDDsZ"));
    // Another statement in between.
    assert_eq!(client.with("select 'between'", &[]).await.text(), "between");
    client.execute("p", 9996).await;
    assert_eq!(client.sync().await.rows.len(), 9996);
    client.execute("p", 0).await;
    let last = client.sync().await;
    assert_eq!((last.text().as_str(), &*last.tags), ("9999", &["SELECT 1".to_owned()][..]));
    client.execute("p", 0).await;
    assert_eq!(client.sync().await.code(), "55000");
    client.query("rollback").await;
    client.execute("p", 0).await;
    assert_eq!(client.sync().await.code(), "34000", "a portal ends with its transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_an_error_is_passed_over() {
    let mut client = client().await;
    client.query("create table t (n bigint)").await;
    client.parse("", "select * from nowhere", &[]).await;
    client.bind("", "", &[], (0, 0)).await;
    client.execute("", 0).await;
    let answer = client.sync().await;
    assert_eq!((answer.letters.as_str(), answer.code()), ("EZ", "42P01"));
    for (sql, values, code) in [
        ("select 1; select 2", vec![], "42601"),
        ("select $1::int", vec![], "08P01"),
        ("select $1::int", vec![Some("x")], "22P02"),
        ("select 1 / $1", vec![Some("0")], "22012"),
        ("copy t from stdin", vec![], "0A000"),
    ] {
        let answer = client.with(sql, &values).await;
        assert_eq!(answer.code(), code, "{sql}: {answer:?}");
    }
    client.bind("", "never", &[], (0, 0)).await;
    assert_eq!(client.sync().await.code(), "26000");
    client.parse("twice", "select 1", &[]).await;
    client.parse("twice", "select 2", &[]).await;
    assert_eq!(client.sync().await.code(), "42P05");
    client.send(b'C', b"Stwice\0").await;
    client.parse("twice", "select 2", &[]).await;
    assert_eq!(client.sync().await.letters, "31Z");
    client.parse("", "select $1", &[600]).await;
    assert_eq!(client.sync().await.code(), "0A000", "points there are none");
    // A statement whose columns are others by now.
    client.query("create table u as select 1 as n").await;
    client.parse("u", "select * from u", &[]).await;
    client.sync().await;
    client.query("drop table u; create table u as select 'x' as n").await;
    client.bind("", "u", &[], (0, 0)).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await.code(), "0A000");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_are_kept_is_limited() {
    let limits = Limits { prepared: 2, ..Limits::default() };
    let address = serve(session(), ServeOptions { limits, ..ServeOptions::default() });
    let mut client = Client::connect(address).await;
    for name in ["a", "b"] {
        client.parse(name, "select 1", &[]).await;
    }
    client.parse("c", "select 1", &[]).await;
    let answer = client.sync().await;
    assert_eq!((answer.letters.as_str(), answer.code()), ("11EZ", "53400"));
    assert_eq!(client.query("deallocate all").await.tags, ["DEALLOCATE ALL"]);
    client.parse("c", "select 1", &[]).await;
    assert_eq!(client.sync().await.letters, "1Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_heard_between_an_error_and_its_sync() {
    let mut client = client().await;
    client.parse("", "selec", &[]).await;
    // Neither another mistake, nor what is no text, nor a query, nor a call of a function.
    client.parse("", "selec", &[]).await;
    client.send(b'P', b"\0select \xff\0\0\0").await;
    client.send(b'Q', b"create table passed_over (n bigint)\0").await;
    client.send(b'F', &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    let answer = client.sync().await;
    assert_eq!((answer.letters.as_str(), answer.code()), ("EZ", "42601"));
    assert_eq!(client.query("select * from passed_over").await.code(), "42P01");
    // A call of a function has no Sync behind it.
    client.send(b'F', &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    let answer = client.answer().await;
    assert_eq!((answer.letters.as_str(), answer.code()), ("EZ", "0A000"));
    assert_eq!(client.rows("select 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_without_end_and_outside_of_a_day_are_refused_by_name() {
    let mut client = client().await;
    for (cast, oid, value, code) in [
        ("date", 1082, i32::MIN.to_be_bytes().to_vec(), "0A000"),
        ("date", 1082, i32::MAX.to_be_bytes().to_vec(), "0A000"),
        ("timestamp", 1114, i64::MIN.to_be_bytes().to_vec(), "0A000"),
        ("timestamptz", 1184, i64::MAX.to_be_bytes().to_vec(), "0A000"),
        ("time", 1083, (-1_i64).to_be_bytes().to_vec(), "22P03"),
        ("time", 1083, 86_400_000_000_i64.to_be_bytes().to_vec(), "0A000"),
        ("bigint[]", 1016, [&[0; 7][..], &[0, 0, 0, 0, 20, 7]].concat(), "22P03"),
    ] {
        client.parse("", &format!("select $1::{cast}"), &[oid]).await;
        client.bind("", "", &[Some(&value)], (1, 0)).await;
        client.execute("", 0).await;
        let answer = client.sync().await;
        assert_eq!(answer.code(), code, "{cast}: {answer:?}");
        assert!(answer.errors[0].message.contains("$1"), "{answer:?}");
    }
}
