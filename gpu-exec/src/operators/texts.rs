//! Texts of emitted references: measured, placed and gathered on the device, taken to the host as Arrow arrays; of all
//! columns at once, so that the device is waited for twice, however many there are.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, LargeStringArray, StringArray};
use arrow::buffer::{Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::emit::Emitted;
use super::launch::launch_tiles;
use super::prefix_sums;
use super::rows::HostRows;
use crate::device::{CompiledKernel, DeviceBuffer, DeviceHandle, DeviceResult, Download, KernelRequest, Stream};
use crate::error::Result;
use crate::kernels::TEXTS;
use crate::strategy::OutputColumn;

/// What gathering takes, in the order in which it is launched.
pub(super) fn kernel_requests() -> [KernelRequest; 4] {
    prefix_sums::requests(TEXTS, ["maar_text_sums", "maar_text_bases", "maar_text_offsets"], "maar_text_gather")
}

/// Some rows of the emitted columns of references, and where their texts lie once gathered.
pub(super) struct Texts<'a> {
    handle: &'a DeviceHandle,
    stream: &'a Stream,
    gather: Option<CompiledKernel>,
    columns: Vec<Column>,
}

/// One column of references.
struct Column {
    /// Addresses of the first row's reference and validity byte (or 0).
    references: u64,
    valid: u64,
    /// Where they are copies from the host.
    _own: Option<DeviceBuffer>,
    /// i64 a row and one more: bytes before its text.
    offsets: DeviceBuffer,
    on_host: ScalarBuffer<i64>,
}

/// Where the references and validity bytes of a column lie, and what they lie in where that is no result.
type References = (u64, u64, Option<DeviceBuffer>);

/// Texts of some rows of one column, on the host.
pub(super) struct Gathered<'a> {
    /// A row's and one more.
    offsets: &'a [i64],
    bytes: Buffer,
}

impl<'a> Texts<'a> {
    /// Measures the texts of emitted rows. Waits for the device where there are any.
    pub(super) fn of_emitted(
        device: (&'a DeviceHandle, &'a Stream),
        output: &[OutputColumn],
        emitted: &Emitted,
        rows: Range<usize>,
    ) -> Result<Self> {
        let begin = rows.start as u64;
        let addresses = |column: usize| {
            let valid = emitted.valid(column);
            Ok((emitted.data(column) + begin * 8, if valid == 0 { 0 } else { valid + begin }, None))
        };
        Self::measured(device, output, rows.len(), addresses)
    }

    /// Measures the texts of rows that are on the host, with their references.
    pub(super) fn of_rows(
        (handle, stream): (&'a DeviceHandle, &'a Stream),
        output: &[OutputColumn],
        rows: &HostRows,
    ) -> Result<Self> {
        let addresses = |column: usize| -> Result<References> {
            let column = rows.column(column);
            let references = column.data.len();
            let own = handle.alloc("references to texts", references + column.valid.as_ref().map_or(0, Buffer::len))?;
            stream.upload(&own, 0, &column.data)?;
            let address = own.ptr().0;
            let valid = match &column.valid {
                None => 0,
                Some(valid) => {
                    stream.upload(&own, references, valid)?;
                    address + references as u64
                }
            };
            Ok((address, valid, Some(own)))
        };
        Self::measured((handle, stream), output, rows.len(), addresses)
    }

    fn measured(
        (handle, stream): (&'a DeviceHandle, &'a Stream),
        output: &[OutputColumn],
        rows: usize,
        addresses: impl Fn(usize) -> Result<References>,
    ) -> Result<Self> {
        let mut columns = Vec::new();
        let mut sums = Vec::new();
        for (number, _) in output.iter().enumerate().filter(|(_, column)| column.is_reference()) {
            let (references, valid, own) = addresses(number)?;
            let offsets = handle.alloc("result text offsets", (rows + 1) * 8)?;
            sums.push(prefix_sums::alloc_sums(handle, "result text sums", rows as u64)?);
            columns.push(Column { references, valid, _own: own, offsets, on_host: vec![0].into() });
        }
        if columns.is_empty() || rows == 0 {
            return Ok(Self { handle, stream, gather: None, columns });
        }
        let kernels = handle.kernels(&kernel_requests())?;
        for (Column { references, valid, offsets, .. }, sums) in columns.iter().zip(&sums) {
            let words = [rows as u64, *references, *valid, sums.ptr().0, offsets.ptr().0, 0];
            prefix_sums::launch_scan(handle, stream, &kernels, rows as u64, &words)?;
        }
        let mut found: Vec<MutableBuffer> =
            columns.iter().map(|column| MutableBuffer::from_len_zeroed(column.offsets.len())).collect();
        let downloads = columns.iter().zip(&mut found);
        let downloads =
            downloads.map(|(column, found)| Download { src: &column.offsets, offset: 0, dst: found.as_slice_mut() });
        stream.download_all(downloads)?;
        for (column, found) in columns.iter_mut().zip(found) {
            column.on_host = Buffer::from(found).into();
        }
        Ok(Self { handle, stream, gather: Some(kernels[3].clone()), columns })
    }

