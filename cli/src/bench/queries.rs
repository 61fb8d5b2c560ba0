//! What a query of a benchmark is; the 22 queries of TPC-H with the specification's validation parameters, and what ORDER BY
//! promises of each.

use std::borrow::Cow;

/// One query of a benchmark.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// From 1 on.
    pub(crate) number: u8,
    pub(crate) sql: Cow<'static, str>,
    /// Output columns that ORDER BY sorts by: their values come in one right order. Rows with equal keys may swap.
    pub(crate) order: &'static [usize],
}

impl Query {
    /// The same without the number of rows at its end; `None` where it has none.
    pub(crate) fn without_limit(&self) -> Option<String> {
        let text = self.sql.trim_end().trim_end_matches(';').trim_end();
        let (rest, rows) = text.rsplit_once(char::is_whitespace)?;
        let rest = rest.trim_end();
        let (query, word) = rest.rsplit_once(char::is_whitespace)?;
        let is_limit = word.eq_ignore_ascii_case("limit") && rows.bytes().all(|byte| byte.is_ascii_digit());
        is_limit.then(|| query.to_owned())
    }
}

macro_rules! query {
    ($number:literal, $file:literal, $order:expr) => {
        Query { number: $number, sql: Cow::Borrowed(include_str!(concat!("queries/", $file))), order: $order }
    };
}

/// All queries, by number.
pub(crate) const QUERIES: [Query; 22] = [
    query!(1, "q01.sql", &[0, 1]),
    query!(2, "q02.sql", &[0, 2, 1, 3]),
    query!(3, "q03.sql", &[1, 2]),
    query!(4, "q04.sql", &[0]),
    query!(5, "q05.sql", &[1]),
    query!(6, "q06.sql", &[]),
    query!(7, "q07.sql", &[0, 1, 2]),
    query!(8, "q08.sql", &[0]),
    query!(9, "q09.sql", &[0, 1]),
    query!(10, "q10.sql", &[2]),
    query!(11, "q11.sql", &[1]),
    query!(12, "q12.sql", &[0]),
    query!(13, "q13.sql", &[1, 0]),
    query!(14, "q14.sql", &[]),
    query!(15, "q15.sql", &[0]),
    query!(16, "q16.sql", &[3, 0, 1, 2]),
    query!(17, "q17.sql", &[]),
    query!(18, "q18.sql", &[4, 3]),
    query!(19, "q19.sql", &[]),
    query!(20, "q20.sql", &[0]),
    query!(21, "q21.sql", &[1, 0]),
    query!(22, "q22.sql", &[0]),
];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_limit_at_the_end_is_found() {
        let without = |sql: &'static str| Query { number: 1, sql: sql.into(), order: &[] }.without_limit();
        assert_eq!(without("SELECT a\nFROM t ORDER BY a\nLIMIT 100 ;\n").unwrap(), "SELECT a\nFROM t ORDER BY a");
        assert_eq!(without("SELECT a FROM t limit 5").unwrap(), "SELECT a FROM t");
        assert!(without("SELECT a FROM t ORDER BY a, 5").is_none());
        assert!(without("SELECT a FROM (SELECT a FROM t LIMIT 5)").is_none());
    }
}
