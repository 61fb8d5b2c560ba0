//! A footer of some of a file's columns: as if the file had no others. A lake of wide files is planned over a few of their
//! columns, and what is said of all of them would fill the memory.

use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData, RowGroupMetaData, SortingColumn};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type};

/// Footers of files with no more leaf columns than this are kept whole.
pub(crate) const WHOLE_COLUMNS_MAX: usize = 64;

/// The columns of a file by name that `keep` keeps. `schema` is the file's own.
pub(crate) fn narrowed(
    metadata: &ParquetMetaData,
    schema: &Schema,
    keep: impl Fn(&str) -> bool,
) -> Result<ParquetMetaData, ParquetError> {
    let file = metadata.file_metadata();
    let whole = file.schema_descr();
    let mut kept: Vec<bool> = file.schema().get_fields().iter().map(|field| keep(field.name())).collect();
    // A file without columns is nothing that readers know.
    if let (false, Some(first)) = (kept.contains(&true), kept.first_mut()) {
        *first = true;
    }
    let fields = file.schema().get_fields().iter().zip(&kept).filter(|(_, kept)| **kept);
    let root = Type::group_type_builder(file.schema().name())
        .with_fields(fields.map(|(field, _)| Arc::clone(field)).collect());
    let described: SchemaDescPtr = Arc::new(SchemaDescriptor::new(Arc::new(root.build()?)));
    let leaves: Vec<usize> = (0..whole.num_columns()).filter(|leaf| kept[whole.get_column_root_idx(*leaf)]).collect();
    let fields = schema.fields().iter().zip(&kept).filter(|(_, kept)| **kept);
    let schema = Schema::new(fields.map(|(field, _)| Arc::clone(field)).collect::<Vec<_>>());
    // Without it types that Parquet does not have would be others.
    let types = KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&schema));
    let orders = file.column_orders().map(|orders| leaves.iter().map(|leaf| orders[*leaf]).collect());
    let created_by = file.created_by().map(str::to_owned);
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        created_by,
        Some(vec![types]),
        Arc::clone(&described),
        orders,
    );
    let groups = metadata.row_groups().iter().map(|group| narrowed_group(group, &described, &leaves));
    Ok(ParquetMetaData::new(file, groups.collect::<Result<_, _>>()?))
}

fn narrowed_group(
    group: &RowGroupMetaData,
    described: &SchemaDescPtr,
    leaves: &[usize],
) -> Result<RowGroupMetaData, ParquetError> {
    let mut builder = RowGroupMetaData::builder(Arc::clone(described))
        .set_num_rows(group.num_rows())
        .set_total_byte_size(group.total_byte_size())
        .set_sorting_columns(group.sorting_columns().map(|by| sorting(by, leaves)))
        .set_column_metadata(leaves.iter().map(|leaf| group.column(*leaf).clone()).collect());
    if let Some(ordinal) = group.ordinal() {
        builder = builder.set_ordinal(ordinal);
    }
    if let Some(offset) = group.file_offset() {
        builder = builder.set_file_offset(offset);
    }
    builder.build()
}

/// By what the rows are sorted, as far as it is still there: rows that are equal there lie in any order.
fn sorting(by: &[SortingColumn], leaves: &[usize]) -> Vec<SortingColumn> {
    let still_there = |column: &SortingColumn| {
        let leaf = usize::try_from(column.column_idx).ok()?;
        let at = leaves.binary_search(&leaf).ok().and_then(|at| i32::try_from(at).ok())?;
        Some(SortingColumn { column_idx: at, ..*column })
    };
    by.iter().map_while(still_there).collect()
}
