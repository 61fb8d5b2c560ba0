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
        // The length that this footer claims makes the Parquet reader panic.
        std::fs::write(lake.path("b"), b"PAR1 this is no Parquet PAR1").unwrap();
        let error = lake.ask().await;
        assert!(error.starts_with("error: ") && error.contains("b.parquet' is not a readable"), "{error}");
        assert!(error.contains("Hint: replace the file") && !error.contains("a bug of ours"), "{error}");
        std::fs::remove_file(lake.path("b")).unwrap();
        assert_eq!(lake.ask().await, "100 4950 first first");
    });
}

/// What a file may hold that is no Parquet: a name, the bytes made of a good file's, a word of the cause.
type Broken = (&'static str, fn(Vec<u8>) -> Vec<u8>, &'static str);

const BROKEN: [Broken; 6] = [
    ("half", |good| good[..good.len() / 2].to_vec(), "orrupt"),
    ("no-tail", |good| good[..good.len() - 3].to_vec(), "orrupt"),
    ("text", |_| b"id,word\n1,one\n2,two\n".to_vec(), "orrupt"),
    ("tiny", |_| b"PAR1".to_vec(), "4"),
    ("long-footer", |good| [&good[..good.len() - 8], &[0xff, 0xff, 0xff, 0x7f], b"PAR1"].concat(), "2147483655"),
    ("bad-footer", |good| [&good[..good.len() - 200], &[0xff; 192], &good[good.len() - 8..]].concat(), ""),
];

#[test]
fn every_kind_of_broken_file_is_named_with_its_cause() {
    everywhere("broken", async |lake| {
        let good = std::fs::read(lake.path("a")).unwrap();
        for (name, broken, cause) in BROKEN {
            std::fs::write(lake.path(name), broken(good.clone())).unwrap();
            let error = lake.ask().await;
            let named = format!("/{name}.parquet' is not a readable Parquet file: ");
            let told = error.split_once(&named).map(|(_, told)| told);
            assert!(told.is_some_and(|told| told.contains(cause) && told.contains("Hint: ")), "{name}: {error}");
            assert!(!error.contains("NeedMoreData") && !error.contains("bug of ours"), "{name}: {error}");
            std::fs::remove_file(lake.path(name)).unwrap();
        }
        assert_eq!(lake.ask().await, "100 4950 first first");
    });
}

/// Pages that cannot be decoded are found while a query runs, on the device by Maar's own scan.
#[test]
fn a_broken_page_is_named() {
    everywhere("page", async |lake| {
        let mut bytes = std::fs::read(lake.path("a")).unwrap();
        bytes[4..200].fill(0xff);
        std::fs::write(lake.path("a"), bytes).unwrap();
        let error = lake.ask().await;
        let path = lake.path("a").display().to_string();
        assert!(error.starts_with("error: ") && error.contains(&format!("'{path}'")), "{error}");
    });
}

#[test]
fn an_empty_file_and_a_folder_are_no_tables() {
    everywhere("empty", async |lake| {
        let folder = lake.folder.path();
        std::fs::write(folder.join("empty.parquet"), b"").unwrap();
        std::fs::create_dir(folder.join("inner")).unwrap();
        for (path, cause) in [("empty.parquet", "not one byte"), ("inner", "no files"), ("inner/", "no files")] {
            let path = folder.join(path).display().to_string();
            let read = lake.session.run(&format!("SELECT * FROM '{path}'")).await.err().map(|e| e.to_string());
            let read = read.unwrap_or_default();
            assert!(read.contains(path.trim_end_matches('/')) && read.contains(cause), "{path}: {read}");
        }
        // Writers leave empty files as markers: among others they are skipped.
        assert_eq!(lake.ask().await, "100 4950 first first");
        // A folder that is named like a file holds no file.
        std::fs::remove_file(folder.join("empty.parquet")).unwrap();
        std::fs::create_dir(folder.join("b.parquet")).unwrap();
        assert_eq!(lake.ask().await, "100 4950 first first");
        let path = folder.join("b.parquet").display().to_string();
        let read = lake.session.run(&format!("SELECT * FROM '{path}'")).await.err().map(|e| e.to_string());
        assert!(read.is_some_and(|read| read.contains(&path) && read.contains("no files")));
    });
}

fn size(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}
