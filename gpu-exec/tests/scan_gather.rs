//! Small row groups are one segment: the rows are those of the files, whichever come and go, and nothing is read twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod scan_support;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use maar_gpu_exec::column::Stored;
use maar_gpu_exec::scan::{Loaded, ParquetScan};
use parquet::file::properties::WriterProperties;

use self::scan_support::files::{Bench, batch};
use self::scan_support::{Value, expected};

/// Rows of file `number`: keys that ascend, numbers with NULLs (all of them in every seventh file), texts of which some
/// are this file's own, floats.
fn part(number: i64, rows: i64) -> RecordBatch {
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(number * 100..number * 100 + rows));
    let maybe = |row: i64| (number % 7 != 3 && (number + row) % 5 != 0).then_some(row * number - 40);
    let text = |row: i64| (row % 4 != 1).then(|| if row % 3 == 0 { format!("of {number}") } else { format!("t{row}") });
    batch(&[
        ("k", keys),
        ("v", Arc::new((0..rows).map(maybe).collect::<Int64Array>())),
        ("s", Arc::new((0..rows).map(text).collect::<StringArray>())),
        ("f", Arc::new((0..rows).map(|row| maybe(row).map(|v| v as f64 / 3.0)).collect::<Float64Array>())),
    ])
}

fn name(number: i64) -> String {
    format!("{number:04}.parquet")
}

/// Files of 1 to 90 rows each.
fn write(bench: &Bench, numbers: impl IntoIterator<Item = i64>) {
    for number in numbers {
        bench.write(&name(number), &[part(number, 1 + number * 37 % 90)]);
    }
}

fn values(numbers: impl IntoIterator<Item = i64>) -> Vec<Vec<Option<Value>>> {
    let parts: Vec<RecordBatch> = numbers.into_iter().map(|number| part(number, 1 + number * 37 % 90)).collect();
    (0..4).map(|column| parts.iter().flat_map(|part| expected(part.column(column))).collect()).collect()
}

/// Segments, files' bytes that were read, column chunks that were read and that were there.
fn counts(loaded: &Loaded) -> (usize, bool, u64, u64) {
    let stats = &loaded.stats;
    (loaded.table.segments.len(), stats.file_bytes_read > 0, stats.columns_loaded, stats.columns_resident)
}

#[tokio::test]
async fn many_small_files_are_one_segment() {
    let bench = Bench::gathering(1 << 20);
    write(&bench, 0..150);
    let cold = bench.query("*", None).await;
    assert_eq!(counts(&cold), (1, true, 600, 0));
    assert_eq!(bench.rows(&cold.table), values(0..150));
    let Stored::Codes { dictionary, .. } = &cold.table.shape.columns[2].stored else { panic!() };
    assert!(dictionary.len() > 150, "{}", dictionary.len());
    assert!(cold.table.shape.columns[0].facts.unique && !cold.table.shape.columns[1].facts.unique);
    let hot = bench.query("s, k", None).await;
    assert_eq!(counts(&hot), (1, false, 0, 300));
    // Uploads are a column's, not a file's: each has a buffer of values, three have NULLs.
    assert_eq!(bench.columns.stats().chunks, 4);
}

#[tokio::test]
async fn files_that_come_and_go_make_no_other_be_read_again() {
    let bench = Bench::gathering(1 << 20);
    write(&bench, 0..60);
    bench.query("*", None).await;
    write(&bench, [60]);
    let added = bench.query("*", None).await;
    assert_eq!(counts(&added), (1, true, 4, 240));
    assert_eq!(bench.rows(&added.table), values(0..61));
    for gone in [0, 17, 60] {
        std::fs::remove_file(bench.path(&name(gone))).unwrap();
    }
    let fewer = bench.query("*", None).await;
    assert_eq!(counts(&fewer), (1, false, 0, 232));
    assert_eq!(bench.rows(&fewer.table), values((1..60).filter(|number| *number != 17)));
    // Another file under the same name.
    bench.write(&name(20), &[part(20, 3)]);
    let replaced = bench.query("*", None).await;
    assert_eq!(counts(&replaced), (1, true, 4, 228));
    let rows = bench.rows(&replaced.table);
    assert_eq!(rows[0].iter().filter(|key| matches!(key, Some(Value::Int(key)) if key / 100 == 20)).count(), 3);
    drop((added, fewer, replaced));
    assert_eq!(bench.device.memory().used_bytes, bench.columns.stats().bytes);
    bench.columns.clear();
    assert_eq!(bench.device.memory().used_bytes, 0);
}

