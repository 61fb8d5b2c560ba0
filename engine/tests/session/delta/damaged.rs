//! Logs that are damaged: an error that names the file, whatever is wrong, and never a wrong answer.

use std::fs;

use maar_engine::ErrorKind;
use serde_json::json;

use super::log::{Table, column};
use crate::support::{cells, error, session};

async fn table() -> Table {
    let table = Table::new(json!([column("i", "long"), column("p", "integer")]), &["p"]);
    table.file("a.parquet", "select 1 as i").await;
    table.file("b.parquet", "select 2 as i").await;
    table.commit(1, &[table.add("a.parquet", json!({"partitionValues": {"p": "1"}}))]);
    table.commit(2, &[table.add("b.parquet", json!({"partitionValues": {"p": "2"}}))]);
    table
}

#[tokio::test]
async fn what_is_wrong_with_a_log_is_said() {
    let text = |table: &Table, version: u64| fs::read_to_string(table.log(version)).unwrap();
    type Damage = Box<dyn Fn(&Table)>;
    let replaced = move |version: u64, from: &'static str, to: &'static str| -> Damage {
        Box::new(move |table| {
            let before = text(table, version);
            assert!(before.contains(from), "{before}");
            fs::write(table.log(version), before.replace(from, to)).unwrap();
        })
    };
    let damages: Vec<(Damage, &str)> = vec![
        (Box::new(|table| fs::remove_file(table.log(1)).unwrap()), "the commit of version 1 is gone"),
        (Box::new(|table| fs::write(table.log(1), "{\"add\": {\"path\"").unwrap()), "line 1"),
        (Box::new(|table| fs::write(table.log(1), [0xFF, 0xFE, 0]).unwrap()), "line 1"),
        (Box::new(|table| fs::write(table.log(0), "").unwrap()), "has no protocol"),
        (replaced(0, "metaData", "metadata"), "has no metadata"),
        (replaced(0, "\\\"type\\\":\\\"long\\\"", "\\\"type\\\":7"), "a type is neither"),
        (replaced(0, "\\\"name\\\":\\\"p\\\"", "\\\"name\\\":\\\"q\\\""), "the partition column p is not in it"),
        (replaced(0, "\"provider\":\"parquet\"", "\"provider\":\"orc\""), "has orc files"),
        (replaced(1, "\"p\":\"1\"", "\"p\":\"one\""), "'one', of the partition column p"),
        (replaced(1, "\"p\":\"1\"", "\"q\":\"1\""), "no value of the partition column p"),
        (replaced(1, "a.parquet", "../a.parquet"), "'../a.parquet' is no path of a file in a table"),
        (replaced(1, "a.parquet", "s3://elsewhere/a.parquet"), "a file in another store"),
        (replaced(1, "a.parquet", "none.parquet"), "/none.parquet': the table names this file, and it is not there"),
        (
            Box::new(|table| fs::write(table.path("a.parquet"), "PAR1").unwrap()),
            "/a.parquet': it is damaged: the table knows it",
        ),
        (replaced(1, "a.parquet", "b.parquet"), "twice"),
    ];
    for (damage, cause) in damages {
        let table = table().await;
        damage(&table);
        if cause == "twice" {
            let commit = fs::read_to_string(table.log(1)).unwrap();
            let other = commit.replace("\"path\":", "\"deletionVector\":{\"storageType\":\"x\",\"pathOrInlineDv\":\"\",\"sizeInBytes\":0,\"cardinality\":0},\"path\":");
            fs::write(table.log(1), other).unwrap();
            let found = error(&session(), &format!("select * from '{}'", table.name())).await;
            assert!(found.message().contains("'x', which is not known"), "{found}");
            continue;
        }
        let found = error(&session(), &format!("select sum(i) from '{}'", table.name())).await;
        assert!(found.message().contains(cause), "{cause}: {found}");
        assert_ne!(found.kind(), ErrorKind::Internal, "{found}");
    }
}

/// Bytes of the log, of a checkpoint or of a vector are changed at many places: what comes is the answer or an error.
#[tokio::test]
async fn no_change_of_a_byte_is_a_panic() {
    let session = session();
    let table = table().await;
    let sql = format!("select sum(i), sum(p) from '{}'", table.name());
    assert_eq!(cells(&session, &sql).await.unwrap(), "3,3");
    let whole = fs::read(table.log(1)).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(table.log(1), &bytes).unwrap();
        if let Err(found) = cells(&session, &sql).await {
            assert_ne!(found.kind(), ErrorKind::Internal, "byte {at}: {found}");
        }
    }
}
