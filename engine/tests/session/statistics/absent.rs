//! What is absent in one row group or file is unknown for the whole, and a bound that was cut off is no value.

use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use maar_engine::datafusion::arrow::datatypes::{DataType, Field, Schema};
use maar_engine::datafusion::parquet::file::metadata::ColumnChunkMetaData;
use maar_engine::datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use maar_engine::datafusion::parquet::file::statistics::Statistics;

use super::expect;
use super::files::{Columns, Lake};

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn integers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn group(s: &[Option<&str>], k: &[Option<i64>]) -> Columns {
    vec![("s", texts(s)), ("k", integers(k))]
}

const CASES: &[(&str, &str)] = &[
    ("select min(s), max(s), min(k), max(k) from {t}", "aa,zz,-7,9"),
    ("select count(s), count(k), count(*) from {t}", "3,3,4"),
    ("select s from {t} order by s limit 1", "aa"),
    ("select s from {t} order by s desc nulls last limit 1", "zz"),
    ("select count(*) from (select k from {t} order by k nulls first limit 1) where k is null", "1"),
    ("select k from {t} order by k limit 1", "-7"),
    ("select count(*) from {t} where s < 'b'", "1"),
    ("select count(*) from {t} where s > 'x'", "1"),
    ("select count(*) from {t} where k < 0", "1"),
    ("select count(*) from {t} where k is null", "1"),
    ("select count(*) from {t} where k is distinct from 1", "3"),
    ("select count(*) from {t} where k is not distinct from null", "1"),
    ("select count(*) from (select k from {t} where k > 0 limit 4)", "2"),
];

/// Two row groups, of which one is given.
fn halves() -> [Columns; 2] {
    [group(&[Some("mm"), None], &[Some(1), Some(9)]), group(&[Some("aa"), Some("zz")], &[Some(-7), None])]
}

fn without(chunk: ColumnChunkMetaData) -> ColumnChunkMetaData {
    chunk.into_builder().clear_statistics().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_group_without_statistics_is_unknown() {
    for unknown in [0, 1] {
        let lake = Lake::new();
        lake.file("a.parquet", &halves());
        lake.edit("a.parquet", |at, _, chunk| if at == unknown { without(chunk) } else { chunk });
        expect(&lake.table(), CASES).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_statistics_is_unknown() {
    let without = || WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
    for unknown in ["a.parquet", "b.parquet"] {
        let lake = Lake::new();
        for (name, half) in ["a.parquet", "b.parquet"].into_iter().zip(halves()) {
            let properties = if name == unknown { without() } else { WriterProperties::builder() };
            lake.file_with(name, &[half], properties);
        }
        expect(&lake.table(), CASES).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_null_count_is_unknown() {
    let uncounted = |chunk: ColumnChunkMetaData| {
        let statistics = match chunk.statistics() {
            Some(Statistics::Int64(v)) => {
                Statistics::int64(v.min_opt().copied(), v.max_opt().copied(), None, None, false)
            }
            Some(Statistics::ByteArray(v)) => {
                Statistics::byte_array(v.min_opt().cloned(), v.max_opt().cloned(), None, None, false)
            }
            other => unreachable!("{other:?}"),
        };
        chunk.into_builder().set_statistics(statistics).build().unwrap()
    };
    let lake = Lake::new();
    lake.file("a.parquet", &halves());
    lake.edit("a.parquet", |_, _, chunk| uncounted(chunk));
    expect(&lake.table(), CASES).await;
    let only_null_counts_missing = Lake::new();
    only_null_counts_missing.file("a.parquet", &[halves()[0].clone()]);
    only_null_counts_missing.file("b.parquet", &[halves()[1].clone()]);
    only_null_counts_missing.edit("b.parquet", |_, _, chunk| uncounted(chunk));
    expect(&only_null_counts_missing.table(), CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_nulls_hides_no_bound() {
    let lake = Lake::new();
    lake.file("a.parquet", &[halves()[0].clone()]);
    lake.file("b.parquet", &[group(&[None], &[None])]);
    lake.file("c.parquet", &[halves()[1].clone()]);
    let cases = [
        ("select min(s), max(s), min(k), max(k), count(k) from {t}", "aa,zz,-7,9,3"),
        ("select count(*) from {t} where k is null", "2"),
        ("select k from {t} order by k desc nulls last limit 1", "9"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_that_was_cut_off_is_no_value() {
    let lake = Lake::new();
    let cut = || {
        let builder = WriterProperties::builder().set_statistics_truncate_length(Some(2));
        builder.set_column_index_truncate_length(Some(2))
    };
    lake.file_with("a.parquet", &[vec![("s", texts(&[Some("abc"), Some("abd")]))]], cut());
    lake.file_with("b.parquet", &[vec![("s", texts(&[Some("abcd"), Some("xyz")]))]], cut());
    let cases = [
        ("select min(s), max(s) from {t}", "abc,xyz"),
        ("select s from {t} order by s desc limit 1", "xyz"),
        ("select s from {t} order by s limit 1", "abc"),
        ("select count(*) from {t} where s > 'abd'", "1"),
        ("select count(*) from {t} where s = 'ab'", "0"),
        ("select count(*) from {t} where s like 'ab%'", "3"),
        ("select count(*) from {t} where s not like 'ab%'", "1"),
        ("select count(*) from {t} where s <> 'ab'", "4"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_of_distinct_values_is_an_estimate() {
    let lake = Lake::new();
    lake.file("a.parquet", &[vec![("k", integers(&[Some(1), Some(2), Some(2), None]))]]);
    lake.edit("a.parquet", |_, _, chunk| {
        let statistics = Statistics::int64(Some(1), Some(2), Some(3), Some(1), false);
        chunk.into_builder().set_statistics(statistics).build().unwrap()
    });
    expect(&lake.table(), &[("select count(distinct k) from {t}", "2")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_of_one_file_is_null_in_the_other() {
    let lake = Lake::new();
    let schema = |names: &[&str]| {
        let fields = names.iter().map(|name| Field::new(*name, DataType::Int64, false));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    };
    let properties = WriterProperties::builder;
    let both = [vec![("a", integers(&[Some(1), Some(2)])), ("b", integers(&[Some(3), Some(4)]))]];
    lake.file_of("a.parquet", &schema(&["a", "b"]), &both, properties());
    lake.file_of("b.parquet", &schema(&["a"]), &[vec![("a", integers(&[Some(5)]))]], properties());
    let cases = [
        ("select a, b from {t} order by a", "1,3;2,4;5,"),
        ("select count(a), count(b), count(*), sum(b), min(b), max(b) from {t}", "3,2,3,7,3,4"),
        ("select a from {t} where b is null", "5"),
        ("select b, count(*) from {t} group by b order by b", "3,1;4,1;,1"),
        ("select count(*) from {t} where b > 3", "1"),
        ("select x.a from {t} x left join {t} y on x.b = y.b where y.b is null", "5"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_of_another_type_are_none() {
    let lake = Lake::new();
    lake.file("a.parquet", &[vec![("k", Arc::new(Int32Array::from(vec![300, 301])) as ArrayRef)]]);
    for device in ["cpu", "emulated"] {
        let session = crate::support::session();
        let declare = format!(
            "set maar.device = '{device}'; create external table t (k tinyint) stored as parquet location '{}'",
            lake.path("a.parquet")
        );
        session.run_script(&declare).await.unwrap();
        for sql in ["select count(*) from t where k < 0", "select max(k) from t", "select k from t where k = 44"] {
            crate::support::error(&session, sql).await;
        }
    }
}
