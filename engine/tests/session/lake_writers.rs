//! Tables that another writer wrote in every version that they had, equal to what it reads itself. Not here: what each writer
//! writes (`delta/written.rs`, `iceberg/written.rs`).

use std::process::Command;

use maar_engine::Session;

use crate::delta::log::sessions;
use crate::support::cells;

/// What a writer of a format of tables is.
pub(crate) struct Writer<'a> {
    /// Of the package for Python, and of the reader in SQL.
    pub(crate) package: &'a str,
    pub(crate) reader: &'a str,
    /// Writes tables in the folder that it is given, and prints for each version the name of its table, its number, whether it is the last, and the
    /// Parquet file of what the writer reads of it.
    pub(crate) script: &'a str,
    /// Conditions that are asked of each version.
    pub(crate) filters: &'a [&'a str],
}

impl Writer<'_> {
    pub(crate) async fn is_read_as_it_reads_itself(&self) {
        let Some(python) = std::env::var_os("MAAR_TEST_PYTHON") else {
            let reason =
                format!("MAAR_TEST_PYTHON names no Python with {}; `cargo xtask test` makes one", self.package);
            return crate::skip::skipped("python", &format!("session {}", self.package), &reason);
        };
        let folder = tempfile::tempdir().unwrap();
        let written = Command::new(python).args(["-c", self.script]).arg(folder.path()).output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let told = String::from_utf8(written.stdout).unwrap();
        assert!(!told.is_empty(), "{} wrote nothing", self.package);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut wrong = Vec::new();
        for session in sessions() {
            for line in told.lines() {
                let [table, version, is_last, file] = line.split('|').collect::<Vec<_>>()[..] else {
                    unreachable!("{line}")
                };
                let theirs = format!("'{}'", at(file));
                let mut ours = vec![format!("{}('{}', version = {version})", self.reader, at(table))];
                if is_last == "True" {
                    ours.push(format!("'{}/'", at(table)));
                }
                for ours in ours {
                    wrong.extend(self.differences(&session, &ours, &theirs).await);
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// What is not the same in two relations.
    async fn differences(&self, session: &Session, ours: &str, theirs: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let schema = session.prepare(&format!("select * from {theirs}")).await.unwrap().schema().unwrap();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let columns = columns.join(", ");
        let count = cells(session, &format!("select count(*) from {theirs}")).await.unwrap();
        let differ = |one: &str, other: &str| {
            format!("select count(*) from (select {columns} from {one} except all select {columns} from {other})")
        };
        for (sql, expected) in [
            (format!("select count(*) from {ours}"), count.as_str()),
            (differ(ours, theirs), "0"),
            (differ(theirs, ours), "0"),
        ] {
            match cells(session, &sql).await {
                Ok(found) if found == expected => {}
                found => wrong.push(format!("{sql}: {found:?}, not {expected}")),
            }
        }
        for filter in self.filters {
            let of = |from: &str| format!("select count(*), sum(id) from {from} where {filter}");
            let (found, expected) = (cells(session, &of(ours)).await, cells(session, &of(theirs)).await);
            if found.as_ref().ok() != expected.as_ref().ok() {
                wrong.push(format!("{}: {found:?}, not {expected:?}", of(ours)));
            }
        }
        wrong
    }
}
