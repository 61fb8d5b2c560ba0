//! What a view means is what its query means.

use crate::support::{cells, session};

#[tokio::test]
async fn the_query_of_a_view_is_corrected_before_it_has_types() {
    let session = session();
    let table = "create table t as select cast('0001-01-01' as date) as d, cast('1600-01-01' as timestamp(6)) as us";
    cells(&session, table).await.unwrap();
    for (query, rows) in [
        ("select coalesce(d, us) as x from t", "0001-01-01T00:00:00"),
        ("select d as x from t union all select us from t", "0001-01-01T00:00:00;1600-01-01T00:00:00"),
        ("select length([10, 20]) as x from t", "2"),
    ] {
        cells(&session, &format!("create or replace view v as {query}")).await.unwrap();
        assert_eq!(cells(&session, "select x from v order by x").await.unwrap(), rows, "{query}");
    }
}
