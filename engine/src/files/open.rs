//! Makes tables of files: of a path in FROM, whose format and columns come from the files, and of CREATE EXTERNAL TABLE.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::common::ToDFSchema;
use datafusion::datasource::file_format::FileFormat;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::CreateExternalTable;
use object_store::ObjectMeta;

use super::hive;
use super::location::Location;
use super::table::{Declared, FileTable, Members};
use super::{formats, nothing_in, unknown_format};
use crate::corrections::statistics::Lake;
use crate::error::{Error, ErrorKind, Result};

/// Has CREATE EXTERNAL TABLE make our tables.
pub(crate) fn install(builder: &mut SessionStateBuilder) {
    let factories = builder.table_factories().get_or_insert_with(SessionStateDefaults::default_table_factories);
    for format in ["PARQUET", "CSV", "JSON", "NDJSON", "AVRO", "ARROW"] {
        factories.insert(format.to_string(), Arc::new(CreateFileTable));
    }
}

/// The table of the files at the path `text`.
///
/// # Errors
/// Of kind NotFound where there are none, Unsupported where their format is not known.
pub(crate) async fn table_at(state: &SessionState, text: &str) -> Result<FileTable> {
    let location = Location::parse(state.config(), text)?;
    let (lake, files) = list(state, &location).await?;
    let mut known: Option<(&formats::Known, &ObjectMeta)> = None;
    for file in &files {
        match (formats::of_name(name_of(file)), known) {
            (None, _) => {}
            (Some(format), None) => known = Some((format, file)),
            (Some(format), Some((first, _))) if *format == *first => {}
            (Some(format), Some((first, first_file))) => {
                return Err(two_formats(text, (first, first_file), (format, file)));
            }
        }
    }
    let Some((known, _)) = known else {
        let refused = files.iter().find_map(|file| formats::refused(name_of(file)));
        return Err(refused.unwrap_or_else(|| unknown_format(text)));
    };
    let members = Members::Named(known.suffix());
    let files: Vec<ObjectMeta> = files.into_iter().filter(|file| members.has(name_of(file))).collect();
    let format = known.format(state)?;
    let schema = columns_of(state, &format, &lake, &files).await?;
    let partitions = partition_columns(&location, &files, &schema)?;
    Ok(FileTable::new(vec![location], members, format, schema, partitions))
}

fn two_formats(text: &str, one: (&formats::Known, &ObjectMeta), other: (&formats::Known, &ObjectMeta)) -> Error {
    let shown = |(format, file): (&formats::Known, &ObjectMeta)| format!("{} ('/{}')", format.name(), file.location);
    let message = format!("'{text}' has files of more than one format: {} and {}", shown(one), shown(other));
    let pattern = if text.ends_with('/') { format!("{text}*") } else { format!("{text}/*") };
    Error::new(ErrorKind::Invalid, message)
        .with_hint(format!("a pattern takes those of one format: '{pattern}{}'", one.0.suffix()))
}

pub(super) fn name_of(file: &ObjectMeta) -> &str {
    file.location.filename().unwrap_or_default()
}

