//! DELETE and UPDATE of tables in memory: exactly the rows that the condition is true of, all or none of them.

use maar_engine::ErrorKind;

use crate::support::{cells, error, session};

const TABLE: &str = "create table t as select * from (values (1, 10), (2, 20), (3, null), (null, 40)) v(k, v)";

async fn after(change: &str) -> (String, String) {
    let session = session();
    cells(&session, TABLE).await.unwrap();
    let count = cells(&session, change).await.unwrap();
    (count, cells(&session, "select k, v from t order by k, v").await.unwrap())
}

#[tokio::test]
async fn the_condition_decides_whatever_it_is() {
    let all = "1,10;2,20;3,;,40";
    for (change, count, rest) in [
        ("delete from t where k in (select 1)", "1", "2,20;3,;,40"),
        ("delete from t where k not in (select 1)", "2", "1,10;,40"),
        ("delete from t where exists (select 1 from (values (2)) u(x) where u.x = t.k)", "1", "1,10;3,;,40"),
        ("delete from t where v > (select avg(x) from (values (10), (20)) u(x))", "2", "1,10;3,"),
        ("delete from t where false", "0", all),
        ("delete from t where null", "0", all),
        ("delete from t where k = 1 and k = 2", "0", all),
        ("delete from t where not (v > 10)", "1", "2,20;3,;,40"),
        ("delete from t", "4", ""),
        ("delete from t as x where x.k = 1", "1", "2,20;3,;,40"),
        ("delete from t x where exists (select 1 from (values (2)) u(x) where u.x = x.k)", "1", "1,10;3,;,40"),
        ("update t set v = 0 where k in (select 1)", "1", "1,0;2,20;3,;,40"),
        ("update t set v = 0 where false", "0", all),
        ("update t set v = (select max(x) from (values (7)) u(x)) where k is null", "1", "1,10;2,20;3,;,7"),
        ("update t set v = (select x + 1 from (values (1), (2)) u(x) where u.x = t.k)", "4", "1,2;2,3;3,;,"),
        ("update t set k = v, v = k where k = 1", "1", "2,20;3,;10,1;,40"),
        ("update t set v = 100 / (k - 3) where k <> 3", "2", "1,-50;2,-100;3,;,40"),
    ] {
        let (counted, left) = after(change).await;
        assert_eq!((counted.as_str(), left.as_str()), (count, rest), "{change}");
    }
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing() {
    let session = session();
    cells(&session, TABLE).await.unwrap();
    for change in ["update t set v = 1 / (k - 2)", "delete from t where 1 / (k - 3) > 0"] {
        error(&session, change).await;
        assert_eq!(cells(&session, "select count(*), sum(v) from t").await.unwrap(), "4,70", "{change}");
    }
    let limited = error(&session, "delete from t where k > 0 limit 1").await;
    assert_eq!(limited.kind(), ErrorKind::Unsupported);
    assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "4");
}

#[tokio::test]
async fn explained_changes_are_made_by_analyze_alone_and_once() {
    let session = session();
    cells(&session, TABLE).await.unwrap();
    cells(&session, "explain delete from t where k in (select 1)").await.unwrap();
    assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "4");
    cells(&session, "explain analyze update t set v = v + 1 where k in (select 1)").await.unwrap();
    assert_eq!(cells(&session, "select v from t where k = 1").await.unwrap(), "11");
}

#[tokio::test]
async fn an_alias_of_a_table_that_the_condition_reads_is_refused() {
    let session = session();
    cells(&session, TABLE).await.unwrap();
    let refused = error(&session, "delete from t as x where exists (select 1 from t where t.k = x.k + 1)").await;
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "4");
}
