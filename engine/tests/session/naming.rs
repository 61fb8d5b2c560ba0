//! Naming the files of a table: patterns, braces and lists mean the same on every store, written as a path or as a URL.

use std::sync::Arc;

use maar_engine::device::DeviceKind;
use maar_engine::{ErrorKind, Session};
use tempfile::TempDir;

use crate::stores::{Asked, Watched};
use crate::support::{cells, error, session};

const URL: &str = "counted://lake";

/// Eight files of one row each, at `root`.
async fn write(session: &Session, root: &str) {
    for (n, name) in ["a", "b", "c1", "sub/a", "sub/deep/a", "y/a", "y/m/a", "ä b/#1"].iter().enumerate() {
        // In a URL a number sign and a space are written as they are, or as numbers.
        session
            .run_script(&format!("copy (select {n} as n) to '{root}/{}.parquet'", name.replace('#', "%23")))
            .await
            .unwrap();
    }
}

/// What is named, and the rows that it has.
const NAMED: &[(&str, &str)] = &[
    ("'ROOT/a.parquet'", "0"),
    ("'ROOT/*.parquet'", "0,1,2"),
    ("'ROOT/?.parquet'", "0,1"),
    ("'ROOT/[!a]*.parquet'", "1,2"),
    ("'ROOT/**/*.parquet'", "0,1,2,3,4,5,6,7"),
    ("'ROOT/**/a.parquet'", "0,3,4,5,6"),
    ("'ROOT/*/*.parquet'", "3,5,7"),
    ("'ROOT/sub/**'", "3,4"),
    ("'ROOT/*/deep/a.parquet'", "4"),
    ("'ROOT/{a,b}.parquet'", "0,1"),
    ("'ROOT/{a,sub/a,nowhere}.parquet'", "0,3"),
    ("'ROOT/{a,c*}.parquet'", "0,2"),
    ("'ROOT/{sub,y/m}/*.parquet'", "3,6"),
    ("'ROOT/y*/a.parquet'", "5"),
    ("['ROOT/a.parquet', 'ROOT/sub/a.parquet']", "0,3"),
    ("['ROOT/a.parquet', 'ROOT/*.parquet']", "0,0,1,2"),
    ("read_parquet(['ROOT/b.parquet', 'ROOT/sub/**/*.parquet'])", "1,3,4"),
    ("'ROOT/y/'", "5"),
];

async fn check(session: &Session, root: &str) {
    for (named, rows) in NAMED {
        let sql = format!("select n from {} order by n", named.replace("ROOT", root));
        let read = cells(session, &sql).await.map(|cells| cells.replace(';', ","));
        assert_eq!(read.unwrap_or_else(|e| e.to_string()), *rows, "{sql}");
    }
    let globbed = format!("select replace(file, '{root}/', '') from glob('{root}/sub/**') order by 1");
    assert_eq!(cells(session, &globbed).await.unwrap(), "sub/a.parquet;sub/deep/a.parquet", "{globbed}");
    assert_eq!(cells(session, &format!("select count(*) from glob('{root}/**/*.csv')")).await.unwrap(), "0");
    for none in ["**/*.csv", "{x,y}.parquet", "z*.parquet", "nowhere/*.parquet"] {
        let e = error(session, &format!("select * from '{root}/{none}'")).await;
        assert!(e.kind() == ErrorKind::NotFound && e.message().contains(none), "{root}/{none}: {e}");
    }
    let table = format!("create external table t stored as parquet location '{root}/**/[a-b].parquet'");
    session.run_script(&table).await.unwrap();
    assert_eq!(cells(session, "select sum(n) from t").await.unwrap(), "19");
}

#[tokio::test]
async fn patterns_of_paths() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    let root = lake.path().display().to_string();
    for (n, name) in ["a", "b", "c1", "sub/a", "sub/deep/a", "y/a", "y/m/a", "ä b/#1"].iter().enumerate() {
        session.run_script(&format!("copy (select {n} as n) to '{root}/{name}.parquet'")).await.unwrap();
    }
    check(&session, &root).await;
    session.run_script("drop table t").await.unwrap();
    check(&session, &format!("file://{root}")).await;
}

#[tokio::test]
async fn patterns_of_a_store_that_was_registered() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Cpu, URL);
    write(&session, &format!("{URL}/p")).await;
    check(&session, &format!("{URL}/p")).await;
}

