//! Makes tables of the files at paths in FROM: format and columns come from the files. Not here: CREATE EXTERNAL TABLE (`create`).

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::execution::SessionState;
use object_store::ObjectMeta;

use super::location::Location;
use super::partition_columns::{self, HiveFolders};
use super::table::{FileTable, Members};
use super::{formats, nothing_in, unknown_format};
use crate::corrections::statistics::Lake;
use crate::error::{Error, ErrorKind, Result};
use crate::lake;

/// The table of the files at the path `text`.
///
/// # Errors
/// Of kind NotFound where there are none, Unsupported where their format is not known.
pub(crate) async fn table_at(state: &SessionState, text: &str) -> Result<Arc<dyn TableProvider>> {
    let location = Location::parse(state.config(), text)?;
    // A file of a known format is none; and a folder that is called so is found out when it is listed.
    let is_file = location.is_one_file() && formats::of_name(text).is_some();
    if !is_file && let Some(table) = lake::at_folder(state, &location).await? {
        return Ok(Arc::new(table));
    }
    Ok(Arc::new(open(state, vec![location]).await?))
}

/// The table of the files at all of these paths. A file that two of them mean is read twice, as the list says so.
///
/// # Errors
/// As of one path; [`ErrorKind::Unsupported`] where they are not in one store.
pub(crate) async fn table_of(state: &SessionState, texts: &[String]) -> Result<FileTable> {
    let locations = texts.iter().map(|text| Location::parse(state.config(), text)).collect::<Result<Vec<_>>>()?;
    Ok(open(state, locations).await?.of_reader(None))
}

async fn open(state: &SessionState, locations: Vec<Location>) -> Result<FileTable> {
    let (lake, mut found) = list_all(state, &locations).await?;
    let mut known: Option<(&'static formats::Known, &ObjectMeta)> = None;
    for (location, files) in locations.iter().zip(&found) {
        for file in files {
            match (formats::of_name(name_of(file)), known) {
                (None, _) => {}
                (Some(format), None) => known = Some((format, file)),
                (Some(format), Some((first, _))) if *format == *first => {}
                (Some(format), Some(first)) => return Err(two_formats(location.written(), first, (format, file))),
            }
        }
    }
    let Some((known, _)) = known else {
        let refused = found.iter().flatten().find_map(|file| formats::refused(name_of(file)));
        let first = locations.first().map(Location::written).unwrap_or_default();
        return Err(refused.unwrap_or_else(|| unknown_format(first)));
    };
    let members = Members::Of(known);
    found.iter_mut().for_each(|files| files.retain(|file| members.has(name_of(file))));
    let format = known.format(state)?;
    let files: Vec<ObjectMeta> = found.iter().flatten().cloned().collect();
    let schema = columns_of(state, &format, &lake, &files).await?;
    let partitions = partition_columns::of_locations(&locations, &found, &schema, HiveFolders::Typed)?;
    Ok(FileTable::new(locations, members, format, schema, partitions).found_in(files))
}

fn two_formats(text: &str, one: (&formats::Known, &ObjectMeta), other: (&formats::Known, &ObjectMeta)) -> Error {
    let shown = |(format, file): (&formats::Known, &ObjectMeta)| format!("{} ('/{}')", format.shown(), file.location);
    let message = format!("'{text}' has files of more than one format: {} and {}", shown(one), shown(other));
    let pattern = if text.ends_with('/') { format!("{text}*") } else { format!("{text}/*") };
    let end = one.1.location.extension().unwrap_or_default();
    Error::new(ErrorKind::Invalid, message).with_hint(format!("a pattern takes those of one format: '{pattern}.{end}'"))
}

pub(super) fn name_of(file: &ObjectMeta) -> &str {
    file.location.filename().unwrap_or_default()
}

/// The files of each location that hold anything, and the store that they are all in.
pub(super) async fn list_all(state: &SessionState, locations: &[Location]) -> Result<(Lake, Vec<Vec<ObjectMeta>>)> {
    check_one_store(locations)?;
    let (mut lake, mut found) = (None, Vec::with_capacity(locations.len()));
    for location in locations {
        let (found_in, files) = list(state, location).await?;
        found.push(files);
        lake = Some(found_in);
    }
    let lake = lake.ok_or_else(|| Error::new(ErrorKind::Invalid, "a table of files needs a path"))?;
    Ok((lake, found))
}

/// The files that hold anything.
async fn list(state: &SessionState, location: &Location) -> Result<(Lake, Vec<ObjectMeta>)> {
    let store = state.runtime_env().object_store(location.url())?;
    let deep = !state.config_options().execution.listing_table_ignore_subdirectory;
    let all = location.files(store.as_ref(), deep).await?;
    let empty = all.len();
    let files: Vec<ObjectMeta> = all.into_iter().filter(|file| file.size > 0).collect();
    if files.is_empty() {
        return Err(nothing_in(location, empty));
    }
    Ok((Lake::new(state, &store, &location.url().object_store()), files))
}

/// The columns that are in the files.
pub(super) async fn columns_of(
    state: &SessionState,
    format: &Arc<dyn FileFormat>,
    lake: &Lake,
    files: &[ObjectMeta],
) -> Result<SchemaRef> {
    let error = match lake.schema(state, format, files).await {
        Ok(schema) => return Ok(schema),
        Err(e) => Error::from(e),
    };
    if format.get_ext() == "parquet" || error.names_a_file() {
        return Err(error);
    }
    // Which of them it is shows only one by one.
    for file in files {
        if let Err(e) = format.infer_schema(state, &lake.store, std::slice::from_ref(file)).await {
            return Err(Error::from(e).about_file(&file.location));
        }
    }
    Err(error)
}

/// # Errors
/// [`ErrorKind::Unsupported`] where not all are in one store: a scan is of one.
fn check_one_store(locations: &[Location]) -> Result<()> {
    for location in locations {
        if location.url().object_store() != locations[0].url().object_store() {
            let message =
                format!("the locations '{}' and '{}' are not in one store", locations[0].written(), location.written());
            return Err(
                Error::new(ErrorKind::Unsupported, message).with_hint("make a table of each, and UNION ALL them")
            );
        }
    }
    Ok(())
}
