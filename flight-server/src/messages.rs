//! Batches as messages of the protocol: first the schema, exactly as it was advertised, then the rows, cut so that every
//! client takes them. `arrow-flight` has an encoder too; it writes another schema than it is given (a large list becomes a
//! list, the alternatives of a union lose what they say about NULL), and it measures a slice by all of its buffers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::{FlightData, SchemaAsIpc};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tonic::Status;

use crate::status::from_flight;
use crate::wire::range;

/// Bytes of the rows of a message. Clients take 4 MiB unless told otherwise; a single row may be larger.
const BYTES_MAX: usize = 2 << 20;

/// A schema and the rows under it.
pub(crate) fn stream(
    schema: &Schema,
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
) -> impl Stream<Item = Result<FlightData, Status>> + Send + 'static {
    // Bodies stay uncompressed: not every driver can read compressed ones.
    let first = FlightData::from(SchemaAsIpc::new(schema, &IpcWriteOptions::default()));
    let rows = batches.map_ok(|batch| {
        let mut parts = Vec::new();
        cut(batch, &mut parts);
        stream::iter(parts).map(|part| message(&part).map_err(|e| from_flight(e.into())))
    });
    stream::iter([Ok(first)]).chain(rows.try_flatten())
}

fn message(batch: &RecordBatch) -> Result<FlightData, ArrowError> {
    // No column has a dictionary any more, so that there is nothing to track.
    let (_, rows) = IpcDataGenerator::default().encode(
        batch,
        &mut DictionaryTracker::new(false),
        &IpcWriteOptions::default(),
        &mut IpcWriteContext::default(),
    )?;
    Ok(rows.into())
}

/// Puts `batch` into `parts`, in halves of halves that are small enough; an empty one is left out.
fn cut(batch: RecordBatch, parts: &mut Vec<RecordBatch>) {
    let rows = batch.num_rows();
    if rows == 0 {
        return;
    }
    let half = rows / 2;
    if half > 0 && size(&batch) > BYTES_MAX {
        cut(batch.slice(0, half), parts);
        cut(batch.slice(half, rows - half), parts);
    } else {
        parts.push(batch);
    }
}

fn size(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(bytes).sum()
}

/// Bytes of the values that a column has, about; of a slice, its own.
fn bytes(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::List(_) => items(column.as_list::<i32>().values(), column.as_list::<i32>().offsets()),
        DataType::LargeList(_) => items(column.as_list::<i64>().values(), column.as_list::<i64>().offsets()),
        DataType::Map(_, _) => {
            let map = column.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            items(&entries, map.offsets())
        }
        DataType::FixedSizeList(_, _) => bytes(column.as_fixed_size_list().values()),
        DataType::Struct(_) => column.as_struct().columns().iter().map(bytes).sum(),
        // What belongs to a slice of a dense union is not one range: its share is taken.
        DataType::Union(fields, _) => {
            let union = column.as_union();
            let values: usize = fields.iter().map(|(id, _)| bytes(union.child(id))).sum();
            let kept = fields.iter().map(|(id, _)| union.child(id).len()).sum::<usize>().max(1);
            values * column.len() / kept
        }
        _ => column.to_data().get_slice_memory_size().unwrap_or_default(),
    }
}

fn items<O: OffsetSizeTrait>(values: &ArrayRef, offsets: &OffsetBuffer<O>) -> usize {
    let (first, count) = range(offsets);
    bytes(&values.slice(first, count)) + std::mem::size_of_val(&offsets[..])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn parts(columns: Vec<(&str, ArrayRef)>, rows: std::ops::Range<usize>) -> Vec<usize> {
        let batch = RecordBatch::try_from_iter(columns).unwrap().slice(rows.start, rows.len());
        let mut parts = Vec::new();
        cut(batch, &mut parts);
        assert!(parts.iter().all(|part| part.num_rows() == 1 || size(part) <= BYTES_MAX));
        parts.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn a_slice_is_measured_by_its_own_rows() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1 << 20));
        let lists = (0..1 << 18).map(|n| Some(vec![Some(n); 4]));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
        assert_eq!(parts(vec![("n", Arc::clone(&numbers))], 0..1 << 20), [1 << 18; 4]);
        assert_eq!(parts(vec![("n", numbers)], 1000..2000), [1000]);
        assert_eq!(parts(vec![("l", lists)], 1000..2000), [1000]);
    }

    #[test]
    fn rows_of_unlike_sizes_are_cut_where_they_are_large() {
        let (small, large) = ("x".to_owned(), "x".repeat(3 << 20));
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..8).map(|n| if n < 6 { &small } else { &large })));
        assert_eq!(parts(vec![("t", Arc::clone(&texts))], 0..8), [4, 2, 1, 1]);
        assert_eq!(parts(vec![("t", texts)], 0..0), [0; 0]);
    }
}
