//! What every test needs: a server, its client, a Parquet file, results as text.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::FlightInfo;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use maar_engine::Session;
use maar_engine::device::DeviceKind;
use maar_flight_server::{Limits, ServeOptions, Server};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;
use tonic::Status;
use tonic::transport::Channel;

pub(crate) type Client = FlightSqlServiceClient<Channel>;

/// A session on the CPU.
pub(crate) fn session() -> Session {
    Session::builder().device(DeviceKind::Cpu).target_partitions(2).build().unwrap()
}

/// A client of a server of its own, which ends with the test.
pub(crate) async fn serve(session: Session) -> Client {
    connect(&serve_within(session, Limits::default())).await
}

/// The address of a server of its own, which ends with the test.
pub(crate) fn serve_within(session: Session, limits: Limits) -> String {
    serve_with(session, ServeOptions { limits, ..ServeOptions::default() })
}

/// The same, served in some way.
pub(crate) fn serve_with(session: Session, options: ServeOptions) -> String {
    let server = Server::bind(session, "127.0.0.1:0".parse().unwrap(), options).unwrap();
    let url = format!("http://{}", server.address());
    tokio::spawn(server.run(std::future::pending()));
    url
}

/// A client with a connection of its own.
pub(crate) async fn connect(url: &str) -> Client {
    Client::new(Channel::from_shared(url.to_owned()).unwrap().connect().await.unwrap())
}

/// A server with the table `t (name, amount)` over a Parquet file of three rows.
pub(crate) async fn with_file() -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("a rather long name")]));
    let amounts: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 0]));
    let batch = RecordBatch::try_from_iter_with_nullable([("name", names, true), ("amount", amounts, false)]).unwrap();
    let path = folder.path().join("t.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let session = session();
    let create = format!("create external table t stored as parquet location '{}'", path.display());
    session.run_script(&create).await.unwrap();
    (serve(session).await, folder)
}

/// The columns and rows behind a FlightInfo.
///
/// Also checks what strict drivers check: one endpoint or more, and rows under the schema that was advertised.
pub(crate) async fn fetch(client: &mut Client, info: FlightInfo) -> Result<(SchemaRef, Vec<RecordBatch>), FlightError> {
    let advertised = info.clone().try_decode_schema().unwrap();
    assert_eq!(info.endpoint.len(), 1);
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut stream = client.do_get(ticket).await?;
    let batches: Vec<RecordBatch> = (&mut stream).try_collect().await?;
    let schema = Arc::clone(stream.schema().unwrap());
    assert_eq!(*schema, advertised);
    assert!(batches.iter().all(|batch| batch.schema() == schema));
    Ok((schema, batches))
}

/// A statement's rows: cells joined by `,`, rows by `;`.
pub(crate) async fn rows(client: &mut Client, sql: &str) -> Result<String, FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    Ok(text(&fetch(client, info).await?.1))
}

/// The schema and rows of a metadata call.
pub(crate) async fn answer(client: &mut Client, info: Result<FlightInfo, FlightError>) -> (SchemaRef, String) {
    let (schema, batches) = fetch(client, info.unwrap()).await.unwrap();
    (schema, text(&batches))
}

pub(crate) fn text(batches: &[RecordBatch]) -> String {
    let drawn = pretty_format_batches(batches).unwrap().to_string();
    let rows = drawn.lines().filter(|line| line.starts_with('|')).skip(1);
    let row = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(",");
    rows.map(row).collect::<Vec<_>>().join(";")
}

/// The status of a call that must fail.
pub(crate) fn status<T: std::fmt::Debug>(result: Result<T, FlightError>) -> Status {
    match result {
        Err(FlightError::Tonic(status)) => *status,
        other => unreachable!("no status: {other:?}"),
    }
}
