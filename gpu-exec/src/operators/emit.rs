//! Emitted rows: output arrays in device memory, and their way to Arrow.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BooleanArray, Decimal256Array, DictionaryArray, Int32Array, make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, SchemaRef, i256};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::texts::EmittedTexts;
use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::{Error, Result};
use crate::ir::{PayloadShape, Repr, Type};
use crate::strategy::OutputColumn;

/// Bytes of text a column of one batch has at most, unless a single text is longer: offsets of Arrow may be 32 bits wide.
const BATCH_TEXT_BYTES: i64 = 1 << 30;

/// Output arrays for up to `capacity` rows.
#[derive(Debug)]
pub struct Emitted {
    pub(super) capacity: u64,
    pub(super) count: DeviceBuffer,
    pub(super) columns: Vec<(DeviceBuffer, DeviceBuffer)>,
    /// See [`BATCH_TEXT_BYTES`].
    text_bytes: i64,
}

impl Emitted {
    pub(super) fn new(handle: &DeviceHandle, columns: &[OutputColumn], capacity: u64) -> Result<Self> {
        Self::of_shapes(handle, columns.iter().map(|column| column.shape), capacity)
    }

    pub(super) fn of_shapes(
        handle: &DeviceHandle,
        shapes: impl Iterator<Item = PayloadShape>,
        capacity: u64,
    ) -> Result<Self> {
        let columns = shapes
            .map(|shape| {
                let data = handle.alloc("result column", (capacity * shape.bytes() as u64) as usize)?;
                let valid = handle.alloc("result validity", if shape.nullable { capacity as usize } else { 0 })?;
                Ok((data, valid))
            })
            .collect::<Result<Vec<_>>>()?;
        let count = handle.alloc("result count", 8)?;
        Ok(Self { capacity, count, columns, text_bytes: BATCH_TEXT_BYTES })
    }

    pub(super) fn reset(&self, stream: &Stream) -> Result<()> {
        Ok(stream.fill(&self.count, 0, 8, 0)?)
    }

    pub(super) fn rows(&self, stream: &Stream) -> Result<u64> {
        let mut bytes = [0_u8; 8];
        stream.download(&self.count, 0, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Some of the rows, in batches of the host's schema: one, unless their texts are too long for one.
    pub(super) fn batches(
        &self,
        (handle, stream): (&DeviceHandle, &Stream),
        output: &[OutputColumn],
        schema: &SchemaRef,
        rows: Range<usize>,
    ) -> Result<Vec<RecordBatch>> {
        let texts = output
            .iter()
            .zip(&self.columns)
            .map(|(column, (data, valid))| {
                let valid = column.shape.nullable.then_some(valid);
                column
                    .is_reference()
                    .then(|| EmittedTexts::new(handle, stream, (data, valid), rows.clone()))
                    .transpose()
            })
            .collect::<Result<Vec<_>>>()?;
        let mut batches = Vec::new();
        let mut first = 0;
        while first < rows.len() || batches.is_empty() {
            let fitting = texts.iter().flatten().map(|texts| texts.fitting(first, self.text_bytes)).min();
            let end = fitting.map_or(rows.len(), |fitting| first + fitting);
            let arrays = output.iter().zip(&self.columns).zip(&texts).zip(schema.fields());
            let arrays = arrays.map(|(((column, buffers), texts), field)| match (texts, column.tail) {
                (None, Some((tail, power))) => {
                    let shape = output[tail].shape;
                    let tail = (&self.columns[tail].0, shape, power);
                    wide_array(stream, column, buffers, tail, rows.start + first..rows.start + end)
                        .and_then(|array| of_type(array, field.data_type()))
                }
                (None, None) => {
                    to_arrow(stream, column, buffers, field.data_type(), rows.start + first..rows.start + end)
                }
                (Some(texts), _) => {
                    let nulls = nulls(stream, column, &buffers.1, rows.start + first..rows.start + end)?;
                    texts.array(first..end, nulls, field.data_type())
                }
            });
            let arrays = arrays.collect::<Result<Vec<_>>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(end - first));
            batches.push(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?);
            first = end;
        }
        Ok(batches)
    }
}

pub(super) fn to_arrow(
    stream: &Stream,
    column: &OutputColumn,
    (data, valid): &(DeviceBuffer, DeviceBuffer),
    data_type: &DataType,
    rows: Range<usize>,
) -> Result<ArrayRef> {
    let values = download(stream, data, &rows, column.shape.bytes())?;
    let nulls = nulls(stream, column, valid, rows.clone())?;
    let rows = rows.len();
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

/// Decimals of more than 38 digits: a 128-bit integer times a power of ten, and the digits that follow it.
fn wide_array(
    stream: &Stream,
    column: &OutputColumn,
    (data, valid): &(DeviceBuffer, DeviceBuffer),
    (tail, tail_shape, power): (&DeviceBuffer, PayloadShape, i128),
    rows: Range<usize>,
) -> Result<ArrayRef> {
    let whole = ScalarBuffer::<i128>::from(download(stream, data, &rows, column.shape.bytes())?);
    let tail = ScalarBuffer::<i32>::from(download(stream, tail, &rows, tail_shape.bytes())?);
    let power = i256::from_i128(power);
    let value = |(whole, tail): (&i128, &i32)| {
        i256::from_i128(*whole).wrapping_mul(power).wrapping_add(i256::from_i128(i128::from(*tail)))
    };
    let values: ScalarBuffer<i256> = whole.iter().zip(tail.iter()).map(value).collect::<Vec<_>>().into();
    Ok(Arc::new(Decimal256Array::new(values, nulls(stream, column, valid, rows)?)))
}

/// The same numbers with the precision and scale that the host declared.
fn of_type(array: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    Ok(make_array(array.to_data().into_builder().data_type(data_type.clone()).build()?))
}

fn nulls(
    stream: &Stream,
    column: &OutputColumn,
    valid: &DeviceBuffer,
    rows: Range<usize>,
) -> Result<Option<NullBuffer>> {
    if !column.shape.nullable {
        return Ok(None);
    }
    let bytes = download(stream, valid, &rows, 1)?;
    Ok(Some(NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), |row| bytes[row] != 0))))
}

