//! Queries: rows, types on the wire, errors.

use arrow::datatypes::DataType;
use arrow_flight::sql::{Any, CommandStatementQuery, ProstMessageExt};
use arrow_flight::{Action, Empty, FlightDescriptor, IpcMessage};
use futures::TryStreamExt;
use maar_engine::datafusion::arrow::datatypes::Schema;
use prost::Message;
use tonic::Code;

use crate::support::{fetch, rows, serve, session, status, with_file};

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_a_parquet_file() {
    let (mut client, folder) = with_file().await;
    assert_eq!(
        rows(&mut client, "select amount, name from t order by amount;").await.unwrap(),
        "0,a rather long name;1,a;2,"
    );
    let path = format!("select sum(amount) from '{}/*.parquet'", folder.path().display());
    assert_eq!(rows(&mut client, &path).await.unwrap(), "3");
    assert_eq!(rows(&mut client, "-- no table\nselect 1 as one").await.unwrap(), "1");
    assert!(rows(&mut client, "explain select * from t").await.unwrap().contains("placement"));
    assert_eq!(rows(&mut client, "select * from t where amount > 100").await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_dictionaries_leave_as_strings_and_nullability_is_the_plans() {
    let (mut client, _folder) = with_file().await;
    let sql = "select name, arrow_cast(name, 'Dictionary(Int32, Utf8)') as d, make_array(name) as l, \
               named_struct('s', name) as s, amount, (select min(amount) from t) as least from t where amount = 1";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let (schema, batches) = fetch(&mut client, info).await.unwrap();
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types[..2], [&DataType::Utf8, &DataType::Utf8]);
    assert!(matches!(types[2], DataType::List(item) if item.data_type() == &DataType::Utf8), "{}", types[2]);
    assert!(matches!(types[3], DataType::Struct(fields) if fields[0].data_type() == &DataType::Utf8), "{}", types[3]);
    assert_eq!((schema.field(0).is_nullable(), schema.field(4).is_nullable()), (true, false));
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_results_come_whole() {
    let mut client = serve(session()).await;
    let sql = "select v, repeat('x', 100) as s from (select unnest(range(0, 200000)) as v)";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let (_, batches) = fetch(&mut client, info).await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_codes_and_say_what_to_do() {
    let (mut client, _folder) = with_file().await;
    let cases = [
        ("selekt 1", Code::InvalidArgument, "line 1, column 1"),
        ("select 1; select 2", Code::InvalidArgument, "one at a time"),
        ("", Code::InvalidArgument, "no statement"),
        ("select amuont from t", Code::NotFound, "amount"),
        ("select * from tt", Code::NotFound, "tt"),
        ("select $1", Code::InvalidArgument, "$1"),
        // Found out by running.
        ("select 1 / amount from t", Code::InvalidArgument, "zero"),
        ("select 9223372036854775807 + amount from t", Code::InvalidArgument, "verflow"),
    ];
    for (sql, code, words) in cases {
        let failed = status(rows(&mut client, sql).await);
        assert_eq!(failed.code(), code, "{sql}: {failed}");
        assert!(failed.message().contains(words), "{sql}: {failed}");
    }
    let long = format!("select '{}'", "x".repeat(1 << 20));
    assert_eq!(status(rows(&mut client, &long).await).code(), Code::InvalidArgument);
    assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1", "the server goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_good_for_one_fetch() {
    let mut client = serve(session()).await;
    let info = client.execute("select 1".to_owned(), None).await.unwrap();
    fetch(&mut client, info.clone()).await.unwrap();
    let again = status(fetch(&mut client, info).await);
    assert_eq!(again.code(), Code::NotFound);
    assert!(again.message().contains("Run it again"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_refused_in_words() {
    let mut client = serve(session()).await;
    let refused = status(client.execute("select 1".to_owned(), Some("tx".into())).await);
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(client.begin_transaction().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_alone_can_be_asked_for_and_runs_nothing() {
    let mut client = serve(session()).await;
    for (sql, fields) in [("select 1 as a, 'x' as b", 2), ("create table made as values (1)", 0)] {
        let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let answer = client.inner_mut().get_schema(descriptor).await.unwrap().into_inner();
        assert_eq!(Schema::try_from(IpcMessage(answer.schema)).unwrap().fields().len(), fields, "{sql}");
    }
    assert_eq!(status(rows(&mut client, "select * from made").await).code(), Code::NotFound);
    let nonsense = FlightDescriptor::new_cmd(Any { type_url: "x".to_owned(), value: "y".into() }.encode_to_vec());
    assert_eq!(client.inner_mut().get_schema(nonsense).await.unwrap_err().code(), Code::Unimplemented);
    let broken = client.inner_mut().get_schema(FlightDescriptor::new_cmd("\u{1}")).await.unwrap_err();
    assert_eq!(broken.code(), Code::InvalidArgument, "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_actions_that_work_are_listed() {
    let mut client = serve(session()).await;
    let listed = client.inner_mut().list_actions(Empty {}).await.unwrap().into_inner();
    let names: Vec<String> = listed.map_ok(|action| action.r#type).try_collect().await.unwrap();
    let prepared = ["CreatePreparedStatement", "ClosePreparedStatement", "CancelQuery", "CancelFlightInfo"];
    assert_eq!(names, [&prepared[..], &["SetSessionOptions", "GetSessionOptions", "CloseSession"]].concat());
    let refused = status(client.do_action(Action::new("BeginTransaction2", "")).await);
    assert_eq!(refused.code(), Code::Unimplemented);
}
