//! Delta and Iceberg tables in S3 and on HTTP: every way to name them, what is asked of the store for them, and that a log leads to no place
//! that a client may not read.

use std::sync::Arc;

use maar_engine::device::DeviceKind;
use maar_engine::{ClientRights, ErrorKind, Places, Session};
use serde_json::json;

use super::on;
use super::server::{Asked, Server};
use crate::delta::log::{Table, column, features, remove};
use crate::delta::vectors::{base_85, vector};
use crate::iceberg::table::{Entry, Table as Iceberg, data};
use crate::support::{cells, error};

/// Versions 1 to 3: rows 0 to 99, then 100 to 199 at a URL under another name of the scheme, then without the first.
async fn delta(server: &Server) -> Table {
    let table = Table::with(features(&["deletionVectors"]), json!([column("i", "long")]), &[], json!({}));
    table.file("a b.parquet", "select i from generate_series(0, 99) g(i)").await;
    table.file("b.parquet", "select i from generate_series(100, 199) g(i)").await;
    let mut first = table.add("a b.parquet", json!({}));
    first["add"]["path"] = json!("a%20b.parquet");
    let mut second = table.add("b.parquet", json!({}));
    second["add"]["path"] = json!("s3a://lake/t/b.parquet");
    let rows = vector(&[0]);
    let gone = json!({
        "storageType": "i", "pathOrInlineDv": base_85(&rows), "sizeInBytes": rows.len(), "cardinality": 1
    });
    let mut third = first.clone();
    third["add"]["deletionVector"] = gone;
    table.commit(1, &[first]);
    table.commit(2, &[second]);
    table.commit(3, &[remove("a%20b.parquet", None), third]);
    server.put_folder(&table.path(""), "/lake/t");
    table
}

/// Of requests, those for data files by their method.
fn of_files(asked: &[Asked], method: &str) -> usize {
    asked.iter().filter(|asked| asked.path.ends_with(".parquet") && asked.method == method).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_tables_are_read_from_s3() {
    let server = Server::start();
    delta(&server).await;
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = on(&server, device).await;
        let created = "create external table t stored as delta location 's3://lake/t/'; \
             create external table old stored as delta location 's3://lake/t' options ('version' '1'); \
             create external table late stored as delta location 's3://lake/t' options ('timestamp' '2026-12-01')";
        session.run_script(created).await.unwrap();
        for (from, rows) in [
            ("'s3://lake/t/'", "199,19900,1"),
            ("'s3a://lake/t'", "199,19900,1"),
            ("t", "199,19900,1"),
            ("late", "199,19900,1"),
            ("old", "100,4950,0"),
            ("delta_scan('s3://lake/t', version = 2)", "200,19900,0"),
        ] {
            let sql = format!("select count(*), sum(i), min(i) from {from}");
            assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), rows, "{device:?}: {from}");
        }
        for (from, cause) in [
            ("delta_scan('s3://lake/t', version = 9)", "has no version 9: the last is 3"),
            ("delta_scan('s3://lake/t', timestamp = '2020-01-01')", "has no version of that time"),
            ("delta_scan('s3://lake/none/')", "is no Delta table"),
            ("read_parquet('s3://lake/t/')", "holds the Delta table"),
        ] {
            let found = error(&session, &format!("select * from {from}")).await;
            assert!(found.message().contains(cause), "{from}: {found}");
        }
        let found = error(&session, "copy (select 1 as i) to 's3://lake/t/deep/x.parquet'").await;
        assert!(found.message().contains("is read and not written"), "{found}");
    }
}

/// The log says how long a file is, and its end comes with its state: nothing else is asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_for_the_state_of_a_file() {
    let server = Server::start();
    delta(&server).await;
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = on(&server, device).await;
        let sum =
            |version: u64| format!("select sum(i) from delta_scan('s3://lake/t', version = {version}) where i > 5");
        server.asked();
        assert_eq!(cells(&session, &sum(2)).await.unwrap(), "19885");
        let cold = server.asked();
        assert_eq!(of_files(&cold, "HEAD"), 0, "{device:?}: {cold:?}");
        assert_eq!(cells(&session, &sum(2)).await.unwrap(), "19885");
        let warm = server.asked();
        assert_eq!(of_files(&warm, "HEAD"), 0, "{device:?}: {warm:?}");
        assert!(of_files(&warm, "GET") <= 2, "the columns alone: {device:?}: {warm:?}");
    }
}

