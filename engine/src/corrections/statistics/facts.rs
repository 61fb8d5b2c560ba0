//! What a file's footer says of the columns of a table: each number exact, inexact or absent, as it is.
//!
//! A bound is absent unless every row group with a value has it; then it is exact only if it is a value of the column.
//! The footer has passed [`truthful`](maar_gpu_exec::scan::truthful) before.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::compute::kernels::cmp::eq;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::Accumulator;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::{Encoding, EncodingMask};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::types::{is_bytes, keeps_values, unpacked};
use crate::device::Parsed;

/// What a short text takes in a dictionary, its length and compression counted.
const DICTIONARY_ENTRY_BYTES: u64 = 5;

/// The rows of a file, and what its footer says of some of the columns that a table declares.
pub(super) fn of_columns<'d>(footer: &Parsed, declared: impl Iterator<Item = &'d Field>) -> Statistics {
    let metadata = footer.metadata.as_ref();
    let rows = metadata.row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).sum();
    let file = File { metadata, stored: &footer.schema, rows };
    let column = |declared: &Field| footer.facts(declared, || file.column(declared));
    Statistics {
        num_rows: Precision::Exact(rows),
        total_byte_size: Precision::Absent,
        column_statistics: declared.map(column).collect(),
    }
}

struct File<'a> {
    metadata: &'a ParquetMetaData,
    stored: &'a Schema,
    rows: usize,
}

impl File<'_> {
    fn column(&self, declared: &Field) -> ColumnStatistics {
        let unknown = || ColumnStatistics::new_unknown();
        let parquet = self.metadata.file_metadata().schema_descr();
        let fixed = declared.data_type().primitive_width().map(|width| Precision::Exact(width * self.rows));
        let Ok(stored) = self.stored.field_with_name(declared.name()) else {
            // A column that the file does not have is NULL, where it may be.
            let nulls = if declared.is_nullable() { Precision::Exact(self.rows) } else { Precision::Absent };
            let bytes = fixed.unwrap_or(Precision::Absent);
            return ColumnStatistics { null_count: nulls, byte_size: bytes, ..unknown() };
        };
        let Ok(converter) = StatisticsConverter::try_new(declared.name(), self.stored, parquet) else {
            return unknown();
        };
        let Some(leaf) = converter.parquet_column_index() else { return unknown() };
        let bytes = fixed.unwrap_or_else(|| self.uncompressed_bytes(leaf));
        let converter = converter.with_missing_null_counts_as_zero(false);
        let Ok(nulls) = converter.row_group_null_counts(self.metadata.row_groups()) else {
            return ColumnStatistics { byte_size: bytes, ..unknown() };
        };
        let (mut min_value, mut max_value) = (Precision::Absent, Precision::Absent);
        if keeps_values(stored.data_type(), declared.data_type()) {
            min_value = self.bound(Bound::Min, &converter, &nulls, declared.data_type());
            max_value = self.bound(Bound::Max, &converter, &nulls, declared.data_type());
        }
        ColumnStatistics {
            null_count: self.null_count(&nulls),
            min_value,
            max_value,
            distinct_count: self.distinct_count(leaf, declared.data_type()),
            byte_size: bytes,
            ..unknown()
        }
    }

    fn uncompressed_bytes(&self, leaf: usize) -> Precision<usize> {
        let bytes = self.metadata.row_groups().iter().map(|group| group.column(leaf).uncompressed_size()).sum::<i64>();
        Precision::Inexact(usize::try_from(bytes).unwrap_or(0))
    }

    /// Rows and NULLs of each row group; NULLs where they are known.
    fn groups(&self, nulls: &UInt64Array) -> impl Iterator<Item = (u64, Option<u64>)> {
        let rows = self.metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        rows.zip(nulls.iter().collect::<Vec<_>>())
    }

    fn null_count(&self, nulls: &UInt64Array) -> Precision<usize> {
        let known = self.groups(nulls).map(|(rows, nulls)| if rows == 0 { Some(0) } else { nulls });
        match known.sum::<Option<u64>>().and_then(|nulls| usize::try_from(nulls).ok()) {
            Some(nulls) if nulls <= self.rows => Precision::Exact(nulls),
            _ => Precision::Absent,
        }
    }

    /// An estimate at best: writers count within a row group, some of them by sketches.
    fn distinct_count(&self, leaf: usize, declared: &DataType) -> Precision<usize> {
        let is_text = is_bytes(unpacked(declared));
        let of_chunk = |chunk: &ColumnChunkMetaData| {
            let counted = chunk.statistics().and_then(|statistics| statistics.distinct_count_opt());
            counted.or_else(|| if is_text { dictionary_entries(chunk) } else { None })
        };
        let groups = self.metadata.row_groups().iter();
        let most = groups.map(|group| of_chunk(group.column(leaf))).collect::<Option<Vec<u64>>>();
        most.and_then(|counts| counts.into_iter().max()).filter(|most| *most > 0).map_or(Precision::Absent, |most| {
            Precision::Inexact(usize::try_from(most).unwrap_or(self.rows).min(self.rows))
        })
    }

    fn bound(
        &self,
        bound: Bound,
        converter: &StatisticsConverter<'_>,
        nulls: &UInt64Array,
        declared: &DataType,
    ) -> Precision<ScalarValue> {
        let Ok((values, exact)) = bound.of_groups(converter, self.metadata) else { return Precision::Absent };
        let has_no_value = |(rows, nulls): (u64, Option<u64>)| rows == 0 || nulls == Some(rows);
        let complete = self.groups(nulls).enumerate().all(|(at, group)| values.is_valid(at) || has_no_value(group));
        // Without any value there is no bound: NULL is none, and would not merge with those of other files.
        let found = if complete { bound.over(&values).ok().filter(|value| !value.is_null()) } else { None };
        let Some(value) = found else { return Precision::Absent };
        let is_value = attained(&value, &values, &exact);
        match value.cast_to(unpacked(declared)) {
            Ok(value) if value.is_null() => Precision::Absent,
            Ok(value) if is_value => Precision::Exact(value),
            Ok(value) => Precision::Inexact(value),
            Err(_) => Precision::Absent,
        }
    }
}

