//! Queries that once gave a wrong answer, failed, or did not end; each group names what it guards.

use super::harness::Both;

/// Integers at the ends of their types, decimals of 38 digits, booleans, and texts, all with NULLs.
const EDGES: &str = "SELECT * FROM (VALUES \
    (0, 1, -9223372036854775808, arrow_cast('18446744073709551615', 'UInt64'), CAST('90000000000000000000000000000000000000' AS DECIMAL(38,0)), true, 'a'), \
    (1, 1, 9223372036854775807, arrow_cast('0', 'UInt64'), CAST('90000000000000000000000000000000000000' AS DECIMAL(38,0)), false, ''), \
    (2, 1, 0, NULL, CAST('90000000000000000000000000000000000000' AS DECIMAL(38,0)), NULL, NULL), \
    (3, 1, NULL, arrow_cast('9223372036854775808', 'UInt64'), CAST('90000000000000000000000000000000000000' AS DECIMAL(38,0)), true, '18446744073709551615'), \
    (4, 2, 7, arrow_cast('7', 'UInt64'), CAST('-90000000000000000000000000000000000000' AS DECIMAL(38,0)), true, 'b'), \
    (5, 2, -7, arrow_cast('1', 'UInt64'), CAST('90000000000000000000000000000000000000' AS DECIMAL(38,0)), false, 'a'), \
    (6, 3, 5, arrow_cast('3', 'UInt64'), CAST('1500000000000000000000000000000000' AS DECIMAL(38,0)), NULL, '12')) \
    v(id, g, i, u, d, b, s)";

fn numbers(columns: &str, count: u64) -> String {
    format!("SELECT {columns} FROM (SELECT value AS n FROM generate_series(0, {}))", count - 1)
}

async fn edges() -> Both {
    Both::over(&[("edges", vec![EDGES.into(), format!("{EDGES} WHERE v.id < 0")])]).await
}

async fn same(both: &Both, queries: &[&str]) {
    for query in queries {
        both.same(query).await;
    }
}

/// Booleans carry no range: their bounds were those of a column without values, and `true` was written past its group.
#[tokio::test(flavor = "multi_thread")]
async fn boolean_keys_and_extremes() {
    same(
        &edges().await,
        &[
            "SELECT b, count(*), min(b), max(b) FROM edges GROUP BY b",
            "SELECT b, g, count(*), sum(id) FROM edges GROUP BY b, g",
            "SELECT min(b), max(b), count(b) FROM edges",
            "SELECT e.b, count(*) FROM edges e JOIN edges f ON e.b = f.b GROUP BY e.b",
        ],
    )
    .await;
}

/// The base of unsigned 64-bit columns is 2^63, which no signed word holds.
#[tokio::test(flavor = "multi_thread")]
async fn unsigned_past_63_bits() {
    same(
        &edges().await,
        &[
            "SELECT id, u FROM edges WHERE u > arrow_cast('9223372036854775807', 'UInt64')",
            "SELECT min(u), max(u), count(u) FROM edges",
            "SELECT u, count(*) FROM edges GROUP BY u",
            "SELECT u, i, count(*) FROM edges GROUP BY u, i",
            "SELECT e.id, f.id FROM edges e JOIN edges f ON e.u = f.u AND e.d = f.d",
            "SELECT id, TRY_CAST(s AS BIGINT UNSIGNED) + arrow_cast('0', 'UInt64') FROM edges",
        ],
    )
    .await;
}

/// Four times 9e37 is 2e37 modulo 2^128, which fits its type again.
#[tokio::test(flavor = "multi_thread")]
async fn sums_never_wrap() {
    let both = edges().await;
    both.fails("SELECT sum(d) FROM edges WHERE id < 4", "overflow").await;
    both.fails("SELECT g, sum(d) FROM edges GROUP BY g", "overflow").await;
    both.fails("SELECT sum(i) FROM edges WHERE i > 0", "overflow").await;
    same(
        &both,
        &[
            "SELECT sum(d) FROM edges WHERE g > 1",
            "SELECT b, sum(d) FROM edges WHERE g > 1 GROUP BY b",
            "SELECT avg(d) FROM edges WHERE g = 3",
            "SELECT sum(i) FROM edges WHERE g < 3 AND id > 0",
            "SELECT sum(d) FROM edges WHERE id > 100",
        ],
    )
    .await;
}

/// An operand may have more digits than its type while it is rescaled; a quotient may not.
#[tokio::test(flavor = "multi_thread")]
async fn division_and_overflow() {
    let both = edges().await;
    same(
        &both,
        &[
            "SELECT d / CAST(1 AS DECIMAL(2,1)) FROM edges WHERE g = 3",
            "SELECT id, i / nullif(id, 0), i % nullif(id, 0) FROM edges",
            "SELECT id, CASE WHEN id <> 0 THEN i / id WHEN i IS NULL THEN 1 / id ELSE i END FROM edges",
            "SELECT CAST(d AS DOUBLE) + 1, CAST(u AS DOUBLE) AS u64, CAST(u AS FLOAT) AS u32 FROM edges",
        ],
    )
    .await;
    both.fails("SELECT i / (id - 1) FROM edges WHERE id <> 1", "overflow").await;
    both.fails("SELECT -i FROM edges", "overflow").await;
    both.fails("SELECT count(*) FROM edges WHERE 1 / id > 0", "Divide by zero").await;
    both.fails("SELECT CAST(i AS INT) FROM edges", "Cast error").await;
}

