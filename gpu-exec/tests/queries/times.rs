//! Timestamps cut off to a unit, before 1970 and behind, in ticks of every length.

use super::harness::Both;

#[tokio::test(flavor = "multi_thread")]
async fn cut_off() {
    // 1,000 days and some hours, minutes and ticks apart, from 1903 to 2177.
    let units = ["Second", "Millisecond", "Microsecond", "Nanosecond"];
    let times = units.iter().enumerate().map(|(power, unit)| {
        let second = 1000_i64.pow(u32::try_from(power).unwrap());
        format!(
            "CASE WHEN n % 17 = 3 THEN NULL ELSE arrow_cast((n * 86461 * 1000 - 2114380799) * {second} + n % {second}, 'Timestamp({unit}, None)') END AS {unit}"
        )
    });
    let columns = times.collect::<Vec<_>>().join(", ");
    let select = format!("SELECT {columns}, CAST(n AS INT) AS n FROM (SELECT value AS n FROM generate_series(0, 99))");
    let both = Both::over(&[("t", vec![select])]).await;
    for unit in ["microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"] {
        let each: Vec<String> =
            units.iter().map(|column| format!("date_trunc('{unit}', {column}) AS {column}")).collect();
        both.same(&format!("SELECT n, {} FROM t", each.join(", "))).await;
    }
    for query in [
        "SELECT date_trunc('month', Microsecond) AS month, count(*), min(n) FROM t GROUP BY date_trunc('month', Microsecond)",
        "SELECT count(*) FROM t WHERE date_trunc('week', Nanosecond) < TIMESTAMP '1960-01-05 00:00:00'",
        "SELECT count(*) FROM t WHERE date_trunc('QUARTER', Second) = date_trunc('year', Second)",
    ] {
        both.same(query).await;
    }
}
