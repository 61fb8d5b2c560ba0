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
