//! Files of more columns than are kept of a footer: what is planned and read over some of them is what it is over all, on the
//! CPU and on the emulated device.

use maar_engine::Session;
use maar_engine::device::DeviceKind;
use tempfile::TempDir;

use crate::support::cells;

const COLUMNS: usize = 150;
const FILES: i64 = 3;

/// Columns c0, c1, ... with the row's number and theirs added, and some of types that Parquet does not have.
async fn lake() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let session = Session::builder().device(DeviceKind::Cpu).build().unwrap();
    let columns: Vec<String> = (0..COLUMNS).map(|column| format!("value + {column} as c{column}")).collect();
    let special = "arrow_cast('t' || value, 'LargeUtf8') as large, \
        arrow_cast('d' || (value % 2), 'Dictionary(Int32, Utf8)') as packed, \
        arrow_cast(value, 'Timestamp(Second, Some(\"Europe/Berlin\"))') as moment, \
        [value, value + 1] as list, case when value % 2 = 0 then value end as halves";
    for file in 0..FILES {
        let (from, to) = (file * 100, file * 100 + 99);
        let rows = format!("select {special}, {} from generate_series({from}, {to})", columns.join(", "));
        let path = folder.path().join(format!("{file}.parquet"));
        let options = "(format parquet, row_group_size 50)";
        session.run_script(&format!("copy ({rows} order by value) to '{}' {options}", path.display())).await.unwrap();
    }
    let location = format!("{}/", folder.path().display());
    (folder, location)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_columns_of_many_are_read_as_all() {
    let (_folder, location) = lake().await;
    for device in [DeviceKind::Cpu, DeviceKind::Emulated] {
        let session = Session::builder().device(device).target_partitions(2).build().unwrap();
        session.run_script(&format!("create external table t stored as parquet location '{location}'")).await.unwrap();
        for (sql, expected) in [
            ("select count(*) from t", "300"),
            ("select sum(c0), sum(c149) from t", "44850,89550"),
            ("select min(c0), max(c149), count(c3), count(halves) from t", "0,448,300,150"),
            // More columns of files that are known.
            ("select sum(c70), sum(c0) from t where c1 > 250", "17225,13725"),
            ("select sum(c5) from t where c6 between 120 and 130 and c149 <> 270", "1238"),
            ("select count(*) from t where c100 = 1000", "0"),
            ("select c0 from t order by c0 desc limit 2", "299;298"),
            ("select c9 from t where c8 in (10, 300) order by c10", "11;301"),
            ("select a.c2 from t a join t b on a.c2 = b.c148 where b.c0 = 3", "151"),
            ("select packed, count(*), max(large) from t group by packed order by packed", "d0,150,t98;d1,150,t99"),
            (
                "select arrow_typeof(moment), moment from t where c0 = 1",
                "Timestamp(s, \"Europe/Berlin\"),1970-01-01T01:00:01+01:00",
            ),
            ("select list[2] from t where c0 = 7", "8"),
            ("select count(*) from t where halves is null and c0 < 10", "5"),
            ("select c0 + c1 from (select * from t) where c2 = 4", "5"),
        ] {
            assert_eq!(cells(&session, sql).await.unwrap(), expected, "{device:?}: {sql}");
        }
        let (batches, _) = session.sql("select * from t where c0 = 42").await.unwrap().collect().await.unwrap();
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).unwrap();
        assert_eq!((batch.num_columns(), batch.num_rows()), (COLUMNS + 5, 1), "{device:?}");
    }
}
