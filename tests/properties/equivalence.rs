//! An expression and another that means the same, wherever an expression may stand.

use Of::{Condition, Other, Truth, Value};

/// What an equivalence is of, and so where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of a boolean with three values.
    Condition,
    /// Of a condition as far as it holds: not the same where one is unknown and the other false.
    Truth,
    /// Of a value of the kind of `{x}`.
    Value,
    /// Of a number or a text, whatever `{x}` is.
    Other,
}

pub(crate) struct Equivalence {
    pub(crate) of: Of,
    pub(crate) left: &'static str,
    pub(crate) right: &'static str,
}

const fn same(of: Of, left: &'static str, right: &'static str) -> Equivalence {
    Equivalence { of, left, right }
}

/// Where the expression stands: `{@}`.
pub(crate) const CONTEXTS: &[(Of, &str)] = &[
    (Truth, "SELECT {c} FROM {from} WHERE {@}"),
    (Truth, "SELECT {c} FROM {from} WHERE {q2} AND {@}"),
    (Truth, "SELECT {c} FROM {from} WHERE {q2} OR {@}"),
    (Truth, "SELECT count(*) FILTER (WHERE {@}), count(*) FROM {from}"),
    (Truth, "SELECT sum(CASE WHEN {@} THEN 1 ELSE 0 END) FROM {from}"),
    (Condition, "SELECT {c} FROM {from} WHERE NOT {@}"),
    (Condition, "SELECT {c} FROM {from} WHERE {@} IS NULL"),
    (Condition, "SELECT {c}, {@} AS at FROM {from}"),
    (Condition, "SELECT {@}, count(*) FROM {from} GROUP BY 1"),
    (Condition, "SELECT {c} FROM {from} WHERE {@} = {q2}"),
    (Other, "SELECT {c}, {@} AS at FROM {from}"),
    (Other, "SELECT {@}, count(*) FROM {from} GROUP BY 1"),
    (Other, "SELECT min({@}), max({@}), count({@}) FROM {from}"),
    (Other, "SELECT DISTINCT {@} FROM {from}"),
    (Other, "SELECT count(DISTINCT {@}), count(*) FROM {from}"),
    (Value, "SELECT {c} FROM {from} WHERE {@} < {l}"),
    (Value, "SELECT {c} FROM {from} WHERE {@} = {x}"),
    (Other, "SELECT {@} FROM {from} WHERE {p2} ORDER BY 1 NULLS FIRST LIMIT 5"),
    (Other, "SELECT {@} FROM {from} ORDER BY 1 DESC NULLS LAST LIMIT 3"),
];

