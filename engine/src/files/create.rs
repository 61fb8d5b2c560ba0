//! Makes the tables of CREATE EXTERNAL TABLE. Its files are listed once, whether they are asked for columns or for folders.
//! Not here: paths in FROM (`open`).

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::common::ToDFSchema;
use datafusion::datasource::file_format::FileFormat;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::CreateExternalTable;
use object_store::ObjectMeta;

use super::location::Location;
use super::open::{columns_of, list_all, name_of};
use super::partition_columns::{self, HiveFolders};
use super::table::{Declared, FileTable, Members};
use super::{formats, hive};
use crate::error::{Error, ErrorKind, Result};
use crate::{lake, redacted, secrets};

/// Has CREATE EXTERNAL TABLE make our tables.
pub(crate) fn install(builder: &mut SessionStateBuilder) {
    let factories = builder.table_factories().get_or_insert_with(SessionStateDefaults::default_table_factories);
    for format in formats::names() {
        factories.insert(format.to_uppercase(), Arc::new(CreateFileTable));
    }
    factories.extend(lake::factories());
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
    let mut options = command.options.clone();
    secrets::take_options(state.config(), &mut options, &command.locations)?;
    let format = formats::named(state, &command.file_type, &options)?;
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
                let found = files_of(state, &locations).await?;
                check_partitions(&locations, &found, &partitions)?;
            }
            (schema, Members::All)
        }
        None => {
            let found = inferred_columns(state, command, &format, &locations).await?;
            let mut schema = found.schema;
            if partitions.is_empty() {
                partitions = found.partitions;
            } else {
                partitions = typed(&partitions, &found.partitions);
                check_partitions(&locations, &found.files, &partitions)?;
                schema = without_partitions(&command.file_type, &schema, &partitions)?;
            }
            (schema, found.members)
        }
    };
    check_order(command, &schema)?;
    let declared = Declared {
        definition: command.definition.as_deref().and_then(redacted::definition),
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
    Ok(())
}

/// Of a column that PARTITIONED BY only names.
const NOT_DECLARED: DataType = DataType::Null;

/// `declared`, with the types that the folders' values have where only names are declared.
fn typed(declared: &[FieldRef], found: &[FieldRef]) -> Vec<FieldRef> {
    let found_type = |name: &str| found.iter().find(|field| field.name() == name).map(|field| field.data_type());
    let typed = declared.iter().map(|field| match *field.data_type() == NOT_DECLARED {
        true => {
            let data_type = found_type(field.name()).cloned().unwrap_or(DataType::Utf8View);
            Arc::new(field.as_ref().clone().with_data_type(data_type))
        }
        false => Arc::clone(field),
    });
    typed.collect()
}

/// The columns of the files as they are declared, if they are, and those of the paths.
fn declared_columns(command: &CreateExternalTable) -> Result<(Option<SchemaRef>, Vec<FieldRef>)> {
    let all = command.schema.inner();
    let mut partitions = Vec::new();
    for name in &command.table_partition_cols {
        partitions.push(match all.column_with_name(name) {
            Some((_, field)) => Arc::new(field.clone().with_nullable(true)),
            None if all.fields().is_empty() => Arc::new(Field::new(name, NOT_DECLARED, true)),
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
    /// Of each location.
    files: Vec<Vec<ObjectMeta>>,
}

async fn inferred_columns(
    state: &SessionState,
    command: &CreateExternalTable,
    format: &Arc<dyn FileFormat>,
    locations: &[Location],
) -> Result<Inferred> {
    let known = formats::of_format(&command.file_type);
    let (lake, mut found) = list_all(state, locations).await?;
    let chosen_by_name = locations.iter().any(|location| location.is_pattern() || location.is_one_file());
    let is_known = |file: &ObjectMeta| formats::of_name(name_of(file)) == known;
    let members = match known {
        Some(known) if !chosen_by_name && found.iter().flatten().any(is_known) => Members::Of(known),
        _ => Members::All,
    };
    found.iter_mut().for_each(|files| files.retain(|file| members.has(name_of(file))));
    let files: Vec<ObjectMeta> = found.iter().flatten().cloned().collect();
    let schema = columns_of(state, format, &lake, &files).await?;
    let infers = state.config_options().execution.listing_table_factory_infer_partitions;
    let (named, declared) = (&command.table_partition_cols, command.schema.inner());
    let partitions = match named.is_empty() {
        true if infers => partition_columns::of_locations(locations, &found, &schema, HiveFolders::Typed)?,
        false if named.iter().any(|name| declared.column_with_name(name).is_none()) => {
            partition_columns::of_locations(locations, &found, &Schema::empty(), HiveFolders::Typed)?
        }
        _ => Vec::new(),
    };
    Ok(Inferred { schema, members, partitions, files: found })
}

/// The files of each location, none where there are none yet.
async fn files_of(state: &SessionState, locations: &[Location]) -> Result<Vec<Vec<ObjectMeta>>> {
    let mut found = Vec::with_capacity(locations.len());
    for location in locations {
        let store = state.runtime_env().object_store(location.url())?;
        found.push(location.files(store.as_ref(), false).await?);
    }
    Ok(found)
}

/// # Errors
/// [`ErrorKind::Invalid`] where folders are there and give other columns than are declared.
fn check_partitions(locations: &[Location], found: &[Vec<ObjectMeta>], declared: &[FieldRef]) -> Result<()> {
    let declared: Vec<&str> = declared.iter().map(|field| field.name().as_str()).collect();
    for (location, files) in locations.iter().zip(found) {
        if location.is_one_file() {
            let message = format!("'{}' is one file: a partitioned table needs a folder", location.written());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        for file in files {
            let found = hive::names(&location.below(&file.location).folders);
            if !found.is_empty() && (found.len() < declared.len() || found.iter().zip(&declared).any(|(f, d)| f != d)) {
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
