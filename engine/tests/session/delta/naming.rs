//! How a table is named: by its folder, by a reader, by CREATE EXTERNAL TABLE; which version is read, and that what a statement reads is one;
//! what would read its files past the log, or write to it, is refused.

use std::fs::File;
use std::time::{Duration, SystemTime};

use maar_engine::{ErrorKind, Session};
use serde_json::json;

use super::log::{Table, column, features, metadata, remove, sessions};
use crate::support::{cells, error, session};

/// Versions 1 to 3: a row more each, the first gone in the last.
async fn table() -> Table {
    let table = Table::new(json!([column("i", "long")]), &[]);
    for version in 1..=3 {
        let name = format!("{version}.parquet");
        table.file(&name, &format!("select {version} as i")).await;
        let mut actions = vec![table.add(&name, json!({}))];
        if version == 3 {
            actions.push(remove("1.parquet", None));
        }
        table.commit(version, &actions);
    }
    table
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_name_a_table_gives_its_rows() {
    let table = table().await;
    let name = table.name();
    let bare = name.trim_end_matches('/');
    for session in sessions() {
        session.run_script(&format!("create external table t stored as delta location '{name}'")).await.unwrap();
        let old = format!("create external table old stored as delta location '{name}' options ('version' '2')");
        session.run_script(&old).await.unwrap();
        session.run_script("create view v as select i from t").await.unwrap();
        for from in [
            format!("'{name}'"),
            format!("'{bare}'"),
            format!("'file://{name}'"),
            format!("delta_scan('{name}')"),
            "t".to_string(),
            "v".to_string(),
        ] {
            assert_eq!(cells(&session, &format!("select i from {from} order by i")).await.unwrap(), "2;3", "{from}");
        }
        for from in [format!("delta_scan('{name}', version = 2)"), "old".to_string()] {
            assert_eq!(cells(&session, &format!("select i from {from} order by i")).await.unwrap(), "1;2", "{from}");
        }
        let sql =
            format!("select (select count(*) from '{name}'), (select count(*) from delta_scan('{name}', version = 1))");
        assert_eq!(cells(&session, &sql).await.unwrap(), "2,1");
    }
}

#[tokio::test]
async fn versions_by_time() {
    let table = table().await;
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for version in 0..=3 {
        // The second comes before the first, as clocks go.
        let hours = [0, 2, 1, 3][version as usize];
        let commit = File::options().write(true).open(table.log(version)).unwrap();
        commit.set_modified(start + Duration::from_secs(hours * 3600)).unwrap();
    }
    let session = session();
    let rows = |time: &str| {
        format!(
            "select string_agg(cast(i as varchar), '+' order by i) from delta_scan('{}', timestamp = '{time}')",
            table.name()
        )
    };
    // 1,700,000,000 is 2023-11-14 22:13:20.
    for (time, is) in [
        ("2023-11-14 22:13:20", ""),
        ("2023-11-15 00:13:19", ""),
        ("2023-11-15 00:13:20", "1"),
        ("2023-11-15 00:13:21", "1+2"),
        ("2023-11-15T01:13:21+01:00", "1+2"),
        ("2023-11-15 01:13:20", "2+3"),
        ("2030-01-01", "2+3"),
    ] {
        assert_eq!(cells(&session, &rows(time)).await.unwrap(), is, "{time}");
    }
    let found = error(&session, &rows("2023-11-14 22:13:19")).await;
    assert!(found.message().contains("has no version of that time"), "{found}");
    let found = error(&session, &rows("yesterday")).await;
    assert!(found.message().contains("'yesterday' is no time"), "{found}");
    let both = format!("select * from delta_scan('{}', version = 1, timestamp = '2030-01-01')", table.name());
    assert!(error(&session, &both).await.message().contains("both given"));
    let none = error(&session, &format!("select * from delta_scan('{}', version = 9)", table.name())).await;
    assert!(none.message().contains("has no version 9: the last is 3"), "{none}");
}

#[tokio::test]
async fn times_in_commits_come_before_those_of_their_files() {
    let table = Table::new(json!([column("i", "long")]), &[]);
    let kept = json!({"delta.enableInCommitTimestamps": "true", "delta.inCommitTimestampEnablementVersion": "1"});
    table.file("a.parquet", "select 1 as i").await;
    let info = |time: i64| json!({"commitInfo": {"inCommitTimestamp": time, "operation": "WRITE"}});
    File::options().write(true).open(table.log(0)).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    table.commit(1, &[info(1_000_000), metadata(json!([column("i", "long")]), &[], kept)]);
    table.commit(2, &[info(2_000_000), table.add("a.parquet", json!({}))]);
    let session = session();
    for (time, rows) in [("1970-01-01 00:16:40", "0"), ("1970-01-01 00:33:19.999", "0"), ("1970-01-01 00:33:20", "1")] {
        let sql = format!("select count(*) from delta_scan('{}', timestamp = '{time}')", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{time}");
    }
}

async fn count(session: &Session, from: &str) -> String {
    cells(session, &format!("select count(*) from {from}")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_is_seen_by_all_that_name_the_table() {
    for session in sessions() {
        let table = table().await;
        let path = format!("'{}'", table.name());
        session.run_script(&format!("create external table t stored as delta location {path}")).await.unwrap();
        session.run_script("create view v as select i from t").await.unwrap();
        let prepared = session.prepare("select count(*) from t").await.unwrap();
        for from in ["t", "v", &path] {
            assert_eq!(count(&session, from).await, "2");
        }
        table.file("4.parquet", "select 4 as i, 'x' as s").await;
        let columns = json!([column("i", "long"), column("s", "string")]);
        table.commit(4, &[metadata(columns, &[], json!({})), table.add("4.parquet", json!({}))]);
        for from in ["t", "v", &path] {
            assert_eq!(count(&session, from).await, "3", "{from}");
        }
        let (rows, _) = prepared.execute().await.unwrap().collect().await.unwrap();
        assert_eq!(rows[0].num_rows(), 1);
        assert_eq!(cells(&session, "select i, s from t where s is not null").await.unwrap(), "4,x");
        // A column that a view reads goes.
        table.file("5.parquet", "select 'y' as s").await;
        let columns = json!([column("s", "string")]);
        let gone = ["2", "3", "4"].map(|name| remove(&format!("{name}.parquet"), None));
        let new = [metadata(columns, &[], json!({})), table.add("5.parquet", json!({}))];
        table.commit(5, &[&gone[..], &new].concat());
        assert_eq!(cells(&session, "select * from t").await.unwrap(), "y");
        let found = error(&session, "select * from v").await;
        assert!(found.message().contains("the column i of"), "{found}");
    }
}

#[tokio::test]
async fn files_past_the_log_and_writes_are_refused() {
    let table = table().await;
    let (session, name) = (session(), table.name());
    session.run_script(&format!("create external table t stored as delta location '{name}'")).await.unwrap();
    for (sql, cause) in [
        (format!("select * from read_parquet('{name}')"), "holds the Delta table"),
        (format!("create external table p stored as parquet location '{name}'"), "holds the Delta table"),
        (format!("select * from ['{name}', '{name}']"), "holds the Delta table"),
        ("insert into t values (1)".to_string(), "is read and not written"),
        (format!("insert into '{name}' values (1)"), "is read and not written"),
        ("delete from t".to_string(), "is read and not written"),
        ("update t set i = 1".to_string(), "is read and not written"),
        (format!("copy (select 1 as i) to '{name}x.parquet'"), "is read and not written"),
        (format!("copy (select 1 as i) to '{name}sub/x.parquet'"), "is read and not written"),
    ] {
        let found = error(&session, &sql).await;
        assert!(found.message().contains(cause), "{sql}: {found}");
        assert_eq!((found.kind(), found.hint().is_some()), (ErrorKind::Unsupported, true), "{sql}: {found}");
    }
    assert!(!table.path("x.parquet").exists());
    for (sql, cause) in [
        (
            format!("create external table c (i int) stored as delta location '{name}'"),
            "says itself what its columns are",
        ),
        (
            format!("create external table c stored as delta location '{name}' options ('color' 'red')"),
            "no option 'color'",
        ),
        (format!("select * from delta_scan('{name}', color = 1)"), "has no option color"),
        (format!("select * from delta_scan('{name}*.parquet')"), "is a pattern"),
        ("select * from delta_scan(['a', 'b'])".to_string(), "reads one table"),
        (format!("select * from delta_scan('{name}_delta_log/')"), "is no Delta table"),
    ] {
        let found = error(&session, &sql).await;
        assert!(found.message().contains(cause), "{sql}: {found}");
    }
}

#[tokio::test]
async fn files_are_ruled_out_before_they_are_opened() {
    let columns =
        json!([column("i", "long"), column("s", "string"), column("f", "double"), column("t", "timestamp_ntz")]);
    let table = Table::with(features(&["timestampNtz"]), columns, &[], json!({}));
    table
        .file(
            "a.parquet",
            "select 1 as i, 'abc' as s, cast('nan' as double) as f, timestamp '2024-01-01 00:00:00.0005' as t",
        )
        .await;
    let stats = json!({
        "numRecords": 1,
        "minValues": {"i": 1, "s": "ab", "f": 1.0, "t": "2024-01-01T00:00:00.000"},
        "maxValues": {"i": 1, "s": "ad", "f": 2.0, "t": "2024-01-01T00:00:00.000"},
        "nullCount": {"i": 0, "s": 0, "f": 0, "t": 0}
    });
    // A file that is not there: whoever opens it fails.
    let gone = json!({"add": {
        "path": "gone.parquet", "partitionValues": {}, "size": 9, "modificationTime": 0, "dataChange": true,
        "stats": json!({
            "numRecords": 3, "minValues": {"i": 100, "s": "x"}, "maxValues": {"i": 200, "s": "y"},
            "nullCount": {"i": 0, "s": 3, "t": 3}
        }).to_string()
    }});
    table.commit(1, &[table.add("a.parquet", json!({"stats": stats.to_string()})), gone]);
    let session = session();
    for (filter, rows) in [
        ("i = 1", "1"),
        ("i < 100", "1"),
        ("100 > i", "1"),
        ("i > 200 or i between 0 and 5", "1"),
        ("i in (1, 2)", "1"),
        ("i is null", "0"),
        ("s = 'abc'", "1"),
        ("s is not null", "1"),
        ("t = timestamp '2024-01-01 00:00:00.0005'", "1"),
        ("i <= 1 and f > 5", "1"),
    ] {
        let sql = format!("select count(*) from '{}' where {filter}", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{filter}");
    }
    let found = error(&session, &format!("select sum(i) from '{}' where i > 50", table.name())).await;
    assert!(found.message().contains("gone.parquet': the table names this file, and it is not there"), "{found}");
}
