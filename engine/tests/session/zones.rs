//! Times without zone and times with one, in sessions whose zone is not UTC. DuckDB 1.5.5 gives the same.

use maar_engine::Session;

use crate::support::{cells, session};

/// `ts` has no zone, `tz` is of UTC, `g` lies in and beside New York's changes of clocks in 2024.
const TABLE: &str = "create table z as select id, ts, arrow_cast(ts, 'Timestamp(Microsecond, Some(\"UTC\"))') as tz, g,
    cast(ts as date) as d from (values
    (1, timestamp '2024-11-01 00:00:00', timestamp '2024-03-10 02:30:00'),
    (2, timestamp '2024-11-01 08:00:00', timestamp '2024-11-03 01:30:00'),
    (3, timestamp '2024-06-30 23:30:00', timestamp '2024-03-10 01:59:00'),
    (4, null, timestamp '2024-11-03 02:00:00')) v(id, ts, g)";

async fn in_zone(zone: &str) -> Session {
    let session = session();
    session.run_script(TABLE).await.unwrap();
    session.run_script(&format!("set datafusion.execution.time_zone = '{zone}'")).await.unwrap();
    session
}

async fn all_give(session: &Session, expected: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (sql, rows) in expected {
        match cells(session, sql).await {
            Ok(found) if found == *rows => {}
            other => wrong.push(format!("{sql}\n   gave {other:?} instead of {rows}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_time_without_zone_is_one_of_the_sessions_zone() {
    let session = in_zone("Asia/Singapore").await;
    let expected = [
        ("select id from z where cast(ts as timestamptz) = cast('2024-10-31T16:00:00Z' as timestamptz)", "1"),
        ("select id from z where ts = cast('2024-11-01T00:00:00Z' as timestamptz)", "2"),
        ("select id from z where ts >= cast('2024-10-31T20:00:00Z' as timestamptz)", "2"),
        ("select id from z where ts < tz order by id", "1;2;3"),
        ("select id from z where tz = ts", ""),
        ("select id from z where ts in (cast('2024-10-31T16:00:00Z' as timestamptz))", "1"),
        ("select id from z where ts in (select tz from z)", "2"),
        ("select id from z where tz in (timestamp '2024-11-01 08:00:00', timestamp '2024-11-01 09:00:00')", "1"),
        ("select id from z where tz between timestamp '2024-11-01 08:00:00' and timestamp '2024-11-01 15:00:00'", "1"),
        ("select id from z where tz >= date '2024-11-01' order by id", "1;2"),
        ("select id from z where tz >= '2024-11-01 08:00:01' order by id", "2"),
        ("select id from z where d = tz", ""),
        ("select a.id, b.id from z a join z b on a.ts = b.tz", "2,1"),
        ("select count(*) from z a, z b where a.ts > b.tz", "2"),
        ("select id from z where tz is distinct from ts order by id", "1;2;3"),
        ("select cast(cast('2024-10-31T16:00:00Z' as timestamptz) as timestamp)", "2024-11-01T00:00:00"),
    ];
    all_give(&session, &expected).await;
}

#[tokio::test]
async fn a_skipped_time_has_the_offset_from_before_and_a_repeated_one_is_the_later() {
    let session = in_zone("America/New_York").await;
    let expected = [
        (
            "select id, cast(date_part('epoch', cast(g as timestamptz)) as bigint) from z order by id",
            "1,1710055800;2,1730615400;3,1710053940;4,1730617200",
        ),
        ("select count(*) from z where cast(g as timestamptz) < cast('2024-11-03T06:00:00Z' as timestamptz)", "2"),
        ("select cast(date_part('epoch', timestamptz '2024-03-10 02:30:00') as bigint)", "1710055800"),
        ("select cast(date_part('epoch', timestamptz '2024-11-03 01:30:00') as bigint)", "1730615400"),
        ("select id from z where cast(cast(g as timestamptz) as timestamp) = g order by id", "2;3;4"),
    ];
    all_give(&session, &expected).await;
}
