//! Files and URLs that clients may name: those that the server opens to them, whichever way they are named. Nothing connects
//! anywhere here: what is refused is refused before.

use std::path::Path;

use maar_engine::Places;
use maar_flight_server::{Role, ServeOptions, Users};
use tempfile::TempDir;
use tonic::Code;

use crate::support::{Client, connect, rows, serve_with, session, status};

/// Folders `lake`, which clients may name, and `secret`, with a file each; a link leads from the one to the other.
fn folders() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["lake", "secret"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("t.csv"), "a\n1\n2\n").unwrap();
    }
    std::fs::create_dir(folder.path().join("lake/mixed")).unwrap();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(folder.path().join(target), folder.path().join(name)).unwrap();
    };
    link("secret", "lake/link");
    link("secret/t.csv", "lake/mixed/t.csv");
    folder
}

async fn with_places(places: Option<Places>, role: Option<Role>) -> Client {
    let users = role.map(|role| Users::parse(&Users::line("ada", "secret", role).unwrap()).unwrap());
    let mut client = connect(&serve_with(session(), ServeOptions { places, users, ..ServeOptions::default() })).await;
    if role.is_some() {
        client.handshake("ada", "secret").await.unwrap();
    }
    client
}

/// Every way to name a path that is not open to clients.
fn ways(path: &Path) -> Vec<String> {
    let path = path.display();
    vec![
        format!("select * from '{path}'"),
        format!("select * from \"{path}\""),
        format!("select * from 'file://{path}'"),
        format!("select * from read_csv('{path}')"),
        format!("select * from read_json('{path}')"),
        format!("select * from read_parquet(['{path}'])"),
        format!("select * from parquet_metadata('{path}')"),
        format!("select * from parquet_schema('{path}')"),
        format!("select * from glob('{path}')"),
        format!("describe '{path}'"),
        format!("summarize '{path}'"),
        format!("explain select * from '{path}'"),
        format!("prepare p as select * from '{path}'"),
        format!("select (select max(a) from '{path}')"),
        format!("with x as (select * from '{path}') select * from x"),
        format!("create view v as select * from '{path}'"),
        format!("create table t as select * from '{path}'"),
        format!("create external table t stored as csv location '{path}'"),
        format!("create external table t (a int) stored as csv location '{path}'"),
        format!("copy (select 1) to '{path}'"),
        format!("copy (select 1) to '{path}' stored as csv"),
        format!("copy (select 1) to 'file://{path}' stored as csv"),
        format!("explain analyze copy (select 1) to '{path}' stored as csv"),
        format!("copy someones from '{path}'"),
    ]
}

