//! Texts that come from several dictionaries: constants, CASE, and what compares, groups, joins and orders by them.

use super::check;

#[tokio::test(flavor = "multi_thread")]
async fn constants() {
    check(&[
        "SELECT item, 'sold' AS tag FROM items WHERE quantity = 3",
        "SELECT 'sold' AS tag, count(*), min('x'), max('y') FROM items",
        "SELECT item, CAST(NULL AS VARCHAR) AS nothing FROM items WHERE quantity = 3",
        "SELECT kind, tag, count(*) FROM (SELECT id, kind, 'parent' AS tag FROM parents) JOIN items ON parent = id GROUP BY kind, tag",
    ])
    .await;
}

/// A text that is NULL throughout has a dictionary without entries, and so have those it meets.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_null() {
    check(&[
        "SELECT nullif(substr(flag, 50), '') AS c, count(*) FROM items GROUP BY c",
        "SELECT CASE WHEN quantity > 10 THEN CASE WHEN maybe > 10 THEN nullif(substr(flag, 50), '') ELSE nullif(substr(status, 50), '') END ELSE nullif(left(flag, 0), '') END AS c FROM items",
        "SELECT CASE WHEN quantity > 10 THEN CASE WHEN maybe > 10 THEN nullif(substr(flag, 50), '') ELSE nullif(substr(status, 50), '') END ELSE 'none' END AS c, count(*) FROM items GROUP BY c",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cases() {
    check(&[
        "SELECT item, CASE WHEN quantity < 10 THEN 'few' WHEN quantity < 30 THEN 'some' ELSE 'many' END FROM items",
        "SELECT CASE WHEN quantity < 10 THEN 'few' WHEN quantity < 30 THEN 'some' END AS amount, count(*), sum(price) FROM items GROUP BY amount",
        "SELECT CASE WHEN maybe > 10 THEN flag ELSE status END AS either, count(*) FROM items GROUP BY either",
        "SELECT CASE WHEN maybe > 10 THEN flag WHEN maybe IS NULL THEN 'none' ELSE upper(status) END AS either, min(item) FROM items GROUP BY either",
        "SELECT min(CASE WHEN maybe > 10 THEN flag ELSE 'zz' END), max(CASE WHEN quantity > 10 THEN flag ELSE NULL END) FROM items",
        "SELECT item FROM items WHERE CASE WHEN quantity > 10 THEN flag ELSE 'O' END = status",
        "SELECT item FROM items WHERE CASE WHEN quantity > 10 THEN flag ELSE 'O' END < 'O'",
        "SELECT item FROM items WHERE CASE WHEN quantity > 10 THEN flag ELSE 'O' END IN ('O', 'A', 'R', 'none', NULL)",
        "SELECT item FROM items WHERE CASE WHEN quantity > 10 THEN flag ELSE 'O' END NOT IN ('O', 'A', 'none', 'zz', '')",
        "SELECT count(*) FROM items WHERE CASE WHEN maybe > 10 THEN 'a' END IS NULL",
        "SELECT coalesce(CASE WHEN maybe > 10 THEN flag END, status, 'none') AS c, count(*) FROM items GROUP BY c",
        "SELECT CASE quantity WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE CAST(NULL AS VARCHAR) END AS q, count(*) FROM items GROUP BY q",
        "SELECT p.kind, count(*) FROM items i JOIN parents p ON CASE WHEN i.quantity > 25 THEN 'red' ELSE 'blue' END = p.kind GROUP BY p.kind",
        "SELECT CASE WHEN kind = 'red' THEN 'r' ELSE kind END AS k, status, count(*) FROM items JOIN parents ON parent = id GROUP BY k, status",
    ])
    .await;
}
