//! Rows that are added to tables of files: they are read back as they were, take no others away, or are refused.

use std::fs;

use maar_engine::ErrorKind;
use tempfile::TempDir;

use crate::support::{cells, error, session};

#[tokio::test]
async fn what_is_inserted_is_read_back() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    for (name, file, text, format) in [
        ("tabs", "a.tsv", "n\ts\n1\tx\n", "tsv"),
        ("tab", "a.tab", "n\ts\n1\tx\n", "tsv"),
        ("commas", "a.csv", "n,s\n1,x\n", "csv"),
        ("lines", "a.ndjson", "{\"n\": 1, \"s\": \"x\"}\n", "ndjson"),
        ("any", "a.txt", "n,s\n1,x\n", "csv"),
    ] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join(file), text).unwrap();
        for (place, options) in [("", ""), ("", "options ('format.compression' 'gzip')"), ("*", ""), ("**/*", "")] {
            // A table of packed files has no others.
            let is_packed = !options.is_empty();
            let own = if is_packed { format!("{name}_packed") } else { name.to_string() };
            let columns = if is_packed { "(n bigint, s varchar)" } else { "" };
            let sql = format!(
                "create or replace external table t {columns} stored as {format} location '{root}/{own}/{place}' {options}"
            );
            session.run_script(&sql).await.unwrap_or_else(|e| unreachable!("{sql}: {e}"));
            let count = async || cells(&session, "select count(*) from t").await.unwrap().parse::<i64>().unwrap();
            let before = count().await;
            assert_eq!(cells(&session, "insert into t values (2, 'y'), (3, null)").await.unwrap(), "2", "{sql}");
            assert_eq!(count().await, before + 2, "{sql}");
            let new = "select distinct n, s from t where n > 1 order by n";
            assert_eq!(cells(&session, new).await.unwrap(), "2,y;3,", "{sql}");
        }
    }
}

#[tokio::test]
async fn what_would_be_lost_or_hide_others_is_refused() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    for (file, text) in [
        ("skip/a.csv", "made by hand\nn,s\n1,x\n"),
        ("text/a.csv", "n,s\n1,x\n"),
        ("array/a.json", "[{\"n\": 1, \"s\": \"x\"}]"),
        ("some/2024-1.csv", "n,s\n1,x\n"),
        ("archive/old/a.csv", "n,s\n1,x\n"),
        ("hive/y=1/a.csv", "n,s\n1,x\n"),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (format, place, options, message) in [
        ("csv", "skip/", "'format.skip' '1'", "'skip'"),
        ("csv", "text/", "'format.comment' '#'", "'comment'"),
        ("csv", "text/", "'format.null_value' 'NA'", "'null_value'"),
        ("csv", "text/", "'format.date_format' '%d.%m.%Y'", "'date_format'"),
        ("csv", "text/", "'format.escape' '\\'", "'escape'"),
        ("csv", "text/", "'format.double_quote' 'false'", "'double_quote'"),
        ("json", "array/", "'format.newline_delimited' 'false'", "'newline_delimited'"),
        ("csv", "some/2024-*.csv", "", "may not match a new file"),
        ("csv", "archive/", "", "would hide"),
        ("csv", "hive/*.csv", "", "may not match a new file"),
    ] {
        let options = if options.is_empty() { String::new() } else { format!("options ({options})") };
        let sql = format!("create or replace external table t stored as {format} location '{root}/{place}' {options}");
        session.run_script(&sql).await.unwrap_or_else(|e| unreachable!("{sql}: {e}"));
        let rows = if place.starts_with("hive") { "(2, 'y', 1)" } else { "(2, 'y')" };
        let e = error(&session, &format!("insert into t values {rows}")).await;
        let is_told = e.kind() == ErrorKind::Unsupported && e.message().contains(message) && e.hint().is_some();
        assert!(is_told, "{sql}: {e}");
        assert_eq!(cells(&session, "select n, s from t").await.unwrap(), "1,x", "{sql}");
    }
    for (sql, message) in [
        ("copy (select 1 as n) to 'ROOT/x.csv' options ('format.terminator' '|')", "'format.terminator'"),
        ("copy (select 1 as n) to 'ROOT/x.csv' options ('format.comment' '#')", "'format.comment'"),
        ("copy (select 1 as n) to 'ROOT/x.csv' (escape '\\')", "'format.escape'"),
        ("copy (select 1 as n) to 'ROOT/x.json' options ('format.newline_delimited' 'false')", "newline_delimited'"),
    ] {
        let e = error(&session, &sql.replace("ROOT", &root)).await;
        assert!(e.kind() == ErrorKind::Unsupported && e.message().contains(message), "{sql}: {e}");
    }
    assert!(!folder.path().join("x.csv").exists() && !folder.path().join("x.json").exists());
}

#[tokio::test]
async fn copy_from_reads_tabs_where_the_format_says_so() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let root = folder.path().display().to_string();
    fs::write(folder.path().join("tabs.txt"), "a\tb\n1,5\tx\n").unwrap();
    fs::write(folder.path().join("semi.txt"), "a;b\n1,5;x\n").unwrap();
    fs::write(folder.path().join("tabs.tsv"), "a\tb\n1,5\tx\n").unwrap();
    fs::write(folder.path().join("a.csv"), "a,b\n\"1,5\",x\n").unwrap();
    session.run_script("create table t (a varchar, b varchar)").await.unwrap();
    for copy in [
        "copy t from 'ROOT/tabs.txt' (format tsv)",
        "copy t from 'ROOT/tabs.txt' (header, format 'tab')",
        "copy t from 'ROOT/semi.txt' (format tsv, delimiter ';')",
        "copy t from 'ROOT/semi.txt' (sep ';', format tsv)",
        "copy t from 'ROOT/tabs.tsv' (format csv)",
        "copy t from 'ROOT/tabs.tsv'",
    ] {
        assert_eq!(
            cells(&session, &copy.replace("ROOT", &root)).await.unwrap_or_else(|e| e.to_string()),
            "1",
            "{copy}"
        );
    }
    assert_eq!(cells(&session, "select distinct a, b from t").await.unwrap(), "1,5,x");
    let declared =
        format!("create external table semi stored as tsv location '{root}/semi.txt' options ('delimiter' ';')");
    session.run_script(&declared).await.unwrap();
    assert_eq!(cells(&session, "select a, b from semi").await.unwrap(), "1,5,x");
    for (sql, message) in [
        ("copy t to 'ROOT/x.csv' (delimiter ';', delimiter ',')", "COPY is given DELIMITER twice"),
        ("copy t to 'ROOT/x.csv' (delimiter ';', sep ',')", "'format.delimiter' is given twice"),
        ("copy t to 'ROOT/x.csv' (format csv, format json)", "COPY is given FORMAT twice"),
        ("copy t to 'ROOT/x.csv' stored as csv options ('delimiter' ';', 'format.delimiter' ',')", "is given twice"),
        ("copy t from 'ROOT/semi.txt' (delimiter ';', sep ',')", "is given delim twice"),
        (
            "create external table two stored as csv location 'ROOT/a.csv' options ('delimiter' ';', 'format.delimiter' ',')",
            "'format.delimiter' is given twice",
        ),
    ] {
        let e = error(&session, &sql.replace("ROOT", &root)).await;
        assert!(e.kind() == ErrorKind::Invalid && e.message().contains(message), "{sql}: {e}");
    }
    let both = format!("select * from read_csv(['{root}/a.csv', '{root}/tabs.tsv'])");
    let e = error(&session, &both).await;
    assert!(e.message().contains("not separated alike") && e.message().contains("tabs.tsv"), "{e}");
}
