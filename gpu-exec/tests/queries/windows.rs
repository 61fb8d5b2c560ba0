//! Window functions: every function, frames, keys of every type, what stands above and below them. Every order here is one of all
//! rows of a partition where an answer hangs on it.

use super::harness::{Both, Settings, Table};

/// `t` has partitions of one row and of thousands; `o` one row, `none` none.
fn tables() -> Vec<Table<'static>> {
    let part = |first: usize, last: usize| {
        format!(
            "SELECT CAST(n AS BIGINT) AS id, CASE WHEN n % 2 = 0 THEN 7 ELSE CAST(n % 900 AS INT) END AS g, \
             CASE WHEN n % 5 = 0 THEN NULL ELSE CAST(n * 31 % 17 AS SMALLINT) END AS few, \
             CASE WHEN n % 11 = 0 THEN NULL ELSE concat('word ', CAST(n * 7 % 30 AS VARCHAR)) END AS word, \
             CAST(CAST(n * 17 % 5003 AS DECIMAL(10,2)) / 4 AS DECIMAL(15,3)) AS price, CAST(n * 1000003 % 99991 - 50000 AS DECIMAL(38,10)) AS wide, \
             arrow_cast(CAST(8000 + n * 3 % 40 AS INT), 'Date32') AS day, n % 3 = 0 AS flag, \
             CASE WHEN n % 13 = 0 THEN NULL ELSE CAST(n * 31 % 1009 - 500 AS DOUBLE) / 8 END AS x, \
             CAST(n * 999999937 AS BIGINT) * 4 AS big, CAST(n * 11 % 4001 AS BIGINT UNSIGNED) AS u \
             FROM (SELECT value AS n FROM generate_series({first}, {last}))"
        )
    };
    let none = format!("SELECT * FROM ({}) WHERE id < 0", part(0, 1));
    vec![("t", vec![part(0, 4999), part(5000, 9999)]), ("o", vec![part(3, 3)]), ("none", vec![none])]
}

const CALLS: &[&str] = &[
    "row_number()",
    "rank()",
    "dense_rank()",
    "percent_rank()",
    "cume_dist()",
    "ntile(7)",
    "ntile(100000)",
    "lag(price)",
    "lead(word, 3)",
    "lag(few, 2, 77)",
    "lag(few, 2, CAST(NULL AS SMALLINT))",
    "lead(word, 1, 'none')",
    "lead(wide, -1)",
    "lag(flag, 100000, true)",
    "lag(x, 0)",
    "first_value(word)",
    "last_value(day)",
    "nth_value(price, 3)",
    "nth_value(x, 5000)",
    "sum(few)",
    "sum(price)",
    "sum(wide)",
    "sum(u)",
    "avg(few)",
    "avg(price)",
    "count(*)",
    "count(word)",
    "min(price)",
    "max(word)",
    "min(flag)",
    "max(x)",
    "min(day)",
    "sum(x)",
    "avg(x)",
    "max(u)",
    "sum(id * 2 + few)",
    "stddev(few)",
    "var_pop(few)",
    "max(wide)",
];

const ORDERS: &[&str] = &["id", "few, id DESC", "word DESC NULLS LAST, price, id", "x DESC, id", "flag, day, id"];

#[tokio::test(flavor = "multi_thread")]
async fn every_function() {
    let both = Both::over(&tables()).await;
    // Several a query: each is a pipeline to compile.
    for (number, calls) in CALLS.chunks(7).enumerate() {
        let order = ORDERS[number % ORDERS.len()];
        let over =
            |window: &str| calls.iter().map(|call| format!("{call} OVER ({window})")).collect::<Vec<_>>().join(", ");
        both.whole(&format!("SELECT id, {} FROM t", over(&format!("PARTITION BY g ORDER BY {order}")))).await;
        both.whole(&format!("SELECT id, {} FROM t WHERE id % 3 <> 1", over(&format!("ORDER BY {order}")))).await;
    }
    let all: Vec<String> = CALLS.iter().map(|call| format!("{call} OVER (PARTITION BY few ORDER BY id)")).collect();
    for table in ["t WHERE g = 7", "o", "none", "t WHERE id < 0"] {
        both.whole(&format!("SELECT id, {} FROM {table}", all.join(", "))).await;
    }
}