/// Only rows that pass a FILTER are computed; the count of a nullable argument computed rows whose filter is NULL too.
#[tokio::test(flavor = "multi_thread")]
async fn filtered_arguments_may_fail_elsewhere() {
    same(
        &edges().await,
        &[
            "SELECT avg(CAST(i * id AS DOUBLE)) FILTER (WHERE s > 'zz'), sum(i * 2) FILTER (WHERE g > 1) FROM edges",
            "SELECT sum(10 / id) FILTER (WHERE s < 'a' AND id > 0), max(id) FROM edges",
        ],
    )
    .await;
}

/// NULL's digit of a group key is one past the codes of the dictionary; it indexed one past a lookup table.
#[tokio::test(flavor = "multi_thread")]
async fn functions_of_text_keys_with_null() {
    same(
        &edges().await,
        &[
            "SELECT upper(s), length(s), c FROM (SELECT s, count(*) AS c FROM edges GROUP BY s)",
            "SELECT s, c FROM (SELECT s, count(*) AS c FROM edges GROUP BY s) WHERE length(s) > 0 OR s IS NULL",
            "SELECT upper(max(s)), g FROM edges GROUP BY g",
        ],
    )
    .await;
}

fn fans() -> Vec<(&'static str, Vec<String>)> {
    let fan = "CAST(n AS BIGINT) AS v, CASE WHEN n < 300 THEN 1 ELSE n END AS k, CAST(n % 3 AS INT) AS small, \
         concat('key', CAST(n % 7 AS VARCHAR)) AS s, CASE WHEN n % 5 = 0 THEN NULL ELSE n % 11 END AS maybe";
    let few = "SELECT * FROM (VALUES (1, 10, 'key1'), (1, 11, 'key1'), (2, 20, NULL), (CAST(NULL AS INT), 30, 'none')) v(k, x, s)";
    vec![
        ("fan", vec![numbers(fan, 2500), numbers(fan, 1)]),
        ("few", vec![few.into()]),
        ("none", vec![format!("{few} WHERE x < 0")]),
    ]
}

/// The row queues of a block lay over the groups that its threads keep in shared memory.
#[tokio::test(flavor = "multi_thread")]
async fn few_groups_behind_a_filter_and_a_join() {
    same(
        &Both::over(&fans()).await,
        &[
            "SELECT small, count(*), sum(v), min(v) FROM fan JOIN few ON fan.small = few.k WHERE fan.v > 7 GROUP BY small",
            "SELECT few.s, sum(x), max(fan.s) FROM fan JOIN few ON fan.s = few.s WHERE fan.v > 7 AND maybe > 2 GROUP BY few.s",
            "SELECT count(*), sum(v) FROM fan JOIN few ON fan.small = few.k WHERE fan.v > 7",
        ],
    )
    .await;
}

/// Rows and groups behind a join that multiplies rows are an estimate: tables must grow past it.
#[tokio::test(flavor = "multi_thread")]
async fn groups_behind_a_multiplying_join() {
    same(
        &Both::over(&fans()).await,
        &[
            "SELECT a.v * 1000000007, b.v * 1000000009, count(*) FROM fan a JOIN fan b ON a.k = b.k WHERE a.v < 40 GROUP BY a.v * 1000000007, b.v * 1000000009",
            "SELECT a.v * 1000000007, b.v * 1000000009, a.v + b.v * 1000000021, count(*) FROM fan a JOIN fan b ON a.k = b.k WHERE a.v < 40 GROUP BY 1, 2, 3",
            "SELECT x.p, c.small FROM (SELECT a.v + b.v * 1000 AS p, count(*) FROM fan a JOIN fan b ON a.k = b.k WHERE a.v < 40 GROUP BY a.v + b.v * 1000) x JOIN fan c ON x.p = c.v",
            "SELECT a.v, b.v FROM fan a JOIN fan b ON a.k = b.k WHERE a.v < 30",
            "SELECT count(*) FROM fan a JOIN fan b ON a.k = b.k JOIN few ON b.small = few.k WHERE a.v < 30",
        ],
    )
    .await;
}

/// A loop over matches closes the block in which the digits of a packed group key were declared.
#[tokio::test(flavor = "multi_thread")]
async fn groups_joined_with_duplicates() {
    same(
        &Both::over(&fans()).await,
        &[
            "SELECT a.small, a.least, few.x FROM (SELECT small, min(s) AS least FROM fan GROUP BY small) a JOIN few ON a.least = few.s OR a.small = few.k AND a.least <> few.s",
            "SELECT a.small, a.least, few.x FROM (SELECT small, min(s) AS least FROM fan WHERE v % 7 = 1 GROUP BY small) a JOIN few ON a.least = few.s",
            "SELECT a.maybe, few.x FROM (SELECT maybe, count(*) AS c FROM fan GROUP BY maybe) a JOIN few ON a.maybe = few.k",
            "SELECT count(*) FROM none JOIN few ON none.k = few.k",
            "SELECT few.x, count(*) FROM few JOIN none ON none.s = few.s GROUP BY few.x",
        ],
    )
    .await;
}

