//! UNION ALL of rows of several forms, and what is done to them; grouping sets, ROLLUP and CUBE.

use super::harness::{Both, Settings, Table};

/// `l` and `r` have columns of the same types, but not of the same ranges, NULLs or words; `none` has no row.
fn tables() -> Vec<Table<'static>> {
    let numbers = |columns: &str, count: u64| {
        format!("SELECT {columns} FROM (SELECT value AS n FROM generate_series(0, {}))", count - 1)
    };
    let left = "CAST(n AS BIGINT) AS v, CAST(n % 40 AS INT) AS k, CAST(n % 30 AS DOUBLE) / 4 AS x, \
         CASE WHEN n % 6 = 0 THEN NULL ELSE concat('word ', CAST(n % 20 AS VARCHAR)) END AS s, \
         CAST(n AS DECIMAL(9,2)) AS d, n % 3 = 0 AS b";
    let right = "CAST(n AS BIGINT) * 100000000000 AS v, CASE WHEN n % 11 = 0 THEN NULL ELSE CAST(n % 50 AS INT) - 300 END AS k, \
         CASE WHEN n % 13 = 0 THEN CAST('NaN' AS DOUBLE) ELSE -CAST(n % 35 AS DOUBLE) / 4 END AS x, \
         concat('word ', CAST(n % 33 + 15 AS VARCHAR)) AS s, \
         CASE WHEN n % 5 = 0 THEN NULL ELSE CAST(n AS DECIMAL(9,2)) / CAST(8 AS DECIMAL(2,0)) END AS raw, \
         CASE WHEN n % 4 = 0 THEN NULL ELSE n % 3 = 1 END AS b";
    let right = format!("SELECT v, k, x, s, CAST(raw AS DECIMAL(9,2)) AS d, b FROM ({})", numbers(right, 900));
    let none = format!("{} WHERE n < 0", numbers(left, 9));
    vec![
        ("l", vec![numbers(left, 700), numbers(left, 5000)]),
        ("r", vec![right.clone(), right]),
        ("none", vec![none]),
        (
            "small",
            vec![numbers(
                "CAST(n - 290 AS INT) AS k, concat('word ', CAST(n AS VARCHAR)) AS s, CAST(n AS BIGINT) AS w",
                320,
            )],
        ),
    ]
}

