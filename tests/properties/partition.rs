//! A condition holds, does not hold, or is unknown: the three parts of a table are the table.

use crate::property::{Over, Property};

/// `{s}` is a condition that may hold subqueries, `{p}` one that does not; the other names are in `ingredients`.
pub(crate) const PARTITIONS: &[Property] = &[
    Property {
        name: "rows",
        over: Over::Any,
        left: "SELECT {c} FROM {from}",
        right: "SELECT {c} FROM {from} WHERE {s} UNION ALL SELECT {c} FROM {from} WHERE NOT {s} \
                UNION ALL SELECT {c} FROM {from} WHERE {s} IS NULL",
    },
    Property {
        name: "rows by IS",
        over: Over::Any,
        left: "SELECT {c} FROM {from}",
        right: "SELECT {c} FROM {from} WHERE {p} IS TRUE UNION ALL SELECT {c} FROM {from} WHERE {p} IS FALSE \
                UNION ALL SELECT {c} FROM {from} WHERE {p} IS UNKNOWN",
    },
    Property {
        name: "filtered rows",
        over: Over::Any,
        left: "SELECT {c} FROM {from} WHERE {q}",
        right: "SELECT {c} FROM {from} WHERE {q} AND {s} UNION ALL SELECT {c} FROM {from} WHERE {q} AND NOT {s} \
                UNION ALL SELECT {c} FROM {from} WHERE {q} AND {s} IS NULL",
    },
    Property {
        name: "counted where it holds",
        over: Over::Any,
        left: "SELECT count(*) FROM {from} WHERE {p}",
        right: "SELECT coalesce(sum(CASE WHEN {p} THEN 1 ELSE 0 END), 0) FROM {from}",
    },
    Property {
        name: "counted where it does not hold",
        over: Over::Any,
        left: "SELECT count(*) FROM {from} WHERE NOT {p}",
        right: "SELECT coalesce(sum(CASE {p} WHEN false THEN 1 ELSE 0 END), 0) FROM {from}",
    },
    Property {
        name: "aggregates",
        over: Over::Any,
        left: "SELECT count(*), count({x}), sum({n}), min({e}), max({x}) FROM {from}",
        right: "SELECT sum(a), sum(b), sum(d), min(e), max(f) FROM (\
                SELECT count(*) a, count({x}) b, sum({n}) d, min({e}) e, max({x}) f FROM {from} WHERE {p} UNION ALL \
                SELECT count(*) a, count({x}) b, sum({n}) d, min({e}) e, max({x}) f FROM {from} WHERE NOT {p} UNION ALL \
                SELECT count(*) a, count({x}) b, sum({n}) d, min({e}) e, max({x}) f FROM {from} WHERE {p} IS NULL)",
    },
    Property {
        name: "aggregates with FILTER",
        over: Over::Any,
        left: "SELECT count(*), min({x}), max({e}) FROM {from}",
        right: "SELECT count(*) FILTER (WHERE {p}) + count(*) FILTER (WHERE NOT {p}) + count(*) FILTER (WHERE {p} IS NULL), \
                least(min({x}) FILTER (WHERE {p}), min({x}) FILTER (WHERE {p} IS NOT TRUE)), \
                greatest(max({e}) FILTER (WHERE {p}), max({e}) FILTER (WHERE {p} IS NOT TRUE)) FROM {from}",
    },
    Property {
        name: "groups",
        over: Over::Any,
        left: "SELECT {k}, count(*), sum({n}), min({x}) FROM {from} GROUP BY 1",
        right: "SELECT k, sum(a), sum(d), min(e) FROM (\
                SELECT {k} k, count(*) a, sum({n}) d, min({x}) e FROM {from} WHERE {p} GROUP BY 1 UNION ALL \
                SELECT {k} k, count(*) a, sum({n}) d, min({x}) e FROM {from} WHERE NOT {p} GROUP BY 1 UNION ALL \
                SELECT {k} k, count(*) a, sum({n}) d, min({x}) e FROM {from} WHERE {p} IS NULL GROUP BY 1) GROUP BY k",
    },
    Property {
        name: "HAVING",
        over: Over::Any,
        left: "SELECT {k} k, count(*) FROM {from} GROUP BY 1",
        right: "SELECT {k} k, count(*) FROM {from} GROUP BY 1 HAVING min({e}) < max({f}) UNION ALL \
                SELECT {k} k, count(*) FROM {from} GROUP BY 1 HAVING NOT (min({e}) < max({f})) UNION ALL \
                SELECT {k} k, count(*) FROM {from} GROUP BY 1 HAVING (min({e}) < max({f})) IS NULL",
    },
    Property {
        name: "HAVING over a sum",
        over: Over::Any,
        left: "SELECT {k} k FROM {from} GROUP BY 1",
        right: "SELECT {k} k FROM {from} GROUP BY 1 HAVING sum({n}) > 10 UNION ALL \
                SELECT {k} k FROM {from} GROUP BY 1 HAVING NOT (sum({n}) > 10) UNION ALL \
                SELECT {k} k FROM {from} GROUP BY 1 HAVING (sum({n}) > 10) IS NULL",
    },
    Property {
        name: "HAVING without groups",
        over: Over::Any,
        left: "SELECT count(*) FROM {from}",
        right: "SELECT count(*) FROM {from} HAVING max({x}) < {l} UNION ALL \
                SELECT count(*) FROM {from} HAVING NOT (max({x}) < {l}) UNION ALL \
                SELECT count(*) FROM {from} HAVING (max({x}) < {l}) IS NULL",
    },
    Property {
        name: "distinct rows",
        over: Over::Any,
        left: "SELECT DISTINCT {x} AS x, {k} AS k FROM {from}",
        right: "SELECT DISTINCT {x} AS x, {k} AS k FROM {from} WHERE {p} UNION SELECT DISTINCT {x} AS x, {k} AS k FROM {from} WHERE NOT {p} \
                UNION SELECT DISTINCT {x} AS x, {k} AS k FROM {from} WHERE {p} IS NULL",
    },
    Property {
        name: "inner joins",
        over: Over::Two,
        left: "SELECT {c} FROM t CROSS JOIN u",
        right: "SELECT {c} FROM t JOIN u ON {p} UNION ALL SELECT {c} FROM t JOIN u ON NOT {p} \
                UNION ALL SELECT {c} FROM t JOIN u ON {p} IS NULL",
    },
    Property {
        name: "equal keys and more",
        over: Over::Two,
        left: "SELECT {c} FROM t JOIN u ON t.tk = u.uk",
        right: "SELECT {c} FROM t JOIN u ON t.tk = u.uk AND {p} UNION ALL SELECT {c} FROM t JOIN u ON t.tk = u.uk AND NOT {p} \
                UNION ALL SELECT {c} FROM t JOIN u ON t.tk = u.uk AND {p} IS NULL",
    },
    Property {
        name: "outer joins",
        over: Over::Two,
        left: "SELECT {c} FROM t {outer} JOIN u ON {j}",
        right: "SELECT {c} FROM t {outer} JOIN u ON {j} WHERE {p} UNION ALL \
                SELECT {c} FROM t {outer} JOIN u ON {j} WHERE NOT {p} UNION ALL \
                SELECT {c} FROM t {outer} JOIN u ON {j} WHERE {p} IS NULL",
    },
];