/// The files that hold anything.
pub(super) async fn list(state: &SessionState, location: &Location) -> Result<(Lake, Vec<ObjectMeta>)> {
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

/// The columns that the folders give: texts. A column that is in the files as well is read from there.
pub(super) fn partition_columns(location: &Location, files: &[ObjectMeta], schema: &Schema) -> Result<Vec<FieldRef>> {
    let mut found: Option<(Vec<String>, &ObjectMeta)> = None;
    for file in files {
        let names = hive::names(&location.below(&file.location).folders);
        match &found {
            None => found = Some((names, file)),
            Some((first, _)) if *first == names => {}
            Some((first, first_file)) => {
                let shown = |names: &[String]| match names.is_empty() {
                    true => "none".to_string(),
                    false => names.join(", "),
                };
                let message = format!(
                    "the folders of '{}' do not give the same columns everywhere: {} at '/{}', {} at '/{}'",
                    location.written(),
                    shown(first),
                    first_file.location,
                    shown(&names),
                    file.location
                );
                return Err(Error::new(ErrorKind::Invalid, message)
                    .with_hint("read the folders one by one, or take away the file that is out of place"));
            }
        }
    }
    let names = found.map(|(names, _)| names).unwrap_or_default();
    if names.iter().enumerate().any(|(at, name)| names[..at].contains(name)) {
        let message = format!("the folders of '{}' give a column twice: {}", location.written(), names.join(", "));
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    if names.iter().any(|name| schema.column_with_name(name).is_some()) {
        return Ok(Vec::new());
    }
    Ok(names.into_iter().map(|name| Arc::new(Field::new(name, DataType::Utf8View, true))).collect())
}

/// Makes the table of CREATE EXTERNAL TABLE.
#[derive(Debug)]
struct CreateFileTable;

#[async_trait]
impl TableProviderFactory for CreateFileTable {
    async fn create(
        &self,
        state: &dyn Session,
        command: &CreateExternalTable,
    ) -> datafusion::error::Result<Arc<dyn TableProvider>> {
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return datafusion::common::internal_err!("a session of another kind");
        };
        Ok(Arc::new(create(state, command).await?))
    }
}

async fn create(state: &SessionState, command: &CreateExternalTable) -> Result<FileTable> {
    let format = formats::named(state, &command.file_type, &command.options)?;
    if let Some(refused) = command.locations.iter().find_map(|location| formats::refused(location)) {
        return Err(refused);
    }
    let locations =
        command.locations.iter().map(|text| Location::parse(state.config(), text)).collect::<Result<Vec<_>>>()?;
    check_locations(&locations)?;
    let (declared, mut partitions) = declared_columns(command)?;
    let (schema, members) = match declared {
        Some(schema) => {
            if !partitions.is_empty() {
                check_partitions(state, &locations, &partitions).await?;
            }
            (schema, Members::All)
        }
        None => {
            let found = inferred_columns(state, command, &format, &locations).await?;
            // Types that PARTITIONED BY declares hold; names alone are text.
            let mut schema = found.schema;
            if partitions.is_empty() {
                partitions = found.partitions;
            } else {
                check_partitions(state, &locations, &partitions).await?;
                schema = without_partitions(&command.file_type, &schema, &partitions)?;
            }
            (schema, found.members)
        }
    };
    check_order(command, &schema)?;
    let declared = Declared {
        definition: command.definition.clone(),
        constraints: command.constraints.clone(),
        defaults: command.column_defaults.clone(),
    };
    let table = FileTable::new(locations, members, format, schema, partitions);
    Ok(table.with_declared(declared, command.order_exprs.clone()))
}

fn check_locations(locations: &[Location]) -> Result<()> {
    for (at, location) in locations.iter().enumerate() {
        if locations[..at].iter().any(|earlier| earlier.written() == location.written()) {
            let message = format!("the location '{}' is given twice", location.written());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
    }
    check_one_store(locations)
}

pub(super) fn check_one_store(locations: &[Location]) -> Result<()> {
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

/// The columns of the files as they are declared, if they are, and those of the paths.
fn declared_columns(command: &CreateExternalTable) -> Result<(Option<SchemaRef>, Vec<FieldRef>)> {
    let all = command.schema.inner();
    let mut partitions = Vec::new();
    for name in &command.table_partition_cols {
        partitions.push(match all.column_with_name(name) {
            Some((_, field)) => Arc::new(field.clone().with_nullable(true)),
            None if all.fields().is_empty() => Arc::new(Field::new(name, DataType::Utf8View, true)),
            None => {
                let message = format!("PARTITIONED BY names the column {name}, which is not declared");
                return Err(Error::new(ErrorKind::Invalid, message).with_hint("give it a type among the columns"));
            }
        });
    }
    let of_files = all.fields().iter().filter(|field| !command.table_partition_cols.contains(field.name()));
    let of_files: Vec<FieldRef> = of_files.cloned().collect();
    // `PARTITIONED BY (y INT)` alone declares nothing of the files.
    let schema = (!of_files.is_empty()).then(|| Arc::new(Schema::new_with_metadata(of_files, all.metadata().clone())));
    Ok((schema, partitions))
}

/// The columns of the files that the paths do not give.
fn without_partitions(format: &str, schema: &SchemaRef, partitions: &[FieldRef]) -> Result<SchemaRef> {
    let of_path = |field: &&FieldRef| partitions.iter().any(|partition| partition.name() == field.name());
    match schema.fields().iter().find(of_path) {
        None => Ok(Arc::clone(schema)),
        Some(field) if format.eq_ignore_ascii_case("csv") => {
            let message = format!("the column {} is in the files and in PARTITIONED BY", field.name());
            Err(Error::new(ErrorKind::Invalid, message).with_hint("leave PARTITIONED BY out: the files say it"))
        }
        Some(_) => {
            let fields: Vec<FieldRef> = schema.fields().iter().filter(|field| !of_path(field)).cloned().collect();
            Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
        }
    }
}

/// What files say of a table that was declared without columns.
struct Inferred {
    schema: SchemaRef,
    members: Members,
    partitions: Vec<FieldRef>,
}

async fn inferred_columns(
    state: &SessionState,
    command: &CreateExternalTable,
    format: &Arc<dyn FileFormat>,
    locations: &[Location],
) -> Result<Inferred> {
    let suffix = format!(".{}", command.file_type.to_lowercase());
    let mut inferred: Option<Inferred> = None;
    for location in locations {
        let (lake, files) = list(state, location).await?;
        let chosen_by_name = location.is_pattern() || location.is_one_file();
        let members = match files.iter().any(|file| name_of(file).ends_with(&suffix)) {
            true if !chosen_by_name => Members::Named(suffix.clone()),
            _ => Members::All,
        };
        let files: Vec<ObjectMeta> = files.into_iter().filter(|file| members.has(name_of(file))).collect();
        let schema = columns_of(state, format, &lake, &files).await?;
        match &inferred {
            None => {
                let infers = state.config_options().execution.listing_table_factory_infer_partitions;
                let partitions = match infers && command.table_partition_cols.is_empty() {
                    true => partition_columns(location, &files, &schema)?,
                    false => Vec::new(),
                };
                inferred = Some(Inferred { schema, members, partitions });
            }
            Some(first) if first.schema.fields() == schema.fields() => {}
            Some(_) => {
                let (first, other) = (locations[0].written(), location.written());
                let message = format!("the files of '{first}' and '{other}' have not the same columns");
                return Err(Error::new(ErrorKind::Invalid, message).with_hint("declare the columns of the table"));
            }
        }
    }
    inferred.ok_or_else(|| Error::new(ErrorKind::Invalid, "CREATE EXTERNAL TABLE needs a location"))
}

/// # Errors
/// [`ErrorKind::Invalid`] where folders are there and give other columns than are declared.
async fn check_partitions(state: &SessionState, locations: &[Location], declared: &[FieldRef]) -> Result<()> {
    for location in locations {
        if location.is_one_file() {
            let message = format!("'{}' is one file: a partitioned table needs a folder", location.written());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let store = state.runtime_env().object_store(location.url())?;
        for file in location.files(store.as_ref(), false).await? {
            let found = hive::names(&location.below(&file.location).folders);
            let declared: Vec<&String> = declared.iter().map(|field| field.name()).collect();
            if !found.is_empty() && (found.len() < declared.len() || found.iter().zip(&declared).any(|(f, d)| f != *d))
            {
                let declared: Vec<&str> = declared.iter().map(|name| name.as_str()).collect();
                let message = format!(
                    "the table is partitioned by {}, the folders of '/{}' by {}",
                    declared.join(", "),
                    file.location,
                    found.join(", ")
                );
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
    }
    Ok(())
}

fn check_order(command: &CreateExternalTable, schema: &SchemaRef) -> Result<()> {
    if !command.schema.fields().is_empty() {
        return Ok(());
    }
    let columns = Arc::clone(schema).to_dfschema()?;
    let mut named = command.order_exprs.iter().flatten().flat_map(|sort| sort.expr.column_refs());
    match named.find(|column| !columns.has_column(column)) {
        None => Ok(()),
        Some(column) => {
            let message = format!("WITH ORDER names the column {}, which is not in the files", column.name());
            Err(Error::new(ErrorKind::NotFound, message))
        }
    }
}
