//! Names and paths, Hive's folders, and text files: what is read, what is written, and what is refused by name.

use std::fs;

use maar_engine::ErrorKind;
use tempfile::TempDir;

use crate::support::{cells, error, session};

fn at(directory: &TempDir, name: &str) -> String {
    directory.path().join(name).display().to_string()
}

#[tokio::test]
async fn every_partition_value_is_written_and_read_back() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    let values = "('__HIVE_DEFAULT_PARTITION__', 1), (NULL, 2), ('a/b', 3), ('x=y', 4), ('50%', 5), ('', 6), ('ä ö', 7), \
                  ('..', 8), ('%5F', 9), ('a''b\"c', 10)";
    for format in ["parquet", "csv", "json"] {
        let folder = at(&lake, &format!("{format}/"));
        let copy = format!(
            "copy (select * from (values {values}) v(p, id)) to '{folder}' stored as {format} partitioned by (p)"
        );
        assert_eq!(cells(&session, &copy).await.unwrap(), "10", "{format}");
        let same = format!(
            "select count(*) from '{folder}' f join (values {values}) v(p, id) on f.id = v.id \
             where f.p is not distinct from v.p"
        );
        assert_eq!(cells(&session, &same).await.unwrap(), "10", "{format}");
        let null = format!("select id from '{folder}' where p is null");
        assert_eq!(cells(&session, &null).await.unwrap(), "2", "{format}");
        let not = format!("select id from '{folder}' where not (p = 'a/b') and p in ('..', 'a/b')");
        assert_eq!(cells(&session, &not).await.unwrap(), "8", "{format}");
    }
    let arrow =
        format!("copy (select 1 as id, 2 as p) to '{}' stored as arrow partitioned by (p)", at(&lake, "arrow/"));
    assert_eq!(error(&session, &arrow).await.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn partition_columns_have_the_types_that_are_declared() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    let folder = at(&lake, "t/");
    let rows = "(1, date '2024-01-02', timestamp '2024-01-02 03:04:05.5', true, 1.5), (2, null, null, null, null)";
    let copy = format!(
        "copy (select cast(i as int) as i, d, t, b, f from (values {rows}) v(i, d, t, b, f)) to '{folder}' stored as parquet partitioned by (d, t, b, f)"
    );
    assert_eq!(cells(&session, &copy).await.unwrap(), "2");
    let columns = "i int, d date, t timestamp, b boolean, f double";
    session
        .run_script(&format!(
            "create external table x ({columns}) stored as parquet partitioned by (d, t, b, f) location '{folder}'; \
             insert into x values (3, null, null, false, null)"
        ))
        .await
        .unwrap();
    for (filter, expected) in [
        ("d > date '2024-01-01' and f = 1.5", "1"),
        ("b is null", "2"),
        ("not b", "3"),
        ("t is null and b is not null", "3"),
    ] {
        assert_eq!(cells(&session, &format!("select i from x where {filter}")).await.unwrap(), expected, "{filter}");
    }
    assert_eq!(cells(&session, "select count(d), count(b), min(f) from x").await.unwrap(), "1,2,1.5");
    let wrong =
        format!("create external table y (i int, d int) stored as parquet partitioned by (d) location '{folder}'");
    session.run_script(&wrong).await.unwrap();
    let e = error(&session, "select i from y").await;
    assert!(e.kind() == ErrorKind::Invalid && e.message().contains("'2024-01-02'"), "{e}");
    let alone = format!(
        "create external table z stored as parquet partitioned by (d date, t timestamp, b boolean) location '{folder}'"
    );
    session.run_script(&alone).await.unwrap();
    assert_eq!(cells(&session, "select i, arrow_typeof(d) from z where b").await.unwrap(), "1,Date32");
}

