//! Tables that are read while they are loaded, over the shape that footers and dictionaries promise. Where a footer lies, nothing
//! of what was begun with leaves, and the answer is what the values ask for.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use maar_gpu_exec::device::CodeOrigin;
use maar_gpu_exec::report::DeviceReport;
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::statistics::{Statistics, ValueStatistics};

use crate::harness::Both;

type Claims = ValueStatistics<i64>;

/// Rewrites a file's footer: the data stay, what it claims of column `v` changes.
fn restate(path: &Path, claim: fn(&Claims) -> Claims) {
    let bytes = Bytes::from(fs::read(path).unwrap());
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
    let mut builder = metadata.into_builder();
    let mut groups = builder.take_row_groups();
    for chunk in groups.iter_mut().flat_map(|group| group.columns_mut()) {
        if let (Some(Statistics::Int64(values)), "v") = (chunk.statistics(), chunk.column_descr().name()) {
            let claimed = Statistics::Int64(claim(values));
            *chunk = chunk.clone().into_builder().set_statistics(claimed).build().unwrap();
        }
    }
    let metadata = builder.set_row_groups(groups).build();
    let mut told = bytes[..bytes.len() - 8 - footer].to_vec();
    ParquetMetaDataWriter::new(&mut told, &metadata).finish().unwrap();
    fs::write(path, told).unwrap();
}

/// As `claims` says, but for bounds and the number of NULLs.
fn claims(claims: &Claims, min: Option<i64>, max: Option<i64>, nulls: Option<u64>) -> Claims {
    ValueStatistics::new(
        min.or(claims.min_opt().copied()),
        max.or(claims.max_opt().copied()),
        claims.distinct_count(),
        nulls.or(claims.null_count_opt()),
        false,
    )
}

fn misses(reports: &[DeviceReport]) -> u64 {
    reports.iter().flat_map(|report| &report.loads).map(|load| load.shape_misses).sum()
}

fn compiled(reports: &[DeviceReport]) -> usize {
    let pipelines = reports.iter().flat_map(|report| &report.pipelines);
    pipelines.filter(|pipeline| pipeline.origin == CodeOrigin::Compiled).count()
}

/// Numbers `v` of 7,000 rows in row groups of 3,000, in an honest file and in one whose footer claims something else.
async fn lying(v: &str, claim: fn(&Claims) -> Claims) -> Both {
    let rows = |last: u32| format!("(SELECT value AS i FROM generate_series(0, {last}))");
    let values = format!("SELECT CAST(i AS BIGINT) AS i, CAST({v} AS BIGINT) AS v FROM {}", rows(6999));
    let others = format!("SELECT CAST(i AS BIGINT) AS k, CAST(i % 5 AS BIGINT) AS w FROM {}", rows(3999));
    let both = Both::over(&[("honest", vec![values.clone()]), ("lying", vec![values]), ("others", vec![others])]).await;
    restate(&both.file("lying", 0), claim);
    both
}

/// A query over `lying` must give what it gives over `honest`, cold and hot. Returns how many tables were not as promised.
async fn same_as_honest(both: &Both, query: &str) -> u64 {
    let honest = query.replace("lying", "honest");
    let cold = misses(&both.agree(query, &honest).await);
    let hot = both.agree(query, &honest).await;
    assert_eq!(misses(&hot), 0, "{query}: hot");
    cold
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promised_holds() {
    let both = lying("i % 100", |claims| claims.clone()).await;
    for query in [
        "SELECT sum(v), count(*) FROM lying WHERE i > 10",
        "SELECT v, count(*) FROM lying GROUP BY v",
        "SELECT w, sum(v) FROM lying JOIN others ON i = k GROUP BY w",
    ] {
        both.forget();
        assert_eq!(same_as_honest(&both, query).await, 0, "{query}");
        assert_eq!(compiled(&both.same(query).await), 0, "{query}: hot");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smallest_and_largest_value_that_lie_change_no_answer() {
    // Past the claimed width, and within it: there the number of groups is what is claimed too low.
    for v in ["i * 1000", "i % 120"] {
        let both = lying(v, |known| claims(known, Some(0), Some(9), None)).await;
        let missed = same_as_honest(&both, "SELECT v, count(*), sum(i) FROM lying GROUP BY v").await;
        assert!(missed > 0, "{v}: the claim fits the values");
        both.forget();
        same_as_honest(&both, "SELECT sum(v), sum(w) FROM lying JOIN others ON v = k").await;
    }
    let both = lying("i % 50", |known| claims(known, Some(-3_000_000_000), Some(1 << 50), None)).await;
    same_as_honest(&both, "SELECT v, count(*), sum(i) FROM lying GROUP BY v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_nulls_that_lie_change_no_answer() {
    for (v, nulls) in [("CASE WHEN i % 5 > 0 THEN i END", 0), ("i", 7), ("NULL", 0), ("i % 3", 3000)] {
        let told: fn(&Claims) -> Claims = match nulls {
            0 => |known| claims(known, None, None, Some(0)),
            7 => |known| claims(known, None, None, Some(7)),
            _ => |known| claims(known, None, None, Some(3000)),
        };
        let both = lying(v, told).await;
        same_as_honest(&both, "SELECT sum(v), avg(v), sum(i) FROM lying").await;
        both.forget();
        same_as_honest(&both, "SELECT v, sum(i) FROM lying GROUP BY v").await;
    }
}

/// What looks like a table's key may occur twice.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none_lose_no_row() {
    let both = lying("CASE WHEN i % 97 = 5 THEN i - 1 ELSE i END", |claims| claims.clone()).await;
    let missed = same_as_honest(&both, "SELECT count(*), sum(k), sum(i) FROM lying JOIN others ON v = w").await;
    assert!(missed > 0, "a build of unique keys serves others");
    both.forget();
    assert_eq!(
        same_as_honest(&both, "SELECT v, count(*), sum(i) FROM lying GROUP BY v").await,
        0,
        "nobody relies on it"
    );
}
