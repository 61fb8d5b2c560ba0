//! Rewriting a piece's text codes on the device when its dictionary becomes part of a larger one.
#![expect(unsafe_code, reason = "a launch hands addresses to device code")]

use std::sync::Arc;

use super::ScanError;
use super::piece::Piece;
use crate::column::{Remap, padded_rows};
use crate::device::{BLOCK_THREADS, DeviceBuffer, DeviceHandle, KernelRequest, Launch, Stream, SyncMode};
use crate::ir::IntWidth;

const SOURCE: &str = include_str!("../kernels/fixed/recode.cu");

/// The piece's codes after `remap`, `width` wide. Waits for the device, as the remap table does not outlive the call.
pub(crate) fn recode(
    handle: &DeviceHandle,
    stream: &Stream,
    column: &str,
    piece: &Piece,
    width: IntWidth,
    remap: &Remap,
) -> Result<DeviceBuffer, ScanError> {
    let out = handle.alloc(&format!("recoded values of column {column}"), padded_rows(piece.rows) * width.bytes())?;
    let table: Vec<u8> = match remap {
        Remap::Identity => vec![],
        Remap::Table(table) => table.iter().flat_map(|code| code.to_le_bytes()).collect(),
    };
    let codes = handle.alloc(&format!("code table of column {column}"), table.len())?;
    stream.upload(&codes, 0, &table)?;
    if piece.rows > 0 {
        let words = [
            piece.rows as u64,
            piece.column.data.ptr().0,
            piece.stored.bytes() as u64,
            out.ptr().0,
            width.bytes() as u64,
            codes.ptr().0,
            (table.len() / 4) as u64,
        ];
        launch(handle, stream, piece.rows, &words)?;
    }
    stream.synchronize()?;
    Ok(out)
}

fn launch(handle: &DeviceHandle, stream: &Stream, rows: usize, words: &[u64]) -> Result<(), ScanError> {
    let request = KernelRequest { entry: "maar_recode".to_owned(), source: Arc::from(SOURCE), sync: SyncMode::None };
    let kernels = handle.kernels(&[request])?;
    for kernel in &kernels {
        // The kernel strides over what the grid does not cover.
        let blocks = handle.persistent_blocks(kernel, 0, (rows as u64).div_ceil(u64::from(BLOCK_THREADS)))?;
        let launch = Launch { blocks, threads: BLOCK_THREADS, shared_bytes: 0 };
        // SAFETY: `words` is the kernel's parameter block field by field; the input holds `rows` codes of the width
        // named, the output was sized for `rows` codes of its width, the table for its entries, and the caller keeps
        // all three until the stream has been waited for.
        unsafe { stream.launch(kernel, launch, words)? };
    }
    Ok(())
}
