//! The gate between Parquet footers and everything that reads statistics: a footer says no more than it knows.
//!
//! Statistics of floats do not count NaN, which is the largest number here, and a zero bound may stand for either zero:
//! such a maximum is no bound. A null count that is missing is unknown, while the host takes it for zero. Old writers
//! ordered texts and unsigned integers by signed bytes. What is in doubt is taken out of the footer, so that no reader
//! can trust it: pruning of row groups and pages, bloom filters, answers from metadata, orders of files.
//! Not here: what a file's statistics mean for a table (the engine's `corrections/statistics`).

use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetColumnIndex, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescriptor;

/// What a reader makes of a null count that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingNullCount {
    /// It is unknown.
    Unknown,
    /// It is taken for zero: then bounds that come without one are taken out with it.
    TakenForZero,
}

/// The same footer without what is in doubt; `None` where nothing is. What comes out has nothing in doubt.
pub fn truthful(metadata: &ParquetMetaData, missing: MissingNullCount) -> Option<ParquetMetaData> {
    let chunks_hold = metadata.row_groups().iter().flat_map(|group| group.columns()).all(|c| chunk_holds(c, missing));
    let pages_hold = metadata.column_index().is_none_or(|index| pages(metadata, index).all(|(c, i)| page_holds(c, i)));
    if chunks_hold && pages_hold {
        return None;
    }
    let column_index = metadata.column_index().map(|index| {
        let mut kept = index.clone();
        for (group, columns) in kept.iter_mut().enumerate() {
            for (column, index) in columns.iter_mut().enumerate() {
                if !page_holds(metadata.row_group(group).column(column).column_descr(), index) {
                    *index = ColumnIndexMetaData::NONE;
                }
            }
        }
        kept
    });
    let mut builder = metadata.clone().into_builder();
    let mut groups = builder.take_row_groups();
    for chunk in groups.iter_mut().flat_map(|group| group.columns_mut()) {
        if !chunk_holds(chunk, missing) {
            *chunk = without_doubt(chunk.clone(), missing);
        }
    }
    Some(builder.set_row_groups(groups).set_column_index(column_index).build())
}

/// The same footer without statistics of some columns of the file; `None` where there are none.
pub fn without_statistics(metadata: &ParquetMetaData, drop: impl Fn(usize) -> bool) -> Option<ParquetMetaData> {
    let columns = metadata.file_metadata().schema_descr().num_columns();
    if !(0..columns).any(&drop) {
        return None;
    }
    let mut column_index = metadata.column_index().cloned();
    for (column, index) in column_index.iter_mut().flatten().flat_map(|columns| columns.iter_mut().enumerate()) {
        if drop(column) {
            *index = ColumnIndexMetaData::NONE;
        }
    }
    let mut builder = metadata.clone().into_builder();
    let mut groups = builder.take_row_groups();
    for (column, chunk) in groups.iter_mut().flat_map(|group| group.columns_mut().iter_mut().enumerate()) {
        if drop(column) {
            *chunk = rebuilt(chunk, |builder| builder.clear_statistics().set_bloom_filter_offset(None));
        }
    }
    Some(builder.set_row_groups(groups).set_column_index(column_index).build())
}

/// Whether an order by statistics of this column says nothing of some of its values.
pub fn is_float(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), PhysicalType::FLOAT | PhysicalType::DOUBLE) || is_half(column)
}

fn is_half(column: &ColumnDescriptor) -> bool {
    column.logical_type_ref() == Some(&LogicalType::Float16)
}

fn pages<'a>(
    metadata: &'a ParquetMetaData,
    index: &'a ParquetColumnIndex,
) -> impl Iterator<Item = (&'a ColumnDescriptor, &'a ColumnIndexMetaData)> {
    let groups = metadata.row_groups().iter().zip(index);
    groups.flat_map(|(group, pages)| group.columns().iter().map(ColumnChunkMetaData::column_descr).zip(pages))
}

/// Pages keep no bounds of floats at all: a page without a bound is read, which costs little.
fn page_holds(column: &ColumnDescriptor, index: &ColumnIndexMetaData) -> bool {
    if matches!(index, ColumnIndexMetaData::NONE) {
        return true;
    }
    !is_float(column) && !has_no_order(column) && (column.max_def_level() == 0 || index.null_counts().is_some())
}

/// Whether nothing of a chunk's statistics is in doubt.
fn chunk_holds(chunk: &ColumnChunkMetaData, missing: MissingNullCount) -> bool {
    let column = chunk.column_descr();
    if is_float(column) && chunk.bloom_filter_offset().is_some() {
        return false;
    }
    let Some(statistics) = chunk.statistics() else { return true };
    let optional = column.max_def_level() > 0;
    let nulls_hold = statistics.null_count_opt().is_some() || optional && missing == MissingNullCount::Unknown;
    nulls_hold && bounds_hold(column, statistics)
}