    /// How many rows from `first` on have texts of at most `bytes` bytes together, in each column; at least one, where there
    /// is one. `None` where there are no texts.
    pub(super) fn fitting(&self, first: usize, bytes: i64) -> Option<usize> {
        self.columns.iter().map(|column| column.fitting(first, bytes)).min()
    }

    /// The texts of some of these rows, column by column. Waits for the device where there are any.
    pub(super) fn gathered(&self, rows: &Range<usize>) -> Result<Vec<Gathered<'_>>> {
        let lengths: Vec<usize> = self.columns.iter().map(|column| column.bytes(rows)).collect();
        let alloc = |bytes: &usize| self.handle.alloc("result texts", *bytes);
        let outs = lengths.iter().map(alloc).collect::<DeviceResult<Vec<_>>>()?;
        let some = self.columns.iter().zip(&outs).filter(|(_, out)| !out.is_empty());
        for ((column, out), gather) in some.zip(self.gather.iter().cycle()) {
            let words = column.words(rows, out);
            launch_tiles(self.handle, self.stream, gather, rows.len().div_ceil(32) as u64, 0, &words)?;
        }
        let mut texts: Vec<MutableBuffer> =
            lengths.iter().map(|bytes| MutableBuffer::from_len_zeroed(*bytes)).collect();
        let downloads = outs.iter().zip(&mut texts);
        let downloads = downloads.map(|(src, texts)| Download { src, offset: 0, dst: texts.as_slice_mut() });
        self.stream.download_all(downloads)?;
        let gathered = self.columns.iter().zip(texts);
        let gathered = gathered
            .map(|(column, texts)| Gathered { offsets: &column.on_host[rows.start..=rows.end], bytes: texts.into() });
        Ok(gathered.collect())
    }
}

impl Column {
    fn fitting(&self, first: usize, bytes: i64) -> usize {
        let end = self.on_host[first].saturating_add(bytes);
        let rows = self.on_host[first + 1..].partition_point(|offset| *offset <= end);
        rows.max(1).min(self.on_host.len() - 1 - first)
    }

    fn bytes(&self, rows: &Range<usize>) -> usize {
        (self.on_host[rows.end] - self.on_host[rows.start]) as usize
    }

    /// What the gathering kernel takes.
    fn words(&self, rows: &Range<usize>, out: &DeviceBuffer) -> [u64; 6] {
        let begin = rows.start as u64;
        let valid = if self.valid == 0 { 0 } else { self.valid + begin };
        let offsets = self.offsets.ptr().0 + begin * 8;
        [rows.len() as u64, self.references + begin * 8, valid, 0, offsets, out.ptr().0]
    }
}

impl Gathered<'_> {
    /// As an array of the type.
    pub(super) fn array(self, nulls: Option<NullBuffer>, data_type: &DataType) -> Result<ArrayRef> {
        let first = self.offsets[0];
        let offsets = self.offsets.iter().map(|offset| offset - first);
        let array: ArrayRef = match i32::try_from(self.bytes.len()) {
            Ok(_) => {
                let offsets: Vec<i32> = offsets.map(|offset| offset as i32).collect();
                Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), self.bytes, nulls)?)
            }
            Err(_) => {
                let offsets: Vec<i64> = offsets.collect();
                Arc::new(LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), self.bytes, nulls)?)
            }
        };
        Ok(if array.data_type() == data_type { array } else { cast(&array, data_type)? })
    }
}
