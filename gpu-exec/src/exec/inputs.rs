//! Host inputs of one execution: all of them at once, encoded while the host computes more, kept within a bound.
//!
//! What a plan has to know of an input (facts, the words of its texts) is known when its last row is there, so all of its
//! rows wait on the host, as narrow as their values: never as Arrow batches. An input that is too large for that is refused
//! before a row of the result has left, and the host, whose operators need not hold it, does what the device was to do.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use futures::StreamExt;
use futures::future::try_join_all;
use parking_lot::Mutex;

use super::task::{Task, milliseconds};
use crate::error::{Error, Result};
use crate::planner::{RawTexts, carried};
use crate::scan::{HostInput, InputChunk, InputColumns, InputStats};

/// Batches are encoded together until they have so many rows, or so many bytes: enough for a segment of the device, and
/// little beside what is kept. Of each input one chunk is gathered while the one before it is encoded.
const CHUNK_ROWS: usize = 1 << 20;
const CHUNK_BYTES: u64 = 16 << 20;
/// A chunk takes at most this share of what may be kept.
const CHUNK_SHARE: u64 = 16;
/// Bytes of encoded rows that wait on the host for all inputs of a query together, unless the one who opens the runtime says
/// another number; less where the session's memory has less left. Sixty million rows of two numbers of eight bytes, which
/// are more than a gigabyte as Arrow batches and less when they are narrow. More would seldom help: merging dictionaries
/// takes as much again for a moment, several queries run at once, and the host does the same in less memory.
pub(super) const INPUT_BYTES: u64 = 1 << 30;

/// The inputs of an execution, and the memory that is reserved for them.
pub(super) struct Inputs {
    pub(super) tables: Vec<Gathered>,
    _room: Arc<Room>,
}

pub(super) struct Gathered {
    pub(super) input: Arc<HostInput>,
    pub(super) gather_ms: f64,
}

/// Host memory for encoded rows.
struct Room {
    bound: u64,
    taken: Mutex<u64>,
    /// Of the session's memory.
    reservation: MemoryReservation,
}

/// One input while it is being gathered.
struct Gathering {
    number: usize,
    operator: String,
    columns: InputColumns,
    room: Arc<Room>,
    chunks: Vec<InputChunk>,
    /// The chunk that is being encoded.
    coming: Option<SpawnedTask<Result<InputChunk>>>,
}

impl Gathered {
    pub(super) fn stats(&self) -> InputStats {
        InputStats { gather_ms: self.gather_ms, ..self.input.stats() }
    }
}

impl Task {
    /// All rows of the host's inputs.
    pub(super) async fn gather(&self, streams: Vec<SendableRecordBatchStream>) -> Result<Inputs> {
        let pool = &self.context.runtime_env().memory_pool;
        let reservation = MemoryConsumer::new("rows for the device").register(pool);
        let room = Arc::new(Room { bound: self.runtime.input_bytes(), taken: Mutex::new(0), reservation });
        let raw = RawTexts::of(&self.lowered.root);
        let mut all = Vec::with_capacity(streams.len());
        for (number, stream) in streams.into_iter().enumerate() {
            let gathering = Gathering {
                number,
                operator: carried(&self.lowered.inputs[number]).name().to_owned(),
                columns: InputColumns::new(&stream.schema(), &raw.of_input(number))?,
                room: Arc::clone(&room),
                chunks: vec![],
                coming: None,
            };
            // Each in a task of its own: the host's operators may compute for long between two answers.
            let task = SpawnedTask::spawn(gathering.gather(stream));
            all.push(async { task.await.map_err(joined)? });
        }
        Ok(Inputs { tables: try_join_all(all).await?, _room: room })
    }
}

impl Gathering {
    async fn gather(mut self, mut stream: SendableRecordBatchStream) -> Result<Gathered> {
        let start = Instant::now();
        let chunk_bytes = CHUNK_BYTES.min(self.room.bound / CHUNK_SHARE);
        let (mut batches, mut rows, mut bytes) = (vec![], 0, 0);
        while let Some(batch) = stream.next().await {
            for batch in pieces(&batch?) {
                rows += batch.num_rows();
                bytes += own_bytes(&batch);
                batches.push(batch);
                if rows >= CHUNK_ROWS || bytes >= chunk_bytes {
                    self.encode(std::mem::take(&mut batches)).await?;
                    (rows, bytes) = (0, 0);
                }
            }
        }
        // The operators that gave them hold memory of their own.
        drop(stream);
        self.encode(batches).await?;
        self.take().await?;
        let Self { columns, chunks, .. } = self;
        let whole = SpawnedTask::spawn_blocking(move || HostInput::new(columns, chunks));
        let input = Arc::new(whole.await.map_err(joined)??);
        Ok(Gathered { input, gather_ms: milliseconds(start) })
    }

    /// Encodes batches while the next are awaited; waits for those before them.
    async fn encode(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        self.take().await?;
        if !batches.is_empty() {
            let columns = self.columns.clone();
            self.coming = Some(SpawnedTask::spawn_blocking(move || Ok(columns.encode(&batches)?)));
        }
        Ok(())
    }

    /// Takes the chunk that is being encoded, if there is room for it.
    async fn take(&mut self) -> Result<()> {
        let Some(coming) = self.coming.take() else { return Ok(()) };
        let chunk = coming.await.map_err(joined)??;
        self.room.take(chunk.bytes()).map_err(|full| {
            let input = format!("input {} of the device ({})", self.number + 1, self.operator);
            Error::Refused(format!("{input} takes more host memory than there is for it: {full}"))
        })?;
        self.chunks.push(chunk);
        Ok(())
    }
}

impl Room {
    /// Takes so many bytes more; where they are too many, why.
    fn take(&self, bytes: u64) -> std::result::Result<(), String> {
        let mut taken = self.taken.lock();
        let wanted = *taken + bytes;
        if wanted > self.bound {
            return Err(format!(
                "its rows, and those of other inputs of the query, are {wanted} bytes or more, and {} bytes may wait for the \
                 device; select fewer rows or columns of it",
                self.bound
            ));
        }
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.reservation.try_grow(size).map_err(|_| {
            format!(
                "its rows, and those of other inputs of the query, are {wanted} bytes or more, of {} bytes that may wait for \
                 the device, and the session's memory is used up; raise datafusion.runtime.memory_limit",
                self.bound
            )
        })?;
        *taken = wanted;
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

pub(super) fn joined(error: tokio::task::JoinError) -> Error {
    Error::Host(datafusion::error::DataFusionError::ExecutionJoin(Box::new(error)))
}
