//! Iceberg: a table is what a file of metadata says, from its list of manifests down to its files
//! (<https://iceberg.apache.org/spec/>, versions 1 to 3). Without a catalog the latest metadata is what lies in the table's folder.
//!
//! Read are deletion vectors and files of positions; rows that are deleted by their values (equality deletes) are refused by name. Not
//! here: catalogs, scanning the files.

mod deletes;
mod manifests;
mod metadata;
mod schema;
mod values;

use std::sync::Arc;

use datafusion::execution::SessionState;
use object_store::ObjectMeta;

pub(super) use values::Known;

use super::place::Place;
use super::snapshot::{Lookup, Snapshot};
use super::version::AsOf;
use crate::error::{Error, ErrorKind, Result};
use metadata::Metadata;

/// The folder of the metadata.
pub(super) const FOLDER: &str = "metadata";
/// How its files end.
pub(super) const END: &str = ".metadata.json";

/// The file of metadata, and which version of it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    file: ObjectMeta,
    as_of: AsOf,
}

/// The latest file of metadata: the one that `version-hint.text` names, or else the greatest.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is none.
pub(super) async fn found(place: &Place, as_of: AsOf) -> Result<Found> {
    let files = files(place).await?;
    let hint = place.read_if_there(&place.below(&format!("{FOLDER}/version-hint.text"))?).await?;
    let hint = hint.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let hinted = hint.as_deref().map(str::trim).and_then(|hint| {
        let names = [format!("v{hint}{END}"), format!("{hint}{END}"), hint.to_string()];
        files.iter().find(|file| names.iter().any(|name| file.location.filename() == Some(name)))
    });
    let greatest = || files.iter().max_by_key(|file| (number(file), file.last_modified));
    match hinted.or_else(greatest) {
        Some(file) => Ok(Found { file: file.clone(), as_of }),
        None => {
            let message =
                format!("'{}' is no Iceberg table: there is no file of metadata in {FOLDER}", place.written());
            Err(Error::new(ErrorKind::NotFound, message).with_hint("name the folder that its metadata folder is in"))
        }
    }
}

/// Whether the folder is such a table.
pub(super) async fn is_at(place: &Place) -> Result<bool> {
    Ok(!files(place).await?.is_empty())
}

async fn files(place: &Place) -> Result<Vec<ObjectMeta>> {
    let mut files = place.files_in(&place.below(FOLDER)?, None).await?;
    files.retain(|file| file.location.filename().is_some_and(|name| name.ends_with(END)));
    Ok(files)
}

/// Of `v3.metadata.json` and `00003-....metadata.json`: 3.
fn number(file: &ObjectMeta) -> u64 {
    let name = file.location.filename().unwrap_or_default().trim_start_matches('v');
    let end = name.bytes().take_while(u8::is_ascii_digit).count();
    name[..end].parse().unwrap_or(0)
}

/// The version that `found` is.
pub(super) async fn snapshot(state: &SessionState, place: &Place, found: &Found) -> Result<Arc<Snapshot>> {
    let path = &found.file.location;
    let metadata = Metadata::parsed(path, &place.read(path).await?)?;
    metadata.check(place)?;
    let version = metadata.version(place, found.as_of)?;
    let columns = schema::columns(place, &metadata, version)?;
    let files = match version {
        Some(version) => manifests::files(state, place, &metadata, version, &columns).await?,
        None => Vec::new(),
    };
    let version = version.map_or_else(|| "no snapshot".to_string(), |version| format!("snapshot {}", version.id()));
    Ok(Arc::new(Snapshot { version, columns, lookup: Lookup::NumberOrAlias, files }))
}
