//! Tables of keys that do not fit the device: held a part of their keys at a time, with the answers of the host.

use super::harness::{Both, Settings, Table};

/// Less than the tables of keys of these queries take.
const MEMORY: u64 = 300_000;
/// The same of keys alone.
const MEMORY_FOR_KEYS: u64 = 120_000;
const ROWS: usize = 24_000;

/// Both have keys that are NULL, that only one of them has, and that several rows have.
fn tables() -> Vec<Table<'static>> {
    let left = |first: usize, rows: usize| {
        format!(
            "SELECT CAST(n AS BIGINT) AS id, CAST(n * 1000003 % 7919993 AS BIGINT) AS sparse, \
             CASE WHEN n % 17 = 0 THEN NULL ELSE CAST(n / 2 * 3 AS BIGINT) END AS k, \
             CASE WHEN n % 19 = 0 THEN NULL ELSE concat('word ', CAST(n % 9001 AS VARCHAR)) END AS word, \
             CAST(n % 9973 AS DOUBLE) / 7 - 3 AS x, CAST(n % 31 AS DECIMAL(12,2)) / 4 AS price, CAST(n % 5 AS INT) AS class, \
             CAST(n % 9001 AS DECIMAL(38,2)) AS amount \
             FROM (SELECT value AS n FROM generate_series({first}, {}))",
            first + rows - 1
        )
    };
    let right = "SELECT CAST(n AS BIGINT) AS id, CAST(n * 1000003 % 7919993 AS BIGINT) AS sparse, \
         CASE WHEN n % 23 = 0 THEN NULL ELSE CAST(n / 3 * 2 AS BIGINT) END AS k, CAST(n % 7 AS INT) AS weight, \
         CASE WHEN n % 50 = 0 THEN CAST('123456789012345678901234567890.25' AS DECIMAL(38,2)) ELSE CAST(n % 11003 AS DECIMAL(38,2)) END AS amount, \
         CASE WHEN n % 29 = 0 THEN NULL ELSE concat('word ', CAST(n % 11003 AS VARCHAR)) END AS word \
         FROM (SELECT value AS n FROM generate_series(3000, 20999))";
    vec![("l", vec![left(0, 10_000), left(10_000, ROWS - 10_000)]), ("r", vec![right.into()])]
}