/// Peers share what is computed of them; where nothing orders a partition, all its rows are peers.
#[tokio::test(flavor = "multi_thread")]
async fn peers() {
    let both = Both::over(&tables()).await;
    let calls = "rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, sum(price) OVER w, count(few) OVER w, \
         min(word) OVER w, avg(price) OVER w, max(x) OVER w";
    for window in [
        "PARTITION BY word ORDER BY few DESC NULLS FIRST",
        "PARTITION BY flag, few ORDER BY day DESC, word",
        "ORDER BY few",
        "PARTITION BY price, word",
        "PARTITION BY wide",
        "PARTITION BY x ORDER BY flag",
        "PARTITION BY g % 10, upper(word) ORDER BY u % 5",
        "",
    ] {
        both.whole(&format!("SELECT id, {calls} FROM t WINDOW w AS ({window})")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames() {
    let both = Both::over(&tables()).await;
    let edges = [
        "UNBOUNDED PRECEDING AND CURRENT ROW",
        "UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
        "CURRENT ROW AND UNBOUNDED FOLLOWING",
        "CURRENT ROW AND CURRENT ROW",
        "UNBOUNDED PRECEDING AND 3 PRECEDING",
        "UNBOUNDED PRECEDING AND 2 FOLLOWING",
        "5 PRECEDING AND 2 PRECEDING",
        "2 PRECEDING AND 4 FOLLOWING",
        "3 FOLLOWING AND 8 FOLLOWING",
        "1000000 PRECEDING AND 1000000 FOLLOWING",
    ];
    let sums = ["sum(few)", "sum(price)", "sum(wide)", "avg(price)", "count(*)", "count(word)", "avg(few)"];
    let picked = ["first_value(word)", "last_value(price)", "nth_value(few, 2)"];
    for (number, edges) in edges.iter().enumerate() {
        let calls = sums.iter().chain(&picked);
        let calls: Vec<String> =
            calls.map(|call| format!("{call} OVER (PARTITION BY g ORDER BY id ROWS BETWEEN {edges})")).collect();
        both.whole(&format!("SELECT id, {} FROM t", calls.join(", "))).await;
        if number < 4 {
            let over = |window: &str| {
                sums.iter().map(|call| format!("{call} OVER (PARTITION BY g ORDER BY {window})")).collect::<Vec<_>>()
            };
            let calls =
                [over(&format!("day RANGE BETWEEN {edges}")), over(&format!("few GROUPS BETWEEN {edges}"))].concat();
            both.whole(&format!("SELECT id, {} FROM t", calls.join(", "))).await;
        }
        // The sums of these floats are the same in any order.
        let joined = ["min(price)", "max(word)", "sum(x)", "avg(x)", "min(x)", "max(wide)", "min(flag)", "stddev(few)"];
        let over = |window: &str| {
            let calls = joined.iter().map(|call| format!("{call} OVER ({window} BETWEEN {edges})"));
            calls.collect::<Vec<_>>().join(", ")
        };
        let rows = over(["ORDER BY id ROWS", "PARTITION BY g ORDER BY id ROWS"][number % 2]);
        both.whole(&format!("SELECT id, {rows} FROM t")).await;
        if number < 4 {
            let peers = over("PARTITION BY g ORDER BY day RANGE");
            both.whole(&format!("SELECT id, {peers} FROM t")).await;
        }
    }
}

/// RANGE and GROUPS at a distance: of integers, decimals, dates and times, either way, with NULLs at either end.
#[tokio::test(flavor = "multi_thread")]
async fn distances() {
    let both = Both::over(&tables()).await;
    let calls =
        ["sum(price)", "count(*)", "min(word)", "max(x)", "sum(x)", "avg(few)", "first_value(id)", "last_value(few)"];
    let over = |window: &str| calls.iter().map(|call| format!("{call} OVER ({window})")).collect::<Vec<_>>().join(", ");
    for window in [
        "PARTITION BY g ORDER BY few RANGE BETWEEN 2 PRECEDING AND 3 FOLLOWING",
        "PARTITION BY word ORDER BY few DESC NULLS FIRST RANGE BETWEEN 5 PRECEDING AND CURRENT ROW",
        "PARTITION BY word ORDER BY few DESC NULLS LAST RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
        "PARTITION BY word ORDER BY few NULLS FIRST RANGE BETWEEN 1 FOLLOWING AND 4 FOLLOWING",
        "ORDER BY CAST(u AS BIGINT) % 50 DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
        "ORDER BY u % 50 RANGE BETWEEN 1 FOLLOWING AND 4 FOLLOWING",
        "PARTITION BY flag ORDER BY price RANGE BETWEEN 12.5 PRECEDING AND 7 FOLLOWING",
        "PARTITION BY g ORDER BY day RANGE BETWEEN INTERVAL '3 days' PRECEDING AND INTERVAL '1 day' FOLLOWING",
        "PARTITION BY g ORDER BY CAST(day AS TIMESTAMP) DESC RANGE BETWEEN INTERVAL '36 hours' PRECEDING AND UNBOUNDED FOLLOWING",
        "PARTITION BY g ORDER BY few GROUPS BETWEEN 1 PRECEDING AND 2 FOLLOWING",
        "PARTITION BY flag ORDER BY word DESC, few GROUPS BETWEEN 3 PRECEDING AND 1 PRECEDING",
        "ORDER BY day GROUPS BETWEEN CURRENT ROW AND 2 FOLLOWING",
        "PARTITION BY g ORDER BY id RANGE BETWEEN 100 PRECEDING AND 100 FOLLOWING",
    ] {
        // Peers come in any order: the value of one of them is not asked for where the order leaves some.
        let ids = window.contains("ORDER BY id");
        let calls = if ids {
            over(window)
        } else {
            over(window).replace("first_value(id)", "max(id)").replace("last_value(few)", "min(few)")
        };
        both.whole(&format!("SELECT id, {calls} FROM t")).await;
    }
    let reports = both.same("SELECT id, count(*) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (SELECT id, max(x) AS x FROM t GROUP BY id)").await;
    assert!(!reports.is_empty());
}

/// Windows over what other operators put out, and other operators over windows.
#[tokio::test(flavor = "multi_thread")]
async fn between_other_operators() {
    let both = Both::over(&tables()).await;
    for query in [
        "SELECT * FROM (SELECT id, g, word, row_number() OVER (PARTITION BY g ORDER BY price DESC, id) AS n FROM t) WHERE n <= 3",
        "SELECT n, count(*), sum(price), min(word) FROM (SELECT price, word, ntile(4) OVER (ORDER BY id) AS n FROM t) GROUP BY n",
        "SELECT g, s, s / sum(s) OVER (PARTITION BY g % 10) FROM (SELECT g, sum(price) AS s FROM t GROUP BY g)",
        "SELECT word, day, sum(sum(price)) OVER (PARTITION BY word ORDER BY day ROWS UNBOUNDED PRECEDING), rank() OVER (PARTITION BY day ORDER BY sum(few), word) \
         FROM t GROUP BY word, day",
        "SELECT a.id, b.r FROM t AS a JOIN (SELECT id, rank() OVER (PARTITION BY g ORDER BY day) AS r FROM t WHERE flag) AS b ON a.id = b.id WHERE b.r < 4",
        "SELECT a.id, lag(b.price) OVER (PARTITION BY a.word ORDER BY a.id, b.id) FROM t AS a JOIN t AS b ON a.u = b.u WHERE a.id < 3000",
        "SELECT id, word, lag(word) OVER (ORDER BY id) AS before FROM (SELECT id, word FROM t WHERE few > 3 UNION ALL SELECT -id - 1, concat('w', CAST(few AS VARCHAR)) FROM t WHERE few < 2)",
        "SELECT id, count(*) OVER (PARTITION BY word), sum(n) OVER (PARTITION BY word) FROM (SELECT id, word, row_number() OVER (PARTITION BY g ORDER BY id) AS n FROM t)",
        "SELECT max(m) FROM (SELECT sum(price) OVER (PARTITION BY g ORDER BY id) AS m FROM t)",
        "SELECT count(*), min(r) FROM (SELECT rank() OVER (PARTITION BY flag ORDER BY g) AS r FROM (SELECT DISTINCT g, flag FROM t))",
        "SELECT word, few, grouping(word), rank() OVER (PARTITION BY grouping(word) ORDER BY sum(price) DESC, few) FROM t GROUP BY ROLLUP (word, few)",
    ] {
        both.same(query).await;
    }
    for query in [
        "SELECT id, r FROM (SELECT id, rank() OVER (PARTITION BY g ORDER BY day) AS r FROM t) ORDER BY r DESC, id LIMIT 40",
        "SELECT id, sum(price) OVER (PARTITION BY g ORDER BY id) AS s, word FROM t ORDER BY s, id",
    ] {
        assert_eq!(both.in_order(query).await.len(), 1, "{query}");
    }
}

/// What a partition takes has to be on the device at once; of several, as many at a time as there is room for.
#[tokio::test(flavor = "multi_thread")]
async fn little_memory() {
    for memory in [60_000, 150_000, 400_000] {
        let settings = Settings { memory_bytes: Some(memory), way_back: true, ..Settings::default() };
        let both = Both::with(&tables(), |_| true, settings).await;
        for query in [
            "SELECT id, row_number() OVER (PARTITION BY u ORDER BY id) AS n, lag(day) OVER (PARTITION BY u ORDER BY id) FROM t WHERE id < 3000",
            "SELECT r, count(*), sum(id) FROM (SELECT id, rank() OVER (PARTITION BY u % 40 ORDER BY day) AS r FROM t WHERE few > 9) GROUP BY r",
        ] {
            match memory {
                400_000 => drop(both.same(query).await),
                _ => both.agree_anyhow(query).await,
            }
        }
        // Partitions that may not fit.
        for query in [
            "SELECT id, sum(s) OVER (PARTITION BY g) FROM (SELECT id, g, sum(few) AS s FROM t WHERE id < 4000 GROUP BY id, g)",
            "SELECT id, lag(id) OVER (ORDER BY id) FROM t WHERE few < 9",
        ] {
            both.agree_anyhow(query).await;
        }
    }
}

/// An error of a row is the query's; one that a filter keeps out is none.
#[tokio::test(flavor = "multi_thread")]
async fn errors() {
    let both = Both::over(&tables()).await;
    both.fails("SELECT id, sum(big * big) OVER (ORDER BY id) FROM t", "overflow").await;
    both.same("SELECT id, sum(big * 2) OVER (PARTITION BY id ORDER BY g) FROM t").await;
}
