//! Files as they change, lie, or make no sense, and what of them is read.

use std::sync::Arc;

use arrow::array::*;
use maar_gpu_exec::column::{ColumnMeta, Stored, TableShape};
use maar_gpu_exec::ir::IntWidth;
use maar_gpu_exec::scan::ScanError;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use super::scan_support::Value;
use super::scan_support::every::{columns_of, every_type};
use super::scan_support::files::{Bench, batch};
use super::{int, properties, text};

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
        for scan in [scan, texts] {
            let mut load = bench.open(&[&scan]).await.unwrap();
            let Some(expectation) = load.hand_on().unwrap() else {
                assert!(load.is_resident(), "{filter:?}");
                continue;
            };
            let (loaded, arrivals) = tokio::join!(load.finish(), expectation.decided());
            let (loaded, arrival) = (loaded.unwrap().remove(0), arrivals.unwrap().remove(0));
            assert_eq!((loaded.stats.shape_misses, loaded.stats.columns_recoded), (0, 0), "{filter:?}");
            assert_eq!(shown(arrival.shape().unwrap().clone()), shown(loaded.table.shape.clone()), "{filter:?}");
            bench.columns.clear();
            // What comes whole is the same.
            let whole = bench.load(&scan).await.unwrap();
            assert_eq!(bench.rows(&whole.table), bench.rows(&loaded.table), "{filter:?}");
            assert_eq!(shown(whole.table.shape), shown(loaded.table.shape), "{filter:?}");
            bench.columns.clear();
        }
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