/// A file that the log has another size of, or that is gone, or that is replaced once it is known, is an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_another_is_an_error() {
    let server = Server::start();
    let table = delta(&server).await;
    let session = on(&server, DeviceKind::Cpu).await;
    let sum = "select sum(i) from 's3://lake/t/'";
    assert_eq!(cells(&session, sum).await.unwrap(), "19900");
    let whole = std::fs::read(table.path("b.parquet")).unwrap();
    let mut other = whole.clone();
    other[8] ^= 1;
    std::fs::write(table.path("b.parquet"), &other).unwrap();
    server.put_folder(&table.path(""), "/lake/t");
    let found = error(&session, sum).await;
    assert!(found.message().contains("b.parquet") && found.message().contains("replaced"), "{found}");
    std::fs::write(table.path("b.parquet"), &whole[1..]).unwrap();
    server.put_folder(&table.path(""), "/lake/t");
    let found = error(&session, sum).await;
    assert!(found.message().contains("the table knows it with"), "{found}");
    std::fs::write(table.path("b.parquet"), &whole).unwrap();
    server.put_folder(&table.path(""), "/lake/t");
    assert_eq!(cells(&session, sum).await.unwrap(), "19900");
    server.take("/lake/t/b.parquet");
    let found = error(&on(&server, DeviceKind::Cpu).await, sum).await;
    assert!(found.message().contains("b.parquet': the table names this file, and it is not there"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delta_tables_on_http_need_a_server_that_lists() {
    let server = Server::start();
    let table = Table::new(json!([column("i", "long")]), &[]);
    table.file("a b.parquet", "select i from generate_series(0, 99) g(i)").await;
    let mut first = table.add("a b.parquet", json!({}));
    first["add"]["path"] = json!("a%20b.parquet");
    table.commit(1, &[first]);
    server.put_folder(&table.path(""), "/lake/t");
    let sql = format!("select count(*), sum(i) from delta_scan('http://{}/lake/t/')", server.address());
    let session = crate::support::session();
    let found = error(&session, &sql).await;
    assert_eq!(found.kind(), ErrorKind::Unsupported, "{found}");
    assert!(found.message().contains("does not list files"), "{found}");
    server.list_over_http();
    assert_eq!(cells(&session, &sql).await.unwrap(), "100,4950");
}

async fn iceberg(server: &Server) {
    let table = Iceberg::new();
    table.file("a.parquet", "select i, 'w' || i as s from generate_series(0, 9) g(i)").await;
    table.file("k.parquet", "select * from (values (3), (4)) t(i)").await;
    let keys = Entry { content: 2, keys: &[1], ..data("k.parquet", 2, 2) };
    table.version(2, &[data("a.parquet", 10, 1), keys], json!({}));
    server.put_folder(&table.path(""), "/lake/i");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iceberg_tables_are_read_from_s3_and_by_their_metadata_from_http() {
    let server = Server::start();
    iceberg(&server).await;
    let http = format!("iceberg_scan('http://{}/lake/i/metadata/v1.metadata.json')", server.address());
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = on(&server, device).await;
        let file = "s3://lake/i/metadata/v1.metadata.json";
        let created = format!(
            "create external table t stored as iceberg location 's3://lake/i' options ('version' '7'); \
             create external table m stored as iceberg location '{file}' options ('timestamp' '1970-01-01 00:00:01')"
        );
        session.run_script(&created).await.unwrap();
        let named = format!("iceberg_scan('{file}')");
        for from in ["'s3://lake/i/'", "iceberg_scan('s3a://lake/i', version = 7)", "t", "m", &named, &http] {
            server.asked();
            let sql = format!("select count(*), sum(i), max(s) from {from}");
            assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), "8,38,w9", "{device:?}: {from}");
            let asked = server.asked();
            assert_eq!(of_files(&asked, "HEAD"), 0, "{device:?}: {from}: {asked:?}");
        }
        let found = error(&session, "select * from iceberg_scan('s3://lake/i/metadata/v2.metadata.json')").await;
        assert_eq!(found.kind(), ErrorKind::NotFound, "{found}");
        let early = "select * from iceberg_scan('s3://lake/i', timestamp = '1970-01-01')";
        let found = error(&session, early).await;
        assert!(found.message().contains("its first snapshot is of 1970-01-01T00:00:01"), "{found}");
    }
}

fn client(session: &Session, places: Places) -> Session {
    session.for_client_with(ClientRights { places: Some(Arc::new(places)), is_administrator: false })
}