#[tokio::test]
async fn a_file_that_holds_the_partition_column_itself_keeps_its_type() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    let folder = at(&lake, "t/");
    let copy = format!(
        "copy (select 1 as i, 5 as p union all select 2, null) to '{folder}' stored as parquet partitioned by (p) \
         options (execution.keep_partition_by_columns 'true')"
    );
    cells(&session, &copy).await.unwrap();
    let read = format!("select i, p + 1 from '{folder}' order by i");
    assert_eq!(cells(&session, &read).await.unwrap(), "1,6;2,");
}

#[tokio::test]
async fn folders_of_folders_and_patterns_across_folders_find_their_files() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    for (name, value) in [("g/a/data", 1), ("g/b/data", 2), ("g/b/c/data", 4)] {
        let path = at(&lake, &format!("{name}.parquet"));
        cells(&session, &format!("copy (select {value} as i) to '{path}'")).await.unwrap();
    }
    for (path, sum) in [
        ("g", "7"),
        ("g/", "7"),
        ("g/*/data.parquet", "3"),
        ("g/**/*.parquet", "7"),
        ("g/[b]/d?ta.parquet", "2"),
        ("g/b", "2"),
    ] {
        let path = at(&lake, path);
        assert_eq!(cells(&session, &format!("select sum(i) from '{path}'")).await.unwrap(), sum, "{path}");
    }
    let table = format!("create external table t stored as parquet location '{}'", at(&lake, "g/"));
    session.run_script(&table).await.unwrap();
    assert_eq!(cells(&session, "select sum(i) from t").await.unwrap(), "7");
    cells(&session, &format!("copy (select 1 as i) to '{}'", at(&lake, "g/a/more.csv"))).await.unwrap();
    let mixed = error(&session, &format!("select * from '{}'", at(&lake, "g"))).await;
    assert!(mixed.message().contains("more than one format"), "{mixed}");
}

#[tokio::test]
async fn a_name_that_is_created_is_never_a_path_and_a_table_wins_over_one() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    let file = at(&lake, "x.csv");
    cells(&session, &format!("copy (select 1 as i) to '{file}'")).await.unwrap();
    session.run_script(&format!("create table \"{file}\" as select i + 1 as i from '{file}'")).await.unwrap();
    assert_eq!(cells(&session, &format!("select i from '{file}'")).await.unwrap(), "2");
    session.run_script(&format!("drop table \"{file}\"; create view \"{file}\" as select 9 as i")).await.unwrap();
    assert_eq!(cells(&session, &format!("select i from '{file}'")).await.unwrap(), "9");
    assert_eq!(error(&session, &format!("drop table '{}'", at(&lake, "y.csv"))).await.kind(), ErrorKind::NotFound);
    // `src` is a folder of the crate that the tests run in.
    assert!(error(&session, "select * from src").await.hint().is_some_and(|hint| hint.contains("'src'")));
    assert_eq!(cells(&session, "with src as (select 3 as i) select i from src").await.unwrap(), "3");
    assert_eq!(cells(&session, "with src as (select 3 as i) select i from 'src'").await.unwrap(), "3");
    session.run_script("create table src as select 7 as i").await.unwrap();
    assert_eq!(cells(&session, "select s.i + t.i from src s, 'src' t").await.unwrap(), "14");
}

#[tokio::test]
async fn line_breaks_in_quotes_belong_to_their_value_wherever_a_file_is_cut() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    session.run_script("set datafusion.optimizer.repartition_file_min_size = 64").await.unwrap();
    let mut text = String::from("id,t\n");
    for id in 0..3000 {
        text.push_str(&format!("{id},\"one of {id}\nsaid \"\"no\"\", \n{}\"\r\n", "x".repeat(id % 7)));
    }
    let file = at(&lake, "a.csv");
    fs::write(&file, text).unwrap();
    for partitions in [1, 2, 7] {
        session.run_script(&format!("set datafusion.execution.target_partitions = {partitions}")).await.unwrap();
        let sql = format!("select count(*), sum(id), max(length(t)) from '{file}'");
        assert_eq!(cells(&session, &sql).await.unwrap(), "3000,4498500,30", "{partitions}");
    }
}

