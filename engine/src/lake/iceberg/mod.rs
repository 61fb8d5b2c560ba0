//! Iceberg: a table is what a file of metadata says, from its list of manifests down to its files
//! (<https://iceberg.apache.org/spec/>, versions 1 to 3). Without a catalog the latest metadata is what lies in the table's folder.
//!
//! Deleted rows are those of deletion vectors, of files of positions, and of files of values (equality deletes). Not here: catalogs,
//! scanning the files.

mod by_values;
mod deletes;
mod manifests;
mod metadata;
mod schema;
mod values;

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;

pub(super) use values::Known;

use super::place::{Place, damaged};
use super::snapshot::{Lookup, Snapshot};
use super::version::AsOf;
use crate::error::{Error, ErrorKind, Result};
use crate::files::Codec;
use metadata::Metadata;

/// The folder of the metadata.
pub(super) const FOLDER: &str = "metadata";
/// How its files end; those that are packed are called `v3.gz.metadata.json` or, by older writers, as the second.
const ENDS: [&str; 2] = [".metadata.json", ".metadata.json.gz"];
/// Packed metadata that holds more is damaged, or made to fill the memory.
const TEXT_BYTES_MAX: usize = 1 << 30;

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
    if let Some(file) = &place.metadata {
        let file = place.state_of(file).await.map_err(|e| match e.kind() {
            ErrorKind::NotFound => {
                let message = format!("there is no file of metadata '{}'", place.written());
                Error::new(ErrorKind::NotFound, message)
                    .with_hint("name the table's folder: its latest metadata is read")
            }
            _ => e,
        })?;
        return Ok(Found { file, as_of });
    }
    let hint = place.below(&format!("{FOLDER}/version-hint.text"))?;
    let (files, hint) = futures::try_join!(files(place), place.read_if_there(&hint))?;
    let hint = hint.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let hinted = hint.as_deref().map(str::trim).and_then(|hint| {
        let of = |name: &str| {
            let packed = format!("v{hint}.gz{}", ENDS[0]);
            let is_hinted = |name: &str| name == hint || name.strip_prefix('v') == Some(hint);
            let is_numbered = |end: &str| name.strip_suffix(end).is_some_and(is_hinted);
            name == hint || name == packed || ENDS.into_iter().any(is_numbered)
        };
        files.iter().find(|file| file.location.filename().is_some_and(of))
    });
    let greatest = || files.iter().max_by_key(|file| (number(file), file.last_modified));
    match hinted.or_else(greatest) {
        Some(file) => Ok(Found { file: file.clone(), as_of }),
        None => {
            let message =
                format!("'{}' is no Iceberg table: there is no file of metadata in {FOLDER}", place.written());
            Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("name the folder that its metadata folder is in, or a file of metadata in that"))
        }
    }
}

/// Whether the folder is such a table.
pub(super) async fn is_at(place: &Place) -> Result<bool> {
    Ok(!files(place).await?.is_empty())
}

async fn files(place: &Place) -> Result<Vec<ObjectMeta>> {
    let mut files = place.files_in(&place.below(FOLDER)?, None).await?;
    files.retain(|file| file.location.filename().is_some_and(is_metadata));
    Ok(files)
}

/// Whether files of metadata are called so.
pub(super) fn is_metadata(name: &str) -> bool {
    ENDS.into_iter().any(|end| name.ends_with(end))
}

/// What a file of metadata says, which may be packed.
async fn text(path: &Path, bytes: Bytes) -> Result<Bytes> {
    let Some(codec) = Codec::of_bytes(&bytes) else { return Ok(bytes) };
    let mut unpacked = codec.unpacked(stream::once(async move { Ok(bytes) }).boxed());
    let mut text = Vec::new();
    while let Some(piece) = unpacked.try_next().await.map_err(|e| damaged(path, e))? {
        if text.len() + piece.len() > TEXT_BYTES_MAX {
            return Err(damaged(path, "unpacked it has more than a gigabyte"));
        }
        text.extend_from_slice(&piece);
    }
    Ok(text.into())
}

/// Of `v3.metadata.json` and `00003-....metadata.json`: 3.
fn number(file: &ObjectMeta) -> u64 {
    let name = file.location.filename().unwrap_or_default().trim_start_matches('v');
    let end = name.bytes().take_while(u8::is_ascii_digit).count();
    name[..end].parse().unwrap_or(0)
}

/// The version that `found` is.
pub(super) async fn snapshot(place: &Place, found: &Found) -> Result<Arc<Snapshot>> {
    let path = &found.file.location;
    let metadata = Metadata::parsed(path, &text(path, place.read(path).await?).await?)?;
    metadata.check(place)?;
    let version = metadata.version(place, found.as_of)?;
    let columns = schema::columns(place, &metadata, version)?;
    let (files, by_values) = match version {
        Some(version) => manifests::files(place, &metadata, version, &columns).await?,
        None => Default::default(),
    };
    let version = version.map_or_else(|| "no snapshot".to_string(), |version| format!("snapshot {}", version.id()));
    Ok(Arc::new(Snapshot { version, columns, lookup: Lookup::NumberOrAlias, files, by_values }))
}
