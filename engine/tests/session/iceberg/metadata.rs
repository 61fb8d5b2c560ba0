//! Files of metadata, written by hand: packed, named by a statement, of version 1, of several snapshots; values that columns have of files
//! before them.

use std::fs;

use serde_json::{Value, json};

use super::table::{Table, data};
use crate::delta::log::sessions;
use crate::delta::vectors::crc;
use crate::support::{cells, error, session};

/// Text as gzip holds it, without making it shorter.
fn packed(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut bytes = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(text);
    bytes.extend(crc(text).to_le_bytes());
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes
}

async fn table(format: u32) -> Table {
    let table = Table::new();
    table.file("a.parquet", "select i, 'w' || i as s from generate_series(0, 9) g(i)").await;
    table.version(format, &[data("a.parquet", 10, 1)], json!({}));
    table
}

#[tokio::test]
async fn packed_metadata_is_read() {
    let session = session();
    for name in ["v2.gz.metadata.json", "v2.metadata.json.gz", "00002-a.gz.metadata.json"] {
        for has_hint in [true, false] {
            let table = table(2).await;
            let text = fs::read(table.path("metadata/v1.metadata.json")).unwrap();
            let whole = packed(&text);
            fs::write(table.path(&format!("metadata/{name}")), &whole).unwrap();
            fs::write(table.path("metadata/v1.metadata.json"), "{").unwrap();
            if has_hint && name.starts_with('v') {
                fs::write(table.path("metadata/version-hint.text"), "2\n").unwrap();
            }
            for from in [format!("'{}'", table.name()), format!("iceberg_scan('{}metadata/{name}')", table.name())] {
                let sql = format!("select count(*), sum(i) from {from}");
                assert_eq!(cells(&session, &sql).await.unwrap(), "10,45", "{name}");
            }
            fs::write(table.path(&format!("metadata/{name}")), &whole[..whole.len() - 9]).unwrap();
            let found = error(&session, &format!("select * from '{}'", table.name())).await;
            assert!(found.message().contains("it is damaged: "), "{found}");
        }
    }
}

#[tokio::test]
async fn a_file_of_metadata_is_a_version_of_its_own() {
    let table = table(1).await;
    let name = |version: u32| format!("{}metadata/v{version}.metadata.json", table.name());
    // All rows are taken away.
    let empty = fs::read_to_string(name(1)).unwrap().replace("\"current-snapshot-id\":7", "\"current-snapshot-id\":-1");
    fs::write(name(3), empty).unwrap();
    for session in sessions() {
        let created = format!("create or replace external table t stored as iceberg location '{}'", name(1));
        session.run_script(&created).await.unwrap();
        for (from, rows) in [
            (format!("iceberg_scan('{}')", name(1)), "10,45"),
            ("t".to_string(), "10,45"),
            (format!("iceberg_scan('{}')", name(3)), "0,"),
            (format!("'{}'", table.name()), "0,"),
            (format!("iceberg_scan('{}', version = 7)", table.name()), "10,45"),
        ] {
            let sql = format!("select count(*), sum(i) from {from}");
            assert_eq!(cells(&session, &sql).await.unwrap(), rows, "{from}");
        }
        let found = error(&session, &format!("select * from iceberg_scan('{}')", name(2))).await;
        assert!(found.message().contains("there is no file of metadata"), "{found}");
    }
}

