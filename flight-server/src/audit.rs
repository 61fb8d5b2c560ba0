//! The audit log: a file of JSON lines that says who came, what he asked for, and what became of it. A line is written before what it
//! tells of is done, and what cannot be written is not done. Not here: what of a statement may be shown (`maar_engine::redacted`), and who is let in.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::temporal_conversions::timestamp_ms_to_datetime;
use maar_engine::redacted;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tonic::Status;

use crate::queries::Query;
use crate::trace_context::TraceId;

/// Bytes of a statement in the log: as many as a statement may have.
const SQL_BYTES_MAX: usize = crate::statements::SQL_BYTES_MAX as usize;

/// Lines a second about who is refused: whoever is let in nowhere must not fill the disk.
const REFUSED_MAX: u64 = 20;

/// Rights of a new file: it is its owner's alone.
const OWNERS_ALONE: u32 = 0o600;

/// The log of a server, or none. Clones write the same one.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<Log>>);

struct Log {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// Lines that could not be written since the last one that could.
    lost: u64,
    /// The second that refusals are counted in, how many it had, and how many before it had no line.
    second: u64,
    refused: u64,
    left_out: u64,
}

/// Why a server has no audit log.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log '{}': {cause}", path.display())]
pub struct AuditError {
    path: PathBuf,
    cause: io::Error,
}

/// Whom a line is about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Who<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) session: Option<u64>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) trace: Option<TraceId>,
}

impl Audit {
    /// Opens a file to write behind what it has, and writes a first line.
    ///
    /// # Errors
    /// [`AuditError`] where either cannot be done.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let failed = |cause| AuditError { path: path.to_owned(), cause };
        let file = OpenOptions::new().append(true).create(true).mode(OWNERS_ALONE).open(path).map_err(failed)?;
        let audit = Self::over(path, Box::new(file));
        audit.line("start", Who::default(), json!({ "version": env!("CARGO_PKG_VERSION") })).map_err(failed)?;
        Ok(audit)
    }

    fn over(path: &Path, out: Box<dyn Write + Send>) -> Self {
        let state = State { out, lost: 0, second: 0, refused: 0, left_out: 0 };
        Self(Some(Arc::new(Log { path: path.to_owned(), state: Mutex::new(state) })))
    }

    /// Where it is written.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|log| log.path.as_path())
    }

    /// Writes what is about to be done. `details` is made only where there is a log.
    ///
    /// # Errors
    /// UNAVAILABLE where it cannot be written: then it must not be done.
    pub(crate) fn write(&self, event: &str, who: Who, details: impl FnOnce() -> Value) -> Result<(), Status> {
        if self.0.is_none() {
            return Ok(());
        }
        self.line(event, who, details()).map_err(|_| {
            Status::unavailable(
                "the server cannot write its audit log, and does nothing that is not in it. Hint: whoever runs it has to \
                 make room on the disk, or start it again",
            )
        })
    }

    /// Writes what has been done. Where that fails, the next line that is written says so, and until then nothing is begun.
    pub(crate) fn note(&self, event: &str, who: Who, details: impl FnOnce() -> Value) {
        if self.0.is_some() {
            let _ = self.line(event, who, details());
        }
    }

    /// Writes that a query begins.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn begin(&self, who: Who, id: &str, sql: &str) -> Result<(), Status> {
        self.write("begin", who, || json!({ "query": id, "statement": shown(sql) }))
    }

    /// Writes what became of a query.
    pub(crate) fn end(&self, query: &Query) {
        self.note("end", query.who(), || {
            let progress = query.progress();
            json!({
                "query": query.id,
                "statement": query.sql,
                "outcome": progress.state.name(),
                "error": progress.error,
                "rows": query.rows(),
                "bytes": query.bytes(),
                "ms": u64::try_from(query.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
        });
    }

    /// Writes that a statement was planned, which runs nothing, or why it was not.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn plan(&self, who: Who, sql: &str, error: Option<&Status>) -> Result<(), Status> {
        self.write("plan", who, || {
            let outcome = if error.is_none() { "finished" } else { "failed" };
            json!({ "statement": shown(sql), "outcome": outcome, "error": error.map(|status| redacted(status.message())) })
        })
    }

    /// Writes that somebody was refused, unless too many were in this second: those are counted in the next line.
    pub(crate) fn refused(&self, who: Who, reason: &str) {
        let Some(log) = &self.0 else { return };
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Some(left_out) = log.state.lock().refusal(second) else { return };
        let mut details = json!({ "reason": reason });
        if left_out > 0 {
            details["left_out"] = left_out.into();
        }
        let _ = self.line("refused", who, details);
    }

    fn line(&self, event: &str, who: Who, details: Value) -> io::Result<()> {
        let Some(log) = &self.0 else { return Ok(()) };
        let mut line = Map::new();
        line.insert("time".to_owned(), written(SystemTime::now()).into());
        line.insert("event".to_owned(), event.into());
        line.insert("user".to_owned(), who.user.into());
        line.insert("session".to_owned(), who.session.into());
        line.insert("peer".to_owned(), who.peer.map(|peer| peer.to_string()).into());
        if let Some(trace) = who.trace {
            line.insert("trace".to_owned(), trace.to_string().into());
        }
        if let Value::Object(details) = details {
            line.extend(details);
        }
        log.state.lock().write(line)
    }
}

impl State {
    /// Whether a refusal in this second has a line, and how many before it had none.
    fn refusal(&mut self, second: u64) -> Option<u64> {
        if self.second != second {
            (self.second, self.refused) = (second, 0);
        }
        self.refused += 1;
        if self.refused > REFUSED_MAX {
            self.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut self.left_out))
    }

    fn write(&mut self, mut line: Map<String, Value>) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.lost > 0 {
            line.insert("lost".to_owned(), self.lost.into());
            // What could not be written may be there in part.
            bytes.push(b'\n');
        }
        serde_json::to_writer(&mut bytes, &Value::Object(line))?;
        bytes.push(b'\n');
        let done = self.out.write_all(&bytes);
        self.lost = if done.is_ok() { 0 } else { self.lost + 1 };
        done
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Audit").field(&self.path()).finish()
    }
}

