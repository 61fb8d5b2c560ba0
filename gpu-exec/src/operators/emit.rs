//! Emitted rows in device memory: what the run's kernels reported, then an array a column, all in one buffer, so that a small
//! result is one copy. And their way to the host. Not here: what becomes of them there (`rows.rs`).

use std::ops::Range;

use arrow::buffer::{Buffer, MutableBuffer};

use super::rows::{HostColumn, HostRows};
use super::sort::ORDER_SHAPE;
use super::status::Reported;
use crate::device::{DeviceBuffer, DeviceHandle, Download, Stream};
use crate::error::Result;
use crate::ir::PayloadShape;
use crate::strategy::OutputColumn;

/// Where arrays begin: what kernels store in one piece is no longer than this.
const ALIGNMENT: u64 = 64;
/// Results of so many bytes are taken to the host as they lie, room and all: that takes less time than to ask how many rows
/// there are.
pub(super) const WHOLE_BYTES: u64 = 512 << 10;

/// Output arrays for up to `capacity` rows.
#[derive(Debug)]
pub struct Emitted {
    capacity: u64,
    buffer: DeviceBuffer,
    /// Bytes of what was reported.
    head: usize,
    columns: Vec<Place>,
}

/// Where the arrays of a column begin in the buffer, and the bytes of one of its values.
#[derive(Clone, Copy, Debug)]
struct Place {
    data: usize,
    width: usize,
    valid: Option<usize>,
    /// References mean nothing to the host: they stay, unless they come with the whole.
    stays: bool,
}

/// The arrays of a column on their way to the host.
struct Arriving {
    data: MutableBuffer,
    valid: Option<MutableBuffer>,
}

impl Emitted {
    /// `head` bytes are left for what is reported.
    pub(super) fn new(handle: &DeviceHandle, output: &[OutputColumn], head: usize, capacity: u64) -> Result<Self> {
        Self::of_shapes(handle, output.iter().map(|column| (column.shape, column.is_reference())), head, capacity)
    }

    /// The same with a column behind the others for the order in which rows are sorted.
    pub(super) fn sorted(handle: &DeviceHandle, output: &[OutputColumn], head: usize, capacity: u64) -> Result<Self> {
        let shapes = output.iter().map(|column| (column.shape, column.is_reference()));
        Self::of_shapes(handle, shapes.chain([(ORDER_SHAPE, false)]), head, capacity)
    }

