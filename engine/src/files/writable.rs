//! Whether rows may be added to a table of files: new files must be among those that it reads, hide no others, and be read back as
//! they were written. Not here: the writing, which the formats do, and whether a place can be written to (`target`).

use datafusion::catalog::Session;
use object_store::ObjectMeta;

use super::formats::{is_written, no_writer};
use super::hive;
use super::location::Location;
use super::table::{FileTable, arrow_by_partition};
use super::text::TextTables;
use crate::error::{Error, ErrorKind, Result};

/// Where new files of `table` go, whose names end in `extension`.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a table of one file; [`ErrorKind::Unsupported`] for a format that is not written, and where rows would
/// be lost.
pub(super) async fn place<'t>(table: &'t FileTable, state: &dyn Session, extension: &str) -> Result<&'t Location> {
    let Some(location) = table.locations.first().filter(|location| !location.is_one_file()) else {
        let message = "a table of one file takes no rows: its LOCATION must be a folder, with a slash at its end";
        return Err(Error::new(ErrorKind::Invalid, message));
    };
    let format = table.format.get_ext();
    if !is_written(&format) {
        return Err(no_writer(&format));
    }
    if format == "arrow" && !table.partitions.is_empty() {
        return Err(arrow_by_partition());
    }
    if let Some(option) = table.format.downcast_ref::<TextTables>().and_then(TextTables::of_one_way) {
        let message =
            format!("rows would not be read back as they are written, as the table has the option '{option}'");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("insert into a table without it, or write a file of that kind by other means"));
    }
    let store = state.runtime_env().object_store(location.url())?;
    let deep = !state.config_options().execution.listing_table_ignore_subdirectory;
    let files = location.files(store.as_ref(), deep).await?;
    let in_folders = !table.partitions.is_empty();
    let lost = match location.takes_new(extension, in_folders) {
        false => Some(format!("the pattern '{}' may not match a new file", location.written())),
        true => hidden(location, &files, deep).map(|file| {
            format!(
                "a new file in '{}' would hide '/{}', which lies in a folder below",
                location.written(),
                file.location
            )
        }),
    };
    match lost {
        None => Ok(location),
        Some(message) => Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("insert into a table of the very folder that its files lie in")),
    }
}

/// One of `files` that is read only as long as `location` has none of its own.
fn hidden<'f>(location: &Location, files: &'f [ObjectMeta], deep: bool) -> Option<&'f ObjectMeta> {
    let is_own = |file: &&ObjectMeta| {
        let folders = location.below(&file.location).folders;
        match location.depth() {
            // Of a pattern without folders in it.
            Some(depth) => folders.len() <= depth,
            None => location.is_pattern() || deep || folders.iter().all(|folder| hive::is_partition(folder)),
        }
    };
    files.iter().find(|file| !is_own(file))
}