/// A log that leads out of what a client may read is refused before anything is asked there, whoever has read the table before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_leads_out_of_the_places_of_a_client() {
    let server = Server::start();
    let secret = Table::new(json!([column("i", "long")]), &[]);
    secret.file("x.parquet", "select 7 as i").await;
    server.put_folder(&secret.path(""), "/lake/secret");
    let session = on(&server, DeviceKind::Cpu).await;
    let places = Places::default().allow_url("s3://lake/open/").unwrap();
    for (at, name, kind) in [
        ("inside", "s3://lake/open/0/y.parquet", None),
        ("key", "s3://lake/secret/x.parquet", Some(ErrorKind::Forbidden)),
        ("scheme", "s3a://lake/secret/x.parquet", Some(ErrorKind::Forbidden)),
        ("encoded", "s3://lake/open/%2e%2e/secret/x.parquet", Some(ErrorKind::Forbidden)),
        ("bucket", "s3://other/open/x.parquet", Some(ErrorKind::Forbidden)),
        ("machine", "file:///etc/passwd", Some(ErrorKind::Forbidden)),
        ("root", "/etc/passwd", Some(ErrorKind::Forbidden)),
        ("above", "../../secret/x.parquet", Some(ErrorKind::Invalid)),
        ("web", "http://169.254.169.254/latest/x.parquet", Some(ErrorKind::Forbidden)),
    ] {
        let table = Table::new(json!([column("i", "long")]), &[]);
        table.file("y.parquet", "select 7 as i").await;
        let mut added = table.add("y.parquet", json!({}));
        added["add"]["path"] = json!(name);
        table.commit(1, &[added]);
        server.put_folder(&table.path(""), &format!("/lake/open/{}", if at == "inside" { "0" } else { at }));
        let path = format!("s3://lake/open/{}/", if at == "inside" { "0" } else { at });
        let sql = format!("select i from delta_scan('{path}')");
        // Whoever may read all gets the rows where they are of the same store, and another error where they are not.
        let all = cells(&session, &sql).await;
        let is_there = all.is_ok();
        assert_eq!(is_there, ["inside", "key", "scheme", "encoded"].contains(&at), "{at}: {all:?}");
        let client = client(&session, places.clone());
        server.asked();
        for sql in [
            sql.clone(),
            format!("select i from '{path}'"),
            format!("create external table {at}_t stored as delta location '{path}'"),
        ] {
            let found = client.run_script(&sql).await.err();
            assert_eq!(found.as_ref().map(|e| e.kind()), kind, "{at}: {sql}: {found:?}");
        }
        let asked = server.asked();
        assert!(!asked.iter().any(|asked| asked.path.contains("secret")), "{at}: {asked:?}");
    }
    // A table that is there is not judged again, wherever its files are.
    let made = "create external table made stored as delta location 's3://lake/open/key/'; \
         create view seen as select i from delta_scan('s3://lake/open/key/')";
    session.run_script(made).await.unwrap();
    let client = client(&session, places);
    for from in ["made", "seen"] {
        assert_eq!(cells(&client, &format!("select i from {from}")).await.unwrap(), "7", "{from}");
    }
}

/// The same of files of this machine, and of what Iceberg's metadata names.
#[tokio::test]
async fn no_metadata_leads_out_of_the_folders_of_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, secret) = (folder.path().join("lake"), folder.path().join("secret"));
    std::fs::create_dir(&secret).unwrap();
    let table = Iceberg::new();
    table.file("a.parquet", "select 7 as i, 'x' as s").await;
    std::fs::copy(table.path("a.parquet"), secret.join("a.parquet")).unwrap();
    let outside = format!("file://{}", secret.display());
    let inside = format!("file://{}", lake.display());
    let session = crate::support::session();
    for (what, home, is_open) in [
        ("inside", inside.as_str(), true),
        ("elsewhere", "s3://elsewhere/t", true),
        ("data", outside.as_str(), false),
        ("passwd", "file:///etc/passwd", false),
        ("web", "http://169.254.169.254/t", false),
    ] {
        table.version(2, &[data("a.parquet", 1, 1)], json!({}));
        std::fs::remove_dir_all(&lake).ok();
        std::fs::create_dir_all(lake.join("metadata")).unwrap();
        std::fs::copy(table.path("a.parquet"), lake.join("a.parquet")).unwrap();
        for name in ["m.avro", "list.avro", "v1.metadata.json"] {
            // The manifests say where the files are, whatever the metadata says of the table.
            let bytes = std::fs::read(table.path(&format!("metadata/{name}"))).unwrap();
            std::fs::write(lake.join("metadata").join(name), bytes).unwrap();
        }
        let text = std::fs::read_to_string(lake.join("metadata/v1.metadata.json")).unwrap();
        let text = text.replace("s3://elsewhere/t/metadata/list.avro", &format!("{home}/metadata/list.avro"));
        std::fs::write(lake.join("metadata/v1.metadata.json"), text).unwrap();
        let places = Places::default().allow_path(&lake).unwrap();
        let client = client(&session, places);
        for sql in [
            format!("select i from '{}/'", lake.display()),
            format!("select i from iceberg_scan('{}')", lake.display()),
        ] {
            match cells(&client, &sql).await {
                Ok(rows) => assert_eq!((rows.as_str(), is_open), ("7", true), "{what}"),
                Err(found) => {
                    assert_eq!((found.kind(), is_open), (ErrorKind::Forbidden, false), "{what}: {found}");
                }
            }
        }
    }
    // A link in the table leads out as well.
    std::fs::remove_file(lake.join("a.parquet")).unwrap();
    std::os::unix::fs::symlink(secret.join("a.parquet"), lake.join("a.parquet")).unwrap();
    let text = std::fs::read_to_string(table.path("metadata/v1.metadata.json")).unwrap();
    std::fs::write(lake.join("metadata/v1.metadata.json"), text).unwrap();
    let sql = format!("select i from '{}/'", lake.display());
    assert_eq!(cells(&session, &sql).await.unwrap(), "7");
    let client = client(&session, Places::default().allow_path(&lake).unwrap());
    assert_eq!(error(&client, &sql).await.kind(), ErrorKind::Forbidden);
}
