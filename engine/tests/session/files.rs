//! Files by path: what works, and what a missing, empty or corrupt one says.

use std::fs;
use std::path::Path;

use maar_engine::{ErrorKind, Session};
use tempfile::TempDir;

use crate::support::{cells, error, session};

/// A directory with `a.parquet`, `b.parquet` (three rows each), `c.csv`, `d.json` and `e.arrow`.
async fn lake(session: &Session) -> TempDir {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    for (name, format) in
        [("a.parquet", "parquet"), ("b.parquet", "parquet"), ("c.csv", "csv"), ("d.json", "json"), ("e.arrow", "arrow")]
    {
        let rows = "select * from (values (1, 'x'), (2, 'y'), (3, 'z')) v(n, s)";
        cells(session, &format!("copy ({rows}) to '{}' stored as {format}", at(name))).await.unwrap();
    }
    directory
}

fn path(directory: &TempDir, name: &str) -> String {
    directory.path().join(name).display().to_string()
}

#[tokio::test]
async fn every_format_is_read_by_path() {
    let session = session();
    let lake = lake(&session).await;
    for name in ["a.parquet", "c.csv", "d.json", "e.arrow"] {
        let sql = format!("select sum(n), max(s) from '{}'", path(&lake, name));
        assert_eq!(cells(&session, &sql).await.unwrap(), "6,z", "{name}");
    }
    let globbed = format!("select count(*) from '{}'", path(&lake, "*.parquet"));
    assert_eq!(cells(&session, &globbed).await.unwrap(), "6");
    let external = format!("create external table t stored as parquet location '{}'", path(&lake, "*.parquet"));
    session.run_script(&external).await.unwrap();
    assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "6");
}

#[tokio::test]
async fn files_that_come_and_go_are_seen() {
    let session = session();
    let lake = lake(&session).await;
    let count = format!("select count(*), sum(n) from '{}'", path(&lake, "*.parquet"));
    session
        .run_script(&format!(
            "create external table t stored as parquet location '{}'",
            lake.path().join("*.parquet").display()
        ))
        .await
        .unwrap();
    assert_eq!(cells(&session, &count).await.unwrap(), "6,12");
    assert_eq!(cells(&session, "select count(*), sum(n) from t").await.unwrap(), "6,12");
    fs::copy(lake.path().join("a.parquet"), lake.path().join("added.parquet")).unwrap();
    assert_eq!(cells(&session, &count).await.unwrap(), "9,18");
    assert_eq!(cells(&session, "select count(*), sum(n) from t").await.unwrap(), "9,18");
    cells(
        &session,
        &format!(
            "copy (select 100 as n, 'long enough to change every offset' as s from generate_series(1, 100)) to '{}'",
            path(&lake, "new.parquet")
        ),
    )
    .await
    .unwrap();
    fs::rename(lake.path().join("new.parquet"), lake.path().join("added.parquet")).unwrap();
    assert_eq!(cells(&session, &count).await.unwrap(), "106,10012");
    assert_eq!(cells(&session, "select count(*), sum(n) from t").await.unwrap(), "106,10012");
    fs::remove_file(lake.path().join("added.parquet")).unwrap();
    assert_eq!(cells(&session, &count).await.unwrap(), "6,12");
    assert_eq!(cells(&session, "select count(*), sum(n) from t").await.unwrap(), "6,12");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let session = session();
    let lake = lake(&session).await;
    fs::create_dir(lake.path().join("empty")).unwrap();
    fs::write(lake.path().join("notes.txt"), "hello").unwrap();
    for name in ["aa.parquet", "nowhere/a.parquet", "*.parq", "nowhere/*.parquet", "empty", "empty/*.parquet"] {
        let missing = path(&lake, name);
        for sql in [
            format!("select * from '{missing}'"),
            format!("create external table x stored as parquet location '{missing}'"),
        ] {
            let e = error(&session, &sql).await;
            assert_eq!(e.kind(), ErrorKind::NotFound, "{sql}: {e}");
            assert!(e.message().contains(&missing), "{sql}: {e}");
        }
    }
    let near = error(&session, &format!("select * from '{}'", path(&lake, "aa.parquet"))).await;
    assert!(near.hint().is_some_and(|hint| hint.contains("a.parquet")), "{near}");
    let unknown = error(&session, &format!("select * from '{}'", path(&lake, "notes.txt"))).await;
    assert_eq!(unknown.kind(), ErrorKind::Unsupported, "{unknown}");
    assert!(error(&session, "select * from 'sub/b.parquet'").await.message().contains("sub/b.parquet"));
}

