//! Tables that `deltalake` for Python writes, in every version that they had, equal to what it reads itself. Needs MAAR_TEST_PYTHON, which
//! `cargo xtask test` sets.

use std::process::Command;

use super::log::sessions;
use crate::support::cells;

/// Writes tables in folders and prints, for each version, its table, its number and the Parquet file of what is read of it.
const WRITE: &str = r#"
import datetime, decimal, os, sys
import pyarrow as pa, pyarrow.parquet as parquet
from deltalake import DeltaTable, write_deltalake
folder = sys.argv[1]
utc = datetime.timezone.utc
def rows(first, count, more=False):
    ids = range(first, first + count)
    some = lambda value: [None if row % 7 == 3 else value(row) for row in ids]
    day = datetime.datetime(2020, 2, 29, 1, 2, 3, 456789)
    columns = {
        "id": pa.array(ids, pa.int64()),
        "small": pa.array(some(lambda row: row % 200 - 100), pa.int16()),
        "tiny": pa.array(some(lambda row: row % 100 - 50), pa.int8()),
        "double": pa.array([float("nan") if row % 5 == 0 else row / 3 for row in ids], pa.float64()),
        "flag": pa.array(some(lambda row: row % 3 == 0), pa.bool_()),
        "text": pa.array(some(lambda row: "wörd %d " % (row % 50) * 9), pa.string()),
        "price": pa.array(some(lambda row: decimal.Decimal(row * 37 + 500).scaleb(-2)), pa.decimal128(12, 2)),
        "day": pa.array(some(lambda row: day.date() + datetime.timedelta(days=row)), pa.date32()),
        "at": pa.array(some(lambda row: (day + datetime.timedelta(minutes=row)).replace(tzinfo=utc)), pa.timestamp("us", "UTC")),
        "local": pa.array(some(lambda row: day + datetime.timedelta(minutes=row)), pa.timestamp("us")),
        "part": pa.array(some(lambda row: "a b/%d%%" % (row % 3)), pa.string()),
        "whole": pa.array(some(lambda row: row % 2), pa.int32()),
    }
    if more:
        columns["added"] = pa.array(some(lambda row: row * 2), pa.int32())
    return pa.table(columns)
def tell(name):
    last = DeltaTable(folder + "/" + name).version()
    for version in range(last + 1):
        table = DeltaTable(folder + "/" + name, version=version).to_pyarrow_table()
        file = "%s-%d.parquet" % (name, version)
        parquet.write_table(table, folder + "/" + file)
        print(name, version, version == last, file, sep="|")
for name, parts in [("plain", None), ("parts", ["part", "whole"]), ("days", ["day"]), ("times", ["at", "flag"]), ("prices", ["price"])]:
    where = folder + "/" + name
    write_deltalake(where, rows(0, 100), partition_by=parts)
    write_deltalake(where, rows(100, 50), mode="append", partition_by=parts)
    DeltaTable(where).delete("id % 10 = 4")
    if name != "prices":
        DeltaTable(where).update(predicate="id < 20", updates={"small": "7", "text": "'it''s'"})
    DeltaTable(where).create_checkpoint()
    write_deltalake(where, rows(150, 30, True), mode="append", schema_mode="merge", partition_by=parts)
    DeltaTable(where).optimize.compact()
    if name == "plain":
        write_deltalake(where, rows(500, 20, True).select(["id", "added", "text"]), mode="overwrite", schema_mode="overwrite")
        write_deltalake(where, rows(520, 20, True).select(["text", "id"]), mode="append", schema_mode="merge")
    tell(name)
# Threads of native code that still run at the end of Python abort it.
sys.stdout.flush()
os._exit(0)
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_is_read_as_its_writer_reads_it() {
    let Some(python) = std::env::var_os("MAAR_TEST_PYTHON") else {
        let reason = "MAAR_TEST_PYTHON names no Python with deltalake; `cargo xtask test` makes one";
        return crate::skip::skipped("python", "session delta", reason);
    };
    let folder = tempfile::tempdir().unwrap();
    let written = Command::new(python).args(["-c", WRITE]).arg(folder.path()).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let told = String::from_utf8(written.stdout).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut wrong = Vec::new();
    for session in sessions() {
        for line in told.lines() {
            let [name, version, is_last, file] = line.split('|').collect::<Vec<_>>()[..] else {
                unreachable!("{line}")
            };
            let theirs = format!("'{}'", at(file));
            let schema = session.prepare(&format!("select * from {theirs}")).await.unwrap().schema().unwrap();
            let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let columns = columns.join(", ");
            let mut named = vec![format!("delta_scan('{}', version = {version})", at(name))];
            if is_last == "True" {
                named.push(format!("'{}/'", at(name)));
            }
            for ours in named {
                let count = cells(&session, &format!("select count(*) from {theirs}")).await.unwrap();
                let differ = |one: &str, other: &str| {
                    format!(
                        "select count(*) from (select {columns} from {one} except all select {columns} from {other})"
                    )
                };
                for (sql, expected) in [
                    (format!("select count(*) from {ours}"), count.as_str()),
                    (differ(&ours, &theirs), "0"),
                    (differ(&theirs, &ours), "0"),
                ] {
                    match cells(&session, &sql).await {
                        Ok(found) if found == expected => {}
                        found => wrong.push(format!("{sql}: {found:?}, not {expected}")),
                    }
                }
                for filter in ["id between 20 and 110", "text > 'wörd 3'", "id > 140 or text is null"] {
                    let of = |from: &str| format!("select count(*), sum(id) from {from} where {filter}");
                    let (found, expected) = (cells(&session, &of(&ours)).await, cells(&session, &of(&theirs)).await);
                    if found.as_ref().ok() != expected.as_ref().ok() {
                        wrong.push(format!("{}: {found:?}, not {expected:?}", of(&ours)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
