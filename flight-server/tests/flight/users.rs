//! A server with users: nothing is answered before a login, and a login that is refused says nothing.

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, Empty, HandshakeRequest};
use futures::stream;
use maar_flight_server::{Role, ServeOptions, Users};
use tonic::{Code, Request, Status};

use crate::support::{Client, connect, rows, serve_with, session, status};

fn with_users() -> String {
    let line = |name, password| Users::line(name, password, Role::Writer).unwrap();
    let lines = [line("ada", "correct horse"), line("bob", "x:y")];
    let users = Some(Users::parse(&lines.join("\n")).unwrap());
    serve_with(session(), ServeOptions { users, ..ServeOptions::default() })
}

/// A handshake with this header.
async fn shake(client: &mut Client, header: Option<&str>) -> Result<String, Status> {
    let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
    if let Some(header) = header {
        request.metadata_mut().insert("authorization", header.parse().unwrap());
    }
    let response = client.inner_mut().handshake(request).await?;
    Ok(response.metadata().get("authorization").unwrap().to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_without_a_login() {
    let mut client = connect(&with_users()).await;
    assert_eq!(status(rows(&mut client, "select 1").await).code(), Code::Unauthenticated);
    assert_eq!(status(client.prepare("select 1".to_owned(), None).await.map(|_| ())).code(), Code::Unauthenticated);
    assert_eq!(status(client.get_catalogs().await).code(), Code::Unauthenticated);
    assert_eq!(
        status(client.execute_update("create table t as values (1)".to_owned(), None).await).code(),
        Code::Unauthenticated
    );
    for action in ["GetSessionOptions", "CloseSession", "CancelFlightInfo", "NoSuch"] {
        assert_eq!(status(client.do_action(Action::new(action, "")).await).code(), Code::Unauthenticated, "{action}");
    }
    let listed = client.inner_mut().list_actions(Empty {}).await.map(|_| ()).unwrap_err();
    assert_eq!(listed.code(), Code::Unauthenticated);
    // User and password count at the login only.
    client.set_header("authorization", "Basic YWRhOmNvcnJlY3QgaG9yc2U=");
    assert_eq!(status(rows(&mut client, "select 1").await).code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_opens_a_session() {
    let url = with_users();
    for (name, password) in [("ada", "correct horse"), ("bob", "x:y")] {
        let mut client = connect(&url).await;
        client.handshake(name, password).await.unwrap();
        assert_eq!(rows(&mut client, "select 1").await.unwrap(), "1");
    }
    let mut one: FlightSqlServiceClient<_> = connect(&url).await;
    let token = shake(&mut one, Some("Basic YWRhOmNvcnJlY3QgaG9yc2U=")).await.unwrap();
    shake(&mut one, Some("Basic YWRhOmNvcnJlY3QgaG9yc2U")).await.unwrap();
    assert_eq!(shake(&mut one, Some(&token)).await.unwrap(), token, "a token is as good as a login");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_are_refused_hear_the_same() {
    let mut client = connect(&with_users()).await;
    let wrong = [
        None,
        Some("Basic YWRhOndyb25n"),             // ada:wrong
        Some("Basic ZXZlOmNvcnJlY3QgaG9yc2U="), // eve:correct horse
        Some("Basic YWRhOg=="),                 // ada:
        Some("Basic OmNvcnJlY3QgaG9yc2U="),     // :correct horse
        Some("Basic YWRh"),                     // ada
        Some("Basic ????"),
        Some("Basic"),
        Some("Digest x"),
    ];
    let mut words = Vec::new();
    for header in wrong {
        let refused = shake(&mut client, header).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{header:?}");
        words.push(refused.message().to_owned());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    let forged = shake(&mut client, Some(&format!("Bearer {}", "0".repeat(32)))).await.unwrap_err();
    assert_eq!(forged.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_wrong_too_often_waits() {
    let url = with_users();
    let mut client = connect(&url).await;
    for _ in 0..5 {
        let refused = client.handshake("ada", "wrong").await.unwrap_err().to_string();
        assert!(refused.contains("must be right"), "{refused}");
    }
    let refused = client.handshake("ada", "correct horse").await.unwrap_err().to_string();
    assert!(refused.contains("log in again in 1 s"), "the right password as well: {refused}");
    client.handshake("bob", "x:y").await.unwrap();
    client.clear_token();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    client.handshake("ada", "correct horse").await.unwrap();
    client.clear_token();
    client.handshake("ada", "wrong").await.unwrap_err();
    client.handshake("ada", "correct horse").await.unwrap();
}
