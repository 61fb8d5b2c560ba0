//! Tables of many small files: their row groups are gathered to segments, and answers are the host's.

use crate::harness::Both;

/// Files of 20 to 79 rows; every ninth has no value of `v`, and texts of its own.
fn files(count: u32) -> Vec<String> {
    let file = |number: u32| {
        let (first, last) = (number * 100, number * 100 + 19 + number * 31 % 60);
        let v = if number % 9 == 4 { "NULL" } else { "CASE WHEN i % 6 = 0 THEN NULL ELSE i % 50 END" };
        let word = if number % 9 == 4 { "concat('only ', i)" } else { "concat('w', i % 20)" };
        format!(
            "SELECT CAST(i AS BIGINT) AS i, CAST({v} AS INT) AS v, {word} AS word, CAST(i % 97 AS DOUBLE) / 97 AS ratio FROM (SELECT value AS i FROM generate_series({first}, {last}))"
        )
    };
    (0..count).map(file).collect()
}

const QUERIES: [&str; 6] = [
    "SELECT count(*), sum(v), min(v), max(ratio) FROM small WHERE i % 3 > 0",
    "SELECT word, count(*), sum(v) FROM small GROUP BY word",
    "SELECT v, min(word), max(word) FROM small WHERE word LIKE 'w1%' GROUP BY v",
    "SELECT i, word, v FROM small WHERE v > 45",
    "SELECT count(*), sum(a.v), sum(b.i) FROM small a JOIN small b ON a.i = b.i + 1",
    "SELECT word, i FROM small WHERE i BETWEEN 700 AND 1350",
];

#[tokio::test(flavor = "multi_thread")]
async fn small_files_in_segments_of_many_and_of_few() {
    // One segment for all, several, and none that is gathered.
    for segment_rows in [1 << 20, 1600, 0] {
        let both = Both::gathered(&[("small", files(40))], |file| file % 5 != 2, segment_rows).await;
        for query in QUERIES {
            both.same(query).await;
            let reports = both.same(query).await;
            assert!(reports.iter().flat_map(|report| &report.loads).all(|load| load.file_bytes_read == 0), "{query}");
        }
    }
}
