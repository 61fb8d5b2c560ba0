//! Loading scans: what comes out is what the files hold, whatever their encodings, and nothing is read twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod scan_support;

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Int32Type};
use maar_gpu_exec::column::{ColumnMeta, Stored, TableShape};
use maar_gpu_exec::device::DeviceOptions;
use maar_gpu_exec::ir::IntWidth;
use maar_gpu_exec::scan::{HostInput, InputColumns, InputWaves, ScanError};
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use self::scan_support::Value;
use self::scan_support::every::{columns_of, every_type};
use self::scan_support::files::{Bench, batch, rows};

fn int(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn properties(version: WriterVersion, compression: Compression, dictionary: bool) -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(compression)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(1000)
        .set_write_batch_size(500)
        .build()
}

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
async fn a_second_query_reads_nothing() {
    let bench = Bench::new();
    bench.write("a.parquet", &[every_type(1, 3000, 5), every_type(10, 100, 0)]);
    let first = bench.query("i32, words, d15", None).await;
    assert!(first.stats.file_bytes_read > 0 && first.stats.columns_loaded == 6);
    let again = bench.query("words, i32", None).await;
    assert_eq!((again.stats.file_bytes_read, again.stats.columns_loaded, again.stats.columns_resident), (0, 0, 4));
    assert_eq!(bench.rows(&again.table), [bench.rows(&first.table)[1].clone(), bench.rows(&first.table)[0].clone()]);
    let more = bench.query("words, f64", None).await;
    assert_eq!((more.stats.columns_loaded, more.stats.columns_resident), (2, 2));
    assert!(more.stats.file_bytes_read > 0 && more.stats.file_bytes_read < first.stats.file_bytes_read);
}

