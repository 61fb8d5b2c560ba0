//! The order of a file's rows, where its footer proves it.
//!
//! A footer says how the rows of each row group are sorted, not that row groups follow each other in that order: bounds
//! must prove that. Files are put side by side by their bounds, which do not speak of NULL; nor do they of NaN.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData, SortingColumn};

use super::types::keeps_values;
use crate::device::is_float;

/// By which columns of the table the rows of a file are sorted.
pub(super) fn proven(metadata: &ParquetMetaData, declared: &Schema) -> Result<Option<LexOrdering>> {
    let groups: Vec<&RowGroupMetaData> = metadata.row_groups().iter().filter(|group| group.num_rows() > 0).collect();
    let sorted = |group: &&RowGroupMetaData| group.sorting_columns().cloned().unwrap_or_default();
    let Some(first) = groups.first().map(sorted).filter(|columns| !columns.is_empty()) else { return Ok(None) };
    if groups.iter().any(|group| sorted(group) != first) {
        return Ok(None);
    }
    let described = metadata.file_metadata();
    let stored = parquet_to_arrow_schema(described.schema_descr(), described.key_value_metadata())?;
    let file = File { metadata, stored: &stored, groups };
    let mut by: Vec<PhysicalSortExpr> =
        first.iter().map_while(|column| file.sort_expression(column, declared)).collect();
    let Some(leading) = by.first() else { return Ok(None) };
    match file.follow(leading)? {
        Some(Follows::Strictly) => {}
        // Rows that are equal in the first column may lie in two row groups: nothing is known of the next columns.
        Some(Follows::WithTies) => by.truncate(1),
        None => return Ok(None),
    }
    Ok(LexOrdering::new(by))
}

/// How each row group lies behind the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    Strictly,
    WithTies,
}

struct File<'a> {
    metadata: &'a ParquetMetaData,
    stored: &'a Schema,
    groups: Vec<&'a RowGroupMetaData>,
}

impl File<'_> {
    /// The column of the table that a footer's sorting column is, where its order is the table's.
    fn sort_expression(&self, sorted: &SortingColumn, declared: &Schema) -> Option<PhysicalSortExpr> {
        let leaf = usize::try_from(sorted.column_idx).ok()?;
        let column = self.metadata.file_metadata().schema_descr().columns().get(leaf)?;
        let [name] = column.path().parts() else { return None };
        let (at, field) = declared.column_with_name(name)?;
        let stored = self.stored.field_with_name(name).ok()?;
        let nulls = |group: &&RowGroupMetaData| group.column(leaf).statistics().and_then(|s| s.null_count_opt());
        let without_nulls = self.groups.iter().all(|group| nulls(group) == Some(0));
        let ordered = !is_float(column) && keeps_values(stored.data_type(), field.data_type());
        let options = SortOptions { descending: sorted.descending, nulls_first: sorted.nulls_first };
        (ordered && without_nulls).then(|| PhysicalSortExpr::new(Arc::new(Column::new(name, at)), options))
    }

    fn follow(&self, by: &PhysicalSortExpr) -> Result<Option<Follows>> {
        if self.groups.len() == 1 {
            return Ok(Some(Follows::Strictly));
        }
        let Some(column) = by.expr.downcast_ref::<Column>() else { return Ok(None) };
        let parquet = self.metadata.file_metadata().schema_descr();
        let converter = StatisticsConverter::try_new(column.name(), self.stored, parquet)?;
        let mins = converter.row_group_mins(self.groups.iter().copied())?;
        let maxes = converter.row_group_maxes(self.groups.iter().copied())?;
        let mut follows = Some(Follows::Strictly);
        for next in 1..self.groups.len() {
            let step = if by.options.descending {
                compare(&maxes, next, &mins, next - 1)?
            } else {
                compare(&maxes, next - 1, &mins, next)?
            };
            follows = follows.zip(step).map(|(so_far, step)| if so_far == Follows::Strictly { step } else { so_far });
        }
        Ok(follows)
    }
}

/// Whether `lower[a]` is below `upper[b]`; `None` also where a bound is missing.
fn compare(lower: &ArrayRef, a: usize, upper: &ArrayRef, b: usize) -> Result<Option<Follows>> {
    let (lower, upper) = (ScalarValue::try_from_array(lower, a)?, ScalarValue::try_from_array(upper, b)?);
    if lower.is_null() || upper.is_null() {
        return Ok(None);
    }
    Ok(match lower.partial_cmp(&upper) {
        Some(std::cmp::Ordering::Less) => Some(Follows::Strictly),
        Some(std::cmp::Ordering::Equal) => Some(Follows::WithTies),
        _ => None,
    })
}
