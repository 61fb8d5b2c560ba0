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

#[tokio::test]
async fn a_time_without_zone_is_one_of_the_sessions_zone_wherever_it_meets_one_with_a_zone() {
    let session = in_zone("America/New_York").await;
    session
        .run_script(
            "create table m as select timestamp '2024-06-01 12:00:00' as ts,
             arrow_cast('2024-06-01T16:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))') as tz",
        )
        .await
        .unwrap();
    let expected = [
        ("select coalesce(ts, tz) = tz, case when false then tz else ts end = tz from m", "true,true"),
        ("select greatest(ts, tz) = tz, nullif(ts, tz), ifnull(ts, tz) = tz from m", "true,,true"),
        ("select case ts when tz then 1 end from m", "1"),
        ("select count(*) from (select ts from m union select tz from m)", "1"),
        ("select count(*) from (select tz from m union all select ts from m) where tz = '2024-06-01T16:00:00Z'", "2"),
        ("select count(*) from (select tz from m intersect select ts from m)", "1"),
        ("select count(*) from m where tz in (select ts from m)", "1"),
        ("select count(*) from m where tz = any(select ts from m)", "1"),
        ("select array_distinct([ts, tz]) = [tz] from m", "true"),
        (
            "select count(distinct a) from (values (timestamp '2024-06-01 12:00:00'),
             (arrow_cast('2024-06-01T16:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))'))) v(a)",
            "1",
        ),
        ("select date_part('hour', cast(ts at time zone 'Asia/Kolkata' as timestamp)) from m", "12"),
    ];
    all_give(&session, &expected).await;
    session.run_script("create table stored as select tz from m; insert into stored select ts from m").await.unwrap();
    session.run_script("insert into stored values (timestamp '2024-06-01 12:00:00')").await.unwrap();
    all_give(&session, &[("select count(distinct tz), count(*) from stored", "1,3")]).await;
    let written = "insert into stored values (timestamp '2024-06-01 16:00:00' at time zone 'UTC')";
    session.run_script(written).await.unwrap();
    all_give(&session, &[("select count(distinct tz), count(*) from stored", "1,4")]).await;
}

#[tokio::test]
async fn texts_are_local_times_as_well() {
    let session = in_zone("America/New_York").await;
    session
        .run_script(
            "create table w as select * from (values (1, '2024-03-10 02:30:00'), (2, '2024-11-03 01:30:00'),
             (3, '2024-03-10T02:30:00Z'), (4, null)) v(id, t)",
        )
        .await
        .unwrap();
    let expected = [
        (
            "select id, cast(date_part('epoch', cast(t as timestamptz)) as bigint) from w order by id",
            "1,1710055800;2,1730615400;3,1710037800;4,",
        ),
        ("select count(try_cast(t as timestamptz)), count(try_cast(t || 'x' as timestamptz)) from w", "3,0"),
    ];
    all_give(&session, &expected).await;
    let refused = cells(&session, "select cast('x' || t as timestamptz) from w").await.unwrap_err();
    assert_eq!(refused.kind(), maar_engine::ErrorKind::Invalid);
    assert!(refused.message().contains("x2024-03-10 02:30:00"), "{refused}");
}

#[tokio::test]
async fn the_ends_of_nanoseconds_have_a_zone_or_an_error_of_the_users() {
    for (zone, error) in [("America/New_York", true), ("Asia/Kolkata", false)] {
        let session = in_zone(zone).await;
        let sql = "select id from z where tz in (timestamp '2262-04-11 23:47:16.854775807', null, null)";
        assert_eq!(cells(&session, sql).await.unwrap(), "");
        let cast = "select cast(timestamp '2262-04-11 23:47:16.854775807' as timestamptz)";
        match cells(&session, cast).await {
            Ok(found) => assert!(!error && found.starts_with("2262-04-11T23:47:16"), "{zone}: {found}"),
            Err(found) => {
                assert!(error && found.kind() == maar_engine::ErrorKind::Invalid, "{zone}: {found}");
                assert!(found.message().contains("2262-04-11"), "{found}");
            }
        }
        let beyond = "select arrow_cast(0, 'Timestamp(ms, \"Australia/Adelaide\")') >= timestamp '9999-12-31'";
        assert_eq!(cells(&session, beyond).await.unwrap(), "false");
    }
}

#[tokio::test]
async fn a_zone_that_is_none_is_refused_when_it_is_set() {
    let session = session();
    for name in ["time_zone", "TimeZone", "datafusion.execution.time_zone"] {
        let refused = cells(&session, &format!("set {name} = 'Mars/X'")).await.unwrap_err();
        assert!(refused.message().contains("datafusion.execution.time_zone cannot be 'Mars/X'"), "{refused}");
        assert!(refused.hint().is_some());
    }
    assert!(cells(&session, "set time zone 'Mars/X'").await.is_err());
    assert!(Session::builder().option("datafusion.execution.time_zone", "Mars/X").build().is_err());
    session.run_script("set time_zone = 'Asia/Tokyo'; set time zone '+02:00'").await.unwrap();
    all_give(&session, &[("select cast(timestamptz '2024-01-01T00:00:00Z' as timestamp)", "2024-01-01T02:00:00")])
        .await;
}

#[tokio::test]
async fn differences_of_times_with_and_without_zone_are_those_of_instants() {
    let session = session();
    cells(&session, "set timezone = 'America/New_York'").await.unwrap();
    let times = "(values (timestamp '2024-01-01 00:00:00', timestamptz '2024-01-01 00:00:00+00')) v(t, z)";
    for (sql, expected) in [
        ("t - z = arrow_cast(18000, 'Duration(s)')", "true"),
        ("z - t = arrow_cast(-18000, 'Duration(s)')", "true"),
        ("z - z = arrow_cast(0, 'Duration(s)')", "true"),
        ("z - interval '1 day' = timestamptz '2023-12-31 00:00:00+00'", "true"),
    ] {
        assert_eq!(cells(&session, &format!("select {sql} from {times}")).await.unwrap(), expected, "{sql}");
    }
}

#[tokio::test]
async fn hours_between_times_with_a_zone_are_those_that_passed() {
    let session = session();
    cells(&session, "set timezone = 'Europe/Berlin'").await.unwrap();
    let times = "timestamptz '2024-03-31 00:30:00+00' as a, timestamptz '2024-03-31 02:30:00+00' as b";
    let sql = format!(
        "select date_diff('hour', a, b), date_diff('minute', a, b), date_sub('hour', a, b) from (select {times})"
    );
    assert_eq!(cells(&session, &sql).await.unwrap(), "2,120,2");
    let plain = "select date_diff('hour', timestamp '2024-03-31 01:30:00', timestamp '2024-03-31 04:30:00')";
    assert_eq!(cells(&session, plain).await.unwrap(), "3");
}
