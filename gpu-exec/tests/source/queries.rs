//! The source of known queries, as files: reviewed like code. One query a shape of pipeline.

use crate::data::SMALL;
use crate::generated::Generated;

/// One query of this file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    /// With `{}` for each literal.
    pub(crate) sql: &'static str,
    /// Literals of one set of types and width classes, as alternatives.
    pub(crate) literals: &'static [&'static [&'static str]],
}

pub(crate) const QUERIES: &[Query] = &[
    Query {
        name: "q1",
        sql: "select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price,
            sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
            sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge,
            avg(l_quantity) as avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc,
            count(*) as count_order
            from lineitem where l_shipdate <= date '{}' - interval '{}' day
            group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus",
        literals: &[&["1998-12-01", "90"], &["1995-02-03", "7"], &["1993-01-17", "60"]],
    },
    Query {
        name: "q3",
        sql: "select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
            from customer, orders, lineitem
            where c_mktsegment = '{}' and c_custkey = o_custkey and l_orderkey = o_orderkey
            and o_orderdate < date '{}' and l_shipdate > date '{}'
            group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit {}",
        literals: &[
            &["BUILDING", "1995-03-15", "1995-03-15", "10"],
            &["MACHINERY", "1996-01-02", "1994-11-30", "7"],
            &["no such segment", "1993-01-02", "1998-08-01", "1000"],
        ],
    },
    Query {
        name: "q6",
        sql: "select sum(l_extendedprice * l_discount) as revenue from lineitem
            where l_shipdate >= date '{}' and l_shipdate < date '{}' + interval '1' year
            and l_discount between {} - 0.01 and {} + 0.01 and l_quantity < {}",
        literals: &[
            &["1994-01-01", "1994-01-01", "0.06", "0.06", "24"],
            &["1997-06-30", "1997-06-30", "0.02", "0.02", "25"],
            &["1993-02-03", "1993-02-03", "0.09", "0.09", "49"],
        ],
    },
    Query {
        name: "q14",
        sql: "select {} * sum(case when p_type like '{}' then l_extendedprice * (1 - l_discount) else 0 end)
            / sum(l_extendedprice * (1 - l_discount)) as promo_revenue
            from lineitem, part where l_partkey = p_partkey
            and l_shipdate >= date '{}' and l_shipdate < date '{}' + interval '1' month",
        literals: &[
            &["100.00", "PROMO%", "1995-09-01", "1995-09-01"],
            &["31.50", "%STEEL", "1993-02-01", "1993-02-01"],
            &["77.25", "%MALL%", "1996-07-01", "1996-07-01"],
        ],
    },
    Query {
        name: "nulls",
        sql: "select e_kind, count(*), count(e_small), sum(e_small), min(e_large), max(e_ratio)
            from events where (e_small > {} or e_large < {}) and e_ratio < {} group by e_kind",
        literals: &[&["12", "34567890123", "500.5"], &["-99", "-98765432109", "17.25"]],
    },
    Query {
        name: "hash_groups",
        sql: "select e_large, sum(e_ratio), count(*) from events where e_small between {} and {} group by e_large",
        literals: &[&["-12", "34"], &["17", "99"]],
    },
    Query {
        name: "comments",
        sql: "select o_orderkey, o_comment from customer, orders where c_custkey = o_custkey and c_mktsegment = '{}'
            and o_orderdate > date '{}' and o_comment not like '{}' and o_comment >= '{}' and o_comment in ('{}', '{}', '{}', '{}')",
        literals: &[
            &["BUILDING", "1995-03-15", "%special%requests%", "order 5", "alpha", "beta", "gamma", "delta"],
            &["MACHINERY", "1996-01-02", "%_here", "", "red", "yellow", "blue", "some other colour"],
        ],
    },
    Query {
        name: "duplicates",
        sql: "select o_orderkey, e_small + {} from orders join events on o_custkey = e_customer where o_orderdate > date '{}'",
        literals: &[&["17", "1995-03-15"], &["99", "1996-04-16"]],
    },
];

impl Query {
    /// The statement with one set of literals in place.
    pub(crate) fn with(&self, literals: &[&str]) -> String {
        let mut parts = self.sql.split("{}");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.zip(literals).fold(first, |sql, (part, literal)| sql + literal + part)
    }
}

#[tokio::test]
async fn sources_are_known() {
    let generated = Generated::new(SMALL);
    for query in QUERIES {
        insta::assert_snapshot!(query.name, generated.source(&query.with(query.literals[0])).await);
    }
}
