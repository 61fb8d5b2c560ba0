//! Tables whose columns are not what they were: found by numbers however they are called, of types that grew in every way that the protocol
//! has; and tables without rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use serde_json::json;

use super::log::{Table, column, features, mapped, metadata, numbered, remove, sessions};
use crate::support::cells;

#[tokio::test]
async fn columns_are_found_by_their_numbers() {
    let by_number = json!({"delta.columnMapping.mode": "id"});
    let columns = json!([
        mapped("i", json!("long"), "c1", 1),
        mapped("t", json!("string"), "c2", 2),
        mapped("p", json!("string"), "c9", 9)
    ]);
    let table = Table::with(features(&["columnMapping"]), columns, &["p"], by_number.clone());
    let longs = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let texts = |values: &[&'static str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    // Names say nothing where there are numbers: here each is another's.
    numbered(&table.path("a.parquet"), vec![("c2", 1, longs(&[1, 2])), ("c1", 2, texts(&["x", "y"]))]);
    table.commit(1, &[table.add("a.parquet", json!({"partitionValues": {"c9": "a b"}}))]);
    // Column t is dropped, i is called t, and a new i comes.
    let columns = json!([
        mapped("t", json!("long"), "c1", 1),
        mapped("i", json!("string"), "c3", 3),
        mapped("q", json!("string"), "c9", 9)
    ]);
    numbered(&table.path("b.parquet"), vec![("c3", 3, texts(&["new"])), ("c1", 1, longs(&[3]))]);
    let added = table.add("b.parquet", json!({"partitionValues": {"c9": null}}));
    table.commit(2, &[metadata(columns, &["q"], by_number), added]);
    for session in sessions() {
        let now = format!("select t, i, q from '{}' order by t", table.name());
        assert_eq!(cells(&session, &now).await.unwrap(), "1,,a b;2,,a b;3,new,");
        let before = format!("select i, t, p from delta_scan('{}', version = 1) order by i", table.name());
        assert_eq!(cells(&session, &before).await.unwrap(), "1,x,a b;2,y,a b");
        let some = format!("select sum(t) from '{}' where q = 'a b' and t > 1", table.name());
        assert_eq!(cells(&session, &some).await.unwrap(), "2");
    }
}

#[tokio::test]
async fn types_grow_in_every_way() {
    let grown = [
        ("a", "byte", "long", "cast(7 as tinyint)", "7"),
        ("b", "short", "integer", "cast(-7 as smallint)", "-7"),
        ("c", "integer", "double", "cast(16777217 as int)", "16777217.0"),
        ("d", "float", "double", "cast(0.5 as real)", "0.5"),
        ("e", "byte", "decimal(10,0)", "cast(7 as tinyint)", "7"),
        ("f", "integer", "decimal(12,2)", "cast(-5 as int)", "-5.00"),
        ("g", "long", "decimal(22,2)", "cast(9000000000 as bigint)", "9000000000.00"),
        ("h", "decimal(5,2)", "decimal(12,4)", "cast(1.25 as decimal(5, 2))", "1.2500"),
        ("k", "date", "timestamp_ntz", "date '2024-02-29'", "2024-02-29T00:00:00"),
    ];
    let before: Vec<_> = grown.iter().map(|(name, narrow, ..)| column(name, narrow)).collect();
    let after: Vec<_> = grown.iter().map(|(name, _, wide, ..)| column(name, wide)).collect();
    let table = Table::with(features(&["typeWidening", "timestampNtz"]), json!(before), &[], json!({}));
    let values: Vec<String> = grown.iter().map(|(name, _, _, value, _)| format!("{value} as {name}")).collect();
    table.file("a.parquet", &format!("select {}", values.join(", "))).await;
    // As the narrow types have them.
    let stats = json!({
        "numRecords": 1, "minValues": {"a": 7, "b": -7, "c": 16777217, "e": 7, "f": -5, "g": 9000000000_i64, "h": 1.25, "k": "2024-02-29"},
        "maxValues": {"a": 7, "b": -7, "c": 16777217, "e": 7, "f": -5, "g": 9000000000_i64, "h": 1.25, "k": "2024-02-29"},
        "nullCount": {"a": 0}
    });
    table.commit(1, &[table.add("a.parquet", json!({"stats": stats.to_string()}))]);
    table.commit(2, &[metadata(json!(after), &[], json!({}))]);
    for session in sessions() {
        let names: Vec<&str> = grown.iter().map(|(name, ..)| *name).collect();
        let sql = format!("select {} from '{}'", names.join(", "), table.name());
        let shown: Vec<&str> = grown.iter().map(|(.., shown)| *shown).collect();
        assert_eq!(cells(&session, &sql).await.unwrap(), shown.join(","));
        for filter in [
            "a = 7",
            "b < 0",
            "c = 16777217.0",
            "d = 0.5",
            "e >= 7",
            "f < -4.5",
            "g between 8999999999.5 and 9000000000",
            "h = 1.25",
            "k = timestamp '2024-02-29 00:00:00'",
            "k < timestamp '2024-02-29 00:00:00.000001'",
        ] {
            let sql = format!("select count(*) from '{}' where {filter}", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), "1", "{filter}");
        }
        for filter in ["a > 7", "f > 0", "g = 8999999999.5", "h <> 1.25", "k > timestamp '2024-02-29 00:00:00'"] {
            let sql = format!("select count(*) from '{}' where {filter}", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), "0", "{filter}");
        }
    }
}

#[tokio::test]
async fn tables_without_rows() {
    let columns = || json!([column("i", "long"), column("s", "string"), column("p", "date")]);
    let never = Table::new(columns(), &["p"]);
    let emptied = Table::new(columns(), &["p"]);
    emptied.file("a.parquet", "select 1 as i, 'x' as s").await;
    emptied.commit(1, &[emptied.add("a.parquet", json!({"partitionValues": {"p": "2024-01-01"}}))]);
    emptied.commit(2, &[remove("a.parquet", None)]);
    for table in [never, emptied] {
        for session in sessions() {
            let name = table.name();
            for (sql, rows) in [
                (format!("select count(*), sum(i), max(s), min(p) from '{name}'"), "0,,,"),
                (format!("select * from delta_scan('{name}') where p > date '2020-01-01' and i = 1"), ""),
                (format!("select s, count(*) from '{name}' group by s order by s limit 3"), ""),
                (format!("select a.i from '{name}' a full join (select 1 as i) b on a.i = b.i"), ""),
            ] {
                assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{sql}");
            }
        }
    }
}