const ALL: &str = "(SELECT * FROM l WHERE v % 7 <> 3 UNION ALL SELECT * FROM r WHERE b IS DISTINCT FROM true UNION ALL \
     SELECT * FROM none WHERE k > 0) AS u";

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_several_forms() {
    let both = Both::over(&tables()).await;
    for query in [
        format!("SELECT * FROM {ALL}"),
        format!("SELECT v, s, k + 1 AS k, x * 2 AS x, upper(s) AS t FROM {ALL} WHERE k > -280 AND s LIKE '%1%'"),
        format!("SELECT count(*), sum(k), min(v), max(v), sum(d), avg(d), min(x), max(x), min(s), max(s), count(b) FROM {ALL}"),
        format!("SELECT k, count(*), sum(v), min(s), max(d) FROM {ALL} GROUP BY k"),
        format!("SELECT s, b, count(*), avg(x) FROM {ALL} GROUP BY s, b"),
        format!("SELECT x, count(*) FROM {ALL} GROUP BY x"),
        format!("SELECT v, k, s, d, count(*) FROM {ALL} GROUP BY v, k, s, d"),
        format!("SELECT DISTINCT substr(s, 6) FROM {ALL}"),
        format!("SELECT n, count(*) FROM (SELECT k % 10 AS n FROM {ALL}) GROUP BY n"),
        "SELECT a, c, count(*) FROM (SELECT 'left' AS c, k AS a FROM l WHERE v > 10 UNION ALL SELECT 'right', k FROM r WHERE v > 10 \
         UNION ALL SELECT NULL, NULL FROM l WHERE k = 3) GROUP BY a, c"
            .to_owned(),
        // Two columns that are one value in one branch, and none in the other.
        "SELECT a, b, count(*), sum(a), sum(b) FROM (SELECT k AS a, k AS b FROM l WHERE v > 3 UNION ALL SELECT k, CAST(v % 90 AS INT) FROM r WHERE v > 3) \
         GROUP BY a, b"
            .to_owned(),
        format!("SELECT count(*) FROM (SELECT k FROM {ALL} UNION ALL SELECT k FROM small WHERE w > 5 UNION ALL SELECT n FROM (SELECT k AS n, count(*) FROM r GROUP BY k))"),
        "SELECT k FROM l WHERE v < 100 UNION SELECT k FROM r WHERE v > 3".to_owned(),
    ] {
        both.whole(&query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joined() {
    let both = Both::over(&tables()).await;
    for kind in ["INNER", "LEFT", "RIGHT", "FULL", "LEFT SEMI", "LEFT ANTI", "RIGHT SEMI", "RIGHT ANTI"] {
        for on in ["u.s = small.s", "u.k = small.k AND u.v > small.w"] {
            both.same(&format!("SELECT count(*) FROM {ALL} {kind} JOIN small ON {on}")).await;
        }
    }
    for on in ["u.k IS NOT DISTINCT FROM small.k", "u.k < small.k AND u.v < 40"] {
        both.same(&format!("SELECT count(*) FROM {ALL} LEFT JOIN small ON {on}")).await;
    }
    for query in [
        format!("SELECT u.v, u.s, small.w, small.s FROM {ALL} JOIN small ON u.k = small.k WHERE u.v > 100"),
        format!("SELECT u.s, small.w, u.d FROM small LEFT JOIN {ALL} ON u.k = small.k AND u.v < 400"),
        format!("SELECT small.s, count(*), count(u.v), sum(u.d) FROM small LEFT JOIN {ALL} ON u.s = small.s GROUP BY small.s"),
        format!("SELECT u.k, count(*) FROM {ALL} JOIN {} ON u.k = o.k WHERE u.v < 30 AND o.v < 50 GROUP BY u.k", ALL.replace("AS u", "AS o")),
        format!("SELECT count(*) FROM small WHERE w < 10 OR EXISTS (SELECT 1 FROM {ALL} WHERE u.s = small.s)"),
        // One branch has looked up more than the other before they meet.
        "SELECT w, a, count(*) FROM (SELECT small.w AS a, l.k FROM l JOIN small ON l.s = small.s WHERE l.v > 4 UNION ALL SELECT v, k FROM r WHERE v > 4) AS u \
         JOIN small ON u.k = small.k GROUP BY w, a"
            .to_owned(),
    ] {
        both.same(&query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sorted_and_cut() {
    let both = Both::over(&tables()).await;
    for query in [
        format!("SELECT v, k, s FROM {ALL} ORDER BY s DESC, k NULLS FIRST, v LIMIT 37"),
        format!("SELECT x, v, s FROM {ALL} WHERE x <> 0 ORDER BY x, v, s"),
        format!("SELECT d, v FROM {ALL} ORDER BY d DESC NULLS LAST, v LIMIT 10 OFFSET 4990"),
        format!("SELECT s, count(*) AS n FROM {ALL} GROUP BY s ORDER BY n DESC, s LIMIT 5"),
    ] {
        both.in_order(&query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grouping_sets() {
    let both = Both::over(&tables()).await;
    for groups in [
        "ROLLUP (k, s)",
        "CUBE (s, b)",
        "GROUPING SETS ((k), (s), ())",
        "GROUPING SETS ((k, b), (b), (b))",
        "GROUPING SETS ((), ())",
        "ROLLUP (k % 7)",
        "CUBE (x, d)",
    ] {
        for source in ["r WHERE v > 5", "none WHERE v > 5"] {
            let query = format!(
                "SELECT count(*) AS n, sum(v) AS v, min(s) AS s, avg(d) AS d, count(b) AS b FROM {source} GROUP BY {groups}"
            );
            both.whole(&query).await;
        }
    }
    for query in [
        "SELECT k, s, grouping(k), grouping(s), grouping(k, s), count(*), sum(d) FROM r WHERE v > 5 GROUP BY ROLLUP (k, s)".to_owned(),
        "SELECT small.s, b, count(*), sum(w) FROM l JOIN small ON l.k = small.k GROUP BY CUBE (small.s, b)".to_owned(),
        format!("SELECT s, b, grouping(s), sum(d) FROM {ALL} GROUP BY ROLLUP (s, b) HAVING count(*) > 3"),
        "SELECT k, count(*) FROM (SELECT k, b, count(*) AS n FROM r GROUP BY ROLLUP (k, b)) GROUP BY k".to_owned(),
        "SELECT o.n, l.v FROM l JOIN (SELECT k, count(*) AS n FROM r GROUP BY ROLLUP (k)) o ON l.k = o.k + 300".to_owned(),
    ] {
        both.whole(&query).await;
    }
    both.in_order("SELECT k, s, count(*) AS n FROM r WHERE v > 5 GROUP BY ROLLUP (k, s) ORDER BY k, s, n LIMIT 50")
        .await;
}

/// Tables of a union are read in waves, held in parts, and written out, as others are.
#[tokio::test(flavor = "multi_thread")]
async fn little_memory() {
    for memory in [60_000, 150_000, 400_000] {
        let settings = Settings { memory_bytes: Some(memory), way_back: true, ..Settings::default() };
        let both = Both::with(&tables(), |_| true, settings).await;
        for query in [
            format!("SELECT v, k, s, d FROM {ALL} WHERE k > -280"),
            format!("SELECT v, k, s, count(*) FROM {ALL} GROUP BY v, k, s"),
            format!(
                "SELECT u.k, o.s, count(*) FROM {ALL} JOIN {} ON u.v = o.v GROUP BY u.k, o.s",
                ALL.replace("AS u", "AS o")
            ),
            "SELECT v, s, count(*), grouping(v) FROM l GROUP BY CUBE (v, s)".to_owned(),
            format!("SELECT v, s, x FROM {ALL} ORDER BY x, v, s LIMIT 500"),
        ] {
            match memory {
                400_000 => drop(both.same(&query).await),
                _ => both.agree_anyhow(&query).await,
            }
        }
    }
}

/// An error of one branch is the query's, whichever it is, and also where the other's rows have left.
#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_branch() {
    let both = Both::over(&tables()).await;
    both.fails("SELECT v FROM l WHERE v > 5 UNION ALL SELECT v * v FROM r WHERE k < 0", "overflow").await;
    both.fails("SELECT v * v FROM r WHERE k < 0 UNION ALL SELECT v FROM l WHERE v > 5", "overflow").await;
    both.fails("SELECT k FROM l WHERE v > 5 UNION ALL SELECT n FROM (SELECT k AS n, sum(v * v) AS w FROM r GROUP BY k) WHERE w > 1", "overflow").await;
}

/// Types that meet in one column, constants, NULLs, aggregates without keys, wide decimals, and branches that are many or nested.
const MIXED: [&str; 22] = [
    "SELECT a, b, count(*), sum(a) FROM (SELECT 1 AS a, 'one' AS b FROM l WHERE v < 9 UNION ALL SELECT k, s FROM r WHERE v > 5 UNION ALL \
     SELECT CAST(NULL AS INT), NULL FROM small WHERE w < 3) GROUP BY a, b",
    "SELECT tag, count(*), count(x), min(d) FROM (SELECT 1 AS tag, x, d FROM l WHERE k > 3 UNION ALL SELECT 2, x, d FROM r WHERE v > 5 UNION ALL \
     SELECT 3, CAST(w AS DOUBLE), CAST(w AS DECIMAL(9,2)) FROM small WHERE w > 3) GROUP BY tag",
    "SELECT max(k) AS m FROM l WHERE v < 0 UNION ALL SELECT k + 1 FROM r WHERE v < 900000000000 UNION ALL SELECT count(*) FROM none",
    "SELECT avg(d) AS a, sum(d) AS s, avg(CAST(k AS DECIMAL(9,4))) AS w FROM l UNION ALL SELECT avg(d), sum(d), avg(CAST(k AS DECIMAL(9,4))) FROM r",
    "SELECT k, avg(d) AS a, avg(CAST(v AS DECIMAL(30,4))) AS w FROM l GROUP BY k UNION ALL SELECT k, avg(d), avg(CAST(v AS DECIMAL(30,4))) FROM r GROUP BY k",
    "SELECT sum(n), max(n) FROM (SELECT CAST(k AS TINYINT) AS n FROM l WHERE v > 3 UNION ALL SELECT v FROM r WHERE v > 3 UNION ALL SELECT CAST(w AS SMALLINT) FROM small WHERE w > 3)",
    "SELECT f, count(*) FROM (SELECT CAST(x AS FLOAT) AS f FROM l WHERE v > 3 UNION ALL SELECT x FROM r WHERE v > 3) GROUP BY f",
    "SELECT t, count(*) FROM (SELECT arrow_cast(v, 'Timestamp(Second, None)') AS t FROM l WHERE v > 3 UNION ALL SELECT arrow_cast(w, 'Timestamp(Millisecond, None)') FROM small WHERE w > 3) GROUP BY t",
    "SELECT d, count(*) FROM (SELECT d FROM l WHERE v > 3 UNION ALL SELECT CAST(d AS DECIMAL(12,4)) / 8 FROM r WHERE v > 3) GROUP BY d",
    "SELECT count(*) FROM l WHERE k NOT IN (SELECT k + 310 FROM r WHERE k IS NOT NULL UNION ALL SELECT k + 295 FROM small)",
    "SELECT count(*), sum(v) FROM (SELECT k, v FROM l WHERE v > 9 UNION ALL SELECT k, v FROM r WHERE v > 9) WHERE k NOT IN (SELECT k FROM small WHERE w > 40)",
    "SELECT count(*) FROM (SELECT k FROM r WHERE v > 9 UNION ALL SELECT k FROM l WHERE v > 9) WHERE k NOT IN (SELECT k FROM none)",
    "SELECT count(*) FROM small WHERE k NOT IN (SELECT k FROM r UNION ALL SELECT k FROM none)",
    "SELECT s FROM l WHERE v > 3 EXCEPT SELECT s FROM r WHERE v > 3",
    "SELECT k, s FROM (SELECT k, s FROM l WHERE v > 3 UNION ALL SELECT k, s FROM small WHERE w > 3) INTERSECT SELECT k, s FROM (SELECT k, s FROM small WHERE w > 8 UNION ALL SELECT k, s FROM r WHERE v > 8)",
    "SELECT k, k AS again, s, s AS t, count(*) FROM (SELECT k, s FROM l WHERE v > 3 UNION ALL SELECT k, s FROM r WHERE v > 3) GROUP BY ROLLUP (k, s)",
    "SELECT n, grouping(n), grouping(b), count(*) FROM (SELECT k % 5 AS n, b FROM l WHERE v > 3 UNION ALL SELECT k % 7, b FROM r WHERE v > 3) GROUP BY CUBE (n, b) HAVING grouping(b) = 1 OR count(*) > 50",
    "SELECT k, n, sum(m) FROM (SELECT k, b, count(*) AS n, max(v) AS m FROM r WHERE v > 3 GROUP BY GROUPING SETS ((k, b), (k), ())) GROUP BY ROLLUP (k, n)",
    "SELECT count(*), sum(o.w) FROM (SELECT k, s FROM l WHERE v > 3 UNION ALL (SELECT k, s FROM r WHERE v > 3 UNION ALL SELECT k, s FROM small WHERE w > 3)) u \
     JOIN (SELECT k, w FROM small WHERE w < 300 UNION ALL SELECT k, v FROM l WHERE v > 4990) o ON u.k = o.k",
    "SELECT b, count(*) FROM (SELECT k, b, s FROM l WHERE v < 3000 UNION ALL SELECT k, b, s FROM r WHERE v > 3) u \
     WHERE u.k > 30 OR EXISTS (SELECT 1 FROM small WHERE small.s = u.s AND small.w > u.k) GROUP BY b",
    "SELECT small.k, g.n, g.s FROM small LEFT JOIN (SELECT k, s, count(*) AS n FROM l WHERE v > 3 GROUP BY ROLLUP (k, s)) g ON small.k = g.k AND g.n > small.w",
    "SELECT x, count(*), count(d), sum(d) FROM (SELECT x, d FROM r WHERE v > 3 UNION ALL SELECT -x * 0, d FROM l WHERE v > 3) GROUP BY ROLLUP (x)",
];

#[tokio::test(flavor = "multi_thread")]
async fn mixed() {
    let both = Both::over(&tables()).await;
    for query in MIXED {
        both.same(query).await;
    }
    let many: Vec<String> =
        (0..25).map(|number| format!("SELECT k + {number} AS k, s FROM l WHERE v % 29 = {number}")).collect();
    both.same(&format!("SELECT k, max(s), count(*) FROM ({}) GROUP BY k", many.join(" UNION ALL "))).await;
    for cut in ["LIMIT 100", "LIMIT 3 OFFSET 5980", "LIMIT 10000 OFFSET 6000", "OFFSET 5695", "LIMIT 0"] {
        let rows = format!("SELECT v FROM l WHERE v >= 0 UNION ALL SELECT k FROM r WHERE v >= 0 {cut}");
        both.agree_anyhow(&format!("SELECT count(*) FROM ({rows})")).await;
    }
}

/// However much memory there is: an answer, and the host's.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_in_little_memory() {
    for memory in [20_000, 45_000, 150_000] {
        let settings = Settings { memory_bytes: Some(memory), way_back: true, ..Settings::default() };
        let both = Both::with(&tables(), |file| file == 0, settings).await;
        for query in MIXED {
            both.agree_anyhow(query).await;
        }
        both.agree_anyhow(&format!("SELECT v, k, x, s, d, b FROM {ALL}")).await;
    }
}
