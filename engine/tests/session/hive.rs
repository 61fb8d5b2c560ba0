//! Hive's folders as columns: found by themselves, typed, and ruled out by filters before what is in them is listed.

use std::sync::Arc;

use maar_engine::device::DeviceKind;
use maar_engine::{ErrorKind, Session};
use tempfile::TempDir;

use crate::stores::Watched;
use crate::support::{cells, error, session};

const URL: &str = "counted://bucket";

/// Writes a file of one row, `n`.
async fn write(session: &Session, path: &str, n: u32) {
    let sql = format!("copy (select {n} as n) to '{path}' (format parquet)");
    assert_eq!(cells(session, &sql).await.unwrap_or_else(|e| format!("{path}: {e}")), "1");
}

#[tokio::test]
async fn folders_are_columns_of_one_type() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    for (n, path) in [
        "whole/y=2024/m=01/a.parquet",
        "whole/y=-5/m=__HIVE_DEFAULT_PARTITION__/a.parquet",
        "days/d=2024-02-29/a.parquet",
        "days/d=__HIVE_DEFAULT_PARTITION__/a.parquet",
        "texts/t=1/a.parquet",
        "texts/t=a%2Fb/a.parquet",
        "none/t=__HIVE_DEFAULT_PARTITION__/a.parquet",
    ]
    .into_iter()
    .enumerate()
    {
        write(&session, &format!("{root}/{path}"), n as u32).await;
    }
    for (sql, expected) in [
        ("select n, y + 1, m from 'LAKE/whole/**/*.parquet' order by n", "0,2025,01;1,-4,"),
        ("select arrow_typeof(y), arrow_typeof(m) from 'LAKE/whole/' limit 1", "Int64,Utf8View"),
        ("select n from 'LAKE/whole/' where m is null or y = '2024' order by n", "0;1"),
        ("select n, d, arrow_typeof(d) from 'LAKE/days/' order by n", "2,2024-02-29,Date32;3,,Date32"),
        ("select n from 'LAKE/days/*/*.parquet' where d < date '2024-03-01'", "2"),
        ("select n, t from 'LAKE/texts/' order by t", "4,1;5,a/b"),
        ("select arrow_typeof(t), t is null from 'LAKE/none/'", "Utf8View,true"),
        ("select * from read_parquet('LAKE/whole/', hive_partitioning = false) order by 1", "0;1"),
        ("select n, m from read_parquet('LAKE/whole/', hive_partitioning = true) order by 1", "0,01;1,"),
        (
            "select m, y from read_parquet('LAKE/whole/**/*.parquet', hive_types_autocast = false) order by n",
            "01,2024;,-5",
        ),
    ] {
        let sql = sql.replace("LAKE", &root);
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{sql}");
    }
    let table = |clause: &str| {
        format!("create or replace external table t stored as parquet {clause} location '{root}/whole/'")
    };
    for (clause, expected) in [
        ("partitioned by (y int, m varchar)", "Int32,Utf8View,01"),
        ("partitioned by (y, m)", "Int64,Utf8View,01"),
        ("", "Int64,Utf8View,01"),
    ] {
        session.run_script(&table(clause)).await.unwrap();
        let sql = "select arrow_typeof(y), arrow_typeof(m), m from t where y = 2024";
        assert_eq!(cells(&session, sql).await.unwrap(), expected, "{clause}");
    }
    // A folder that came later and is of another type.
    write(&session, &format!("{root}/whole/y=new/m=1/a.parquet"), 9).await;
    let e = error(&session, "select sum(n) from t").await;
    assert!(e.kind() == ErrorKind::Invalid && e.message().contains("'new'") && e.message().contains("y=new"), "{e}");
    assert_eq!(cells(&session, &format!("select max(y) from '{root}/whole/'")).await.unwrap(), "new");
}