#[tokio::test]
async fn an_error_in_a_text_file_names_it() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    fs::write(at(&lake, "a.csv"), "x,y\n1,2\n").unwrap();
    fs::write(at(&lake, "b.csv"), "x,y\n1,2,3\n").unwrap();
    fs::write(at(&lake, "c.json"), "{\"x\": 1}\n").unwrap();
    fs::write(at(&lake, "d.json"), "{\"x\": }\n").unwrap();
    for (pattern, name) in [("*.csv", "b.csv"), ("*.json", "d.json")] {
        let e = error(&session, &format!("select * from '{}'", at(&lake, pattern))).await;
        assert!(e.kind() == ErrorKind::Invalid && e.message().contains(name), "{e}");
    }
    // After the sample that the columns are taken from, too.
    fs::write(at(&lake, "b.csv"), format!("x,y\n{}oops,2\n", "1,2\n".repeat(2000))).unwrap();
    let e = error(&session, &format!("select * from '{}'", at(&lake, "*.csv"))).await;
    assert!(e.kind() == ErrorKind::Invalid && e.message().contains("b.csv"), "{e}");
    fs::write(at(&lake, "b.csv"), "y,x\n1,2\n").unwrap();
    let e = error(&session, &format!("select * from '{}'", at(&lake, "*.csv"))).await;
    assert!(e.kind() == ErrorKind::Invalid && e.message().contains("b.csv"), "{e}");
}

#[tokio::test]
async fn what_would_be_left_undone_is_refused_by_name() {
    let (session, lake) = (session(), TempDir::new().unwrap());
    let file = at(&lake, "x.csv");
    for (sql, named) in [
        (format!("copy (select 1 as i) to '{file}' stored as avro"), "AVRO"),
        (format!("copy (select 1 as i) to '{}'", at(&lake, "y.avro")), "AVRO"),
        (format!("copy (select 1 as i) to '{}' options (nope 1)", at(&lake, "y.arrow")), "'nope' would do nothing"),
        (format!("create external table t stored as csv compression type xz location '{file}'"), "COMPRESSION TYPE"),
        ("set datafusion.sql_parser.dialect = 'PostgreSQL'".to_string(), "datafusion.sql_parser.dialect"),
    ] {
        let e = error(&session, &sql).await;
        assert!(e.kind() == ErrorKind::Unsupported && e.message().contains(named), "{sql}: {e}");
    }
}

#[tokio::test]
async fn schemas_can_be_dropped() {
    let session = session();
    session.run_script("drop schema if exists s; create schema s; drop schema s").await.unwrap();
    session.run_script("create schema s; create table s.t as select 1 as x").await.unwrap();
    assert_eq!(error(&session, "drop schema nowhere").await.kind(), ErrorKind::NotFound);
    assert!(error(&session, "drop schema s").await.message().contains('t'));
    session.run_script("drop schema s cascade").await.unwrap();
}

#[tokio::test]
async fn a_quoted_name_that_is_a_path_is_shown_as_it_was_typed() {
    let session = session();
    // Tests run in the folder of their crate, whose `tests` holds no file of a known format.
    for (sql, message) in [
        ("select * from 'nowhere'", "there is no file or directory 'nowhere'"),
        ("describe 'nowhere'", "there is no file or directory 'nowhere'"),
        ("copy 'nowhere' to 'x.csv'", "there is no file or directory 'nowhere'"),
        ("select * from 'tests'", "the format of 'tests' is not known"),
    ] {
        let e = error(&session, sql).await;
        assert!(e.message().contains(message), "{sql}: {e}");
    }
    let missing = error(&session, "select 1\nfrom 'nowhere'").await;
    assert_eq!(missing.position().map(|at| (at.line, at.column)), Some((2, 6)), "{missing}");
}
