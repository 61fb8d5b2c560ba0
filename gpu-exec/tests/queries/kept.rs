//! Joins that keep rows of one side: semi, anti, left and right, over every kind of build.

use super::harness::{Both, Table};

fn numbers(columns: &str, count: u64) -> String {
    format!("SELECT {columns} FROM (SELECT value AS n FROM generate_series(0, {}))", count - 1)
}

/// `many` has duplicates and NULLs among its keys, `one` a unique key; `none` has no row. Texts are long, so that some lie
/// raw in the files.
fn tables() -> Vec<Table<'static>> {
    let many = "CAST(n AS BIGINT) AS v, CASE WHEN n % 9 = 0 THEN NULL ELSE n % 400 END AS k, n % 400 * 1000003 AS sparse, \
         CAST(n % 400 AS DECIMAL(38,5)) * 1234567890123456789 AS wide, CAST(n % 5 AS INT) AS w, \
         CASE WHEN n % 6 = 0 THEN NULL ELSE concat('word ', CAST(n % 60 AS VARCHAR)) END AS s";
    let one = "CAST(n * 3 AS BIGINT) AS k, n * 3 * 1000003 AS sparse, CAST(n * 3 AS DECIMAL(38,5)) * 1234567890123456789 AS wide, \
         CASE WHEN n % 4 = 0 THEN NULL ELSE CAST(n % 7 AS INT) END AS w, CAST(n + 1000000 AS BIGINT) AS far, \
         concat('word ', CAST(n AS VARCHAR)) AS s, concat('the text of row ', CAST(n AS VARCHAR)) AS own, n % 2 = 0 AS flag, \
         CAST(n AS DOUBLE) / 3 AS x";
    let nothing = "SELECT CAST(1 AS BIGINT) AS k, CAST(1 AS INT) AS w, 'x' AS s WHERE false";
    vec![
        ("many", vec![numbers(many, 5000), numbers(many, 33)]),
        ("one", vec![numbers(one, 300)]),
        ("none", vec![nothing.into()]),
    ]
}

