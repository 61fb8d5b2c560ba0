//! COPY as DuckDB and PostgreSQL write it: options, COPY FROM, and what is refused by name. And TEMP tables, which scripts that
//! copy begin with.

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
