//! What a server says of itself: its tables, whose rows each sees, and the end of a query by its id.

use maar_flight_server::{Limits, Role};
use tonic::Code;

use crate::cancel::{next_code, with_endless};
use crate::roles::with_users;
use crate::support::{Client, connect, rows, serve, serve_within, session, status, with_file};

/// One of each role.
async fn three(url: &str) -> [Client; 3] {
    let mut clients = [connect(url).await, connect(url).await, connect(url).await];
    for (client, name) in clients.iter_mut().zip(["ada", "bob", "eve"]) {
        client.handshake(name, "secret").await.unwrap();
    }
    clients
}

const ROLES: &[(&str, Role)] = &[("ada", Role::Reader), ("bob", Role::Writer), ("eve", Role::Admin)];

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_his_own_queries_and_the_administrator_all() {
    let url = with_users(session(), ROLES);
    let [mut reader, mut writer, mut admin] = three(&url).await;
    rows(&mut writer, "create table t as values (1), (2), (3)").await.unwrap();
    rows(&mut reader, "select column1 from t").await.unwrap();
    rows(&mut reader, "select column1 / 0 from t").await.unwrap_err();
    let seen =
        "select \"user\", state, \"rows\", device, query from maar.system.queries where query not like '%system%'";
    let adas = "ada,finished,3,cpu,select column1 from t;ada,failed,0,cpu,select column1 / 0 from t";
    assert_eq!(rows(&mut reader, seen).await.unwrap(), adas);
    let bobs = "bob,finished,0,cpu,create table t as values (1), (2), (3)";
    assert_eq!(rows(&mut writer, seen).await.unwrap(), bobs);
    assert_eq!(rows(&mut admin, seen).await.unwrap(), format!("{bobs};{adas}"));
    let failed = "select error from maar.system.queries where state = 'failed'";
    assert!(rows(&mut admin, failed).await.unwrap().contains("zero"));
    let facts = "select elapsed_seconds >= running_seconds, bytes > 0, started > now() - interval '1 hour', query_id like '%\\_0%'
                 from maar.system.queries where query = 'select column1 from t'";
    assert_eq!(rows(&mut reader, facts).await.unwrap(), "true,true,true,true");

    let sessions = "select \"user\", role, is_own from maar.system.sessions order by 1";
    assert_eq!(rows(&mut reader, sessions).await.unwrap(), "ada,reader,true");
    assert_eq!(rows(&mut admin, sessions).await.unwrap(), "ada,reader,false;bob,writer,false;eve,admin,true");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_query_does_shows_while_it_does_it() {
    let (session, _) = with_endless();
    let url = serve_within(session, Limits::default());
    let (mut client, mut other) = (connect(&url).await, connect(&url).await);
    let info = client.execute("select v from endless".to_owned(), None).await.unwrap();
    let states = "select state from maar.system.queries where query = 'select v from endless'";
    assert_eq!(rows(&mut other, states).await.unwrap(), "planned");
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(rows(&mut other, states).await.unwrap(), "running");
    let busy = "select running, waiting_statements from maar.system.sessions where not is_own";
    assert_eq!(rows(&mut other, busy).await.unwrap(), "1,0");
    drop(stream);
    let mut tries = 0;
    while rows(&mut other, states).await.unwrap() != "cancelled" {
        tries += 1;
        assert!(tries < 500, "it is not noticed that nobody reads any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_the_queries_of_others() {
    let (session, _) = with_endless();
    let url = with_users(session, ROLES);
    let [mut reader, mut writer, mut admin] = three(&url).await;
    let info = reader.execute("select v from endless".to_owned(), None).await.unwrap();
    let mut stream = reader.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
    let id = "select query_id from maar.system.queries where query like '%endless' and state = 'running'";
    let id = rows(&mut admin, id).await.unwrap();
    let kill = format!("CALL maar.system.kill_query('{id}')");
    let refused = status(rows(&mut writer, &kill).await);
    assert!(refused.message().contains("no query") && refused.message().contains("admin"), "{refused}");
    assert_ne!(refused.code(), Code::Internal);
    assert_eq!(rows(&mut admin, &kill).await.unwrap(), "cancelling");
    assert_eq!(next_code(&mut stream).await, Code::Cancelled);
    assert_eq!(rows(&mut admin, &kill).await.unwrap(), "cancelled", "twice is no error");

    // A change of one's own, by the function.
    let mut changing = writer.clone();
    let change = tokio::spawn(async move {
        changing.execute_update("create table t as select v from endless where v < 0".to_owned(), None).await
    });
    let mine = "select maar.system.kill_query(query_id) from maar.system.queries where query like 'create%' and state = 'running'";
    while rows(&mut writer, mine).await.unwrap().is_empty() {}
    assert_eq!(status(change.await.unwrap()).code(), Code::Cancelled);
    // One that waits for its client.
    let info = reader.execute("select v from endless".to_owned(), None).await.unwrap();
    let waits = "select maar.system.kill_query(query_id) from maar.system.queries where state = 'planned'";
    assert_eq!(rows(&mut admin, waits).await.unwrap(), "cancelling");
    assert_eq!(rows(&mut admin, waits).await.unwrap(), "");
    let gone = reader.do_get(info.endpoint[0].ticket.clone().unwrap()).await.map(|_| ());
    assert_eq!(status(gone).code(), Code::Cancelled);
    // What is only explained ends nothing.
    rows(&mut admin, &format!("explain select maar.system.kill_query('{id}')")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_shown() {
    let mut client = serve(session()).await;
    let sql = "create external table t (a int) stored as csv location 's3://u:pass@b/t' options ('aws.secret_access_key' 'hush')";
    rows(&mut client, sql).await.unwrap_err();
    let shown = rows(&mut client, "select query from maar.system.queries where query like 'create%'").await.unwrap();
    assert!(shown.contains("'aws.secret_access_key' '***'") && !shown.contains("hush"), "{shown}");
    assert!(!shown.contains("pass@"), "{shown}");
    // Nor in a plan, where values have no quotes.
    rows(&mut client, "create table logins as select 'ada' as name, 'hush' as password").await.unwrap();
    rows(&mut client, "select name from logins where password = 'hush'").await.unwrap();
    let plans = "select operator from maar.system.operators where \"number\" = 0 and query_id in
                 (select query_id from maar.system.queries where query like 'select name from logins%')";
    assert_eq!(rows(&mut client, plans).await.unwrap(), "FilterExec: password@1 = ***");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_say_whose_they_are() {
    let url = serve_within(session(), Limits { running: 7, ..Limits::default() });
    let mut client = connect(&url).await;
    rows(&mut client, "set datafusion.execution.batch_size = 100").await.unwrap();
    let settings = "select name, value, scope from maar.system.settings where name in
                    ('maar.device_memory', 'datafusion.execution.batch_size', 'maar.server.max_running') order by name";
    let told =
        "datafusion.execution.batch_size,100,session;maar.device_memory,auto,server;maar.server.max_running,7,server";
    assert_eq!(rows(&mut client, settings).await.unwrap(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_or_dropped_among_them() {
    let mut client = serve(session()).await;
    for sql in [
        "drop table maar.system.queries",
        "create table maar.system.mine as values (1)",
        "create schema maar.mine",
        "insert into maar.system.sessions select * from maar.system.sessions",
    ] {
        let refused = status(rows(&mut client, sql).await);
        assert_ne!(refused.code(), Code::Internal, "{sql}: {refused}");
    }
    assert_eq!(rows(&mut client, "select count(*) > 0 from maar.system.queries").await.unwrap(), "true");
    rows(&mut client, "create table t as values (1)").await.unwrap();
    assert_eq!(rows(&mut client, "show tables").await.unwrap(), "datafusion,public,t,BASE TABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_say_what_each_did() {
    let (mut client, _folder) = with_file().await;
    let sql = "select name from t where amount > 0";
    rows(&mut client, sql).await.unwrap();
    let own = format!(
        "from maar.system.operators where query_id in (select query_id from maar.system.queries where query = '{sql}')"
    );
    let first =
        format!("select number, depth, \"rows\", place = 'host', reason is not null {own} order by number limit 1");
    assert_eq!(rows(&mut client, &first).await.unwrap(), "0,0,2,true,true");
    let scan =
        format!("select \"bytes\" > 0, spilled_bytes, kernel_ms is null {own} and operator like 'DataSourceExec%'");
    assert_eq!(rows(&mut client, &scan).await.unwrap(), "true,0,true");
    let other =
        "select count(*) from maar.system.operators where query_id not in (select query_id from maar.system.queries)";
    assert_eq!(rows(&mut client, other).await.unwrap(), "0");

    let url = with_users(session(), ROLES);
    let [mut reader, mut writer, mut admin] = three(&url).await;
    rows(&mut reader, "select count(*) from range(0, 10)").await.unwrap();
    let seen =
        "select count(distinct query_id) from maar.system.operators o join maar.system.queries q using (query_id)
                where q.query = 'select count(*) from range(0, 10)'";
    for (client, count) in [(&mut reader, "1"), (&mut writer, "0"), (&mut admin, "1")] {
        assert_eq!(rows(client, seen).await.unwrap(), count);
    }
    assert_eq!(rows(&mut writer, "select count(*) from maar.system.object_stores").await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_are_counted() {
    let (mut client, _folder) = with_file().await;
    rows(&mut client, "select sum(amount) from t").await.unwrap();
    let footers = "select cache, entries, \"bytes\" between 1 and bytes_max, hits is null, device is null
                   from maar.system.caches where cache in ('file_ends', 'footers') order by cache";
    assert_eq!(rows(&mut client, footers).await.unwrap(), "file_ends,1,true,true,true;footers,1,true,true,true");
    let plans = "select entries, entries_max from maar.system.caches where cache = 'plans'";
    assert_eq!(rows(&mut client, plans).await.unwrap(), "0,0", "of the CPU none are kept");
}
