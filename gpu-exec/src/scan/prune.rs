//! Skipping row groups whose statistics prove that no row passes the predicate.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::footer::{Footer, guarded};
use crate::ir::Type;

/// A predicate made ready for statistics; without one, every row group is kept.
#[derive(Debug, Default)]
pub(crate) struct Pruner {
    predicate: Option<Arc<PruningPredicate>>,
}

impl Pruner {
    /// `predicate` is over `table_schema`. A predicate that statistics cannot decide prunes nothing.
    pub(crate) fn new(predicate: Option<&Arc<dyn PhysicalExpr>>, table_schema: &SchemaRef) -> Self {
        let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(table_schema));
        Self { predicate: predicate.and_then(|predicate| builder.build(Arc::clone(predicate))) }
    }

    /// For each row group of a file, whether it may hold a matching row.
    pub(crate) fn keep(&self, footer: &Footer, table_schema: &SchemaRef) -> Vec<bool> {
        let groups = footer.metadata.num_row_groups();
        let keep_all = vec![true; groups];
        let Some(predicate) = &self.predicate else { return keep_all };
        // Statistics that cannot be read only mean that nothing is skipped; a corrupt file is told when it is decoded.
        predicate.prune(&GroupStatistics { footer, table_schema }).unwrap_or(keep_all)
    }
}

/// The statistics of a file's row groups, as the pruning predicate asks for them.
struct GroupStatistics<'a> {
    footer: &'a Footer,
    table_schema: &'a SchemaRef,
}

impl GroupStatistics<'_> {
    /// Asks the converter for a column whose type in the file is the declared one; statistics of another type would
    /// need the cast that the values need.
    fn ask(
        &self,
        column: &Column,
        question: impl Fn(StatisticsConverter<'_>) -> parquet::errors::Result<ArrayRef>,
    ) -> Option<ArrayRef> {
        let declared = self.table_schema.field_with_name(column.name()).ok()?.data_type();
        let actual = self.footer.schema.field_with_name(column.name()).ok()?.data_type();
        if Type::from_arrow(declared)? != Type::from_arrow(actual)? {
            return None;
        }
        let parquet_schema = self.footer.metadata.file_metadata().schema_descr();
        let values =
            guarded(|| question(StatisticsConverter::try_new(column.name(), &self.footer.schema, parquet_schema)?))
                .ok()?;
        if values.data_type() == declared { Some(values) } else { arrow::compute::cast(&values, declared).ok() }
    }
}

impl PruningStatistics for GroupStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.ask(column, |converter| converter.row_group_mins(self.footer.metadata.row_groups()))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.ask(column, |converter| converter.row_group_maxes(self.footer.metadata.row_groups()))
    }

    fn num_containers(&self) -> usize {
        self.footer.metadata.num_row_groups()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let groups = self.footer.metadata.row_groups();
        let parquet_schema = self.footer.metadata.file_metadata().schema_descr();
        // A count that is missing is unknown, not zero.
        guarded(|| {
            let converter = StatisticsConverter::try_new(column.name(), &self.footer.schema, parquet_schema)?;
            Ok(Arc::new(converter.with_missing_null_counts_as_zero(false).row_group_null_counts(groups)?) as ArrayRef)
        })
        .ok()
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = (0..self.footer.metadata.num_row_groups()).map(|group| self.footer.rows(group) as u64);
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