#[tokio::test]
async fn files_that_disagree_name_the_column_and_a_declared_type_reads_them() {
    let session = session();
    let lake = TempDir::new().unwrap();
    for (name, value) in [("a.parquet", "1"), ("b.parquet", "2.5")] {
        let file = path(&lake, name);
        cells(&session, &format!("copy (select {value} as n) to '{file}' stored as parquet")).await.unwrap();
    }
    let e = error(&session, &format!("select * from '{}'", path(&lake, "*.parquet"))).await;
    assert_eq!(e.kind(), ErrorKind::Invalid, "{e}");
    assert!(e.message().contains("column n") && e.message().contains("DOUBLE") && e.hint().is_some(), "{e}");
    let declared = format!("create external table t (n double) stored as parquet location '{}'", path(&lake, ""));
    session.run_script(&declared).await.unwrap();
    assert_eq!(cells(&session, "select sum(n) from t").await.unwrap(), "3.5");
}

fn corrupt(from: &Path, to: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(from).unwrap();
    change(&mut bytes);
    fs::write(to, bytes).unwrap();
}

#[tokio::test]
async fn a_corrupt_parquet_file_is_named() {
    let session = session();
    let lake = lake(&session).await;
    let good = lake.path().join("a.parquet");
    let bad = lake.path().join("bad");
    fs::create_dir(&bad).unwrap();
    fs::copy(&good, bad.join("fine.parquet")).unwrap();
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 5] = [
        ("cut.parquet", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty.parquet", |bytes| bytes.clear()),
        ("text.parquet", |bytes| *bytes = b"n,s\n1,x\n2,y\n3,z\n".to_vec()),
        ("footer.parquet", |bytes| {
            let at = bytes.len() - 60;
            bytes[at..at + 40].fill(0xff);
        }),
        ("page.parquet", |bytes| bytes[4..60].fill(0xff)),
    ];
    let mut wrong = Vec::new();
    for (name, change) in changes {
        corrupt(&good, &bad.join(name), change);
        for from in [bad.join(name).display().to_string(), bad.display().to_string()] {
            // An empty file among others is skipped, as the markers that some writers leave.
            if name == "empty.parquet" && from == bad.display().to_string() {
                continue;
            }
            match cells(&session, &format!("select sum(n), max(s) from '{from}'")).await {
                Ok(rows) => wrong.push(format!("{from} gave {rows}")),
                Err(e) if e.kind() != ErrorKind::Invalid || !e.message().contains(name) => {
                    wrong.push(format!("{from}: {name} not named: {:?} {e}", e.kind()));
                }
                Err(_) => {}
            }
        }
        fs::remove_file(bad.join(name)).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn csv_columns_have_names_of_their_own_and_types_that_hold() {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        path(&folder, name)
    };
    let twice = file("twice.csv", "a,a,b,a_1,a\n1,2,3,4,5\n");
    assert_eq!(cells(&session, &format!("select a, a_1, a_2, a_3, b from '{twice}'")).await.unwrap(), "1,4,2,5,3");
    let dates = file(
        "dates.csv",
        "id,d,t,e\n1,2024-02-29,2024-01-01 10:00:00,2024-01-01\n2,2024-02-30,,\n3,0000-00-00,2024-13-01 10:00:00,\n",
    );
    let types = format!("select arrow_typeof(d), arrow_typeof(t), arrow_typeof(e), d from '{dates}' order by id");
    assert_eq!(
        cells(&session, &types).await.unwrap(),
        "Utf8,Utf8,Date32,2024-02-29;Utf8,Utf8,Date32,2024-02-30;Utf8,Utf8,Date32,0000-00-00"
    );
}