#[tokio::test]
async fn only_projected_bytes_are_read() {
    let bench = Bench::new();
    let noise: ArrayRef = Arc::new(
        (0..20_000)
            .map(|i| Some(format!("{:x}", (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))))
            .collect::<StringArray>(),
    );
    bench.write(
        "a.parquet",
        &[batch(&[("k", int(0..20_000)), ("noise", noise), ("z", int((0..20_000).map(|i| i % 3)))])],
    );
    let size = std::fs::metadata(bench.path("a.parquet")).unwrap().len();
    let loaded = bench.query("z", None).await;
    assert!(
        loaded.stats.file_bytes_read < (64 << 10) + 10_000 && size > 300_000,
        "{} of {size}",
        loaded.stats.file_bytes_read
    );
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
async fn row_groups_are_pruned_and_layouts_stay() {
    let bench = Bench::new();
    let groups: Vec<_> = (0..5)
        .map(|g| {
            batch(&[
                ("k", int(g * 1000..g * 1000 + 10)),
                ("s", text(&[Some(["p", "q", "r", "s", "t"][g as usize]); 10])),
            ])
        })
        .collect();
    bench.write("a.parquet", &groups);
    let loaded = bench.query("k, s", Some("k >= 3000")).await;
    assert_eq!((loaded.stats.row_groups, loaded.stats.row_groups_pruned, loaded.table.segments.len()), (5, 3, 2));
    assert_eq!(bench.rows(&loaded.table), columns_of(&groups[3..]));
    assert!(matches!(loaded.table.shape.columns[0].stored, Stored::Int { width: IntWidth::W16, .. }));
    let by_text = bench.query("k, s", Some("s = 'q'")).await;
    assert_eq!(by_text.stats.row_groups_pruned, 4);
    let all = bench.query("k, s", None).await;
    assert_eq!((all.stats.columns_resident, all.stats.columns_loaded), (6, 4));
    assert_eq!(bench.rows(&all.table), columns_of(&groups));
    let none = bench.query("k", Some("k > 100000")).await;
    assert_eq!((none.table.rows(), none.table.segments.len(), none.stats.row_groups_pruned), (0, 0, 5));
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
async fn added_replaced_and_deleted_files_are_seen() {
    let bench = Bench::new();
    bench.write("a.parquet", &[batch(&[("k", int([1, 2]))])]);
    bench.write("b.parquet", &[batch(&[("k", int([3]))])]);
    let values = |loaded: &maar_gpu_exec::scan::Loaded| bench.rows(&loaded.table).concat();
    let ints = |values: &[i128]| values.iter().map(|v| Some(Value::Int(*v))).collect::<Vec<_>>();
    assert_eq!(values(&bench.query("k", None).await), ints(&[1, 2, 3]));
    bench.write("c.parquet", &[batch(&[("k", int([70_000]))])]);
    assert_eq!(values(&bench.query("k", None).await), ints(&[1, 2, 3, 70_000]));
    let stale = bench.plan("k", None).await;
    bench.write("a.parquet", &[batch(&[("k", int([9, 8, 7, 6]))])]);
    // Planned before the file was replaced, loaded after: the file as it is now.
    assert_eq!(values(&bench.load(&stale).await.unwrap()), ints(&[9, 8, 7, 6, 3, 70_000]));
    assert!(bench.columns.stats().outdated >= 1);
    std::fs::remove_file(bench.path("b.parquet")).unwrap();
    match bench.load(&stale).await {
        Err(ScanError::FileGone { path }) => assert!(path.ends_with("b.parquet")),
        other => panic!("{other:?}"),
    }
    assert_eq!(values(&bench.query("k", None).await), ints(&[9, 8, 7, 6, 70_000]));
}

#[tokio::test]
async fn without_statistics_the_full_width_is_taken() {
    let bench = Bench::new();
    let properties = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    bench.write_with("a.parquet", &[every_type(1, 100, 3)], properties);
    let loaded = bench.query("*", None).await;
    assert_eq!(bench.rows(&loaded.table), columns_of(&[every_type(1, 100, 3)]));
    assert!(matches!(loaded.table.shape.columns[3].stored, Stored::Int { width: IntWidth::W64, .. }));
    assert_eq!(loaded.table.shape.columns[3].facts.range, Some((1, 100)));
}

/// Rewrites an `i64` column's footer maximum: the file claims less than it holds.
fn understate_maximum(bench: &Bench, name: &str, from: i64, to: i64) {
    let mut bytes = std::fs::read(bench.path(name)).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let start = bytes.len() - 8 - footer;
    let mut found = 0;
    for at in start..bytes.len() - 16 {
        if bytes[at..at + 8] == from.to_le_bytes() {
            bytes[at..at + 8].copy_from_slice(&to.to_le_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "the footer holds the maximum");
    std::fs::write(bench.path(name), bytes).unwrap();
}

#[tokio::test]
async fn a_footer_that_lies_costs_a_second_read_and_nothing_else() {
    let bench = Bench::new();
    let parts = [
        batch(&[("k", int([1, 2, 3])), ("v", int([1, 1, 1]))]),
        batch(&[("k", int([4, 1_000_000])), ("v", int([2, 2]))]),
    ];
    bench.write("a.parquet", &parts);
    understate_maximum(&bench, "a.parquet", 1_000_000, 100);
    let loaded = bench.query("*", None).await;
    assert_eq!(bench.rows(&loaded.table), columns_of(&parts));
    assert_eq!(loaded.stats.layout_misses, 1);
    assert!(matches!(loaded.table.shape.columns[0].stored, Stored::Int { width: IntWidth::W64, .. }));
    let again = bench.query("*", None).await;
    assert_eq!((again.stats.file_bytes_read, again.stats.layout_misses), (0, 0));
    assert_eq!(bench.rows(&again.table), columns_of(&parts));
}

#[tokio::test]
async fn what_footers_let_expect_is_what_is_loaded() {
    let bench = Bench::new();
    bench.write("a.parquet", &[every_type(1, 500, 0), every_type(501, 300, 7)]);
    bench.write("b.parquet", &[every_type(2000, 33, 1), every_type(3000, 800, 5)]);
    // No footer says whether values ascend: of these it is guessed wrong.
    let shown = |mut shape: TableShape| {
        let guessed = |meta: &&mut ColumnMeta| ["u64", "d9", "d15", "d38"].contains(&meta.name.as_str());
        shape.columns.iter_mut().filter(guessed).for_each(|meta| meta.facts.unique = false);
        format!("{shape:?}")
    };
    let all = "i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, flag, date, ts_ms, ts_us, ts_ns, d9, d15, d38";
    for filter in [None, Some("i32 < 700"), Some("i32 > 2500"), Some("i32 > 1000000")] {
        let (scan, texts) = (bench.plan(all, filter).await, bench.plan("i32, words", filter).await);
        let load = bench.open(&[&scan]).await.unwrap();
        let expected = load.expected().unwrap().remove(0);
        let rows = expected.rows.rows();
        assert!(!load.is_resident() || rows == 0);
        let loaded = load.finish().await.unwrap().remove(0).table.shape;
        assert_eq!(shown(expected), shown(loaded), "{filter:?}");
        // Codes are of a dictionary that is still to be read, until it is.
        let load = bench.open(&[&texts]).await.unwrap();
        assert_eq!(load.expected().is_none(), rows > 0);
        let loaded = load.finish().await.unwrap().remove(0).table.shape;
        let load = bench.open(&[&texts]).await.unwrap();
        assert!(load.is_resident());
        assert_eq!(format!("{:?}", load.expected().unwrap()[0]), format!("{loaded:?}"));
        bench.columns.clear();
    }
}

#[tokio::test]
async fn corrupt_files_are_errors_that_name_them() {
    let original = {
        let bench = Bench::new();
        bench.write_with(
            "a.parquet",
            &[every_type(1, 3000, 4), every_type(1, 500, 0)],
            properties(WriterVersion::PARQUET_1_0, Compression::SNAPPY, true),
        );
        std::fs::read(bench.path("a.parquet")).unwrap()
    };
    let footer_bytes = u32::from_le_bytes(original[original.len() - 8..][..4].try_into().unwrap()) as usize;
    let data_end = original.len() - 8 - footer_bytes;
    let mut errors = 0;
    for step in 0..60_usize {
        let bench = Bench::new();
        bench.write("a.parquet", &[every_type(1, 3000, 4)]);
        let scan = bench.plan("*", None).await;
        let mut bytes = original.clone();
        match step % 6 {
            0 => bytes[4..data_end].fill(step as u8),
            1 => bytes.truncate(original.len() * step / 60),
            // Bytes of the footer.
            2 => bytes[data_end + footer_bytes * step / 60] ^= 0xff,
            3 => bytes[data_end + footer_bytes * step / 120..][..8].fill(0xff),
            _ => (0..40).for_each(|i| bytes[4 + (data_end - 4) * (step * 40 + i) / 2400] ^= 0x5a),
        }
        std::fs::write(bench.path("a.parquet"), bytes).unwrap();
        match bench.load(&scan).await {
            Ok(_) => {}
            Err(error @ (ScanError::Corrupt { .. } | ScanError::Unsupported { .. } | ScanError::Encode { .. })) => {
                errors += 1;
                let message = error.to_string();
                assert!(message.contains("a.parquet") || message.contains("column"), "{message}");
            }
            Err(other) => panic!("step {step}: {other:?}"),
        }
    }
    assert!(errors > 30, "{errors} of 60 were noticed");
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

#[tokio::test]
async fn memory_is_reclaimed_from_unused_pieces_only() {
    let options = DeviceOptions { memory_bytes: Some(200_000), ..DeviceOptions::default() };
    let bench = Bench::with(options, None);
    for name in ["a", "b", "c", "d"] {
        let column = int((0..10_000).map(|i| i * 1_000_000_007 % 100_000_007));
        bench.write(&format!("{name}.parquet"), &[batch(&[("k", Arc::clone(&column)), ("l", column)])]);
    }
    // 4 files x 10,000 rows x 4 bytes: one column fits, two do not.
    let first = bench.query("k", None).await;
    match bench.load(&bench.plan("l", None).await).await {
        Err(ScanError::Device(error)) => assert!(error.to_string().contains("column l"), "{error}"),
        other => panic!("{:?}", other.map(|loaded| loaded.stats)),
    }
    let values = bench.rows(&first.table);
    drop(first);
    let second = bench.query("l", None).await;
    assert_eq!(bench.rows(&second.table), values);
    assert!(bench.columns.stats().evicted >= 1);
}

#[tokio::test]
async fn a_byte_budget_bounds_the_store() {
    let bench = Bench::with(DeviceOptions::default(), Some(100_000));
    bench.write("a.parquet", &[every_type(0, 10_000, 0)]);
    let loaded = bench.query("*", None).await;
    let values = bench.rows(&loaded.table);
    drop(loaded);
    let again = bench.query("*", None).await;
    assert_eq!(bench.rows(&again.table), values);
    drop(again);
    bench.query("flag", None).await;
    assert!(bench.columns.stats().bytes <= 100_000, "{:?}", bench.columns.stats());
    bench.columns.clear();
    assert_eq!((bench.columns.stats().bytes, bench.device.memory().used_bytes), (0, 0));
}

#[tokio::test]
async fn dropping_a_load_stops_it_and_leaves_a_working_store() {
    let bench = Bench::new();
    let groups: Vec<_> = (0..20).map(|g| every_type(g * 5000, 5000, 0)).collect();
    bench.write("a.parquet", &groups);
    let scan = bench.plan("*", None).await;
    // Wherever the load is cut (scan_faults.rs cuts one for certain).
    for ms in [1, 10, 30] {
        drop(tokio::time::timeout(std::time::Duration::from_millis(ms), bench.load(&scan)).await);
    }
    let loaded = bench.load(&scan).await.unwrap();
    assert_eq!(bench.rows(&loaded.table), columns_of(&groups));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queries_side_by_side_agree() {
    let bench = Arc::new(Bench::new());
    let groups: Vec<_> = (0..4).map(|g| every_type(g * 3000, 3000, 3)).collect();
    bench.write("a.parquet", &groups[..2]);
    bench.write("b.parquet", &groups[2..]);
    let scans = [bench.plan("*", None).await, bench.plan("words, i64", None).await, bench.plan("*", None).await];
    let spawn = |scan| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.load(&scan).await.unwrap() })
    };
    let loaded = futures::future::try_join_all(scans.map(spawn)).await.unwrap();
    let all = columns_of(&groups);
    assert_eq!(bench.rows(&loaded[0].table), all);
    assert_eq!(bench.rows(&loaded[1].table), [all[18].clone(), all[3].clone()]);
    assert_eq!(bench.rows(&loaded[2].table), all);
}

/// A host input whose batches make up a chunk each.
fn gathered(batches: &[RecordBatch], raw: &[usize]) -> HostInput {
    let columns = InputColumns::new(&batches[0].schema(), &raw.iter().copied().collect()).unwrap();
    let chunks = batches.iter().map(|batch| columns.encode(std::slice::from_ref(batch)).unwrap()).collect();
    HostInput::new(columns, chunks).unwrap()
}

/// Batches in which each column has other ranges, words and NULLs.
fn unlike() -> [RecordBatch; 6] {
    let empty = every_type(0, 5, 0).slice(0, 0);
    let nothing = every_type(0, 77, 1);
    let [one, two, three] = [every_type(1, 100, 0), every_type(50, 2049, 7), every_type(90_000, 5000, 3)];
    [one, two, empty, three, nothing, every_type(900, 31, 1)]
}

#[test]
fn chunks_of_host_inputs_become_one_table() {
    let bench = Bench::new();
    let batches = unlike();
    let input = gathered(&batches, &[]);
    let table = input.upload(&bench.device).unwrap();
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    assert_eq!(table.segments.len(), 5, "one a chunk that has rows");
    assert_eq!([0, 3].map(|column| table.shape.columns[column].stored.bytes()), [1, 4]);
    assert_eq!((input.stats().rows, input.stats().chunks), (table.rows(), 5));
    let raw = gathered(&batches, &[3, 18]);
    let table = raw.upload(&bench.device).unwrap();
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    assert!(matches!(table.shape.columns[18].stored, Stored::RawText) && table.shape.columns[3].stored.bytes() == 4);
    let coded = raw.without_raw_text().unwrap();
    let table = coded.upload(&bench.device).unwrap();
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    assert!(matches!(table.shape.columns[18].stored, Stored::Codes { .. }) && !coded.has_raw_text());
    let none = gathered(&batches[2..3], &[]).upload(&bench.device).unwrap();
    assert_eq!((none.rows(), none.shape.columns.len()), (0, 19));
}

#[tokio::test]
async fn host_inputs_come_in_waves() {
    let bench = Bench::new();
    let batches = unlike();
    let all = columns_of(&batches);
    for bytes in [1, 200_000, u64::MAX] {
        let mut waves = InputWaves::new(&bench.device, Arc::new(gathered(&batches, &[18])), 0.0);
        for _ in 0..2 {
            let (mut found, before) = (vec![vec![]; all.len()], waves.stats().waves);
            while let Some(table) = waves.next(bytes).await.unwrap() {
                found.iter_mut().zip(rows(&bench.device, &table)).for_each(|(all, some)| all.extend(some));
            }
            assert!(found == all, "{bytes}");
            let count = waves.stats().waves - before;
            assert!(if bytes == u64::MAX { count == 1 } else { count > 2 }, "{bytes}: {count}");
            waves.rewind();
        }
    }
}

#[test]
fn what_a_host_input_comes_as() {
    let bench = Bench::new();
    let keyed: DictionaryArray<Int32Type> = [Some("b"), None, Some("a")].into_iter().collect();
    let batch = batch(&[("d", Arc::new(keyed))]);
    let batches = [batch.clone(), batch.slice(1, 2)];
    let table = gathered(&batches, &[0]).upload(&bench.device).unwrap();
    assert!(matches!(table.shape.columns[0].stored, Stored::Codes { .. }), "what comes as codes stays so");
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    let binary = arrow::datatypes::Field::new("b", DataType::Binary, true);
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![binary]));
    let error = InputColumns::new(&schema, &[].into()).unwrap_err();
    assert!(error.to_string().contains("column b"), "{error}");
}

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