#[tokio::test]
async fn a_column_in_files_and_folders_leaves_the_other_keys() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    let sql = format!("copy (select 7 as y, 1 as n) to '{root}/t/y=7/m=3/a.parquet' (format parquet)");
    cells(&session, &sql).await.unwrap();
    let both = format!("select y, m, n from '{root}/t/'");
    for (filter, expected) in
        [("", "7,3,1"), ("where m = 3", "7,3,1"), ("where m = 4", ""), ("where y = 7 and m < 9", "7,3,1")]
    {
        assert_eq!(cells(&session, &format!("{both} {filter}")).await.unwrap(), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_takes_no_rows_away_and_brings_none() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    let declared = "(n bigint, y int) stored as parquet partitioned by (y)";
    session.run_script(&format!("create external table late {declared} location '{root}/late/'")).await.unwrap();
    for (n, path) in [
        // A key that is no column, which came after the table was made.
        "late/y=1/a.parquet",
        "late/x=9/y=1/a.parquet",
        "late/x=9/y=2/a.parquet",
        "late/b/y=1/a.parquet",
        // Folders that count where there are no others.
        "own/m=1/a.parquet",
        "own/archive/m=2/b.parquet",
        "deep/archive/m=1/a.parquet",
        "deep/other/m=2/a.parquet",
        "users/a/lake/y=1/a.parquet",
        "users/b/lake/y=2/a.parquet",
    ]
    .into_iter()
    .enumerate()
    {
        write(&session, &format!("{root}/{path}"), n as u32).await;
    }
    // What a pattern never walks is not looked into for a filter's sake either: this would have no end.
    std::fs::create_dir(folder.path().join("users/b/home")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("users/b"), folder.path().join("users/b/home/up")).unwrap();
    for (from, column) in [
        ("late", "y"),
        ("'ROOT/own/'", "m"),
        ("'ROOT/own'", "m"),
        ("'ROOT/deep/'", "m"),
        ("'ROOT/own/*/*.parquet'", "m"),
        ("'ROOT/deep/**/*.parquet'", "m"),
        ("'ROOT/users/*/lake/y=*/*.parquet'", "y"),
        ("'ROOT/users/*/lake/*.parquet'", "y"),
        ("read_parquet('ROOT/own/', filename = true)", "m"),
    ] {
        let from = from.replace("ROOT", &root);
        for value in 0..4 {
            let filtered = format!("select n from {from} where {column} = {value} order by n");
            // The same, and nothing that could be asked of folders.
            let asked_of_rows = format!("select n from {from} where {column} + n = {value} + n order by n");
            let expected = cells(&session, &asked_of_rows).await.unwrap_or_else(|e| e.to_string());
            assert_eq!(cells(&session, &filtered).await.unwrap_or_else(|e| e.to_string()), expected, "{filtered}");
        }
    }
    assert_eq!(cells(&session, "select count(*), sum(y) from late where y = 1").await.unwrap(), "2,2");
    let own = format!("select count(*) from '{root}/own/' where m = 2");
    assert_eq!(cells(&session, &own).await.unwrap(), "0");
}

#[tokio::test]
async fn folders_without_files_of_the_table_may_be_called_anything() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    write(&session, &format!("{root}/t/y=2024/a.parquet"), 1).await;
    for (name, file) in
        [("empty", None), ("done", Some("_SUCCESS")), ("none", Some("a.parquet")), ("text", Some("a.txt"))]
    {
        let below = folder.path().join(format!("t/y={name}"));
        std::fs::create_dir(&below).unwrap();
        if let Some(file) = file {
            std::fs::write(below.join(file), if name == "text" { "a note" } else { "" }).unwrap();
        }
    }
    session.run_script(&format!("create external table t stored as parquet location '{root}/t/'")).await.unwrap();
    for from in ["t".to_string(), format!("'{root}/t/'"), format!("'{root}/t/*/*.parquet'")] {
        for (filter, expected) in [("", "1,2024"), ("where y = 2024", "1,2024"), ("where y > 2024", "")] {
            let sql = format!("select n, y from {from} {filter}");
            assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{sql}");
        }
    }
}

/// Folders that a filter rules out have to say the columns of a path all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_plan_sees_what_comes_into_folders_that_are_ruled_out() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Emulated, URL);
    // A device reads what folders say on the host; which folders there are hangs on the type of `y`.
    let path = format!("select * exclude (y) from '{URL}/t/' where y >= '2024' and n > 0 order by n");
    let run = async |sql: &str| {
        let (batches, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
        let columns: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
        (columns.join(","), cells(&session, sql).await.unwrap(), report.plan_from_cache)
    };
    write(&session, &format!("{URL}/t/y=2024/a.parquet"), 1).await;
    write(&session, &format!("{URL}/t/y=2023/a.parquet"), 2).await;
    session.run_script(&format!("create view v as select * from '{URL}/t/'")).await.unwrap();
    let view = "select * exclude (y) from v where y >= '2024' and n > 0 order by n";
    for sql in [path.as_str(), view] {
        run(sql).await;
        assert_eq!(run(sql).await, ("n".to_string(), "1".to_string(), true), "{sql}");
    }
    let copy = format!("copy (select 3 as n, 'new' as z) to '{URL}/t/y=2022/b.parquet' (format parquet)");
    cells(&session, &copy).await.unwrap();
    assert_eq!(run(&path).await, ("n,z".to_string(), "1,".to_string(), false));
    // A view has the columns that it was made with, so its plan stays.
    assert_eq!(run(view).await, ("n".to_string(), "1".to_string(), true));
    assert!(run(&path).await.2);
    write(&session, &format!("{URL}/t/y=10/a.parquet"), 4).await;
    write(&session, &format!("{URL}/t/y=abc/a.parquet"), 5).await;
    let (_, rows, kept) = run(&path).await;
    assert_eq!((rows.as_str(), kept), ("1,;5,", false));
}

