//! Who watches over a server: its health over gRPC, its HTTP door, and how it ends.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use maar_engine::Session;
use maar_flight_server::{ServeOptions, Server};
use prost::Message;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::cancel::{next_code, until, with_endless};
use crate::http::send;
use crate::support::{connect, rows, session, status};

struct Watched {
    url: String,
    http: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

fn watched(session: Session, drain: Duration) -> Watched {
    let options = ServeOptions { http: Some("127.0.0.1:0".parse().unwrap()), drain, ..ServeOptions::default() };
    let server = Server::bind(session, "127.0.0.1:0".parse().unwrap(), options).unwrap();
    let (url, http) = (format!("http://{}", server.address()), server.http_address().unwrap());
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        server
            .run(async {
                let _ = stopped.await;
            })
            .await
            .unwrap();
    });
    Watched { url, http, stop, serving }
}

/// The status and the text of an answer.
async fn get(http: SocketAddr, request: &str) -> (u16, String) {
    let said = send(http, request, &[], "").await;
    (said.status, said.body)
}

#[derive(Clone, PartialEq, prost::Message)]
struct Asked {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Told {
    #[prost(int32, tag = "1")]
    status: i32,
}

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;
const SERVICE_UNKNOWN: i32 = 3;

/// Health/Watch or Health/Check: the answers as they come.
async fn health(url: &str, method: &'static str, service: &str) -> Result<tonic::Streaming<Told>, Status> {
    let channel = Channel::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(method);
    let codec = tonic_prost::ProstCodec::<Asked, Told>::default();
    let asked = tonic::Request::new(Asked { service: service.to_owned() });
    Ok(grpc.server_streaming(asked, path, codec).await?.into_inner())
}

async fn first(answers: Result<tonic::Streaming<Told>, Status>) -> Result<i32, Status> {
    Ok(answers?.message().await?.unwrap().status)
}

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_without_a_login() {
    let server = watched(session(), Duration::ZERO);
    for service in ["", "arrow.flight.protocol.FlightService"] {
        assert_eq!(first(health(&server.url, CHECK, service).await).await.unwrap(), SERVING);
        assert_eq!(first(health(&server.url, WATCH, service).await).await.unwrap(), SERVING);
    }
    assert_eq!(first(health(&server.url, CHECK, "other").await).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(first(health(&server.url, WATCH, "other").await).await.unwrap(), SERVICE_UNKNOWN);
    let unknown = health(&server.url, "/grpc.health.v1.Health/List", "").await;
    assert_eq!(first(unknown).await.unwrap_err().code(), Code::Unimplemented);
    assert_eq!(Told { status: SERVING }.encode_to_vec(), [8, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_say_what_was_done() {
    let server = watched(session(), Duration::ZERO);
    let mut client = connect(&server.url).await;
    rows(&mut client, "select * from range(0, 10)").await.unwrap();
    rows(&mut client, "select 1 / 0").await.unwrap_err();
    let (status, text) = get(server.http, "GET /metrics").await;
    assert_eq!(status, 200);
    for line in [
        "maar_queries{state=\"running\"} 0",
        "maar_queries_total{status=\"finished\"} 1",
        "maar_queries_total{status=\"failed\"} 1",
        "maar_rows_total 10",
        "maar_refused_total 0",
        "maar_sessions 1",
        "maar_query_seconds_count{phase=\"run\"} 2",
        "maar_query_seconds_bucket{phase=\"plan\",le=\"+Inf\"} 2",
        "maar_host_memory_bytes{kind=\"used\"} 0",
        "maar_draining 0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}: {text}");
    }
    // Every number has a family, and every line is one or the other.
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap();
        let name = name.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(text.contains(&format!("# TYPE {family} ")), "{line}");
    }
    assert!(!text.contains("range"), "no SQL: {text}");
    assert_eq!(get(server.http, "GET /no").await.0, 404);
    assert_eq!(get(server.http, "POST /metrics").await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_its_end_what_runs_goes_on_and_nothing_begins() {
    let (session, _) = with_endless();
    let server = watched(session, Duration::from_secs(60));
    let (mut client, mut other) = (connect(&server.url).await, connect(&server.url).await);
    rows(&mut other, "select 1").await.unwrap();
    let mut watch = health(&server.url, WATCH, "").await.unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status, SERVING);
    assert_eq!(get(server.http, "GET /readyz").await.0, 200);
    let info = client.execute("select v from endless limit 4000000".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let mut read = stream.next().await.unwrap().unwrap().num_rows();

    server.stop.send(()).unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status, NOT_SERVING);
    assert_eq!(get(server.http, "GET /readyz").await.0, 503);
    assert_eq!(get(server.http, "GET /livez").await.0, 200);
    let refused = status(rows(&mut other, "select 1").await);
    assert!(refused.code() == Code::Unavailable && refused.message().contains("about to end"), "{refused}");
    let login = other.handshake("anybody", "anything").await.unwrap_err();
    assert!(login.to_string().contains("about to end"), "{login}");
    while let Some(batch) = stream.next().await {
        read += batch.unwrap().num_rows();
    }
    assert_eq!(read, 4_000_000);
    drop((client, other, stream, watch));
    tokio::time::timeout(Duration::from_secs(30), server.serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_before_the_end_is_cancelled() {
    let (session, seen) = with_endless();
    let server = watched(session, Duration::from_millis(200));
    let mut client = connect(&server.url).await;
    let info = client.execute("select v from endless where v < 0".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    until("it does not run", async || seen.started.load(Ordering::SeqCst) == 1).await;
    server.stop.send(()).unwrap();
    assert_eq!(next_code(&mut stream).await, Code::Cancelled);
    drop((client, stream));
    tokio::time::timeout(Duration::from_secs(30), server.serving).await.unwrap().unwrap();
}
