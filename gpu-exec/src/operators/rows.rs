//! Rows on the host as kernels stored them, and their way to Arrow. Texts that left as references are gathered by
//! `texts.rs`; not here: how rows come to the host (`emit.rs`), which of them are wanted (`first.rs`, `emission.rs`).

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BooleanArray, Decimal256Array, DictionaryArray, Int32Array, make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, SchemaRef, i256};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::texts::Texts;
use crate::error::{Error, Result};
use crate::ir::{Repr, Type};
use crate::strategy::OutputColumn;

/// Bytes of text a column of one batch has at most, unless a single text is longer: offsets of Arrow may be 32 bits wide.
pub(super) const BATCH_TEXT_BYTES: i64 = 1 << 30;

/// Values of one column: `width` bytes a row (0 of references, which mean nothing here, unless they came along), and where it may be NULL a byte a row that says whether it is not.
#[derive(Clone, Debug)]
pub(super) struct HostColumn {
    pub(super) width: usize,
    pub(super) data: Buffer,
    pub(super) valid: Option<Buffer>,
}

/// Some rows, column by column.
#[derive(Clone, Debug)]
pub(super) struct HostRows {
    rows: usize,
    columns: Vec<HostColumn>,
}

impl HostColumn {
    pub(super) fn slice(&self, rows: &Range<usize>) -> Self {
        Self {
            width: self.width,
            data: cut(&self.data, rows.start * self.width, rows.len() * self.width),
            valid: self.valid.as_ref().map(|valid| cut(valid, rows.start, rows.len())),
        }
    }

    fn picked(&self, rows: &[u32]) -> Self {
        let pick = |bytes: &Buffer, width: usize| {
            let mut picked = MutableBuffer::with_capacity(rows.len() * width);
            rows.iter().for_each(|row| picked.extend_from_slice(&bytes[*row as usize * width..][..width]));
            Buffer::from(picked)
        };
        let valid = self.valid.as_ref().map(|valid| pick(valid, 1));
        Self { width: self.width, data: pick(&self.data, self.width), valid }
    }

    fn nulls(&self) -> Option<NullBuffer> {
        let valid = self.valid.as_ref()?;
        Some(NullBuffer::new(BooleanBuffer::collect_bool(valid.len(), |row| valid[row] != 0)))
    }

    /// As the host declares the column. Not of references, nor of wide decimals.
    pub(super) fn to_arrow(&self, column: &OutputColumn, data_type: &DataType) -> Result<ArrayRef> {
        let (values, nulls) = (self.data.clone(), self.nulls());
        let rows = values.len() / column.shape.bytes();
        match column.ty {
            Type::Bool => {
                Ok(Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows, |row| values[row] != 0), nulls)))
            }
            Type::Text => text_array(column, values, nulls, data_type),
            _ if column.shape.repr == Repr::Bool => {
                Err(Error::internal("a boolean under another type reached the output"))
            }
            _ => {
                let built = ArrayData::builder(data_type.clone()).len(rows).add_buffer(values).nulls(nulls).build()?;
                Ok(make_array(built))
            }
        }
    }

    /// Decimals of more than 38 digits: a 128-bit integer times a power of ten, and the digits that follow it.
    fn to_wide(&self, tail: &Self, power: i128, data_type: &DataType) -> Result<ArrayRef> {
        let whole = ScalarBuffer::<i128>::from(self.data.clone());
        let tail = ScalarBuffer::<i32>::from(tail.data.clone());
        let power = i256::from_i128(power);
        let value = |(whole, tail): (&i128, &i32)| {
            i256::from_i128(*whole).wrapping_mul(power).wrapping_add(i256::from_i128(i128::from(*tail)))
        };
        let values: ScalarBuffer<i256> = whole.iter().zip(tail.iter()).map(value).collect::<Vec<_>>().into();
        let array = Decimal256Array::new(values, self.nulls());
        // The same numbers with the precision and scale that the host declared.
        Ok(make_array(array.into_data().into_builder().data_type(data_type.clone()).build()?))
    }
}

impl HostRows {
    pub(super) fn new(rows: usize, columns: Vec<HostColumn>) -> Self {
        Self { rows, columns }
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn column(&self, number: usize) -> &HostColumn {
        &self.columns[number]
    }

    pub(super) fn slice(&self, rows: &Range<usize>) -> Self {
        Self::new(rows.len(), self.columns.iter().map(|column| column.slice(rows)).collect())
    }

    pub(super) fn picked(&self, rows: &[u32]) -> Self {
        Self::new(rows.len(), self.columns.iter().map(|column| column.picked(rows)).collect())
    }

    /// The rows in batches of the host's schema: one, unless their `texts` are too long for one.
    pub(super) fn batches(
        &self,
        output: &[OutputColumn],
        schema: &SchemaRef,
        texts: &Texts<'_>,
        text_bytes: i64,
    ) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        let mut first = 0;
        while first < self.rows || batches.is_empty() {
            let rows = first..first + texts.fitting(first, text_bytes).unwrap_or(self.rows - first);
            let mut gathered = texts.gathered(&rows)?.into_iter();
            let here = self.slice(&rows);
            let mut array = |(number, column): (usize, &OutputColumn)| {
                let (values, data_type) = (&here.columns[number], schema.field(number).data_type());
                match column.tail {
                    _ if column.is_reference() => {
                        let texts = gathered.next().ok_or_else(|| Error::internal("texts were not gathered"))?;
                        texts.array(values.nulls(), data_type)
                    }
                    Some((tail, power)) => values.to_wide(&here.columns[tail], power, data_type),
                    None => values.to_arrow(column, data_type),
                }
            };
            // The digits that follow those of wide decimals are the last columns, and none of the schema's.
            let shown = output.iter().enumerate().take(schema.fields().len());
            let arrays = shown.map(&mut array).collect::<Result<Vec<_>>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
            batches.push(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?);
            first = rows.end;
        }
        Ok(batches)
    }
}

/// Some of the bytes; copied where they are few, as a few rows must not hold, nor count as, the memory of many.
fn cut(bytes: &Buffer, begin: usize, length: usize) -> Buffer {
    let cut = bytes.slice_with_length(begin, length);
    if length < cut.capacity() / 2 { Buffer::from(cut.as_slice()) } else { cut }
}

/// Codes with their dictionary, cast to what the host declared.
fn text_array(
    column: &OutputColumn,
    codes: Buffer,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let dictionary =
        column.dictionary.as_ref().ok_or_else(|| Error::internal("a text without a dictionary reached the output"))?;
    let codes = Int32Array::new(codes.into(), nulls);
    // What stands under a NULL is no code.
    let codes = Int32Array::from_iter(codes.iter());
    let texts = DictionaryArray::<Int32Type>::try_new(codes, Arc::new(dictionary.values().clone()))?;
    let array: ArrayRef = Arc::new(texts);
    if array.data_type() == data_type { Ok(array) } else { Ok(cast(&array, data_type)?) }
}