#[tokio::test]
async fn columns_have_values_of_files_before_them() {
    let table = Table::new();
    table.file("a.parquet", "select i from generate_series(0, 2) g(i)").await;
    table.file("b.parquet", "select 3 as i, cast(null as bigint) as n, 'own' as s").await;
    let field = |id: i32, name: &str, data_type: &str, told: Value| json!({"id": id, "name": name, "type": data_type, "initial-default": told});
    let fields = json!([
        {"id": 1, "name": "i", "type": "long"},
        field(2, "s", "string", json!("ne\u{fc}")),
        field(3, "n", "long", json!(7)),
        field(4, "d", "date", json!("2024-02-29")),
        field(5, "p", "decimal(9,2)", json!("1.50")),
        field(6, "z", "timestamptz", json!("2024-02-29T01:02:03.5+00:00"))
    ]);
    let names: Vec<_> = [(1, "i"), (2, "s"), (3, "n"), (4, "d"), (5, "p"), (6, "z")]
        .map(|(id, name)| json!({"field-id": id, "names": [name]}))
        .into();
    let more = json!({
        "schemas": [{"type": "struct", "schema-id": 0, "fields": fields}],
        "properties": {"schema.name-mapping.default": json!(names).to_string()}
    });
    table.version(3, &[data("a.parquet", 3, 1), data("b.parquet", 1, 2)], more);
    for session in sessions() {
        let sql = format!("select * from '{}' order by i", table.name());
        let rest = "2024-02-29,1.50,2024-02-29T01:02:03.500Z";
        let rows = format!("0,ne\u{fc},7,{rest};1,ne\u{fc},7,{rest};2,ne\u{fc},7,{rest};3,own,,{rest}");
        assert_eq!(cells(&session, &sql).await.unwrap(), rows);
        let sql = format!("select sum(i) from '{}' where n = 7 and d < date '2025-01-01'", table.name());
        assert_eq!(cells(&session, &sql).await.unwrap(), "3");
    }
}

#[tokio::test]
async fn snapshots_by_number_and_by_time() {
    let table = table(2).await;
    let list = format!("{}/metadata/list.avro", Table::home());
    let snapshot =
        |id: i64, time: i64| json!({"snapshot-id": id, "timestamp-ms": time, "manifest-list": list, "schema-id": 0});
    // The second was taken back, and then a third was made.
    let log = [(5, 1000), (6, 2000), (5, 3000), (7, 4000)];
    let log: Vec<_> = log.map(|(id, time)| json!({"snapshot-id": id, "timestamp-ms": time})).into();
    let snapshots = json!([
        snapshot(5, 1000),
        {"snapshot-id": 6, "timestamp-ms": 2000, "schema-id": 0, "manifest-list": "s3://elsewhere/t/metadata/six.avro"},
        snapshot(7, 4000)
    ]);
    table.version(2, &[data("a.parquet", 10, 1)], json!({"snapshots": snapshots, "snapshot-log": log}));
    let (session, name) = (session(), table.name());
    for (option, wanted) in
        [("version", "5"), ("version", "7"), ("timestamp", "1970-01-01 00:00:03.5"), ("timestamp", "2026-01-01")]
    {
        let scan = format!("select count(*) from iceberg_scan('{name}', {option} = '{wanted}')");
        assert_eq!(cells(&session, &scan).await.unwrap(), "10", "{option} {wanted}");
        let created = format!(
            "create or replace external table t stored as iceberg location '{name}' options ('{option}' '{wanted}')"
        );
        session.run_script(&created).await.unwrap();
        assert_eq!(cells(&session, "select count(*) from t").await.unwrap(), "10", "{option} {wanted}");
    }
    for (option, wanted, cause) in [
        ("version", "6", "six.avro"),
        ("timestamp", "1970-01-01 00:00:02.5", "six.avro"),
        ("version", "8", "has no snapshot 8"),
        ("version", "'a'", "is no version of a table"),
        ("timestamp", "1970-01-01", "has no version of that time: its first snapshot is of 1970-01-01T00:00:01Z"),
        ("timestamp", "noon", "'noon' is no time"),
    ] {
        let wanted = wanted.trim_matches('\'');
        let found = error(&session, &format!("select * from iceberg_scan('{name}', {option} = '{wanted}')")).await;
        assert!(found.message().contains(cause) && found.hint().is_some(), "{option} {wanted}: {found}");
        let created =
            format!("create external table u stored as iceberg location '{name}' options ('{option}' '{wanted}')");
        let found = session.run_script(&created).await.unwrap_err();
        assert!(found.message().contains(cause), "{option} {wanted}: {found}");
    }
}
