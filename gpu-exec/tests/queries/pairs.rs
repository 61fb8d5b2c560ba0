//! Joins without keys, joins that mark rows, full joins, keys whose NULLs are equal, and keys of floats.

use super::harness::{Both, Settings, Table};

/// `left` and `right` have NULLs and duplicates in every column; `one` has one row, `none` none.
fn tables() -> Vec<Table<'static>> {
    let numbers = |columns: &str, count: u64| {
        format!("SELECT {columns} FROM (SELECT value AS n FROM generate_series(0, {}))", count - 1)
    };
    let left = "CAST(n AS BIGINT) AS v, CASE WHEN n % 9 = 0 THEN NULL ELSE CAST(n % 40 AS INT) END AS k, \
         CASE WHEN n % 7 = 0 THEN NULL ELSE CAST(n % 30 AS DOUBLE) / 4 END AS x, \
         CASE WHEN n % 6 = 0 THEN NULL ELSE concat('word ', CAST(n % 20 AS VARCHAR)) END AS s, \
         CASE WHEN n % 5 = 0 THEN NULL ELSE n % 2 = 0 END AS b";
    let right = "CAST(n AS BIGINT) AS v, CASE WHEN n % 11 = 0 THEN NULL ELSE CAST(n % 50 AS INT) END AS k, \
         CASE WHEN n % 13 = 0 THEN NULL ELSE CAST(n % 35 AS DOUBLE) / 4 END AS x, CAST(CAST(n % 35 AS DOUBLE) / 4 AS FLOAT) AS f, \
         CASE WHEN n % 8 = 0 THEN NULL ELSE concat('word ', CAST(n % 33 AS VARCHAR)) END AS s, \
         CASE WHEN n % 4 = 0 THEN NULL ELSE n % 3 = 0 END AS b, CASE WHEN n % 5 = 0 THEN NULL ELSE CAST(n AS INT) - 70 END AS low";
    vec![
        ("l", vec![numbers(left, 700), numbers(left, 33)]),
        ("r", vec![numbers(right, 90)]),
        ("one", vec!["SELECT CAST(400 AS BIGINT) AS v, CAST(7 AS INT) AS k, 'word 3' AS s".into()]),
        ("none", vec!["SELECT CAST(1 AS BIGINT) AS v, CAST(1 AS INT) AS k WHERE false".into()]),
    ]
}

const KINDS: [&str; 8] = ["INNER", "LEFT", "RIGHT", "FULL", "LEFT SEMI", "LEFT ANTI", "RIGHT SEMI", "RIGHT ANTI"];

#[tokio::test(flavor = "multi_thread")]
async fn every_pair() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT count(*), sum(l.v + r.v) FROM l CROSS JOIN r",
        "SELECT l.v, l.s, one.v, one.s FROM l CROSS JOIN one WHERE l.k > 3",
        "SELECT sum(l.v), min(one.s) FROM one CROSS JOIN l WHERE l.v < one.v",
        "SELECT count(*) FROM l CROSS JOIN (SELECT k FROM r WHERE v > 1000) n",
        "SELECT count(*), sum(l.v) FROM l CROSS JOIN (SELECT avg(v) AS mean FROM r) m WHERE l.v > m.mean",
        "SELECT one.s, count(*) FROM l CROSS JOIN one GROUP BY one.s, one.v",
        "SELECT l.k, r.k, count(*) FROM l CROSS JOIN r WHERE l.v < 5 GROUP BY l.k, r.k",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_are_no_equality() {
    let both = Both::over(&tables()).await;
    for kind in KINDS {
        for condition in
            ["l.k < r.k", "l.v BETWEEN r.v * 7 AND r.v * 7 + r.k", "l.s LIKE '%7' AND r.x > l.x", "r.k IS NULL"]
        {
            both.same(&format!("SELECT count(*) FROM l {kind} JOIN r ON {condition}")).await;
        }
        both.same(&format!("SELECT count(*) FROM l {kind} JOIN none ON l.k < none.k")).await;
        both.same(&format!("SELECT count(*) FROM none {kind} JOIN l ON l.k < none.k")).await;
        both.same(&format!("SELECT count(*) FROM l {kind} JOIN one ON l.k < one.k")).await;
    }
    for query in [
        "SELECT l.v, l.s, r.v, r.s FROM l LEFT JOIN r ON l.k > r.k + 30",
        "SELECT l.v, r.v, r.s FROM l RIGHT JOIN r ON l.v = 3 AND l.k > r.k",
        "SELECT r.k, count(*), count(l.v) FROM l RIGHT JOIN r ON l.k > r.k + 20 GROUP BY r.k",
        "SELECT count(*) FROM l JOIN r ON l.k < r.k JOIN r AS other ON other.v < r.v AND other.k = l.k",
    ] {
        both.same(query).await;
    }
}

