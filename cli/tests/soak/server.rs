//! The server in a process of its own, and what that holds as the system and the server's numbers tell it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The table of the queries; `clients` knows what is in it.
const INIT: &str =
    "create table numbers as select value as n, value % 97 as g, concat('text ', value) as t from range(0, 100000)";

/// How long a server may take to be quiet once its clients are gone: silent connections are found by asking them.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Server {
    child: Child,
    address: String,
    http: String,
    _folder: TempDir,
}

/// What a server holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) handles: u64,
    pub(crate) threads: u64,
    /// Bytes of memory, as the system counts them.
    pub(crate) resident: u64,
    /// Bytes that queries have reserved.
    pub(crate) reserved: u64,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let init = folder.path().join("init.sql");
        std::fs::write(&init, INIT).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_maar"));
        command
            .args(["--device", "cpu", "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--init"])
            .arg(init);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut place = || {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            let place = line.split_whitespace().find_map(|word| Some(word.split_once("://")?.1.to_owned()));
            place.unwrap_or_else(|| unreachable!("it does not listen: {line}"))
        };
        let (address, http) = (format!("http://{}", place()), place());
        // What it says later is nobody's business, and must not end it.
        std::mem::forget(said);
        Self { child, address, http, _folder: folder }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it holds once it has neither sessions nor queries.
    pub(crate) fn quiet(&self) -> Held {
        let started = Instant::now();
        loop {
            let metrics = self.metrics();
            let busy: Vec<_> = metrics.lines().filter(|line| is_busy(line)).collect();
            if busy.is_empty() {
                // Its threads end after that.
                std::thread::sleep(Duration::from_secs(1));
                return self.held(&metrics);
            }
            assert!(started.elapsed() < PATIENCE, "all clients are gone, and there still are: {busy:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn held(&self, metrics: &str) -> Held {
        let proc = format!("/proc/{}", self.child.id());
        let count = |folder: &str| std::fs::read_dir(format!("{proc}/{folder}")).unwrap().count() as u64;
        let number = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse::<u64>().unwrap()
        };
        Held {
            handles: count("fd"),
            threads: count("task"),
            resident: number("process_resident_memory_bytes "),
            reserved: number("maar_host_memory_bytes{kind=\"used\"} "),
        }
    }

    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: maar\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// Whether a number says that a client is still there, or a query of one.
fn is_busy(line: &str) -> bool {
    let is_of_clients = line.starts_with("maar_queries{") || line.starts_with("maar_sessions ");
    is_of_clients && !line.ends_with(" 0")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
