//! SetSessionOptions and GetSessionOptions, in the bytes that drivers send: their messages are written out here once more.

use std::collections::BTreeMap;

use arrow_flight::Action;
use maar_flight_server::Limits;
use prost::Message;
use tonic::Code;

use crate::support::{Client, connect, rows, serve, serve_within, session, status};

#[derive(Clone, PartialEq, prost::Message)]
struct Options {
    #[prost(btree_map = "string, message", tag = "1")]
    options: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(bool, optional, tag = "2")]
    flag: Option<bool>,
    #[prost(sfixed64, optional, tag = "3")]
    integer: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Errors {
    #[prost(btree_map = "string, message", tag = "1")]
    errors: BTreeMap<String, ErrorValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ErrorValue {
    #[prost(int32, tag = "1")]
    value: i32,
}

const INVALID_NAME: i32 = 1;
const INVALID_VALUE: i32 = 2;

fn text(text: &str) -> Value {
    Value { text: Some(text.to_owned()), ..Value::default() }
}

/// Sets options; the names that were refused, with why.
async fn set(client: &mut Client, options: &[(&str, Value)]) -> Vec<(String, i32)> {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let action = Action::new("SetSessionOptions", Options { options }.encode_to_vec());
    let answer = client.do_action(action).await.unwrap().message().await.unwrap().unwrap();
    let errors = Errors::decode(answer.body).unwrap().errors;
    errors.into_iter().map(|(name, error)| (name, error.value)).collect()
}

/// Sets one option, which must do.
pub(crate) async fn set_option(client: &mut Client, name: &str, value: &str) {
    assert!(set(client, &[(name, text(value))]).await.is_empty());
}

async fn get(client: &mut Client) -> BTreeMap<String, String> {
    let answer =
        client.do_action(Action::new("GetSessionOptions", "")).await.unwrap().message().await.unwrap().unwrap();
    let options = Options::decode(answer.body).unwrap().options;
    options.into_iter().map(|(name, value)| (name, value.text.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_set_one_by_one_and_shown() {
    let mut client = serve(session()).await;
    let refused = set(
        &mut client,
        &[
            ("datafusion.execution.batch_size", Value { integer: Some(100), ..Value::default() }),
            ("maar.require_device", Value { flag: Some(false), ..Value::default() }),
            ("datafusion.execution.time_zone", text("Mars/X")),
            ("maar.device", text("gpu'; drop table t; --")),
            ("maar.device_memory", text("1GB")),
            ("datafusion.runtime.memory_limit", text("100G")),
            ("no.such", text("1")),
            ("x' or '1", text("1")),
        ],
    )
    .await;
    let expected = [
        ("datafusion.execution.time_zone", INVALID_VALUE),
        ("datafusion.runtime.memory_limit", INVALID_NAME),
        ("maar.device", INVALID_VALUE),
        ("maar.device_memory", INVALID_VALUE),
        ("no.such", INVALID_NAME),
        ("x' or '1", INVALID_NAME),
    ];
    let refused: Vec<(&str, i32)> = refused.iter().map(|(name, why)| (name.as_str(), *why)).collect();
    assert_eq!(refused, expected);
    let show = "show datafusion.execution.batch_size";
    assert_eq!(rows(&mut client, show).await.unwrap(), "datafusion.execution.batch_size,100");
    let options = get(&mut client).await;
    assert_eq!(
        (options["datafusion.execution.batch_size"].as_str(), options["catalog"].as_str()),
        ("100", "datafusion")
    );
    assert_eq!(options["maar.device"], "cpu");

    // No value: as it was at the start.
    assert!(set(&mut client, &[("datafusion.execution.batch_size", Value::default())]).await.is_empty());
    assert_eq!(get(&mut client).await["datafusion.execution.batch_size"], "8192");
}

#[tokio::test(flavor = "multi_thread")]
async fn catalog_and_schema_must_be_there() {
    let mut client = serve(session()).await;
    rows(&mut client, "create schema other").await.unwrap();
    rows(&mut client, "create table other.t as values (5)").await.unwrap();
    assert_eq!(set(&mut client, &[("catalog", text("nowhere"))]).await, [("catalog".to_owned(), INVALID_VALUE)]);
    assert_eq!(set(&mut client, &[("schema", text("nowhere"))]).await, [("schema".to_owned(), INVALID_VALUE)]);
    assert!(set(&mut client, &[("catalog", text("datafusion")), ("schema", text("other"))]).await.is_empty());
    assert_eq!(rows(&mut client, "select column1 from t").await.unwrap(), "5");
    assert_eq!(get(&mut client).await["schema"], "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_the_options_makes_no_session() {
    let url = serve_within(session(), Limits { sessions: 1, ..Limits::default() });
    let (mut one, mut two) = (connect(&url).await, connect(&url).await);
    get(&mut one).await;
    rows(&mut two, "select 1").await.unwrap();
    assert_eq!(get(&mut one).await["schema"], "public");
    assert_eq!(status(rows(&mut one, "select 1").await).code(), Code::ResourceExhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_message_is_an_error() {
    let mut client = serve(session()).await;
    let broken = status(client.do_action(Action::new("SetSessionOptions", "\u{1}")).await);
    assert_eq!(broken.code(), Code::InvalidArgument);
}
