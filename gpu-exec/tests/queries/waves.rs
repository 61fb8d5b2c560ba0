//! Tables that do not fit the device: read in waves, with the answers of the host.

use super::harness::{Both, Table};

/// Less than half of what the columns of a query over `facts` take together.
const MEMORY: u64 = 3 << 20;
const ROWS: usize = 90_000;

/// `facts` has files whose words differ, a column of which whole row groups are NULL, and texts that are all different.
fn tables() -> Vec<Table<'static>> {
    let part = |first: usize, rows: usize, words: usize| {
        format!(
            "SELECT CAST(n AS BIGINT) AS id, n % 700 AS k, n % 700 * 1000003 AS sparse, CAST(n % 11 AS DECIMAL(12,2)) / 4 AS price, \
             CASE WHEN n % 13 = 0 THEN NULL ELSE concat('word ', CAST(n % {words} AS VARCHAR)) END AS word, \
             CASE WHEN n < 3000 OR n > 9000 THEN CAST(NULL AS BIGINT) ELSE n + 5000 END AS seldom, n % 3 = 0 AS flag, \
             CAST(n AS DOUBLE) / 7 AS x, arrow_cast(CAST(8000 + n % 900 AS INT), 'Date32') AS day, \
             concat('the text of row ', CAST(n AS VARCHAR)) AS own \
             FROM (SELECT value AS n FROM generate_series({first}, {}))",
            first + rows - 1
        )
    };
    let names = "SELECT CAST(n AS BIGINT) AS k, n * 1000003 AS sparse, concat('word ', CAST(n % 50 AS VARCHAR)) AS word, \
         CAST(n % 5 AS INT) AS class FROM (SELECT value AS n FROM generate_series(0, 499))";
    vec![("facts", vec![part(0, 40_000, 17), part(40_000, ROWS - 40_000, 300)]), ("names", vec![names.into()])]
}

async fn each_in_waves(queries: &[&str], segment_rows: usize) {
    let both = Both::within(&tables(), |_| true, segment_rows, Some(MEMORY)).await;
    for query in queries {
        let waves = |reports: Vec<maar_gpu_exec::report::DeviceReport>| {
            reports.iter().flat_map(|report| &report.loads).map(|load| load.waves).max().unwrap_or(0)
        };
        assert!(waves(both.same(query).await) > 1, "{query}");
        assert!(waves(both.same(query).await) > 1, "again: {query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_rows() {
    let all = "id + k + sparse + seldom + price > 0 OR x > 1 OR flag OR day > DATE '2000-01-01'";
    each_in_waves(
        &[
            &format!("SELECT id, word, seldom, x, own FROM facts WHERE k = 13 AND ({all})"),
            &format!("SELECT own, word FROM facts WHERE own LIKE '%777' AND ({all})"),
            &format!("SELECT id FROM facts WHERE word IN ('word 3', 'word 299') AND ({all})"),
            &format!("SELECT upper(word), length(own) FROM facts WHERE id % 1000 = 7 AND ({all})"),
        ],
        0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    let queries = [
        "SELECT count(*), sum(price), min(word), max(word), min(seldom), sum(seldom), max(x), count(own), sum(id), sum(sparse), max(day) FROM facts",
        "SELECT flag, count(*), sum(price), sum(seldom), max(sparse), max(id), min(x), max(day), count(own) FROM facts GROUP BY flag",
        "SELECT word, count(*), sum(price), max(seldom), sum(sparse), sum(id), min(x), max(day), count(own) FROM facts GROUP BY word",
        "SELECT sparse, flag, max(word), sum(id), sum(seldom), max(price), min(x), max(day), count(own) FROM facts GROUP BY sparse, flag",
        "SELECT k, flag, min(seldom), sum(id), max(word), sum(sparse), max(price), min(x), max(day), count(own) FROM facts GROUP BY k, flag",
    ];
    each_in_waves(&queries, 0).await;
    each_in_waves(&queries[..3], 20_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins() {
    each_in_waves(
        &[
            // The large table looks into the small one, and is looked into; texts of two dictionaries meet.
            "SELECT class, count(*), sum(price), max(facts.word), sum(id), sum(seldom), min(x), max(day), count(own), sum(facts.sparse) FROM facts JOIN names ON facts.k = names.k GROUP BY class",
            "SELECT names.word, count(*), sum(id), sum(seldom), min(x), max(day), count(own), sum(facts.sparse), sum(price), sum(facts.k) FROM facts JOIN names ON facts.word = names.word GROUP BY names.word",
            "SELECT facts.id, names.word, facts.own FROM facts LEFT JOIN names ON facts.sparse = names.sparse WHERE facts.id % 997 = 1 AND ((facts.x + facts.k + facts.seldom) IS DISTINCT FROM 3) AND facts.day > DATE '1980-01-01' AND price >= 0",
        ],
        0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_ends_it() {
    let both = Both::within(&tables(), |_| true, 0, Some(MEMORY)).await;
    let some = "FROM facts WHERE id + k + sparse + price > 0 OR x > 1 OR flag OR day > DATE '2000-01-01' OR own > 'z'";
    both.agree(
        &format!("SELECT count(*) FROM (SELECT id, word {some} LIMIT 50000 OFFSET 1000)"),
        "SELECT 50000 FROM (SELECT 1)",
    )
    .await;
}

/// Of a table that is joined, a text that is tested before the join needs no dictionary; one that goes through it does.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_nothing_refers_to_later_stay_as_they_are() {
    let both = Both::within(&tables(), |_| false, 0, Some(MEMORY)).await;
    let all = "facts.id + facts.seldom + price > 0 OR x > 1 OR flag OR day > DATE '2000-01-01'";
    for (query, raw) in [
        (
            format!(
                "SELECT class, count(*), sum(facts.id) FROM facts JOIN names ON facts.k = names.k WHERE own NOT LIKE '%7%3%' AND ({all}) GROUP BY class"
            ),
            1,
        ),
        (
            format!(
                "SELECT names.k, count(facts.id) FROM names LEFT JOIN facts ON facts.k = names.k AND own LIKE '%1%' AND ({all}) GROUP BY names.k"
            ),
            1,
        ),
        (
            format!(
                "SELECT facts.own, names.class FROM facts JOIN names ON facts.k = names.k WHERE own LIKE '%77%' AND ({all})"
            ),
            0,
        ),
        (
            format!(
                "SELECT count(*) FROM facts JOIN names ON facts.k = names.k AND facts.own <> names.word WHERE ({all})"
            ),
            0,
        ),
    ] {
        let reports = both.same(&query).await;
        let of_waves = reports.iter().flat_map(|report| &report.loads).filter(|load| load.waves > 1);
        let raw_columns: Vec<u64> = of_waves.map(|load| load.columns_raw).collect();
        assert_eq!(raw_columns, [raw], "{query}");
    }
}
