//! Emitted rows of which the host keeps the first few in an order: only those that may be among them leave the device.
//!
//! The first key decides alone: its k-th value is found on the host, and every row at it or before it is picked, on the device
//! where the rows are still there. Who sorts sees the same rows tied, in the same order. Not here: the order itself, which
//! the host does.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::compute::{SortOptions, sort_to_indices};

use super::emit::Emitted;
use super::launch::launch_tiles;
use super::rows::HostColumn;
use crate::device::{DeviceBuffer, DeviceHandle, KernelRequest, Stream, SyncMode};
use crate::error::Result;
use crate::ir::FirstRows;
use crate::kernels::PICK;
use crate::strategy::OutputColumn;

/// Fewer rows than this leave as quickly as they are looked at.
const ROWS_MIN: usize = 4096;
/// Where more than one row in so many is picked, all of them go.
const PICKED_SHARE: usize = 4;
/// Rows that one warp of the kernel's grid takes.
const ROWS_A_WARP: u64 = 32;

/// The kernel that picks rows.
pub(super) fn pick_request() -> KernelRequest {
    KernelRequest { entry: "maar_pick".to_owned(), source: Arc::from(PICK), sync: SyncMode::None }
}

/// Whether it is worth it to pick the first of so many rows: their key can be looked at, and they are few.
pub(super) fn may_pick(output: &[OutputColumn], rows: usize, first: &FirstRows) -> bool {
    let plain = |column: &OutputColumn| !column.is_reference() && column.tail.is_none();
    output.get(first.column).is_some_and(plain) && rows >= ROWS_MIN && wanted(first) < rows / PICKED_SHARE
}

fn wanted(first: &FirstRows) -> usize {
    usize::try_from(first.rows).unwrap_or(usize::MAX)
}

/// The rows that may be among the first, by the keys of all rows from number `offset` on. `None` where they are many.
pub(super) fn pick(
    output: &[OutputColumn],
    keys: &HostColumn,
    offset: usize,
    first: &FirstRows,
) -> Result<Option<Vec<u32>>> {
    let keys = keys.to_arrow(&output[first.column], &first.data_type)?;
    let options = SortOptions { descending: first.descending, nulls_first: first.nulls_first };
    let picked = at_or_before(&keys, options, wanted(first), offset)?;
    Ok((picked.len() <= keys.len() / PICKED_SHARE).then_some(picked))
}

impl Emitted {
    /// These rows, as output arrays of their own that hold no more, and the list of them, which is in use until the stream has
    /// been waited for.
    pub(super) fn picked(
        &self,
        (handle, stream): (&DeviceHandle, &Stream),
        output: &[OutputColumn],
        picked: &[u32],
    ) -> Result<(Self, DeviceBuffer)> {
        let list: Vec<u8> = picked.iter().flat_map(|row| row.to_le_bytes()).collect();
        let rows = handle.alloc("rows to pick", list.len())?;
        stream.upload(&rows, 0, &list)?;
        Ok((self.listed((handle, stream), output, (rows.ptr().0, picked.len()))?, rows))
    }

    /// The rows of a list in device memory, given as its address and length, as arrays of their own that hold no more.
    pub(super) fn listed(
        &self,
        (handle, stream): (&DeviceHandle, &Stream),
        output: &[OutputColumn],
        (list, length): (u64, usize),
    ) -> Result<Self> {
        let own = Self::new(handle, output, 0, length.max(1) as u64)?;
        let kernels = handle.kernels(&[pick_request()])?;
        let copy = |from: u64, to: u64, width: usize| {
            let words = [length as u64, list, from, to, width as u64];
            launch_tiles(handle, stream, &kernels[0], (length as u64).div_ceil(ROWS_A_WARP), 0, &words)
        };
        for (number, column) in output.iter().enumerate() {
            copy(self.data(number), own.data(number), column.shape.bytes())?;
            if column.shape.nullable {
                copy(self.valid(number), own.valid(number), 1)?;
            }
        }
        Ok(own)
    }
}

/// The rows that come no later than the `wanted`-th in the order of `keys`, ascending; `offset` is the first row's number.
fn at_or_before(keys: &ArrayRef, options: SortOptions, wanted: usize, offset: usize) -> Result<Vec<u32>> {
    let first = sort_to_indices(keys.as_ref(), Some(options), Some(wanted.max(1)))?;
    let Some(last) = first.values().last().map(|last| *last as usize) else { return Ok(vec![]) };
    let compare = make_comparator(keys.as_ref(), keys.as_ref(), options)?;
    let rows = (0..keys.len()).filter(|row| compare(*row, last) != Ordering::Greater);
    Ok(rows.map(|row| (offset + row) as u32).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::array::Int32Array;

    use super::*;

    #[test]
    fn ties_of_the_last_are_among_them() {
        let keys: ArrayRef = Arc::new(Int32Array::from(vec![Some(3), None, Some(1), Some(3), Some(2), None, Some(3)]));
        let rows = |descending, nulls_first, wanted| {
            at_or_before(&keys, SortOptions { descending, nulls_first }, wanted, 10).unwrap()
        };
        assert_eq!(rows(false, false, 2), [12, 14]);
        assert_eq!(rows(false, false, 3), [10, 12, 13, 14, 16]);
        assert_eq!(rows(true, false, 1), [10, 13, 16]);
        assert_eq!(rows(true, true, 1), [11, 15]);
        assert_eq!(rows(false, true, 3), [11, 12, 15]);
        assert_eq!(rows(false, false, 6), [10, 11, 12, 13, 14, 15, 16]);
    }
}
