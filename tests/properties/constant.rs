//! What is known at planning and what is only seen while running: a literal, and the same value read from a table of one row.

use crate::property::{Over, Property};

/// `one` is a row of `t` in memory. `{p:constant}` has its values for the columns, `{p:lifted}` columns of `literals` for the
/// literals.
pub(crate) const CONSTANTS: &[Property] = &[
    Property {
        name: "a constant condition",
        over: Over::One,
        left: "SELECT {p:constant} AS a, {q:constant} AS b",
        right: "SELECT {p} AS a, {q} AS b FROM one",
    },
    Property {
        name: "a constant value",
        over: Over::One,
        left: "SELECT {e:constant} AS a, {d:constant} AS b, {t:constant} AS c",
        right: "SELECT {e} AS a, {d} AS b, {t} AS c FROM one",
    },
    Property {
        name: "a constant filter",
        over: Over::One,
        left: "SELECT {c} FROM t WHERE {p:constant}",
        right: "SELECT {c} FROM t WHERE (SELECT {p} FROM one)",
    },
    Property {
        name: "a constant and a condition",
        over: Over::One,
        left: "SELECT {c} FROM t WHERE {q} = {p:constant}",
        right: "SELECT {c} FROM t CROSS JOIN (SELECT {p} AS z FROM one) z WHERE {q} = z",
    },
    Property {
        name: "literals of a filter",
        over: Over::Any,
        left: "SELECT {c} FROM {from} WHERE {p}",
        right: "SELECT {c} FROM {from} CROSS JOIN literals WHERE {p:lifted}",
    },
    Property {
        name: "literals of a condition",
        over: Over::Any,
        left: "SELECT {c}, {p} AS at FROM {from}",
        right: "SELECT {c}, {p:lifted} AS at FROM {from} CROSS JOIN literals",
    },
    Property {
        name: "literals of a value",
        over: Over::Any,
        left: "SELECT {c}, {e} AS a, {d} AS b FROM {from}",
        right: "SELECT {c}, {e:lifted} AS a, {d:lifted} AS b FROM {from} CROSS JOIN literals",
    },
    Property {
        name: "a filter on a column",
        over: Over::Any,
        left: "SELECT {c} FROM {from} WHERE {x} {compare} {l} AND {x} {compare2} {m}",
        right: "SELECT {c} FROM {from} CROSS JOIN literals WHERE {x} {compare} {l:lifted} AND {x} {compare2} {m:lifted}",
    },
    Property {
        name: "a filter on either side",
        over: Over::Any,
        left: "SELECT count(*) FROM {from} WHERE {x} {compare} {l} OR {x} {compare2} {m}",
        right: "SELECT count(*) FROM {from} CROSS JOIN literals WHERE {x} {compare} {l:lifted} OR {x} {compare2} {m:lifted}",
    },
];
