//! Host columns to device columns: encoded chunks, and whole batches that come from host operators.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};

use super::ScanError;
use super::piece::Piece;
use super::unify::unify;
use crate::column::{
    ChunkEncoder, ColumnFacts, ColumnMeta, DeviceColumn, DeviceTable, EncodeError, EncodedChunk, IntLayout, RowBound,
    Segment, TableShape, Target, full_layout, integer_range,
};
use crate::device::{DeviceHandle, DeviceResult, Stream};
use crate::ir::Type;

/// Rows a segment of an uploaded input holds at most: whole tiles, small enough for 32-bit row numbers.
const SEGMENT_ROWS: usize = 1 << 24;

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

/// Makes a device table of host batches, as narrow as their values allow. Waits until it is complete. Text columns named
/// in `raw` need no dictionary and get none, unless they come with one.
///
/// # Errors
/// A column whose type has no stored form, or no room on the device.
pub fn upload_batches(
    handle: &DeviceHandle,
    stream: &Stream,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    raw: &BTreeSet<usize>,
) -> Result<DeviceTable, ScanError> {
    let runs = segments_of(batches);
    let rows = |run: &Vec<RecordBatch>| run.iter().map(|batch| batch.num_rows() as u64).sum();
    let mut segments: Vec<Segment> = runs.iter().map(|run| Segment { rows: rows(run), columns: vec![] }).collect();
    let rows = RowBound::Exact(segments.iter().map(|segment| segment.rows).sum());
    let mut shape = TableShape { columns: vec![], rows };
    for (index, field) in schema.fields().iter().enumerate() {
        let arrays: Vec<Vec<ArrayRef>> =
            runs.iter().map(|run| run.iter().map(|batch| Arc::clone(batch.column(index))).collect()).collect();
        let (meta, pieces) = upload_column(handle, stream, field, &arrays, raw.contains(&index))?;
        shape.columns.push(meta);
        for (segment, piece) in segments.iter_mut().zip(pieces) {
            segment.columns.push(piece.column);
        }
    }
    stream.synchronize()?;
    Ok(DeviceTable { shape, segments })
}

/// Groups batches into runs of at most [`SEGMENT_ROWS`] rows, cutting batches where needed.
fn segments_of(batches: &[RecordBatch]) -> Vec<Vec<RecordBatch>> {
    let mut runs: Vec<Vec<RecordBatch>> = Vec::new();
    let mut room = 0;
    for batch in batches {
        let mut at = 0;
        while at < batch.num_rows() {
            if room == 0 {
                runs.push(Vec::new());
                room = SEGMENT_ROWS;
            }
            let rows = room.min(batch.num_rows() - at);
            if let Some(run) = runs.last_mut() {
                run.push(batch.slice(at, rows));
            }
            (at, room) = (at + rows, room - rows);
        }
    }
    runs
}

fn upload_column(
    handle: &DeviceHandle,
    stream: &Stream,
    field: &Field,
    runs: &[Vec<ArrayRef>],
    raw: bool,
) -> Result<(ColumnMeta, Vec<Piece>), ScanError> {
    let ty = Type::from_arrow(field.data_type())
        .ok_or_else(|| ScanError::UploadType { column: field.name().clone(), data_type: field.data_type().clone() })?;
    let encode = |source: EncodeError| ScanError::Encode { column: field.name().clone(), source };
    let range = if full_layout(ty).is_some() { range_of(runs).map_err(encode)? } else { None };
    let coded = matches!(field.data_type(), DataType::Dictionary(_, _));
    let target = if raw && ty == Type::Text && !coded {
        Target::RawText
    } else {
        Target::for_type(ty, Some(IntLayout::for_range(range)))
    };
    let mut pieces = Vec::with_capacity(runs.len());
    for arrays in runs {
        let mut encoder = ChunkEncoder::new(target, arrays.iter().map(|array| array.len()).sum());
        for array in arrays {
            encoder.push(array).map_err(encode)?;
        }
        let chunk = encoder.finish(range.map_or(0, |(min, _)| min)).map_err(encode)?;
        pieces.push(upload_chunk(handle, stream, field.name(), &chunk)?);
    }
    stream.synchronize()?;
    let unified = unify(handle, stream, field.name(), pieces)?;
    let stored = unified.stored.unwrap_or_else(|| target.stored_empty());
    let facts = ColumnFacts::of_chunks(&unified.pieces.iter().map(|piece| piece.facts).collect::<Vec<_>>());
    Ok((ColumnMeta { name: field.name().clone(), ty, stored, facts }, unified.pieces))
}

fn range_of(runs: &[Vec<ArrayRef>]) -> Result<Option<(i128, i128)>, EncodeError> {
    let mut range: Option<(i128, i128)> = None;
    for array in runs.iter().flatten() {
        if let Some((min, max)) = integer_range(array)? {
            range = Some(range.map_or((min, max), |(low, high)| (low.min(min), high.max(max))));
        }
    }
    Ok(range)
}