#[tokio::test]
async fn a_predicate_reads_no_more_than_it_leaves_and_takes_more_where_that_is_there() {
    let bench = Bench::gathering(1 << 20);
    write(&bench, 0..60);
    let few = Some("k >= 3000 AND k < 3500");
    let cold = bench.query("*", few).await;
    assert_eq!((counts(&cold), cold.stats.row_groups_pruned), ((1, true, 20, 0), 55));
    assert_eq!(bench.rows(&cold.table), values(30..35));
    let all = bench.query("k, v, s", None).await;
    assert_eq!(counts(&all), (1, true, 3 * 55, 3 * 5));
    assert_eq!(bench.rows(&all.table), values(0..60)[..3]);
    // Just what it leaves is resident.
    let again = bench.query("k, s", few).await;
    assert_eq!((counts(&again), again.stats.row_groups_pruned), ((1, false, 0, 10), 55));
    // Other rows are resident with all the others, and floats are not all there.
    let others = Some("k > 5300");
    let more = bench.query("k, s", others).await;
    assert_eq!((counts(&more), more.stats.row_groups_pruned), ((1, false, 0, 120), 0));
    assert_eq!(bench.rows(&more.table)[0], values(0..60)[0]);
    let floats = bench.query("k, f", others).await;
    assert_eq!((counts(&floats), floats.stats.row_groups_pruned), ((1, true, 7, 7), 53));
    assert_eq!(bench.rows(&floats.table)[1], values(53..60)[3]);
    let none = bench.query("k, f", Some("k > 100000")).await;
    assert_eq!((counts(&none), none.stats.row_groups_pruned), ((0, false, 0, 0), 60));
}

/// More rows than are kept, or read in one round: what has been gathered goes, and layouts that are missed late read again.
#[tokio::test]
async fn tables_of_small_files_need_not_fit_host_memory() {
    // Small is 20 rows and fewer; four segments, 1280 rows, are read at a time, and 82 kB are kept.
    let bench = Bench::gathering(320);
    let rows = |number: i64| 1 + number * 7 % 20;
    let parts: Vec<RecordBatch> = (0..400).map(|number| part(number, rows(number))).collect();
    for (number, part) in parts.iter().enumerate() {
        bench.write(&name(number as i64), std::slice::from_ref(part));
    }
    let all = |column: usize| parts.iter().flat_map(|part| expected(part.column(column))).collect::<Vec<_>>();
    let cold = bench.query("*", None).await;
    let segments = cold.table.segments.len();
    assert!((13..17).contains(&segments), "{segments}");
    assert_eq!(bench.rows(&cold.table), (0..4).map(all).collect::<Vec<_>>());
    let hot = bench.query("*", None).await;
    assert_eq!(counts(&hot), (segments, false, 0, 1600));
    // The last file does not fit the layout that its footer is made to promise.
    bench.columns.clear();
    let last = batch(&[("k", Arc::new(Int64Array::from(vec![39_900, 1 << 40])) as ArrayRef)]);
    bench.write(&name(399), std::slice::from_ref(&last));
    let bytes = std::fs::read(bench.path(&name(399))).unwrap();
    let lie = |bytes: &[u8]| -> Vec<u8> {
        let (mut told, footer) = (bytes.to_vec(), bytes.len() - 8);
        let start = footer - u32::from_le_bytes(bytes[footer..footer + 4].try_into().unwrap()) as usize;
        for at in start..footer - 8 {
            if told[at..at + 8] == (1_i64 << 40).to_le_bytes() {
                told[at..at + 8].copy_from_slice(&39_950_i64.to_le_bytes());
            }
        }
        told
    };
    std::fs::write(bench.path(&name(399)), lie(&bytes)).unwrap();
    let lied = bench.query("k", None).await;
    let mut keys = all(0);
    keys.truncate(keys.len() - rows(399) as usize);
    keys.extend(expected(last.column(0)));
    assert_eq!((bench.rows(&lied.table), lied.stats.layout_misses), (vec![keys], 1));
}