    /// The same by the shapes of columns, and whether they are references.
    pub(super) fn of_shapes(
        handle: &DeviceHandle,
        shapes: impl Iterator<Item = (PayloadShape, bool)>,
        head: usize,
        capacity: u64,
    ) -> Result<Self> {
        let mut end = head as u64;
        let mut place = |width: u64| {
            let begin = end.next_multiple_of(ALIGNMENT);
            end = begin.saturating_add(capacity.saturating_mul(width));
            begin as usize
        };
        let columns = shapes
            .map(|(shape, stays)| {
                let (width, data) = (shape.bytes(), place(shape.bytes() as u64));
                Place { data, width, valid: shape.nullable.then(|| place(1)), stays }
            })
            .collect();
        let buffer = handle.alloc("result", usize::try_from(end).unwrap_or(usize::MAX))?;
        Ok(Self { capacity, buffer, head, columns })
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Where what was reported is to be copied to.
    pub(super) fn head(&self) -> &DeviceBuffer {
        &self.buffer
    }

    /// The address of a column's values.
    pub(super) fn data(&self, column: usize) -> u64 {
        self.buffer.ptr().0 + self.columns[column].data as u64
    }

    /// The address of a column's validity bytes, 0 where it has none.
    pub(super) fn valid(&self, column: usize) -> u64 {
        self.columns[column].valid.map_or(0, |valid| self.buffer.ptr().0 + valid as u64)
    }

    /// Takes values of a column from the host, a byte a row behind them that says whether it has one; for all rows there is room for.
    pub(super) fn put(&self, stream: &Stream, column: usize, (data, valid): (&[u8], &[u8])) -> Result<()> {
        let place = &self.columns[column];
        stream.upload(&self.buffer, place.data, data)?;
        match place.valid {
            Some(offset) => Ok(stream.upload(&self.buffer, offset, valid)?),
            None => Ok(()),
        }
    }

    /// The address of the rows' order, behind the columns.
    pub(super) fn order(&self) -> u64 {
        self.data(self.columns.len() - 1)
    }

    /// Whether it is so little that it comes to the host as it lies.
    pub(super) fn comes_whole(&self) -> bool {
        self.buffer.len() as u64 <= WHOLE_BYTES
    }

    /// Takes what was reported and the first `rows` rows to the host; all there is room for, where that is little. Waits for
    /// the device.
    pub(super) fn take(&self, stream: &Stream, rows: u64) -> Result<(Reported, HostRows)> {
        if self.comes_whole() {
            return self.take_whole(stream);
        }
        let mut head = vec![0; self.head];
        let rows = 0..rows.min(self.capacity) as usize;
        let mut arriving: Vec<Arriving> = self.columns.iter().map(|place| Arriving::new(place, rows.len())).collect();
        let first = Download { src: &self.buffer, offset: 0, dst: &mut head };
        stream.download_all(std::iter::once(first).chain(self.downloads(&rows, &mut arriving)))?;
        Ok((Reported::of(&head), self.arrived(rows.len(), arriving)))
    }

    /// Takes some rows to the host. Waits for the device.
    pub(super) fn rows(&self, stream: &Stream, rows: Range<usize>) -> Result<HostRows> {
        let mut arriving: Vec<Arriving> = self.columns.iter().map(|place| Arriving::new(place, rows.len())).collect();
        stream.download_all(self.downloads(&rows, &mut arriving))?;
        Ok(self.arrived(rows.len(), arriving))
    }

    /// Takes some values of one column to the host. Waits for the device.
    pub(super) fn column(&self, stream: &Stream, column: usize, rows: Range<usize>) -> Result<HostColumn> {
        let place = &self.columns[column];
        let mut arriving = Arriving::new(place, rows.len());
        stream.download_all(arriving.downloads(&self.buffer, place, &rows))?;
        Ok(arriving.arrived(place))
    }

    fn take_whole(&self, stream: &Stream) -> Result<(Reported, HostRows)> {
        let mut bytes = MutableBuffer::from_len_zeroed(self.buffer.len());
        stream.download(&self.buffer, 0, bytes.as_slice_mut())?;
        let bytes = Buffer::from(bytes);
        let rows = self.capacity as usize;
        let column = |place: &Place| HostColumn {
            width: place.width,
            data: bytes.slice_with_length(place.data, rows * place.width),
            valid: place.valid.map(|valid| bytes.slice_with_length(valid, rows)),
        };
        Ok((Reported::of(&bytes[..self.head]), HostRows::new(rows, self.columns.iter().map(column).collect())))
    }

    fn downloads<'a>(
        &'a self,
        rows: &Range<usize>,
        arriving: &'a mut [Arriving],
    ) -> impl Iterator<Item = Download<'a>> {
        arriving
            .iter_mut()
            .zip(&self.columns)
            .flat_map(move |(column, place)| column.downloads(&self.buffer, place, rows))
    }

    fn arrived(&self, rows: usize, arriving: Vec<Arriving>) -> HostRows {
        let columns = arriving.into_iter().zip(&self.columns).map(|(column, place)| column.arrived(place));
        HostRows::new(rows, columns.collect())
    }
}

impl Arriving {
    fn new(place: &Place, rows: usize) -> Self {
        let bytes = MutableBuffer::from_len_zeroed;
        Self { data: bytes(rows * place.width_taken()), valid: place.valid.map(|_| bytes(rows)) }
    }

    fn downloads<'a>(
        &'a mut self,
        src: &'a DeviceBuffer,
        place: &Place,
        rows: &Range<usize>,
    ) -> impl Iterator<Item = Download<'a>> + use<'a> {
        let data = Download { src, offset: place.data + rows.start * place.width, dst: self.data.as_slice_mut() };
        let valid = self.valid.as_mut().zip(place.valid);
        let valid = valid.map(|(valid, place)| Download { src, offset: place + rows.start, dst: valid.as_slice_mut() });
        std::iter::once(data).chain(valid)
    }

    fn arrived(self, place: &Place) -> HostColumn {
        HostColumn { width: place.width_taken(), data: self.data.into(), valid: self.valid.map(Buffer::from) }
    }
}

