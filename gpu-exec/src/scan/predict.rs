//! Predicting how wide a column must be from footers, before any value is read.
//!
//! All row groups of the files count, also pruned ones, so that the layout does not depend on the predicate. The
//! prediction is verified while encoding; where statistics are missing or inexact, the type's full width is taken.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
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

/// What a footer claims of one column in one row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// `Unknown` of what is not stored as integers.
    pub(crate) range: PredictedRange,
    /// `None` is unknown.
    pub(crate) nulls: Option<u64>,
}

/// The range of a declared column over all row groups of all files. Columns that are not stored as integers are `Unknown`.
pub(crate) fn predict(footers: &[Arc<Footer>], declared: &Field) -> PredictedRange {
    let mut range = None;
    for footer in footers {
        for claim in claims(footer, declared).iter() {
            match claim.range {
                PredictedRange::Known(None) => {}
                PredictedRange::Known(Some((min, max))) => {
                    range = Some(range.map_or((min, max), |(low, high): (i128, i128)| (low.min(min), high.max(max))));
                }
                PredictedRange::Unknown => return PredictedRange::Unknown,
            }
        }
    }
    PredictedRange::Known(range)
}

/// Whether any row group of any file may hold a NULL of a declared column; where a file does not say, it may.
pub(crate) fn may_hold_nulls(footers: &[Arc<Footer>], declared: &Field) -> bool {
    let may = |footer: &Arc<Footer>| claims(footer, declared).iter().any(|claim| claim.nulls != Some(0));
    declared.is_nullable() && footers.iter().any(may)
}

/// The layout for a prediction.
pub(crate) fn layout_for(predicted: PredictedRange, ty: Type) -> Option<IntLayout> {
    let full = full_layout(ty)?;
    Some(match predicted {
        PredictedRange::Known(range) => IntLayout::for_range(range),
        PredictedRange::Unknown => full,
    })
}

/// What a file claims of a declared column, row group by row group. Remembered with the footer.
pub(crate) fn claims(footer: &Footer, declared: &Field) -> Arc<[Claim]> {
    let key = (declared.name().clone(), declared.data_type().clone());
    if let Some(known) = footer.claims.lock().get(&key) {
        return Arc::clone(known);
    }
    let claims: Arc<[Claim]> = read_claims(footer, declared).into();
    footer.claims.lock().insert(key, Arc::clone(&claims));
    claims
}

fn read_claims(footer: &Footer, declared: &Field) -> Vec<Claim> {
    let groups = footer.metadata.num_row_groups();
    let Ok(actual) = footer.schema.field_with_name(declared.name()) else {
        // Missing: every value is NULL.
        let absent = |group| Claim { range: PredictedRange::Known(None), nulls: Some(footer.rows(group) as u64) };
        return (0..groups).map(absent).collect();
    };
    let ty = Type::from_arrow(declared.data_type());
    let integral = ty.and_then(full_layout).is_some()
        && ty == Type::from_arrow(actual.data_type())
        && !matches!(declared.data_type(), DataType::Dictionary(_, _));
    let nulls = guarded(|| statistics(footer, declared)?.row_group_null_counts(footer.metadata.row_groups())).ok();
    let nulls = |group: usize| nulls.as_ref().filter(|nulls| nulls.is_valid(group)).map(|nulls| nulls.value(group));
    let ranges = if integral { guarded(|| Bounds::of(footer, declared)).ok() } else { None };
    let claim = |group: usize| {
        let rows = footer.rows(group) as u64;
        let without_value = integral && (rows == 0 || nulls(group) == Some(rows));
        let known = ranges.as_ref().and_then(|bounds| bounds.range(group)).map(Some);
        let known = known.or(without_value.then_some(None));
        Claim { range: known.map_or(PredictedRange::Unknown, PredictedRange::Known), nulls: nulls(group) }
    };
    (0..groups).map(claim).collect()
}

fn statistics<'a>(footer: &'a Footer, declared: &'a Field) -> Result<StatisticsConverter<'a>, ParquetError> {
    let parquet_schema = footer.metadata.file_metadata().schema_descr();
    Ok(StatisticsConverter::try_new(declared.name(), &footer.schema, parquet_schema)?
        .with_missing_null_counts_as_zero(false))
}

/// Smallest and largest values, and whether they are exact.
struct Bounds {
    min: (ArrayRef, BooleanArray),
    max: (ArrayRef, BooleanArray),
}

impl Bounds {
    fn of(footer: &Footer, declared: &Field) -> Result<Self, ParquetError> {
        let (converter, groups) = (statistics(footer, declared)?, footer.metadata.row_groups());
        Ok(Self {
            min: (converter.row_group_mins(groups)?, converter.row_group_is_min_value_exact(groups)?),
            max: (converter.row_group_maxes(groups)?, converter.row_group_is_max_value_exact(groups)?),
        })
    }

    /// The range of a row group; `None` where it is absent, inexact or none.
    fn range(&self, group: usize) -> Option<(i128, i128)> {
        let bound = |(values, exact): &(ArrayRef, BooleanArray)| {
            let inexact = exact.is_valid(group) && !exact.value(group);
            let known = values.is_valid(group) && !inexact;
            known.then(|| integer_range(&values.slice(group, 1)).ok().flatten()).flatten()
        };
        let (low, high) = (bound(&self.min)?.0, bound(&self.max)?.1);
        (low <= high).then_some((low, high))
    }
}
