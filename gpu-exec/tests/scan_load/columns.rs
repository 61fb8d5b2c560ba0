//! Columns of many types, encodings and row groups become one table.

use std::sync::Arc;

use arrow::array::*;
use maar_gpu_exec::column::Stored;
use maar_gpu_exec::ir::IntWidth;
use parquet::basic::Compression;
use parquet::file::properties::WriterVersion;

use super::scan_support::Value;
use super::scan_support::every::{columns_of, every_type};
use super::scan_support::files::{Bench, batch};
use super::{int, properties, text};

#[tokio::test]
async fn every_type_codec_and_page_version() {
    let batches =
        [every_type(1, 5000, 0), every_type(4000, 2049, 7), every_type(9000, 33, 1), every_type(20_000, 1, 0)];
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(Default::default()),
        Compression::LZ4_RAW,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
    ];
    let cases = codecs.into_iter().map(|codec| (WriterVersion::PARQUET_1_0, codec, true)).chain([
        (WriterVersion::PARQUET_2_0, Compression::SNAPPY, true),
        (WriterVersion::PARQUET_2_0, Compression::UNCOMPRESSED, false),
        (WriterVersion::PARQUET_1_0, Compression::SNAPPY, false),
    ]);
    for (version, codec, dictionary) in cases {
        let bench = Bench::new();
        bench.write_with("a.parquet", &batches, properties(version, codec, dictionary));
        let loaded = bench.query("*", None).await;
        assert_eq!(bench.rows(&loaded.table), columns_of(&batches), "{version:?} {codec:?} dictionary {dictionary}");
        assert_eq!(loaded.stats.row_groups, 4);
        assert_eq!(loaded.stats.columns_loaded, 4 * 19);
        assert_eq!(loaded.stats.text_hashed > 0, !dictionary);
    }
}

#[tokio::test]
async fn files_that_differ_in_dictionaries_widths_and_validity_are_one_table() {
    let bench = Bench::new();
    let parts = [
        batch(&[("k", int([1, 2, 3])), ("s", text(&[Some("m"), Some("a"), Some("m")])), ("n", int([5, 5, 5]))]),
        batch(&[
            ("k", int([100_000, -7])),
            ("s", text(&[None, Some("z")])),
            ("n", Arc::new(Int64Array::from(vec![None, None]))),
        ]),
        batch(&[("k", int([1 << 40])), ("s", text(&[None])), ("n", Arc::new(Int64Array::from(vec![None])))]),
        batch(&[("k", int([4, 5])), ("s", text(&[Some(""), Some("m")])), ("n", int([6, 7]))]),
    ];
    bench.write("a.parquet", &parts[..1]);
    bench.write("b.parquet", &parts[1..3]);
    bench.write("c.parquet", &parts[3..]);
    let loaded = bench.query("*", None).await;
    assert_eq!(bench.rows(&loaded.table), columns_of(&parts));
    let [k, s, n] = &loaded.table.shape.columns[..] else { panic!() };
    assert!(matches!(k.stored, Stored::Int { width: IntWidth::W64, base: 0 }), "{:?}", k.stored);
    let Stored::Codes { dictionary, .. } = &s.stored else { panic!() };
    assert_eq!(dictionary.values().iter().flatten().collect::<Vec<_>>(), ["", "a", "m", "z"]);
    assert_eq!((s.facts.nulls, s.facts.range), (2, Some((0, 3))));
    assert_eq!((n.facts.nulls, n.facts.range, n.facts.unique), (3, Some((5, 7)), false));
    let again = bench.query("*", None).await;
    assert_eq!((again.stats.file_bytes_read, again.stats.columns_recoded), (0, 0));
    assert_eq!(bench.rows(&again.table), columns_of(&parts));
}

#[tokio::test]
async fn uniqueness_is_proven_across_row_groups() {
    let bench = Bench::new();
    bench.write(
        "a.parquet",
        &[batch(&[("k", int(0..50)), ("d", int(0..50))]), batch(&[("k", int(50..80)), ("d", int(49..79))])],
    );
    let loaded = bench.query("k, d", None).await;
    assert!(loaded.table.shape.columns[0].facts.unique && !loaded.table.shape.columns[1].facts.unique);
    assert_eq!(loaded.table.shape.columns[0].facts.range, Some((0, 79)));
}

#[tokio::test]
async fn no_columns_and_no_rows() {
    let bench = Bench::new();
    bench.write("a.parquet", &[every_type(0, 100, 0), every_type(0, 2049, 0)]);
    bench.write("b.parquet", &[every_type(0, 100, 0).slice(0, 0)]);
    std::fs::write(bench.path("c.parquet"), b"").unwrap();
    let mut scan = bench.plan("i32", None).await;
    scan.projection = vec![];
    let loaded = bench.load(&scan).await.unwrap();
    assert_eq!((loaded.table.rows(), loaded.table.shape.columns.len(), loaded.stats.columns_loaded), (2149, 0, 0));
    let empty = Bench::new();
    empty.write("b.parquet", &[every_type(0, 100, 0).slice(0, 0)]);
    let loaded = empty.query("*", None).await;
    assert_eq!((loaded.table.rows(), loaded.table.shape.columns.len()), (0, 19));
}

#[tokio::test]
async fn missing_and_cast_columns_are_as_the_host_has_them() {
    let bench = Bench::new();
    let narrow = batch(&[
        ("k", Arc::new(Int32Array::from(vec![1, -2])) as ArrayRef),
        ("s", Arc::new(arrow::array::BinaryArray::from_vec(vec![b"x", b"y"])) as ArrayRef),
    ]);
    let wide = batch(&[("k", int([1 << 40])), ("s", text(&[Some("z")])), ("extra", int([5]))]);
    bench.write("a.parquet", std::slice::from_ref(&wide));
    let scan = bench.plan("k, s, extra", None).await;
    bench.write("b.parquet", &[narrow]);
    let mut scan_both = scan.clone();
    let mut second = scan.files[0].clone();
    second.location = object_store::path::Path::from_absolute_path(bench.path("b.parquet")).unwrap();
    scan_both.files.push(second);
    let loaded = bench.load(&scan_both).await.unwrap();
    let text = |s: &str| Some(Value::Text(s.to_owned()));
    let int = |v| Some(Value::Int(v));
    assert_eq!(
        bench.rows(&loaded.table),
        [vec![int(1 << 40), int(1), int(-2)], vec![text("z"), text("x"), text("y")], vec![int(5), None, None],]
    );
}
