//! The queries of the self-test: every type, every kind of table that joins and groups use, and errors.
//!
//! Each must run a kernel. `says` is what the generated source of one of its pipelines must say, so that a case which is
//! there for one kind of table keeps testing that kind.

/// One query.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
    pub(super) expect: Expect,
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect {
    /// The rows that plain DataFusion gives, as a multiset.
    Answer {
        /// What generated source must contain.
        says: &'static [&'static str],
    },
    /// An error that contains this; DataFusion's own arithmetic wraps and is no judge.
    Error(&'static str),
}

const fn same(name: &'static str, sql: &'static str) -> Case {
    Case { name, sql, expect: Expect::Answer { says: &[] } }
}

const fn kind(name: &'static str, says: &'static [&'static str], sql: &'static str) -> Case {
    Case { name, sql, expect: Expect::Answer { says } }
}

const fn error(name: &'static str, message: &'static str, sql: &'static str) -> Case {
    Case { name, sql, expect: Expect::Error(message) }
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    // Filters.
    same("filter: ranges of decimals and dates", "SELECT sum(d9 * maybe_d), count(*) FROM facts WHERE day >= DATE '1994-01-01' AND day < DATE '1994-01-01' + INTERVAL '1' YEAR AND d9 BETWEEN 100 AND 700.5 AND i8 < 24"),
    same("filter: three-valued logic", "SELECT count(*) FROM facts WHERE NOT (maybe > 10 AND d9 < 300) OR maybe_flag"),
    same("filter: IS NULL, IS NOT NULL", "SELECT count(*), count(maybe), count(word) FROM facts WHERE maybe IS NULL OR maybe_flag IS NOT NULL"),
    same("filter: IN of integers and of text", "SELECT id, word FROM facts WHERE i8 IN (1, 5, 7, -100) AND kind IN ('A', 'R', 'nobody')"),
    same("filter: nothing is left", "SELECT count(*), sum(d9), min(day), max(word) FROM facts WHERE day > DATE '2050-01-01'"),
    same("filter: no row at all", "SELECT count(*), sum(i32), min(word) FROM nothing WHERE i8 > 3"),
    same("filter: columns against columns", "SELECT count(*) FROM facts WHERE i16 < i32 AND f64 > f32 - 1 AND d9 <> maybe_d"),

    // Types.
    same("types: signed integers", "SELECT sum(i8), sum(i16), sum(i32), sum(i64), min(i8), max(i16), min(i32), max(i64) FROM facts"),
    same("types: unsigned integers", "SELECT sum(u8), max(u16), min(u32), sum(u32) FROM facts WHERE u8 > 3"),
    same("types: floats", "SELECT sum(f32), min(f64), max(f64), avg(f64), count(*) FROM facts WHERE f64 > -0.25"),
    same("types: decimals", "SELECT sum(d9), sum(d18), sum(d38), avg(d9), min(d18), count(d38) FROM facts"),
    same("types: products of decimals", "SELECT sum(d9 * (1 - maybe_d / 100) * 1.5), sum(d18 * d9) FROM facts"),
    same("types: dates and timestamps", "SELECT min(day), max(day), min(at_ms), max(at_us), count(*) FROM facts WHERE at_ms < TIMESTAMP '1990-06-01 12:00:00'"),
    same("types: booleans", "SELECT flag, maybe_flag, count(*) FROM facts GROUP BY flag, maybe_flag"),
    same("types: rows of every type", "SELECT id, i8, i16, i32, i64, u8, u16, u32, f32, f64, d9, d18, d38, day, at_ms, at_us, flag, maybe_flag, maybe, maybe_d, word, own FROM facts WHERE id % 500 < 3"),

    // Expressions.
    same("expressions: CASE", "SELECT sum(CASE WHEN kind LIKE 'A%' THEN d9 WHEN maybe > 10 THEN -d9 ELSE 0 END), sum(CASE i8 WHEN 1 THEN 1 END) FROM facts"),
    same("expressions: casts between numbers", "SELECT sum(CAST(d9 AS DOUBLE)), sum(CAST(i8 AS DECIMAL(10,2))), sum(CAST(f64 * 100 AS INT)), sum(CAST(d18 AS DECIMAL(20,1))), sum(CAST(flag AS INT)) FROM facts"),
    same("expressions: integer division and remainder", "SELECT id, i32 / 7, i32 % 7, i64 / (id + 1), -i16 FROM facts WHERE id % 100 = 0"),
    same("expressions: parts of dates", "SELECT sum(extract(year FROM day)), max(extract(month FROM day)), sum(extract(day FROM at_ms)), min(extract(hour FROM at_us)) FROM facts"),
    same("expressions: dates plus intervals", "SELECT day + INTERVAL '1' MONTH AS a, day - INTERVAL '45' DAY AS b, CAST(at_ms AS DATE) AS c FROM facts WHERE id % 400 = 1"),
    same("expressions: NULLIF, ABS, COALESCE", "SELECT sum(abs(i16)), count(nullif(i8, 3)), sum(coalesce(maybe, -1)) FROM facts"),

    // Text.
    same("text: LIKE", "SELECT count(*) FROM facts WHERE word LIKE '%box' AND word NOT LIKE 'ab1_%'"),
    same("text: order of values", "SELECT min(word), max(word), min(own), max(own), count(word) FROM facts WHERE word > 'b'"),
    same("text: many different values", "SELECT own, id FROM facts WHERE own LIKE 'row 12_0 of%' OR own = 'row 7 of the facts'"),
    same("text: functions", "SELECT upper(word) AS u, length(word) AS n, substring(word FROM 2 FOR 2) AS s, maybe FROM facts WHERE starts_with(word, 'ab3')"),
    same("text: groups of a function", "SELECT substring(word FROM 1 FOR 3) AS head, count(*), sum(d9) FROM facts GROUP BY head"),

    // Groups, one of each kind of table.
    kind("groups: none", &["block_publish<"], "SELECT count(*), sum(d9), avg(maybe_d), min(i32), max(f64) FROM facts"),
    kind("groups: private to a thread", &["PrivateStates<"], "SELECT kind, sum(d9), avg(d9), count(maybe), min(i16) FROM facts GROUP BY kind"),
    kind("groups: direct addresses", &["SumI64::publish("], "SELECT parent, count(*), sum(d9), max(day) FROM facts GROUP BY parent"),
    kind("groups: direct addresses with NULL", &["::publish("], "SELECT word, maybe, count(*), sum(i32) FROM facts GROUP BY word, maybe"),
    kind("groups: hash", &["slot_insert("], "SELECT sparse, count(*), sum(i8) FROM facts GROUP BY sparse"),
    kind("groups: wide keys", &["slot_insert_wide("], "SELECT d38, maybe, count(*), sum(d9) FROM facts GROUP BY d38, maybe"),
    kind("groups: rows of a build", &["::publish(", " + match0"], "SELECT parent, since, sum(d9) FROM facts JOIN dims ON parent = dims.id WHERE dims.kind = 'red' GROUP BY parent, since"),
    same("groups: of groups", "SELECT c, count(*) FROM (SELECT parent, count(*) AS c FROM facts GROUP BY parent) GROUP BY c"),
    same("groups: HAVING, FILTER", "SELECT parent, count(*) FILTER (WHERE i8 > 0) AS positive FROM facts GROUP BY parent HAVING sum(i8) > 50"),
    same("groups: sums past 64 bits", "SELECT kind, sum(d38), sum(i64 * CAST(i32 AS DECIMAL(12,0))) FROM facts GROUP BY kind"),

    // Joins: unique and duplicate keys on each kind of table.
    kind("joins: direct, unique", &["kNoRow"], "SELECT facts.id, dims.kind, since, code FROM facts JOIN dims ON parent = dims.id WHERE i8 = 7"),
    kind("joins: direct, duplicates", &["while (m_any("], "SELECT count(*), sum(amount), sum(d9) FROM facts JOIN pairs ON facts.parent = pairs.parent"),
    kind("joins: hash, unique", &["slot_find("], "SELECT count(*), sum(d9), min(code) FROM facts JOIN dims ON facts.sparse = dims.sparse"),
    kind("joins: hash, duplicates", &["slot_find(", "while (m_any("], "SELECT a.word, sum(b.amount), count(*) FROM pairs a JOIN pairs b ON a.sparse = b.sparse GROUP BY a.word"),
    kind("joins: wide keys", &["slot_find_wide("], "SELECT count(*), sum(d9), max(code) FROM facts JOIN dims ON d38 = wide AND facts.id = dims.id * 4"),
    same("joins: keys that are NULL", "SELECT count(*), sum(amount) FROM facts JOIN pairs ON facts.maybe = pairs.maybe AND facts.parent = pairs.parent"),
    same("joins: text of two dictionaries", "SELECT facts.word, count(*), sum(amount) FROM facts JOIN pairs ON facts.word = pairs.word WHERE facts.id < 300 GROUP BY facts.word"),
    same("joins: a condition besides the keys", "SELECT count(*) FROM facts JOIN dims ON parent = dims.id AND i8 < weight"),
    same("joins: three tables", "SELECT dims.kind, count(*), sum(amount * d9) FROM facts JOIN dims ON facts.parent = dims.id JOIN pairs ON pairs.parent = dims.id GROUP BY dims.kind"),
    kind("joins: semi", &["if (!found0) break;"], "SELECT count(*), sum(d9) FROM facts WHERE EXISTS (SELECT 1 FROM pairs WHERE pairs.parent = facts.parent)"),
    kind("joins: semi, a condition over a run", &["if (!found0) break;", "for (; "], "SELECT count(*), sum(d9) FROM facts WHERE EXISTS (SELECT 1 FROM pairs WHERE pairs.parent = facts.parent AND pairs.amount <> facts.id)"),
    kind("joins: anti", &["if (found0) break;"], "SELECT count(*), sum(d9), count(maybe) FROM facts WHERE NOT EXISTS (SELECT 1 FROM pairs WHERE pairs.maybe = facts.maybe AND pairs.parent = facts.parent)"),
    kind("joins: left, unique", &["match0 = kNoRow"], "SELECT count(*), count(code), sum(weight), min(code), max(since) FROM facts LEFT JOIN dims ON facts.sparse = dims.sparse"),
    kind("joins: left, duplicates", &["while (m_any(", ": kNoRow;"], "SELECT dims.id, pairs.amount, pairs.word FROM dims LEFT JOIN pairs ON pairs.parent = dims.id AND pairs.amount > 1000"),
    same("joins: with nothing", "SELECT count(*) FROM facts JOIN nothing ON facts.id = nothing.id"),

    // Limits and order.
    same("limits: of rows", "SELECT count(*) FROM (SELECT id FROM facts WHERE i8 > 10 LIMIT 1234)"),
    same("limits: after an order", "SELECT parent, sum(d9) AS s FROM facts GROUP BY parent ORDER BY s DESC, parent LIMIT 10"),

    // Errors: the rows that must not come.
    error("errors: overflow of integers", "verflow", "SELECT max(i64 * i64) FROM facts WHERE kind = 'A'"),
    error("errors: division by zero", "ivision by zero", "SELECT sum(i32 / maybe) FROM facts WHERE day >= DATE '1992-01-01'"),
    error("errors: a cast that does not fit", "cannot be cast", "SELECT sum(CAST(i32 AS SMALLINT)) FROM facts WHERE i16 > 0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let mut names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CASES.len());
    }
}
