//! Encoded chunks to device columns.

use super::piece::Piece;
use crate::column::{DeviceColumn, EncodedChunk};
use crate::device::{DeviceHandle, DeviceResult, Stream};

/// Copies an encoded chunk to the device. The copy is complete when `stream` has been waited for.
pub(crate) fn upload_chunk(
    handle: &DeviceHandle,
    stream: &Stream,
    column: &str,
    chunk: &EncodedChunk,
) -> DeviceResult<Piece> {
    let bytes = (chunk.data.as_slice(), chunk.validity.as_deref());
    Ok(Piece {
        column: DeviceColumn::upload(handle, stream, &format!("column {column}"), bytes)?,
        stored: chunk.stored.clone(),
        facts: chunk.facts,
        parts: chunk.parts.as_slice().into(),
        filler: chunk.filler,
        rows: chunk.rows,
    })
}
