//! Calls over distinct values beside others: of several columns, with filters, in groups, in none and in sets of them.

use super::harness::{Both, Settings, Table};

/// `t` has few and many values of every type, with NULLs; `none` has no row; `u` shares its words with `t`.
fn tables() -> Vec<Table<'static>> {
    let rows = |first: u64, count: u64| {
        format!(
            "SELECT n, CAST(n % 7 AS INT) AS k, CASE WHEN n % 9 = 0 THEN NULL ELSE CAST(n % 41 AS BIGINT) - 20 END AS i, \
             CASE WHEN n % 5 = 0 THEN NULL ELSE CAST(n % 30 AS DOUBLE) / 4 END AS x, \
             CASE WHEN n % 6 = 0 THEN NULL ELSE concat('word ', CAST(n % 23 AS VARCHAR)) END AS s, \
             CAST(CAST(n % 300 AS DECIMAL(15,2)) * CAST(12345678901 AS DECIMAL(12,0)) AS DECIMAL(30,2)) AS d, \
             CASE WHEN n % 4 = 0 THEN NULL ELSE n % 3 = 0 END AS b, \
             arrow_cast(CAST(9000 + n % 60 AS INT), 'Date32') AS day FROM (SELECT value AS n FROM generate_series({first}, {}))",
            first + count - 1
        )
    };
    vec![
        ("t", vec![rows(0, 4000), rows(4000, 3500)]),
        ("none", vec![format!("{} WHERE n < 0", rows(0, 5))]),
        ("u", vec!["SELECT CAST(value AS INT) AS k, concat('word ', CAST(value * 3 AS VARCHAR)) AS s FROM generate_series(0, 5)".into()]),
    ]
}

/// Lists of calls: one kind of values beside others, several kinds, filters, what fails for rows that are left out.
const CALLS: &[&str] = &[
    "count(DISTINCT i), count(*), sum(i), avg(i), min(x), max(s)",
    "avg(d), count(d), count(DISTINCT d)",
    "count(DISTINCT i), sum(DISTINCT i), avg(DISTINCT i), sum(d), round(stddev(i), 6), round(var_pop(n), 3)",
    "count(DISTINCT i), count(DISTINCT s), count(DISTINCT x), count(DISTINCT b), count(DISTINCT day), count(DISTINCT d)",
    "sum(DISTINCT d), avg(DISTINCT d), sum(d), avg(d), count(DISTINCT k), min(d), max(day), min(b)",
    "count(DISTINCT i) FILTER (WHERE b), count(DISTINCT i) FILTER (WHERE NOT b), count(DISTINCT s), count(*) FILTER (WHERE b), max(i) FILTER (WHERE x > 100)",
    "count(DISTINCT s) FILTER (WHERE i > 5), min(x) FILTER (WHERE i > 500), min(s)",
    "count(DISTINCT 100 / nullif(i, 0)) FILTER (WHERE i <> 3), count(DISTINCT i % 5), sum(k)",
    "count(DISTINCT upper(s)), count(DISTINCT substr(s, 6, 1)), count(s), max(substr(s, 3))",
    "bool_and(b), bool_or(b), bool_or(i > 15), bool_and(k < 7), count(DISTINCT b)",
    "min(DISTINCT i), max(DISTINCT x), count(DISTINCT x), count(x)",
    "count(DISTINCT CASE WHEN b THEN i END), count(DISTINCT 7), count(b)",
];

#[tokio::test(flavor = "multi_thread")]
async fn of_one_kind_and_of_several() {
    let both = Both::over(&tables()).await;
    for calls in CALLS {
        for query in [
            format!("SELECT {calls} FROM t"),
            format!("SELECT k, {calls} FROM t GROUP BY k"),
            format!("SELECT s, b, {calls} FROM t WHERE n % 3 <> 1 GROUP BY s, b"),
            format!("SELECT {calls} FROM none"),
            format!("SELECT k, {calls} FROM none GROUP BY k"),
        ] {
            both.same(&query).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wholly_on_the_device() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT avg(d), count(d), count(DISTINCT d) FROM t WHERE n < 3000",
        "SELECT k, count(DISTINCT i), count(DISTINCT s), sum(d) FROM t GROUP BY k",
        "SELECT k, sum(DISTINCT i), count(DISTINCT x) FILTER (WHERE b) FROM t GROUP BY k",
        "SELECT k, b, count(DISTINCT i), sum(i), count(DISTINCT s) FROM t GROUP BY ROLLUP (k, b)",
        "SELECT k, n FROM (SELECT k, count(DISTINCT s) AS n, count(*) AS c FROM t GROUP BY k) WHERE c > 3 ORDER BY n DESC, k LIMIT 3",
        "SELECT u.s, count(DISTINCT t.i), count(DISTINCT t.x), count(t.n), sum(t.d) FROM u LEFT JOIN t ON t.s = u.s GROUP BY u.s",
        "SELECT k, count(DISTINCT i), count(*) FROM (SELECT k, i FROM t UNION ALL SELECT k, CAST(k AS BIGINT) * 100000000000 FROM u) GROUP BY k",
        "SELECT count(DISTINCT c), count(DISTINCT k), sum(c) FROM (SELECT k, i, count(*) AS c FROM t GROUP BY k, i)",
    ] {
        both.whole(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn within_little_memory() {
    let settings = Settings { memory_bytes: Some(1 << 20), ..Settings::default() };
    let both = Both::with(&tables(), |_| true, settings).await;
    for query in [
        "SELECT count(DISTINCT n), count(DISTINCT i), sum(n), count(DISTINCT s) FROM t",
        "SELECT k, count(DISTINCT n), sum(d), min(x), count(DISTINCT n % 1000) FROM t GROUP BY k",
        "SELECT n % 2000 AS m, count(DISTINCT n), count(DISTINCT s), avg(d) FROM t GROUP BY 1",
    ] {
        both.same(query).await;
    }
}

/// What a distinct value is read of fails where nothing leaves it out, and there alone.
#[tokio::test(flavor = "multi_thread")]
async fn failures_are_those_of_the_rows() {
    let both = Both::over(&tables()).await;
    both.fails("SELECT count(DISTINCT 100 / i), count(*) FROM t", "ivide by zero").await;
    both.fails("SELECT k, sum(DISTINCT i * 1000000000000000000), count(*) FROM t GROUP BY k", "verflow").await;
}
