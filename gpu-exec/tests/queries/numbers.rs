//! Numbers rounded, shifted and taken bit by bit: at the ends of their types, half way between, and where there is none.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::physical_plan::collect;

use super::harness::{Both, planned};

/// Floats around halves and zeros, those that are no numbers, and many of others.
fn floats() -> String {
    let odd = [
        "'NaN'",
        "'-NaN'",
        "'inf'",
        "'-inf'",
        "0.0",
        "'-0.0'",
        "0.5",
        "-0.5",
        "-0.3",
        "1.5",
        "2.5",
        "-2.5",
        "0.49999999999999994",
        "4503599627370497.5",
        "9007199254740993.0",
        "1.005",
        "2.675",
        "-1.005",
        "1e300",
        "-1e300",
        "5e-324",
        "123456.789",
        "0.285",
    ];
    let odd: Vec<String> = odd.iter().map(|value| format!("(CAST({value} AS DOUBLE))")).collect();
    format!(
        "SELECT f, CAST(f AS REAL) AS r FROM (VALUES {}, (NULL)) v(f) UNION ALL SELECT (n - 500) / 8.0e0 + n * 1e-7, (n - 500) / 16.0e0 FROM \
         (SELECT value AS n FROM generate_series(0, 1000))",
        odd.join(", ")
    )
}

/// Decimals of every scale, and integers, at the ends of their types and between.
const EXACT: &str = "SELECT * FROM (VALUES \
    (1, CAST('99999.99' AS DECIMAL(7,2)), CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)), CAST('0.9999999999' AS DECIMAL(10,10)), 127, 32767, 2147483647, 9223372036854775800, '255', '18446744073709551615'), \
    (2, CAST('-99999.99' AS DECIMAL(7,2)), CAST('-49999999999999999999999999999999999999' AS DECIMAL(38,0)), CAST('-0.5' AS DECIMAL(10,10)), -128, -32768, -2147483648, -9223372036854775800, '0', '0'), \
    (3, CAST('0.05' AS DECIMAL(7,2)), CAST('5' AS DECIMAL(38,0)), CAST('0.0000000005' AS DECIMAL(10,10)), 5, 5, 5, 5, '5', '9223372036854775808'), \
    (4, CAST('-0.05' AS DECIMAL(7,2)), CAST('-5' AS DECIMAL(38,0)), CAST('0' AS DECIMAL(10,10)), -5, -5, -15, -45, '15', '25'), \
    (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
    (6, CAST('12345.65' AS DECIMAL(7,2)), CAST('12345678901234567890123456789012345678' AS DECIMAL(38,0)), CAST('0.1234567891' AS DECIMAL(10,10)), 44, 14449, 1444444449, 4444444444444444449, '144', '14444444444444444449')) \
    v(id, d, w, p, b, s, i, l, ub, ul)";

async fn both() -> Both {
    let exact = format!(
        "SELECT id, d, w, p, arrow_cast(b, 'Int8') AS b, arrow_cast(s, 'Int16') AS s, arrow_cast(i, 'Int32') AS i, arrow_cast(l, 'Int64') AS l, \
         arrow_cast(ub, 'UInt8') AS ub, arrow_cast(ul, 'UInt64') AS ul, arrow_cast(id - 4, 'Int8') AS nb, arrow_cast(id - 4, 'Int64') AS nl, \
         arrow_cast(id * 13, 'UInt8') AS nub, arrow_cast(id * 13, 'UInt64') AS nul, arrow_cast(id * 13, 'Int32') AS ni FROM ({EXACT})"
    );
    Both::over(&[("f", vec![floats()]), ("e", vec![exact])]).await
}

