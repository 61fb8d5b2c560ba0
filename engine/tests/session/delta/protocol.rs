//! What the protocol asks of readers, written by hand: columns by other names and numbers, wider types, checkpoints of both versions, values of
//! partitions; and features that are refused by name.

use std::fs;
use std::sync::Arc;

use arrow::json::ReaderBuilder;
use arrow::json::reader::infer_json_schema_from_iterator;
use maar_engine::ErrorKind;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::log::{Table, column, features, mapped, metadata, remove, sessions};
use crate::support::{cells, error, session};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_have_other_names_in_files() {
    let named = json!({"type": "struct", "fields": [mapped("x", json!("long"), "c5", 5), mapped("y", json!("string"), "c6", 6)]});
    let columns = json!([
        mapped("key", json!("string"), "c1", 1),
        mapped("i", json!("long"), "c2", 2),
        mapped("text", json!("string"), "c3", 3),
        mapped("pair", named, "c4", 4)
    ]);
    let table =
        Table::with(features(&["columnMapping"]), columns, &["key"], json!({"delta.columnMapping.mode": "name"}));
    let query = "select i as c2, 'w' || i as c3, struct(i as c5, 'p' || i as c6) as c4, -i as i from generate_series(0, 9) g(i)";
    table.file("a.parquet", query).await;
    let stats = json!({"numRecords": 10, "minValues": {"c2": 0}, "maxValues": {"c2": 9}, "nullCount": {"c2": 0}});
    let more = json!({"partitionValues": {"c1": "a"}, "stats": stats.to_string()});
    table.commit(1, &[table.add("a.parquet", more)]);
    for session in sessions() {
        let sql = format!("select sum(i), min(text), max(text), count(key) from '{}'", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "45,w0,w9,10");
        let sql = format!("select text, key, i from '{}' where i = 3 and key = 'a'", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "w3,a,3");
        let sql = format!("select pair.x, pair.y from '{}' where i > 8", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "9,p9");
        let sql = format!("select count(*) from '{}' where i > 9 or key is null", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "0");
    }
}

#[tokio::test]
async fn columns_that_are_renamed_and_dropped_stay_apart() {
    let mapping = json!({"delta.columnMapping.mode": "name"});
    let columns = json!([mapped("a", json!("long"), "c1", 1), mapped("b", json!("long"), "c2", 2)]);
    let table = Table::with(json!({"minReaderVersion": 2, "minWriterVersion": 5}), columns, &[], mapping.clone());
    table.file("a.parquet", "select 1 as c1, 2 as c2").await;
    table.file("b.parquet", "select 3 as c2, 4 as c3").await;
    table.commit(1, &[table.add("a.parquet", json!({}))]);
    // Column a is dropped, b is called a, and a new b comes.
    let columns = json!([mapped("a", json!("long"), "c2", 2), mapped("b", json!("long"), "c3", 3)]);
    table.commit(2, &[metadata(columns, &[], mapping), table.add("b.parquet", json!({}))]);
    let session = session();
    let rows = format!("select a, b from '{}' order by a", table.name());
    assert_eq!(cells(&session, &rows).await.unwrap(), "2,;3,4");
    let before = format!("select a, b from delta_scan('{}', version = 1)", table.name());
    assert_eq!(cells(&session, &before).await.unwrap(), "1,2");
}

