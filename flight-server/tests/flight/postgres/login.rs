//! Who gets in, and over what.

use std::sync::Arc;

use maar_flight_server::{Jwt, Limits, Role, ServeOptions, Server, Tls, Users};
use pgwire::tokio::tokio_rustls::TlsConnector;
use pgwire::tokio::tokio_rustls::rustls::crypto::ring;
use pgwire::tokio::tokio_rustls::rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Client, Wrong, serve};
use crate::certificates::Made;
use crate::support::session;
use crate::tokens::{SECRET, claims, token};

fn users() -> Users {
    let line = |name, role| Users::line(name, "secret", role).unwrap();
    // A password that looks like a token, and is none.
    let eve = Users::line("eve", "three.short.words", Role::Reader).unwrap();
    Users::parse(&format!("{}\n{}\n{eve}", line("ada", Role::Reader), line("bob", Role::Writer))).unwrap()
}

async fn log_in(
    address: std::net::SocketAddr,
    user: &str,
    password: &str,
    more: &[(&str, &str)],
) -> Result<Client, Wrong> {
    let stream = TcpStream::connect(address).await.unwrap();
    Client::log_in(stream, &[&[("user", user)], more].concat(), Some(password)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_have_passwords_and_roles() {
    let address = serve(session(), ServeOptions { users: Some(users()), ..ServeOptions::default() });
    let mut bob = log_in(address, "bob", "secret", &[]).await.unwrap();
    assert_eq!(bob.query("create table t as select 1 as n").await.tags, ["CREATE TABLE"]);
    let mut ada = log_in(address, "ada", "secret", &[]).await.unwrap();
    assert_eq!(ada.rows("select n from t").await, "1");
    assert_eq!(ada.query("insert into t values (2)").await.code(), "42501");
    assert_eq!(ada.with("insert into t values ($1)", &[Some("2")]).await.code(), "42501");
    assert_eq!(
        (ada.rows("select session_user").await.as_str(), &*ada.parameters["session_authorization"]),
        ("ada", "ada")
    );
    let lesser = log_in(address, "bob", "secret", &[("options", "-c maar.role=reader")]).await;
    assert_eq!(lesser.unwrap().query("drop table t").await.code(), "42501");
    for (user, password, more, code) in [
        ("ada", "wrong", &[][..], "28P01"),
        ("eve", "secret", &[], "28P01"),
        ("ada", "", &[], "28P01"),
        ("ada", "secret", &[("database", "elsewhere")], "3D000"),
        ("ada", "secret", &[("nothing", "x")], "42704"),
        ("ada", "secret", &[("replication", "true")], "0A000"),
        ("ada", "secret", &[("client_encoding", "LATIN1")], "0A000"),
    ] {
        let wrong = log_in(address, user, password, more).await.err().unwrap();
        assert_eq!((wrong.severity.as_str(), wrong.code.as_str()), ("FATAL", code), "{user} {more:?} {wrong:?}");
    }
    for database in ["postgres", "datafusion", "ada"] {
        log_in(address, "ada", "secret", &[("database", database)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, SECRET).unwrap();
    let jwt = Some(Jwt::read(&key, "us", "maar").unwrap());
    let address = serve(session(), ServeOptions { jwt, users: Some(users()), ..ServeOptions::default() });
    let adas = token(SECRET, &claims("ada", "writer", 600));
    let mut ada = log_in(address, "ada", &adas, &[]).await.unwrap();
    assert_eq!(ada.rows("select \"user\", role from maar.system.sessions where is_own").await, "ada,writer");
    for (user, password) in [
        ("bob", adas.clone()),
        ("ada", token("another secret of thirty-two bytes..", &claims("ada", "writer", 600))),
        ("ada", token(SECRET, &claims("ada", "writer", -60))),
        ("ada", "a.b.c".to_owned()),
    ] {
        assert_eq!(log_in(address, user, &password, &[]).await.err().unwrap().code, "28P01", "{user} {password}");
    }
    log_in(address, "bob", "secret", &[]).await.unwrap();
    log_in(address, "eve", "three.short.words", &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_limited() {
    let limits = Limits { sessions: 1, ..Limits::default() };
    let address = serve(session(), ServeOptions { limits, ..ServeOptions::default() });
    let first = Client::connect(address).await;
    let stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(Client::log_in(stream, &[("user", "ada")], None).await.err().unwrap().code, "53300");
    drop(first);
    crate::cancel::until("the place is free", async || {
        let stream = TcpStream::connect(address).await.unwrap();
        Client::log_in(stream, &[("user", "ada")], None).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_need_a_certificate_and_users() {
    let options = ServeOptions { postgres: Some("0.0.0.0:0".parse().unwrap()), ..ServeOptions::default() };
    let refused = Server::bind(session(), "127.0.0.1:0".parse().unwrap(), options).err().unwrap().to_string();
    assert!(refused.contains("PostgreSQL") && refused.contains("--tls-cert"), "{refused}");
}

/// What the server says to a request for encryption, and the connection behind it.
async fn asked(address: std::net::SocketAddr, request: u32) -> (u8, TcpStream) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let message: Vec<u8> = [8, request].iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    stream.write_all(&message).await.unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    (answer[0], stream)
}

fn connector(made: &Made, alpn: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(made.authority.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_all_is_encrypted() {
    let made = Made::new();
    let tls = Tls::read(&made.path("cert"), &made.path("key")).unwrap();
    let address = serve(session(), ServeOptions { users: Some(users()), tls: Some(tls), ..ServeOptions::default() });
    let name = || ServerName::try_from("localhost").unwrap();
    let (answer, stream) = asked(address, 80_877_103).await;
    assert_eq!(answer, b'S');
    let encrypted = connector(&made, &[]).connect(name(), stream).await.unwrap();
    let mut bob = Client::log_in(encrypted, &[("user", "bob")], Some("secret")).await.unwrap();
    assert_eq!(bob.rows("select 1").await, "1");
    // Without the question, by the protocol's name.
    let stream = TcpStream::connect(address).await.unwrap();
    let encrypted = connector(&made, &[b"postgresql"]).connect(name(), stream).await.unwrap();
    Client::log_in(encrypted, &[("user", "bob")], Some("secret")).await.unwrap();
    let wrong = log_in(address, "bob", "secret", &[]).await.err().unwrap();
    assert_eq!(wrong.code, "28000", "not encrypted: {wrong:?}");
    // A server that has none says so, and goes on.
    let address = serve(session(), ServeOptions::default());
    let (answer, stream) = asked(address, 80_877_104).await;
    assert_eq!(answer, b'N');
    Client::log_in(stream, &[("user", "ada")], None).await.unwrap();
    let (answer, stream) = asked(address, 80_877_103).await;
    assert_eq!(answer, b'N');
    Client::log_in(stream, &[("user", "ada")], None).await.unwrap();
}