#[tokio::test]
async fn large_row_groups_stay_segments_and_small_ones_end_where_one_is_full() {
    // Small is 100 rows and fewer.
    let bench = Bench::gathering(1600);
    let sizes = [100, 100, 101, 99, 5, 1, 3000, 7].into_iter().chain([100; 20]);
    let parts: Vec<RecordBatch> = sizes.enumerate().map(|(number, rows)| part(number as i64, rows)).collect();
    bench.write("a.parquet", &parts);
    let loaded = bench.query("k, v", None).await;
    let rows: Vec<u64> = loaded.table.segments.iter().map(|segment| segment.rows).collect();
    assert_eq!(rows, [200, 101, 105, 3000, 1507, 500]);
    let all = |column: usize| parts.iter().flat_map(|part| expected(part.column(column))).collect::<Vec<_>>();
    assert_eq!(bench.rows(&loaded.table), [all(0), all(1)]);
}

#[tokio::test]
async fn keys_are_unique_whatever_the_order_of_files_and_layouts_widen() {
    let bench = Bench::gathering(1 << 20);
    let keys = |from: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(from..from + 10)) };
    for (file, from) in [("a.parquet", 500), ("b.parquet", 20), ("c.parquet", 300)] {
        bench.write(file, &[batch(&[("k", keys(from))])]);
    }
    let loaded = bench.query("k", None).await;
    assert!(loaded.table.shape.columns[0].facts.unique, "files ascend and do not overlap");
    bench.write("d.parquet", &[batch(&[("k", keys(305))])]);
    let loaded = bench.query("k", None).await;
    assert_eq!((loaded.table.segments.len(), loaded.table.shape.columns[0].facts.unique), (1, false));
    // Past the layout of those that are there: gathered anew, wider, without reading them.
    bench.write("e.parquet", &[batch(&[("k", keys(1 << 40))])]);
    let loaded = bench.query("k", None).await;
    assert_eq!(counts(&loaded), (1, true, 1, 4));
    let all: Vec<_> = [500, 20, 300, 305, 1 << 40].into_iter().flat_map(|from| expected(&keys(from))).collect();
    assert_eq!(bench.rows(&loaded.table), [all]);
}

#[tokio::test]
async fn absent_columns_and_raw_texts_are_gathered() {
    let bench = Bench::gathering(1 << 20);
    let words = |words: &[Option<&str>]| -> ArrayRef { Arc::new(words.iter().copied().collect::<StringArray>()) };
    let ints =
        |from: i64, rows: usize| -> ArrayRef { Arc::new(Int64Array::from_iter_values(from..from + rows as i64)) };
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    let parts = [
        batch(&[("k", ints(0, 3)), ("s", words(&[Some("語"), None, Some("a text of more than twelve bytes")]))]),
        batch(&[("k", ints(10, 2)), ("s", words(&[Some(""), Some("x")]))]),
    ];
    for (file, part) in ["a.parquet", "b.parquet"].into_iter().zip(&parts) {
        bench.write_with(file, std::slice::from_ref(part), plain.clone());
    }
    let mut scan: ParquetScan = bench.plan("k, s", None).await;
    bench.write("c.parquet", &[batch(&[("k", ints(20, 2))])]);
    let mut file = scan.files[0].clone();
    file.location = object_store::path::Path::from_absolute_path(bench.path("c.parquet")).unwrap();
    scan.files.push(file);
    let mut wanted: Vec<_> = parts.iter().flat_map(|part| expected(part.column(1))).collect();
    wanted.extend([None, None]);
    for raw in [true, false] {
        scan.raw_text = if raw { vec![1] } else { vec![] };
        let loaded = bench.load(&scan).await.unwrap();
        assert_eq!((loaded.table.segments.len(), loaded.stats.columns_raw), (1, u64::from(raw)));
        assert_eq!(bench.rows(&loaded.table)[1], wanted, "raw {raw}");
        let again = bench.load(&scan).await.unwrap();
        assert_eq!((counts(&again), bench.rows(&again.table)[1].clone()), ((1, false, 0, 6), wanted.clone()));
    }
}
