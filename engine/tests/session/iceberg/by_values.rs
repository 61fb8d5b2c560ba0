//! Rows that are deleted by their values, written by hand: which they are, by when files came, by partition, and by columns that have other
//! names and types since, or are no more.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use serde_json::json;

use super::table::{Entry, Table, data};
use crate::delta::log::{numbered, sessions};
use crate::support::{cells, error, session};

fn values(name: &'static str, sequence: i64, keys: &'static [i64]) -> Entry {
    Entry { content: 2, keys, ..data(name, 1, sequence) }
}

/// A table of two files, the second of which came after what is deleted at 2.
async fn table() -> Table {
    let table = Table::new();
    table
        .file(
            "a.parquet",
            "select i, case when i % 4 = 1 then null else 'w' || i end as s from generate_series(0, 9) g(i)",
        )
        .await;
    table.file("b.parquet", "select 'w' || i as old_s, i from generate_series(10, 19) g(i)").await;
    table
}

const SUM: &str = "select count(*), count(s), sum(i), min(i), max(i)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_files_before_are_gone() {
    let table = table().await;
    table.file("i.parquet", "select * from (values (3), (15), (3), (99)) t(i)").await;
    table.file("ends.parquet", "select * from (values (19), (0)) t(i)").await;
    table.file("s.parquet", "select * from (values ('w6'), (null)) t(s)").await;
    table.file("both.parquet", "select * from (values ('w2', 2), ('w4', 5), ('w12', 12)) t(s, i)").await;
    let files = || vec![data("a.parquet", 10, 1), data("b.parquet", 10, 3)];
    for (more, rows, left) in [
        (vec![], "20,17,190,0,19", "0;1;2;3;4;5;6;7;8;9"),
        // Of a column; of the file that came later none.
        (vec![values("i.parquet", 2, &[1])], "19,16,187,0,19", "0;1;2;4;5;6;7;8;9"),
        (vec![values("i.parquet", 3, &[1])], "19,16,187,0,19", "0;1;2;4;5;6;7;8;9"),
        (vec![values("i.parquet", 4, &[1])], "18,15,172,0,19", "0;1;2;4;5;6;7;8;9"),
        (vec![values("i.parquet", 1, &[1])], "20,17,190,0,19", "0;1;2;3;4;5;6;7;8;9"),
        // NULL is NULL.
        (vec![values("s.parquet", 2, &[2])], "16,16,169,0,19", "0;2;3;4;7;8"),
        // Of two columns, all must be equal; how they are ordered does not count.
        (vec![values("both.parquet", 4, &[1, 2])], "18,15,176,0,19", "0;1;3;4;5;6;7;8;9"),
        (vec![values("both.parquet", 2, &[2, 1])], "19,16,188,0,19", "0;1;3;4;5;6;7;8;9"),
        // The least and the greatest too.
        (vec![values("ends.parquet", 4, &[1])], "18,15,171,1,18", "1;2;3;4;5;6;7;8;9"),
        // Several files, and several sets of columns.
        (
            vec![values("i.parquet", 2, &[1]), values("s.parquet", 2, &[2]), values("both.parquet", 4, &[1, 2])],
            "13,13,152,0,19",
            "0;4;7;8",
        ),
    ] {
        table.version(2, &[files(), more].concat(), json!({}));
        for session in sessions() {
            let name = table.name();
            assert_eq!(cells(&session, &format!("{SUM} from '{name}'")).await.unwrap(), rows);
            assert_eq!(
                cells(&session, &format!("select i from '{name}' where i < 10 order by i")).await.unwrap(),
                left
            );
            let count = rows.split(',').next().unwrap();
            assert_eq!(cells(&session, &format!("select count(*) from '{name}'")).await.unwrap(), count);
            let some = cells(&session, &format!("select s, i from '{name}' limit 15")).await.unwrap();
            assert_eq!(some.split(';').count(), count.parse::<usize>().unwrap().min(15));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_keeps_its_deletes_to_itself() {
    let table = Table::new();
    // The files do not have the column that parts them: the partition says it.
    for name in ["x.parquet", "y.parquet", "n.parquet", "w.parquet"] {
        table.file(name, "select i from generate_series(0, 4) g(i)").await;
    }
    table.file("one.parquet", "select 1 as i").await;
    table.file("two.parquet", "select 2 as i").await;
    let at = |part, entry: Entry| Entry { part: Some(part), ..entry };
    let files = || {
        vec![
            at(Some("x"), data("x.parquet", 5, 1)),
            at(Some("y"), data("y.parquet", 5, 1)),
            at(None, data("n.parquet", 5, 1)),
            data("w.parquet", 5, 1),
        ]
    };
    for (more, x, y, null) in [
        (vec![at(Some("x"), values("one.parquet", 2, &[1]))], "0;2;3;4", "0;1;2;3;4", "0;0;1;1;2;2;3;3;4;4"),
        (vec![at(None, values("one.parquet", 2, &[1]))], "0;1;2;3;4", "0;1;2;3;4", "0;0;1;2;2;3;3;4;4"),
        // In no partition, it is about all.
        (vec![values("one.parquet", 2, &[1])], "0;2;3;4", "0;2;3;4", "0;0;2;2;3;3;4;4"),
        (
            vec![values("one.parquet", 2, &[1]), at(Some("y"), values("two.parquet", 3, &[1]))],
            "0;2;3;4",
            "0;3;4",
            "0;0;2;2;3;3;4;4",
        ),
    ] {
        table.version(2, &[files(), more].concat(), json!({}));
        for session in sessions() {
            for (filter, rows) in [("s = 'x'", x), ("s = 'y'", y), ("s is null", null)] {
                let sql = format!("select i from '{}' where {filter} order by i", table.name());
                assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{filter}");
            }
        }
    }
}

/// The table: column 1 grew from int to long and was called n, 2 was called t, 3 (which was called s) is no more, 4 came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_of_values_are_found_by_their_numbers() {
    let (table, text) =
        (Table::new(), |texts: [&'static str; 4]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef);
    let old = vec![
        ("n", 1, Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("t", 2, text(["a", "b", "c", "d"])),
        ("s", 3, text(["p", "q", "p", "q"])),
    ];
    numbered(&table.path("old.parquet"), old);
    let new = vec![
        ("s", 2, text(["a", "b", "c", "d"])),
        ("i", 1, Arc::new(Int64Array::from(vec![5, 6, 7, 8])) as ArrayRef),
        ("x", 4, Arc::new(Int64Array::from(vec![Some(5), None, Some(7), None])) as ArrayRef),
    ];
    numbered(&table.path("new.parquet"), new);
    let one = |name: &str, column: &str, number, values: ArrayRef| {
        numbered(&table.path(name), vec![(column, number, values)]);
    };
    one("small.parquet", "n", 1, Arc::new(Int32Array::from(vec![2, 7])));
    one("text.parquet", "t", 2, Arc::new(StringArray::from(vec!["c"])));
    one("gone.parquet", "s", 3, Arc::new(StringArray::from(vec!["q"])));
    one("null.parquet", "s", 3, Arc::new(StringArray::from(vec![None::<&str>])));
    one("later.parquet", "x", 4, Arc::new(Int64Array::from(vec![None])));
    let field = |id: i32, name: &str, data_type: &str| json!({"id": id, "name": name, "type": data_type});
    let schemas = json!([
        {"type": "struct", "schema-id": 1, "fields": [field(1, "n", "int"), field(2, "t", "string"), field(3, "s", "string")]},
        {"type": "struct", "schema-id": 2, "fields": [field(2, "s", "string"), field(1, "i", "long"), field(4, "x", "long")]}
    ]);
    let snapshots = json!([{
        "snapshot-id": 7, "timestamp-ms": 1000, "schema-id": 2,
        "manifest-list": format!("{}/metadata/list.avro", Table::home())
    }]);
    let cases: [(&'static str, &'static [i64], &str); 5] = [
        ("small.parquet", &[1], "1,a;3,c;4,d;5,a;6,b;8,d"),
        ("text.parquet", &[2], "1,a;2,b;4,d;5,a;6,b;8,d"),
        ("gone.parquet", &[3], "1,a;3,c;5,a;6,b;7,c;8,d"),
        ("null.parquet", &[3], "1,a;2,b;3,c;4,d"),
        ("later.parquet", &[4], "5,a;7,c"),
    ];
    for (name, keys, rows) in cases {
        let more = json!({"current-schema-id": 2, "schemas": schemas, "snapshots": snapshots, "properties": {}});
        table.version(2, &[data("old.parquet", 4, 1), data("new.parquet", 4, 1), values(name, 2, keys)], more);
        for session in sessions() {
            let sql = format!("select i, s from '{}' order by i", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{name}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused() {
    let table = table().await;
    table.file("other.parquet", "select 1 as z").await;
    table.file("f.parquet", "select cast(1 as double) as f").await;
    let double = json!([{"type": "struct", "schema-id": 0, "fields": [
        {"id": 1, "name": "i", "type": "long"}, {"id": 2, "name": "f", "type": "double"}
    ]}]);
    table.file("s.parquet", "select 1 as i, 'x' as \"#sequence\"").await;
    let names = json!([{"field-id": 1, "names": ["i"]}, {"field-id": 2, "names": ["#sequence"]}]).to_string();
    let taken = json!({
        "properties": {"schema.name-mapping.default": names},
        "schemas": [{"type": "struct", "schema-id": 0, "fields": [
            {"id": 1, "name": "i", "type": "long"}, {"id": 2, "name": "#sequence", "type": "string"}
        ]}]
    });
    table.version(2, &[data("s.parquet", 1, 1), values("s.parquet", 2, &[1])], taken);
    let found = error(&session(), &format!("select * from '{}'", table.name())).await;
    assert!(found.message().contains("its column #sequence cannot be read") && found.hint().is_some(), "{found}");
    for (entry, more, cause) in [
        (values("other.parquet", 2, &[1]), json!({}), "other.parquet': it is damaged: it deletes rows by a column"),
        (values("f.parquet", 2, &[2]), json!({"schemas": double}), "deletes rows by the column f, which is Float64"),
        (values("other.parquet", 2, &[]), json!({}), "deletes rows by no column"),
    ] {
        table.version(2, &[data("a.parquet", 10, 1), entry], more);
        let found = error(&session(), &format!("select i from '{}'", table.name())).await;
        assert!(found.message().contains(cause) && found.hint().is_some(), "{found}");
    }
}

/// With rows that are gone by where they are, and where nothing but the values is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_gone_by_place_and_by_values() {
    let table = table().await;
    let query = format!("select '{}/a.parquet' as file_path, pos from (values (0), (7)) t(pos)", Table::home());
    table.file("places.parquet", &query).await;
    table.file("i.parquet", "select * from (values (3), (7)) t(i)").await;
    let places = Entry { content: 1, ..data("places.parquet", 2, 2) };
    table.version(
        2,
        &[data("a.parquet", 10, 1), data("b.parquet", 10, 3), places, values("i.parquet", 2, &[1])],
        json!({}),
    );
    for session in sessions() {
        let name = table.name();
        for (sql, rows) in [
            (format!("select count(*), sum(i) from '{name}'"), "17,180"),
            (format!("select string_agg(s, '+' order by s) from '{name}' where i < 9"), "w2+w4+w6+w8"),
            (format!("select a.i from '{name}' a join '{name}' b on a.i + 10 = b.i where a.i < 4 order by 1"), "1;2"),
            (format!("select i from '{name}' order by i desc limit 2"), "19;18"),
            (format!("select count(*) from (select distinct i % 10 from '{name}')"), "10"),
        ] {
            assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{sql}");
        }
    }
}
