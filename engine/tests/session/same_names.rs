//! Filters on one of two columns of the same name, over Parquet files: in memory no filter reaches the tables.

use maar_engine::Session;

use crate::support::{cells, session};

/// A session over files with p(s, t), 20 rows alike, and w(s, v), three rows.
async fn tables() -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let session = session();
    let p = "SELECT 'x' AS s, 'no' AS t FROM generate_series(1, 20)";
    let w = "SELECT * FROM (VALUES ('b', 0), ('x', 1), ('b', 2)) rows(s, v)";
    for (name, rows) in [("p", p), ("w", w)] {
        let path = folder.path().join(format!("{name}.parquet"));
        let path = path.display();
        session.run_script(&format!("COPY ({rows}) TO '{path}'")).await.unwrap();
        let table = format!("CREATE EXTERNAL TABLE {name} STORED AS parquet LOCATION '{path}'");
        session.run_script(&table).await.unwrap();
    }
    (folder, session)
}

#[tokio::test]
async fn a_filter_on_the_side_that_may_be_missing_stays_there() {
    let (_folder, session) = tables().await;
    for sql in [
        "SELECT w.* FROM p RIGHT JOIN w ON p.t = w.s WHERE p.s IS NULL ORDER BY v",
        "SELECT w.* FROM p FULL JOIN w ON p.t = w.s WHERE p.s IS NULL ORDER BY v",
        "SELECT w.* FROM w LEFT JOIN p ON p.t = w.s WHERE p.s IS NULL ORDER BY v",
        "SELECT s, v FROM (SELECT w.s, w.v, p.s AS missing FROM p RIGHT JOIN w ON p.t = w.s) WHERE missing IS NULL ORDER BY v",
    ] {
        assert_eq!(cells(&session, sql).await.unwrap(), "b,0;x,1;b,2", "{sql}");
    }
}

#[tokio::test]
async fn a_filter_that_a_sort_or_a_join_makes_stays_with_its_column() {
    let (_folder, session) = tables().await;
    let smallest = "SELECT b.v, a.v FROM w a JOIN w b ON a.s = b.s JOIN p ON p.s = b.s ORDER BY a.v DESC LIMIT 1";
    assert_eq!(cells(&session, smallest).await.unwrap(), "1,1");
    let joined = "SELECT count(*) FROM w outermost JOIN (SELECT a.v, b.v AS other, b.s FROM w a LEFT JOIN w b ON a.v + 1 = b.v) \
                  inner_rows ON outermost.v = inner_rows.other";
    assert_eq!(cells(&session, joined).await.unwrap(), "2");
}

#[tokio::test]
async fn a_filter_on_a_random_column_is_evaluated_once_a_row() {
    let session = session();
    let sql = "SELECT count(*) FROM (SELECT random() AS r FROM generate_series(1, 1000) t(v) WHERE v > 0) WHERE r > 0.5 AND r <= 0.5";
    assert_eq!(cells(&session, sql).await.unwrap(), "0");
}
