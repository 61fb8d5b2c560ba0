//! TPC-DS: DuckDB's extension makes the data and has the queries; a Python that has it is asked once a scale, and what it makes is
//! kept. Not here: running them (`measure.rs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kept_folder;
use super::queries::Query;
use crate::error::Failure;

/// Changes when files of the same scale would differ from what is kept.
const VERSION: u32 = 1;

const SCRIPT: &str = include_str!("tpcds.py");

/// How the script ends where Python lacks the packages.
const NO_PACKAGES: i32 = 3;

/// The folder of the queries, beside those of the tables.
const QUERIES: &str = "queries";

/// The folder of the data and queries of `scale` under `root` (default: the cache folder), made where it is not there yet.
pub(super) fn ensure(
    scale: f64,
    root: Option<&Path>,
    python: &Path,
    started: impl FnOnce(&Path),
) -> Result<PathBuf, Failure> {
    let root = kept_folder::root(root, "maar/tpcds")?;
    kept_folder::ensure(&root, &format!("sf{scale}-v{VERSION}"), started, |fresh| make(scale, python, fresh))
}

fn make(scale: f64, python: &Path, folder: &Path) -> Result<(), Failure> {
    let hint = "Hint: TPC-DS needs a Python with DuckDB's extension once: `pip install duckdb==1.5.5 duckdb-extension-tpcds==1.5.5`, \
         and say which Python with --python PROGRAM";
    let name = python.display();
    let ran = Command::new(python).args(["-c", SCRIPT]).arg(folder).arg(scale.to_string()).output();
    let ran = ran.map_err(|error| Failure::other(format!("cannot run '{name}': {error}\n{hint}")))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    match ran.status.code() {
        Some(NO_PACKAGES) => Err(Failure::other(format!("'{name}' lacks what TPC-DS needs: {last}\n{hint}"))),
        _ => Err(Failure::other(format!("'{name}' could not make TPC-DS data: {last}"))),
    }
}

/// The tables, by name.
pub(super) fn tables(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = names(folder)?;
    names.retain(|name| name != QUERIES);
    Ok(names)
}

/// The queries, by number.
pub(super) fn queries(folder: &Path) -> Result<Vec<Query>, Failure> {
    let folder = folder.join(QUERIES);
    let mut queries = Vec::new();
    for name in names(&folder)? {
        let number = name.strip_prefix('q').and_then(|name| name.strip_suffix(".sql")).map(str::parse::<u8>);
        let Some(Ok(number)) = number else { continue };
        let path = folder.join(&name);
        let sql = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
        queries.push(Query { number, sql: sql.into(), order: &[] });
    }
    queries.sort_by_key(|query| query.number);
    Ok(queries)
}

/// What is in a folder, in order.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::file("read the folder", folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut names: Vec<String> = entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}
