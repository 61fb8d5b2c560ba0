//! A server with a certificate, which is made here: who gets in, and what is no certificate.

use maar_flight_server::{ServeOptions, Server, Tls, TlsError};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::certificates::Made;
use crate::support::{Client, rows, session};

fn tls(made: &Made) -> Result<Tls, TlsError> {
    Tls::read(&made.path("cert"), &made.path("key"))
}

/// What a client has that trusts this authority.
fn trust(made: &Made) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&made.authority))
}

fn identity(made: &Made) -> Identity {
    Identity::from_pem(&made.certificate, &made.key)
}

/// The port of a server of its own.
fn serve(tls: Tls) -> u16 {
    let options = ServeOptions { tls: Some(tls), ..ServeOptions::default() };
    let server = Server::bind(session(), "127.0.0.1:0".parse().unwrap(), options).unwrap();
    let port = server.address().port();
    tokio::spawn(server.run(std::future::pending()));
    port
}

async fn connect(url: String, tls: Option<ClientTlsConfig>) -> Result<Client, tonic::transport::Error> {
    let mut endpoint = Channel::from_shared(url).unwrap();
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(tls)?;
    }
    Ok(Client::new(endpoint.connect().await?))
}

/// Whether a client with these certificates gets an answer.
async fn is_answered(url: String, tls: Option<ClientTlsConfig>) -> bool {
    match connect(url, tls).await {
        Ok(mut client) => rows(&mut client, "select 1").await.is_ok_and(|answer| answer == "1"),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_trusts_the_certificate_is_answered() {
    let (made, other) = (Made::new(), Made::new());
    let port = serve(tls(&made).unwrap());
    for host in ["localhost", "127.0.0.1"] {
        assert!(is_answered(format!("https://{host}:{port}"), Some(trust(&made))).await, "{host}");
    }
    let url = format!("https://localhost:{port}");
    assert!(!is_answered(url.clone(), Some(trust(&other))).await, "of another authority");
    assert!(!is_answered(url.clone(), Some(trust(&made).domain_name("elsewhere"))).await, "of another name");
    assert!(!is_answered(format!("http://localhost:{port}"), None).await, "not encrypted");
    // None of these has stopped the server, and a connection has its session as ever.
    let mut client = connect(url, Some(trust(&made))).await.unwrap();
    rows(&mut client, "create temp table t as values (7)").await.unwrap();
    assert_eq!(rows(&mut client, "select * from t").await.unwrap(), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_need_a_certificate_where_it_is_asked_for() {
    let (made, clients, other) = (Made::new(), Made::new(), Made::new());
    let port = serve(tls(&made).unwrap().for_clients_of(&clients.path("ca")).unwrap());
    let url = format!("https://localhost:{port}");
    assert!(is_answered(url.clone(), Some(trust(&made).identity(identity(&clients)))).await);
    assert!(!is_answered(url.clone(), Some(trust(&made))).await, "no certificate");
    assert!(!is_answered(url, Some(trust(&made).identity(identity(&other)))).await, "of another authority");
}

#[test]
fn what_is_no_certificate_stops_the_start() {
    let (made, other) = (Made::new(), Made::new());
    let broken = made.folder.path().join("broken.pem");
    std::fs::write(&broken, format!("{}-----BEGIN CERTIFICATE-----\n!\n", made.certificate)).unwrap();
    let empty = made.folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let absent = made.folder.path().join("absent.pem");
    let (certificate, key) = (made.path("cert"), made.path("key"));
    for (refused, file, cause) in [
        (Tls::read(&absent, &key), &absent, "No such file"),
        (Tls::read(&certificate, &absent), &absent, "No such file"),
        (Tls::read(&empty, &key), &empty, "there is none in it"),
        (Tls::read(&key, &key), &key, "is not certificates in PEM"),
        (Tls::read(&certificate, &certificate), &certificate, "is not a private key in PEM"),
        (Tls::read(&broken, &key), &broken, "is not certificates in PEM"),
        (Tls::read(&certificate, &other.path("key")), &other.path("key"), "does not serve as the key"),
        (tls(&made).unwrap().for_clients_of(&absent), &absent, "No such file"),
        (tls(&made).unwrap().for_clients_of(&empty), &empty, "there is none in it"),
        (tls(&made).unwrap().for_clients_of(&broken), &broken, "is not certificates in PEM"),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()) && error.contains(cause), "{error}");
    }
}