/// A pattern may leave Hive's folders out, and its files have their columns all the same.
#[tokio::test]
async fn folders_of_hive_below_a_pattern() {
    let store = Arc::new(Watched::default());
    let (remote, local, lake) = (store.session(DeviceKind::Cpu, URL), session(), TempDir::new().unwrap());
    for (session, root) in [(remote, URL.to_string()), (local, format!("file://{}", lake.path().display()))] {
        let rows = "select * from (values (1, 'x'), (2, 'y')) v(n, p)";
        let copy = format!("copy ({rows}) to '{root}/h/' stored as parquet partitioned by (p)");
        session.run_script(&copy).await.unwrap();
        for pattern in ["h/*.parquet", "h/p=*/*.parquet", "h/**/*.parquet", "h/{p=x,p=y}/*.parquet", "h/"] {
            let sql = format!("select n, p from '{root}/{pattern}' order by n");
            assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), "1,x;2,y", "{sql}");
        }
        let one = format!("select n, p from '{root}/h/*/*.parquet' where p = 'y'");
        assert_eq!(cells(&session, &one).await.unwrap(), "2,y");
    }
}

#[tokio::test]
async fn characters_of_urls_are_those_of_names() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Cpu, URL);
    write(&session, &format!("{URL}/p")).await;
    for named in
        ["ä b/#1.parquet", "%C3%A4%20b/%231.parquet", "ä*/*.parquet", "*/#1.parquet", "*%20b/%23?.parquet", "%C3%A4 b/"]
    {
        assert_eq!(cells(&session, &format!("select n from '{URL}/p/{named}'")).await.unwrap(), "7", "{named}");
    }
    let e = error(&session, &format!("select n from '{URL}/p/%2A.parquet'")).await;
    assert_eq!(e.kind(), ErrorKind::NotFound, "a star that is a character: {e}");
}

#[tokio::test]
async fn a_store_is_asked_as_seldom_as_may_be() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Cpu, URL);
    write(&session, &format!("{URL}/p")).await;
    for (pattern, asked) in [
        ("p/*.parquet", (1, 0)),
        ("p/**/a.parquet", (1, 0)),
        ("p/*/deep/*.parquet", (1, 0)),
        ("p/{a,b,sub/a}.parquet", (0, 3)),
    ] {
        store.asked();
        cells(&session, &format!("select count(*) from glob('{URL}/{pattern}')")).await.unwrap();
        let Asked { lists, heads, .. } = store.asked();
        assert_eq!((lists, heads), asked, "{pattern}");
    }
    store.asked();
    session
        .run_script(&format!("create external table once stored as parquet location '{URL}/p/**/a.parquet'"))
        .await
        .unwrap();
    assert_eq!(store.asked().lists, 1, "CREATE EXTERNAL TABLE lists once");
    cells(&session, &format!("select * from read_parquet('{URL}/p/**/a.parquet', filename = true)")).await.unwrap();
    assert_eq!(store.asked().lists, 2, "a reader lists for its columns, and for its rows");
}

#[tokio::test]
async fn no_error_shows_what_a_url_hides() {
    let session = session();
    for url in [
        "s3://AKIA:hush@bucket/a.parquet",
        "s3://hush@bucket/*.parquet",
        "https://user:hush@example.com/a.parquet",
        "https://example.com/a.parquet?sig=hush",
    ] {
        for sql in [
            format!("select * from '{url}'"),
            format!("select * from ['{url}', '{url}']"),
            format!("select * from read_parquet('{url}')"),
            format!("select * from glob('{url}')"),
            format!("create external table t stored as parquet location '{url}'"),
            format!("copy (select 1 as a) to '{url}' stored as parquet"),
        ] {
            let e = error(&session, &sql).await;
            assert!(!format!("{e} {e:?}").contains("hush"), "{sql}: {e}");
            assert!(e.hint().is_some(), "{sql}: {e}");
        }
    }
    let e = error(&session, "select * from 'file://elsewhere/a.parquet'").await;
    assert!(e.message().contains("another machine"), "{e}");
    let e = error(&session, "select * from 's3://b*/a.parquet'").await;
    assert!(e.message().contains("name of a host or a bucket"), "{e}");
}
