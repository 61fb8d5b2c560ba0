//! Statements that change something: once, at once, whichever way they come.

use tonic::Code;

use crate::support::{fetch, rows, serve, session, status};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_once_by_the_first_call() {
    let mut client = serve(session()).await;
    assert_eq!(rows(&mut client, "create table t (a bigint)").await.unwrap(), "");
    let info = client.execute("insert into t values (1), (2)".to_owned(), None).await.unwrap();
    assert_eq!(rows(&mut client, "select count(*) from t").await.unwrap(), "2", "before its result is fetched");
    let (schema, batches) = fetch(&mut client, info).await.unwrap();
    assert_eq!(schema.field(0).name(), "count");
    assert_eq!(crate::support::text(&batches), "2");
    assert_eq!(rows(&mut client, "select count(*) from t").await.unwrap(), "2", "and not again by fetching");
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_give_their_count() {
    let mut client = serve(session()).await;
    assert_eq!(client.execute_update("create table t (a bigint)".to_owned(), None).await.unwrap(), 0);
    assert_eq!(client.execute_update("insert into t values (1), (2)".to_owned(), None).await.unwrap(), 2);
    assert_eq!(rows(&mut client, "select sum(a) from t").await.unwrap(), "3");
    let refused = status(client.execute_update("select 1".to_owned(), None).await);
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(status(client.execute_update("drop table nothing".to_owned(), None).await).code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_prepare_are_of_the_session() {
    let mut client = serve(session()).await;
    rows(&mut client, "set datafusion.execution.batch_size = 100").await.unwrap();
    assert_eq!(
        rows(&mut client, "show datafusion.execution.batch_size").await.unwrap(),
        "datafusion.execution.batch_size,100"
    );
    rows(&mut client, "create table t as values (1), (2), (3)").await.unwrap();
    rows(&mut client, "prepare p as select column1 from t where column1 > $1 order by 1").await.unwrap();
    assert_eq!(rows(&mut client, "execute p(1)").await.unwrap(), "2;3");
    let refused = status(rows(&mut client, "create table u as select column1 + $1 from t").await);
    assert!(refused.message().contains('$'), "{refused}");
}
