//! Stores by URL, against a server on loopback: S3 and HTTP, secrets, retries, and what is never reached and never shown.

mod lakes;
mod server;

use std::sync::Arc;

use maar_engine::device::DeviceKind;
use maar_engine::{ClientRights, ErrorKind, Places, Session};

use self::server::Server;
use crate::support::{cells, error, session};

/// A session whose buckets are all on the server.
async fn on(server: &Server, device: DeviceKind) -> Session {
    let session = Session::builder().device(device).target_partitions(2).build().unwrap();
    session.run_script(&secret(server, "lake", "AKIALAKE", "")).await.unwrap();
    session
}

fn secret(server: &Server, name: &str, key: &str, more: &str) -> String {
    format!(
        "create or replace secret {name} (type s3, key_id '{key}', secret 'hush', region 'eu-central-1', \
         endpoint '{}', use_ssl false, max_retries '2'{more})",
        server.address()
    )
}

async fn write(session: &Session) {
    for n in 0..4 {
        let folder = if n < 2 { "sales" } else { "wages/deep" };
        let sql =
            format!("copy (select i, {n} as n from generate_series(1, 1000) g(i)) to 's3://lake/{folder}/{n}.parquet'");
        assert_eq!(cells(session, &sql).await.unwrap(), "1000");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_is_written_listed_and_read() {
    let server = Server::start();
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = on(&server, device).await;
        write(&session).await;
        assert_eq!(server.keys()[0], "/lake/sales/0.parquet");
        for (sql, rows) in [
            ("select count(*), sum(i), max(n) from 's3://lake/**/*.parquet'", "4000,2002000,3"),
            ("select sum(n) from 's3://lake/sales/*.parquet' where i > 500", "500"),
            ("select count(*) from 's3a://lake/{sales/1,wages/deep/2}.parquet'", "2000"),
            ("select count(*) from ['s3://lake/sales/0.parquet', 's3://lake/wages/']", "3000"),
            (
                "select replace(file, 's3://lake/', '') from glob('s3://lake/wages/**') order by 1",
                "wages/deep/2.parquet;wages/deep/3.parquet",
            ),
        ] {
            assert_eq!(cells(&session, sql).await.unwrap_or_else(|e| e.to_string()), rows, "{device:?}: {sql}");
        }
        session.run_script("create external table t stored as parquet location 's3://lake/sales/'").await.unwrap();
        assert_eq!(cells(&session, "select count(*), min(i) from t").await.unwrap(), "2000,1");
        let e = error(&session, "select * from 's3://lake/sales/none.parquet'").await;
        assert!(e.kind() == ErrorKind::NotFound && e.message().contains("none.parquet"), "{e}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_the_longest_scope_signs() {
    let server = Server::start();
    let session = on(&server, DeviceKind::Cpu).await;
    write(&session).await;
    session.run_script(&secret(&server, "sales", "AKIASALES", ", scope 's3://lake/sales'")).await.unwrap();
    let signed = async |sql: &str| {
        server.asked();
        cells(&session, sql).await.unwrap();
        let mut keys: Vec<String> = server.asked().iter().map(|asked| signer(&asked.headers)).collect();
        keys.dedup();
        keys.join(" ")
    };
    assert_eq!(signed("select count(i), max(n + i) from 's3://lake/sales/*.parquet'").await, "AKIASALES");
    assert_eq!(signed("select count(i), max(n + i) from 's3://lake/wages/deep/'").await, "AKIALAKE");
    session.run_script("drop secret sales; drop secret if exists sales").await.unwrap();
    assert_eq!(signed("select count(i), min(n + i) from 's3://lake/sales/*.parquet'").await, "AKIALAKE");
    // What a table says of itself comes before all secrets.
    let options = format!(
        "'aws.access_key_id' 'AKIATABLE', 'aws.secret_access_key' 'hush', 'aws.endpoint' 'http://{}', 'aws.allow_http' 'true'",
        server.address()
    );
    let table = format!("create external table w stored as parquet location 's3://lake/wages/' options ({options})");
    session.run_script(&table).await.unwrap();
    assert_eq!(signed("select count(i), max(n + i) from w").await, "AKIATABLE");
    // Without keys nothing is signed.
    let open = format!(
        "create secret open (type s3, scope 's3://lake/sales', endpoint '{}', use_ssl false)",
        server.address()
    );
    session.run_script(&open).await.unwrap();
    assert_eq!(signed("select count(i), max(i * n) from 's3://lake/sales/*.parquet'").await, "");
}

fn signer(headers: &std::collections::BTreeMap<String, String>) -> String {
    let authorization = headers.get("authorization").map(String::as_str).unwrap_or_default();
    let key = authorization.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/'));
    key.map(|(key, _)| key.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn secrets_are_listed_without_values_and_refused_by_name() {
    let session = session();
    session
        .run_script("create secret a (type s3, key_id 'hush1', secret 'hush2', region 'eu'); create secret (type http, bearer_token 'hush3')")
        .await
        .unwrap();
    let listed = cells(&session, "select * from maar_secrets() order by name").await.unwrap();
    assert!(
        listed.contains("region=eu") && listed.contains("a,s3,s3://,key_id=***") && !listed.contains("hush"),
        "{listed}"
    );
    for (sql, kind, says) in [
        ("create secret a (type s3)", ErrorKind::Invalid, "CREATE OR REPLACE"),
        ("create secret b (type s3, key_id 'hush')", ErrorKind::Invalid, "needs secret"),
        ("create secret b (type s3, key_id 'hush', KEY_ID 'hush')", ErrorKind::Invalid, "given KEY_ID twice"),
        ("create secret b (type s4)", ErrorKind::Invalid, "no type of secrets s4"),
        ("create secret b (type s3, kee 'hush')", ErrorKind::Invalid, "has no option kee"),
        ("create secret b (type s3, endpoint 'http://h')", ErrorKind::Invalid, "USE_SSL false"),
        ("drop secret b", ErrorKind::NotFound, "no secret b"),
        ("explain create secret b (type s3)", ErrorKind::Unsupported, "nothing to explain"),
    ] {
        let e = error(&session, sql).await;
        assert!(e.kind() == kind && e.message().contains(says), "{sql}: {e}");
        assert!(!format!("{e} {e:?}").contains("hush"), "{sql}: {e:?}");
    }
    session.run_script("create secret if not exists a (type s3); create or replace secret a (type gcs)").await.unwrap();
    assert!(cells(&session, "select * from maar_secrets()").await.unwrap().contains("a,gcs,gs://"));
    let query = session.prepare("create secret q (type s3, key_id 'hush', secret 'hush')").await.unwrap();
    assert!(!format!("{query:?}").contains("hush"));
}

#[tokio::test]
async fn secrets_of_a_server_are_its_administrators() {
    let session = session();
    let client = session.for_client();
    for sql in [
        "create secret a (type s3)",
        "drop secret if exists a",
        "select * from maar_secrets()",
        "create external table t stored as parquet location 's3://b/t/' options ('s3.region' 'eu')",
    ] {
        let e = error(&client, sql).await;
        assert_eq!(e.kind(), ErrorKind::Forbidden, "{sql}: {e}");
    }
    let administrator = session.for_client_with(ClientRights { is_administrator: true, places: None });
    administrator.run_script("create secret a (type s3)").await.unwrap();
    assert!(cells(&session, "select name from maar_secrets()").await.unwrap().contains('a'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_is_asked_again_and_then_named() {
    let server = Server::start();
    let session = on(&server, DeviceKind::Cpu).await;
    write(&session).await;
    server.fail(2);
    assert_eq!(cells(&session, "select count(*) from 's3://lake/sales/*.parquet'").await.unwrap(), "2000");
    server.fail(1000);
    let e = error(&session, "select count(*) from 's3://lake/sales/*.parquet'").await;
    assert_eq!(e.kind(), ErrorKind::Storage, "{e}");
    let url = format!("http://{}/lake", server.address());
    for part in ["GET", &url, "2 retries", "503"] {
        assert!(e.message().contains(part), "{part}: {e}");
    }
    assert!(!format!("{e} {e:?}").contains("hush"), "{e:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_is_read_by_ranges() {
    let server = Server::start();
    write(&on(&server, DeviceKind::Cpu).await).await;
    let url = format!("http://{}/lake", server.address());
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = Session::builder().device(device).build().unwrap();
        server.asked();
        for (sql, rows) in [
            (format!("select count(*), sum(i) from '{url}/sales/0.parquet'"), "1000,500500"),
            (format!("select sum(n) from '{url}/sales/{{0,1}}.parquet' where i <= 10"), "10"),
            (format!("select count(*) from ['{url}/sales/0.parquet', '{url}/wages/deep/2.parquet']"), "2000"),
        ] {
            assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), rows, "{device:?}: {sql}");
        }
        let asked = server.asked();
        assert!(asked.iter().all(|asked| asked.method == "HEAD" || asked.headers.contains_key("range")), "{asked:?}");
        let e = error(&session, &format!("select * from '{url}/none.parquet'")).await;
        assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
        let e = error(&session, &format!("select * from '{url}/*.parquet'")).await;
        assert!(e.kind() == ErrorKind::Unsupported && e.message().contains("does not list files"), "{e}");
        session.run_script(&format!("create secret (type http, scope '{url}', bearer_token 'hush')")).await.unwrap();
        server.asked();
        cells(&session, &format!("select max(i) from '{url}/sales/1.parquet'")).await.unwrap();
        assert!(server.asked().iter().all(|asked| asked.headers["authorization"] == "Bearer hush"));
    }
}

/// Metadata services of clouds are at an address of the link. Nothing is sent there: a redirect to it is not followed, and a
/// URL of it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_leads_to_the_machines_around() {
    let server = Server::start();
    let session = session();
    for near in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/x",
        "http://10.0.0.1/x",
        "http://127.0.0.2/x",
    ] {
        server.redirect(near);
        let e = error(&session, &format!("select * from 'http://{}/a.parquet'", server.address())).await;
        assert!(e.message().contains("one of this machine's network"), "{near}: {e}");
    }
    let places = Places::default().allow_url("http://").unwrap().allow_url("s3://").unwrap();
    let client = session.for_client_with(ClientRights { places: Some(Arc::new(places)), is_administrator: false });
    for near in [format!("http://{}/a.parquet", server.address()), "http://169.254.169.254/a.parquet".to_string()] {
        server.asked();
        for sql in [
            format!("select * from '{near}'"),
            format!("select * from glob('{near}')"),
            format!("copy (select 1 as a) to '{near}'"),
        ] {
            assert_eq!(error(&client, &sql).await.kind(), ErrorKind::Forbidden, "{sql}");
        }
        assert!(server.asked().is_empty(), "{near}");
    }
}