#[tokio::test]
async fn types_that_grew_are_read_from_files_of_before() {
    let columns = json!([column("i", "integer"), column("d", "decimal(5,2)"), column("f", "float")]);
    let table = Table::with(features(&["typeWidening", "timestampNtz"]), columns, &[], json!({}));
    table
        .file("a.parquet", "select cast(7 as int) as i, cast(1.25 as decimal(5, 2)) as d, cast(0.5 as real) as f")
        .await;
    table.commit(1, &[table.add("a.parquet", json!({}))]);
    let columns = json!([column("i", "long"), column("d", "decimal(12,4)"), column("f", "double")]);
    table
        .file("b.parquet", "select 5000000000 as i, cast(2.0625 as decimal(12, 4)) as d, cast(0.25 as double) as f")
        .await;
    table.commit(2, &[metadata(columns, &[], json!({})), table.add("b.parquet", json!({}))]);
    for session in sessions() {
        let sql = format!("select i, d, f from '{}' order by i", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "7,1.2500,0.5;5000000000,2.0625,0.25");
        let sql = format!("select count(*) from '{}' where i > 6 and d < 2", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partition_values_are_typed_and_null_is_null() {
    let types = [
        ("l", "long", "5000000000", "5000000000"),
        ("h", "short", "-3", "-3"),
        ("t", "string", "a b/ü%", "a b/ü%"),
        ("b", "boolean", "true", "true"),
        ("d", "date", "2024-02-29", "2024-02-29"),
        ("m", "decimal(9,3)", "1.500", "1.500"),
        ("f", "double", "1.5", "1.5"),
        ("n", "timestamp_ntz", "2024-01-02 03:04:05.25", "2024-01-02T03:04:05.250"),
        ("z", "timestamp", "2024-01-02T03:04:05.250000Z", "2024-01-02T03:04:05.250Z"),
    ];
    let mut columns = vec![column("i", "long")];
    columns.extend(types.iter().map(|(name, data_type, ..)| column(name, data_type)));
    let names: Vec<&str> = types.iter().map(|(name, ..)| *name).collect();
    let table = Table::with(features(&["timestampNtz"]), Value::Array(columns), &names, json!({}));
    fs::create_dir(table.path("x=a b%2F")).unwrap();
    table.file("x=a b%2F/1.parquet", "select 1 as i").await;
    table.file("2.parquet", "select 2 as i").await;
    table.file("3.parquet", "select 3 as i").await;
    let values = |value: fn(&str) -> Value| -> Value {
        types
            .iter()
            .map(|(name, _, text, _)| ((*name).to_string(), value(text)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut first = table.add("x=a b%2F/1.parquet", json!({"partitionValues": values(|text| json!(text))}));
    first["add"]["path"] = json!("x=a%20b%252F/1.parquet");
    table.commit(
        1,
        &[
            first,
            table.add("2.parquet", json!({"partitionValues": values(|_| Value::Null)})),
            table.add("3.parquet", json!({"partitionValues": values(|_| json!(""))})),
        ],
    );
    for session in sessions() {
        let is_null: Vec<String> = names.iter().map(|name| format!("{name} is null")).collect();
        let sql = format!("select i from '{}' where {} order by i", table.name(), is_null.join(" and "));
        assert_eq!(cells(&session, &sql).await.unwrap(), "2;3");
        let shown: Vec<&str> = types.iter().map(|(.., shown)| *shown).collect();
        let sql = format!("select {} from '{}' where i = 1", names.join(", "), table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), shown.join(","));
        for filter in ["l = 5000000000", "h < 0", "t = 'a b/ü%'", "b", "d > date '2024-02-28'", "m = 1.5", "f >= 1.5"]
        {
            let sql = format!("select sum(i) from '{}' where {filter}", table.name());
            assert_eq!(cells(&session, &sql).await.unwrap(), "1", "{filter}");
        }
        let sql = format!("select sum(i) from '{}' where l is distinct from 5000000000", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "5");
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused_by_name() {
    let columns = || json!([column("i", "long")]);
    let session = session();
    for (protocol, configuration, name) in [
        (features(&["deletionVectors", "catalogManaged"]), json!({}), "the feature catalogManaged"),
        (json!({"minReaderVersion": 4, "minWriterVersion": 7}), json!({}), "version 4 of the protocol"),
        (features(&["columnMapping"]), json!({"delta.columnMapping.mode": "shape"}), "maps columns by 'shape'"),
    ] {
        let table = Table::with(protocol, columns(), &[], configuration);
        let found = error(&session, &format!("select * from '{}'", table.name())).await;
        assert!(found.message().contains(name), "{found}");
        assert_eq!((found.kind(), found.hint().is_some()), (ErrorKind::Unsupported, true), "{found}");
    }
    for (data_type, kind) in [("variant", ErrorKind::Unsupported), ("decimal(50,2)", ErrorKind::Unsupported)] {
        let table = Table::new(json!([column("v", data_type)]), &[]);
        let found = error(&session, &format!("select * from '{}'", table.name())).await;
        assert!(found.message().contains(data_type) && found.kind() == kind, "{found}");
    }
}

/// Parquet has no empty objects.
fn without_empty(value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    let kept = object.iter().filter(|(_, value)| !is_empty(value));
    kept.map(|(key, value)| (key.clone(), without_empty(value))).collect::<serde_json::Map<_, _>>().into()
}

/// Writes actions as the rows of a Parquet file.
fn checkpoint(path: &std::path::Path, actions: &[Value]) {
    let actions: Vec<Value> = actions.iter().map(without_empty).collect();
    let actions = actions.as_slice();
    let schema = Arc::new(infer_json_schema_from_iterator(actions.iter().map(Ok::<_, _>)).unwrap());
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema)).build_decoder().unwrap();
    decoder.serialize(actions).unwrap();
    let batch = decoder.flush().unwrap().unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn checkpoints_of_every_kind_stand_for_the_commits_before() {
    let session = session();
    for kind in ["one", "parts", "a part missing", "v2 json", "v2 parquet", "old hint"] {
        let table = Table::with(features(&["v2Checkpoint"]), json!([column("i", "long")]), &[], json!({}));
        for name in ["a", "b", "c", "d"] {
            let file = format!("{name}.parquet");
            table.file(&file, &format!("select {} as i", name.as_bytes()[0])).await;
        }
        let [a, b, c] = ["a", "b", "c"].map(|name| table.add(&format!("{name}.parquet"), json!({"stats": "{}"})));
        table.commit(1, std::slice::from_ref(&a));
        table.commit(2, std::slice::from_ref(&b));
        let lines = fs::read_to_string(table.log(0)).unwrap();
        let first: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let name = |rest: &str| table.path(&format!("_delta_log/{:020}.checkpoint{rest}", 2));
        let whole = [first.clone(), vec![a.clone(), b.clone()]].concat();
        let of_sidecar = |file: &str| json!({"sidecar": {"path": file, "sizeInBytes": 1, "modificationTime": 0}});
        match kind {
            "one" | "old hint" => checkpoint(&name(".parquet"), &whole),
            "parts" => {
                checkpoint(&name(".0000000001.0000000002.parquet"), &whole[..2]);
                checkpoint(&name(".0000000002.0000000002.parquet"), &whole[2..]);
            }
            "a part missing" => checkpoint(&name(".0000000001.0000000002.parquet"), &whole[..2]),
            _ => {
                fs::create_dir(table.path("_delta_log/_sidecars")).unwrap();
                checkpoint(&table.path("_delta_log/_sidecars/s.parquet"), &whole[2..]);
                let top =
                    [first, vec![json!({"checkpointMetadata": {"version": 2}}), of_sidecar("s.parquet")]].concat();
                match kind {
                    "v2 json" => {
                        let lines: Vec<String> = top.iter().map(Value::to_string).collect();
                        fs::write(name(".80a083e8.json"), lines.join("\n")).unwrap();
                    }
                    _ => checkpoint(&name(".80a083e8.parquet"), &top),
                }
            }
        }
        let hint = if kind == "old hint" { 1 } else { 2 };
        fs::write(table.path("_delta_log/_last_checkpoint"), json!({"version": hint, "size": 4}).to_string()).unwrap();
        if kind != "a part missing" {
            // The log was cleaned.
            for version in [0, 1] {
                fs::remove_file(table.log(version)).unwrap();
            }
        }
        table.commit(3, &[c, remove("a.parquet", None)]);
        let sql = format!("select i from '{}' order by i", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "98;99", "{kind}");
        table.commit(4, &[table.add("d.parquet", json!({}))]);
        assert_eq!(cells(&session, &sql).await.unwrap(), "98;99;100", "{kind}");
        let sql = format!("select i from delta_scan('{}', version = 2) order by i", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "97;98", "{kind}");
        if kind == "one" {
            let sql = format!("select i from delta_scan('{}', version = 1) order by i", table.name());
            let found = error(&session, &sql).await;
            assert!(found.message().contains("has no version 1: its log does not reach back"), "{found}");
        }
    }
}
