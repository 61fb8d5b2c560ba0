//! Every format by its name: what is read, packed or not, from every kind of store, and what damaged files say.

use std::fs::{self, File};
use std::sync::Arc;

use arrow_avro::writer::AvroWriter;
use maar_engine::datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use maar_engine::datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use maar_engine::datafusion::arrow::record_batch::RecordBatch;
use maar_engine::device::DeviceKind;
use maar_engine::{ErrorKind, Session};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use orc_rust::ArrowWriterBuilder;
use tempfile::TempDir;

use crate::stores::Watched;
use crate::support::{cells, error, session};

const ROWS: &str = "select * from (values (1, 'x'), (2, 'y,''q'), (3, null)) v(n, s)";

/// What COPY writes by the name alone.
const WRITTEN: [&str; 16] = [
    "t.parquet",
    "t.pq",
    "t.csv",
    "t.csv.gz",
    "t.csv.bz2",
    "t.csv.xz",
    "t.csv.zst",
    "t.tsv",
    "t.tsv.gz",
    "t.json",
    "t.jsonl.zst",
    "t.ndjson.gz",
    "t.json.bz2",
    "t.arrow",
    "t.feather",
    "T.CSV.GZ",
];

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true))).unwrap()
}

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn rows() -> RecordBatch {
    batch(vec![("n", numbers(&[1, 2, 3])), ("s", texts(&[Some("x"), Some("y,'q"), None]))])
}

/// Writes `batch` in the format that the name says.
fn write(path: &std::path::Path, batch: &RecordBatch) {
    let file = File::create(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "avro" => {
            let mut writer = AvroWriter::new(file, batch.schema().as_ref().clone()).unwrap();
            writer.write(batch).unwrap();
            writer.finish().unwrap();
        }
        "orc" => {
            let mut writer = ArrowWriterBuilder::new(file, batch.schema()).try_build().unwrap();
            writer.write(batch).unwrap();
            writer.close().unwrap();
        }
        "arrows" => {
            let mut writer = StreamWriter::try_new(file, &batch.schema()).unwrap();
            writer.write(batch).unwrap();
            writer.finish().unwrap();
        }
        _ => {
            let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
            writer.write(batch).unwrap();
            writer.finish().unwrap();
        }
    }
}

/// The same three rows in every format; the names of the files.
async fn lake(session: &Session) -> (TempDir, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let mut names: Vec<String> = Vec::new();
    for name in WRITTEN {
        let sql = format!("copy ({ROWS}) to '{}'", folder.path().join(name).display());
        assert_eq!(cells(session, &sql).await.unwrap_or_else(|e| format!("{name}: {e}")), "3");
        names.push(name.to_string());
    }
    for name in ["o.orc", "a.avro", "s.arrows"] {
        write(&folder.path().join(name), &rows());
        names.push(name.to_string());
    }
    (folder, names)
}

fn reader(name: &str) -> &'static str {
    let name = name.to_lowercase();
    let is = |end: &str| name.contains(end);
    match () {
        () if is(".csv") || is(".tsv") => "csv",
        () if is("json") => "json",
        () if is(".orc") => "orc",
        () if is(".avro") => "avro",
        () if is(".parquet") || is(".pq") => "parquet",
        () => "arrow",
    }
}