/// Each query runs on the device to its end, with some table in parts.
async fn each_in_parts(memory: u64, queries: &[&str]) {
    let both = Both::within(&tables(), |_| true, 0, Some(memory)).await;
    let mut whole = Vec::new();
    for query in queries.iter().chain(queries) {
        let reports = both.same(query).await;
        let mut parts = reports.iter().flat_map(|report| &report.pipelines).map(|pipeline| pipeline.parts);
        if !parts.any(|parts| parts > 1) {
            whole.push(query);
        }
    }
    assert!(whole.is_empty(), "in one part: {whole:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    each_in_parts(MEMORY, &[
        "SELECT sparse, count(*), sum(price), max(x) FROM l GROUP BY sparse",
        "SELECT k, word, count(*), min(id) FROM l GROUP BY k, word",
        "SELECT sparse * 1000003, price * 1000003, class, word, sum(id), max(x) FROM l GROUP BY sparse * 1000003, price * 1000003, class, word",
        "SELECT count(*), sum(s), max(c) FROM (SELECT sparse, sum(price) AS s, count(*) AS c FROM l GROUP BY sparse)",
        // The groups of groups: by a key of theirs, and by what they counted.
        "SELECT k, count(*), sum(c) FROM (SELECT k, sparse, count(*) AS c FROM l GROUP BY k, sparse) GROUP BY k",
        "SELECT s, count(*) FROM (SELECT sparse, sum(id) AS s FROM l GROUP BY sparse) GROUP BY s",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches() {
    each_in_parts(
        MEMORY,
        &[
            "SELECT count(*), sum(l.id), sum(r.id), sum(l.id * r.weight) FROM l JOIN r ON l.k = r.k",
            "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.sparse = r.sparse AND l.class = r.weight",
            "SELECT l.id, r.id, r.word FROM l JOIN r ON l.sparse = r.sparse WHERE l.class = 3",
            "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.word = r.word AND l.id < r.id",
            // Keys of 64 bits on one side and of 128 on the other.
            "SELECT count(*), sum(l.id), sum(r.id) FROM l JOIN r ON l.amount = r.amount",
            "SELECT count(*), sum(l.id), sum(r.id) FROM r LEFT JOIN l ON l.amount = r.amount",
            "SELECT l.amount, count(*), sum(r.id) FROM l JOIN r ON l.amount = r.amount GROUP BY l.amount",
            "SELECT r.amount, count(*), sum(l.id) FROM l RIGHT JOIN r ON l.amount = r.amount GROUP BY r.amount",
            // Two tables by the same key, and by two.
            "SELECT count(*), sum(a.id + b.id) FROM l JOIN r a ON l.k = a.k JOIN r b ON l.k = b.k",
            "SELECT count(*), sum(a.id + b.id) FROM l JOIN r a ON l.k = a.k JOIN r b ON l.sparse = b.sparse",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_and_without_a_match() {
    each_in_parts(MEMORY_FOR_KEYS, &[
        "SELECT count(*), sum(id) FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.sparse = l.sparse)",
        "SELECT count(*), sum(id), sum(k) FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.k = l.k)",
        "SELECT count(*), sum(id), sum(k) FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND r.id > l.id)",
    ])
    .await;
    each_in_parts(
        MEMORY,
        &[
            "SELECT id, k FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND r.weight > l.class) AND class = 1",
            "SELECT count(*), sum(l.id), sum(r.id), count(r.k) FROM l LEFT JOIN r ON l.k = r.k",
            "SELECT count(*), sum(l.id), sum(r.id), count(r.k) FROM l LEFT JOIN r ON l.k = r.k AND r.weight > l.class",
            "SELECT l.id, l.k, r.id, r.word FROM l LEFT JOIN r ON l.sparse = r.sparse WHERE l.class = 2",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_both_sides() {
    each_in_parts(
        MEMORY,
        &[
            "SELECT count(*), sum(l.id), sum(r.id), count(l.k), count(r.k) FROM l FULL JOIN r ON l.k = r.k",
            "SELECT count(*), sum(l.id), sum(r.id), count(r.k) FROM l FULL JOIN r ON l.k = r.k AND r.weight > l.class",
            "SELECT l.id, l.k, r.id, r.word FROM l FULL JOIN r ON l.sparse = r.sparse AND l.class = 2",
            "SELECT coalesce(l.k, r.k), count(*), count(l.id), sum(r.id) FROM l FULL JOIN r ON l.k = r.k GROUP BY 1",
            // Groups that are read twice, and filled twice where they are held in parts.
            "SELECT count(*), sum(a.c), sum(b.s), count(a.k), count(b.k) FROM (SELECT k, count(*) AS c FROM l GROUP BY k) a \
             FULL JOIN (SELECT k, sum(id) AS s FROM r GROUP BY k) b ON a.k = b.k",
            "SELECT a.sparse, a.c, b.sparse, b.s FROM (SELECT sparse, count(*) AS c FROM l GROUP BY sparse HAVING min(class) > 0) a \
             FULL JOIN (SELECT sparse, sum(id) AS s FROM r GROUP BY sparse) b ON a.sparse = b.sparse AND a.c < b.s",
            "SELECT count(*), count(l.id), count(a.id), count(b.id), sum(b.id) FROM l FULL JOIN r a ON l.k = a.k FULL JOIN r b ON l.sparse = b.sparse",
        ],
    )
    .await;
}

/// A sum of floats is another one when it is added up in another order: a row may have a match in one reading and none in the next.
#[tokio::test(flavor = "multi_thread")]
async fn sums_of_floats_are_not_added_up_twice() {
    let query = "SELECT count(*), count(a.s), count(b.s) FROM (SELECT sparse, sum(x) AS s FROM l GROUP BY sparse) a \
                 FULL JOIN (SELECT sparse, max(x) AS s FROM l GROUP BY sparse) b ON a.s = b.s";
    let settings = Settings { memory_bytes: Some(MEMORY), way_back: true, ..Settings::default() };
    let both = Both::with(&tables(), |_| true, settings).await;
    both.goes_back(query, "a full join over sums of floats").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_matches() {
    each_in_parts(MEMORY, &[
        // All by one key: as many passes as parts.
        "SELECT l.k, count(*), sum(r.id) FROM l JOIN r ON l.k = r.k GROUP BY l.k",
        "SELECT l.k, r.word, count(*), sum(l.price) FROM l JOIN r ON l.k = r.k GROUP BY l.k, r.word",
        "SELECT l.k, sum(l.price) FROM l LEFT JOIN r ON l.k = r.k GROUP BY l.k",
        "SELECT l.k, count(*) FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.k = l.k) GROUP BY l.k",
        "SELECT l.sparse, count(*), sum(id) FROM l WHERE k IN (SELECT k FROM r GROUP BY k HAVING count(*) > 1) GROUP BY l.sparse",
        "SELECT r.k, r.word, count(*), sum(l.id) FROM l JOIN r ON l.k = r.k \
         WHERE r.k IN (SELECT k FROM l GROUP BY k HAVING sum(id) > 9000) GROUP BY r.k, r.word",
        // A build of the groups of a join, and rows of another order of keys.
        "SELECT count(*), sum(l.id), sum(g.c) FROM l JOIN (SELECT r.sparse AS s, count(*) AS c FROM r JOIN l ON r.k = l.k GROUP BY r.sparse) g \
         ON l.sparse = g.s",
        "SELECT l.word, count(*), sum(g.c) FROM l JOIN (SELECT k, count(*) AS c FROM r GROUP BY k) g ON l.k = g.k GROUP BY l.word",
    ])
    .await;
}

/// A table in waves whose texts lie as in the file: a reference to one is worth nothing once its wave is gone.
#[tokio::test(flavor = "multi_thread")]
async fn texts_of_waves_do_not_wait() {
    let both = Both::within(&tables(), |_| false, 0, Some(60_000)).await;
    for query in [
        "SELECT sparse, count(*), count(*) FILTER (WHERE word LIKE '%1%') FROM l GROUP BY sparse",
        "SELECT sparse, sum(CASE WHEN word LIKE '%7' THEN id ELSE 0 END), max(x) FROM l WHERE word LIKE 'w%' GROUP BY sparse",
        "SELECT sparse, sum(id) FROM l WHERE word LIKE '%2%' GROUP BY sparse",
    ] {
        for _ in 0..2 {
            both.same(query).await;
        }
    }
}

/// Two tables of keys that both need parts, by different values: rows wait between them, and passes do not multiply.
#[tokio::test(flavor = "multi_thread")]
async fn rows_wait_between_two_dimensions() {
    let both = Both::within(&tables(), |_| true, 0, Some(MEMORY)).await;
    let two = "l JOIN r a ON l.k = a.k JOIN r b ON l.sparse = b.sparse";
    let outer = "l LEFT JOIN r a ON l.k = a.k LEFT JOIN r b ON l.sparse = b.sparse";
    let full = "l FULL JOIN r a ON l.k = a.k FULL JOIN r b ON l.sparse = b.sparse";
    let queries = [
        format!("SELECT count(*), sum(l.id), sum(a.id + b.id), sum(a.weight), sum(b.weight) FROM {two}"),
        format!("SELECT l.id, l.x, a.word, b.id, l.class > b.weight FROM {two} WHERE l.class < 3"),
        format!(
            "SELECT l.class, count(*), sum(l.price), min(l.x), count(a.word) FROM {two} WHERE b.weight > 1 GROUP BY l.class"
        ),
        format!(
            "SELECT count(*), sum(l.id), count(a.k), sum(a.id), count(b.sparse), sum(b.id), sum(l.price) FROM {outer}"
        ),
        format!("SELECT l.id, l.k, a.id, b.id, b.word FROM {outer} WHERE l.class = 2"),
        format!("SELECT l.id, l.k, a.id, b.id, b.word FROM {full}"),
        format!("SELECT l.id, count(*), sum(l.price) FROM {two} GROUP BY l.id"),
        format!("SELECT count(*), sum(l.id), sum(c.id) FROM {two} JOIN r c ON l.word = c.word AND c.weight = l.class"),
        "SELECT count(*), sum(l.id) FROM l JOIN r ON l.k = r.k AND r.weight <> l.class \
         WHERE NOT EXISTS (SELECT 1 FROM r s WHERE s.sparse = l.sparse AND s.weight > l.class)"
            .to_owned(),
    ];
    let mut together = Vec::new();
    for query in queries.iter().chain(&queries) {
        let reports = both.same(query).await;
        let mut written = reports.iter().flat_map(|report| &report.pipelines).map(|pipeline| pipeline.written.rows);
        if !written.any(|rows| rows > 0) {
            together.push(query);
        }
    }
    assert!(together.is_empty(), "nothing was written out: {together:#?}");
}

/// A table in waves that waits encoded on the host is read again for some parts; one that would be decoded anew each time is not:
/// its rows are written out by their parts.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_decoded_anew_is_read_twice_at_most() {
    let query = "SELECT count(*), sum(l.id), sum(r.id), sum(l.x) FROM l JOIN r ON l.sparse = r.sparse";
    for host_bytes in [None, Some(100_000)] {
        let settings = Settings { memory_bytes: Some(500_000), host_bytes, ..Settings::default() };
        let both = Both::with(&tables(), |_| true, settings).await;
        for _ in 0..2 {
            let reports = both.same(query).await;
            let pipelines = || reports.iter().flat_map(|report| &report.pipelines);
            let written: u64 = pipelines().map(|pipeline| pipeline.written.rows).sum();
            let passes = pipelines().filter(|pipeline| pipeline.written.rows > 0).map(|pipeline| pipeline.passes).max();
            let parts = pipelines().map(|pipeline| pipeline.parts).max();
            assert!(parts > Some(2) && parts <= Some(8), "{parts:?} parts");
            match host_bytes {
                None => assert_eq!(written, 0, "{parts:?} parts"),
                Some(_) => assert!(written > 0 && passes == Some(1), "{written} rows written, {passes:?} passes"),
            }
        }
    }
}
