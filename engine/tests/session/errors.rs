//! What went wrong, where, and what to try: one line a case.

use std::time::Duration;

use futures::StreamExt;
use maar_engine::{ErrorKind, Session};

use crate::support::{error, session};

/// Statement, kind, part of the message, line:column (0:0 when unknown), part of the hint.
const CASES: &[(&str, ErrorKind, &str, &str, &str)] = &[
    ("selec 1", ErrorKind::Syntax, "selec", "1:1", "did you mean SELECT?"),
    ("select id form orders", ErrorKind::Syntax, "orders", "1:16", "did you mean FROM?"),
    ("select id from orders wehre id = 1", ErrorKind::Syntax, "id", "1:29", "did you mean WHERE?"),
    ("select id from orders group id", ErrorKind::Syntax, "group", "1:23", "write GROUP BY"),
    ("select rank() from orders", ErrorKind::Invalid, "rank is a window function", "1:8", "OVER"),
    ("select substr('a')", ErrorKind::Invalid, "substr takes a place", "0:0", "substr(s, 2)"),
    (
        "select id from orders where sum(id) over () > 1",
        ErrorKind::Unsupported,
        "a window function stands",
        "0:0",
        "QUALIFY",
    ),
    (
        "select id from orders where count(*) > 1",
        ErrorKind::Invalid,
        "aggregates are not allowed in WHERE",
        "0:0",
        "HAVING",
    ),
    ("select sum(count(*)) from orders", ErrorKind::Invalid, "aggregates cannot be nested", "0:0", "inner query"),
    ("select id, count(*) from orders", ErrorKind::Invalid, "orders.id is neither in GROUP BY", "1:8", "any_value"),
    ("set foo = 1", ErrorKind::Invalid, "there is no option foo", "0:0", "SHOW ALL"),
    ("show foo", ErrorKind::Invalid, "there is no option foo", "0:0", "SHOW TABLES"),
    ("insert into orders values (1, 2)", ErrorKind::Invalid, "row 1 of VALUES has 2 values, and 3", "0:0", ""),
    ("create table x (a uuid)", ErrorKind::Unsupported, "there is no type UUID", "0:0", "VARCHAR"),
    ("create table x (a int, a int)", ErrorKind::Invalid, "two columns a", "0:0", ""),
    ("drop view zzz", ErrorKind::NotFound, "there is no view 'zzz'", "0:0", "IF EXISTS"),
    ("select id from orders where 'a'", ErrorKind::Invalid, "", "0:0", ""),
    (
        "select shipdate like 5 from orders",
        ErrorKind::Invalid,
        "LIKE compares strings, and these are DATE and BIGINT",
        "0:0",
        "cast",
    ),
    ("select upper(id, 'a') from orders", ErrorKind::Invalid, "upper(BIGINT, VARCHAR)", "0:0", "upper(String)"),
    ("select 'a' + date '2024-01-01' from orders", ErrorKind::Invalid, "", "0:0", ""),
    ("select [1].a", ErrorKind::Invalid, "fields are of structs", "0:0", "l[1]"),
    ("select * from orders, orders", ErrorKind::Invalid, "two tables are called orders", "0:0", "orders"),
    ("select * from orders as o(a)", ErrorKind::Invalid, "there are 3 columns, and 1 names", "0:0", "every column"),
    ("select extract(yeer from shipdate) from orders", ErrorKind::Invalid, "no part 'yeer'", "0:0", "quarter"),
    ("select interval '1 yeer'", ErrorKind::Invalid, "'1 yeer' is no interval", "0:0", "INTERVAL"),
    ("select 5!", ErrorKind::Syntax, "the operator ! is not supported", "1:9", "factorial"),
    ("select * from orders left join orders o", ErrorKind::Invalid, "want a condition", "0:0", "USING"),
    ("select 1 +", ErrorKind::Syntax, "EOF", "1:11", ""),
    ("select (1", ErrorKind::Syntax, "EOF", "1:10", ""),
    ("select 'abc", ErrorKind::Syntax, "Unterminated", "1:8", ""),
    ("select 1\nfrom orders\n  where", ErrorKind::Syntax, "EOF", "3:8", ""),
    ("select 1\nfrom where", ErrorKind::NotFound, "where", "2:6", ""),
    ("", ErrorKind::Syntax, "no statement", "0:0", ""),
    ("select 1; select 2", ErrorKind::Syntax, "more than one", "1:11", "one at a time"),
    ("select shipdat from orders", ErrorKind::NotFound, "shipdat", "1:8", "shipdate"),
    ("select orders.zzz from orders", ErrorKind::NotFound, "orders.zzz", "1:8", "the columns are"),
    ("select o.shipdat from orders o", ErrorKind::NotFound, "o.shipdat", "1:8", "shipdate"),
    ("select Prise from orders", ErrorKind::NotFound, "prise", "1:8", "\"Price\""),
    ("select 1\nfrom order_s", ErrorKind::NotFound, "order_s", "2:6", "orders"),
    ("select * from zzz.orders", ErrorKind::NotFound, "zzz.orders", "1:15", ""),
    ("select summ(id) from orders", ErrorKind::NotFound, "summ", "1:8", "sum"),
    ("select id from orders, orders o2", ErrorKind::Invalid, "mbiguous", "1:8", ""),
    ("select id from orders group by shipdate", ErrorKind::Invalid, "id", "1:8", ""),
    ("select sum(shipdate) from orders", ErrorKind::Invalid, "sum", "0:0", ""),
    ("select cast('x' as int)", ErrorKind::Invalid, "'x'", "0:0", ""),
    ("select cast(1000 as tinyint)", ErrorKind::Invalid, "1000", "0:0", ""),
    ("select date '2024-02-30'", ErrorKind::Invalid, "2024-02-30", "0:0", ""),
    ("select 1 + date '2024-01-01' + true", ErrorKind::Invalid, "", "0:0", ""),
    ("select (select id from orders)", ErrorKind::Invalid, "", "0:0", ""),
    ("select 1 between true and date '2020-01-01'", ErrorKind::Invalid, "BIGINT and BOOLEAN", "0:0", "cast"),
    ("select 1 between 'a' and date '2020-01-01'", ErrorKind::Invalid, "'a'", "0:0", ""),
    (
        "select cast(a as timestamp) from (values ('9999-12-31')) v(a)",
        ErrorKind::Invalid,
        "9999-12-31 00:00:00: a time in nanoseconds",
        "0:0",
        "TIMESTAMP(6)",
    ),
    ("set time_zone = 'Mars/X'", ErrorKind::Invalid, "time_zone cannot be 'Mars/X'", "0:0", "Europe/Berlin"),
    ("drop table zzz", ErrorKind::NotFound, "zzz", "0:0", ""),
    ("set datafusion.execution.batch_siz = 1", ErrorKind::Invalid, "batch_siz", "0:0", ""),
    ("begin", ErrorKind::Unsupported, "", "0:0", ""),
    ("create table orders (a int)", ErrorKind::Invalid, "already exists", "0:0", ""),
];

