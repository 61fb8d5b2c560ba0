//! What a reader may not do, whichever way it comes.

use arrow_flight::sql::SqlInfo;
use maar_engine::device::DeviceKind;
use maar_engine::{Places, Session};
use maar_flight_server::{Limits, Role, ServeOptions, Users};
use tonic::Code;

use crate::support::{Client, answer, connect, rows, serve_with, session, status};

/// The address of a server with these users, whose passwords are `secret`.
pub(crate) fn with_users(session: Session, users: &[(&str, Role)]) -> String {
    with_users_and(session, users, None)
}

fn with_users_and(session: Session, users: &[(&str, Role)], places: Option<Places>) -> String {
    let lines: Vec<_> = users.iter().map(|(name, role)| Users::line(name, "secret", *role).unwrap()).collect();
    let users = Some(Users::parse(&lines.join("\n")).unwrap());
    serve_with(session, ServeOptions { users, places, ..ServeOptions::default() })
}

/// A reader and a writer of one server.
async fn both() -> (Client, Client) {
    both_of(with_users(session(), BOTH)).await
}

const BOTH: &[(&str, Role)] = &[("ada", Role::Reader), ("bob", Role::Writer)];

async fn both_of(url: String) -> (Client, Client) {
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
    let folder = tempfile::tempdir().unwrap();
    let places = Places::default().allow_path(folder.path()).unwrap();
    let (mut reader, mut writer) = both_of(with_users_and(session(), BOTH, Some(places))).await;
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
async fn a_login_may_ask_for_less_and_not_for_more() {
    let url = with_users(session(), BOTH);
    let create = "create table t as values (1)";
    let mut less = connect(&url).await;
    less.set_header("maar-role", "reader");
    less.handshake("bob", "secret").await.unwrap();
    assert_eq!(status(rows(&mut less, create).await).code(), Code::PermissionDenied);
    let mut more = connect(&url).await;
    more.set_header("maar-role", "admin");
    more.handshake("ada", "secret").await.unwrap();
    assert_eq!(status(rows(&mut more, create).await).code(), Code::PermissionDenied);
    let mut none = connect(&url).await;
    none.set_header("maar-role", "owner");
    assert!(none.handshake("bob", "secret").await.unwrap_err().to_string().contains("no role"));
    // Where there are no users everyone writes, unless he wants to read only.
    let mut nobody = connect(&serve_with(session(), ServeOptions::default())).await;
    nobody.set_header("maar-role", "reader");
    nobody.handshake("anybody", "anything").await.unwrap();
    assert_eq!(status(rows(&mut nobody, create).await).code(), Code::PermissionDenied);
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

#[tokio::test(flavor = "multi_thread")]
async fn options_of_the_server_are_an_administrators() {
    let url = with_users(session(), &[("ada", Role::Reader), ("bob", Role::Writer), ("eve", Role::Admin)]);
    let (mut reader, mut writer, mut admin) = (connect(&url).await, connect(&url).await, connect(&url).await);
    for (client, name) in [(&mut reader, "ada"), (&mut writer, "bob"), (&mut admin, "eve")] {
        client.handshake(name, "secret").await.unwrap();
    }
    for sql in
        ["set maar.device_memory = '1GB'", "reset maar.resident_memory", "set datafusion.runtime.memory_limit = '1G'"]
    {
        for client in [&mut reader, &mut writer] {
            let refused = status(rows(client, sql).await);
            assert_eq!(refused.code(), Code::PermissionDenied, "{sql}: {refused}");
            assert!(refused.message().contains("whole server") && refused.message().contains("admin"), "{refused}");
        }
    }
    // What an administrator sets, all sessions have: those that there are, and those to come.
    rows(&mut admin, "set maar.device_memory = '2GB'").await.unwrap();
    admin.execute_update("set datafusion.runtime.memory_limit = '123M'".to_owned(), None).await.unwrap();
    let mut late = connect(&url).await;
    late.handshake("ada", "secret").await.unwrap();
    for client in [&mut reader, &mut writer, &mut admin, &mut late] {
        assert_eq!(rows(client, "show maar.device_memory").await.unwrap(), "maar.device_memory,2000000000");
        let limit = rows(client, "show datafusion.runtime.memory_limit").await.unwrap();
        assert!(limit.starts_with("datafusion.runtime.memory_limit,123M"), "{limit}");
        assert_eq!(rows(client, "select 1").await.unwrap(), "1");
    }
    rows(&mut admin, "create table t as values (1)").await.unwrap();
    rows(&mut admin, "reset maar.device_memory").await.unwrap();
    assert_eq!(rows(&mut reader, "show maar.device_memory").await.unwrap(), "maar.device_memory,auto");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_concern_everyone_are_an_administrators() {
    let url = with_users(session(), &[("bob", Role::Writer), ("eve", Role::Admin)]);
    let (mut writer, mut admin) = (connect(&url).await, connect(&url).await);
    writer.handshake("bob", "secret").await.unwrap();
    admin.handshake("eve", "secret").await.unwrap();
    for (set, most) in [
        ("set maar.device = 'Emulated'", "processors"),
        ("set maar.plan_cache = 1000000000000", "1024 is the most"),
        ("set datafusion.execution.batch_size = 1000000000000", "1048576 is the most"),
        ("set datafusion.execution.target_partitions = 100000", "256 is the most"),
        ("set datafusion.catalog.location = '/etc'", "whole server"),
    ] {
        let refused = status(rows(&mut writer, set).await);
        assert_eq!(refused.code(), Code::PermissionDenied, "{set}: {refused}");
        assert!(refused.message().contains(most) && refused.message().contains("admin"), "{refused}");
        rows(&mut admin, set).await.unwrap_or_else(|e| unreachable!("{set}: {e}"));
    }
    for set in [
        "set maar.device = 'cpu'",
        "reset maar.device",
        "set datafusion.execution.batch_size = 1048576",
        "set datafusion.execution.target_partitions = 256",
    ] {
        rows(&mut writer, set).await.unwrap_or_else(|e| unreachable!("{set}: {e}"));
    }
    // What the server began with is everyone's.
    let emulated = Session::builder().device(DeviceKind::Emulated).option("maar.plan_cache", "5000").build().unwrap();
    let mut client = connect(&serve_with(emulated, ServeOptions::default())).await;
    for set in ["set maar.device = cpu", "set maar.device = emulated", "set maar.plan_cache = 5000"] {
        rows(&mut client, set).await.unwrap_or_else(|e| unreachable!("{set}: {e}"));
    }
    assert_eq!(status(rows(&mut client, "set maar.plan_cache = 5001").await).code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_sessions() {
    let users = Users::parse(&Users::line("ada", "secret", Role::Reader).unwrap()).unwrap();
    let limits = Limits { sessions_per_user: 1, ..Limits::default() };
    let url = serve_with(session(), ServeOptions { users: Some(users), limits, ..ServeOptions::default() });
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    one.handshake("ada", "secret").await.unwrap();
    let refused = two.handshake("ada", "secret").await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("the user ada has 1 sessions"), "{refused}");
}
