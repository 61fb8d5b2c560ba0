//! Files that come, change and go between two queries of one session, on every device. A cache must never answer for
//! what is no longer there.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use maar_tests::fixtures::{File, write};
use maar_tests::render;
use maar_tests::session::{Place, TestSession, runtime};
use maar_tests::{Result, skip};

const PLACES: [Place; 2] = [Place::Cpu, Place::Emulated];

/// A folder that is a table, and a session that knows it.
struct Lake {
    folder: tempfile::TempDir,
    session: TestSession,
}

impl Lake {
    async fn open(place: Place) -> Result<Self> {
        let lake = Self { folder: tempfile::tempdir()?, session: TestSession::open(place)? };
        lake.write("a", 0, 100, "first");
        let location = lake.folder.path().display();
        lake.session.run(&format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{location}/'")).await?;
        Ok(lake)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.parquet"))
    }

    /// Rows `from..to`, each with `word`.
    fn write(&self, name: &str, from: i64, to: i64, word: &str) {
        let ids: ArrayRef = Arc::new((from..to).map(Some).collect::<Int64Array>());
        let words: ArrayRef = Arc::new((from..to).map(|_| Some(word)).collect::<StringArray>());
        let rows = RecordBatch::try_from_iter([("id", ids), ("word", words)]).unwrap();
        write(&self.path(name), &File::new(rows, &[30])).unwrap();
    }

    /// Count, sum and words, as text; the error's text where there is one.
    async fn ask(&self) -> String {
        let sql = "SELECT count(*), sum(id), min(word), max(word) FROM t";
        match self.session.run(sql).await {
            Ok(answer) => render::rows(&answer.batches).unwrap().concat().join(" "),
            Err(error) => format!("error: {error}"),
        }
    }
}

/// Runs `check` on every device that is there.
fn everywhere(test: &str, check: impl AsyncFn(Lake)) {
    for place in PLACES {
        match place.missing() {
            Some(reason) => skip::skipped("device", &format!("scan {test} {place}"), &reason),
            None => runtime().unwrap().block_on(async { check(Lake::open(place).await.unwrap()).await }),
        }
    }
}

#[test]
fn a_file_that_is_added_is_seen() {
    everywhere("added", async |lake| {
        assert_eq!(lake.ask().await, "100 4950 first first");
        lake.write("b", 100, 110, "second");
        assert_eq!(lake.ask().await, "110 5995 first second");
    });
}

#[test]
fn a_file_that_is_replaced_is_read_anew() {
    everywhere("replaced", async |lake| {
        assert_eq!(lake.ask().await, "100 4950 first first");
        lake.write("a", 0, 50, "other");
        assert_eq!(lake.ask().await, "50 1225 other other");
        // The same number of rows and bytes: only the time of the change tells them apart.
        let before = size(&lake.path("a"));
        lake.write("a", 50, 100, "third");
        assert_eq!(size(&lake.path("a")), before, "the test wants files of one size");
        assert_eq!(lake.ask().await, "50 3725 third third");
    });
}

#[test]
fn a_file_that_is_deleted_is_forgotten() {
    everywhere("deleted", async |lake| {
        lake.write("b", 100, 110, "second");
        assert_eq!(lake.ask().await, "110 5995 first second");
        std::fs::remove_file(lake.path("a")).unwrap();
        assert_eq!(lake.ask().await, "10 1045 second second");
    });
}

#[test]
fn a_folder_that_became_empty_has_no_rows() {
    everywhere("emptied", async |lake| {
        assert_eq!(lake.ask().await, "100 4950 first first");
        std::fs::remove_file(lake.path("a")).unwrap();
        assert_eq!(lake.ask().await, "0 NULL NULL NULL");
    });
}

#[test]
fn a_corrupt_file_is_an_error_and_the_session_goes_on() {
    everywhere("corrupt", async |lake| {
        assert_eq!(lake.ask().await, "100 4950 first first");
        std::fs::write(lake.path("b"), b"PAR1 this is no Parquet PAR1").unwrap();
        let error = lake.ask().await;
        // The Parquet reader panics on this footer; the engine catches it, and does not know yet which file it was.
        assert!(error.starts_with("error: "), "{error}");
        std::fs::remove_file(lake.path("b")).unwrap();
        assert_eq!(lake.ask().await, "100 4950 first first");
    });
}

#[test]
fn a_truncated_file_is_an_error() {
    everywhere("truncated", async |lake| {
        let whole = std::fs::read(lake.path("a")).unwrap();
        std::fs::write(lake.path("a"), &whole[..whole.len() / 2]).unwrap();
        let error = lake.ask().await;
        assert!(error.starts_with("error: ") && error.contains("a.parquet"), "{error}");
    });
}

fn size(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}
