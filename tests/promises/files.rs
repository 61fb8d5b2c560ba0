//! Files that come, change and go under a session whose columns are resident: the answer is always that of the files
//! that are there, and what did not change is not read again.

use std::fs;

use maar_tests::tpch;

use crate::lake::{Lake, on_device};

const SUMS: &str =
    "SELECT count(*), sum(l_quantity), min(l_shipdate), max(l_shipmode) FROM lineitem WHERE l_tax > 0.02";

#[test]
fn changed_files_are_seen_and_unchanged_ones_are_not_read_again() {
    on_device("files", async || {
        let lake = Lake::open().await;
        let lineitem = lake.path().join("lineitem");
        let all = lake.run(SUMS).await;
        let whole = all.file_bytes_read();
        assert!(whole > 0, "the first query read nothing");
        assert_eq!(lake.run(SUMS).await.file_bytes_read(), 0);

        fs::copy(lineitem.join("part-1.parquet"), lineitem.join("part-9.parquet")).unwrap();
        let added = lake.run(SUMS).await;
        lake.same_as_oracle(SUMS, &added).await;
        assert_ne!(added.batches(), all.batches(), "an added file was not seen");
        let read = added.file_bytes_read();
        assert!(0 < read && read < whole / 2, "{read} bytes read for one file of five, {whole} for all four");

        // Replaced the way writers do: whole, under another name first.
        fs::copy(lineitem.join("part-2.parquet"), lineitem.join("new.tmp")).unwrap();
        fs::rename(lineitem.join("new.tmp"), lineitem.join("part-9.parquet")).unwrap();
        let replaced = lake.run(SUMS).await;
        lake.same_as_oracle(SUMS, &replaced).await;
        assert_ne!(replaced.batches(), added.batches(), "a replaced file was not seen");

        fs::remove_file(lineitem.join("part-9.parquet")).unwrap();
        let deleted = lake.run(SUMS).await;
        assert_eq!(deleted.batches(), all.batches(), "a deleted file is still seen");
        assert_eq!(deleted.file_bytes_read(), 0, "a deleted file made others be read again");

        let q6 = tpch::query(6).unwrap();
        let before = lake.run(&q6).await;
        fs::remove_file(lineitem.join("part-3.parquet")).unwrap();
        let after = lake.run(&q6).await;
        lake.same_as_oracle(&q6, &after).await;
        assert_ne!(after.batches(), before.batches(), "a deleted file is still seen");
    });
}

#[test]
fn a_file_rewritten_in_place_is_seen_though_size_and_time_are_as_before() {
    on_device("in place", async || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let write = |value: i64| {
            let rows: arrow::array::ArrayRef = std::sync::Arc::new(arrow::array::Int64Array::from(vec![value; 10]));
            let batch = arrow::array::RecordBatch::try_from_iter([("a", rows)]).unwrap();
            let mut bytes = Vec::new();
            let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            // Written into the same inode, its time put back.
            let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path).unwrap();
            std::io::Write::write_all(&mut &file, &bytes).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000))
                .unwrap();
            bytes.len()
        };
        for device in ["cpu", "emulated"] {
            let session = maar_engine::Session::builder().option("maar.device", device).build().unwrap();
            let external = format!("create external table t stored as parquet location '{}'", path.display());
            let first = write(11);
            session.run_script(&external).await.unwrap();
            for (value, sum) in [(11, "110"), (22, "220"), (33, "330")] {
                assert_eq!(write(value), first);
                for table in ["t", &format!("'{}'", path.display())] {
                    let sql = format!("select sum(a), min(a), max(a) from {table} where a > 0");
                    let (batches, _) = session.sql(&sql).await.unwrap().collect().await.unwrap();
                    let shown = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
                    assert!(shown.contains(sum) && shown.matches(&value.to_string()).count() >= 2, "{device}: {shown}");
                }
                // The clock of file systems ticks in milliseconds.
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    });
}
