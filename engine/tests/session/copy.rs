//! COPY as DuckDB and PostgreSQL write it: options, COPY FROM, and what is refused by name. And TEMP tables, which scripts that
//! copy begin with.

use std::time::{Duration, Instant};

use crate::support::{cells, error, session};

#[tokio::test]
async fn options_of_copy_to() {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    session.run_script("create temp table t as select * from (values (1, 'x;y'), (2, null)) v(a, b)").await.unwrap();
    let csv = [
        ("(format csv, header, delimiter ';')", "a;b\n1;\"x;y\"\n2;\n"),
        ("with (FORMAT 'csv', HEADER false, DELIM '|', NULL 'NA')", "1|x;y\n2|NA\n"),
        ("(header 1, sep ';', quote '''')", "a;b\n1;'x;y'\n2;\n"),
        ("(delimiter e'\\t', header off)", "1\tx;y\n2\t\n"),
        ("with csv header delimiter as ';'", "a;b\n1;\"x;y\"\n2;\n"),
        ("delimiter '|' csv header", "a|b\n1|x;y\n2|\n"),
    ];
    for (at, (options, text)) in csv.iter().enumerate() {
        let file = folder.path().join(format!("{at}.csv"));
        let sql = format!("copy (select * from t order by a) to '{}' {options}", file.display());
        cells(&session, &sql).await.unwrap_or_else(|e| format!("{sql}: {e}"));
        assert_eq!(&std::fs::read_to_string(&file).unwrap_or_default(), text, "{sql}");
    }
    let file = folder.path().join("some.csv");
    session.run_script(&format!("copy t (b) to '{}' (header false, null '-')", file.display())).await.unwrap();
    let mut lines: Vec<String> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["-", "x;y"]);
}

#[tokio::test]
async fn codecs_and_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    session.run_script("create table t as select * from (values (1, 'x'), (2, 'y')) v(a, b)").await.unwrap();
    let codecs = [
        ("(format parquet, compression zstd)", "ZSTD"),
        ("(compression 'ZSTD', compression_level 5, row_group_size 100000)", "ZSTD"),
        ("(format parquet, codec snappy)", "SNAPPY"),
        ("(compression none)", "UNCOMPRESSED"),
        ("options (compression zstd)", "ZSTD"),
        ("(compression gzip)", "GZIP"),
    ];
    for (at, (options, codec)) in codecs.iter().enumerate() {
        let file = folder.path().join(format!("{at}.parquet"));
        session.run_script(&format!("copy t to '{}' {options}", file.display())).await.unwrap();
        let asked = format!("select distinct compression from parquet_metadata('{}')", file.display());
        let given = cells(&session, &asked).await.unwrap();
        assert!(given.starts_with(codec), "{options}: {given}");
    }
    let by = folder.path().join("by");
    let sql = format!("copy t to '{}' (format parquet, partition_by (b), overwrite_or_ignore)", by.display());
    session.run_script(&sql).await.unwrap();
    assert!(by.join("b=x").is_dir() && by.join("b=y").is_dir());
}

/// All files below `folder`, hidden ones too.
fn files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}

#[tokio::test]
async fn what_fails_writes_no_file_and_leaves_the_one_that_was() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("kept.csv"), "a\n1\n").unwrap();
    std::fs::create_dir(at("t")).unwrap();
    let session = session();
    // Much is written in parts before the last row fails.
    let fails =
        "select md5(cast(i as varchar)) as t, i % 2 as k, 1 / (i - 40000) as x from generate_series(1, 40000) g(i)";
    let table =
        format!("create external table t (t varchar, k bigint, x bigint) stored as parquet location '{}/'", at("t"));
    session
        .run_script(&format!("set datafusion.execution.objectstore_writer_buffer_size = 50000; {table}"))
        .await
        .unwrap();
    let names = ["a.csv", "a.csv.gz", "a.json", "a.parquet", "a.arrow", "kept.csv"];
    let mut statements: Vec<String> = names.iter().map(|name| format!("copy ({fails}) to '{}'", at(name))).collect();
    for format in ["parquet", "csv"] {
        statements.push(format!("copy ({fails}) to '{}' (format {format}, partition_by (k))", at("by")));
    }
    statements.push(format!("insert into t {fails}"));
    for sql in &statements {
        let e = error(&session, sql).await;
        assert!(e.message().contains("division by zero"), "{sql}: {e}");
        // Writers that are stopped clear up a little later.
        let begun = Instant::now();
        while files(folder.path()).len() > 1 && begun.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(files(folder.path()), [at("kept.csv")], "{sql}");
        assert_eq!(std::fs::read_to_string(at("kept.csv")).unwrap(), "a\n1\n", "{sql}");
    }
    for (sql, sum) in [(&statements[0], "a.csv"), (&statements[6], "by/"), (&statements[8], "t/")] {
        let well = sql.replace("40000) as x", "40001) as x");
        session.run_script(&well).await.unwrap();
        let rows = cells(&session, &format!("select count(*), sum(k) from '{}'", at(sum))).await.unwrap();
        assert_eq!(rows, "40000,20000", "{sql}");
    }
}

#[tokio::test]
async fn copy_from() {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    session.run_script("create table t (a bigint, b varchar)").await.unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("plain.csv"), "a,b\n1,x\n").unwrap();
    std::fs::write(at("semi.txt"), "2;y\n3;NA\n").unwrap();
    std::fs::write(at("some.csv"), "z\n").unwrap();
    let statements = [
        (format!("copy t from '{}'", at("plain.csv")), "1,x"),
        (format!("copy t from '{}' with (format csv, header true)", at("plain.csv")), "1,x"),
        (format!("copy t from '{}' csv header", at("plain.csv")), "1,x"),
        (format!("copy t from '{}' (header false, delimiter ';', null 'NA')", at("semi.txt")), "2,y;3,"),
        (format!("copy t (b) from '{}' (header false, auto_detect true)", at("some.csv")), ",z"),
    ];
    for (sql, rows) in statements {
        session.run_script("truncate t").await.unwrap();
        cells(&session, &sql).await.unwrap_or_else(|e| format!("{sql}: {e}"));
        assert_eq!(cells(&session, "from t order by a").await.unwrap(), rows, "{sql}");
    }
}

#[tokio::test]
async fn what_copy_cannot_do_is_named() {
    let session = session();
    session.run_script("create table t (a bigint)").await.unwrap();
    for (sql, part) in [
        ("copy t to 'x.csv' (force_quote *)", "COPY does not support FORCE_QUOTE"),
        ("copy t to 'x.parquet' (formt parquet)", "COPY does not support FORMT"),
        ("copy t to stdout", "does not write to the terminal"),
        ("copy t from stdin", "does not read from the terminal"),
        ("copy t from 'x' (format exe)", "does not read the format exe"),
        ("copy t to 'x.csv' (compression rar)", "called 'rar'"),
    ] {
        let e = error(&session, sql).await;
        assert!(e.message().contains(part), "{sql}: {e}");
    }
}
