//! A server with a certificate, which is made here: who gets in, and what is no certificate.

use std::path::PathBuf;

use maar_flight_server::{ServeOptions, Server, Tls, TlsError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::support::{Client, rows, session};

/// An authority, and a certificate of it in files.
struct Made {
    folder: TempDir,
    authority: String,
    certificate: String,
    key: String,
}

impl Made {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap().pem();
        let made = Self { folder: tempfile::tempdir().unwrap(), authority, certificate, key: key.serialize_pem() };
        for (name, text) in [("ca", &made.authority), ("cert", &made.certificate), ("key", &made.key)] {
            std::fs::write(made.path(name), text).unwrap();
        }
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    fn tls(&self) -> Result<Tls, TlsError> {
        Tls::read(&self.path("cert"), &self.path("key"))
    }

    /// What a client has that trusts this authority.
    fn trust(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.authority))
    }

    fn identity(&self) -> Identity {
        Identity::from_pem(&self.certificate, &self.key)
    }
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
    let port = serve(made.tls().unwrap());
    for host in ["localhost", "127.0.0.1"] {
        assert!(is_answered(format!("https://{host}:{port}"), Some(made.trust())).await, "{host}");
    }
    let url = format!("https://localhost:{port}");
    assert!(!is_answered(url.clone(), Some(other.trust())).await, "of another authority");
    assert!(!is_answered(url.clone(), Some(made.trust().domain_name("elsewhere"))).await, "of another name");
    assert!(!is_answered(format!("http://localhost:{port}"), None).await, "not encrypted");
    // None of these has stopped the server, and a connection has its session as ever.
    let mut client = connect(url, Some(made.trust())).await.unwrap();
    rows(&mut client, "create temp table t as values (7)").await.unwrap();
    assert_eq!(rows(&mut client, "select * from t").await.unwrap(), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_need_a_certificate_where_it_is_asked_for() {
    let (made, clients, other) = (Made::new(), Made::new(), Made::new());
    let port = serve(made.tls().unwrap().for_clients_of(&clients.path("ca")).unwrap());
    let url = format!("https://localhost:{port}");
    assert!(is_answered(url.clone(), Some(made.trust().identity(clients.identity()))).await);
    assert!(!is_answered(url.clone(), Some(made.trust())).await, "no certificate");
    assert!(!is_answered(url, Some(made.trust().identity(other.identity()))).await, "of another authority");
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
        (made.tls().unwrap().for_clients_of(&absent), &absent, "No such file"),
        (made.tls().unwrap().for_clients_of(&empty), &empty, "there is none in it"),
        (made.tls().unwrap().for_clients_of(&broken), &broken, "is not certificates in PEM"),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()) && error.contains(cause), "{error}");
    }
}
