//! The dashboard over HTTP: what its pages are given, and to whom. In a browser it is driven in `cli/tests/drivers`.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use maar_engine::Session;
use maar_flight_server::{Role, ServeOptions, Server, Users};
use serde_json::{Value, json};

use crate::cancel::{until, with_endless};
use crate::http::{Said, send};
use crate::support::{connect, rows, session};

const CONFIRMED: (&str, &str) = ("maar-dashboard", "1");

/// The address of Flight and that of the dashboard.
fn serving(session: Session, users: &[(&str, Role)]) -> (String, SocketAddr) {
    let lines: Vec<_> = users.iter().map(|(name, role)| Users::line(name, "secret", *role).unwrap()).collect();
    let users = (!lines.is_empty()).then(|| Users::parse(&lines.join("\n")).unwrap());
    let options = ServeOptions { users, http: Some("127.0.0.1:0".parse().unwrap()), ..ServeOptions::default() };
    let server = Server::bind(session, "127.0.0.1:0".parse().unwrap(), options).unwrap();
    let (url, http) = (format!("http://{}", server.address()), server.http_address().unwrap());
    tokio::spawn(server.run(std::future::pending()));
    (url, http)
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn get(http: SocketAddr, path: &str) -> Said {
    send(http, &format!("GET {path}"), &[], "").await
}

/// Asks with the token of a login.
async fn get_as(http: SocketAddr, path: &str, token: &str) -> Said {
    send(http, &format!("GET {path}"), &[("Authorization", &format!("Bearer {token}"))], "").await
}

async fn log_in(http: SocketAddr, user: &str) -> String {
    let said = send(http, "POST /api/login", &[("Authorization", &basic(user, "secret")), CONFIRMED], "").await;
    assert_eq!(said.status, 200, "{}", said.body);
    said.json()["token"].as_str().unwrap().to_owned()
}

fn texts<'a>(rows: &'a Value, column: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().filter_map(|row| row[column].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_with_a_policy_and_load_nothing_from_elsewhere() {
    let (_, http) = serving(session(), &[]);
    let page = get(http, "/").await;
    assert_eq!(page.status, 200);
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; script-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    let script = get(http, "/app.js").await;
    assert!(script.head.contains("content-type: text/javascript"), "{}", script.head);
    let imported = script.body.lines().filter(|line| line.starts_with("import"));
    for file in imported.filter_map(|line| line.split('"').nth(1)) {
        assert_eq!(get(http, file.trim_start_matches('.')).await.status, 200, "{file}");
    }
    assert_eq!(get(http, "/../Cargo.toml").await.status, 404);
    assert_eq!(send(http, "POST /", &[], "").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_users_everyone_on_the_machine_sees_all() {
    let (url, http) = serving(session(), &[]);
    let mut client = connect(&url).await;
    let script = "select '<script>alert(1)</script>' as x, value from generate_series(1, 1000)";
    rows(&mut client, script).await.unwrap();
    rows(&mut client, "select 1 / 0").await.unwrap_err();
    let queries = get(http, "/api/queries").await;
    // As it is: that it stays text is for the page to see to, which makes no markup.
    assert!(
        queries.head.contains("content-type: application/json") && queries.body.contains("<script>"),
        "{}",
        queries.body
    );
    let queries = queries.json();
    assert_eq!(texts(&queries, "state"), ["finished", "failed"]);
    assert_eq!((&queries[0]["rows"], &queries[0]["progress"]), (&json!(1000), &json!(1.0)));
    assert!(queries[1]["error"].as_str().unwrap().contains("zero"), "{queries}");

    let id = queries[0]["query_id"].as_str().unwrap();
    let one = get(http, &format!("/api/queries/{id}")).await.json();
    assert_eq!(one["query"][0]["query"], script);
    let nodes = one["details"]["nodes"].as_array().unwrap();
    assert!(nodes[0]["depth"] == 0 && nodes.len() > 1, "{one}");
    assert!(nodes.iter().any(|node| node["rows"] == 1000), "{one}");
    let hosts: Vec<_> = nodes.iter().filter(|node| node["place"] == "host").collect();
    assert!(
        !hosts.is_empty() && hosts.iter().all(|node| node["reason"].is_string()),
        "every host part has a reason: {one}"
    );
    assert!(one["details"]["timeline"]["elapsed_ms"].as_f64().unwrap() > 0.0, "{one}");

    let overview = get(http, "/api/overview").await.json();
    assert_eq!(
        (&overview["finished"], &overview["failed"], &overview["sees_all"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert_eq!(get(http, "/api/sessions").await.json().as_array().unwrap().len(), 1, "the dashboard makes none");
    for (path, status) in [("/api/queries/none", 404), ("/api/no", 404), ("/api/queries/none/cancel", 405)] {
        assert_eq!(get(http, path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_runs_is_seen_and_cancelled() {
    let (session, seen) = with_endless();
    let (url, http) = serving(session, &[]);
    let mut client = connect(&url).await;
    let info = client.execute("select v from endless where v < 0".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    until("it does not run", async || seen.batches.load(Ordering::SeqCst) > 10).await;
    let queries = get(http, "/api/queries").await.json();
    assert_eq!((&queries[0]["state"], &queries[0]["progress"]), (&json!("running"), &Value::Null), "nobody can tell");
    let id = queries[0]["query_id"].as_str().unwrap();
    let live = get(http, &format!("/api/queries/{id}")).await.json();
    assert_eq!(live["details"]["ended"], "running", "{live}");

    let cancel = format!("POST /api/queries/{id}/cancel");
    let forged = send(http, &cancel, &[], "").await;
    assert!(forged.status == 403 && forged.body.contains("maar-dashboard"), "{}", forged.body);
    let elsewhere = send(http, &cancel, &[CONFIRMED, ("Origin", "http://evil.example.com")], "").await;
    assert_eq!(elsewhere.status, 403);
    let rebound = send(http, &cancel, &[CONFIRMED, ("Host", "evil.example.com")], "").await;
    assert!(rebound.status == 403 && rebound.body.contains("localhost"), "{}", rebound.body);
    let done = send(http, &cancel, &[CONFIRMED, ("Origin", &format!("http://{http}"))], "").await;
    assert_eq!((done.status, &done.json()["state"]), (200, &json!("cancelling")));
    assert!(stream.next().await.unwrap().is_err());
    until("it goes on", async || seen.stopped.load(Ordering::SeqCst) == 1).await;
    until("it is not over", async || {
        let one = get(http, &format!("/api/queries/{id}")).await.json();
        one["query"][0]["state"] == "cancelled" && one["details"]["ended"] == "stopped early"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_users_a_login_comes_first_and_a_reader_sees_his_own() {
    let (url, http) = serving(session(), &[("ada", Role::Reader), ("root", Role::Admin)]);
    for path in ["/api/overview", "/api/queries", "/api/queries/x", "/api/sessions"] {
        let refused = get(http, path).await;
        assert!(refused.status == 401 && refused.head.contains("www-authenticate: bearer"), "{path}: {}", refused.head);
        assert_eq!(get_as(http, path, "00000000000000000000000000000000").await.status, 401, "{path}");
        // A password opens a session, and nothing else.
        assert_eq!(
            send(http, &format!("GET {path}"), &[("Authorization", &basic("root", "secret"))], "").await.status,
            401
        );
    }
    assert_eq!(get(http, "/").await.status, 200, "the page itself is nobody's");
    assert_eq!(get(http, "/metrics").await.status, 200);
    let wrong = send(http, "POST /api/login", &[("Authorization", &basic("ada", "wrong")), CONFIRMED], "").await;
    assert_eq!(wrong.status, 401);
    let unconfirmed = send(http, "POST /api/login", &[("Authorization", &basic("ada", "secret"))], "").await;
    assert_eq!(unconfirmed.status, 403);

    for user in ["ada", "root"] {
        let mut client = connect(&url).await;
        client.handshake(user, "secret").await.unwrap();
        rows(&mut client, &format!("select '{user}'")).await.unwrap();
    }
    let (ada, root) = (log_in(http, "ada").await, log_in(http, "root").await);
    let own = get_as(http, "/api/queries", &ada).await.json();
    assert_eq!(texts(&own, "user"), ["ada"]);
    let all = get_as(http, "/api/queries", &root).await.json();
    assert_eq!(texts(&all, "user"), ["ada", "root"]);
    let roots = all[1]["query_id"].as_str().unwrap();
    assert_eq!(get_as(http, &format!("/api/queries/{roots}"), &ada).await.status, 404);
    let bearer = format!("Bearer {ada}");
    let cancel = format!("POST /api/queries/{roots}/cancel");
    assert_eq!(send(http, &cancel, &[("Authorization", &bearer), CONFIRMED], "").await.status, 404);
    let sessions = get_as(http, "/api/sessions", &ada).await.json();
    assert_eq!(texts(&sessions, "user"), ["ada", "ada"], "hers of Flight and that of this page");
    let overview = get_as(http, "/api/overview", &ada).await.json();
    assert_eq!(
        (&overview["user"], &overview["role"], &overview["sees_all"]),
        (&json!("ada"), &json!("reader"), &json!(false))
    );

    let out = send(http, "POST /api/logout", &[("Authorization", &bearer), CONFIRMED], "").await;
    assert_eq!(out.status, 200);
    assert_eq!(get_as(http, "/api/queries", &ada).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_a_bound() {
    let (_, http) = serving(session(), &[]);
    let long = "x".repeat((4 << 20) + 1);
    assert_eq!(send(http, "POST /api/login", &[CONFIRMED], &long).await.status, 413);
}
