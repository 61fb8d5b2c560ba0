//! Predicting how wide a column must be from footers, before any value is read.
//!
//! All row groups of the files count, also pruned ones, so that the layout does not depend on the predicate. The
//! prediction is verified while encoding; where statistics are missing or inexact, the type's full width is taken.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::errors::ParquetError;

use super::footer::{Footer, guarded};
use crate::column::{IntLayout, full_layout, integer_range};
use crate::ir::Type;

/// What the footers say about an integer column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PredictedRange {
    /// Inclusive; `None` when there is no value at all.
    Known(Option<(i128, i128)>),
    Unknown,
}

/// The range of a declared column over all row groups of all files. Columns that are not stored as integers are `Unknown`.
pub(crate) fn predict(footers: &[Arc<Footer>], declared: &Field) -> PredictedRange {
    let mut range = None;
    for footer in footers {
        match file_range(footer, declared) {
            Some(None) => {}
            Some(Some((min, max))) => {
                range = Some(range.map_or((min, max), |(low, high): (i128, i128)| (low.min(min), high.max(max))))
            }
            None => return PredictedRange::Unknown,
        }
    }
    PredictedRange::Known(range)
}

/// Whether any row group of any file may hold a NULL of a declared column; where a file does not say, it may.
pub(crate) fn may_hold_nulls(footers: &[Arc<Footer>], declared: &Field) -> bool {
    declared.is_nullable() && footers.iter().any(|footer| file_nulls(footer, declared))
}

/// As [`may_hold_nulls`], for one file. Remembered with the footer.
fn file_nulls(footer: &Footer, declared: &Field) -> bool {
    if let Some(known) = footer.nulls.lock().get(declared.name()) {
        return *known;
    }
    let counts = guarded(|| {
        let parquet_schema = footer.metadata.file_metadata().schema_descr();
        let converter = StatisticsConverter::try_new(declared.name(), &footer.schema, parquet_schema)?
            .with_missing_null_counts_as_zero(false);
        converter.row_group_null_counts(footer.metadata.row_groups())
    });
    let may = counts.map_or(true, |counts| counts.iter().any(|count| count != Some(0)));
    footer.nulls.lock().insert(declared.name().clone(), may);
    may
}

/// The layout for a prediction.
pub(crate) fn layout_for(predicted: PredictedRange, ty: Type) -> Option<IntLayout> {
    let full = full_layout(ty)?;
    Some(match predicted {
        PredictedRange::Known(range) => IntLayout::for_range(range),
        PredictedRange::Unknown => full,
    })
}

/// A file's range: outer `None` unknown, inner `None` no value. Remembered with the footer.
fn file_range(footer: &Footer, declared: &Field) -> Option<Option<(i128, i128)>> {
    let key = (declared.name().clone(), declared.data_type().clone());
    if let Some(known) = footer.ranges.lock().get(&key) {
        return *known;
    }
    let range = guarded(|| statistics_range(footer, declared)).ok().flatten();
    footer.ranges.lock().insert(key, range);
    range
}

fn statistics_range(footer: &Footer, declared: &Field) -> Result<Option<Option<(i128, i128)>>, ParquetError> {
    let Ok(actual) = footer.schema.field_with_name(declared.name()) else {
        return Ok(Some(None)); // missing: every value is NULL
    };
    let ty = Type::from_arrow(declared.data_type());
    let integral = ty.and_then(full_layout).is_some();
    if !integral
        || ty != Type::from_arrow(actual.data_type())
        || matches!(declared.data_type(), DataType::Dictionary(_, _))
    {
        return Ok(None);
    }
    let parquet_schema = footer.metadata.file_metadata().schema_descr();
    let groups = footer.metadata.row_groups();
    let converter = StatisticsConverter::try_new(declared.name(), &footer.schema, parquet_schema)?
        .with_missing_null_counts_as_zero(false);
    let (mins, maxes) = (converter.row_group_mins(groups)?, converter.row_group_maxes(groups)?);
    let nulls = converter.row_group_null_counts(groups)?;
    let inexact = |flags: &BooleanArray, group: usize| flags.is_valid(group) && !flags.value(group);
    let (min_exact, max_exact) =
        (converter.row_group_is_min_value_exact(groups)?, converter.row_group_is_max_value_exact(groups)?);
    for (group, described) in groups.iter().enumerate() {
        let all_null = nulls.is_valid(group) && i64::try_from(nulls.value(group)) == Ok(described.num_rows());
        let unknown =
            mins.is_null(group) || maxes.is_null(group) || inexact(&min_exact, group) || inexact(&max_exact, group);
        if unknown && !all_null && described.num_rows() > 0 {
            return Ok(None);
        }
    }
    let (Ok(low), Ok(high)) = (integer_range(&mins), integer_range(&maxes)) else { return Ok(None) };
    let range = low.zip(high).map(|(low, high)| (low.0, high.1));
    Ok(if range.is_some_and(|(low, high)| low > high) { None } else { Some(range) })
}
