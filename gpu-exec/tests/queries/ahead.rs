//! Kernels compiled while tables load, by what footers claim. Where a footer lies, what runs is what the values ask for.

use std::fs;
use std::path::Path;

use bytes::Bytes;
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

fn counts(reports: &[DeviceReport]) -> (usize, u64, u64) {
    let sum = |of: fn(&DeviceReport) -> u64| reports.iter().map(of).sum::<u64>();
    let pipelines = reports.iter().map(|report| report.pipelines.len()).sum();
    (pipelines, sum(|report| report.kernels_ahead), sum(|report| report.kernels_missed))
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

/// A query over `lying` must give what it gives over `honest`, cold and hot. Returns what was compiled ahead cold.
async fn same_as_honest(both: &Both, query: &str) -> (usize, u64, u64) {
    let honest = query.replace("lying", "honest");
    let cold = counts(&both.agree(query, &honest).await);
    let (_, ahead, missed) = counts(&both.agree(query, &honest).await);
    assert_eq!((ahead, missed), (0, 0), "{query}: a hot query has nothing to compile beside");
    cold
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_are_compiled_while_tables_load() {
    let both = lying("i % 100", |claims| claims.clone()).await;
    for query in [
        "SELECT sum(v), count(*) FROM lying WHERE i > 10",
        "SELECT v, count(*) FROM lying GROUP BY v",
        "SELECT w, sum(v) FROM lying JOIN others ON i = k GROUP BY w",
    ] {
        both.forget();
        let (pipelines, ahead, missed) = same_as_honest(&both, query).await;
        assert_eq!((ahead, missed), (pipelines as u64, 0), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smallest_and_largest_value_that_lie_change_no_answer() {
    // Past the claimed width, and within it: there the number of groups is what is claimed too low.
    for v in ["i * 1000", "i % 120"] {
        let both = lying(v, |known| claims(known, Some(0), Some(9), None)).await;
        let (_, _, missed) = same_as_honest(&both, "SELECT v, count(*), sum(i) FROM lying GROUP BY v").await;
        assert!(missed > 0, "{v}: what was compiled for the claim fits the values");
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
    let (_, _, missed) = same_as_honest(&both, "SELECT count(*), sum(k), sum(i) FROM lying JOIN others ON v = w").await;
    assert!(missed > 0, "a build of unique keys serves others");
}