pub(crate) const EQUIVALENCES: &[Equivalence] = &[
    // Logic.
    same(Condition, "{p}", "(NOT (NOT {p}))"),
    same(Condition, "{p}", "({p} OR {p})"),
    same(Condition, "{p}", "({p} AND {p})"),
    same(Condition, "{p}", "({p} AND ({q} OR NOT {q} OR {q} IS NULL))"),
    same(Condition, "{p}", "({p} OR ({q} AND NOT {q} AND {q} IS NOT NULL))"),
    same(Condition, "{p}", "({p} OR ({p} AND {q}))"),
    same(Condition, "{p}", "({p} AND ({p} OR {q}))"),
    same(Condition, "{p}", "(CASE WHEN {p} THEN true WHEN NOT {p} THEN false END)"),
    same(Condition, "{p}", "({p} = true)"),
    same(Condition, "{p}", "({p} <> false)"),
    same(Condition, "(NOT {p})", "({p} = false)"),
    same(Condition, "(NOT ({p} AND {q}))", "((NOT {p}) OR (NOT {q}))"),
    same(Condition, "(NOT ({p} OR {q}))", "((NOT {p}) AND (NOT {q}))"),
    same(Condition, "({p} AND ({q} OR {r}))", "(({p} AND {q}) OR ({p} AND {r}))"),
    same(Condition, "({p} OR ({q} AND {r}))", "(({p} OR {q}) AND ({p} OR {r}))"),
    same(Condition, "({p} AND {q})", "({q} AND {p})"),
    same(Condition, "({p} OR {q})", "({q} OR {p})"),
    same(Condition, "(CASE WHEN {q} THEN {p} ELSE {r} END)", "(({q} IS TRUE AND {p}) OR ({q} IS NOT TRUE AND {r}))"),
    same(Condition, "({p} IS TRUE)", "coalesce({p}, false)"),
    same(Condition, "({p} IS NOT TRUE)", "coalesce(NOT {p}, true)"),
    same(Condition, "({p} IS FALSE)", "coalesce(NOT {p}, false)"),
    same(Condition, "({p} IS NOT FALSE)", "coalesce({p}, true)"),
    same(Condition, "({p} IS UNKNOWN)", "({p} IS NULL)"),
    same(Condition, "({p} = {q})", "(({p} AND {q}) OR (NOT {p} AND NOT {q}))"),
    same(Condition, "({p} <> {q})", "(({p} AND NOT {q}) OR (NOT {p} AND {q}))"),
    same(Condition, "({p} IS DISTINCT FROM {q})", "coalesce({p} <> {q}, ({p} IS NULL) <> ({q} IS NULL))"),
    same(Truth, "{p}", "({p} IS TRUE)"),
    same(Truth, "(NOT {p})", "({p} IS FALSE)"),
    // Comparisons.
    same(Condition, "({e} = {f})", "({f} = {e})"),
    same(Condition, "({e} < {f})", "({f} > {e})"),
    same(Condition, "({e} <= {f})", "(NOT ({e} > {f}))"),
    same(Condition, "({e} <= {f})", "({e} < {f} OR {e} = {f})"),
    same(Condition, "({e} <> {f})", "(NOT ({e} = {f}))"),
    same(Condition, "({e} <> {f})", "({e} < {f} OR {e} > {f})"),
    same(Condition, "({x} < {l})", "(CASE WHEN {x} < {l} THEN true WHEN {x} >= {l} THEN false END)"),
    same(Condition, "({x} = {l})", "({x} >= {l} AND {x} <= {l})"),
    same(Condition, "({x} <> {l})", "(CASE {x} WHEN {l} THEN false ELSE {x} = {x} END)"),
    same(Condition, "({e} BETWEEN {f} AND {g})", "({e} >= {f} AND {e} <= {g})"),
    same(Condition, "({x} BETWEEN {l} AND {m})", "({x} >= {l} AND {x} <= {m})"),
    same(Condition, "({x} NOT BETWEEN {l} AND {m})", "({x} < {l} OR {x} > {m})"),
    same(Condition, "({e} IN ({f}, {g}))", "({e} = {f} OR {e} = {g})"),
    same(Condition, "({x} IN ({l}, {m}))", "({x} = {l} OR {x} = {m})"),
    same(Condition, "({x} IN ({l}, {m}, {l2}, {m2}))", "({x} = {l} OR {x} = {m} OR {x} = {l2} OR {x} = {m2})"),
    same(
        Condition,
        "({x} NOT IN ({l}, {m}, {l2}, {m2}))",
        "({x} <> {l} AND {x} <> {m} AND {x} <> {l2} AND {x} <> {m2})",
    ),
    same(Condition, "({x} NOT IN ({l}, NULL))", "({x} <> {l} AND NULL)"),
    same(Condition, "({l} NOT IN ({x}, {m}))", "({l} <> {x} AND {l} <> {m})"),
    same(
        Condition,
        "({x} IN ({l}, {m}) AND {x} IN ({m}, {l2}))",
        "(NOT ({x} NOT IN ({l}, {m}) OR {x} NOT IN ({m}, {l2})))",
    ),
    same(Condition, "({x} IN ({l}) AND {x} IN ({m}))", "(CASE WHEN {x} = {l} THEN {x} = {m} ELSE {x} = {l} END)"),
    same(
        Condition,
        "({e} IS NOT DISTINCT FROM {f})",
        "(({e} IS NULL AND {f} IS NULL) OR ({e} IS NOT NULL AND {f} IS NOT NULL AND {e} = {f}))",
    ),
    same(Condition, "({e} IS NULL)", "(NOT ({e} IS NOT NULL))"),
    same(Condition, "(coalesce({e}, {f}) IS NULL)", "({e} IS NULL AND {f} IS NULL)"),
    // Values.
    same(Value, "{e}", "(CASE WHEN ({q} OR NOT {q} OR {q} IS NULL) THEN {e} ELSE {f} END)"),
    same(Value, "{e}", "(CASE WHEN ({q} AND NOT {q}) THEN {f} ELSE {e} END)"),
    same(Value, "{e}", "(CASE WHEN {q} THEN {e} ELSE {e} END)"),
    same(Value, "{e}", "coalesce({e}, {e})"),
    same(Value, "coalesce({e}, {f})", "(CASE WHEN {e} IS NOT NULL THEN {e} ELSE {f} END)"),
    same(Value, "nullif({e}, {f})", "(CASE WHEN {e} = {f} THEN NULL ELSE {e} END)"),
    same(Value, "(CASE {e} WHEN {f} THEN {g} ELSE {x} END)", "(CASE WHEN {e} = {f} THEN {g} ELSE {x} END)"),
    same(
        Value,
        "greatest({e}, {f})",
        "(CASE WHEN {e} IS NULL THEN {f} WHEN {f} IS NULL THEN {e} WHEN {e} >= {f} THEN {e} ELSE {f} END)",
    ),
    // Numbers.
    same(Other, "{i}", "(-(-{i}))"),
    same(Other, "{i}", "({i} + 0)"),
    same(Other, "{i}", "({i} * 1)"),
    same(Other, "{n}", "({n} / 1)"),
    same(Other, "({i} - {i})", "(CASE WHEN {i} IS NOT NULL THEN 0 END)"),
    same(Other, "({i} * 0)", "(CASE WHEN {i} IS NOT NULL THEN 0 END)"),
    same(Other, "({i} xor {i})", "(CASE WHEN {i} IS NOT NULL THEN 0 END)"),
    same(Other, "({i} & {i})", "{i}"),
    same(Other, "({i} | {i})", "{i}"),
    same(Other, "({i} + {i2})", "({i2} + {i})"),
    same(Other, "abs({d})", "(CASE WHEN {d} < 0 THEN -{d} ELSE {d} END)"),
    // NaN is the largest number, and so is its negative.
    same(Condition, "({d} > 0)", "(-{d} < 0 OR {d} > 1e300)"),
    same(Condition, "({d} = 0e0)", "({d} = -0e0)"),
    same(Condition, "({d} = 0e0)", "({d} IN (0e0, 1e300) AND {d} IN (-0e0, 2e300))"),
    same(Condition, "({d} = 0e0 AND {d} <> -0e0)", "({d} <> {d})"),
    same(Condition, "({d} = {d})", "(CASE WHEN {d} IS NOT NULL THEN true END)"),
    // Statements.
    same(Other, "{t}", "({t} || '')"),
    same(Other, "concat({t}, {t2})", "(coalesce({t}, '') || coalesce({t2}, ''))"),
    same(Condition, "({t} LIKE '%')", "(CASE WHEN {t} IS NOT NULL THEN true END)"),
    same(Condition, "starts_with({t}, {w})", "(left({t}, length({w})) = {w})"),
    same(Condition, "contains({t}, {w})", "(strpos({t}, {w}) > 0)"),
    same(Condition, "({t} NOT LIKE {w})", "(NOT ({t} LIKE {w}))"),
    same(Condition, "(length({t}) = 0)", "({t} = '')"),
    same(Condition, "({t} LIKE 'a%')", "starts_with({t}, 'a')"),
    same(Condition, "({t} ILIKE {w})", "(lower({t}) LIKE lower({w}))"),
];
