//! What a reader may not do, whichever way it comes.

use arrow_flight::sql::SqlInfo;
use maar_flight_server::{Role, ServeOptions, Users};
use tonic::Code;

use crate::support::{Client, answer, connect, rows, serve_with, session, status};

/// A reader and a writer of one server.
async fn both() -> (Client, Client) {
    let lines = [("ada", Role::Reader), ("bob", Role::Writer)];
    let lines: Vec<_> = lines.iter().map(|(name, role)| Users::line(name, "secret", *role).unwrap()).collect();
    let users = Some(Users::parse(&lines.join("\n")).unwrap());
    let url = serve_with(session(), ServeOptions { users, ..ServeOptions::default() });
    let (mut reader, mut writer) = (connect(&url).await, connect(&url).await);
    reader.handshake("ada", "secret").await.unwrap();
    writer.handshake("bob", "secret").await.unwrap();
    (reader, writer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_queries_and_sets_options() {
    let (mut reader, mut writer) = both().await;
    rows(&mut writer, "create table t as values (1), (2)").await.unwrap();
    assert_eq!(rows(&mut reader, "select count(*) from t").await.unwrap(), "2");
    for sql in [
        "set datafusion.execution.batch_size = 100",
        "reset datafusion.execution.batch_size",
        "show tables",
        "describe t",
        "explain select * from t",
        "explain analyze select * from t",
        "prepare p as select column1 from t where column1 > $1",
        "execute p(1)",
        "deallocate p",
        "summarize t",
    ] {
        rows(&mut reader, sql).await.unwrap_or_else(|e| unreachable!("{sql}: {e}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_changes_nothing() {
    let (mut reader, mut writer) = both().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made.parquet");
    rows(&mut writer, "create table t as values (1), (2)").await.unwrap();
    for sql in [
        "insert into t values (3)".to_owned(),
        "update t set column1 = 3".to_owned(),
        "delete from t".to_owned(),
        "truncate table t".to_owned(),
        "drop table t".to_owned(),
        "create table u as select * from t".to_owned(),
        "create or replace table t as select 1".to_owned(),
        "create temp table u as select * from t".to_owned(),
        "create view v as select * from t".to_owned(),
        "create schema s".to_owned(),
        "prepare p as insert into t values ($1)".to_owned(),
        "explain insert into t values (3)".to_owned(),
        "explain analyze insert into t values (3)".to_owned(),
        format!("copy t to '{}'", file.display()),
        format!("create external table x (a int) stored as csv location '{}'", folder.path().display()),
    ] {
        let by_query = status(rows(&mut reader, &sql).await);
        assert_eq!(by_query.code(), Code::PermissionDenied, "{sql}: {by_query}");
        assert!(by_query.message().contains("reader") && by_query.message().contains("writer"), "{by_query}");
        let by_update = status(reader.execute_update(sql.clone(), None).await);
        assert_eq!(by_update.code(), Code::PermissionDenied, "{sql}: {by_update}");
        let prepared = status(reader.prepare(sql.clone(), None).await.map(|_| ()));
        assert_eq!(prepared.code(), Code::PermissionDenied, "{sql}: {prepared}");
    }
    assert!(!file.exists());
    assert_eq!(rows(&mut writer, "select sum(column1) from t").await.unwrap(), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_whether_it_only_reads() {
    let (mut reader, mut writer) = both().await;
    for (client, is_reader) in [(&mut reader, true), (&mut writer, false)] {
        let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerReadOnly]).await;
        let (_, told) = answer(client, info).await;
        assert!(told.contains(&format!("={is_reader}")), "{told}");
    }
}
