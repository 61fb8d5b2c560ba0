//! TPC-H's shape in memory: types, ranges and skew as dbgen makes them, in as many rows as a test asks for.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
};

/// How many rows the tables have. Keys cover 17 bits and more, as they do from scale 0.5 on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) orders: i64,
    pub(crate) customers: i64,
    pub(crate) parts: i64,
}

pub(crate) const SMALL: Sizes = Sizes { orders: 20_000, customers: 70_000, parts: 70_000 };
pub(crate) const LARGE: Sizes = Sizes { orders: 31_777, customers: 99_001, parts: 75_321 };

type Columns = Vec<(&'static str, ArrayRef, bool)>;

/// A number that looks drawn, and is the same every time.
fn drawn(row: i64, column: i64) -> i64 {
    let mixed =
        (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (column as u64).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as i64
}

/// A column whose first two rows are its ends, so that its range is known however few rows there are.
fn within(rows: i64, column: i64, min: i64, max: i64) -> Vec<i64> {
    (0..rows)
        .map(|row| match row {
            0 => min,
            1 => max,
            _ => min + drawn(row, column) % (max - min + 1),
        })
        .collect()
}

fn keys(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn money(values: Vec<i64>) -> ArrayRef {
    let values = Decimal128Array::from_iter_values(values.into_iter().map(i128::from));
    Arc::new(values.with_precision_and_scale(15, 2).unwrap())
}

fn days(values: Vec<i64>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(values.into_iter().map(|day| day as i32)))
}

fn words(rows: i64, column: i64, words: &[&str]) -> ArrayRef {
    let word = |row| words[drawn(row, column) as usize % words.len()];
    Arc::new(StringViewArray::from_iter_values((0..rows).map(word)))
}

/// Orders have keys with gaps, 8 of 32, ascending.
fn order_key(order: i64) -> i64 {
    order / 8 * 32 + order % 8 + 1
}

fn lineitem(sizes: Sizes) -> Columns {
    let rows = sizes.orders * 4;
    vec![
        ("l_orderkey", keys((0..rows).map(|row| order_key(row / 4))), false),
        ("l_partkey", keys(within(rows, 1, 1, sizes.parts)), false),
        ("l_quantity", money(within(rows, 2, 1, 50).into_iter().map(|quantity| quantity * 100).collect()), false),
        ("l_extendedprice", money(within(rows, 3, 90_091, 10_494_950)), false),
        ("l_discount", money(within(rows, 4, 0, 10)), false),
        ("l_tax", money(within(rows, 5, 0, 8)), false),
        ("l_returnflag", words(rows, 6, &["A", "N", "R"]), false),
        ("l_linestatus", words(rows, 7, &["F", "O"]), false),
        ("l_shipdate", days(within(rows, 8, 8036, 10_561)), false),
    ]
}

fn orders(sizes: Sizes) -> Columns {
    let rows = sizes.orders;
    let comment = |row| format!("order {row} with special {} requests", drawn(row, 18));
    vec![
        ("o_orderkey", keys((0..rows).map(order_key)), false),
        ("o_custkey", keys(within(rows, 9, 1, sizes.customers)), false),
        ("o_orderdate", days(within(rows, 10, 8035, 10_440)), false),
        ("o_shippriority", Arc::new(Int32Array::from_iter_values((0..rows).map(|_| 0))) as ArrayRef, false),
        ("o_comment", Arc::new(StringViewArray::from_iter_values((0..rows).map(comment))), false),
    ]
}

fn customer(sizes: Sizes) -> Columns {
    let segments = ["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"];
    vec![
        ("c_custkey", keys(1..=sizes.customers), false),
        ("c_mktsegment", words(sizes.customers, 11, &segments), false),
    ]
}

fn part(sizes: Sizes) -> Columns {
    let kinds = ["STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"];
    let metals = ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"];
    let types: Vec<String> = kinds.iter().flat_map(|kind| metals.map(|metal| format!("{kind} {metal}"))).collect();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    vec![("p_partkey", keys(1..=sizes.parts), false), ("p_type", words(sizes.parts, 12, &types), false)]
}

/// NULLs, floats, keys that are not unique, and values of more than 32 bits.
fn events(sizes: Sizes) -> Columns {
    let rows = sizes.orders;
    let some = |column: i64, min, max| -> Int64Array {
        let values = within(rows, column, min, max).into_iter().enumerate();
        values.map(|(row, value)| (row < 2 || drawn(row as i64, column + 100) % 5 > 0).then_some(value)).collect()
    };
    let narrow = some(13, -100, 100).iter().map(|value| value.map(|value| value as i32)).collect::<Int32Array>();
    let ratio = within(rows, 16, 0, 1_000_000).into_iter().map(|value| value as f64 / 997.0);
    vec![
        ("e_small", Arc::new(narrow) as ArrayRef, true),
        ("e_large", Arc::new(some(14, i64::MIN / 4, i64::MAX / 4)), true),
        ("e_customer", Arc::new(some(15, 1, sizes.customers)), true),
        ("e_ratio", Arc::new(Float64Array::from_iter_values(ratio)), false),
        ("e_kind", words(rows, 17, &["click", "load", "scroll"]), true),
    ]
}

/// All tables by name.
pub(crate) fn tables(sizes: Sizes) -> Vec<(&'static str, RecordBatch)> {
    let tables = [
        ("lineitem", lineitem(sizes)),
        ("orders", orders(sizes)),
        ("customer", customer(sizes)),
        ("part", part(sizes)),
        ("events", events(sizes)),
    ];
    tables
        .into_iter()
        .map(|(name, columns)| (name, RecordBatch::try_from_iter_with_nullable(columns).unwrap()))
        .collect()
}
