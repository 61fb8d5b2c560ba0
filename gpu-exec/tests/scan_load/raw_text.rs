//! Texts without dictionaries: held as they are, where that will do.

use std::sync::Arc;

use arrow::array::*;
use maar_gpu_exec::column::Stored;
use parquet::file::properties::WriterProperties;

use super::scan_support::Value;
use super::scan_support::every::columns_of;
use super::scan_support::files::{Bench, batch};
use super::{int, text};

/// Files of `k`, and texts with dictionaries or without.
fn write_texts(bench: &Bench, name: &str, k: i64, words: &[Option<&str>], dictionary: bool) -> RecordBatch {
    let properties = WriterProperties::builder().set_dictionary_enabled(dictionary).build();
    let batch = batch(&[("k", int(k..k + words.len() as i64)), ("s", text(words))]);
    bench.write_with(name, std::slice::from_ref(&batch), properties);
    batch
}

/// `SELECT k, s` where `s` needs no dictionary.
async fn raw_scan(bench: &Bench, filter: Option<&str>) -> maar_gpu_exec::scan::ParquetScan {
    let mut scan = bench.plan("k, s", filter).await;
    scan.allow_raw_text(&[1].into(), &[1].into());
    scan
}

#[tokio::test]
async fn text_without_dictionaries_is_held_as_it_is_where_that_will_do() {
    let bench = Bench::new();
    let words = [Some("語"), None, Some(""), Some("a text of more than twelve bytes"), Some("语言🌋")];
    let parts = [
        write_texts(&bench, "a.parquet", 0, &words, false),
        write_texts(&bench, "b.parquet", 10, &[Some("coded"), None, Some("coded")], true),
        write_texts(&bench, "c.parquet", 20, &[None, None], false),
    ];
    let loaded = bench.load(&raw_scan(&bench, None).await).await.unwrap();
    assert!(matches!(loaded.table.shape.columns[1].stored, Stored::RawText));
    assert_eq!(bench.rows(&loaded.table), columns_of(&parts));
    assert_eq!((loaded.stats.columns_raw, loaded.stats.text_hashed), (1, 0));
    assert_eq!((loaded.table.shape.columns[1].facts.nulls, loaded.table.shape.columns[1].facts.range), (4, None));
    let again = bench.load(&raw_scan(&bench, None).await).await.unwrap();
    assert_eq!((again.stats.file_bytes_read, again.stats.columns_raw), (0, 1));
    // The form is that of the whole table, whatever the predicate leaves of it.
    let coded = bench.load(&raw_scan(&bench, Some("k BETWEEN 10 AND 13")).await).await.unwrap();
    assert_eq!((coded.table.segments.len(), coded.stats.columns_raw, coded.stats.file_bytes_read), (1, 1, 0));
    assert_eq!(bench.rows(&coded.table), columns_of(&parts[1..2]));
    let none = bench.load(&raw_scan(&bench, Some("k > 100")).await).await.unwrap();
    assert_eq!((none.table.rows(), none.stats.columns_raw), (0, 1));
    // A query that needs codes gets them, and they serve those that do not.
    let keyed = bench.query("k, s", None).await;
    assert!(matches!(keyed.table.shape.columns[1].stored, Stored::Codes { .. }));
    assert_eq!((keyed.stats.columns_raw, keyed.stats.text_hashed), (0, 2));
    assert_eq!(bench.rows(&keyed.table), columns_of(&parts));
    let served = bench.load(&raw_scan(&bench, None).await).await.unwrap();
    assert_eq!((served.stats.columns_raw, served.stats.file_bytes_read), (0, 0));
    assert_eq!(bench.rows(&served.table), columns_of(&parts));
}

#[tokio::test]
async fn text_with_dictionaries_keeps_them_and_absent_text_is_null() {
    let bench = Bench::new();
    let coded = write_texts(&bench, "a.parquet", 0, &[Some("x"), None, Some("y")], true);
    let loaded = bench.load(&raw_scan(&bench, None).await).await.unwrap();
    assert_eq!((loaded.stats.columns_raw, loaded.table.shape.columns[1].stored.bytes()), (0, 1));
    assert_eq!(bench.rows(&loaded.table), columns_of(&[coded]));
    // Once a file without dictionaries joins, and one without the column, and one of another type.
    let plain = write_texts(&bench, "b.parquet", 10, &[Some("z")], false);
    let absent = batch(&[("k", int([30]))]);
    let bytes = batch(&[("k", int([40])), ("s", Arc::new(BinaryArray::from_vec(vec![b"binary"])) as ArrayRef)]);
    let mut scan = raw_scan(&bench, None).await;
    for (name, part) in [("c.parquet", &absent), ("d.parquet", &bytes)] {
        bench.write(name, std::slice::from_ref(part));
        let mut file = scan.files[0].clone();
        file.location = object_store::path::Path::from_absolute_path(bench.path(name)).unwrap();
        scan.files.push(file);
    }
    let loaded = bench.load(&scan).await.unwrap();
    assert_eq!(loaded.stats.columns_raw, 1);
    let text = |s: &str| Some(Value::Text(s.to_owned()));
    let mut found = bench.rows(&loaded.table).swap_remove(1);
    found.sort_by_key(|value| format!("{value:?}"));
    assert_eq!(found, [None, None, text("binary"), text("x"), text("y"), text("z")]);
    assert_eq!(plain.num_rows(), 1);
    // Put out twice, it is raw only where both may be.
    let mut twice = scan;
    twice.projection = vec![1, 0, 1];
    twice.allow_raw_text(&[0].into(), &[].into());
    assert!(twice.raw_text.is_empty());
    twice.allow_raw_text(&[0, 2].into(), &[].into());
    assert_eq!(twice.raw_text, [1]);
}

#[tokio::test]
async fn raw_text_at_the_edges_of_tiles_and_row_groups() {
    for rows in [1_usize, 31, 32, 33, 2047, 2048, 2049, 20_000] {
        let bench = Bench::new();
        let words: Vec<String> = (0..rows).map(|row| "é".repeat(row % 7) + &row.to_string()).collect();
        let words: Vec<Option<&str>> =
            words.iter().enumerate().map(|(row, word)| (row % 9 != 4).then_some(word.as_str())).collect();
        let part = write_texts(&bench, "a.parquet", 0, &words, false);
        let loaded = bench.load(&raw_scan(&bench, None).await).await.unwrap();
        assert_eq!(bench.rows(&loaded.table), columns_of(&[part]), "{rows} rows");
        assert_eq!(loaded.stats.columns_raw, 1);
    }
}

#[tokio::test]
async fn large_dictionaries_of_texts_that_hardly_repeat_are_not_made_one() {
    let bench = Bench::new();
    let numbered = |count: usize| text(&(0..10_000).map(|row| Some(LONG[row % count].as_str())).collect::<Vec<_>>());
    static LONG: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| (0..10_000).map(|row| format!("a comment of some length, number {row}")).collect());
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(8 << 20).build();
    let part = batch(&[("k", int(0..10_000)), ("s", numbered(10_000)), ("few", numbered(700))]);
    bench.write_with("a.parquet", std::slice::from_ref(&part), properties);
    let mut scan = bench.plan("k, s, few", None).await;
    scan.allow_raw_text(&[1, 2].into(), &[1, 2].into());
    let loaded = bench.load(&scan).await.unwrap();
    assert!(matches!(loaded.table.shape.columns[1].stored, Stored::RawText));
    assert!(matches!(loaded.table.shape.columns[2].stored, Stored::Codes { .. }));
    assert_eq!(bench.rows(&loaded.table), columns_of(&[part]));
}
