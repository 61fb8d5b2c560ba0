//! Iceberg tables that `pyiceberg` writes, in every version that they had, equal to what it reads itself. Needs MAAR_TEST_PYTHON, which
//! `cargo xtask test` sets.

use crate::lake_writers::Writer;

/// Writes tables in folders and prints, for each version, its folder, its number, whether it is the last, and the Parquet file of what is read
/// of it.
const WRITE: &str = r#"
import datetime, decimal, os, sys
import pyarrow as pa, pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import DecimalType, DoubleType, IntegerType, LongType
folder = sys.argv[1]
catalog = SqlCatalog("c", uri="sqlite:///" + folder + "/catalog.db", warehouse="file://" + folder)
catalog.create_namespace("n")
def rows(first, count):
    ids = range(first, first + count)
    some = lambda value: [None if row % 7 == 3 else value(row) for row in ids]
    day = datetime.datetime(2020, 2, 29, 1, 2, 3, 456789)
    return pa.table({
        "id": pa.array(ids, pa.int64()),
        "small": pa.array(some(lambda row: row % 200 - 100), pa.int32()),
        "real": pa.array(some(lambda row: row / 8), pa.float32()),
        "double": pa.array([float("nan") if row % 5 == 0 else row / 3 for row in ids], pa.float64()),
        "flag": pa.array(some(lambda row: row % 3 == 0), pa.bool_()),
        "text": pa.array(some(lambda row: "wörd %d " % (row % 50) * 9), pa.string()),
        "price": pa.array(some(lambda row: decimal.Decimal(row * 37 - 500).scaleb(-2)), pa.decimal128(9, 2)),
        "day": pa.array(some(lambda row: day.date() + datetime.timedelta(days=row)), pa.date32()),
        "at": pa.array(some(lambda row: day.replace(tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=row)), pa.timestamp("us", "UTC")),
        "local": pa.array(some(lambda row: day + datetime.timedelta(hours=row)), pa.timestamp("us")),
        "part": pa.array(some(lambda row: "a b/%d%%" % (row % 3)), pa.string()),
    })
def tell(name):
    table = catalog.load_table("n." + name)
    for version in table.metadata.snapshots:
        is_last = version.snapshot_id == table.metadata.current_snapshot_id
        read = (table.scan() if is_last else table.scan(snapshot_id=version.snapshot_id)).to_arrow()
        file = "%s-%d.parquet" % (name, version.snapshot_id)
        parquet.write_table(read, folder + "/" + file)
        print(table.metadata.location[len("file://" + folder) + 1:], version.snapshot_id, is_last, file, sep="|")
for name in ["plain", "parts", "first"]:
    version = "1" if name == "first" else "2"
    table = catalog.create_table("n." + name, schema=rows(0, 1).schema, properties={"format-version": version})
    if name == "first":
        with table.update_spec() as spec:
            spec.add_field("part", IdentityTransform(), "1 a%b")
            spec.add_field("text", TruncateTransform(1), "first.letter")
    if name == "parts":
        with table.update_spec() as spec:
            spec.add_identity("part")
            spec.add_field("local", DayTransform(), "local_day")
    table.append(rows(0, 60))
    table.delete(EqualTo("id", 14))
    if name == "parts":
        with table.update_spec() as spec:
            spec.remove_field("local_day")
            spec.add_field("id", BucketTransform(4), "id_bucket")
    table.append(rows(100, 30))
    with table.update_schema() as schema:
        schema.rename_column("text", "word")
        schema.delete_column("flag")
        schema.update_column("small", LongType())
        schema.update_column("real", DoubleType())
        schema.update_column("price", DecimalType(18, 2))
    with table.update_schema() as schema:
        schema.add_column("text", IntegerType())
    table = catalog.load_table("n." + name)
    new = rows(200, 20).drop_columns(["flag"]).rename_columns({"text": "word"})
    new = new.set_column(1, "small", new["small"].cast(pa.int64())).set_column(2, "real", new["real"].cast(pa.float64()))
    price = new.column_names.index("price")
    new = new.set_column(price, "price", new["price"].cast(pa.decimal128(18, 2)))
    table.append(new.append_column("text", pa.array(range(20), pa.int32())))
    if name == "plain":
        table.overwrite(new, EqualTo("id", 205))
    tell(name)
# Threads of native code that still run at the end of Python abort it.
sys.stdout.flush()
os._exit(0)
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_is_read_as_its_writer_reads_it() {
    let filters = &["id between 20 and 110", "part > 'a b/1%'", "id > 140 or price is null", "local >= '2020-03-02'"];
    let writer = Writer { package: "pyiceberg", reader: "iceberg_scan", script: WRITE, filters };
    writer.is_read_as_it_reads_itself().await;
}
