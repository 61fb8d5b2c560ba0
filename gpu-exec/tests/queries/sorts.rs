//! Orders of every type, both ways, NULLs at either end: few rows and many, in one launch and in several, all of them and the
//! first ones. Every order here is one of all rows, so that the answers are the same row by row.

use maar_gpu_exec::report::DeviceReport;

use super::harness::{Both, Settings, Table};

const ROWS: usize = 20_000;

fn tables() -> Vec<Table<'static>> {
    let part = |first: usize, last: usize| {
        format!(
            "SELECT CAST(n AS BIGINT) AS id, CAST(n * 7919 % 10007 AS INT) AS mixed, CAST(n % 97 - 40 AS SMALLINT) AS few, \
             CASE WHEN n % 3 = 0 THEN NULL ELSE n * 13 % 777 END AS missing, \
             CAST(n * 17 % 5003 AS DECIMAL(20,2)) / 4 AS price, CAST(n * 1000003 % 99991 - 50000 AS DECIMAL(38,10)) AS wide, \
             arrow_cast(CAST(8000 + n * 3 % 900 AS INT), 'Date32') AS day, CAST(n * 11 % 4001 AS BIGINT UNSIGNED) AS u, \
             n % 2 = 0 AS flag, CAST(n * 31 % 1009 - 500 AS DOUBLE) / 7 AS x, CAST(n % 13 AS FLOAT) / 3 AS y, \
             CASE WHEN n % 11 = 0 THEN NULL ELSE concat('word ', CAST(n * 7 % 300 AS VARCHAR)) END AS word, \
             concat('the text of row ', CAST(n AS VARCHAR)) AS own \
             FROM (SELECT value AS n FROM generate_series({first}, {last}))"
        )
    };
    let names = "SELECT CAST(n AS BIGINT) AS k, concat('name ', CAST(n % 50 AS VARCHAR)) AS name FROM (SELECT value AS n FROM generate_series(0, 499))";
    vec![("t", vec![part(0, 8999), part(9000, ROWS - 1)]), ("names", vec![names.into()])]
}

const KEYS: &[&str] = &[
    "id DESC",
    "mixed, id",
    "few DESC, id",
    "missing, id DESC",
    "missing DESC, id",
    "missing NULLS FIRST, id",
    "missing DESC NULLS LAST, id",
    "price DESC, mixed DESC, id",
    "wide, id",
    "wide DESC, id",
    "day, u DESC, id",
    "flag DESC, y, id",
    "x, id",
    "x DESC, id",
    "y DESC, id",
    "word, id",
    "word DESC NULLS LAST, id",
    "few + mixed, id",
    "upper(word) DESC, id",
    "few, missing, price, day, u, flag, x, y, word, wide, mixed, id",
    "few * 0, id",
];

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_type() {
    let both = Both::over(&tables()).await;
    for keys in KEYS {
        // By one block, and launch by launch.
        both.in_order(&format!("SELECT id, own, price FROM t WHERE id % 40 = 7 ORDER BY {keys}")).await;
        both.in_order(&format!("SELECT id, word, missing FROM t WHERE id > 14011 ORDER BY {keys}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_rows() {
    let both = Both::over(&tables()).await;
    for keys in KEYS {
        for limit in ["LIMIT 5 OFFSET 9", "OFFSET 9000"] {
            let reports = both.in_order(&format!("SELECT * FROM t WHERE id % 2 = 1 ORDER BY {keys} {limit}")).await;
            assert!(limit.contains("000") || reports.iter().all(|report| report.rows_out <= 14), "{keys} {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn above_other_operators() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT few, count(*) AS c, sum(price) AS s FROM t GROUP BY few ORDER BY s DESC, few",
        "SELECT word, avg(price) AS a, max(x) FROM t GROUP BY word ORDER BY a DESC NULLS LAST, word LIMIT 20",
        "SELECT mixed, count(*) FROM t GROUP BY mixed ORDER BY count(*) DESC, mixed LIMIT 3",
        "SELECT t.id, name FROM t JOIN names ON few = k WHERE mixed < 5000 ORDER BY name DESC, id",
        "SELECT t.id, name FROM t LEFT JOIN names ON mixed = k ORDER BY name, id DESC LIMIT 100",
        "SELECT DISTINCT few, flag FROM t ORDER BY flag, few DESC",
        // The key is none of the columns.
        "SELECT own FROM t WHERE id > 100 ORDER BY mixed, id",
        "SELECT own, few + 1 FROM t WHERE id > 100 ORDER BY price * 2 DESC, id LIMIT 12",
        "SELECT id FROM t WHERE id < 0 ORDER BY id",
        "SELECT id FROM t ORDER BY mixed, id",
    ] {
        both.in_order(query).await;
        both.in_order(query).await;
    }
}

fn runs(reports: &[DeviceReport]) -> u64 {
    reports.iter().flat_map(|report| &report.pipelines).map(|pipeline| pipeline.sorted.runs).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_several_launches_are_merged() {
    // Too little for all columns, or for a result: waves, and launches over some of the tiles.
    for memory in [700_000, 2_000_000] {
        let both = Both::within(&tables(), |_| true, 0, Some(memory)).await;
        let mut most = 0;
        for keys in [
            "id DESC",
            "missing, id DESC",
            "wide DESC, id",
            "word DESC NULLS LAST, id",
            "few, missing, price, day, x, id",
        ] {
            for query in [
                format!("SELECT id, missing, word FROM t WHERE id % 7 <> 3 ORDER BY {keys}"),
                format!("SELECT id, own FROM t WHERE id % 3 <> 1 ORDER BY {keys} LIMIT 11 OFFSET 5"),
            ] {
                most = most.max(runs(&both.in_order(&query).await));
            }
        }
        assert!(most > 1, "{memory}: {most}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_session_has_no_memory_for_goes_back_to_the_host() {
    let small = Settings { memory_bytes: Some(900_000), host_bytes: Some(300_000), ..Settings::default() };
    let query = "SELECT id, missing, price, wide, own, word FROM t WHERE id % 7 <> 3 ORDER BY mixed, id";
    Both::with(&tables(), |_| true, small).await.fails(query, "memory_limit").await;
    // The host keeps the order that the device would have had.
    let tiny = Settings { memory_bytes: Some(60_000), way_back: true, ..Settings::default() };
    let both = Both::with(&tables(), |_| true, tiny).await;
    for query in [query, "SELECT own FROM t WHERE id > 100 ORDER BY x DESC, id"] {
        both.goes_back_in_order(query).await;
    }
    // What is cut waits with no more rows than are wanted.
    Both::with(&tables(), |_| true, small).await.in_order(&format!("{query} LIMIT 20")).await;
}
