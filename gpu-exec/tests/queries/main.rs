//! Queries on the emulated device, each compared with the host engine on the same files.
//!
//! The smallest end-to-end check of this crate: placement, loading, strategy, generated source, launches, results.
//! Whole suites (TPC-H, random queries) live in the workspace's `tests` package.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod again;
mod ahead;
mod arriving;
mod distinct;
mod gathered;
mod hard;
mod harness;
mod inputs;
mod kept;
mod numbers;
mod pairs;
mod parts;
mod raw_text;
mod refused;
mod sessions;
mod sorts;
mod spreads;
mod text;
mod times;
mod unions;
mod waves;
mod windows;

use harness::Both;

/// Runs each query on both and compares; every one must run at least one kernel.
async fn check(queries: &[&str]) {
    let both = Both::open().await;
    for query in queries {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_sums() {
    check(&[
        "SELECT sum(price * discount) FROM items WHERE day >= DATE '1994-01-01' AND day < DATE '1994-01-01' + INTERVAL '1' YEAR AND discount BETWEEN 0.05 AND 0.07 AND quantity < 24",
        "SELECT count(*), count(maybe), sum(maybe), min(maybe), max(maybe), avg(maybe) FROM items",
        "SELECT count(*), sum(price) FROM items WHERE day > DATE '2050-01-01'",
        "SELECT count(*) FROM items WHERE maybe > 10 OR quantity = 3",
        "SELECT count(*) FROM items WHERE NOT (maybe > 10 AND quantity < 30)",
        "SELECT count(*) FROM items WHERE maybe IS NULL",
        "SELECT sum(ratio), min(ratio), max(ratio), avg(ratio) FROM items WHERE ratio > 0.25",
        "SELECT sum(CASE WHEN flag LIKE 'A%' THEN price * (1 - discount) ELSE 0 END) / sum(price * (1 - discount)) FROM items",
        "SELECT min(flag), max(flag), count(flag) FROM items WHERE status <> 'O'",
        "SELECT count(*) FROM items WHERE quantity IN (1, 5, 7) AND status IN ('O', 'F')",
        "SELECT sum(extract(year FROM day)), max(extract(month FROM day)) FROM items",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    check(&[
        "SELECT flag, status, sum(quantity), sum(price), sum(price * (1 - discount)), avg(quantity), avg(price), avg(discount), count(*) FROM items WHERE day <= DATE '1998-09-02' GROUP BY flag, status",
        "SELECT quantity, count(*), min(day), max(day) FROM items GROUP BY quantity",
        "SELECT maybe, count(*), sum(price) FROM items GROUP BY maybe",
        "SELECT item, sum(quantity) FROM items GROUP BY item HAVING sum(quantity) > 40",
        "SELECT item * 1000003, count(*) FROM items GROUP BY item * 1000003",
        "SELECT item * 1000003, price * 1000003, day, maybe, flag, count(*) FROM items GROUP BY item * 1000003, price * 1000003, day, maybe, flag",
        "SELECT extract(year FROM day) AS y, status, sum(price) FROM items GROUP BY extract(year FROM day), status",
        "SELECT c, count(*) FROM (SELECT parent, count(*) AS c FROM items GROUP BY parent) GROUP BY c",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins() {
    check(&[
        "SELECT sum(price), count(*) FROM items JOIN parents ON parent = id WHERE kind = 'red'",
        "SELECT parent, since, sum(price * (1 - discount)) AS r FROM items JOIN parents ON parent = id WHERE kind = 'red' AND day > DATE '1995-03-15' GROUP BY parent, since",
        "SELECT kind, count(*) FROM items JOIN parents ON parent = id GROUP BY kind",
        "SELECT a.kind, count(*), sum(b.quantity) FROM parents a JOIN items b ON a.weight = b.quantity GROUP BY a.kind",
        "SELECT i.item, p.kind, p.since FROM items i JOIN parents p ON i.parent = p.id WHERE i.quantity = 7",
        "SELECT count(*) FROM items i JOIN parents p ON i.parent = p.id AND i.quantity < p.weight",
        "SELECT count(*) FROM items i JOIN parents p ON i.flag = p.kind",
        "SELECT count(*) FROM items i JOIN parents p ON i.parent = p.id AND i.quantity = p.weight",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows() {
    check(&[
        "SELECT item, price * 2 AS twice, flag FROM items WHERE quantity > 45",
        "SELECT upper(flag) AS f, maybe + 1 AS m, ratio FROM items WHERE maybe > 3",
        "SELECT * FROM items WHERE item % 1000 = 0",
    ])
    .await;
}
