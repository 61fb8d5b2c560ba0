//! A table whose declared types are narrower than its files': statistics of the files do not speak of the cast values.

use crate::support::{cells, error, session};

#[tokio::test]
async fn files_are_not_skipped_by_values_that_a_cast_changes() {
    let session = session();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    session
        .run_script(&format!(
            "copy (select cast(1.25 as decimal(10, 2)) as d, 8589934592 as i union all select cast(1.34 as decimal(10, 2)), 5) to '{place}/a.parquet';
            copy (select cast(2 as decimal(10, 2)) as d, 1 as i) to '{place}/b.parquet';
            create external table wide stored as parquet location '{place}/';
            create external table n (d int, i int) stored as parquet location '{place}/'"
        ))
        .await
        .unwrap();
    for (sql, rows) in [
        ("select count(*) from n where d = 1", "2"),
        ("select count(*) from n where d in (1, 7, 8, 9)", "2"),
        ("select count(*) from n where d > 1", "1"),
        ("select count(*) from wide where cast(d as int) = 1", "2"),
        ("select count(*) from wide where try_cast(i as int) > 0", "2"),
        ("select count(*) from wide where try_cast(i as int) is null", "1"),
    ] {
        assert_eq!(cells(&session, sql).await.unwrap(), rows, "{sql}");
    }
    error(&session, "select count(*) from n where i < 5").await;
}
