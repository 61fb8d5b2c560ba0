//! Statistics that lie: bounds that values lie outside of, NULLs that are not counted, texts that are said to be few. Where the
//! values are read, they decide. What footers alone decide (which row groups are skipped, `count(x)`, `min` and `max` of
//! whole files) nobody can know without reading.

use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use maar_engine::datafusion::parquet::data_type::ByteArray;
use maar_engine::datafusion::parquet::file::metadata::ColumnChunkMetaData;
use maar_engine::datafusion::parquet::file::statistics::{Statistics, ValueStatistics};

use super::expect;
use super::files::{Columns, Lake};

/// `k` and `s` are lied about, `f` and `g` are not.
fn group(first: i64) -> Columns {
    let k = [Some(first), None, Some(-7), Some(9), Some(first), None];
    let s = [Some("mm"), None, Some("aa"), Some("zz"), Some("b"), Some("mm")];
    let f: ArrayRef = Arc::new(Float64Array::from_iter_values((0..6).map(f64::from)));
    let g: ArrayRef = Arc::new(Int64Array::from_iter_values((0..6).map(|row| row % 2)));
    vec![
        ("k", Arc::new(Int64Array::from(k.to_vec()))),
        ("s", Arc::new(StringArray::from(s.to_vec()))),
        ("f", f),
        ("g", g),
    ]
}

/// All rows are read for these.
const CASES: &[(&str, &str)] = &[
    ("select sum(k), avg(k) from {t}", "306,38.25"),
    (
        "select g, count(k), count(*), min(k), max(k), min(s), max(s) from {t} group by g order by g",
        "0,6,6,-7,150,aa,mm;1,2,6,9,9,mm,zz",
    ),
    ("select k, count(*) from {t} group by k order by k nulls first", ",4;-7,2;1,2;9,2;150,2"),
    ("select s, count(*) from {t} group by s order by s nulls first", ",2;aa,2;b,2;mm,4;zz,2"),
    ("select k is null, count(*) from {t} group by 1 order by 1", "false,8;true,4"),
    ("select sum(case when k is null then 1 else 0 end), sum(case when s is not null then 1 end) from {t}", "4,10"),
    ("select count(distinct k), count(distinct s) from {t}", "4,4"),
    ("select coalesce(k, 1000) from {t} where f < 2 order by 1", "1;150;1000;1000"),
    ("select k from {t} where f = 0 order by k desc", "150;1"),
    ("select k, s from {t} where f > 1 order by k nulls first, s", ",mm;,mm;-7,aa;-7,aa;1,b;9,zz;9,zz;150,b"),
    ("select count(*) from {t} a join {t} b on a.k = b.k", "16"),
    ("select count(*) from {t} a join {t} b on a.s = b.s and a.f = b.f", "20"),
    ("select count(*) from {t} a where a.k not in (select b.k from {t} b where b.k is not null and b.f >= 3)", "2"),
    ("select max(k + g), min(k * 2) from {t}", "150,-14"),
    ("select sum(k) over (order by f, k nulls first) from {t} order by 1 nulls first limit 1", "1"),
    ("select length(s), count(*) from {t} group by 1 order by 1 nulls first", ",2;1,2;2,8"),
];

#[expect(clippy::print_stderr, reason = "a failure is of the lie that was named last")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_are_read_decide_whatever_footers_say() {
    type Lie = fn(&Statistics) -> Statistics;
    let lies: [(&str, Lie); 4] = [
        ("no NULLs", |honest| edited(honest, |_| None, Some(0), None)),
        ("other bounds", |honest| {
            edited(honest, |text| Some(if text { ("n", "o") } else { ("2", "3") }), Some(2), None)
        }),
        ("one value", |honest| edited(honest, |_| None, None, Some(1))),
        ("all of it", |honest| {
            edited(honest, |text| Some(if text { ("n", "o") } else { ("2", "3") }), Some(0), Some(1))
        }),
    ];
    for (name, lie) in lies {
        let lake = Lake::new();
        // The later row group has the larger values; the other way round as well.
        lake.file("a.parquet", &[group(150), group(1)]);
        lake.edit("a.parquet", |_, column, chunk: ColumnChunkMetaData| match chunk.statistics().map(lie) {
            Some(statistics) if column < 2 => chunk.into_builder().set_statistics(statistics).build().unwrap(),
            _ => chunk,
        });
        eprintln!("{name}");
        expect(&lake.table(), CASES).await;
    }
}

/// Statistics with these bounds, NULLs and distinct values; those that are not given stay.
fn edited(
    honest: &Statistics,
    bounds: fn(bool) -> Option<(&'static str, &'static str)>,
    nulls: Option<u64>,
    distinct: Option<u64>,
) -> Statistics {
    let nulls = nulls.or(honest.null_count_opt());
    match honest {
        Statistics::Int64(values) => {
            let given = bounds(false).map(|(min, max)| (min.parse().unwrap(), max.parse().unwrap()));
            let (min, max) = given.unwrap_or((*values.min_opt().unwrap(), *values.max_opt().unwrap()));
            ValueStatistics::new(Some(min), Some(max), distinct, nulls, false).into()
        }
        Statistics::ByteArray(values) => {
            let given = bounds(true).map(|(min, max)| (ByteArray::from(min), ByteArray::from(max)));
            let honest = || (values.min_opt().unwrap().clone(), values.max_opt().unwrap().clone());
            let (min, max) = given.unwrap_or_else(honest);
            ValueStatistics::new(Some(min), Some(max), distinct, nulls, false).into()
        }
        other => other.clone(),
    }
}
