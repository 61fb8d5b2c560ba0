//! Parameters of a session.

use maar_flight_server::ServeOptions;
use tokio::net::TcpStream;

use super::client::{Client, client, serve};
use crate::support::session;

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_told_set_and_reset() {
    let address = serve(session(), ServeOptions::default());
    let stream = TcpStream::connect(address).await.unwrap();
    let said = [
        ("user", "ada"),
        ("database", "postgres"),
        ("application_name", "a test"),
        ("DateStyle", "ISO"),
        ("TimeZone", "UTC"),
        ("client_encoding", "utf8"),
        ("options", "-c statement_timeout=90s -c maar.device=cpu"),
    ];
    let mut client = Client::log_in(stream, &said, None).await.unwrap();
    assert!(client.parameters["server_version"].starts_with("16."), "{:?}", client.parameters);
    assert_eq!((&*client.parameters["application_name"], &*client.parameters["integer_datetimes"]), ("a test", "on"));
    assert_eq!(client.rows("show statement_timeout; show maar.device").await, "90s;maar.device,cpu");
    client.query("set application_name = 'another'; set extra_float_digits to 3; set time zone 'Europe/Berlin'").await;
    assert_eq!(
        (&*client.parameters["application_name"], &*client.parameters["TimeZone"]),
        ("another", "Europe/Berlin")
    );
    assert_eq!(
        client.rows("show extra_float_digits; show timezone; show standard_conforming_strings").await,
        "3;Europe/Berlin;on"
    );
    client.query("reset application_name").await;
    assert_eq!(client.parameters["application_name"], "a test");
    for (sql, code) in [
        ("set standard_conforming_strings = off", "22023"),
        ("set client_encoding = 'latin1'", "0A000"),
        ("set datestyle = 'SQL'", "22023"),
        ("set search_path = nowhere", "3F000"),
        ("set local timezone = 'UTC'", "0A000"),
        ("set role admin", "0A000"),
    ] {
        assert_eq!(client.query(sql).await.code(), code, "{sql}");
    }
    client.query("create schema s; create table s.t as select 1 as n; set search_path to \"$user\", s").await;
    assert_eq!(client.rows("select n from t").await, "1");
    client.query("reset all").await;
    assert_eq!(client.query("select n from t").await.code(), "42P01");
    assert_eq!(
        client.rows("show statement_timeout; show maar.device").await,
        "90s;maar.device,cpu",
        "as the connection began"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_given_back_as_it_was() {
    let mut client = client().await;
    client.parse("kept", "select 1", &[]).await;
    client.sync().await;
    client.query("create temp table t as select 1 as n; set statement_timeout = 5000; set datafusion.execution.batch_size = 77").await;
    assert_eq!(client.query("discard all").await.tags, ["DISCARD ALL"]);
    assert_eq!(client.query("select * from t").await.code(), "42P01");
    assert_eq!(
        client.rows("show statement_timeout; show datafusion.execution.batch_size").await,
        "0;datafusion.execution.batch_size,8192"
    );
    client.bind("", "kept", &[], (0, 0)).await;
    assert_eq!(client.sync().await.code(), "26000");
    for (sql, tag) in [("unlisten *", "UNLISTEN"), ("close all", "CLOSE CURSOR ALL"), ("reset all", "RESET")] {
        assert_eq!(client.query(sql).await.tags, [tag]);
    }
    assert_eq!(client.rows("select count(*) from maar.system.sessions").await, "1", "the other session has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_connected_with_is_what_it_goes_back_to() {
    let address = serve(session(), ServeOptions::default());
    Client::connect(address).await.query("create schema s; create table s.t as select 1 as n").await;
    let said = [
        ("user", "ada"),
        ("TimeZone", "Europe/Berlin"),
        ("options", "-c search_path=s -c datafusion.execution.batch_size=77"),
    ];
    for back in ["reset all", "discard all"] {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Client::log_in(stream, &said, None).await.unwrap();
        let others = "set timezone = 'UTC'; set search_path = public; set datafusion.execution.batch_size = 99";
        assert_eq!(client.query(others).await.tags.len(), 3);
        assert!(client.query(back).await.errors.is_empty());
        let now = client
            .rows("show datafusion.execution.batch_size; show datafusion.execution.time_zone; select n from t")
            .await;
        let expected = "datafusion.execution.batch_size,77;datafusion.execution.time_zone,Europe/Berlin;1";
        assert_eq!(now, expected, "{back}");
    }
}
