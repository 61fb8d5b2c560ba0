//! Parameters of prepared statements: described with their types, bound in rows, run.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit, UInt64Type};
use arrow_flight::FlightDescriptor;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::client::PreparedStatement;
use arrow_flight::sql::{CommandPreparedStatementUpdate, DoPutUpdateResult, ProstMessageExt};
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::{Client, fetch, rows, serve, session, status, text};

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let fields = columns.iter().enumerate().map(|(at, of)| Field::new(at.to_string(), of.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns).unwrap()
}

async fn prepare(client: &mut Client, sql: &str) -> PreparedStatement<Channel> {
    client.prepare(sql.to_owned(), None).await.unwrap()
}

/// The rows that a prepared query gives for these values.
async fn given(client: &mut Client, sql: &str, values: Vec<ArrayRef>) -> String {
    let mut prepared = prepare(client, sql).await;
    prepared.set_parameters(batch(values)).unwrap();
    let info = prepared.execute().await.unwrap();
    text(&fetch(client, info).await.unwrap().1)
}

async fn with_table() -> Client {
    let mut client = serve(session()).await;
    rows(
        &mut client,
        "create table t as select * from (values (1, 'a', 1.25, date '2020-01-01'), (2, 'b', 2.50, date '2021-06-30'), \
         (3, null, null, null)) v(n, s, d, day)",
    )
    .await
    .unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_described_with_their_types() {
    let mut client = with_table().await;
    let types = async |client: &mut Client, sql: &str| -> Vec<(String, DataType)> {
        let prepared = prepare(client, sql).await;
        let fields = prepared.parameter_schema().unwrap().fields().clone();
        assert!(fields.iter().all(|field| field.is_nullable()), "{sql}");
        fields.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    let numbered = |types: Vec<DataType>| -> Vec<(String, DataType)> {
        types.into_iter().enumerate().map(|(at, of)| (format!("${}", at + 1), of)).collect()
    };
    let asked = types(&mut client, "select * from t where n = ? and s = ? and day < ?").await;
    assert_eq!(asked, numbered(vec![DataType::Int64, DataType::Utf8, DataType::Date32]));
    rows(&mut client, "create table w (a int, b decimal(9, 2), c timestamp, d boolean, e text)").await.unwrap();
    let asked = types(&mut client, "insert into w values ($1, $2, $3, $4, $5)").await;
    let of = numbered(vec![
        DataType::Int32,
        DataType::Decimal128(9, 2),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Boolean,
        DataType::Utf8,
    ]);
    assert_eq!(asked, of);
    // Of any type; and one that the statement leaves out.
    assert_eq!(types(&mut client, "select $3, $1").await, numbered(vec![DataType::Utf8; 3]));
    assert_eq!(types(&mut client, "select * from t where n = $least").await, [("$least".to_owned(), DataType::Int64)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_bound_and_bound_again() {
    let mut client = with_table().await;
    let mut prepared =
        prepare(&mut client, "select n, s from t where n >= ? and (s = ? or ? is null) order by n").await;
    assert_eq!(prepared.dataset_schema().unwrap().fields().len(), 2);
    let unbound = status(prepared.execute().await);
    assert!(unbound.code() == Code::InvalidArgument && unbound.message().contains("bind"), "{unbound}");
    for (least, name, expected) in
        [(1, Some("a"), "1,a"), (2, Some("a"), ""), (2, None, "2,b;3,"), (1, Some("b"), "2,b")]
    {
        let name: ArrayRef = Arc::new(StringArray::from(vec![name]));
        let least: ArrayRef = Arc::new(Int64Array::from(vec![least]));
        prepared.set_parameters(batch(vec![least, Arc::clone(&name), name])).unwrap();
        for _ in 0..2 {
            let info = prepared.execute().await.unwrap();
            assert_eq!(text(&fetch(&mut client, info).await.unwrap().1), expected);
        }
    }
    prepared.set_parameters(batch(vec![Arc::new(Int64Array::from(vec![1]))])).unwrap();
    let few = status(prepared.execute().await);
    assert!(few.code() == Code::InvalidArgument && few.message().contains("3 parameters, and got 1"), "{few}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_what_was_sent_whatever_their_type() {
    let mut client = with_table().await;
    let one = |column: ArrayRef| vec![column];
    // Neither is cut to the column's type: no row is 1.5, and none is beyond a BIGINT.
    let above = "select count(*) from t where n > ?";
    assert_eq!(given(&mut client, above, one(Arc::new(Float64Array::from(vec![1.5])))).await, "2");
    assert_eq!(given(&mut client, above, one(Arc::new(Int32Array::from(vec![2])))).await, "1");
    assert_eq!(given(&mut client, above, one(Arc::new(Int64Array::from(vec![None])))).await, "0");
    let money = Decimal128Array::from(vec![250]).with_precision_and_scale(5, 2).unwrap();
    assert_eq!(given(&mut client, "select n from t where d = ?", one(Arc::new(money))).await, "2");
    let day = Date32Array::from(vec![18_262]);
    assert_eq!(given(&mut client, "select n from t where day = ?", one(Arc::new(day))).await, "1");
    let views: ArrayRef = Arc::new(StringViewArray::from(vec!["b"]));
    let coded = cast(&views, &DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8View))).unwrap();
    for name in [views, coded] {
        assert_eq!(given(&mut client, "select n from t where s = ?", one(name)).await, "2");
    }
    let at = TimestampMicrosecondArray::from(vec![1_500_000]).with_timezone("Europe/Berlin");
    assert_eq!(given(&mut client, "select ?", one(Arc::new(at))).await, "1970-01-01T01:00:01.500+01:00");
    assert_eq!(given(&mut client, "select ? as b", one(Arc::new(BooleanArray::from(vec![true])))).await, "true");
    let numbers: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![4])), Arc::new(Int64Array::from(vec![9]))];
    assert_eq!(given(&mut client, "select $2 - $1, $1", numbers).await, "5,4");
}

#[tokio::test(flavor = "multi_thread")]
async fn named_parameters_are_found_by_their_names() {
    let mut client = with_table().await;
    let mut prepared = prepare(&mut client, "select $low - $high").await;
    for (low, high) in [("low", "high"), ("$low", "$high")] {
        let columns: [(&str, ArrayRef); 2] =
            [(high, Arc::new(Int64Array::from(vec![1]))), (low, Arc::new(Int64Array::from(vec![7])))];
        prepared.set_parameters(RecordBatch::try_from_iter(columns).unwrap()).unwrap();
        let info = prepared.execute().await.unwrap();
        assert_eq!(text(&fetch(&mut client, info).await.unwrap().1), "6");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_runs_once_for_each_row() {
    let mut client = serve(session()).await;
    rows(&mut client, "create table w (a bigint, b text)").await.unwrap();
    let mut insert = prepare(&mut client, "insert into w values (?, ?)").await;
    assert!(insert.dataset_schema().unwrap().fields().is_empty());
    let three = |from: i64| {
        batch(vec![
            Arc::new(Int64Array::from(vec![Some(from), None, Some(from + 2)])),
            Arc::new(StringArray::from(vec![Some("x"), Some("y"), None])),
        ])
    };
    insert.set_parameters(three(1)).unwrap();
    assert_eq!(insert.execute_update().await.unwrap(), 3);
    // As a query: once, when asked for, with the sum of the counts.
    insert.set_parameters(three(10)).unwrap();
    let info = insert.execute().await.unwrap();
    assert_eq!(rows(&mut client, "select count(*), count(a), sum(a) from w").await.unwrap(), "6,4,26");
    let (schema, batches) = fetch(&mut client, info).await.unwrap();
    assert_eq!(
        (schema.field(0).name().as_str(), batches[0].column(0).as_primitive::<UInt64Type>().value(0)),
        ("count", 3)
    );

    insert.set_parameters(three(0).slice(0, 0)).unwrap();
    assert_eq!(insert.execute_update().await.unwrap(), 0, "no row, no run");
    let mut update = prepare(&mut client, "update w set b = $1 where a = $2").await;
    let names: ArrayRef = Arc::new(StringArray::from(vec!["p", "q"]));
    update.set_parameters(batch(vec![names, Arc::new(Int64Array::from(vec![1, 12]))])).unwrap();
    assert_eq!(update.execute_update().await.unwrap(), 2);
    assert_eq!(rows(&mut client, "select b from w where a in (1, 12) order by a").await.unwrap(), "p;q");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_may_come_with_the_update_itself() {
    let mut client = serve(session()).await;
    rows(&mut client, "create table w (a bigint)").await.unwrap();
    let mut insert = prepare(&mut client, "insert into w values (?)").await;
    // Its handle, by what the descriptor of a bind would hold.
    insert.set_parameters(batch(vec![Arc::new(Int64Array::from(vec![0]))])).unwrap();
    let descriptor = insert.execute().await.unwrap().flight_descriptor.unwrap();
    let any = arrow_flight::sql::Any::decode(&*descriptor.cmd).unwrap();
    let bound: arrow_flight::sql::CommandPreparedStatementQuery = any.unpack().unwrap().unwrap();
    let command = CommandPreparedStatementUpdate { prepared_statement_handle: bound.prepared_statement_handle };
    let values =
        [batch(vec![Arc::new(Int64Array::from(vec![1, 2]))]), batch(vec![Arc::new(Int64Array::from(vec![3]))])];
    let sent = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(command.as_any().encode_to_vec())))
        .build(stream::iter(values.map(Ok)));
    let sent = sent.map(|data| data.unwrap());
    let mut answer = client.inner_mut().do_put(sent).await.unwrap().into_inner();
    let result = DoPutUpdateResult::decode(answer.message().await.unwrap().unwrap().app_metadata).unwrap();
    assert_eq!(result.record_count, 3);
    let info = client.execute("select sum(a) from w".to_owned(), None).await.unwrap();
    let stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_fails_says_which_it_was() {
    let mut client = serve(session()).await;
    rows(&mut client, "create table w (a bigint)").await.unwrap();
    let mut insert = prepare(&mut client, "insert into w select 12 / ?").await;
    insert.set_parameters(batch(vec![Arc::new(Int64Array::from(vec![3, 0, 4]))])).unwrap();
    let failed = status(insert.execute_update().await);
    assert_eq!(failed.code(), Code::InvalidArgument);
    assert!(failed.message().starts_with("row 2 of 3") && failed.message().contains("row before it"), "{failed}");
    assert_eq!(rows(&mut client, "select a from w").await.unwrap(), "4");

    let mut query = prepare(&mut client, "select ?").await;
    query.set_parameters(batch(vec![Arc::new(Int64Array::from(vec![1, 2]))])).unwrap();
    let several = status(query.execute().await);
    assert!(several.code() == Code::InvalidArgument && several.message().contains("2 are bound"), "{several}");
    query.set_parameters(batch(vec![Arc::new(Int64Array::from(Vec::<i64>::new()))])).unwrap();
    assert_eq!(status(query.execute().await).code(), Code::InvalidArgument);
}
