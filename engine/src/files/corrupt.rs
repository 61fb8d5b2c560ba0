//! Finds the corrupt file among those a query scans. DataFusion's error says what is wrong but not where.
//! Runs only after a Parquet error or a panic, so it may read the files once more.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::location::Location;
use super::table::FileTable;
use crate::corrections::statistics::{READ_KEY, has_keys};
use crate::device::{self, ScanError};
use crate::error::{Error, ErrorKind};

/// Footers are always looked at; whole files only while they add up to less than this.
const DECODED_BYTES_MAX: u64 = 1 << 30;

/// Where the files of a plan are, for the case that one of them is corrupt. Files that are read with a key are named by who reads
/// them.
pub(crate) struct ScannedFiles {
    state: Arc<SessionState>,
    locations: Vec<Location>,
}

impl ScannedFiles {
    pub(crate) fn of(state: &Arc<SessionState>, plan: &LogicalPlan) -> Self {
        let mut locations = Vec::new();
        // Visiting cannot fail: the closure does not.
        let _ = plan.apply_with_subqueries(|node| {
            add_locations(state, node, &mut locations);
            Ok(TreeNodeRecursion::Continue)
        });
        Self { state: Arc::clone(state), locations }
    }

    /// `error`, naming the file that is corrupt if it is a Parquet error and the file is found.
    pub(crate) async fn explain(self, error: Error) -> Error {
        name_corrupt_file(&self.state, &self.locations, error).await
    }
}

fn add_locations(state: &SessionState, node: &LogicalPlan, locations: &mut Vec<Location>) {
    match node {
        LogicalPlan::TableScan(scan) => {
            if let Ok(provider) = source_as_provider(&scan.source)
                && let Some(table) = provider.downcast_ref::<FileTable>()
                && !has_keys(table.format.as_ref())
            {
                locations.extend(table.locations().iter().cloned());
            }
        }
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(create))
            if !create.options.keys().any(|option| option.contains("key_as_hex")) =>
        {
            locations.extend(create.locations.iter().filter_map(|path| Location::parse(state.config(), path).ok()));
        }
        _ => {}
    }
}

/// `error`, naming the file that is corrupt if it is a Parquet error and the file is found.
pub(super) async fn name_corrupt_file(state: &SessionState, locations: &[Location], error: Error) -> Error {
    if !error.may_be_a_corrupt_file() {
        return error;
    }
    let files = list(state, locations).await;
    if files.is_empty() {
        return error;
    }
    // A file that is encrypted is to blame for an error about that, and for no other.
    let is_to_blame = |cause: &str| !is_about_keys(cause) || is_about_keys(error.message());
    for (store, file) in &files {
        if let Err(cause) = footer(store, file).await
            && is_to_blame(&cause)
        {
            return corrupt(locations, file, &cause);
        }
    }
    let mut decoded_bytes = 0;
    for (store, file) in &files {
        decoded_bytes += file.size;
        if decoded_bytes > DECODED_BYTES_MAX {
            break;
        }
        if let Err(cause) = decode(store, file).await
            && is_to_blame(&cause)
        {
            // What a decoder says of bytes that it has no key for means nothing.
            let cause = if error.message().contains("is encrypted") { error.message().to_string() } else { cause };
            return corrupt(locations, file, &cause);
        }
    }
    if error.is_panic() {
        // Files that can be read are not to blame.
        return error;
    }
    let places: Vec<String> = locations.iter().map(|location| shown(location.url().as_str())).collect();
    error.with_hint(format!("the file is one of {} in {}", files.len(), places.join(", ")))
}

fn is_about_keys(message: &str) -> bool {
    ["encrypt", "decrypt"].iter().any(|word| message.contains(word))
}

type Found = (Arc<dyn ObjectStore>, ObjectMeta);

async fn list(state: &SessionState, locations: &[Location]) -> Vec<Found> {
    let mut found = Vec::new();
    for location in locations {
        let Ok(store) = state.runtime_env().object_store(location.url()) else { continue };
        let Ok(files) = location.files(store.as_ref(), false).await else { continue };
        // Empty files are skipped.
        found.extend(files.into_iter().filter(|file| file.size > 0).map(|file| (Arc::clone(&store), file)));
    }
    found
}

/// Reads and parses the footer alone.
async fn footer(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<(), String> {
    match device::read_metadata(store.as_ref(), file).await {
        Ok(_) => Ok(()),
        Err(ScanError::Corrupt { message, .. }) => Err(message),
        Err(other) => Err(other.to_string()),
    }
}

/// Reads the file and decodes every row of it.
async fn decode(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<(), String> {
    let got = store.get(&file.location).await.map_err(|error| error.to_string())?;
    let whole = got.bytes().await.map_err(|error| error.to_string())?;
    let decoded = device::guarded(|| {
        for batch in ParquetRecordBatchReaderBuilder::try_new(whole)?.build()? {
            batch?;
        }
        Ok(())
    });
    decoded.map_err(|error| error.to_string())
}

fn corrupt(locations: &[Location], file: &ObjectMeta, cause: &str) -> Error {
    let base = locations.first().map_or("", |location| location.url().scheme());
    let path = if base == "file" { format!("/{}", file.location) } else { format!("{base}://.../{}", file.location) };
    let cause = cause.strip_prefix("Parquet error: ").unwrap_or(cause);
    if is_about_keys(cause) {
        let message = format!("'{path}' is encrypted, and the keys that are given do not open it: {cause}");
        return Error::new(ErrorKind::Invalid, message).with_hint(format!(
            "CREATE EXTERNAL TABLE ... OPTIONS ('{READ_KEY}' '...') gives the key, and so does read_parquet('...', footer_key_as_hex = '...')"
        ));
    }
    Error::new(ErrorKind::Invalid, format!("'{path}' is not a readable Parquet file: {cause}"))
        .with_hint("replace the file or take it away; a pattern such as 'lake/2024-*.parquet' reads some of a folder")
}

fn shown(location: &str) -> String {
    format!("'{}'", location.strip_prefix("file://").unwrap_or(location))
}
