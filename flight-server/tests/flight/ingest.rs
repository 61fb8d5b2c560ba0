//! Rows that a client sends into tables.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    CommandStatementIngest, ProstMessageExt, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use arrow_flight::{FlightData, FlightDescriptor};
use futures::{StreamExt, stream};
use maar_flight_server::{Limits, Role, ServeOptions, Users};
use prost::Message;
use tonic::Code;

use crate::support::{Client, connect, rows, serve, serve_with, serve_within, session, status};

use TableExistsOption::{Append, Replace};
use TableNotExistOption::Create;

fn batch(names: Vec<Option<&str>>, amounts: Vec<i64>) -> RecordBatch {
    let (names, amounts): (ArrayRef, ArrayRef) =
        (Arc::new(StringArray::from(names)), Arc::new(Int64Array::from(amounts)));
    RecordBatch::try_from_iter_with_nullable([("Name", names, true), ("amount", amounts, true)]).unwrap()
}

fn some() -> RecordBatch {
    batch(vec![Some("a"), None], vec![1, 2])
}

fn into(table: &str, absent: TableNotExistOption, present: TableExistsOption) -> CommandStatementIngest {
    let options = TableDefinitionOptions { if_not_exist: absent.into(), if_exists: present.into() };
    CommandStatementIngest {
        table_definition_options: Some(options),
        table: table.to_owned(),
        ..CommandStatementIngest::default()
    }
}