/// Each query for every kind of join that keeps rows of one side.
async fn each_kind(both: &Both, queries: &[&str]) {
    for query in queries {
        for kind in ["LEFT SEMI", "LEFT ANTI", "RIGHT SEMI", "RIGHT ANTI"] {
            both.same(&query.replace('@', kind)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn semi_and_anti() {
    let both = Both::over(&tables()).await;
    each_kind(
        &both,
        &[
            // Direct, hashed and wide tables, keys with NULLs, either side with duplicates.
            "SELECT count(*) FROM many @ JOIN one ON many.k = one.k",
            "SELECT count(*) FROM one @ JOIN many ON many.k = one.k",
            "SELECT count(*) FROM many @ JOIN one ON many.sparse = one.sparse",
            "SELECT count(*) FROM one @ JOIN many ON many.wide = one.wide",
            "SELECT count(*) FROM one @ JOIN many ON many.k = one.k AND many.w = one.w",
            "SELECT count(*) FROM one @ JOIN many ON many.s = one.s",
            // What makes a match besides the keys: over one row, over a run of them, over one side alone.
            "SELECT count(*) FROM many @ JOIN one ON many.k = one.k AND many.w < one.w",
            "SELECT count(*) FROM one @ JOIN many ON many.k = one.k AND many.w > one.w",
            "SELECT count(*) FROM many @ JOIN many AS other ON many.k = other.k AND many.v <> other.v",
            "SELECT count(*) FROM many @ JOIN many AS other ON many.k = other.k AND many.v > other.v + 4900",
            "SELECT count(*) FROM one @ JOIN many ON many.k = one.k AND many.s LIKE '%5'",
            "SELECT count(*) FROM one @ JOIN many ON many.sparse = one.sparse AND one.own LIKE '%7' AND many.w + one.w > 6",
            // Nothing to look in, nothing to look for.
            "SELECT count(*) FROM many @ JOIN none ON many.k = none.k",
            "SELECT count(*) FROM none @ JOIN many ON many.k = none.k AND many.w < none.w",
            "SELECT count(*) FROM many @ JOIN one ON many.k = one.far",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_behind_semi_and_anti() {
    let both = Both::over(&tables()).await;
    for query in [
        // The kept side's columns, texts among them; a row is kept once.
        "SELECT one.* FROM one LEFT SEMI JOIN many ON many.k = one.k AND many.w <> one.w",
        "SELECT k, own FROM one LEFT ANTI JOIN many ON many.k = one.k",
        "SELECT s, count(*), sum(v) FROM many LEFT ANTI JOIN one ON many.k = one.k GROUP BY s",
        // A unique key stays unique behind them, and a register read in a condition is loaded again behind it.
        "SELECT b.own, sum(a.v) FROM many a JOIN (SELECT * FROM one LEFT SEMI JOIN many ON many.k = one.k) b ON a.k = b.k GROUP BY b.own",
        "SELECT v, w FROM many LEFT ANTI JOIN one ON many.k = one.k AND many.w * 2 < one.w",
        // Several of them over one another, and over joins that multiply rows.
        "SELECT count(*), sum(v) FROM many LEFT SEMI JOIN one ON many.k = one.k LEFT ANTI JOIN one AS other ON many.w = other.w AND many.v < other.k",
        "SELECT count(*) FROM many a JOIN many b ON a.k = b.k AND a.v < 50 LEFT ANTI JOIN one ON b.w = one.w AND a.v = one.k",
        "SELECT count(*) FROM (SELECT k, count(*) AS c FROM many GROUP BY k) g LEFT SEMI JOIN one ON g.k = one.k AND g.c > 12",
        "SELECT count(*) FROM one LEFT SEMI JOIN (SELECT k, sum(w) AS c FROM many GROUP BY k) g ON g.k = one.k AND g.c > 20",
        // EXISTS and IN as people write them.
        "SELECT count(*) FROM many WHERE EXISTS (SELECT 1 FROM one WHERE one.k = many.k AND one.w <> many.w)",
        "SELECT count(*) FROM many WHERE NOT EXISTS (SELECT 1 FROM one WHERE one.k = many.k AND one.w <> many.w)",
        "SELECT count(*) FROM many WHERE k IN (SELECT k FROM one WHERE flag)",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn left_and_right() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT count(*), count(one.k), sum(one.w), min(own), max(x) FROM many @ JOIN one ON many.k = one.k",
        "SELECT count(*), count(many.k), sum(v), min(many.s), max(own) FROM one @ JOIN many ON many.k = one.k",
        "SELECT many.v, one.k, one.w, one.own, one.flag, one.x, one.far FROM many @ JOIN one ON many.k = one.k",
        "SELECT one.k, many.v, many.wide, many.s FROM one @ JOIN many ON many.sparse = one.sparse AND many.v < 700",
        "SELECT count(*), count(v), sum(v) FROM one @ JOIN many ON many.wide = one.wide",
        // Conditions of ON decide what matches, not what is kept.
        "SELECT count(*), count(one.k), sum(one.w) FROM many @ JOIN one ON many.k = one.k AND many.w < one.w",
        "SELECT count(*), count(many.k), sum(v) FROM one @ JOIN many ON many.k = one.k AND many.w > one.w",
        "SELECT one.k, many.v FROM one @ JOIN many ON many.k = one.k AND many.v % 400 > 396 AND one.flag",
        "SELECT count(*), count(many.s), count(one.s) FROM one @ JOIN many ON many.s = one.s AND many.w + one.w = 3",
        // What is computed, tested and grouped by behind them.
        "SELECT own, count(*), sum(v) FROM many @ JOIN one ON many.k = one.k GROUP BY own",
        "SELECT one.w, far, count(*) FROM many @ JOIN one ON many.k = one.k GROUP BY one.w, far",
        "SELECT count(*) FROM many @ JOIN one ON many.k = one.k WHERE one.w IS NULL",
        "SELECT count(*), sum(CASE WHEN one.own LIKE '%1' THEN 1 ELSE 0 END), sum(length(own)) FROM many @ JOIN one ON many.k = one.k",
        "SELECT sum(coalesce(one.w, -7)), sum(far - 1000000), count(nullif(flag, true)) FROM many @ JOIN one ON many.k = one.k",
        // Of three tables: the NULLs of one are the keys of the next.
        "SELECT count(*), count(c.k), sum(c.w) FROM many @ JOIN one ON many.k = one.k @ JOIN one AS c ON one.far = c.far AND c.flag",
        "SELECT count(*), count(b.v), count(one.k) FROM many a @ JOIN many b ON a.k = b.k AND a.v < 30 @ JOIN one ON b.w = one.w AND b.v = one.k",
        "SELECT n, count(*) FROM (SELECT one.k, count(many.v) AS n FROM one LEFT JOIN many ON many.k = one.k AND many.w = 2 GROUP BY one.k) GROUP BY n",
        // With nothing.
        "SELECT count(*), count(none.k), max(none.s), sum(none.w + 1) FROM many @ JOIN none ON many.k = none.k",
        "SELECT count(*), count(many.k) FROM none @ JOIN many ON many.k = none.k AND many.w < none.w",
    ] {
        for kind in ["LEFT", "RIGHT"] {
            both.same(&query.replace('@', kind)).await;
        }
    }
}

/// Texts of the side that may be missing lie raw in the file: a NULL of a row without a match refers to no text.
#[tokio::test(flavor = "multi_thread")]
async fn raw_texts_that_are_missing() {
    let both = Both::written(&tables(), |_| false).await;
    for query in [
        "SELECT many.v, own FROM many LEFT JOIN one ON many.k = one.k",
        "SELECT count(*), count(own), sum(length(own)) FROM many LEFT JOIN one ON many.k = one.k AND many.w < one.w",
        "SELECT count(*) FROM many LEFT JOIN one ON many.k = one.k WHERE own LIKE '%7' OR own IS NULL",
        "SELECT count(*) FROM many LEFT JOIN one ON many.k = one.k WHERE coalesce(own LIKE '%text%', many.w > 2)",
        "SELECT own FROM one LEFT ANTI JOIN many ON many.k = one.k AND own LIKE '%1%'",
    ] {
        both.same(query).await;
    }
}

/// What fails for rows that are compared fails the query.
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_conditions_that_fail() {
    let both = Both::over(&tables()).await;
    both.fails("SELECT count(*) FROM one LEFT SEMI JOIN many ON many.v / many.w = one.k", "Divide by zero").await;
    both.fails("SELECT count(*) FROM many LEFT ANTI JOIN one ON many.v / many.w = one.k", "Divide by zero").await;
    both.fails("SELECT count(*) FROM one LEFT JOIN many ON many.k = one.k AND many.v / many.w = 3", "Divide by zero")
        .await;
}