fn bounds_hold(column: &ColumnDescriptor, statistics: &Statistics) -> bool {
    let without_max = |min: Option<f64>, max_known: bool| {
        let exact = statistics.min_is_exact();
        let same = |min: f64| lower_bound(min, exact).is_some_and(|(m, e)| m.to_bits() == min.to_bits() && e == exact);
        !max_known && min.is_none_or(same)
    };
    match statistics {
        Statistics::Float(values) => {
            without_max(values.min_opt().map(|min| f64::from(*min)), values.max_opt().is_some())
        }
        Statistics::Double(values) => without_max(values.min_opt().copied(), values.max_opt().is_some()),
        _ => !bounds_are_doubtful(column, statistics) || has_no_bounds(statistics),
    }
}

fn bounds_are_doubtful(column: &ColumnDescriptor, statistics: &Statistics) -> bool {
    let old_order = statistics.is_min_max_deprecated() && !is_signed_number(column);
    is_half(column) || has_no_order(column) || old_order
}

fn has_no_bounds(statistics: &Statistics) -> bool {
    statistics.min_bytes_opt().is_none() && statistics.max_bytes_opt().is_none()
}

/// The order of these values is not defined by the format, so that bounds mean what their writer meant.
fn has_no_order(column: &ColumnDescriptor) -> bool {
    column.physical_type() == PhysicalType::INT96 || column.converted_type() == ConvertedType::INTERVAL
}

/// Whether the signed order of the first writers is this type's own.
fn is_signed_number(column: &ColumnDescriptor) -> bool {
    let unsigned = [ConvertedType::UINT_8, ConvertedType::UINT_16, ConvertedType::UINT_32, ConvertedType::UINT_64];
    matches!(column.physical_type(), PhysicalType::INT32 | PhysicalType::INT64 | PhysicalType::BOOLEAN)
        && !unsigned.contains(&column.converted_type())
}

fn without_doubt(chunk: ColumnChunkMetaData, missing: MissingNullCount) -> ColumnChunkMetaData {
    let column = chunk.column_descr_ptr();
    let statistics = chunk.statistics().cloned().and_then(|statistics| {
        let required = (column.max_def_level() == 0).then_some(0);
        let nulls = statistics.null_count_opt().or(required);
        if nulls.is_none() && missing == MissingNullCount::TakenForZero {
            return None;
        }
        Some(kept_bounds(&column, &statistics, nulls))
    });
    rebuilt(&chunk, |builder| {
        let builder = if is_float(&column) { builder.set_bloom_filter_offset(None) } else { builder };
        match statistics {
            Some(statistics) => builder.set_statistics(statistics),
            None => builder.clear_statistics(),
        }
    })
}

/// A chunk that cannot be rebuilt loses nothing but its statistics' truth; building fails for no chunk that was read.
fn rebuilt(
    chunk: &ColumnChunkMetaData,
    change: impl FnOnce(
        parquet::file::metadata::ColumnChunkMetaDataBuilder,
    ) -> parquet::file::metadata::ColumnChunkMetaDataBuilder,
) -> ColumnChunkMetaData {
    change(chunk.clone().into_builder()).build().unwrap_or_else(|_| chunk.clone())
}

fn kept_bounds(column: &ColumnDescriptor, statistics: &Statistics, nulls: Option<u64>) -> Statistics {
    let bounds = !bounds_are_doubtful(column, statistics);
    match statistics {
        Statistics::Float(values) => {
            let min = values.min_opt().and_then(|min| lower_bound(f64::from(*min), values.min_is_exact()));
            // Every bound was such a float before.
            #[expect(clippy::cast_possible_truncation)]
            only_min(min.map(|(min, exact)| (min as f32, exact)), nulls).into()
        }
        Statistics::Double(values) => {
            let min = values.min_opt().and_then(|min| lower_bound(*min, values.min_is_exact()));
            only_min(min, nulls).into()
        }
        Statistics::Boolean(values) => kept(values, bounds, nulls).into(),
        Statistics::Int32(values) => kept(values, bounds, nulls).into(),
        Statistics::Int64(values) => kept(values, bounds, nulls).into(),
        Statistics::Int96(values) => kept(values, bounds, nulls).into(),
        Statistics::ByteArray(values) => kept(values, bounds, nulls).into(),
        Statistics::FixedLenByteArray(values) => kept(values, bounds, nulls).into(),
    }
}

/// A smallest float as a bound, and whether it is a value: NaN is none, and a zero may hide the other zero.
fn lower_bound(min: f64, exact: bool) -> Option<(f64, bool)> {
    match min {
        min if min.is_nan() => None,
        0.0 => Some((-0.0, false)),
        min => Some((min, exact)),
    }
}

fn only_min<T>(min: Option<(T, bool)>, nulls: Option<u64>) -> ValueStatistics<T> {
    let exact = min.as_ref().is_some_and(|(_, exact)| *exact);
    ValueStatistics::new(min.map(|(min, _)| min), None, None, nulls, false).with_min_is_exact(exact)
}

fn kept<T: Clone>(values: &ValueStatistics<T>, bounds: bool, nulls: Option<u64>) -> ValueStatistics<T> {
    let bound = |value: Option<&T>| value.filter(|_| bounds).cloned();
    ValueStatistics::new(bound(values.min_opt()), bound(values.max_opt()), values.distinct_count(), nulls, false)
        .with_min_is_exact(bounds && values.min_is_exact())
        .with_max_is_exact(bounds && values.max_is_exact())
}
