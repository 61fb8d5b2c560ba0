//! NaN is in no statistics, and is the largest number; a zero bound may stand for either zero.

use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{ArrayRef, Float32Array, Float64Array};
use maar_engine::datafusion::arrow::util::pretty::pretty_format_batches;
use maar_engine::datafusion::parquet::file::properties::WriterProperties;
use maar_engine::datafusion::prelude::ParquetReadOptions;

use super::expect;
use super::files::{Columns, Lake};
use crate::examples::datafusion_install;

fn doubles(values: &[f64]) -> Columns {
    vec![("x", Arc::new(Float64Array::from(values.to_vec())) as ArrayRef)]
}

fn floats(values: &[f32]) -> Columns {
    vec![("x", Arc::new(Float32Array::from(values.to_vec())) as ArrayRef)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nan_beside_one_value_is_no_constant() {
    let lake = Lake::new();
    lake.file("a.parquet", &[doubles(&[1.0, f64::NAN])]);
    let cases = [
        ("select x from {t} order by x", "1.0;NaN"),
        ("select count(*) from {t} where x is distinct from 1", "1"),
        ("select count(*) from {t} a join {t} b on a.x = b.x", "2"),
        ("select min(x), max(x) from {t}", "1.0,NaN"),
    ];
    expect(&lake.table(), &cases).await;
}

const CASES: &[(&str, &str)] = &[
    ("select max(x) from {t}", "NaN"),
    ("select min(x) from {t}", "1.0"),
    ("select x from {t} order by x desc limit 1", "NaN"),
    ("select x from {t} order by x limit 1", "1.0"),
    ("select count(*) from {t} where x > 20", "1"),
    ("select count(*) from {t} where x >= 10", "2"),
    ("select count(*) from {t} where x <> 3", "4"),
    ("select count(*) from {t} where not x < 20", "1"),
    ("select count(*) from {t} where x not between 0 and 20", "1"),
    ("select count(*) from {t} where x = cast('NaN' as double)", "1"),
    ("select count(*) from {t} where x in (5, cast('NaN' as double))", "2"),
    ("select count(*) from {t} where x is distinct from 5", "3"),
    ("select count(*) from (select x from {t} where x < 20 limit 4)", "3"),
    ("select count(*) from (select x from {t} where x >= 1 limit 4)", "4"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_nan_matches_is_left_out() {
    let lake = Lake::new();
    lake.file("a.parquet", &[doubles(&[10.0, 5.0]), doubles(&[1.0, f64::NAN])]);
    expect(&lake.table(), CASES).await;
    let files = Lake::new();
    files.file("a.parquet", &[doubles(&[1.0, f64::NAN])]);
    files.file("b.parquet", &[doubles(&[10.0, 5.0])]);
    expect(&files.table(), CASES).await;
    let narrow = Lake::new();
    narrow.file("a.parquet", &[floats(&[10.0, 5.0]), floats(&[1.0, f32::NAN])]);
    expect(&narrow.table(), CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_nan_is_read() {
    let lake = Lake::new();
    let values: Vec<f64> = (0..400).map(|row| if row == 250 { f64::NAN } else { f64::from(row / 100) }).collect();
    let pages = WriterProperties::builder()
        .set_data_page_row_count_limit(50)
        .set_write_batch_size(50)
        .set_bloom_filter_enabled(true);
    lake.file_with("a.parquet", &[doubles(&values)], pages);
    let cases = [
        ("select count(*) from {t} where x > 2", "101"),
        ("select count(*) from {t} where x > 100", "1"),
        ("select count(*) from {t} where x <> 2", "301"),
        ("select count(*) from {t} where x = cast('NaN' as double)", "1"),
        ("select count(*) from {t} where x < 1", "100"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_does_not_hide_nan() {
    let lake = Lake::new();
    lake.file("a.parquet", &[doubles(&[10.0, 5.0]), doubles(&[1.0, f64::NAN]), doubles(&[0.0, -7.0])]);
    let cases = [
        ("select count(*) from {t} where -x > 5", "2"),
        ("select count(*) from {t} where -x >= cast('NaN' as double)", "1"),
        ("select count(*) from {t} where -x <> 0", "5"),
        ("select count(*) from {t} where not -x < 5", "2"),
        ("select count(*) from {t} where -(-x) > 10", "1"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_a_program_registers_pass_the_gate_too() {
    let lake = Lake::new();
    lake.file("a.parquet", &[doubles(&[1.0, f64::NAN])]);
    lake.file("b.parquet", &[doubles(&[10.0, 5.0]), doubles(&[1.0, f64::NAN])]);
    let context = datafusion_install::context().unwrap();
    let path = lake.path("");
    context.register_parquet("t", &path, ParquetReadOptions::default()).await.unwrap();
    let by_query =
        context.sql("select count(*) from t where x > 20 union all select count(*) from t where x <> 1").await;
    let read = context.read_parquet(&path, ParquetReadOptions::default()).await.unwrap();
    context.register_table("u", read.into_view()).unwrap();
    let by_frame = context.sql("select count(*) from u where x > 20 union all select max(x) from u").await;
    for (frame, expected) in [(by_query, ["2", "4"]), (by_frame, ["2.0", "NaN"])] {
        let shown = pretty_format_batches(&frame.unwrap().collect().await.unwrap()).unwrap().to_string();
        for cell in expected {
            assert!(shown.contains(&format!("| {cell} ")), "{shown}");
        }
    }
}
