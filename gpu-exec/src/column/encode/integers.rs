//! Integers of every Arrow kind to the narrow stored form.
//!
//! Each batch is looked at twice: once for its smallest and largest valid value, which decides whether it fits, once
//! to narrow it without any check. Both loops are free of branches, so the compiler can vectorise them.

use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::validity::for_each_null;
use super::{EncodeError, LayoutMiss};
use crate::column::{ChunkFacts, IntLayout, Stored, padded_rows};
use crate::ir::IntWidth;

/// A machine integer as Arrow holds it.
pub(super) trait Native: Copy + Ord {
    /// The value modulo 2^64: all that a stored width of up to 64 bits needs.
    fn low(self) -> i64;
    fn wide(self) -> i128;
}

macro_rules! native {
    ($($t:ty),*) => {$(
        impl Native for $t {
            fn low(self) -> i64 { self as i64 }
            fn wide(self) -> i128 { self as i128 }
        }
    )*};
}
native!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

/// Calls `$function` with the native values of an integer array of whichever type; an error for other types.
macro_rules! with_values {
    ($array:expr, |$values:ident| $body:expr) => {{
        macro_rules! arm {
            ($arrow_type:ty) => {{
                let $values: &[<$arrow_type as ArrowPrimitiveType>::Native] =
                    $array.as_primitive::<$arrow_type>().values();
                $body
            }};
        }
        match $array.data_type() {
            DataType::Int8 => arm!(Int8Type),
            DataType::Int16 => arm!(Int16Type),
            DataType::Int32 => arm!(Int32Type),
            DataType::Int64 => arm!(Int64Type),
            DataType::UInt8 => arm!(UInt8Type),
            DataType::UInt16 => arm!(UInt16Type),
            DataType::UInt32 => arm!(UInt32Type),
            DataType::UInt64 => arm!(UInt64Type),
            DataType::Date32 => arm!(Date32Type),
            DataType::Decimal32(_, _) => arm!(Decimal32Type),
            DataType::Decimal64(_, _) => arm!(Decimal64Type),
            DataType::Decimal128(_, _) => arm!(Decimal128Type),
            DataType::Timestamp(TimeUnit::Second, _) => arm!(TimestampSecondType),
            DataType::Timestamp(TimeUnit::Millisecond, _) => arm!(TimestampMillisecondType),
            DataType::Timestamp(TimeUnit::Microsecond, _) => arm!(TimestampMicrosecondType),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => arm!(TimestampNanosecondType),
            other => return Err(EncodeError::Type { data_type: other.clone(), target: "integers" }),
        }
    }};
}

/// Smallest and largest valid value of an integer array; `None` without a valid value.
pub fn integer_range(array: &dyn Array) -> Result<Option<(i128, i128)>, EncodeError> {
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    with_values!(array, |values| Ok(range_of(values, nulls.as_ref()).map(|(min, max)| (min.wide(), max.wide()))))
}

/// Encodes integers to one layout.
#[derive(Debug)]
pub(super) struct IntegerEncoder {
    layout: IntLayout,
    data: Vec<u8>,
    /// Of the parts that have ended, and of what came since.
    ended: Option<(i128, i128)>,
    range: Option<(i128, i128)>,
    /// Since then: the largest value so far while every value was larger than the one before it.
    ascending: Ascending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ascending {
    Unbroken { last: Option<i128> },
    Broken,
}

impl IntegerEncoder {
    pub(super) fn new(layout: IntLayout, rows: usize) -> Self {
        Self {
            layout,
            data: Vec::with_capacity(padded_rows(rows) * layout.width.bytes()),
            ended: None,
            range: None,
            ascending: Ascending::Unbroken { last: None },
        }
    }

    pub(super) fn push(&mut self, array: &dyn Array, nulls: Option<&NullBuffer>) -> Result<(), EncodeError> {
        with_values!(array, |values| self.push_values(values, nulls)?);
        Ok(())
    }

    fn push_values<T: Native>(&mut self, values: &[T], nulls: Option<&NullBuffer>) -> Result<(), LayoutMiss> {
        if let Some((min, max)) = range_of(values, nulls).map(|(min, max)| (min.wide(), max.wide())) {
            if !self.layout.covers(min, max) {
                return Err(LayoutMiss { min, max, layout: self.layout });
            }
            self.range = union(self.range, Some((min, max)));
        }
        self.ascending = self.ascending.after(values, nulls);
        self.narrow(values);
        Ok(())
    }

