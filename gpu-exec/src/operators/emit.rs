//! Emitted rows: output arrays in device memory, and their way to Arrow.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, BooleanArray, DictionaryArray, Int32Array, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::{Error, Result};
use crate::ir::{Repr, Type};
use crate::strategy::OutputColumn;

/// Output arrays for up to `capacity` rows.
#[derive(Debug)]
pub struct Emitted {
    pub(super) capacity: u64,
    pub(super) count: DeviceBuffer,
    pub(super) columns: Vec<(DeviceBuffer, DeviceBuffer)>,
}

impl Emitted {
    pub(super) fn new(handle: &DeviceHandle, columns: &[OutputColumn], capacity: u64) -> Result<Self> {
        let columns = columns
            .iter()
            .map(|column| {
                let data = handle.alloc("result column", (capacity * column.shape.bytes() as u64) as usize)?;
                let valid =
                    handle.alloc("result validity", if column.shape.nullable { capacity as usize } else { 0 })?;
                Ok((data, valid))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { capacity, count: handle.alloc("result count", 8)?, columns })
    }

    pub(super) fn reset(&self, stream: &Stream) -> Result<()> {
        Ok(stream.fill(&self.count, 0, 8, 0)?)
    }

    pub(super) fn rows(&self, stream: &Stream) -> Result<u64> {
        let mut bytes = [0_u8; 8];
        stream.download(&self.count, 0, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// The first `rows` rows as a batch of the host's schema.
    pub(super) fn batch(
        &self,
        stream: &Stream,
        output: &[OutputColumn],
        schema: &SchemaRef,
        rows: usize,
    ) -> Result<RecordBatch> {
        let arrays = output
            .iter()
            .zip(&self.columns)
            .zip(schema.fields())
            .map(|((column, buffers), field)| to_arrow(stream, column, buffers, field.data_type(), rows))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
    }
}

fn to_arrow(
    stream: &Stream,
    column: &OutputColumn,
    (data, valid): &(DeviceBuffer, DeviceBuffer),
    data_type: &DataType,
    rows: usize,
) -> Result<ArrayRef> {
    let values = download(stream, data, rows * column.shape.bytes())?;
    let nulls = if column.shape.nullable {
        let bytes = download(stream, valid, rows)?;
        Some(NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| bytes[row] != 0)))
    } else {
        None
    };
    match column.ty {
        Type::Bool => Ok(Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows, |row| values[row] != 0), nulls))),
        Type::Text => text_array(column, values, nulls, data_type),
        _ if column.shape.repr == Repr::Bool => Err(Error::internal("a boolean under another type reached the output")),
        _ => {
            let built = ArrayData::builder(data_type.clone()).len(rows).add_buffer(values).nulls(nulls).build()?;
            Ok(make_array(built))
        }
    }
}

fn download(stream: &Stream, buffer: &DeviceBuffer, bytes: usize) -> Result<Buffer> {
    let mut host = MutableBuffer::from_len_zeroed(bytes);
    if bytes > 0 {
        stream.download(buffer, 0, host.as_slice_mut())?;
    }
    Ok(host.into())
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