#[tokio::test]
async fn several_locations_are_one_partitioned_table() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    for (n, path) in ["a/y=1/x.parquet", "a/y=2/x.parquet", "b/y=2/x.parquet"].into_iter().enumerate() {
        write(&session, &format!("{root}/{path}"), n as u32).await;
    }
    let from = format!("['{root}/a/', '{root}/b/']");
    assert_eq!(cells(&session, &format!("select count(*), sum(y) from {from} where y = 2")).await.unwrap(), "2,4");
    let sql = format!(
        "create external table t (n bigint, y int) stored as parquet partitioned by (y) \
         location ('{root}/a/', '{root}/b/')"
    );
    session.run_script(&sql).await.unwrap();
    assert_eq!(cells(&session, "select count(*), sum(n) from t where y = 2").await.unwrap(), "2,3");
}

async fn years(session: &Session) {
    for y in 2020..2026 {
        for m in 1..4 {
            write(session, &format!("{URL}/t/y={y}/m={m}/a.parquet"), (y - 2000) * 10 + m).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_rule_folders_out_before_they_are_listed() {
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let store = Arc::new(Watched::default());
        let session = store.session(device, URL);
        years(&session).await;
        for (name, location) in [("t", "t/"), ("p", "t/**/*.parquet"), ("q", "t/*/*/*.parquet")] {
            let columns = "(n bigint, y int, m int) stored as parquet partitioned by (y, m)";
            session
                .run_script(&format!("create external table {name} {columns} location '{URL}/{location}'"))
                .await
                .unwrap();
            for (filter, expected, listed) in [
                ("y = 2021", "3,636", &["t/", "t/y=2021/**"][..]),
                ("y = 2021 and m = 2", "1,212", &["t/", "t/y=2021/", "t/y=2021/m=2/**"]),
                ("y in (2020, 2025) and n > 0", "6,1362", &["t/", "t/y=2020/**", "t/y=2025/**"]),
                ("y = 2021 and n = 213", "1,213", &["t/", "t/y=2021/**"]),
                ("y = 1999", "0,", &["t/"]),
                ("m = 2", "6,1362", &["t/**"]),
                ("n = 202", "1,202", &["t/**"]),
            ] {
                let sql = format!("select count(*), sum(n) from {name} where {filter}");
                for run in 0..2 {
                    store.listed();
                    assert_eq!(cells(&session, &sql).await.unwrap(), expected, "{device:?} {run} {sql}");
                    let found = store.listed();
                    // Where nothing is found, a pattern that leaves folders out is asked for as well.
                    let is_left_out = expected.starts_with('0') && name == "q";
                    assert!(found == listed || is_left_out, "{device:?} {run} {sql}: {found:?}");
                }
            }
            // The same table with other folders in one statement.
            let both = format!(
                "select a.n, b.n from {name} a join {name} b on a.m = b.m where a.y = 2020 and b.y = 2024 and a.m = 1"
            );
            assert_eq!(cells(&session, &both).await.unwrap(), "201,241");
            // What comes later is seen, in folders that are left and in new ones.
            write(&session, &format!("{URL}/t/y=2021/m=2/b.parquet"), 1).await;
            let sql = format!("select count(*), sum(n) from {name} where y = 2021");
            assert_eq!(cells(&session, &sql).await.unwrap(), "4,637");
            object_store::ObjectStoreExt::delete(store.as_ref(), &"t/y=2021/m=2/b.parquet".into()).await.unwrap();
            assert_eq!(cells(&session, &sql).await.unwrap(), "3,636");
        }
        for path in ["t/**/*.parquet", "t/", "t"] {
            let sql = format!("select sum(n) from '{URL}/{path}' where y = 2023 and m in (1, 3)");
            store.listed();
            assert_eq!(cells(&session, &sql).await.unwrap(), "464", "{device:?}");
            // Of a path the columns come from all files; the scan lists the folders that are left. A folder may have a log.
            let mut listed = vec!["t/", "t/**", "t/y=2023/", "t/y=2023/m=1/**", "t/y=2023/m=3/**"];
            if !path.contains('*') {
                listed.extend(["t/_delta_log/**", "t/metadata/"]);
                listed.sort_unstable();
            }
            assert_eq!(store.listed(), listed, "{path}");
        }
    }
}
