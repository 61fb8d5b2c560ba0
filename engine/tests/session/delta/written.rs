//! Tables that `deltalake` for Python writes, in every version that they had, equal to what it reads itself. Needs MAAR_TEST_PYTHON, which
//! `cargo xtask test` sets.

use crate::lake_writers::Writer;

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
    let filters = &["id between 20 and 110", "text > 'wörd 3'", "id > 140 or text is null"];
    let writer = Writer { package: "deltalake", reader: "delta_scan", script: WRITE, filters };
    writer.is_read_as_it_reads_itself().await;
}
