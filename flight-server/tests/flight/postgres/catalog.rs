//! What psql, psycopg, SQLAlchemy and BI tools ask of `pg_catalog`.

use super::client::{Client, client, serve};
use crate::support::session;
use maar_flight_server::ServeOptions;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sees_its_own_tables_and_nobody_elses() {
    let address = serve(session(), ServeOptions::default());
    let (mut one, mut two) = (Client::connect(address).await, Client::connect(address).await);
    one.query("create table everyones (n bigint, w varchar); create temp table mine as select 1 as n; create view v as select 1 as one").await;
    let tables = "select relname, relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'public' order by 1";
    assert_eq!(one.rows(tables).await, "everyones,r;mine,r;v,v");
    assert_eq!(two.rows(tables).await, "everyones,r;v,v");
    assert_eq!(
        two.rows("select count(*) from pg_class where relname in ('queries', 'settings') and relkind = 'r'").await,
        "0",
        "of maar.system"
    );
    let columns = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'everyones'::regclass and attnum > 0 order by attnum";
    assert_eq!(two.rows(columns).await, "n,bigint;w,text");
    one.query("create table typed (d decimal(10, 2), i interval, l bigint[], t text[], s struct<a int>, \"1 ü\" int not null)")
        .await;
    let columns =
        columns.replace("everyones", "typed").replace("select", "select atttypid, atttypmod, attndims, attnotnull,");
    let typed = "1700,655366,0,f,d,numeric(10,2);1186,-1,0,f,i,interval;1016,-1,1,f,l,bigint[];1009,-1,1,f,t,text[];114,-1,0,f,s,json;23,-1,0,t,1 ü,integer";
    assert_eq!(two.rows(&columns).await, typed);
    assert_eq!(
        two.rows("select table_name from information_schema.tables where table_schema = 'public' order by 1").await,
        "everyones;typed;v"
    );
    assert!(!two.rows("show tables").await.contains("pg_class"));
    assert_eq!(two.query("create table pg_catalog.x (n bigint)").await.errors.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tools_begin_with_is_answered() {
    let mut client = client().await;
    client.query("create table t (n bigint, w varchar)").await;
    for (sql, expected) in [
        ("select current_schema()", "public"),
        ("select pg_catalog.current_schema()", "public"),
        ("select current_database()", "datafusion"),
        ("select current_user", "maar"),
        ("select session_user", "maar"),
        ("show transaction isolation level", "read committed"),
        ("select pg_is_in_recovery()", "f"),
        ("select pg_catalog.pg_get_userbyid(10)", "maar"),
        ("select 't'::regclass::oid > 0", "t"),
        ("select typname from pg_type where oid = 23", "int4"),
        ("select 'public' = any(current_schemas(true))", "t"),
        ("select obj_description('t'::regclass, 'pg_class')", "NULL"),
        ("select has_table_privilege('t', 'select')", "t"),
        ("select rolname from pg_roles", "maar"),
    ] {
        assert_eq!(client.rows(sql).await, expected, "{sql}");
    }
    assert!(client.rows("select version()").await.starts_with("PostgreSQL 16."));
    assert!(client.rows("select pg_catalog.version()").await.starts_with("PostgreSQL 16."));
}

/// What psql 17 sends for `\d`, `\dt`, `\dn`, `\l`, `\d t`.
const PSQL: &[(&str, &str)] = &[
    (
        r#"SELECT n.nspname as "Schema", c.relname as "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END as "Type",
  pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN ('r','p','v','m','S','f','')
      AND n.nspname <> 'pg_catalog'
      AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2;"#,
        "public,t,table,maar",
    ),
    (
        r#"SELECT n.nspname AS "Name", pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner"
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1;"#,
        "public,maar",
    ),
    (
        r"SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 2, 3;",
        ",public,t",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn psql_describes_tables() {
    let mut client = client().await;
    client.query("create table t (n bigint, w varchar)").await;
    for (sql, expected) in PSQL {
        let answer = client.query(sql).await;
        assert!(answer.errors.is_empty() && answer.text().ends_with(expected), "{sql}: {answer:?}");
    }
}
