//! Encoded chunks to device columns.

use std::sync::Arc;

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
    let copy = |what: &str, bytes: &[u8]| {
        let buffer = handle.alloc(&format!("{what} of column {column}"), bytes.len())?;
        stream.upload(&buffer, 0, bytes)?;
        Ok::<_, crate::device::DeviceError>(Arc::new(buffer))
    };
    let data = copy("values", &chunk.data)?;
    let validity = chunk.validity.as_deref().map(|bits| copy("validity", bits)).transpose()?;
    Ok(Piece {
        column: DeviceColumn { data, validity },
        stored: chunk.stored.clone(),
        facts: chunk.facts,
        parts: chunk.parts.as_slice().into(),
        filler: chunk.filler,
        rows: chunk.rows,
    })
}
