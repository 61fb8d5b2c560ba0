//! The bounds of a column are not those of what it is cast to.

use std::sync::Arc;

use maar_engine::datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, TimestampMillisecondArray};

use super::expect;
use super::files::Lake;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_as_texts_have_another_order() {
    let lake = Lake::new();
    lake.file("a.parquet", &[vec![("k", Arc::new(Int64Array::from(vec![9, 10, 100, -5])) as ArrayRef)]]);
    let cases = [
        ("select max(s), min(s), count(s) from (select cast(k as varchar) s from {t})", "9,-5,4"),
        ("select max(cast(k as varchar)) from {t}", "9"),
        ("select max(s) from (select cast(k as varchar) s from {t} union all select '8')", "9"),
        ("select max(n), min(n) from (select cast(k as int) n from {t})", "100,-5"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_by_the_day_of_times_around_midnight_is_planned() {
    let lake = Lake::new();
    let times = TimestampMillisecondArray::from(vec![-1, 0, 1500, 3000]);
    lake.file("a.parquet", &[vec![("t", Arc::new(times) as ArrayRef)]]);
    let cases = [
        ("select count(*) from {t} where cast(t as date) < date '1970-01-01'", "1"),
        ("select count(*) from {t} where cast(t as date) = date '1970-01-01'", "3"),
        ("select count(*) from {t} x join {t} y on x.t = y.t where cast(x.t as date) < date '1970-01-01'", "1"),
    ];
    expect(&lake.table(), &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cast_that_may_give_null_says_nothing_of_the_nulls_of_its_column() {
    let lake = Lake::new();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    lake.file("a.parquet", &[vec![("x", numbers), ("n", Arc::new(Int64Array::from(vec![None])) as ArrayRef)]]);
    let cases = [
        ("select count(*) from {t} where try_cast(x as bigint) is not distinct from null", "1"),
        ("select count(*) from {t} where try_cast(x as bigint) is null", "1"),
        ("select count(*) from {t} where n is not distinct from try_cast(x as bigint)", "1"),
        ("select count(*) from {t} where not (n is distinct from try_cast(x as bigint))", "1"),
        ("select count(*) from {t} where try_cast(x as bigint) is distinct from null", "0"),
    ];
    expect(&lake.table(), &cases).await;
}
