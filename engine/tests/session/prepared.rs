//! Prepared statements that DataFusion's PREPARE stumbles over.

use crate::support::{cells, session};

#[tokio::test]
async fn distinct_on_can_be_prepared() {
    let session = session();
    session.run_script("create table t as select * from (values (1, 'b'), (1, 'a'), (2, 'c')) v(k, s)").await.unwrap();
    for sql in [
        "prepare one as select distinct on ($1) s from t order by $1, s",
        "prepare each as select distinct on (k) k, s from t where k >= $1 order by k, s",
    ] {
        cells(&session, sql).await.unwrap();
    }
    assert_eq!(cells(&session, "execute each(1)").await.unwrap(), "1,a;2,c");
    assert_eq!(cells(&session, "execute one(7)").await.unwrap(), "a");
}
