//! Timestamps cut off to a unit, before 1970 and behind, in ticks of every length.

use super::harness::Both;

/// Of a time that is added a date takes the whole days, towards zero.
#[tokio::test(flavor = "multi_thread")]
async fn days_of_times() {
    let select = "SELECT CASE WHEN n % 7 = 3 THEN NULL ELSE arrow_cast(CAST(n * 331 - 9000 AS INT), 'Date32') END AS d, CAST(n AS INT) AS n FROM (SELECT value AS n FROM generate_series(0, 99))";
    let both = Both::over(&[("t", vec![select.into()])]).await;
    let intervals = [
        "432000 seconds",
        "-432000 seconds",
        "1 hour",
        "23 hours 59 minutes",
        "-23 hours",
        "25 hours",
        "-49 hours",
        "3 days 30 hours",
        "1 month -72 hours",
        "-2 days 100 hours",
        "1 nanosecond",
    ];
    for interval in intervals {
        both.same(&format!("SELECT n, d + INTERVAL '{interval}' AS a, d - INTERVAL '{interval}' AS b FROM t")).await;
    }
    both.same("SELECT count(*) FROM t a JOIN t b ON a.n % 3 = b.n % 3 AND b.d > a.d + INTERVAL '432000 seconds'").await;
    both.fails("SELECT d + INTERVAL '95000000 days 2400000 hours' FROM t", "overflow").await;
}

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
