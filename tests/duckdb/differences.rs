//! Where Maar's SQL and DuckDB's differ, statement by statement, and why. An entry that is no difference fails the test,
//! as does a difference without an entry. What users should know of them is in docs/sql.md.

/// Statements whose two answers may differ.
pub(crate) struct Difference {
    /// `topic/file` below `sqllogictest/slt`; empty for what differs wherever it stands.
    pub(crate) file: &'static str,
    /// A part of the statement.
    pub(crate) sql: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    pub(crate) why: &'static str,
}

impl Difference {
    pub(crate) fn is_about(&self, file: &str, sql: &str) -> bool {
        (self.file.is_empty() || self.file == file) && sql.contains(self.sql)
    }
}

const fn differ(file: &'static str, sql: &'static str, why: &'static str) -> Difference {
    Difference { file, sql, why }
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    differ("aggregate/means", "avg(d38) FROM types WHERE d38 >", "DuckDB sums into 128 bits"),
    differ("aggregate/means", "avg(d38) FROM types WHERE d38 <", "DuckDB sums into 128 bits"),
    differ("aggregate/means", "avg(d38) OVER", "DuckDB sums into 128 bits"),
    differ(
        "expressions/casts_compared",
        "WHERE TRY_CAST(i AS INT) > 0",
        "DuckDB takes the cast off the column, though it makes NULL of what does not fit",
    ),
    differ(
        "expressions/casts_compared",
        "CAST(u AS TINYINT) > 0",
        "DuckDB takes the cast off the column, and nothing fails",
    ),
    differ("expressions/list_aggregates", "a + x * k", "DuckDB's lambda reads k of other rows once lists have ended"),
    differ("expressions/lazy", "(s <> 'x' AND CAST(s AS INT) > 5) IS NULL", "DuckDB casts for every row"),
    differ("expressions/lazy", "max(CAST(s AS INT)) FILTER", "DuckDB casts for every row"),
    differ("expressions/lazy", "WHERE k = 0 AND 100 / k", "DuckDB's integer division by zero is NULL"),
    differ(
        "filter/row_values",
        "SELECT (1, NULL) < (1, 1)",
        "DuckDB orders NULL inside rows, PostgreSQL and the standard do not",
    ),
    differ(
        "filter/row_values",
        "(a, b) > (2, 1)",
        "DuckDB orders NULL inside rows, PostgreSQL and the standard do not",
    ),
    differ(
        "windows/range_frames",
        "BETWEEN 10 PRECEDING AND 10 FOLLOWING",
        "DuckDB's bounds overflow the type of the order",
    ),
    differ("windows/range_frames", "'UInt8'", "DuckDB has no arrow_cast"),
    differ("windows/range_frames", "9223372036854775807 PRECEDING", "DuckDB's bounds overflow the type of the order"),
    differ("windows/nth_value", "nth_value(x, -1)", "it is NULL in DuckDB, and refused by PostgreSQL"),
    differ("windows/nth_value", "nth_value(x, 0)", "it is NULL in DuckDB, and refused by PostgreSQL"),
    differ("filter/subquery_names", "(a, 5) IN (SELECT k, x", "DuckDB has no correlated IN of several columns"),
    differ("filter/subquery_names", "(id, a) IN (SELECT 1, k", "DuckDB has no correlated IN of several columns"),
    differ("strings/collations", "COLLATE binary", "DuckDB wants the name in quotes"),
    differ("strings/collations", "COLLATE NOCASE", "DuckDB has collations"),
    differ(
        "times/interval_keys",
        "SELECT CAST(i AS VARCHAR), sum(id)",
        "DuckDB's groups show the first of equal intervals",
    ),
    differ("times/interval_keys", "GROUP BY ROLLUP (i)", "DuckDB's groups show the first of equal intervals"),
    differ("times/interval_keys", "GROUPING SETS ((g), (i), ())", "DuckDB's groups show the first of equal intervals"),
    differ("times/interval_keys", "i > ALL (SELECT", "DuckDB's ALL and ANY take no intervals"),
    differ("times/interval_keys", "array_agg(DISTINCT i) OVER", "DuckDB tells equal intervals apart in windows"),
    differ("times/interval_products", "INTERVAL '1 month' * 1.5", "DuckDB spreads half a month over days"),
    differ("filter/row_values", "(a, b) = (SELECT 2, 1)", "DuckDB's subqueries have one column, PostgreSQL's rows"),
    differ("aggregate/approx_distinct", "approx_distinct", "DuckDB calls it approx_count_distinct"),
    differ("expressions/list_sums", "[9223372036854775807, 1]", "DuckDB sums into 128 bits"),
    differ("types/nullif", "nvl2", "DuckDB has no nvl2"),
    differ("times/date_bin", "date_bin", "DuckDB calls it time_bucket"),
    differ("errors/division", "SELECT 1 / 0", "DuckDB's integer division by zero is NULL"),
    differ("errors/division", "SELECT 1 % 0", "DuckDB's remainder of a division by zero is NULL"),
    differ("errors/division", "id / (one - 1)", "DuckDB's integer division by zero is NULL"),
    differ("errors/division", "sum(price / (one - 1))", "DuckDB divides decimals as doubles"),
    differ("errors/division", "1e0 / 0", "integer_division makes DuckDB's float division by zero NULL too"),
    differ("errors/overflow", "i64 - 1 < 0", "DuckDB moves the 1 to the other side, where nothing overflows"),
    differ("errors/overflow", "SELECT sum(i64)", "DuckDB sums into 128 bits"),
    differ("errors/overflow", "b, sum(i64)", "DuckDB sums into 128 bits"),
    differ("errors/overflow", "sum(u64)", "DuckDB sums into 128 bits"),
    differ("expressions/calendar", "INTERVAL '252144 years'", "DuckDB's calendar goes on to the year 290000 or so"),
    differ("expressions/calendar", "'252143 years 1 day'", "DuckDB's calendar goes on to the year 290000 or so"),
    differ("expressions/calendar", "'262144 years 1 day'", "DuckDB's calendar begins earlier"),
    differ("expressions/calendar", "'95000000 days'", "DuckDB's calendar goes on to the year 290000 or so"),
    differ("expressions/calendar", "at_ns + INTERVAL", "DuckDB adds intervals to nanoseconds as to microseconds"),
    differ("expressions/dates", "INTERVAL '90' DAY", "a date and an interval make a timestamp in DuckDB, a date here"),
    differ("files/lists", "'LAKE/{", "DuckDB has no braces"),
    differ("files/lists", "FROM ['LAKE/", "DuckDB takes lists of files in its readers alone"),
    differ("", "LEFT SEMI JOIN", "DuckDB spells it SEMI JOIN"),
    differ("", "LEFT ANTI JOIN", "DuckDB spells it ANTI JOIN"),
    differ("", "INSERT INTO", "an INSERT gives a row with its count here"),
    differ("", "maar.require_device", "an option of ours"),
    differ("", "octet_length(", "DuckDB has octet_length for blobs and bits only"),
    differ(
        "filter/row_values",
        "NOT IN ((1, 10)",
        "DuckDB compares rows in a list as structs, in which NULL equals NULL",
    ),
    differ("filter/row_values", "(k, v) = (2, 20)", "DuckDB compares rows as structs"),
    differ("filter/row_values", "(k, v) <> (2, 20)", "DuckDB compares rows as structs"),
    differ("filter/row_values", "(o.k, o.v) IN", "a row that differs in one column is false here, NULL in DuckDB"),
    differ(
        "filter/row_values",
        "(k, v) NOT IN (SELECT",
        "a row that differs in one column is false here, NULL in DuckDB",
    ),
    differ("strings/like_escape", "LIKE 'a!' ESCAPE", "a pattern that ends with its escape character is an error here"),
    differ("strings/like", "'a\\%c'", "no escape character unless ESCAPE names one"),
    differ("strings/like", "'a\\_c'", "no escape character unless ESCAPE names one"),
    differ(
        "types/casts",
        "CAST(1.7 AS INT)",
        "1.7 is a decimal in DuckDB, and casts of it round; here it is a double, and casts cut off",
    ),
    differ("types/casts", "CAST(d9 AS BIGINT)", "casts of decimals to integers round in DuckDB, and cut off here"),
    differ("", "arrow_typeof", "a function of DataFusion; its types are Arrow's"),
    differ("types/extremes", "min(at_ns)", "DuckDB's timestamps have infinities at both ends of their range"),
    differ("times/units", "ns", "DuckDB brings both sides to nanoseconds, which end in 2262"),
    differ("types/floats_and_decimals", "arrow_cast", "DuckDB has no arrow_cast"),
];
