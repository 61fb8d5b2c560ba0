//! Texts of emitted references: measured, placed and gathered on the device, taken to the host as Arrow arrays.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, LargeStringArray, StringArray};
use arrow::buffer::{Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::launch::launch_tiles;
use super::prefix_sums;
use crate::device::{CompiledKernel, DeviceBuffer, DeviceHandle, KernelRequest, Stream};
use crate::error::Result;
use crate::kernels::TEXTS;

/// What gathering takes, in the order in which it is launched.
pub(super) fn kernel_requests() -> [KernelRequest; 4] {
    prefix_sums::requests(TEXTS, ["maar_text_sums", "maar_text_bases", "maar_text_offsets"], "maar_text_gather")
}

/// Some rows of an emitted column of references, and where their texts lie once gathered.
pub(super) struct EmittedTexts<'a> {
    handle: &'a DeviceHandle,
    stream: &'a Stream,
    gather: CompiledKernel,
    /// Addresses of the first row's reference and validity byte (or 0).
    references: u64,
    valid: u64,
    /// i64 a row and one more: bytes before its text.
    offsets: DeviceBuffer,
    on_host: Vec<i64>,
}

impl<'a> EmittedTexts<'a> {
    /// Measures the texts of `rows` rows. Waits for the device.
    pub(super) fn new(
        handle: &'a DeviceHandle,
        stream: &'a Stream,
        (references, valid): (&DeviceBuffer, Option<&DeviceBuffer>),
        rows: Range<usize>,
    ) -> Result<Self> {
        let references = references.ptr().0 + rows.start as u64 * 8;
        let valid = valid.map_or(0, |valid| valid.ptr().0 + rows.start as u64);
        let offsets = handle.alloc("result text offsets", (rows.len() + 1) * 8)?;
        let kernels = handle.kernels(&kernel_requests())?;
        let sums = prefix_sums::alloc_sums(handle, "result text sums", rows.len() as u64)?;
        let words = [rows.len() as u64, references, valid, sums.ptr().0, offsets.ptr().0, 0];
        prefix_sums::launch_scan(handle, stream, &kernels, rows.len() as u64, &words)?;
        let mut bytes = MutableBuffer::from_len_zeroed(offsets.len());
        stream.download(&offsets, 0, bytes.as_slice_mut())?;
        let on_host = ScalarBuffer::<i64>::from(Buffer::from(bytes)).to_vec();
        Ok(Self { handle, stream, gather: kernels[3].clone(), references, valid, offsets, on_host })
    }

    /// How many rows from `first` on have texts of at most `bytes` bytes together; at least one, where there is one.
    pub(super) fn fitting(&self, first: usize, bytes: i64) -> usize {
        let end = self.on_host[first].saturating_add(bytes);
        let rows = self.on_host[first + 1..].partition_point(|offset| *offset <= end);
        rows.max(1).min(self.on_host.len() - 1 - first)
    }

    /// The texts of some of these rows as an array of the type.
    pub(super) fn array(
        &self,
        rows: Range<usize>,
        nulls: Option<NullBuffer>,
        data_type: &DataType,
    ) -> Result<ArrayRef> {
        let (first, last) = (self.on_host[rows.start], self.on_host[rows.end]);
        let mut texts = MutableBuffer::from_len_zeroed((last - first) as usize);
        if last > first {
            let out = self.handle.alloc("result texts", (last - first) as usize)?;
            let begin = rows.start as u64;
            let valid = if self.valid == 0 { 0 } else { self.valid + begin };
            let offsets = self.offsets.ptr().0 + begin * 8;
            let words = [rows.len() as u64, self.references + begin * 8, valid, 0, offsets, out.ptr().0];
            launch_tiles(self.handle, self.stream, &self.gather, rows.len().div_ceil(32) as u64, 0, &words)?;
            self.stream.download(&out, 0, texts.as_slice_mut())?;
        }
        let offsets = self.on_host[rows.start..=rows.end].iter().map(|offset| offset - first);
        let array: ArrayRef = match i32::try_from(last - first) {
            Ok(_) => {
                let offsets: Vec<i32> = offsets.map(|offset| offset as i32).collect();
                Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), texts.into(), nulls)?)
            }
            Err(_) => {
                let offsets: Vec<i64> = offsets.collect();
                Arc::new(LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), texts.into(), nulls)?)
            }
        };
        Ok(if array.data_type() == data_type { array } else { cast(&array, data_type)? })
    }
}
