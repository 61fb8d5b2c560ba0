//! Variances, standard deviations, and extremes of what 64 bits do not hold.

use super::harness::Both;

/// Integers near and far from zero, decimals of few and of many digits, both ends of 64 bits; all with NULLs.
async fn both() -> Both {
    let rows = |first: u64, last: u64| {
        format!(
            "SELECT CAST(n % 5 AS INT) AS few, CAST(n % 700 AS BIGINT) AS many, n * 1000003 AS key, \
             CASE WHEN n % 11 = 4 THEN NULL ELSE CAST((n * 7919) % 1000 - 300 AS INT) END AS i, \
             1000000000 + n % 3 AS near, \
             CASE WHEN n % 13 = 5 THEN NULL ELSE n * 4400000000000001 - 9000000000000000000 END AS far, \
             CAST(CAST((n * 31) % 100000 AS DECIMAL(15,2)) / 100 AS DECIMAL(15,2)) AS d, \
             CAST(CAST(n AS DECIMAL(12,6)) * 1.000001 AS DECIMAL(18,6)) AS d6, \
             CASE WHEN n % 7 = 3 THEN NULL ELSE CAST((n * 7919) % 4001 - 2000 AS DECIMAL(38,4)) * CAST('9007199254740993.0001' AS DECIMAL(38,4)) END AS w, \
             CAST(n AS DOUBLE) / 8 AS f FROM (SELECT value AS n FROM generate_series({first}, {last}))"
        )
    };
    let ends = "SELECT arrow_cast(u, 'UInt64') AS u, CAST(b AS BIGINT) AS b, CAST(x AS DECIMAL(38,0)) AS x, g FROM (VALUES \
        ('18446744073709551615', '9223372036854775807', '99999999999999999999999999999999999999', 1), \
        ('0', '-9223372036854775808', '-99999999999999999999999999999999999999', 1), \
        ('18446744073709551614', '9223372036854775806', '18446744073709551616', 2), \
        ('18446744073709551614', '9223372036854775806', '18446744073709551615', 2), \
        ('1', '-1', '0', 3), (NULL, NULL, NULL, 3), (NULL, NULL, NULL, 4)) v(u, b, x, g)";
    Both::over(&[("t", vec![rows(0, 3999), rows(4000, 4030)]), ("ends", vec![ends.into()])]).await
}

/// The host adds and merges in floats, so values far from zero are compared by what is exact.
#[tokio::test(flavor = "multi_thread")]
async fn variances() {
    let both = both().await;
    let calls = |column: &str| {
        format!(
            "var_samp({column}) AS a, var_pop({column}) AS b, stddev({column}) AS c, stddev_pop({column}) AS d, count({column}) AS n"
        )
    };
    for column in ["i", "d", "d6", "i + 1"] {
        for keys in ["few", "many", "key", "few, many", "few IS NULL"] {
            both.same(&format!("SELECT {keys}, {} FROM t GROUP BY {keys}", calls(column))).await;
        }
        both.same(&format!("SELECT {} FROM t", calls(column))).await;
        both.same(&format!("SELECT {} FROM t WHERE key < 0", calls(column))).await;
        both.same(&format!(
            "SELECT few, stddev({column}) FILTER (WHERE many % 2 = 0 AND i > 0) AS s FROM t GROUP BY few"
        ))
        .await;
    }
    for query in [
        "SELECT stddev(i), avg(i), sum(i), max(d) FROM t",
        "SELECT many, stddev(i), stddev(i) / avg(i) AS cov FROM t GROUP BY many HAVING stddev(i) > 1",
        "SELECT few, var(i), var_pop(d) FROM t WHERE i IS NULL OR d > 5 GROUP BY few",
        "SELECT g, var_samp(b), var_pop(b) FROM ends WHERE g > 2 GROUP BY g",
    ] {
        both.same(query).await;
    }
    // One row each, and rows that are equal.
    both.same("SELECT key, var_samp(i), var_pop(i), stddev(d) FROM t GROUP BY key").await;
    both.same("SELECT few, var_pop(few), stddev(few) FROM t GROUP BY few").await;
}

/// Where the host's floats would lose digits: the same distances around zero have the same variance.
#[tokio::test(flavor = "multi_thread")]
async fn variances_of_large_values_lose_nothing() {
    let both = both().await;
    for (far, near) in [
        ("near", "near - 1000000000"),
        ("near * 1000000000", "(near - 1000000000) * 1000000000"),
        ("far", "CASE WHEN far IS NOT NULL THEN CAST(key / 1000003 - 2000 AS DOUBLE) * 4400000000000001 END"),
    ] {
        let query =
            |column: &str| format!("SELECT few, var_pop({column}) AS v, stddev({column}) AS s FROM t GROUP BY few");
        both.agree(&query(far), &query(near)).await;
    }
    for (column, centred) in [("u", "CAST(u AS DOUBLE)"), ("b", "CAST(b AS DOUBLE)")] {
        both.agree(
            &format!("SELECT var_pop({column}), stddev({column}) FROM ends WHERE g = 1"),
            &format!("SELECT var_pop({centred}), stddev({centred}) FROM ends WHERE g = 1"),
        )
        .await;
    }
    // A quarter: two neighbours at the ends of 64 bits, which are one float.
    both.agree(
        "SELECT var_pop(b), var_pop(u) FROM ends WHERE b > 9223372036854775800 AND (g = 1 OR b = 9223372036854775806)",
        "SELECT CAST(2 AS DOUBLE) / 9 AS a, CAST(2 AS DOUBLE) / 9 AS b",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extremes_of_wide_decimals() {
    let both = both().await;
    for query in [
        "SELECT min(w), max(w), count(w) FROM t WHERE many >= 0",
        "SELECT few, min(w), max(w) FROM t GROUP BY few",
        "SELECT many, min(w), max(w), sum(d), min(i) FROM t GROUP BY many",
        "SELECT key, max(w), min(w) FROM t GROUP BY key",
        "SELECT few, max(w) FILTER (WHERE i > 500), min(w) FILTER (WHERE i IS NULL) FROM t GROUP BY few",
        "SELECT max(s), min(s) FROM (SELECT many, sum(w) AS s FROM t GROUP BY many)",
        "SELECT min(x), max(x) FROM ends WHERE g < 9",
        "SELECT g, min(x), max(x), count(x) FROM ends GROUP BY g",
        "SELECT min(x), max(x) FROM ends WHERE g > 3",
        "SELECT g, max(x) FROM ends GROUP BY g HAVING max(x) > 18446744073709551615",
        "SELECT few, many, key, max(w) FROM t GROUP BY few, many, key",
    ] {
        both.same(query).await;
    }
}