/// Whether each way to name `path` gives the three rows; `text` is the file's name.
async fn check(session: &Session, path: &str, name: &str) {
    let format = reader(name);
    let stored = if name.contains(".tsv") { "tsv" } else { format };
    session
        .run_script(&format!("create or replace external table named stored as {stored} location '{path}'"))
        .await
        .unwrap_or_else(|e| unreachable!("{path}: {e}"));
    for from in [
        format!("'{path}'"),
        format!("['{path}']"),
        format!("read_{format}('{path}')"),
        format!("read_{format}(['{path}'], filename = true)"),
        "named".to_string(),
    ] {
        for (sql, expected) in [
            ("select sum(n), max(s), count(s) from F", "6,y,'q,2"),
            ("select s, n from F where n < 3 order by n desc", "y,'q,2;x,1"),
            ("select count(*) from F", "3"),
            ("select n + 1 as m, upper(s) from F order by n limit 1", "2,X"),
            ("select arrow_typeof(n) from F limit 1", "Int64"),
        ] {
            let sql = sql.replace('F', &from);
            assert_eq!(cells(session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn every_format_is_read_by_its_name_packed_or_not() {
    let session = session();
    let (folder, names) = lake(&session).await;
    for name in &names {
        check(&session, &folder.path().join(name).display().to_string(), name).await;
    }
    let at = |name: &str| folder.path().join(name).display().to_string();
    // Packed and not packed files are one table; patterns and braces see through the codecs.
    for (from, files) in [
        (format!("'{}'", at("t.csv*")), 5),
        (format!("'{}'", at("t.{csv,csv.gz,csv.zst}")), 3),
        (format!("['{}', '{}']", at("t.json"), at("t.jsonl.zst")), 2),
        (format!("['{}', '{}', '{}']", at("t.arrow"), at("s.arrows"), at("t.feather")), 3),
        (format!("read_csv('{}', header = true)", at("t.csv*")), 5),
    ] {
        let sql = format!("select count(*), sum(n) from {from}");
        let expected = format!("{},{}", files * 3, files * 6);
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{sql}");
    }
}

#[tokio::test]
async fn every_format_is_read_from_a_store() {
    let local = session();
    let (folder, names) = lake(&local).await;
    let store = Arc::new(Watched::default());
    for name in &names {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        store.put(&Path::from(format!("lake/{name}")), bytes.into()).await.unwrap();
    }
    let session = store.session(DeviceKind::Cpu, "counted://bucket");
    for name in &names {
        check(&session, &format!("counted://bucket/lake/{name}"), name).await;
    }
    let sql = "select count(*) from 'counted://bucket/**/t.csv*'";
    assert_eq!(cells(&session, sql).await.unwrap(), "15");
    let copied = "copy (select 1 as n) to 'counted://bucket/out/x.json.gz'";
    assert_eq!(cells(&session, copied).await.unwrap(), "1");
    let packed = store.get(&Path::from("out/x.json.gz")).await.unwrap().bytes().await.unwrap();
    assert!(packed.starts_with(b"\x1F\x8B"));
    assert_eq!(cells(&session, "select n from 'counted://bucket/out/'").await.unwrap(), "1");
}

#[tokio::test]
async fn files_of_several_members_are_read_to_their_end() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let at = |name: &str| folder.path().join(name).display().to_string();
    for (end, codec) in [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz"), ("zst", "zstd")] {
        let copy = async |name: &str, from: u32, header: bool| {
            let rows = format!("select i as n, 'a\nb' as s from generate_series({from}, {}) g(i)", from + 999);
            cells(&session, &format!("copy ({rows}) to '{}' (format csv, header {header})", at(name))).await.unwrap();
            fs::read(at(name)).unwrap()
        };
        let (first, second) = (format!("1.csv.{end}"), format!("2.csv.{end}"));
        let whole = [copy(&first, 1, true).await, copy(&second, 1001, false).await].concat();
        fs::remove_file(at(&second)).unwrap();
        fs::write(at(&first), &whole).unwrap();
        let sql = format!("select count(*), sum(n), max(s) = 'a\nb' as same from '{}'", at(&first));
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), "2000,2001000,true", "{end}");
        // Under another name, with the codec said.
        fs::copy(at(&first), at("plain.csv")).unwrap();
        let e = error(&session, &format!("select count(*) from '{}'", at("plain.csv"))).await;
        assert!(e.message().contains("plain.csv") && e.message().contains(codec), "{e}");
        assert!(e.hint().is_some_and(|hint| hint.contains(&format!("compression = '{codec}'"))), "{e}");
        for from in [
            format!("read_csv('{}', compression = '{codec}')", at("plain.csv")),
            format!("read_csv('{}', compression = '{end}')", at("plain.csv")),
        ] {
            assert_eq!(cells(&session, &format!("select count(*) from {from}")).await.unwrap(), "2000", "{from}");
        }
        session
            .run_script(&format!(
                "create or replace external table t stored as csv location '{}' options ('format.compression' '{codec}')",
                at("plain.csv")
            ))
            .await
            .unwrap();
        assert_eq!(cells(&session, "select max(n) from t").await.unwrap(), "2000", "{end}");
        // A member that is cut off is an error, not the rows before it.
        fs::write(at(&first), &whole[..whole.len() - 9]).unwrap();
        let e = error(&session, &format!("select count(*), sum(n) from '{}'", at(&first))).await;
        assert!(e.kind() == ErrorKind::Invalid && e.message().contains(&first), "{end}: {e}");
        assert!(e.message().contains(codec), "{end}: {e}");
    }
}

#[tokio::test]
async fn marks_headers_and_empty_files() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("mark.csv"), "\u{feff}n,s\n1,\"a\r\nb\"\n2,c").unwrap();
    fs::write(at("mark.json"), "\u{feff}{\"n\": 1}\n\n{\"n\": 2}").unwrap();
    fs::write(at("header.csv"), "n,s\n").unwrap();
    fs::write(at("letters.csv"), "ARROW1,ORC\n1,2\n").unwrap();
    fs::write(at("one.csv"), "PAR1\n1\n").unwrap();
    fs::create_dir(at("some")).unwrap();
    for (name, text) in [("a.csv", "n,s\n"), ("b.csv", ""), ("c.csv", "n,s\n7,x\n")] {
        fs::write(folder.path().join("some").join(name), text).unwrap();
    }
    fs::write(at("grown.jsonl"), "{\"n\": 1}\n{\"n\": 2.5, \"m\": null}\n{\"n\": null, \"m\": null}\n").unwrap();
    cells(&session, &format!("copy (select 1 as n where false) to '{}' (header false)", at("none.csv.gz")))
        .await
        .unwrap();
    for (sql, expected) in [
        ("select n, length(s) from 'LAKE/mark.csv' order by 1", "1,4;2,1"),
        ("select count(*), sum(n) from 'LAKE/mark.json'", "2,3"),
        ("select count(*), count(s) from 'LAKE/header.csv'", "0,0"),
        ("select n, s from 'LAKE/some/'", "7,x"),
        ("select * from 'LAKE/letters.csv'", "1,2"),
        ("select * from 'LAKE/one.csv'", "1"),
        ("select sum(n), count(m), arrow_typeof(max(m)) from 'LAKE/grown.jsonl'", "3.5,0,Utf8"),
    ] {
        let sql = sql.replace("LAKE", &folder.path().display().to_string());
        assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{sql}");
    }
    // Values behind the records that were sampled are not lost.
    let late: String = (0..5000).map(|row| format!("{row},{}\n", if row < 4000 { "" } else { "late" })).collect();
    fs::write(at("late.csv"), format!("n,s\n{late}")).unwrap();
    let sql = format!("select count(s) from '{}' where s <> ''", at("late.csv"));
    assert_eq!(cells(&session, &sql).await.unwrap(), "1000");
}

