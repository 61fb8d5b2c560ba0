//! The 22 queries of TPC-H with the specification's validation parameters, and what ORDER BY promises of each.

/// One query of the benchmark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TpchQuery {
    /// 1 to 22.
    pub(crate) number: u8,
    pub(crate) sql: &'static str,
    /// Output columns that ORDER BY sorts by: their values come in one right order. Rows with equal keys may swap.
    pub(crate) order: &'static [usize],
}

macro_rules! query {
    ($number:literal, $file:literal, $order:expr) => {
        TpchQuery { number: $number, sql: include_str!(concat!("queries/", $file)), order: $order }
    };
}

/// All queries, by number.
pub(crate) const QUERIES: [TpchQuery; 22] = [
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
