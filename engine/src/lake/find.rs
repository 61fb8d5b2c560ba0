//! Whether a folder is a table with metadata: a plain listing of its files would give rows that were deleted, and all versions at once.

use datafusion::execution::SessionState;
use futures::future::join_all;
use object_store::path::Path;

use super::place::Place;
use super::{delta, iceberg};
use crate::error::{Error, ErrorKind, Result};
use crate::files::FilesAt;

/// A format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Delta,
    Iceberg,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Delta, Self::Iceberg];

    /// As STORED AS has it, in small letters.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Iceberg => "iceberg",
        }
    }

    /// As texts name it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Delta => "Delta",
            Self::Iceberg => "Iceberg",
        }
    }

    /// Whether `path` is one of a file of metadata, and not of a table's folder.
    pub(super) fn names_metadata(self, path: &str) -> bool {
        self == Self::Iceberg && iceberg::is_metadata(path)
    }

    async fn is_at(self, place: &Place) -> Result<bool> {
        match self {
            Self::Delta => place.has(delta::LOG).await,
            Self::Iceberg => iceberg::is_at(place).await,
        }
    }

    /// The folders above the table that `file` is in the metadata of.
    fn table_of<'p>(self, folders: &'p [String], name: &str) -> Option<&'p [String]> {
        match self {
            Self::Delta => {
                let at = folders.iter().position(|folder| *folder == delta::LOG)?;
                Some(&folders[..at])
            }
            Self::Iceberg => {
                let (last, above) = folders.split_last()?;
                (last == iceberg::FOLDER && iceberg::is_metadata(name)).then_some(above)
            }
        }
    }
}

/// What the folder of `place` is.
pub(super) async fn at(place: &Place) -> Result<Option<Format>> {
    let (is_delta, is_iceberg) = futures::try_join!(Format::Delta.is_at(place), Format::Iceberg.is_at(place))?;
    // A table of both formats is written as Delta, and Iceberg's metadata follows.
    Ok(is_delta.then_some(Format::Delta).or(is_iceberg.then_some(Format::Iceberg)))
}

/// # Errors
/// [`ErrorKind::Unsupported`] where `files`, listed as files for `written`, are those of such a table.
pub(crate) fn in_listing<'f>(written: &str, files: impl Iterator<Item = &'f Path>) -> Result<()> {
    let is_metadata = |file: &&Path| file.as_ref().contains(delta::LOG) || iceberg::is_metadata(file.as_ref());
    for file in files.filter(is_metadata) {
        let folders: Vec<String> = file.parts().map(|part| part.as_ref().to_string()).collect();
        let Some((name, folders)) = folders.split_last() else { continue };
        for format in Format::ALL {
            let Some(table) = format.table_of(folders, name) else { continue };
            let (title, scan, table) = (format.title(), format.name(), table.join("/"));
            let message = format!(
                "'{written}' holds the {title} table '/{table}', whose files hold deleted rows and earlier versions too"
            );
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint(format!(
                "{scan}_scan('...') reads the table in that folder; a pattern ('*.parquet') names files whatever they are"
            )));
        }
    }
    Ok(())
}

/// # Errors
/// [`ErrorKind::Unsupported`] where `target`, which rows are to be written to, is in such a table.
pub(crate) async fn check_target(state: &SessionState, target: &str) -> Result<()> {
    // What cannot be looked at is said by who writes.
    let Ok(location) = FilesAt::parse(state.config(), target) else { return Ok(()) };
    let Ok(place) = Place::of(state, location) else { return Ok(()) };
    let mut folder = Some(place.root.clone());
    let mut above = Vec::new();
    while let Some(root) = folder {
        folder = root.parent().filter(|parent| !parent.is_root());
        above.push(place.at(root));
    }
    // All at once: a store that is far away is waited for once. What cannot be looked at is no reason not to write.
    let mut looking = Vec::with_capacity(above.len());
    for place in &above {
        looking.push(at(place));
    }
    match join_all(looking).await.into_iter().flatten().flatten().next() {
        Some(format) => Err(unwritable(format, target)),
        None => Ok(()),
    }
}

/// Tables with metadata are read and not written.
pub(super) fn unwritable(format: Format, name: &str) -> Error {
    let message = format!("'{name}' is a {} table, which is read and not written", format.title());
    Error::new(ErrorKind::Unsupported, message)
        .with_hint("write the rows with the engine that keeps the table, or COPY them to a folder of their own")
}
