//! Joins, subqueries, set operations, windows and sorts, each beside another way to say it.

use crate::property::{Over, Property};

/// Two tables that share the names of their columns.
macro_rules! alike {
    ($kind:literal) => {
        concat!("(SELECT tk AS k, {x} AS a FROM t) l ", $kind, " JOIN (SELECT uk AS k, {y} AS a, uk + 1 AS b FROM u) r")
    };
}

/// Groups over a join, one of whose keys was a key before it: `k`, `y`, and their count `n`.
macro_rules! groups_of_a_join {
    () => {
        "(SELECT z.k, u.{y} AS y, count(*) AS n FROM (SELECT tk AS k, count(*) AS c FROM t GROUP BY 1) z \
         JOIN u ON z.k = u.uk GROUP BY 1, 2)"
    };
}

pub(crate) const RELATIONS: &[Property] = &[
    // Subqueries in WHERE.
    Property {
        name: "IN and EXISTS",
        over: Over::One,
        left: "SELECT {c} FROM t WHERE {x} IN (SELECT {y} FROM u WHERE {pu})",
        right: "SELECT {c} FROM t WHERE EXISTS (SELECT 1 FROM u WHERE {pu} AND u.{y} = t.{x})",
    },
    Property {
        name: "NOT IN and counts",
        over: Over::One,
        left: "SELECT count(*) FROM t WHERE {x} NOT IN (SELECT {y} FROM u WHERE {pu})",
        right: "SELECT coalesce(sum(CASE WHEN (SELECT count(*) FROM u WHERE {pu}) = 0 THEN 1 \
                WHEN (SELECT count(*) FROM u WHERE {pu} AND {y} IS NULL) > 0 OR {x} IS NULL THEN 0 \
                WHEN z.y IS NULL THEN 1 ELSE 0 END), 0) \
                FROM t LEFT JOIN (SELECT DISTINCT {y} AS y FROM u WHERE {pu}) z ON t.{x} = z.y",
    },
    Property {
        name: "IN as a value and as a filter",
        over: Over::One,
        left: "SELECT count(*) FROM t WHERE ({x} IN (SELECT {y} FROM u WHERE {pu})) IS NULL",
        right: "SELECT count(*) - (SELECT count(*) FROM t WHERE {x} IN (SELECT {y} FROM u WHERE {pu})) - \
                (SELECT count(*) FROM t WHERE {x} NOT IN (SELECT {y} FROM u WHERE {pu})) FROM t",
    },
    Property {
        name: "correlated NOT IN and a left join",
        over: Over::One,
        left: "SELECT count(*) FROM t WHERE {x} NOT IN (SELECT {y} FROM u WHERE u.uk = t.tk)",
        right: "SELECT count(*) FROM (SELECT r, count(uz) AS n FROM (SELECT *, row_number() OVER () AS r FROM t) t LEFT JOIN \
                (SELECT *, 1 AS uz FROM u) u ON u.uk = t.tk AND ({x} = {y}) IS NOT FALSE GROUP BY r) WHERE n = 0",
    },
    Property {
        name: "ANY and EXISTS",
        over: Over::One,
        left: "SELECT {c} FROM t WHERE {x} > ANY (SELECT {y} FROM u WHERE {pu})",
        right: "SELECT {c} FROM t WHERE {x} > (SELECT min({y}) FROM u WHERE {pu})",
    },
    Property {
        name: "ALL and NOT ANY",
        over: Over::One,
        left: "SELECT {c} FROM t WHERE {x} >= ALL (SELECT {y} FROM u WHERE {pu})",
        right: "SELECT {c} FROM t WHERE NOT ({x} < ANY (SELECT {y} FROM u WHERE {pu}))",
    },
    Property {
        name: "= ANY and IN",
        over: Over::One,
        left: "SELECT count(*) FROM t WHERE ({x} = ANY (SELECT {y} FROM u WHERE {pu})) IS NOT TRUE",
        right: "SELECT count(*) FROM t WHERE ({x} IN (SELECT {y} FROM u WHERE {pu})) IS NOT TRUE",
    },
    Property {
        name: "a scalar subquery and a join",
        over: Over::One,
        left: "SELECT {c} FROM t WHERE {x} < (SELECT max({y}) FROM u WHERE {pu})",
        right: "SELECT {c} FROM t CROSS JOIN (SELECT max({y}) AS z FROM u WHERE {pu}) z WHERE {x} < z.z",
    },
    Property {
        name: "a correlated scalar subquery and a join",
        over: Over::One,
        left: "SELECT {c}, (SELECT count(*) FROM u WHERE u.uk = t.tk) FROM t",
        right: "SELECT {c}, coalesce(n, 0) FROM t LEFT JOIN (SELECT uk, count(*) AS n FROM u GROUP BY uk) z ON z.uk = t.tk",
    },
    // Joins.
    Property {
        name: "inner join and filter",
        over: Over::Two,
        left: "SELECT {c} FROM t JOIN u ON {p}",
        right: "SELECT {c} FROM t CROSS JOIN u WHERE {p}",
    },
    Property {
        name: "left join and its parts",
        over: Over::Two,
        left: "SELECT tk, uk FROM t LEFT JOIN u ON tk = uk AND {p}",
        right: "SELECT tk, uk FROM t JOIN u ON tk = uk AND {p} UNION ALL \
                SELECT tk, NULL FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE t.tk = u.uk AND {p})",
    },
    Property {
        name: "right join and left join",
        over: Over::Two,
        left: "SELECT {c} FROM t RIGHT JOIN u ON {j} WHERE {p}",
        right: "SELECT {c} FROM u LEFT JOIN t ON {j} WHERE {p}",
    },
    Property {
        name: "full join and left join",
        over: Over::Two,
        left: "SELECT {c} FROM t FULL JOIN u ON t.tk = u.uk WHERE t.tk IS NOT NULL AND {p}",
        right: "SELECT {c} FROM t LEFT JOIN u ON t.tk = u.uk WHERE t.tk IS NOT NULL AND {p}",
    },
    Property {
        name: "a filter above a join and above its rows",
        over: Over::Two,
        left: "SELECT {c} FROM t {outer} JOIN u ON {j} WHERE {p}",
        right: "SELECT {c} FROM (SELECT *, row_number() OVER () AS number FROM t {outer} JOIN u ON {j}) WHERE {p} AND number > 0",
    },
    Property {
        name: "names that both sides have, LEFT",
        over: Over::One,
        left: concat!("SELECT l.*, r.b FROM ", alike!("LEFT"), " ON l.k = r.k WHERE r.k IS NULL OR l.a IS NULL"),
        right: "SELECT tk, {x} AS x, uk + 1 FROM t LEFT JOIN u ON t.tk = u.uk WHERE uk IS NULL OR {x} IS NULL",
    },
    Property {
        name: "names that both sides have, RIGHT",
        over: Over::One,
        left: concat!("SELECT r.* FROM ", alike!("RIGHT"), " ON l.k = r.k WHERE l.a IS NULL"),
        right: "SELECT uk, {y} AS y, uk + 1 FROM t RIGHT JOIN u ON t.tk = u.uk WHERE {x} IS NULL",
    },
    Property {
        name: "names that both sides have, FULL",
        over: Over::One,
        left: concat!("SELECT l.k, r.* FROM ", alike!("FULL"), " ON l.k = r.k WHERE l.a IS NULL AND r.k IS NOT NULL"),
        right: "SELECT tk, uk, {y} AS y, uk + 1 FROM t FULL JOIN u ON t.tk = u.uk WHERE {x} IS NULL AND uk IS NOT NULL",
    },
    Property {
        name: "USING, RIGHT",
        over: Over::One,
        left: concat!("SELECT k, l.a, r.a FROM ", alike!("RIGHT"), " USING (k) WHERE k > 0 OR k IS NULL"),
        right: "SELECT coalesce(tk, uk), {x} AS x, {y} AS y FROM t RIGHT JOIN u ON tk = uk \
                WHERE coalesce(tk, uk) > 0 OR coalesce(tk, uk) IS NULL",
    },
    Property {
        name: "USING, FULL",
        over: Over::One,
        left: concat!("SELECT k, count(*) FROM ", alike!("FULL"), " USING (k) GROUP BY k"),
        right: "SELECT coalesce(tk, uk), count(*) FROM t FULL JOIN u ON tk = uk GROUP BY 1",
    },
    Property {
        name: "a join over groups",
        over: Over::One,
        left: "SELECT {c}, n FROM t JOIN (SELECT z.uk AS k, count(*) AS n FROM u LEFT JOIN u z ON u.uk = z.uk GROUP BY 1) z \
               ON t.tk = z.k WHERE {p}",
        right: "SELECT {c}, n FROM t, (SELECT uk AS k, count(*) * count(*) AS n FROM u WHERE uk IS NOT NULL GROUP BY 1) z \
                WHERE z.k = t.tk AND {p}",
    },
    Property {
        name: "DISTINCT over groups of a join",
        over: Over::One,
        left: concat!("SELECT DISTINCT k FROM ", groups_of_a_join!(), " w"),
        right: "SELECT tk FROM t JOIN u ON tk = uk GROUP BY 1",
    },
    Property {
        name: "rows joined to groups of a join",
        over: Over::One,
        left: concat!("SELECT count(*) FROM t LEFT JOIN ", groups_of_a_join!(), " w ON t.tk = w.k"),
        right: "SELECT coalesce(sum(coalesce(n, 1)), 0) FROM t LEFT JOIN \
                (SELECT uk, count(DISTINCT {y}) + max(CASE WHEN {y} IS NULL THEN 1 ELSE 0 END) AS n FROM u GROUP BY 1) w \
                ON t.tk = w.uk",
    },
    Property {
        name: "groups by the keys of groups of a join",
        over: Over::One,
        left: concat!("SELECT count(*) FROM (SELECT k, y FROM ", groups_of_a_join!(), " w GROUP BY k, y) v"),
        right: concat!("SELECT count(*) FROM ", groups_of_a_join!(), " w"),
    },
    Property {
        name: "a window over groups of a join",
        over: Over::One,
        left: concat!("SELECT k, sum(n) OVER (ORDER BY k) FROM ", groups_of_a_join!(), " w"),
        right: concat!(
            "SELECT k, (SELECT sum(n) FROM ",
            groups_of_a_join!(),
            " v WHERE v.k <= w.k) FROM ",
            groups_of_a_join!(),
            " w"
        ),
    },
    Property {
        name: "the first of groups of a join",
        over: Over::One,
        left: concat!("SELECT k, y FROM ", groups_of_a_join!(), " w ORDER BY k, y {order} LIMIT 5"),
        right: concat!(
            "SELECT k, y FROM (SELECT k, y, row_number() OVER (ORDER BY k, y {order}) AS r FROM ",
            groups_of_a_join!(),
            " w) v WHERE r <= 5"
        ),
    },
    Property {
        name: "keys that UNNEST repeats",
        over: Over::One,
        left: "SELECT DISTINCT k FROM (SELECT k, unnest(l) AS x FROM (SELECT tk AS k, array_agg({x}) AS l FROM t GROUP BY 1) z) w",
        right: "SELECT tk FROM t GROUP BY 1",
    },
    Property {
        name: "groups by keys that UNNEST repeats",
        over: Over::One,
        left: "SELECT k, count(*) FROM (SELECT k, unnest(l) AS x FROM (SELECT tk AS k, array_agg({x}) AS l FROM t GROUP BY 1) z) w \
               GROUP BY k",
        right: "SELECT tk, count(*) FROM t GROUP BY 1",
    },
    // Set operations.
    Property {
        name: "EXCEPT ALL and counts",
        over: Over::One,
        left: "SELECT {x} FROM t WHERE {p} EXCEPT ALL SELECT {y} FROM u",
        right: "SELECT x FROM (SELECT {x} AS x, row_number() OVER (PARTITION BY {x}) AS r FROM t WHERE {p}) z LEFT JOIN \
                (SELECT {y} AS y, count(*) AS n FROM u GROUP BY 1) y ON z.x IS NOT DISTINCT FROM y.y WHERE r > coalesce(n, 0)",
    },
    Property {
        name: "INTERSECT ALL and counts",
        over: Over::One,
        left: "SELECT {x} FROM t WHERE {p} INTERSECT ALL SELECT {y} FROM u",
        right: "SELECT x FROM (SELECT {x} AS x, row_number() OVER (PARTITION BY {x}) AS r FROM t WHERE {p}) z JOIN \
                (SELECT {y} AS y, count(*) AS n FROM u GROUP BY 1) y ON z.x IS NOT DISTINCT FROM y.y WHERE r <= n",
    },
    Property {
        name: "EXCEPT and an anti join",
        over: Over::One,
        left: "SELECT {x} FROM t WHERE {p} EXCEPT SELECT {y} FROM u",
        right: "SELECT DISTINCT {x} FROM t LEFT JOIN (SELECT {y} AS y, true AS there FROM u) z \
                ON {x} IS NOT DISTINCT FROM y WHERE there IS NULL AND {p}",
    },
    Property {
        name: "INTERSECT and a join",
        over: Over::One,
        left: "SELECT {x} FROM t WHERE {p} INTERSECT SELECT {y} FROM u",
        right: "SELECT DISTINCT {x} FROM t JOIN u ON {x} IS NOT DISTINCT FROM {y} WHERE {p}",
    },
    Property {
        name: "UNION and DISTINCT",
        over: Over::One,
        left: "SELECT {x} FROM t UNION SELECT {y} FROM u",
        right: "SELECT DISTINCT z FROM (SELECT {x} AS z FROM t UNION ALL SELECT {y} FROM u)",
    },
    // Sorts, windows and aggregates.
    Property {
        name: "the first rows and their numbers",
        over: Over::Any,
        left: "SELECT {x} FROM {from} WHERE {p} ORDER BY {x} {order} LIMIT 4",
        right: "SELECT x FROM (SELECT {x} AS x, row_number() OVER (ORDER BY {x} {order}) AS r FROM {from} WHERE {p}) WHERE r <= 4",
    },
    Property {
        name: "the first rows by two columns",
        over: Over::Any,
        left: "SELECT {x} AS x, {k} AS k FROM {from} ORDER BY 1 {order}, 2 LIMIT 7",
        right: "SELECT x, k FROM (SELECT {x} AS x, {k} AS k, row_number() OVER (ORDER BY {x} {order}, {k}) AS r FROM {from}) \
                WHERE r <= 7",
    },
    Property {
        name: "the smallest and the first",
        over: Over::Any,
        left: "SELECT min({x}), max({x}) FROM {from}",
        right: "SELECT (SELECT {x} FROM {from} WHERE {x} IS NOT NULL ORDER BY {x} LIMIT 1) AS a, \
                (SELECT {x} FROM {from} WHERE {x} IS NOT NULL ORDER BY {x} DESC LIMIT 1) AS b",
    },
    Property {
        name: "the smallest and a window",
        over: Over::Any,
        left: "SELECT {k}, min({x}), max({x}), count({x}), count(*) FROM {from} GROUP BY 1",
        right: "SELECT DISTINCT k, min(x) OVER (PARTITION BY k), max(x) OVER (PARTITION BY k), count(x) OVER (PARTITION BY k), \
                count(*) OVER (PARTITION BY k) FROM (SELECT {k} AS k, {x} AS x FROM {from})",
    },
    Property {
        name: "count and NULL",
        over: Over::Any,
        left: "SELECT count({x}), count(*) FROM {from}",
        right: "SELECT coalesce(sum(CASE WHEN {x} IS NULL THEN 0 ELSE 1 END), 0), coalesce(sum(1), 0) FROM {from}",
    },
    Property {
        name: "count of distinct values",
        over: Over::Any,
        left: "SELECT count(DISTINCT {x}), count(*) FROM {from}",
        right: "SELECT (SELECT count(*) FROM (SELECT DISTINCT {x} AS z FROM {from}) WHERE z IS NOT NULL) AS a, \
                (SELECT count(*) FROM {from}) AS b",
    },
    Property {
        name: "count of distinct values beside others",
        over: Over::Any,
        left: "SELECT {k}, count(DISTINCT {x}), min({x}), sum({n}) FROM {from} GROUP BY 1",
        right: "SELECT z.k, z.n, y.m, y.s FROM (SELECT {k} AS k, count(DISTINCT {x}) AS n FROM {from} GROUP BY 1) z JOIN \
                (SELECT {k} AS k, min({x}) AS m, sum({n}) AS s FROM {from} GROUP BY 1) y ON z.k IS NOT DISTINCT FROM y.k",
    },
    Property {
        name: "FILTER and CASE",
        over: Over::Any,
        left: "SELECT sum({n}) FILTER (WHERE {p}), min({x}) FILTER (WHERE {p}), count({x}) FILTER (WHERE {q}) FROM {from}",
        right: "SELECT sum(CASE WHEN {p} THEN {n} END), min(CASE WHEN {p} THEN {x} END), count(CASE WHEN {q} THEN {x} END) \
                FROM {from}",
    },
    Property {
        name: "DISTINCT and groups",
        over: Over::Any,
        left: "SELECT DISTINCT {x} AS x, {k} AS k FROM {from}",
        right: "SELECT {x} AS x, {k} AS k FROM {from} GROUP BY 1, 2",
    },
    Property {
        name: "a subquery that is not flattened",
        over: Over::Any,
        left: "SELECT {c} FROM {from} WHERE {p} AND {q}",
        right: "SELECT {c} FROM (SELECT * FROM {from} WHERE {p} LIMIT 1000000) WHERE {q}",
    },
];
