//! Casts of lists.

use crate::support::{cells, session};

#[tokio::test]
async fn lists_behind_an_offset_are_cast_from_their_own_place() {
    let session = session();
    session.run_script("create table t as select * from (values ([1, 2]), ([3, 4]), ([5, 6])) v(l)").await.unwrap();
    for cast in ["arrow_cast(l, 'FixedSizeList(2, Int64)')", "arrow_cast([l], 'List(FixedSizeList(2, Int64))')[1]"] {
        let sql = format!("select {cast}[1] as c from (select l from t limit 2 offset 1)");
        assert_eq!(cells(&session, &sql).await.unwrap(), "3;5", "{cast}");
    }
}