async fn shop() -> Session {
    let session = session();
    session
        .run_script("create table orders as select * from (values (1, date '2024-01-01', 2.5), (2, date '2024-01-02', 3.5)) v(id, shipdate, \"Price\")")
        .await
        .unwrap();
    session
}

#[tokio::test]
async fn errors_have_kind_place_and_hint() {
    let session = shop().await;
    let mut wrong = Vec::new();
    for (sql, kind, message, place, hint) in CASES {
        let e = error(&session, sql).await;
        let at = e.position().map_or("0:0".to_string(), |p| format!("{}:{}", p.line, p.column));
        let fits = e.kind() == *kind && e.message().contains(message) && at == *place;
        if !fits || !e.hint().unwrap_or_default().contains(hint) {
            wrong.push(format!("{sql:?}\n   {:?} at {at}: {:?} hint {:?}", e.kind(), e.message(), e.hint()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_rendered_error_shows_the_line() {
    let script = "select id,\n       shipdat\nfrom orders";
    let drawn = error(&shop().await, script).await.render(script);
    assert_eq!(
        drawn,
        "there is no column shipdat\nLINE 2:        shipdat\n               ^\nHint: did you mean shipdate?"
    );
}

#[tokio::test]
async fn memory_runs_out_with_a_clear_error() {
    let session = Session::builder().memory_limit(4 << 20).target_partitions(1).build().unwrap();
    let e = error(&session, "select count(*) from (select distinct value, value * 2 as b from generate_series(1, 3000000)) a join generate_series(1, 3000000) b on a.value = b.value").await;
    assert_eq!(e.kind(), ErrorKind::Memory, "{e}");
    assert!(e.hint().is_some_and(|hint| hint.contains("memory_limit")), "{e}");
}

#[tokio::test]
async fn a_large_sort_spills() {
    let session = Session::builder().memory_limit(40 << 20).target_partitions(1).build().unwrap();
    let sql = "select value, value % 1000 as k from generate_series(1, 3000000) order by k desc, value";
    let (mut result, mut rows) = (session.sql(sql).await.unwrap(), 0);
    while let Some(batch) = result.next_batch().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 3_000_000);
    let plan = result.physical_plan().unwrap();
    let mut sort = plan;
    while sort.name() != "SortExec" {
        sort = sort.children()[0];
    }
    assert!(sort.metrics().unwrap().spill_count().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_result_cancels_its_query() {
    let session = session();
    let mut result = session
        .sql("select a.value + b.value from generate_series(1, 10000000) a cross join generate_series(1, 10000000) b")
        .await
        .unwrap();
    result.next().await.unwrap().unwrap();
    drop(result);
    // A plan whose tasks yield between batches: what never yields is not cancelled before its next batch.
    let endless = session.sql("select sum(value % 7) from generate_series(1, 100000000000000)");
    let waited = tokio::time::timeout(Duration::from_millis(300), async { endless.await.unwrap().next().await }).await;
    assert!(waited.is_err(), "it should still run");
    // Memory is given back once the cancelled tasks have seen it.
    for _ in 0..100 {
        if session.context().runtime_env().memory_pool.reserved() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("the cancelled query still holds memory");
}