async fn send(
    client: &mut Client,
    command: CommandStatementIngest,
    batches: Vec<RecordBatch>,
) -> Result<i64, FlightError> {
    client.execute_ingest(command, stream::iter(batches.into_iter().map(Ok))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_appended_to_and_replaced() {
    let mut client = serve(session()).await;
    const FAIL: TableExistsOption = TableExistsOption::Fail;
    let all = "select * from t order by amount";
    assert_eq!(send(&mut client, into("t", Create, FAIL), vec![some(), some()]).await.unwrap(), 4);
    assert_eq!(rows(&mut client, all).await.unwrap(), "a,1;a,1;,2;,2");
    let again = status(send(&mut client, into("t", Create, FAIL), vec![some()]).await);
    assert!(again.message().contains("already exists"), "{again}");
    // Columns go by name: another order, and one that is left out.
    let only: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let only = RecordBatch::try_from_iter([("amount", only)]).unwrap();
    let turned = some().project(&[1, 0]).unwrap();
    for (batch, count) in [(only, 1), (turned, 2)] {
        let sent = send(&mut client, into("t", TableNotExistOption::Fail, Append), vec![batch]).await;
        assert_eq!(sent.unwrap(), count);
    }
    assert_eq!(rows(&mut client, all).await.unwrap(), "a,1;a,1;a,1;,2;,2;,2;,7");
    for count in [1, 2] {
        send(&mut client, into("u", Create, Append), vec![some()]).await.unwrap();
        assert_eq!(rows(&mut client, "select count(*) from u").await.unwrap(), (2 * count).to_string());
    }
    assert_eq!(send(&mut client, into("u", Create, Replace), vec![batch(vec![], vec![])]).await.unwrap(), 0);
    assert_eq!(rows(&mut client, "select count(*) from u").await.unwrap(), "0");
    assert_eq!(send(&mut client, into("u", TableNotExistOption::Fail, Replace), vec![some()]).await.unwrap(), 2);
    for present in [Append, Replace] {
        let absent = status(send(&mut client, into("no", TableNotExistOption::Fail, present), vec![some()]).await);
        assert_eq!(absent.code(), Code::NotFound, "{absent}");
    }
    let functions = "select count(*) from information_schema.routines where routine_name like 'received%'";
    assert_eq!(rows(&mut client, functions).await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_places_are_as_they_are_given() {
    let url = serve_within(session(), Limits::default());
    let (mut client, mut other) = (connect(&url).await, connect(&url).await);
    rows(&mut client, "create schema s").await.unwrap();
    let odd = CommandStatementIngest {
        schema: Some("s".to_owned()),
        catalog: Some("datafusion".to_owned()),
        ..into("a \"b\".c", Create, Append)
    };
    send(&mut client, odd, vec![some()]).await.unwrap();
    assert_eq!(rows(&mut client, "select count(*) from s.\"a \"\"b\"\".c\"").await.unwrap(), "2");
    rows(&mut client, "set datafusion.catalog.default_schema = 's'").await.unwrap();
    for (at, catalog) in [None, Some("datafusion".to_owned())].into_iter().enumerate() {
        send(&mut client, CommandStatementIngest { catalog, ..into("usual", Create, Append) }, vec![some()])
            .await
            .unwrap();
        assert_eq!(rows(&mut other, "select count(*) from s.usual").await.unwrap(), (2 * at + 2).to_string());
    }
    rows(&mut client, "set datafusion.catalog.default_schema = 'public'").await.unwrap();
    let nowhere = CommandStatementIngest { schema: Some("no".to_owned()), ..into("t", Create, Append) };
    assert_eq!(status(send(&mut client, nowhere, vec![some()]).await).code(), Code::NotFound);

    // A temporary table is the session's, also where there is one for all.
    rows(&mut client, "create table t as values ('all', 0)").await.unwrap();
    let own = || CommandStatementIngest { temporary: true, ..into("t", Create, Append) };
    for count in ["2", "4"] {
        send(&mut client, own(), vec![some()]).await.unwrap();
        assert_eq!(rows(&mut client, "select count(*) from t").await.unwrap(), count);
    }
    assert_eq!(rows(&mut other, "select count(*) from t").await.unwrap(), "1");

    let codes: DictionaryArray<Int32Type> = vec!["x", "y", "x"].into_iter().collect();
    let codes = RecordBatch::try_from_iter([("code", Arc::new(codes) as ArrayRef)]).unwrap();
    send(&mut client, into("d", Create, Append), vec![codes]).await.unwrap();
    assert_eq!(rows(&mut client, "select code, count(*) from d group by 1 order by 1").await.unwrap(), "x,2;y,1");
}

/// Rows, then what is none.
async fn broken_message(client: &mut Client, command: CommandStatementIngest) {
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let rows = FlightDataEncoderBuilder::new().with_flight_descriptor(Some(descriptor));
    let rows = rows.build(stream::iter([Ok(some())])).map(Result::unwrap);
    let noise = FlightData { data_header: vec![7; 64].into(), ..FlightData::default() };
    let sent = client.inner_mut().do_put(rows.chain(stream::iter([noise]))).await;
    assert_eq!(sent.map(|_| ()).unwrap_err().code(), Code::InvalidArgument);
}

/// Rows, then nothing more, until the client gives up.
async fn vanished(client: &mut Client, command: CommandStatementIngest) {
    let rows = stream::iter([Ok(some())]).chain(stream::pending());
    let sending = client.execute_ingest(command, rows);
    tokio::time::timeout(Duration::from_millis(300), sending).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_the_middle_leaves_nothing() {
    let mut client = serve(session()).await;
    broken_message(&mut client, into("t", Create, Append)).await;
    vanished(&mut client, into("t", Create, Append)).await;
    assert_eq!(status(rows(&mut client, "select * from t").await).code(), Code::NotFound);

    send(&mut client, into("t", Create, Append), vec![some()]).await.unwrap();
    for present in [Append, Replace] {
        broken_message(&mut client, into("t", Create, present)).await;
        vanished(&mut client, into("t", Create, present)).await;
        assert_eq!(rows(&mut client, "select count(*) from t").await.unwrap(), "2");
    }
    // Of another type, and with a column that the table has not.
    let text: ArrayRef = Arc::new(StringArray::from(vec!["12", "no number"]));
    for name in ["amount", "other"] {
        let wrong = RecordBatch::try_from_iter([(name, Arc::clone(&text))]).unwrap();
        let refused = status(send(&mut client, into("t", Create, Append), vec![wrong]).await);
        assert!(matches!(refused.code(), Code::InvalidArgument | Code::NotFound), "{refused}");
        assert_eq!(rows(&mut client, "select count(*) from t").await.unwrap(), "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_done_is_refused_in_words() {
    let mut client = serve(session()).await;
    let plain = || into("t", Create, Append);
    let option = HashMap::from([("speed".to_owned(), "high".to_owned())]);
    for (command, code, words) in [
        (CommandStatementIngest { options: option, ..plain() }, Code::InvalidArgument, "speed"),
        (CommandStatementIngest { transaction_id: Some("x".into()), ..plain() }, Code::Unimplemented, "transaction"),
        (CommandStatementIngest { table_definition_options: None, ..plain() }, Code::InvalidArgument, "does not say"),
        (into("t", TableNotExistOption::Fail, TableExistsOption::Fail), Code::InvalidArgument, "to fail where"),
        (into("", Create, Append), Code::InvalidArgument, "without the name"),
    ] {
        let refused = status(send(&mut client, command, vec![some()]).await);
        assert!(refused.code() == code && refused.message().contains(words), "{refused}");
    }
    assert_eq!(status(rows(&mut client, "select * from t").await).code(), Code::NotFound);

    let users = Users::parse(&Users::line("ada", "secret", Role::Reader).unwrap()).unwrap();
    let url = serve_with(session(), ServeOptions { users: Some(users), ..ServeOptions::default() });
    let mut reader = connect(&url).await;
    reader.handshake("ada", "secret").await.unwrap();
    let refused = status(send(&mut reader, plain(), vec![some()]).await);
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_there_is_memory_is_refused() {
    let session = maar_engine::Session::builder().device(maar_engine::device::DeviceKind::Cpu).memory_limit(1 << 20);
    let mut client = serve(session.build().unwrap()).await;
    let large = |count| batch(vec![None; count], (0..count as i64).collect());
    let refused = status(send(&mut client, into("t", Create, Append), vec![large(200_000); 2]).await);
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert_eq!(send(&mut client, into("t", Create, Append), vec![large(100)]).await.unwrap(), 100, "all is free again");
}
