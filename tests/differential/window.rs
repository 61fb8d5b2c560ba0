//! Window functions in the grammar. Their answers do not hang on the order of equal rows: ranks and frames of peers are the same
//! for all of them, and where rows are counted the order is by all columns, so that only rows alike in everything may change
//! places.

use rand::Rng;
use rand::rngs::StdRng;

use maar_tests::random::{Grammar, Table};

/// One call, over the rows of these tables; and whether rows alike in everything may change places in it. Of such calls a query
/// has one: in another they might change places otherwise.
pub(crate) fn call(grammar: &Grammar<'_>, tables: &[&Table], random: &mut StdRng) -> (String, bool) {
    let mut some = |most: usize| {
        let count = random.random_range(0..most);
        (0..count).filter_map(|_| grammar.any_column(random)).map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    let (partition, mut order) = (some(3), some(3));
    let column = grammar.any_column(random).map_or_else(|| "1".to_owned(), |column| column.name.clone());
    let number = grammar.number(1, random);
    let (function, frame) = match random.random_range(0..12) {
        0 => ("rank()".to_owned(), ""),
        1 => ("dense_rank()".to_owned(), ""),
        2 => (["percent_rank()", "cume_dist()"][random.random_range(0..2)].to_owned(), ""),
        3 => (format!("sum({number})"), ""),
        4 => (format!("avg({number})"), ""),
        5 => (format!("{}({column})", ["min", "max", "count"][random.random_range(0..3)]), ""),
        6 => {
            let frame = [
                " ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING",
                " ROWS BETWEEN 2 PRECEDING AND UNBOUNDED FOLLOWING",
                " ROWS BETWEEN 1 FOLLOWING AND 5 FOLLOWING",
            ];
            let function = ["count", "min", "max"][random.random_range(0..3)];
            (format!("{function}({column})"), frame[random.random_range(0..3)])
        }
        7 => ("row_number()".to_owned(), ""),
        8 => (format!("{}({column}, 2)", ["lag", "lead"][random.random_range(0..2)]), ""),
        9 => (format!("first_value({column})"), " ROWS BETWEEN 4 PRECEDING AND 2 PRECEDING"),
        10 => (format!("last_value({column})"), " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING"),
        _ => (format!("ntile({})", random.random_range(1..9)), ""),
    };
    let counts_rows =
        !frame.is_empty() || ["row", "lag", "lead", "nti"].iter().any(|start| function.starts_with(start));
    if counts_rows {
        order = tables.iter().flat_map(|table| &table.columns).map(|column| column.name.clone()).collect();
    }
    let descending = if random.random_bool(0.3) { " DESC NULLS LAST" } else { "" };
    let by = |words: &str, keys: &[String], direction: &str| match keys {
        [] => String::new(),
        keys => {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key}{direction}")).collect();
            format!("{words} {} ", keys.join(", "))
        }
    };
    let (partition, order) = (by("PARTITION BY", &partition, ""), by("ORDER BY", &order, descending));
    (format!("{function} OVER ({partition}{order}{})", frame.trim_start()), counts_rows)
}