/// A statement without secrets, as far as it could be run.
fn shown(sql: &str) -> String {
    redacted(&sql[..sql.floor_char_boundary(SQL_BYTES_MAX)])
}

/// As RFC 3339 has it, to the millisecond.
fn written(time: SystemTime) -> Option<String> {
    let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let time = timestamp_ms_to_datetime(i64::try_from(millis).ok()?)?;
    Some(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tonic::Code;

    use super::*;

    /// A disk that can be full.
    #[derive(Clone, Default)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        is_full: Arc<AtomicBool>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.is_full.load(Ordering::SeqCst) {
                self.written.lock().extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            // As disks do it: some of it fits, until nothing does.
            let mut written = self.written.lock();
            match written.ends_with(b"{") {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => {
                    written.push(bytes[0]);
                    Ok(1)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk {
        fn lines(&self) -> Vec<Value> {
            let written = self.written.lock();
            let lines = std::str::from_utf8(&written).unwrap().lines().filter(|line| line.len() > 1);
            lines.map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    fn audit() -> (Audit, Disk) {
        let disk = Disk::default();
        (Audit::over(Path::new("audit.jsonl"), Box::new(disk.clone())), disk)
    }

    #[test]
    fn what_cannot_be_written_is_refused_and_told_later() {
        let (audit, disk) = audit();
        let who =
            Who { user: Some("ada"), session: Some(7), peer: Some("127.0.0.1:5".parse().unwrap()), ..Who::default() };
        audit.write("begin", who, || json!({ "statement": "select\n1" })).unwrap();
        disk.is_full.store(true, Ordering::SeqCst);
        let refused = audit.write("begin", who, || json!({})).unwrap_err();
        assert!(refused.code() == Code::Unavailable && refused.message().contains("audit log"), "{refused}");
        audit.note("end", who, || json!({}));
        disk.is_full.store(false, Ordering::SeqCst);
        audit.write("begin", who, || json!({})).unwrap();
        audit.write("end", who, || json!({})).unwrap();
        let lines = disk.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(
            (&lines[0]["user"], &lines[0]["session"], &lines[0]["peer"]),
            (&json!("ada"), &json!(7), &json!("127.0.0.1:5"))
        );
        assert_eq!((&lines[0]["statement"], &lines[0]["event"]), (&json!("select\n1"), &json!("begin")));
        assert!(lines[0]["time"].as_str().unwrap().ends_with('Z'), "{}", lines[0]);
        assert_eq!((&lines[1]["lost"], lines[2].get("lost")), (&json!(2), None));
    }

    #[test]
    fn refusals_do_not_fill_the_disk() {
        let (audit, disk) = audit();
        (0..REFUSED_MAX * 10).for_each(|_| audit.refused(Who::default(), "wrong password"));
        // A second may have passed meanwhile.
        assert!((REFUSED_MAX..=REFUSED_MAX * 2).contains(&(disk.lines().len() as u64)));
        let mut state = State { out: Box::new(io::sink()), lost: 0, second: 0, refused: 0, left_out: 0 };
        let lines: Vec<_> = (0..REFUSED_MAX + 5).filter_map(|_| state.refusal(1)).collect();
        assert_eq!((lines.len() as u64, lines.iter().sum::<u64>()), (REFUSED_MAX, 0));
        assert_eq!((state.refusal(2), state.refusal(2)), (Some(5), Some(0)));
    }

    #[test]
    fn without_a_log_nothing_is_made() {
        let audit = Audit::default();
        audit.write("begin", Who::default(), || unreachable!()).unwrap();
        audit.note("end", Who::default(), || unreachable!());
    }

    #[test]
    fn a_file_that_takes_nothing_is_told_with_its_name() {
        for path in ["/dev/full", "/no/such/folder/audit.jsonl"] {
            let error = Audit::open(Path::new(path)).unwrap_err().to_string();
            assert!(error.contains(path) && error.contains("audit log"), "{error}");
        }
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        assert_eq!(
            written(UNIX_EPOCH + std::time::Duration::from_millis(86_400_007)).unwrap(),
            "1970-01-02T00:00:00.007Z"
        );
    }
}
