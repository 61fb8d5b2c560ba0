//! Files that others wrote: pyarrow's ORC, Feather and packed text, of the types that people have, are read as its Parquet is.
//! Needs MAAR_TEST_PYTHON, which `cargo xtask test` sets.

use std::process::Command;

use crate::support::{cells, session};

/// Writes one table in every way, `reference.parquet` among them, and prints the names of the others.
const WRITE: &str = r#"
import datetime, decimal, gzip, sys
import pyarrow as pa, pyarrow.csv as csv, pyarrow.feather as feather, pyarrow.orc as orc, pyarrow.parquet as parquet
folder, rows = sys.argv[1], 5000
some = lambda value: [None if row % 7 == 0 else value(row) for row in range(rows)]
day = datetime.datetime(2020, 2, 29, 1, 2, 3, 456000)
table = pa.table({
    "id": pa.array(range(rows), pa.int64()),
    "tiny": pa.array(some(lambda row: row % 200 - 100), pa.int8()),
    "small": pa.array(some(lambda row: row * 3 - 7000), pa.int16()),
    "whole": pa.array(some(lambda row: row * 1000003 % 2**31 - 2**30), pa.int32()),
    "long": pa.array(some(lambda row: (row * 2654435761) % 2**62 - 2**61), pa.int64()),
    "real": pa.array(some(lambda row: row / 8), pa.float32()),
    "double": pa.array(some(lambda row: row / 3), pa.float64()),
    "flag": pa.array(some(lambda row: row % 3 == 0), pa.bool_()),
    "text": pa.array(some(lambda row: "" if row % 11 == 0 else "wörd %d" % (row % 500)), pa.string()),
    "price": pa.array(some(lambda row: decimal.Decimal(row * 37 - 5000).scaleb(-2)), pa.decimal128(12, 2)),
    "day": pa.array(some(lambda row: day.date() + datetime.timedelta(days=row - 2500)), pa.date32()),
    "at": pa.array(some(lambda row: day + datetime.timedelta(minutes=row * 37 - 90000)), pa.timestamp("us")),
    "same": pa.array([7] * rows, pa.int32()),
    "none": pa.array([None] * rows, pa.string()),
})
parquet.write_table(table, folder + "/reference.parquet")
names = []
def name(text):
    names.append(text)
    return folder + "/" + text
for codec in ["uncompressed", "zlib", "snappy", "lz4", "zstd"]:
    orc.write_table(table, name(codec + ".orc"), compression=codec, stripe_size=65536)
for codec in ["uncompressed", "lz4", "zstd"]:
    feather.write_feather(table, name(codec + ".feather"), compression=codec, chunksize=777)
with pa.ipc.new_stream(name("stream.arrows"), table.schema) as stream:
    stream.write_table(table, max_chunksize=999)
with gzip.open(name("text.csv.gz"), "wb") as file:
    csv.write_csv(table, file)
print("\n".join(names))
"#;

#[tokio::test]
async fn every_type_is_read_as_from_parquet() {
    let Some(python) = std::env::var_os("MAAR_TEST_PYTHON") else {
        let reason = "MAAR_TEST_PYTHON names no Python with pyarrow; `cargo xtask test` makes one";
        return crate::skip::skipped("python", "session other_writers", reason);
    };
    let folder = tempfile::tempdir().unwrap();
    let written = Command::new(python).args(["-c", WRITE]).arg(folder.path()).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let (session, names) = (session(), String::from_utf8(written.stdout).unwrap());
    let columns = "id, tiny, small, whole, long, real, double, flag, text, price, day, at, same, none";
    let mut wrong = Vec::new();
    for name in names.lines() {
        let is_text = name.contains(".csv");
        // Text has no types of its own, and no NULL beside an empty text.
        let columns = match is_text {
            true => "id, tiny, small, whole, long, flag, nullif(text, '') as text, day, at, same",
            false => columns,
        };
        let of = |file: &str| format!("(select {columns} from '{}')", folder.path().join(file).display());
        let differ = |one: &str, other: &str| format!("select count(*) from ({} except all {})", of(one), of(other));
        for (sql, expected) in [
            (format!("select count(*) from {}", of(name)), "5000"),
            (differ(name, "reference.parquet"), "0"),
            (differ("reference.parquet", name), "0"),
            (format!("select count(*), sum(id) from {} where id >= 4990 and same = 7", of(name)), "10,49945"),
            (
                format!(
                    "select count(none), min(id) from '{}' where text = 'wörd 8'",
                    folder.path().join(name).display()
                ),
                "0,8",
            ),
        ] {
            let given = cells(&session, &sql).await.unwrap_or_else(|e| e.to_string());
            if given != expected {
                wrong.push(format!("{name}: {sql}: {given}"));
            }
        }
    }
    assert!(wrong.is_empty() && names.lines().count() == 10, "{}", wrong.join("\n"));
}
