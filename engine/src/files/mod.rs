//! Files as tables: which names are paths (`catalog`), which files a path means (`location`), what the table is (`open`, `create`,
//! `read`, `table`), whether a place can be written to (`target`) and a table takes rows (`writable`), which a client may name (`gate`), how rows go to Hive's folders (`hive_sink`), and that files are written whole (`whole`). Here: the file behind a failure, looked into only after something
//! failed, so that a query that works pays nothing: the path that does not exist, the pattern nothing matches, the Parquet file
//! that is corrupt. Not here: reading and writing what is in a file, which the formats of DataFusion do.

mod braces;
mod catalog;
mod codecs;
mod columnar;
mod corrupt;
mod create;
mod csv;
mod declared_types;
mod formats;
mod gate;
mod hive;
mod hive_folders;
mod hive_sink;
mod json;
mod location;
mod matching;
mod named;
mod open;
mod partition_columns;
mod partitions;
mod pattern;
mod prune;
mod read;
mod scan;
pub(crate) mod stores;
mod table;
mod target;
mod text;
mod unpacked;
mod urls;
mod whole;
mod whole_store;
mod writable;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;

pub(crate) use catalog::{Names, looks_like_path, with_paths};
pub(crate) use codecs::{Codec, Packing};
pub(crate) use corrupt::ScannedFiles;
use corrupt::name_corrupt_file;
pub(crate) use declared_types::Told;
pub(crate) use formats::{
    Known as KnownFormat, also, check_none, is_written, no_writer, of_name as format_of, packed_whole, parquet, unknown,
};
pub use gate::Places;
pub(crate) use gate::check_plan;
use location::Location;
pub(crate) use location::Location as FilesAt;
pub(crate) use open::{table_at, table_of};
pub(crate) use partition_columns::HiveFolders;
pub(crate) use partitions::Partitions;
pub(crate) use read::{Reading, read};
pub(crate) use scan::files_of;
pub(crate) use table::{FileTable, arrow_by_partition};
pub(crate) use target::check_target;

use crate::error::{Error, ErrorKind, Result, nearest};
use crate::lake::Kept;

/// Has CREATE EXTERNAL TABLE make our tables, writes by partitions go to our folders and leave nothing that is not whole, and URLs open
/// their stores.
///
/// # Errors
/// When the host cannot make its runtime.
pub(crate) fn install(builder: &mut SessionStateBuilder) -> Result<()> {
    stores::install(builder)?;
    create::install(builder);
    builder.config().get_or_insert_with(SessionConfig::new).set_extension(Arc::new(Kept::default()));
    let rules = builder.physical_optimizers().get_or_insert_with(PhysicalOptimizer::new);
    rules.rules.insert(0, Arc::new(hive_sink::WriteHiveFolders));
    rules.rules.insert(1, Arc::new(whole::WriteWhole));
    Ok(())
}

/// The paths that a statement reads, as they are written in it.
#[derive(Debug, Default)]
pub(crate) struct NamedPaths {
    read: Vec<String>,
    /// Of CREATE EXTERNAL TABLE without columns, which takes them from the files.
    described: Vec<String>,
}

impl NamedPaths {
    /// `known` are names that are paths though they do not look so.
    pub(crate) fn of(state: &SessionState, statement: &Statement, known: &[String]) -> Self {
        let tables = state.resolve_table_references(statement).unwrap_or_default();
        let is_path = |name: &String| looks_like_path(name) || known.contains(name);
        let paths = tables.into_iter().map(|table| table.table().to_string()).filter(is_path);
        let described = match statement {
            Statement::CreateExternalTable(create) if create.columns.is_empty() => create.locations.clone(),
            _ => Vec::new(),
        };
        Self { read: paths.collect(), described }
    }

    /// # Errors
    /// [`ErrorKind::NotFound`] or [`ErrorKind::Invalid`] for a path that is read and has no columns: there is nothing in it.
    pub(crate) async fn check_read(&self, state: &SessionState, plan: &LogicalPlan) -> Result<()> {
        if self.read.is_empty() || !scans_no_columns(plan) {
            return Ok(());
        }
        for path in &self.read {
            if let Some(missing) = missing(state, path).await {
                return Err(missing);
            }
        }
        Ok(())
    }

    /// `error`, or the better one that a look at the files gives.
    pub(crate) async fn explain(&self, state: &SessionState, error: Error) -> Error {
        for path in self.read.iter().chain(&self.described) {
            if let Some(found) = missing(state, path).await {
                return found.or_at(error.position());
            }
            // What has a hint knows better what is not there.
            let is_bare = error.kind() == ErrorKind::NotFound && error.hint().is_none();
            if is_bare && error.message().contains(path.as_str()) {
                return unknown_format(path).or_at(error.position());
            }
        }
        name_corrupt_file(state, &self.locations(state), error).await
    }

    fn locations(&self, state: &SessionState) -> Vec<Location> {
        let paths = self.read.iter().chain(&self.described);
        paths.filter_map(|path| Location::parse(state.config(), path).ok()).collect()
    }
}

/// Whether a table of the plan has no column at all.
fn scans_no_columns(plan: &LogicalPlan) -> bool {
    let is_bare = |node: &LogicalPlan| {
        Ok(matches!(node, LogicalPlan::TableScan(scan) if scan.source.schema().fields().is_empty()))
    };
    // Visiting cannot fail: the closure does not.
    plan.exists(is_bare).unwrap_or(false)
}

fn unknown_format(path: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the format of '{path}' is not known from its name"))
        .with_hint(format!("CREATE EXTERNAL TABLE t STORED AS csv LOCATION '{path}' says what it is"))
}

/// Why `path` gives no file; `None` if it gives one.
pub(crate) async fn missing(state: &SessionState, path: &str) -> Option<Error> {
    let location = match Location::parse(state.config(), path) {
        Ok(location) => location,
        // Whether there is something where one may not look is not said either.
        Err(e) => return Some(e),
    };
    let store = state.runtime_env().object_store(location.url()).ok()?;
    let files = location.files(store.as_ref(), false).await.ok()?;
    let empty = files.iter().filter(|file| file.size == 0).count();
    (empty == files.len()).then(|| nothing_in(&location, empty))
}

/// Why there is nothing to read at `location`, where `empty` files are that hold not one byte.
fn nothing_in(location: &Location, empty: usize) -> Error {
    let path = location.written();
    if !location.is_pattern() && !urls::is_url(path) && !Path::new(path).exists() {
        return not_there(path);
    }
    match (empty, location.is_pattern()) {
        (0, true) => Error::new(ErrorKind::NotFound, format!("no file matches '{path}'")),
        (0, false) => Error::new(ErrorKind::NotFound, format!("there are no files in '{path}'")),
        (1, false) => Error::new(ErrorKind::Invalid, format!("'{path}' is empty: it has not one byte")),
        (count, _) => Error::new(ErrorKind::Invalid, format!("all {count} files of '{path}' are empty")),
    }
}

fn not_there(path: &str) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("there is no file or directory '{path}'"));
    if let Some(near) = near_path(Path::new(path)) {
        return error.with_hint(format!("did you mean '{}'?", near.display()));
    }
    match std::env::current_dir() {
        Ok(here) if Path::new(path).is_relative() => {
            error.with_hint(format!("relative paths start at {}", here.display()))
        }
        _ => error,
    }
}

fn near_path(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent()?;
    let parent_read = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let entries = std::fs::read_dir(parent_read).ok()?.flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let candidates: Vec<&str> = names.iter().map(String::as_str).collect();
    Some(parent.join(nearest(name, &candidates)?))
}
