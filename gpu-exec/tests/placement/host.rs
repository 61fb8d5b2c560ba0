//! What stays on the host: the reason of the first operator at fault, query by query.

use maar_gpu_exec::planner::{Placement, placements_given, require_device_error};

use crate::fixture::{Fixture, StandIns};

/// The places of a query's operators, one a line.
pub(crate) async fn places(fixture: &Fixture, sql: &str) -> String {
    let plan = fixture.plan(sql).await;
    let line = |operator: maar_gpu_exec::planner::OperatorPlacement| match operator.place {
        Placement::Device => format!("device    {}\n", operator.operator),
        Placement::Metadata => format!("metadata  {}\n", operator.operator),
        Placement::Movement => format!("movement  {}\n", operator.operator),
        Placement::Host { reason } => format!("host      {}  <- {reason}\n", operator.operator),
    };
    placements_given(&plan, &StandIns, None).into_iter().map(line).collect()
}

#[tokio::test]
async fn reasons() {
    let cases = [
        "select k from t where md5(s) = 'x'",
        "select stddev(f) from t",
        "select count(distinct i), sum(k) from t",
        "select sum(distinct k), count(*) from t",
        "select array_agg(k order by i) from t",
        "select min(wide) from t",
        "select i, s, count(*) from t group by rollup(i, s)",
        "select f, count(*) from t group by f",
        "select a.k from t a left join t b on a.k = b.k",
        "select a.k, b.i from t a full join t b on a.k = b.i",
        "select k from t where k in (select k from t where i > 0)",
        "select k from t where k not in (select k from t where i > 0)",
        "select a.k from t a, t b where a.i < b.i",
        "select a.k from t a cross join t b",
        "select a.k from t a join t b on a.f = b.f",
        "select a.k from t a join t b on a.i is not distinct from b.i",
        "select a.k from t a join t b on a.k = b.k and a.s < b.s",
        "select k, row_number() over (order by i) from t",
        "select k, row_number() over () from t",
        "select k, sum(i) filter (where k > 0) over (order by i), lag(i) ignore nulls over (order by i) from t",
        "select k, sum(f) over (order by i rows 3 preceding) from t",
        "select k, max(i) over (order by i rows between 2 preceding and 1 following) from t",
        "select k, sum(i) over (order by i range between 2 preceding and current row) from t",
        "select k from t where i > 0 union all select k from t where i < 0",
        "select list from t where i > 0",
        "select k from t",
        "select k from t limit 2",
        "select k as renamed from t",
        "select 'x' as x from t where i > 0",
        "select sum(x) from (values (1), (2)) as v(x)",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select sum(n) from r",
        "select k from (select k, i from t order by f limit 2) where i > 0",
        "select k from t order by i limit 3",
        "select k from t where i > 0 order by md5(s), k",
        "select a.k from (select k from t where i > 0 order by d limit 3) a join t b on a.k = b.k",
        "select k from (select k, i from t where i > 0 limit 9) order by i",
    ];
    let fixture = Fixture::new().await;
    let mut text = String::new();
    for sql in cases {
        text += &format!("{sql}\n{}\n", places(&fixture, sql).await);
    }
    insta::assert_snapshot!(text.replace("/tmp/", ""));
}

#[tokio::test]
async fn require_device_names_the_first_operator_at_fault() {
    let fixture = Fixture::with(|options| options.require_device = true).await;
    let error = |plan| require_device_error(&placements_given(&plan, &StandIns, None));
    let host = error(fixture.plan("select sum(k) from t where i > 0 and md5(s) = 'x'").await).unwrap();
    assert!(host.contains("FilterExec") && host.contains("md5(s)"), "{host}");
    assert!(host.contains("SET maar.require_device = false"), "{host}");
    let device = fixture.plan("select s, sum(k) from t where i > 0 group by s").await;
    assert_eq!(error(device), None);
    let counted = fixture.plan("select count(*) from t").await;
    assert_eq!(error(counted), None);
    let subquery = fixture.plan("select count(*) from t where d > (select avg(d) from t)").await;
    assert_eq!(error(subquery), None);
    let sorted = fixture.plan("select sum(k) as x from t group by s order by x").await;
    assert_eq!(error(sorted), None);
    let ranked = fixture.plan("select rank() over (order by k) from t where i > 0").await;
    assert_eq!(error(ranked), None);
    let ignoring = "select lag(k) ignore nulls over (order by k) from t where i > 0";
    let ignoring = error(fixture.plan(ignoring).await).unwrap();
    assert!(ignoring.contains("IGNORE NULLS has no device form yet"), "{ignoring}");
}
