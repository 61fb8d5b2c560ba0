//! LIKE where its pattern is no plain constant.

use crate::support::{cells, session};

#[tokio::test]
async fn dictionaries_are_compared_though_all_are_null() {
    let session = session();
    let dictionary = "'Dictionary(Int32, Utf8)'";
    session
        .run_script(&format!(
            "create table t as select arrow_cast(s, {dictionary}) as s, arrow_cast(p, {dictionary}) as p \
             from (values ('abc', 'a%'), (null, 'x'), ('abc', null)) v(s, p); \
             create table n as select arrow_cast(null, {dictionary}) as s, arrow_cast(null, {dictionary}) as p"
        ))
        .await
        .unwrap();
    assert_eq!(cells(&session, "select s like p from t").await.unwrap(), "true;;");
    assert_eq!(cells(&session, "select s like p, s not ilike p, 'a' like p, s like 'a' from n").await.unwrap(), ",,,");
    assert_eq!(cells(&session, "select count(*) from n where s like p").await.unwrap(), "0");
}
