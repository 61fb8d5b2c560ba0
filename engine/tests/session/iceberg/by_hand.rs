//! Deleted rows of versions 2 and 3, files without numbers, and what is refused: written by hand.

use std::fs;

use maar_engine::ErrorKind;
use serde_json::json;

use super::table::{Entry, Table, data};
use crate::delta::log::sessions;
use crate::delta::vectors::{crc, vector};
use crate::support::{cells, error, session};

const SUM: &str = "select count(*), count(s), sum(i), min(i), max(i)";

async fn table() -> Table {
    let table = Table::new();
    table.file("a.parquet", "select i, 'w' || i as s from generate_series(0, 9) g(i)").await;
    table.file("b.parquet", "select 'w' || i as old_s, i from generate_series(10, 19) g(i)").await;
    table
}

fn positions(name: &'static str, rows: i64, sequence: i64) -> Entry {
    Entry { content: 1, ..data(name, rows, sequence) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_at_positions_are_gone() {
    let table = table().await;
    let home = Table::home();
    let query = format!(
        "select * from (values ('{home}/a.parquet', 3), ('{home}/a.parquet', 3), ('{home}/a.parquet', 4), \
         ('{home}/b.parquet', 0)) t(file_path, pos)"
    );
    table.file("gone.parquet", &query).await;
    // File b came after the positions: they are of a file before it by that name.
    table.version(2, &[data("a.parquet", 10, 1), data("b.parquet", 10, 3), positions("gone.parquet", 4, 2)], json!({}));
    for session in sessions() {
        let name = table.name();
        assert_eq!(cells(&session, &format!("{SUM} from '{name}'")).await.unwrap(), "18,18,183,0,19");
        let sql = format!("select i, s from iceberg_scan('{name}') where i between 2 and 5 order by i");
        assert_eq!(cells(&session, &sql).await.unwrap(), "2,w2;5,w5");
        let created = format!("create external table t stored as iceberg location '{name}' options ('version' '7')");
        session.run_script(&created).await.unwrap();
        assert_eq!(cells(&session, &format!("{SUM} from t")).await.unwrap(), "18,18,183,0,19");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_vectors_are_gone() {
    let table = table().await;
    let rows = vector(&[0, 1, 5, 9]);
    let mut blob = b"PFA1".to_vec();
    blob.extend((rows.len() as u32).to_be_bytes());
    blob.extend(&rows);
    blob.extend(crc(&rows).to_be_bytes());
    fs::write(table.path("v.puffin"), &blob).unwrap();
    let size = rows.len() as i64 + 8;
    let of = Entry { content: 1, format: "PUFFIN", vector: Some(("a.parquet", 4, size)), ..data("v.puffin", 4, 2) };
    // A vector stands for the positions before it.
    table.file("gone.parquet", &format!("select '{}/a.parquet' as file_path, 7 as pos", Table::home())).await;
    let files = [data("a.parquet", 10, 1), data("b.parquet", 10, 1), positions("gone.parquet", 1, 1), of];
    table.version(3, &files, json!({}));
    for session in sessions() {
        assert_eq!(cells(&session, &format!("{SUM} from '{}'", table.name())).await.unwrap(), "16,16,175,2,19");
    }
    blob[12] ^= 1;
    fs::write(table.path("v.puffin"), &blob).unwrap();
    let found = error(&session(), &format!("{SUM} from '{}'", table.name())).await;
    assert!(found.message().contains("checksum") && found.message().contains("v.puffin"), "{found}");
}

#[tokio::test]
async fn what_is_not_read_is_refused_by_name() {
    let session = session();
    let whole = || [data("a.parquet", 10, 1)];
    let values = Entry { content: 2, format: "ORC", keys: &[1], ..data("b.parquet", 10, 2) };
    let of_none = Entry { content: 2, keys: &[9], ..data("b.parquet", 10, 2) };
    let orc = Entry { format: "ORC", ..data("a.parquet", 10, 1) };
    let with_default = json!([{"type": "struct", "schema-id": 0, "fields": [
        {"id": 1, "name": "i", "type": "long", "initial-default": "five"}
    ]}]);
    let inner = json!([{"id": 3, "name": "x", "type": "long", "initial-default": 5}]);
    let inner = json!({"id": 2, "name": "s", "type": {"type": "struct", "fields": inner}});
    let with_inner_default = json!([{"type": "struct", "schema-id": 0, "fields": [inner]}]);
    let variant = json!([{"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "i", "type": "variant"}]}]);
    for (format, entries, more, cause) in [
        (4, Vec::from(whole()), json!({}), "is of version 4 of the format"),
        (2, vec![data("a.parquet", 10, 1), values], json!({}), "values of deleted rows as ORC"),
        (2, vec![data("a.parquet", 10, 1), of_none], json!({}), "deleted by the field 9"),
        (2, vec![orc], json!({}), "a file of ORC"),
        (3, Vec::from(whole()), json!({"schemas": with_default}), "the initial default \"five\" of the column i"),
        (3, Vec::from(whole()), json!({"schemas": with_inner_default}), "an initial default of s.x"),
        (3, Vec::from(whole()), json!({"schemas": variant}), "variant"),
        (3, Vec::from(whole()), json!({"encryption-keys": [{}]}), "is encrypted"),
        (2, Vec::from(whole()), json!({"properties": {}}), "its columns have no numbers"),
    ] {
        let table = table().await;
        table.version(format, &entries, more);
        let found = error(&session, &format!("select * from '{}'", table.name())).await;
        assert!(found.message().contains(cause), "{cause}: {found}");
        assert_eq!((found.kind(), found.hint().is_some()), (ErrorKind::Unsupported, true), "{found}");
    }
    let table = table().await;
    table.version(2, &whole(), json!({}));
    for (sql, cause) in [
        (format!("select * from read_parquet('{}')", table.name()), "holds the Iceberg table"),
        (format!("copy (select 1 as i) to '{}c.parquet'", table.name()), "is read and not written"),
        (format!("select * from iceberg_scan('{}', version = 8)", table.name()), "has no snapshot 8"),
        (
            format!("select * from iceberg_scan('{}', timestamp = '1970-01-01')", table.name()),
            "has no version of that time",
        ),
    ] {
        let found = error(&session, &sql).await;
        assert!(found.message().contains(cause), "{sql}: {found}");
    }
}

#[tokio::test]
async fn damaged_metadata_is_an_error() {
    let session = session();
    for (file, content, cause) in [
        ("metadata/v1.metadata.json", &b"{"[..], "v1.metadata.json': it is damaged"),
        ("metadata/list.avro", b"Obj", "list.avro': it is damaged"),
        ("metadata/m.avro", b"", "m.avro': it is damaged"),
        ("a.parquet", b"PAR1", "a.parquet': it is damaged: the table knows it"),
    ] {
        let table = table().await;
        table.version(2, &[data("a.parquet", 10, 1)], json!({}));
        fs::write(table.path(file), content).unwrap();
        let found = error(&session, &format!("select sum(i) from '{}'", table.name())).await;
        assert!(found.message().contains(cause), "{cause}: {found}");
        assert_ne!(found.kind(), ErrorKind::Internal, "{found}");
    }
    let table = table().await;
    table.version(2, &[data("a.parquet", 10, 1)], json!({}));
    let whole = fs::read(table.path("metadata/m.avro")).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(table.path("metadata/m.avro"), &bytes).unwrap();
        if let Err(found) = cells(&session, &format!("select sum(i) from '{}'", table.name())).await {
            assert_ne!(found.kind(), ErrorKind::Internal, "byte {at}: {found}");
        }
    }
}