/// A table that is full failed every further row only after a walk through all of it.
#[tokio::test(flavor = "multi_thread")]
async fn hash_groups_grow() {
    let rows = numbers("CAST(n AS BIGINT) AS v", 4_400_000);
    let both = Both::over(&[("long", vec![rows]), ("few", vec![numbers("n * 100000 AS v", 50)])]).await;
    same(
        &both,
        &[
            "SELECT count(*), sum(c), max(p) FROM (SELECT v * 1000003 AS p, count(*) AS c FROM long GROUP BY v * 1000003)",
            "SELECT few.v, c FROM (SELECT v * 1000003 AS p, count(*) AS c FROM long GROUP BY v * 1000003) x JOIN few ON x.p = few.v * 1000003",
            // Several waves of rows.
            "SELECT count(*), sum(q) FROM (SELECT v + 1 AS q FROM long WHERE v % 2 = 0 UNION ALL SELECT v FROM few)",
        ],
    )
    .await;
}

/// More constants or columns than a launch has room for arguments; chains whose text doubled with every link.
#[tokio::test(flavor = "multi_thread")]
async fn many_of_everything() {
    let columns: Vec<String> = (0..260)
        .map(|c| format!("CASE WHEN n % 7 = {} THEN NULL ELSE CAST(n + {c} AS INT) END AS c{c}", c % 7))
        .collect();
    let both = Both::over(&[("wide", vec![numbers(&columns.join(", "), 40)])]).await;
    let list = |count: i64, item: fn(i64) -> String| (0..count).map(item).collect::<Vec<_>>().join(", ");
    let chain = |count: i64, item: fn(i64) -> String, by: &str| (0..count).map(item).collect::<Vec<_>>().join(by);
    let queries = [
        "SELECT * FROM wide WHERE c0 > 5".to_string(),
        format!("SELECT c1, {} FROM wide GROUP BY c1", list(200, |c| format!("sum(c{c}), count(c{c})"))),
        format!("SELECT {} FROM wide a JOIN wide b ON a.c0 = b.c0", list(130, |c| format!("a.c{c}, b.c{}", c + 100))),
        format!("SELECT c0 FROM wide WHERE c1 IN ({})", list(700, |n| (n * 3 - 600).to_string())),
        format!("SELECT c0 FROM wide WHERE c1 NOT IN ({}, NULL)", list(100, |n| (n * 3 - 600).to_string())),
        format!("SELECT c0 FROM wide WHERE CAST(c1 AS DOUBLE) * 0.5 IN ({})", list(50, |n| format!("{n}.5"))),
        format!("SELECT sum(CASE {} END) FROM wide", chain(300, |n| format!("WHEN c0 = {n} THEN {}", n * 3), " ")),
        format!("SELECT c0 FROM wide WHERE {}", chain(60, |n| format!("(c0 = {} AND c{n} > {n})", n % 7), " OR ")),
        format!("SELECT c0, {} FROM wide", chain(60, |n| format!("(c0 <> {} OR c{n} > {n})", n % 7), " AND ")),
        format!("SELECT {} FROM wide", chain(12, |n| format!("(c{n} > 3)"), " IS DISTINCT FROM ")),
        // More states than a thread has registers, columns than it holds 8 rows of, branches than are unrolled.
        format!("SELECT {} FROM wide", list(130, |c| format!("sum(c{c}), count(c{c}), avg(c{c})"))),
        format!("SELECT {} FROM wide WHERE c0 > 3", list(90, |c| format!("min(c{c}), max(c{c} + c{})", c + 90))),
        format!("SELECT c0 % 2, {} FROM wide GROUP BY c0 % 2", list(60, |c| format!("sum(c{c}), max(c{c})"))),
        format!("SELECT sum(CASE {} END) FROM wide", chain(80, |n| format!("WHEN c{n} = {n} THEN {n}"), " ")),
        format!("SELECT count(*) FROM wide WHERE {}", chain(60, |n| format!("(c{n} > {n} OR c0 = {n})"), " AND ")),
    ];
    for query in &queries {
        both.same(query).await;
    }
}

/// A limit over an operator that has one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn limits_over_limits() {
    same(
        &Both::over(&fans()).await,
        &[
            "SELECT count(*) FROM (SELECT v FROM fan WHERE small = 1 LIMIT 10)",
            "SELECT count(*) FROM (SELECT v + 1 FROM fan WHERE small = 1 LIMIT 10 OFFSET 5)",
            "SELECT count(*) FROM (SELECT small, count(*) FROM fan GROUP BY small LIMIT 2)",
            "SELECT count(*) FROM (SELECT DISTINCT s FROM fan LIMIT 3)",
            "SELECT count(*) FROM (SELECT v FROM fan WHERE small = 1 LIMIT 100000 OFFSET 100000)",
        ],
    )
    .await;
}
