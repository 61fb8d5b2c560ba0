//! Prepared statements, which JDBC and ADBC use for everything.

use arrow_flight::FlightDescriptor;
use arrow_flight::Ticket;
use arrow_flight::sql::{CommandPreparedStatementQuery, ProstMessageExt};
use futures::TryStreamExt;
use prost::Message;
use tonic::Code;

use crate::support::{fetch, serve, session, status, text, with_file};

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_query_runs_until_it_is_closed() {
    let (mut client, _folder) = with_file().await;
    let mut prepared =
        client.prepare("select name from t where amount > 0 order by amount".to_owned(), None).await.unwrap();
    let expected = prepared.dataset_schema().unwrap().clone();
    assert_eq!(expected.fields().len(), 1);
    assert!(prepared.parameter_schema().unwrap().fields().is_empty());
    for _ in 0..2 {
        let info = prepared.execute().await.unwrap();
        let (schema, batches) = fetch(&mut client, info).await.unwrap();
        assert_eq!((schema.as_ref(), text(&batches).as_str()), (&expected, "a;"));
    }
    let closed = prepared.execute().await.unwrap();
    prepared.close().await.unwrap();
    let (_, batches) = fetch(&mut client, closed).await.unwrap();
    assert_eq!(text(&batches), "a;", "what is planned does not need it any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_or_unknown_handle_is_not_found() {
    let mut client = serve(session()).await;
    let command = CommandPreparedStatementQuery { prepared_statement_handle: "unknown".into() };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let missing = client.inner_mut().get_flight_info(descriptor).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert!(missing.message().contains("prepared statement"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_may_be_fetched_with_the_command_itself() {
    let mut client = serve(session()).await;
    let mut prepared = client.prepare("select 7 as n".to_owned(), None).await.unwrap();
    // The descriptor is echoed, and holds the command with the handle.
    let command = prepared.execute().await.unwrap().flight_descriptor.unwrap().cmd;
    let stream = client.do_get(Ticket::new(command)).await.unwrap();
    assert_eq!(text(&stream.try_collect::<Vec<_>>().await.unwrap()), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_has_no_columns_and_runs_when_executed() {
    let mut client = serve(session()).await;
    let mut create = client.prepare("create table t (a bigint)".to_owned(), None).await.unwrap();
    assert!(create.dataset_schema().unwrap().fields().is_empty());
    assert_eq!(status(client.prepare("select a from t".to_owned(), None).await.map(|_| ())).code(), Code::NotFound);
    assert_eq!(create.execute_update().await.unwrap(), 0);
    let mut insert = client.prepare("insert into t values (1)".to_owned(), None).await.unwrap();
    assert!(insert.dataset_schema().unwrap().fields().is_empty());
    assert_eq!(insert.execute_update().await.unwrap() + insert.execute_update().await.unwrap(), 2);
    assert_eq!(crate::support::rows(&mut client, "select count(*) from t").await.unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_found_when_preparing() {
    let mut client = serve(session()).await;
    let mut code = async |sql: &str| status(client.prepare(sql.to_owned(), None).await.map(|_| ())).code();
    assert_eq!(code("select 1 +").await, Code::InvalidArgument);
    assert_eq!(code("select a from nowhere").await, Code::NotFound);
    assert_eq!(code("select ? + $1").await, Code::InvalidArgument);
    assert_eq!(code("select $1000000000").await, Code::InvalidArgument);
}