/// The floats of an answer, to the bit; every NaN is one.
async fn bits(both: &Both, query: &str, on_device: bool) -> Vec<String> {
    let context = if on_device { &both.device } else { &both.host };
    let plan = planned(context, query).await;
    let batches = collect(plan, context.task_ctx()).await.unwrap();
    let mut lines = vec![];
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |column: &arrow::array::ArrayRef| match column.data_type() {
                _ if column.is_null(row) => "NULL".to_owned(),
                DataType::Float64 if column.as_primitive::<Float64Type>().value(row).is_nan() => "NaN".to_owned(),
                DataType::Float64 => format!("{:x}", column.as_primitive::<Float64Type>().value(row).to_bits()),
                DataType::Float32 if column.as_primitive::<Float32Type>().value(row).is_nan() => "NaN".to_owned(),
                DataType::Float32 => format!("{:x}", column.as_primitive::<Float32Type>().value(row).to_bits()),
                other => panic!("{other} in {query}"),
            };
            lines.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_are_rounded_to_the_bit() {
    let both = both().await;
    let calls = ["round({})", "trunc({})", "floor({})", "ceil({})"].map(str::to_owned);
    let places =
        [0, 1, 2, 7, 15, -1, -2, -30].map(|places| format!("round({{}}, {places}) AS a, trunc({{}}, {places})"));
    for call in calls.iter().chain(&places) {
        for column in ["f", "r", "f / 3"] {
            let query = format!("SELECT {column}, {} FROM f", call.replace("{}", column));
            both.same(&query).await;
            assert_eq!(bits(&both, &query, true).await, bits(&both, &query, false).await, "{query}");
        }
    }
    for query in [
        "SELECT round(f, 1) AS tenth, count(*) FROM f WHERE f BETWEEN -10 AND 10 GROUP BY round(f, 1)",
        "SELECT count(*) FROM f WHERE floor(f) = 3 OR ceil(r) = -2",
        "SELECT sum(CAST(round(r) AS BIGINT)) FROM f WHERE r > -100 AND r < 100",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decimals_and_integers_are_rounded() {
    let both = both().await;
    for places in [0, 1, 2, 3, 9, -1, -2, -4, -5, -6, -7, -9, -37, -38, -39, -300] {
        both.same(&format!(
            "SELECT id, round(d, {places}), round(p, {places}), trunc(d, {places}), trunc(w, {places}) FROM e"
        ))
        .await;
        both.same(&format!("SELECT id, round(d / 3, {places}), round(p * d, {places}) FROM e")).await;
        both.same(&format!("SELECT id, round(w, {places}) FROM e WHERE id > 1")).await;
    }
    both.same("SELECT id, round(d), trunc(d), round(w), trunc(p), round(p), trunc(w) FROM e").await;
    both.same("SELECT id, floor(w), ceil(w) FROM e").await;
    both.same("SELECT id, floor(d), ceil(d) FROM e WHERE abs(d) < 99999").await;
    both.same("SELECT id, round(b), round(ul, 3), round(b, -3), round(i, -10), round(l, -19), round(ul, -20) FROM e")
        .await;
    both.same("SELECT id, round(b, -1), round(s, -2), round(i, -3), round(l, -4), round(ul, -5) FROM e WHERE id > 2")
        .await;
    both.same("SELECT round(d, -1) AS tens, count(*) FROM e GROUP BY round(d, -1)").await;
    for (query, cause) in [
        ("SELECT ceil(d) FROM e", "overflow"),
        ("SELECT floor(d) FROM e", "overflow"),
        ("SELECT ceil(p) FROM e", "overflow"),
        ("SELECT round(w, -1) FROM e", "overflow"),
        ("SELECT round(b, -1) FROM e", "overflow"),
        ("SELECT round(ul, -1) FROM e WHERE id = 1", "overflow"),
        ("SELECT round(l, -18) FROM e WHERE id = 1 OR id = 3", ""),
    ] {
        if cause.is_empty() {
            both.same(query).await;
        } else {
            both.fails(query, cause).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bits_and_shifts() {
    let both = both().await;
    for query in [
        "SELECT id, b & nb, b | nb, b ^ nb, b << nb, b >> nb FROM e",
        "SELECT id, l & nl, l | nl, l ^ nl, l << nl, l >> nl FROM e",
        "SELECT id, ub & nub, ub | nub, ub ^ nub, ub << nub, ub >> nub FROM e",
        "SELECT id, ul & nul, ul | nul, ul ^ nul, ul << nul, ul >> nul FROM e",
        "SELECT id, i & ni, i | ni, i ^ ni, i << ni, i >> ni, ni >> i, s | b, i & l FROM e",
        "SELECT id, s << arrow_cast(17, 'Int16'), s >> arrow_cast(-1, 'Int16'), l << 63, l >> 64, i >> 33, ub >> arrow_cast(9, 'UInt8') FROM e",
        "SELECT id, l & 255, l | 1, l ^ -1, l & NULL, NULL >> l, ul & arrow_cast(3, 'UInt64') FROM e",
        "SELECT l & 3 AS k, count(*), sum(i >> 4) FROM e GROUP BY l & 3",
        "SELECT id FROM e WHERE (i & 1) = 1 AND ul >> arrow_cast(63, 'UInt64') = 1",
    ] {
        both.same(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_and_the_smallest_of_several() {
    let both = both().await;
    for query in [
        "SELECT id, greatest(i, ni), least(i, ni), greatest(l, nl, 7), least(nl, 3, l, -1) FROM e WHERE nl > -100",
        "SELECT id, greatest(d, CAST(id AS DECIMAL(7,2)), NULL), least(d, NULL), greatest(ul, nul), least(w, CAST(nl AS DECIMAL(38,0))) FROM e WHERE nl > -100",
        "SELECT max(greatest(i, ni)), min(least(nub, ub)), sum(greatest(nl, 2)) FROM e",
    ] {
        both.same(query).await;
    }
}