async fn check_refused(client: &mut Client, sql: &str) {
    let refused = rows(client, sql).await;
    assert!(refused.is_err(), "{sql}");
    let refused = status(refused);
    assert_eq!(refused.code(), Code::PermissionDenied, "{sql}: {refused}");
    assert!(refused.message().contains("--allow-path"), "{sql}: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_open_is_refused_whichever_way_it_is_named() {
    let folder = folders();
    let at = |name: &str| folder.path().join(name);
    let places = Places::default().allow_path(&at("lake")).unwrap();
    let mut client = with_places(Some(places), None).await;
    rows(&mut client, "create table someones as values (1)").await.unwrap();
    let before = std::fs::read(at("secret/t.csv")).unwrap();
    for path in ["secret/t.csv", "lake/../secret/t.csv", "lake/link/t.csv", "secret/none.csv", "lake/link/none.csv"] {
        for sql in ways(&at(path)) {
            check_refused(&mut client, &sql).await;
        }
    }
    // Found by a pattern or in a folder, a link leads out as well.
    for path in ["lake/*/t.csv", "lake/mixed/*.csv", "lake/mixed", "lake/link/*.csv", "*/t.csv"] {
        check_refused(&mut client, &format!("select * from '{}'", at(path).display())).await;
        // Patterns of glob() look into one folder alone.
        match rows(&mut client, &format!("select * from glob('{}')", at(path).display())).await {
            Ok(found) => assert_eq!((path, found.as_str()), ("lake/*/t.csv", "")),
            refused => assert_eq!(status(refused).code(), Code::PermissionDenied, "{path}"),
        }
    }
    assert_eq!(std::fs::read(at("secret/t.csv")).unwrap(), before);
    assert!(!at("secret/none.csv").exists());

    let lake = at("lake").display().to_string();
    assert_eq!(rows(&mut client, &format!("select sum(a) from '{lake}/t.csv'")).await.unwrap(), "3");
    rows(&mut client, &format!("create external table own stored as csv location '{lake}/t.csv'")).await.unwrap();
    assert_eq!(rows(&mut client, "select sum(a) from own").await.unwrap(), "3");
    rows(&mut client, &format!("copy (select 7 as a) to '{lake}/new/made.csv' stored as csv")).await.unwrap();
    assert_eq!(rows(&mut client, &format!("select a from '{lake}/new/made.csv'")).await.unwrap(), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_are_refused_before_anything_is_sent() {
    let mut client = with_places(Some(Places::default().allow_url("http://").unwrap()), None).await;
    let near = ["169.254.169.254", "127.0.0.1:1", "[::1]:1", "10.0.0.1", "metadata.google.internal", "2852039166"];
    let near = near.map(|host| format!("http://{host}/latest/t.parquet"));
    for url in near.iter().map(String::as_str).chain(["s3://bucket/t.parquet", "file:///etc/t.parquet"]) {
        check_refused(&mut client, &format!("select * from '{url}'")).await;
        check_refused(&mut client, &format!("select * from read_parquet('{url}')")).await;
        check_refused(&mut client, &format!("create external table t (a int) stored as parquet location '{url}'"))
            .await;
        check_refused(&mut client, &format!("copy (select 1) to '{url}'")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_name_no_files_but_administrators_do_and_everyone_reads_their_tables() {
    let folder = folders();
    let path = folder.path().join("secret/t.csv").display().to_string();
    let lines = [("ada", Role::Reader), ("bob", Role::Writer), ("eve", Role::Admin)];
    let lines: Vec<_> = lines.iter().map(|(name, role)| Users::line(name, "secret", *role).unwrap()).collect();
    let users = Some(Users::parse(&lines.join("\n")).unwrap());
    let url = serve_with(session(), ServeOptions { users, ..ServeOptions::default() });
    let (mut reader, mut writer, mut admin) = (connect(&url).await, connect(&url).await, connect(&url).await);
    for (client, name) in [(&mut reader, "ada"), (&mut writer, "bob"), (&mut admin, "eve")] {
        client.handshake(name, "secret").await.unwrap();
    }
    check_refused(&mut reader, &format!("select * from '{path}'")).await;
    check_refused(&mut writer, &format!("select * from '{path}'")).await;
    rows(&mut admin, &format!("create external table opened stored as csv location '{path}'")).await.unwrap();
    rows(&mut admin, &format!("create view seen as select * from '{path}'")).await.unwrap();
    for client in [&mut reader, &mut writer, &mut admin] {
        assert_eq!(rows(client, "select sum(a) from opened").await.unwrap(), "3");
        assert_eq!(rows(client, "select sum(a) from seen").await.unwrap(), "3");
    }
    // On a loopback address without users all is open, as it is to whoever is on the machine.
    let mut open = with_places(None, None).await;
    assert_eq!(rows(&mut open, &format!("select sum(a) from '{path}'")).await.unwrap(), "3");
}

/// A Delta log of one version, whose only file is `path`.
fn write_log(table: &Path, path: &str, size: u64) {
    let field = r#"{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}"#;
    let schema = format!(r#"{{\"type\":\"struct\",\"fields\":[{field}]}}"#);
    let lines = [
        r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#.to_string(),
        format!(r#"{{"metaData":{{"id":"t","schemaString":"{schema}","partitionColumns":[]}}}}"#),
        format!(r#"{{"add":{{"path":"{path}","partitionValues":{{}},"size":{size}}}}}"#),
    ];
    std::fs::create_dir_all(table.join("_delta_log")).unwrap();
    std::fs::write(table.join("_delta_log/00000000000000000000.json"), lines.join("\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_leads_to_no_file_that_is_not_open() {
    let folder = folders();
    let at = |name: &str| folder.path().join(name);
    let mut open = with_places(None, None).await;
    for name in ["secret/x.parquet", "lake/t/x.parquet"] {
        rows(&mut open, &format!("copy (select 7 as a) to '{}'", at(name).display())).await.unwrap();
    }
    let size = std::fs::metadata(at("secret/x.parquet")).unwrap().len();
    let table = at("lake/t");
    let secret = at("secret/x.parquet").display().to_string();
    for (path, is_open) in [
        ("x.parquet".to_string(), true),
        (at("lake/t/x.parquet").display().to_string(), true),
        (secret.clone(), false),
        (format!("file://{secret}"), false),
        ("/etc/passwd".to_string(), false),
        ("s3://bucket/x.parquet".to_string(), false),
    ] {
        write_log(&table, &path, size);
        let mut client = with_places(Some(Places::default().allow_path(&at("lake")).unwrap()), None).await;
        for sql in [
            format!("select a from '{}'", table.display()),
            format!("select a from delta_scan('{}/')", table.display()),
            format!("create external table t stored as delta location '{}'", table.display()),
        ] {
            match is_open {
                true => drop(rows(&mut client, &sql).await.unwrap()),
                false => check_refused(&mut client, &sql).await,
            }
        }
    }
}
