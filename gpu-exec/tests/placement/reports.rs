//! Whole-query rules: small work, devices that are off, metadata, limits and orders.

use maar_gpu_exec::options::{DeviceOption, MaarOptions};
use maar_gpu_exec::planner::{Placement, Policy, estimated_scan_bytes, placements, policy};

use crate::fixture::{Fixture, StandIns};
use crate::host::places;

const FILTERED: &str = "select sum(k) from t where i > 0";

#[tokio::test]
async fn small_work_stays_on_the_cpu_only_when_the_device_is_left_open() {
    let small = Fixture::with(|options| options.device = DeviceOption::Auto).await;
    assert!(!small.explain(FILTERED).await.contains("DeviceExec"));
    let plan = small.plan(FILTERED).await;
    let bytes = estimated_scan_bytes(&plan).unwrap();
    assert!(bytes > 0 && bytes < 32 << 20, "{bytes}");
    let Policy::Host(reason) = policy(&plan, &MaarOptions::default(), true) else { panic!("small work was placed") };
    assert!(reason.to_string().contains("under maar.small_query_bytes = 33554432"), "{reason}");
    let places = placements(&plan, Some(&StandIns), &MaarOptions::default());
    let hosts = places.iter().filter(|p| p.place == Placement::Host { reason: reason.to_string() }).count();
    assert!(hosts >= 2, "{places:?}");

    let required = Fixture::with(|options| {
        options.device = DeviceOption::Auto;
        options.require_device = true;
    });
    assert!(required.await.explain(FILTERED).await.contains("DeviceExec"));
    let unlimited = Fixture::with(|options| {
        options.device = DeviceOption::Auto;
        options.small_query_bytes = 0;
    });
    assert!(unlimited.await.explain(FILTERED).await.contains("DeviceExec"));
}

#[tokio::test]
async fn nothing_is_placed_without_a_device_or_against_the_option() {
    assert!(!Fixture::without_device().await.explain(FILTERED).await.contains("DeviceExec"));
    let cpu = Fixture::with(|options| options.device = DeviceOption::Cpu).await;
    assert!(!cpu.explain(FILTERED).await.contains("DeviceExec"));
    let plan = cpu.plan(FILTERED).await;
    let options = |device| MaarOptions { device, ..MaarOptions::default() };
    let reason = |device, open| match policy(&plan, &options(device), open) {
        Policy::Host(reason) => reason.to_string(),
        Policy::Place => panic!("placed"),
    };
    assert_eq!(reason(DeviceOption::Cpu, true), "maar.device = cpu");
    assert_eq!(reason(DeviceOption::Cuda, false), "no device is open (maar.device = cuda)");
}

#[tokio::test]
async fn options_are_set_and_checked_through_sql() {
    let fixture = Fixture::new().await;
    fixture.context.sql("set maar.device = 'cpu'").await.unwrap();
    assert!(!fixture.explain(FILTERED).await.contains("DeviceExec"));
    fixture.context.sql("set maar.device = emulated").await.unwrap();
    assert!(fixture.explain(FILTERED).await.contains("DeviceExec"));
    let error = fixture.context.sql("set maar.device = gpu").await.unwrap_err().to_string();
    assert!(error.contains("maar.device is one of auto, cuda, emulated, cpu; not 'gpu'"), "{error}");
}

#[tokio::test]
async fn metadata_answers_are_no_fallback() {
    let fixture = Fixture::new().await;
    let mut text = String::new();
    for sql in ["select count(*) from t", "select 1 + 1", "select min(k), max(k) from t", "select * from t where false"]
    {
        text += &format!("{sql}\n{}\n", places(&fixture, sql).await);
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn limits_and_orders_survive() {
    let cases = [
        "select k from t where i > 0 limit 5",
        "select k from t where i > 0 limit 5 offset 2",
        "select distinct s from t limit 2",
        "select k, i from t where i > 0 order by i limit 3",
        "select k from (select k, i from t where i > 0 order by i limit 3) where k > 1",
        "select s, max(k) as m from t group by s order by m desc limit 2",
        "select k from t where i > 0 order by i desc nulls last, s, d limit 3 offset 2",
        "select s from t where i > 0 order by f, i + i",
        "select k + 1 as next from (select k, i from t where i > 0 order by i, k)",
        "select md5(s) from t where i > 0 order by k",
        "select count(*) from (select k from t where i > 0 order by k limit 9)",
        "select k from t order by i",
        "select a.k from t a join t b on a.k = b.k limit 4",
        "select count(*), sum(k) from (select k from t where i > 0 limit 2)",
        "select k + 1 from (select k, i from t where i > 0 limit 2) where i > 5",
        "select * from (select * from (select k from t where i > 0 limit 10 offset 1) limit 5 offset 3) limit 9",
    ];
    let fixture = Fixture::new().await;
    let mut text = String::new();
    for sql in cases {
        text += &format!("{sql}\n{}\n\n", fixture.explain(sql).await);
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn shapes() {
    let cases = [
        "select i, s, count(*), count(d), min(s), max(day), avg(d), avg(i), sum(u), sum(f4) from t group by i, s",
        "select count(*) filter (where i > 0), sum(d) filter (where s like 'a%') from t",
        "select min(distinct i), max(distinct s) from t",
        "select count(distinct i) from t",
        "select distinct i, s from t",
        "select extract(year from day) as y, sum(d) from t group by y having sum(d) > 10",
        "select a.s, b.d from t a join t b on a.i = b.i and a.s = b.s and a.d < b.d where a.k > 1",
        "select a.k from t a join t b on a.k + 1 = b.k",
        "select substr(s, 1, 2), count(*) from t group by 1",
        "select k + 1 as next from t",
        "select s, sum(x) from (select s, stddev(f) as x from t group by s, i) group by s",
        "select t.s, count(*) from t join (values (1), (2)) as v(x) on t.k = v.x group by t.s",
        "select count(*) from t where i not in (1, 2, 3, 4, null)",
        "select count(list) from t where i > 0",
    ];
    let fixture = Fixture::new().await;
    let mut text = String::new();
    for sql in cases {
        text += &format!("{sql}\n{}\n\n", fixture.explain(sql).await);
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn deep_expressions_stay_on_the_host() {
    let fixture = Fixture::new().await;
    let sum = |terms: usize| {
        let terms: Vec<_> = (0..terms).map(|term| format!("k * {term}")).collect();
        format!("select sum({}) from t where i > 0", terms.join(" + "))
    };
    assert!(!places(&fixture, &sum(120)).await.contains("host      Aggregate"));
    let deep = places(&fixture, &sum(200)).await;
    assert!(deep.contains("an expression is nested deeper than 128 levels"), "{deep}");
}

#[tokio::test]
async fn a_limit_added_late_does_not_hide_the_reason() {
    let fixture = Fixture::new().await;
    let text = places(&fixture, "select md5(s) as h, max(k) as m from t group by md5(s) order by m desc limit 2").await;
    assert!(text.contains("lim=[2]") && text.contains("md5(s)"), "{text}");
}
