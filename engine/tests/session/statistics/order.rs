//! A file is sorted only where its footer proves it.

use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use maar_engine::datafusion::parquet::file::metadata::SortingColumn;
use maar_engine::datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use super::expect;
use super::files::{Columns, Lake};
use crate::support::{cells, session};

fn sorted() -> WriterPropertiesBuilder {
    let by = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    WriterProperties::builder().set_sorting_columns(Some(vec![by]))
}

fn integers(values: &[Option<i64>]) -> Columns {
    vec![("a", Arc::new(Int64Array::from(values.to_vec())) as ArrayRef)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sorted_row_groups_are_no_sorted_file() {
    let lake = Lake::new();
    let groups = [integers(&[Some(1), Some(5), Some(9)]), integers(&[Some(2), Some(6), Some(8)])];
    lake.file_with("a.parquet", &groups, sorted());
    let cases = [
        ("select a from {t} order by a", "1;2;5;6;8;9"),
        ("select a, count(*) from {t} group by a order by a", "1,1;2,1;5,1;6,1;8,1;9,1"),
        ("select a from {t} order by a limit 2", "1;2"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_and_nan_end_every_file() {
    let lake = Lake::new();
    lake.file_with("a.parquet", &[integers(&[Some(1), Some(2), None])], sorted());
    lake.file_with("b.parquet", &[integers(&[Some(3), Some(4), None])], sorted());
    expect(&lake.table(), &[("select a from {t} order by a nulls last", "1;2;3;4;;")]).await;
    let floats = Lake::new();
    let file = |values: [f64; 2]| vec![("a", Arc::new(Float64Array::from(values.to_vec())) as ArrayRef)];
    floats.file_with("a.parquet", &[file([1.0, f64::NAN])], sorted());
    floats.file_with("b.parquet", &[file([3.0, f64::NAN])], sorted());
    expect(&floats.table(), &[("select a from {t} order by a nulls last", "1.0;3.0;NaN;NaN")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proven_order_needs_no_sort() {
    let lake = Lake::new();
    let groups = [integers(&[Some(1), Some(2)]), integers(&[Some(2), Some(6)])];
    lake.file_with("a.parquet", &groups, sorted());
    let explained = format!("explain select a from {} order by a nulls last", lake.table());
    let plan = cells(&session(), &explained).await.unwrap();
    assert!(!plan.contains("SortExec"), "{plan}");
}
