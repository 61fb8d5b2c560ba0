//! TPC-H shapes end to end.

use crate::fixture::Fixture;

#[tokio::test]
async fn q6() {
    let sql = "select sum(l_extendedprice * l_discount) as revenue from lineitem
        where l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' year
        and l_discount between 0.06 - 0.01 and 0.06 + 0.01 and l_quantity < 24";
    insta::assert_snapshot!(Fixture::new().await.explain(sql).await);
}

#[tokio::test]
async fn q1() {
    let sql = "select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price,
        sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
        sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge,
        avg(l_quantity) as avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order
        from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day
        group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus";
    insta::assert_snapshot!(Fixture::new().await.explain(sql).await);
}

#[tokio::test]
async fn q3() {
    let sql = "select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
        from customer, orders, lineitem
        where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey
        and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15'
        group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10";
    insta::assert_snapshot!(Fixture::new().await.explain(sql).await);
}

#[tokio::test]
async fn q14() {
    let sql = "select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end)
        / sum(l_extendedprice * (1 - l_discount)) as promo_revenue
        from lineitem, part where l_partkey = p_partkey
        and l_shipdate >= date '1995-09-01' and l_shipdate < date '1995-09-01' + interval '1' month";
    insta::assert_snapshot!(Fixture::new().await.explain(sql).await);
}

#[tokio::test]
async fn scalar_subquery_is_deferred() {
    let sql = "select count(*) from lineitem where l_quantity < (select avg(l_quantity) from lineitem) * 0.2";
    insta::assert_snapshot!(Fixture::new().await.explain(sql).await);
}