    /// Values under a NULL may wrap here; `finish` overwrites them.
    fn narrow<T: Native>(&mut self, values: &[T]) {
        let base = self.layout.base as i64;
        let data = &mut self.data;
        match self.layout.width {
            IntWidth::W8 => data.extend(values.iter().map(|value| value.low().wrapping_sub(base) as u8)),
            IntWidth::W16 => append(data, values, |value| (value.low().wrapping_sub(base) as i16).to_le_bytes()),
            IntWidth::W32 => append(data, values, |value| (value.low().wrapping_sub(base) as i32).to_le_bytes()),
            IntWidth::W64 => append(data, values, |value| value.low().wrapping_sub(base).to_le_bytes()),
            IntWidth::W128 => {
                let base = self.layout.base;
                append(data, values, |value| value.wide().wrapping_sub(base).to_le_bytes());
            }
        }
    }

    /// The facts of what came since the last part, which ends here.
    pub(super) fn end_part(&mut self, nulls: u64) -> ChunkFacts {
        let (range, ascending) = (self.range.take(), self.ascending != Ascending::Broken);
        self.ended = union(self.ended, range);
        self.ascending = Ascending::Unbroken { last: None };
        ChunkFacts { nulls, range, ascending: ascending && range.is_some() }
    }

    /// Overwrites values under NULLs with the smallest value, or with `filler` where there is none.
    pub(super) fn finish(
        self,
        validity: Option<&[u8]>,
        facts: ChunkFacts,
        filler: i128,
    ) -> (Vec<u8>, Stored, ChunkFacts, i128) {
        let Self { layout, mut data, ended, range, ascending } = self;
        // Of several parts together it is not known.
        let ascending = ended.is_none() && ascending != Ascending::Broken;
        let range = union(ended, range);
        let (low, high) = layout.limits();
        let filler = range.map_or(filler.clamp(low, high), |(min, _)| min);
        let bytes = filler.wrapping_sub(layout.base).to_le_bytes();
        let width = layout.width.bytes();
        if let Some(validity) = validity {
            for_each_null(validity, data.len() / width, |row| {
                data[row * width..][..width].copy_from_slice(&bytes[..width])
            });
        }
        let facts = ChunkFacts { range, ascending: ascending && range.is_some(), ..facts };
        (data, layout.stored(), facts, filler)
    }
}

impl Ascending {
    fn after<T: Native>(self, values: &[T], nulls: Option<&NullBuffer>) -> Self {
        let Ascending::Unbroken { last } = self else { return self };
        match nulls {
            None => Self::after_valid(last, values),
            Some(nulls) => nulls.valid_slices().fold(self, |state, (start, end)| match state {
                Ascending::Unbroken { last } => Self::after_valid(last, &values[start..end]),
                Ascending::Broken => state,
            }),
        }
    }

    fn after_valid<T: Native>(last: Option<i128>, values: &[T]) -> Self {
        let (Some(first), Some(end)) = (values.first(), values.last()) else {
            return Ascending::Unbroken { last };
        };
        let unbroken = last.is_none_or(|last| last < first.wide()) && values.windows(2).all(|pair| pair[0] < pair[1]);
        if unbroken { Ascending::Unbroken { last: Some(end.wide()) } } else { Ascending::Broken }
    }
}

fn union(one: Option<(i128, i128)>, other: Option<(i128, i128)>) -> Option<(i128, i128)> {
    [one, other].into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Appends fixed-size values: reserved once, then a loop without checks on the length.
fn append<T: Copy, const N: usize>(data: &mut Vec<u8>, values: &[T], convert: impl Fn(T) -> [u8; N]) {
    let start = data.len();
    data.resize(start + values.len() * N, 0);
    for (out, value) in data[start..].chunks_exact_mut(N).zip(values) {
        out.copy_from_slice(&convert(*value));
    }
}

/// Smallest and largest valid value.
fn range_of<T: Native>(values: &[T], nulls: Option<&NullBuffer>) -> Option<(T, T)> {
    let both = |a: (T, T), b: (T, T)| (a.0.min(b.0), a.1.max(b.1));
    match nulls {
        None => range_of_valid(values),
        Some(nulls) => nulls.valid_slices().filter_map(|(start, end)| range_of_valid(&values[start..end])).reduce(both),
    }
}

fn range_of_valid<T: Native>(values: &[T]) -> Option<(T, T)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(min, max), value| (min.min(*value), max.max(*value))))
}