impl Place {
    /// Bytes of a value that are taken to the host.
    fn width_taken(&self) -> usize {
        if self.stays { 0 } else { self.width }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use arrow::array::{Array, Int64Array, StringArray};
    use arrow::compute::{cast, concat_batches, take};
    use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

    use super::super::rows::BATCH_TEXT_BYTES;
    use super::super::texts::Texts;
    use super::*;
    use crate::column::{ChunkEncoder, Target};
    use crate::device::{DeviceChoice, DeviceError, DeviceOptions};
    use crate::ir::{IntWidth, PayloadShape, Repr, Type};

    const ROWS: usize = 3000;

    fn texts() -> StringArray {
        (0..ROWS).map(|row| (row % 7 != 3).then(|| "é".repeat(row % 40) + &row.to_string())).collect()
    }

    /// A number and a text a row, the texts in the order in which they were loaded; with room for more rows.
    fn emitted(handle: &DeviceHandle, stream: &Stream, capacity: u64) -> (Emitted, Vec<OutputColumn>, DeviceBuffer) {
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
        let emitted = Emitted::new(handle, &output, 16, capacity).unwrap();
        let words =
            |of: &dyn Fn(u64) -> u64| (0..ROWS as u64).flat_map(|row| of(row).to_le_bytes()).collect::<Vec<_>>();
        let put = |offset: usize, bytes: &[u8]| stream.upload(&emitted.buffer, offset, bytes).unwrap();
        put(0, &[16; 16]);
        put(emitted.columns[0].data, &words(&|row| row));
        put(emitted.columns[1].data, &words(&|row| data.ptr().0 + row * 4));
        let valid: Vec<u8> = (0..ROWS).map(|row| u8::from(row % 7 != 3)).collect();
        put(emitted.columns[1].valid.unwrap(), &valid);
        (emitted, output, data)
    }

    fn schema(text: DataType) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("t", text, true)]))
    }

    fn device(test: &str) -> Option<(Arc<DeviceHandle>, tempfile::TempDir)> {
        let cache = tempfile::tempdir().unwrap();
        let options = DeviceOptions { cache_dir: Some(cache.path().to_owned()), ..DeviceOptions::default() };
        match DeviceHandle::open(DeviceChoice::Emulated, &options) {
            Err(error @ DeviceError::Unavailable { .. }) => {
                crate::skip::skipped("compiler", test, &error.to_string());
                None
            }
            handle => Some((handle.unwrap(), cache)),
        }
    }

    #[test]
    fn texts_leave_as_the_host_declares_them_in_batches_that_hold_them() {
        let Some((handle, _cache)) = device("texts_leave_as_the_host_declares_them") else { return };
        let stream = handle.stream().unwrap();
        let (emitted, output, _texts) = emitted(&handle, &stream, ROWS as u64);
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for data_type in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, coded] {
            let schema = schema(data_type.clone());
            for (text_bytes, rows) in [(1 << 30, 0..ROWS), (5000, 0..ROWS), (5000, 17..1234), (1, 5..40), (0, 9..9)] {
                let texts_of = Texts::of_emitted((&handle, &stream), &output, &emitted, rows.clone()).unwrap();
                let taken = emitted.rows(&stream, rows.clone()).unwrap();
                let batches = taken.batches(&output, &schema, &texts_of, text_bytes).unwrap();
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

    #[test]
    fn a_small_result_comes_whole_and_a_large_one_as_far_as_it_is_expected() {
        let Some((handle, _cache)) = device("a_small_result_comes_whole") else { return };
        let stream = handle.stream().unwrap();
        let schema = schema(DataType::Utf8);
        for (capacity, held) in [(ROWS as u64 + 5, ROWS + 5), (WHOLE_BYTES, 900)] {
            let (emitted, output, _texts) = emitted(&handle, &stream, capacity);
            let before = handle.counters().waits;
            let (reported, taken) = emitted.take(&stream, 900).unwrap();
            assert_eq!(handle.counters().waits - before, 1);
            assert!(reported.is_full());
            assert_eq!(taken.len(), held);
            // Rows picked on the host take their references along, where those came.
            let rows = [800_u32, 3, 5, 17];
            let numbers = Int64Array::from_iter_values(rows.map(i64::from));
            let picked = taken.picked(&rows);
            assert_eq!(
                picked.column(0).to_arrow(&output[0], &DataType::Int64).unwrap().as_ref(),
                &numbers as &dyn Array
            );
            if held > ROWS {
                let texts_of = Texts::of_rows((&handle, &stream), &output, &picked).unwrap();
                let batches = picked.batches(&output, &schema, &texts_of, BATCH_TEXT_BYTES).unwrap();
                let expected = take(&texts(), &arrow::array::UInt32Array::from(rows.to_vec()), None).unwrap();
                assert_eq!(batches[0].column(1), &expected);
            }
        }
    }
}