#[tokio::test]
async fn columns_of_files_are_found_by_name() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    for end in ["avro", "orc", "arrow", "arrows"] {
        let at = |name: &str| folder.path().join(format!("{name}.{end}"));
        write(&at("1"), &rows());
        let turned =
            batch(vec![("more", numbers(&[9, 9])), ("s", texts(&[Some("p"), Some("q")])), ("n", numbers(&[4, 5]))]);
        write(&at("2"), &turned);
        let all = format!("'{}'", folder.path().join(format!("*.{end}")).display());
        for (sql, expected) in [
            ("select count(*), sum(n), max(s), sum(more) from F", "5,15,y,'q,18"),
            ("select more, n from F where n in (3, 4) order by n", ",3;9,4"),
            ("select count(*) from F", "5"),
        ] {
            let sql = sql.replace('F', &all);
            assert_eq!(cells(&session, &sql).await.unwrap_or_else(|e| e.to_string()), expected, "{sql}");
        }
        write(&at("3"), &batch(vec![("n", texts(&[Some("z")]))]));
        let e = error(&session, &format!("select * from {all}")).await;
        let named = e.message().contains(&format!("3.{end}")) && e.message().contains(&format!("1.{end}"));
        assert!(e.kind() == ErrorKind::Invalid && named, "{e}");
    }
}

