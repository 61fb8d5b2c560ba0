//! Tokens of an identity provider in place of a login: signed ones open a session, all others nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow_flight::Action;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maar_flight_server::{Jwt, ServeOptions};
use ring::hmac;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{Client, connect, rows, serve_with, session, status};

pub(crate) const SECRET: &str = "a secret of thirty-two bytes or more";

pub(crate) fn token(secret: &str, claims: &Value) -> String {
    let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", coded(&json!({"alg": "HS256"})), coded(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Claims of a user, for so many seconds from now.
pub(crate) fn claims(user: &str, role: &str, seconds: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let expires = i64::try_from(now).unwrap() + seconds;
    json!({"iss": "us", "aud": "maar", "sub": user, "role": role, "exp": expires})
}

fn served() -> String {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{SECRET}\n")).unwrap();
    let jwt = Some(Jwt::read(&key, "us", "maar").unwrap());
    serve_with(session(), ServeOptions { jwt, ..ServeOptions::default() })
}

async fn with(url: &str, token: &str) -> Client {
    let mut client = connect(url).await;
    client.set_token(token.to_owned());
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_its_users_session_until_that_is_closed() {
    let url = served();
    let adas = token(SECRET, &claims("ada", "writer", 600));
    let (mut one, mut two) = (with(&url, &adas).await, with(&url, &adas).await);
    rows(&mut one, "create temp table own as values (7)").await.unwrap();
    assert_eq!(rows(&mut two, "select column1 from own").await.unwrap(), "7", "over another connection");
    let me = "select \"user\", role from maar.system.sessions where is_own";
    assert_eq!(rows(&mut two, me).await.unwrap(), "ada,writer");
    let mut reader = with(&url, &token(SECRET, &claims("bob", "reader", 600))).await;
    let refused = status(rows(&mut reader, "create table t as values (1)").await);
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");

    two.do_action(Action::new("CloseSession", "")).await.unwrap();
    let replayed = status(rows(&mut one, "select 1").await);
    assert!(replayed.code() == Code::Unauthenticated && replayed.message().contains("closed"), "{replayed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_expired_tokens_and_none_at_all_are_refused() {
    let url = served();
    let others = claims("ada", "writer", 600);
    for (token, words) in [
        (token("another secret of thirty-two bytes..", &others), "signature"),
        (token(SECRET, &claims("ada", "writer", -60)), "expired"),
        (token(SECRET, &json!({"iss": "us", "aud": "maar", "sub": "ada"})), "expires"),
        (token(SECRET, &claims("ada", "owner", 600)), "role"),
        ("0".repeat(32), "never was"),
        ("a.b.c".to_owned(), "no JSON Web Token"),
    ] {
        let refused = status(rows(&mut with(&url, &token).await, "select 1").await);
        assert!(refused.code() == Code::Unauthenticated && refused.message().contains(words), "{words}: {refused}");
    }
    let mut nobody = connect(&url).await;
    assert_eq!(status(rows(&mut nobody, "select 1").await).code(), Code::Unauthenticated);
    assert!(nobody.handshake("ada", "anything").await.is_err(), "there are no passwords");
}