/// Whoever stops such a query waits for no more than one of its launches.
#[tokio::test(flavor = "multi_thread")]
async fn many_pairs_are_several_launches() {
    let many = "SELECT CAST(value AS BIGINT) AS v, CAST(value % 100 AS INT) AS k FROM generate_series(0, 29999)";
    let few = "SELECT CAST(value AS BIGINT) AS w, CAST(value AS INT) AS low FROM generate_series(0, 299)";
    let both = Both::gathered(&[("many", vec![many.into()]), ("few", vec![few.into()])], |_| true, 1 << 20).await;
    for query in [
        "SELECT count(*), sum(v + w) FROM many, few WHERE k < low",
        "SELECT k, count(*), max(w) FROM many LEFT JOIN few ON v < w GROUP BY k",
        "SELECT v, w FROM many JOIN few ON v < w AND k > 90",
        "SELECT v FROM many WHERE EXISTS (SELECT 1 FROM few WHERE w * 100 > v) ORDER BY v DESC LIMIT 5000",
    ] {
        let reports = both.same(query).await;
        let launches = reports.iter().flat_map(|report| &report.pipelines).map(|pipeline| pipeline.launches).max();
        assert!(launches > Some(1), "{query}: {launches:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_marked() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT count(*) FROM l WHERE l.v > 600 OR EXISTS (SELECT 1 FROM r WHERE r.k = l.k)",
        "SELECT v, s FROM l WHERE l.v > 690 OR EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND r.v > l.v)",
        "SELECT count(*) FROM l WHERE (EXISTS (SELECT 1 FROM r WHERE r.k = l.k)) <> (l.v < 100)",
        "SELECT b, count(*) FROM l WHERE l.v < 9 OR NOT EXISTS (SELECT 1 FROM r WHERE r.s = l.s AND r.x = l.x) GROUP BY b",
        "SELECT count(*) FROM l WHERE l.v < 9 OR EXISTS (SELECT 1 FROM none WHERE none.k = l.k)",
        "SELECT count(*) FROM l WHERE l.v < 9 OR EXISTS (SELECT 1 FROM r WHERE r.v > l.v * 2)",
        "SELECT count(*) FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.k) OR EXISTS (SELECT 1 FROM one WHERE one.k = l.k)",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nulls_that_are_equal() {
    let both = Both::over(&tables()).await;
    for column in ["k", "x", "s", "b"] {
        for kind in KINDS {
            both.same(&format!("SELECT count(*) FROM l {kind} JOIN r ON l.{column} IS NOT DISTINCT FROM r.{column}"))
                .await;
        }
    }
    // What stands for NULL is the same on both sides, however far apart their values are.
    for kind in ["INNER", "LEFT SEMI", "RIGHT ANTI", "LEFT", "FULL"] {
        both.same(&format!("SELECT count(*) FROM l {kind} JOIN r ON l.k IS NOT DISTINCT FROM r.low")).await;
        both.same(&format!("SELECT count(*) FROM r {kind} JOIN l ON l.k IS NOT DISTINCT FROM r.low")).await;
    }
    for query in [
        "SELECT k, s FROM l INTERSECT SELECT k, s FROM r",
        "SELECT k, b FROM l EXCEPT SELECT k, b FROM r",
        "SELECT x FROM r EXCEPT SELECT x FROM l",
        "SELECT l.k, count(*), sum(r.v) FROM l JOIN r ON (l.k IS NOT DISTINCT FROM r.k) AND (l.s IS NOT DISTINCT FROM r.s) GROUP BY l.k",
        "SELECT l.s, r.s, count(*) FROM l JOIN r ON l.s IS NOT DISTINCT FROM r.s GROUP BY l.s, r.s",
        "SELECT count(*) FROM l LEFT JOIN (SELECT DISTINCT k FROM r) d ON (l.k IS NOT DISTINCT FROM d.k) AND d.k > l.v",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_floats() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT x, count(*), sum(v) FROM l GROUP BY x",
        "SELECT f, b, count(*), min(v) FROM r GROUP BY f, b",
        "SELECT DISTINCT x FROM l",
        "SELECT x / 3, max(s) FROM l GROUP BY x / 3",
        "SELECT count(*), sum(l.v) FROM l JOIN r ON l.x = r.x",
        "SELECT l.x, r.x, count(*) FROM l JOIN r ON l.x = r.x AND l.k = r.k GROUP BY l.x, r.x",
        "SELECT count(*) FROM r a JOIN r b ON a.f = b.f",
        "SELECT count(*) FROM l WHERE x IN (SELECT x FROM r WHERE v > 40)",
        "SELECT g.x, count(*) FROM (SELECT x, count(*) AS c FROM r GROUP BY x) g JOIN l ON l.x = g.x WHERE g.c > 2 GROUP BY g.x",
        "SELECT x, count(*) FROM (SELECT x, k FROM l GROUP BY x, k) GROUP BY x",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_in() {
    let both = Both::over(&tables()).await;
    let some = "SELECT k FROM r WHERE k IS NOT NULL";
    for query in [
        "SELECT count(*), sum(v) FROM l WHERE k NOT IN (SELECT k FROM r)".to_owned(),
        format!("SELECT count(*), sum(v) FROM l WHERE k NOT IN ({some})"),
        format!("SELECT v, k, s FROM l WHERE k NOT IN ({some} AND v > 60)"),
        "SELECT count(*), count(k) FROM l WHERE k NOT IN (SELECT k FROM none)".to_owned(),
        "SELECT count(*), count(k) FROM l WHERE k NOT IN (SELECT k FROM r WHERE v > 1000)".to_owned(),
        "SELECT count(*), count(k) FROM l WHERE k NOT IN (SELECT k FROM r WHERE k IS NULL)".to_owned(),
        "SELECT count(*) FROM none WHERE k NOT IN (SELECT k FROM r)".to_owned(),
        "SELECT count(*) FROM l WHERE s NOT IN (SELECT s FROM r WHERE s IS NOT NULL)".to_owned(),
        "SELECT count(*) FROM l WHERE s NOT IN (SELECT s FROM one)".to_owned(),
        "SELECT count(*) FROM l WHERE x NOT IN (SELECT f FROM r)".to_owned(),
        "SELECT count(*) FROM l WHERE v NOT IN (SELECT v FROM r) AND k NOT IN (SELECT low FROM r WHERE low IS NOT NULL)".to_owned(),
        "SELECT k, count(*) FROM l WHERE k + 1 NOT IN (SELECT max(k) FROM r WHERE k IS NOT NULL GROUP BY b) GROUP BY k".to_owned(),
    ] {
        both.same(&query).await;
    }
}

/// Conditions of full joins: on one key and on two, of every type, unique and not; with more on both sides, on either, on none.
const ON: [&str; 16] = [
    "l.k = r.k",
    "l.v = r.v",
    "l.s = r.s",
    "l.x = r.x",
    "l.x = r.f",
    "l.b = r.b AND l.k = r.k",
    "l.k = r.k AND l.s = r.s",
    "l.k + 1 = r.low",
    "l.k IS NOT DISTINCT FROM r.low",
    "(l.s IS NOT DISTINCT FROM r.s) AND (l.k IS NOT DISTINCT FROM r.k)",
    "l.k = r.k AND l.v > r.v * 3",
    "l.k = r.k AND l.v < 100",
    "l.k = r.k AND r.x > 3",
    "l.s = r.s AND l.s LIKE '%3'",
    "l.k = r.k AND l.k > 1000",
    "l.v BETWEEN r.v * 7 AND r.v * 7 + r.k",
];

#[tokio::test(flavor = "multi_thread")]
async fn full_joins() {
    let both = Both::over(&tables()).await;
    for (number, on) in ON.iter().enumerate() {
        let sides = ["l FULL JOIN r", "r FULL JOIN l"][number % 2];
        both.whole(&format!("SELECT l.v, l.k, l.s, l.x, r.v, r.low, r.s, r.b, r.f FROM {sides} ON {on}")).await;
    }
    for other in ["one", "none"] {
        for on in ["l.k = o.k", "l.k = o.k AND l.v < o.v", "l.v < o.v"] {
            both.same(&format!("SELECT l.v, l.k, l.s, o.v, o.k FROM l FULL JOIN {other} AS o ON {on}")).await;
            both.same(&format!("SELECT l.v, l.k, l.s, o.v, o.k FROM {other} AS o FULL JOIN l ON {on}")).await;
        }
        both.same(&format!(
            "SELECT count(*), count(o.k) FROM (SELECT k FROM l WHERE v > 9000) AS l FULL JOIN {other} AS o ON l.k = o.k"
        ))
        .await;
    }
}

/// What is above and below full joins.
const AROUND: [&str; 14] = [
    "SELECT count(*), count(l.v), count(r.v), sum(l.v), sum(r.v), min(l.s), max(r.s) FROM l FULL JOIN r ON l.k = r.k",
    "SELECT coalesce(l.k, r.k) AS k, count(*), count(l.v), sum(r.v) FROM l FULL JOIN r ON l.k = r.k GROUP BY coalesce(l.k, r.k)",
    "SELECT r.s, l.b, count(*), min(l.s) FROM l FULL JOIN r ON l.s = r.s GROUP BY r.s, l.b",
    "SELECT l.k, r.k, count(*) FROM l FULL JOIN r ON l.k = r.k AND l.v > r.v GROUP BY ROLLUP (l.k, r.k)",
    "SELECT l.v, r.v FROM l FULL JOIN r ON l.k = r.k WHERE l.v IS NULL OR r.v IS NULL",
    "SELECT l.v, l.s, r.s FROM l FULL JOIN r ON l.k = r.low WHERE r.s IS DISTINCT FROM l.s",
    // Groups on both sides, one of them with keys that are NULL.
    "SELECT a.k, b.k, a.n, b.w FROM (SELECT k, count(*) AS n FROM l GROUP BY k) a FULL JOIN (SELECT k, sum(v) AS w FROM r GROUP BY k) b ON a.k = b.k",
    "SELECT count(*), count(a.n), count(b.w) FROM (SELECT k, s, count(*) AS n FROM l WHERE v > 3 GROUP BY k, s) a \
     FULL JOIN (SELECT k, s, sum(v) AS w FROM r GROUP BY k, s) b ON a.k = b.k AND a.s = b.s AND a.n < b.w",
    "SELECT a.m, b.m FROM (SELECT max(v) AS m FROM l) a FULL JOIN (SELECT max(v) AS m FROM r WHERE v < 0) b ON a.m = b.m",
    // Of full joins, and of others.
    "SELECT l.v, r.v, o.v FROM l FULL JOIN r ON l.k = r.k FULL JOIN r AS o ON coalesce(l.k, r.k) = o.low",
    "SELECT count(*), count(l.v), count(r.v), count(one.v), count(o.v) FROM (l FULL JOIN r ON l.s = r.s) FULL JOIN (one FULL JOIN r AS o ON one.k = o.k) ON l.k = o.k",
    "SELECT count(*), count(l.v), count(r.v), sum(o.v) FROM l FULL JOIN r ON l.k = r.k LEFT JOIN r AS o ON o.k = l.k AND o.v > 40",
    "SELECT count(*), sum(u.k) FROM (SELECT k, s FROM l WHERE v > 5 UNION ALL SELECT k, s FROM r WHERE v > 5) u FULL JOIN r ON u.s = r.s AND u.k > r.v",
    "SELECT k FROM (SELECT coalesce(l.k, r.k) AS k FROM l FULL JOIN r ON l.k = r.k UNION ALL SELECT k FROM one WHERE v > 3) WHERE k > 4",
];

#[tokio::test(flavor = "multi_thread")]
async fn full_joins_among_others() {
    let both = Both::over(&tables()).await;
    for query in AROUND {
        both.whole(query).await;
    }
    for query in [
        "SELECT l.v, r.v, l.s FROM l FULL JOIN r ON l.k = r.k ORDER BY l.s DESC NULLS LAST, l.v, r.v LIMIT 30 OFFSET 1500",
        "SELECT l.v AS a, r.v AS b FROM l FULL JOIN r ON l.v = r.v AND l.b ORDER BY b, a",
    ] {
        both.in_order(query).await;
    }
}

/// In waves, in parts, and back to the host: no row is lost, and none comes twice.
#[tokio::test(flavor = "multi_thread")]
async fn full_joins_in_little_memory() {
    for memory in [6_000, 25_000] {
        let settings = Settings { memory_bytes: Some(memory), way_back: true, ..Settings::default() };
        let both = Both::with(&tables(), |_| true, settings).await;
        for on in ON {
            both.agree_anyhow(&format!("SELECT l.v, l.s, r.v, r.s FROM l FULL JOIN r ON {on}")).await;
        }
        for query in AROUND {
            both.agree_anyhow(query).await;
        }
    }
}