#[tokio::test]
async fn damaged_files_and_wrong_names_are_errors_that_name_the_file() {
    let session = session();
    let (folder, names) = lake(&session).await;
    let bad = folder.path().join("bad");
    fs::create_dir(&bad).unwrap();
    let all = "select count(*), sum(n), max(s), sum(length(s)) from";
    let (mut checked, mut wrong) = (0, Vec::new());
    for name in names.iter().filter(|name| !["csv", "json", "parquet"].contains(&reader(name)) || name.contains("z")) {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        let end = name.split_once('.').unwrap().1;
        for (at, damaged) in [
            bytes[..bytes.len() / 2].to_vec(),
            bytes[..3.min(bytes.len())].to_vec(),
            bytes[..bytes.len() - 1].to_vec(),
            b"n,s\n1,x\n".to_vec(),
            [&bytes[..bytes.len() / 3], &vec![0xFF; bytes.len() / 3][..], &bytes[bytes.len() * 2 / 3..]].concat(),
            vec![0; 100],
        ]
        .into_iter()
        .enumerate()
        {
            let file = bad.join(format!("x{at}.{end}"));
            fs::write(&file, damaged).unwrap();
            checked += 1;
            match cells(&session, &format!("{all} '{}'", file.display())).await {
                // What is cut off behind the last row is not missed by every format.
                Ok(rows) if at == 2 && rows == "3,6,y,'q,5" => {}
                Ok(rows) => wrong.push(format!("{name} {at}: {rows}")),
                Err(e) if e.message().contains(&format!("x{at}.{end}")) && e.kind() != ErrorKind::Internal => {}
                Err(e) => wrong.push(format!("{name} {at}: {e}")),
            }
        }
    }
    assert!(wrong.is_empty() && checked > 30, "{checked}: {}", wrong.join("\n"));
    for (name, named, other) in [
        ("t.parquet", "y.csv", "Parquet file"),
        ("t.parquet", "y.json", "Parquet file"),
        ("t.csv", "y.orc", "ORC file"),
        ("t.arrow", "y.jsonl", "Arrow file"),
        ("t.csv.gz", "y.tsv", "compressed with gzip"),
    ] {
        fs::copy(folder.path().join(name), bad.join(named)).unwrap();
        let e = error(&session, &format!("{all} '{}'", bad.join(named).display())).await;
        assert!(e.message().contains(named) && e.message().contains(other) && e.hint().is_some(), "{named}: {e}");
    }
}

/// Without checksums a value that changed is a value; what must not be is a panic, a hang, or an error without the file's name.
#[tokio::test]
async fn bytes_that_changed_are_rows_or_an_error_that_names_the_file() {
    let session = session();
    let (folder, _) = lake(&session).await;
    let mut wrong = Vec::new();
    for name in ["o.orc", "a.avro", "s.arrows", "t.arrow", "t.csv.gz", "t.jsonl.zst", "t.csv.bz2"] {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        let (_, end) = name.split_once('.').unwrap();
        for change in 0..25usize {
            let mut changed = bytes.clone();
            let at = change * 7919 % bytes.len();
            changed[at] ^= 1 << (change % 8);
            let file = folder.path().join(format!("changed{change}.{end}"));
            fs::write(&file, &changed).unwrap();
            let sql = format!("select count(*), sum(n), max(s) from '{}'", file.display());
            if let Err(e) = cells(&session, &sql).await
                && (e.kind() == ErrorKind::Internal || !e.message().contains(&format!("changed{change}.{end}")))
                // The name of a column may have changed, or its type.
                && e.kind() != ErrorKind::NotFound
                && !e.message().contains("does not take these arguments")
            {
                wrong.push(format!("{name}, byte {at}: {e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_not_written_is_refused_by_name() {
    let (session, folder) = (session(), TempDir::new().unwrap());
    let at = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("o.orc"), &rows());
    fs::write(at("x.orc.gz"), "x").unwrap();
    session
        .run_script(&format!("create external table o (n bigint) stored as orc location '{}'", at("")))
        .await
        .unwrap();
    for (sql, message) in [
        ("copy (select 1) to 'LAKE/x.orc'", "ORC files are read and not written"),
        ("copy (select 1) to 'LAKE/x.avro'", "AVRO files are read and not written"),
        ("copy (select 1) to 'LAKE/x' stored as orc", "ORC files are read and not written"),
        ("copy (select 1) to 'LAKE/x.parquet' (format orc)", "ORC files are read and not written"),
        ("copy (select 1) to 'LAKE/x.parquet' (format exe)", "there is no file format EXE"),
        ("insert into o values (1)", "ORC files are read and not written"),
        ("copy (select 1) to 'LAKE/x.parquet.gz'", "as a whole"),
        ("select * from 'LAKE/x.orc.gz'", "as a whole"),
        ("copy (select 1) to 'LAKE/x.csv' (compression rar)", "no compression of text files called 'rar'"),
        ("copy (select 1) to 'LAKE/x.feather' (compression zstd)", "Arrow files take no options"),
        ("select * from read_avro('LAKE/o.orc', delim = ';')", "read_avro has no option delim"),
        ("select * from read_csv('LAKE/x.csv', compression = 'rar')", "called 'rar'"),
    ] {
        let e = error(&session, &sql.replace("LAKE", &folder.path().display().to_string())).await;
        assert!(e.message().contains(message) && e.hint().is_some(), "{sql}: {e}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
