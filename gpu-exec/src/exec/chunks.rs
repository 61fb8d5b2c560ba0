//! Chunks of a host input: its batches, encoded in the background as they come, with as few waiting as keep both sides busy.

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::inputs::joined;
use crate::error::Result;
use crate::scan::{InputChunk, InputColumns};

/// Batches are encoded together until they have so many rows, or so many bytes: enough for a segment of the device, and
/// little beside what is kept.
const CHUNK_ROWS: usize = 1 << 20;
const CHUNK_BYTES: u64 = 16 << 20;
/// Chunks that wait to be taken; besides, one is encoded while the next is gathered.
const CHUNKS_QUEUED: usize = 1;

/// Chunks on their way. The input is read no further once this is dropped.
pub(super) struct Chunks {
    coming: Receiver<Result<InputChunk>>,
    /// Until it has ended.
    reading: Option<SpawnedTask<()>>,
}

impl Chunks {
    /// Of at most so many bytes each, roughly.
    pub(super) fn of(stream: SendableRecordBatchStream, columns: InputColumns, bytes_max: u64) -> Self {
        let (sender, coming) = channel(CHUNKS_QUEUED);
        // A task of its own: the host's operators may compute for long between two answers.
        let reading = SpawnedTask::spawn(async move {
            let mut encoder = Encoder { columns, sender, coming: None };
            if let Err(error) = encoder.read(stream, CHUNK_BYTES.min(bytes_max)).await {
                // Who no longer takes chunks wants no error either.
                let _ = encoder.sender.send(Err(error)).await;
            }
        });
        Self { coming, reading: Some(reading) }
    }

    /// The next; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<InputChunk>> {
        if let Some(chunk) = self.coming.recv().await {
            return chunk.map(Some);
        }
        // A task that panicked sends nothing either.
        match self.reading.take() {
            Some(reading) => reading.await.map(|()| None).map_err(joined),
            None => Ok(None),
        }
    }
}

struct Encoder {
    columns: InputColumns,
    sender: Sender<Result<InputChunk>>,
    /// The chunk that is being encoded.
    coming: Option<SpawnedTask<Result<InputChunk>>>,
}

impl Encoder {
    async fn read(&mut self, mut stream: SendableRecordBatchStream, bytes_max: u64) -> Result<()> {
        let (mut batches, mut rows, mut bytes) = (vec![], 0, 0);
        while let Some(batch) = stream.next().await {
            for batch in pieces(&batch?) {
                rows += batch.num_rows();
                bytes += own_bytes(&batch);
                batches.push(batch);
                if rows >= CHUNK_ROWS || bytes >= bytes_max {
                    self.encode(std::mem::take(&mut batches)).await?;
                    (rows, bytes) = (0, 0);
                }
            }
        }
        // The operators that gave them hold memory of their own.
        drop(stream);
        self.encode(batches).await?;
        self.hand_over().await
    }

    /// Encodes batches while the next are awaited; waits for those before them.
    async fn encode(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        self.hand_over().await?;
        if !batches.is_empty() {
            let columns = self.columns.clone();
            self.coming = Some(SpawnedTask::spawn_blocking(move || Ok(columns.encode(&batches)?)));
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<()> {
        let Some(coming) = self.coming.take() else { return Ok(()) };
        let chunk = coming.await.map_err(joined)??;
        // Who no longer takes chunks drops this task too.
        let _ = self.sender.send(Ok(chunk)).await;
        Ok(())
    }
}

/// A batch in parts of so many rows that they make up a chunk.
fn pieces(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let rows = batch.num_rows();
    (0..rows).step_by(CHUNK_ROWS).map(move |first| batch.slice(first, CHUNK_ROWS.min(rows - first)))
}

/// Bytes of the rows of a batch alone: arrays share their buffers with slices of them, and dictionaries.
fn own_bytes(batch: &RecordBatch) -> u64 {
    let of = |array: &dyn Array| match array.data_type() {
        DataType::Utf8 => {
            let offsets = array.as_string::<i32>().value_offsets();
            offsets.last().zip(offsets.first()).map_or(0, |(last, first)| (last - first) as usize) + 4 * array.len()
        }
        DataType::LargeUtf8 => {
            let offsets = array.as_string::<i64>().value_offsets();
            offsets.last().zip(offsets.first()).map_or(0, |(last, first)| (last - first) as usize) + 8 * array.len()
        }
        // The low half of a view is the length of its text.
        DataType::Utf8View => array.as_string_view().views().iter().map(|view| 16 + *view as u32 as usize).sum(),
        fixed => fixed.primitive_width().unwrap_or(4) * array.len(),
    };
    batch.columns().iter().map(|array| of(array.as_ref()) as u64).sum()
}