/// Some rows of an array of values of `width` bytes.
fn download(stream: &Stream, buffer: &DeviceBuffer, rows: &Range<usize>, width: usize) -> Result<Buffer> {
    let mut host = MutableBuffer::from_len_zeroed(rows.len() * width);
    if !rows.is_empty() {
        stream.download(buffer, rows.start * width, host.as_slice_mut())?;
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

#[cfg(test)]
#[path = "../../../tests/src/skip.rs"]
mod skip;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use arrow::array::{Int64Array, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::column::{ChunkEncoder, Target};
    use crate::device::{DeviceChoice, DeviceError, DeviceOptions};
    use crate::ir::{IntWidth, PayloadShape};

    const ROWS: usize = 3000;

    fn texts() -> StringArray {
        (0..ROWS).map(|row| (row % 7 != 3).then(|| "é".repeat(row % 40) + &row.to_string())).collect()
    }

    /// A number and a text a row, the texts in the order in which they were loaded.
    fn emitted(handle: &DeviceHandle, stream: &Stream) -> (Emitted, Vec<OutputColumn>, DeviceBuffer) {
        let mut encoder = ChunkEncoder::new(Target::RawText, ROWS);
        encoder.push(&texts()).unwrap();
        let chunk = encoder.finish(0).unwrap();
        let data = handle.alloc("texts", chunk.data.len()).unwrap();
        stream.upload(&data, 0, &chunk.data).unwrap();
        let shape = |nullable| PayloadShape { repr: Repr::Int, width: IntWidth::W64, nullable };
        let output = vec![
            OutputColumn { shape: shape(false), ty: Type::INT64, dictionary: None, tail: None },
            OutputColumn { shape: shape(true), ty: Type::Text, dictionary: None, tail: None },
        ];
        let emitted = Emitted::new(handle, &output, ROWS as u64).unwrap();
        let words =
            |of: &dyn Fn(u64) -> u64| (0..ROWS as u64).flat_map(|row| of(row).to_le_bytes()).collect::<Vec<_>>();
        stream.upload(&emitted.columns[0].0, 0, &words(&|row| row)).unwrap();
        stream.upload(&emitted.columns[1].0, 0, &words(&|row| data.ptr().0 + row * 4)).unwrap();
        let valid: Vec<u8> = (0..ROWS).map(|row| u8::from(row % 7 != 3)).collect();
        stream.upload(&emitted.columns[1].1, 0, &valid).unwrap();
        (emitted, output, data)
    }

    fn schema(text: DataType) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("t", text, true)]))
    }

    #[test]
    fn texts_leave_as_the_host_declares_them_in_batches_that_hold_them() {
        let cache = tempfile::tempdir().unwrap();
        let options = DeviceOptions { cache_dir: Some(cache.path().to_owned()), ..DeviceOptions::default() };
        let handle = match DeviceHandle::open(DeviceChoice::Emulated, &options) {
            Err(error @ DeviceError::Unavailable { .. }) => {
                return skip::skipped("compiler", "texts_leave_as_the_host_declares_them", &error.to_string());
            }
            handle => handle.unwrap(),
        };
        let stream = handle.stream().unwrap();
        let (mut emitted, output, _texts) = emitted(&handle, &stream);
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for data_type in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, coded] {
            let schema = schema(data_type.clone());
            for (text_bytes, rows) in [(1 << 30, 0..ROWS), (5000, 0..ROWS), (5000, 17..1234), (1, 5..40), (0, 9..9)] {
                emitted.text_bytes = text_bytes;
                let batches = emitted.batches((&handle, &stream), &output, &schema, rows.clone()).unwrap();
                assert!(if text_bytes < 5001 { batches.len() > 1 || rows.len() < 2 } else { batches.len() == 1 });
                let whole = concat_batches(&schema, &batches).unwrap();
                let numbers = Int64Array::from_iter_values(rows.start as i64..rows.end as i64);
                assert_eq!(whole.column(0).as_ref(), &numbers as &dyn Array);
                let found = cast(whole.column(1), &DataType::Utf8).unwrap();
                assert_eq!(
                    found.as_ref(),
                    &texts().slice(rows.start, rows.len()) as &dyn Array,
                    "{data_type} {rows:?}"
                );
            }
        }
    }
}