/// About how many texts a chunk's dictionary holds, where all its pages refer to one.
fn dictionary_entries(chunk: &ColumnChunkMetaData) -> Option<u64> {
    let refers =
        |pages: &EncodingMask| pages.is_only(Encoding::RLE_DICTIONARY) || pages.is_only(Encoding::PLAIN_DICTIONARY);
    chunk.page_encoding_stats_mask().filter(|pages| refers(pages))?;
    let bytes = chunk.data_page_offset() - chunk.dictionary_page_offset()?;
    u64::try_from(bytes).ok().map(|bytes| bytes / DICTIONARY_ENTRY_BYTES)
}

/// Whether a row group has that bound as a value.
fn attained(value: &ScalarValue, values: &ArrayRef, exact: &BooleanArray) -> bool {
    let Ok(scalar) = value.to_scalar() else { return false };
    let Ok(equal) = eq(values, &scalar) else { return false };
    equal.iter().zip(exact).any(|(equal, exact)| equal == Some(true) && exact == Some(true))
}

#[derive(Clone, Copy)]
enum Bound {
    Min,
    Max,
}

impl Bound {
    /// The row groups' bounds, and whether each is a value.
    fn of_groups(
        self,
        converter: &StatisticsConverter<'_>,
        metadata: &ParquetMetaData,
    ) -> parquet::errors::Result<(ArrayRef, BooleanArray)> {
        let groups = metadata.row_groups();
        Ok(match self {
            Self::Min => (converter.row_group_mins(groups)?, converter.row_group_is_min_value_exact(groups)?),
            Self::Max => (converter.row_group_maxes(groups)?, converter.row_group_is_max_value_exact(groups)?),
        })
    }

    fn over(self, values: &ArrayRef) -> Result<ScalarValue> {
        let (values, ty) = (&[Arc::clone(values)], unpacked(values.data_type()));
        match self {
            Self::Min => {
                let mut min = MinAccumulator::try_new(ty)?;
                min.update_batch(values)?;
                min.evaluate()
            }
            Self::Max => {
                let mut max = MaxAccumulator::try_new(ty)?;
                max.update_batch(values)?;
                max.evaluate()
            }
        }
    }
}
