//! Host inputs of one execution: all of them at once, encoded while the host computes more, kept within a bound.
//!
//! What a plan has to know of an input (facts, the words of its texts) is known when its last row is there, so its rows wait
//! on the host, as narrow as their values: never as Arrow batches. An input that is too large for that is read as a stream,
//! whose rows come once and of which nothing is known but its types. Where it has texts, or where it would have to be read
//! twice, it is refused before a row of the result has left: the host, whose operators need not hold it, does what the
//! device was to do.

use std::sync::Arc;
use std::time::Instant;

use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::try_join_all;

use super::chunks::Chunks;
use super::room::Room;
use super::streamed::Streamed;
use super::task::{Task, milliseconds};
use crate::device::DeviceHandle;
use crate::error::{Error, Result};
use crate::planner::{RawTexts, carried};
use crate::scan::{HostInput, InputChunk, InputColumns, InputStats, InputStream};
use crate::trace::{Trace, Work};

/// A chunk takes at most this share of what may be kept.
const CHUNK_SHARE: u64 = 16;

/// The host's rows for an execution: on their way, or gathered.
pub(super) struct HostRows {
    streams: Vec<SendableRecordBatchStream>,
    inputs: Option<Inputs>,
}

impl HostRows {
    pub(super) fn coming(streams: Vec<SendableRecordBatchStream>) -> Self {
        Self { streams, inputs: None }
    }

    /// The inputs, gathered if they are not yet.
    pub(super) async fn gathered(&mut self, task: &Task) -> Result<&mut Inputs> {
        if self.inputs.is_none() {
            self.inputs = Some(task.gather(std::mem::take(&mut self.streams)).await?);
        }
        self.inputs.as_mut().ok_or_else(|| Error::internal("inputs were gathered and are not there"))
    }

    /// Whether they can be read again after a try.
    pub(super) fn stay(&self) -> bool {
        self.inputs.as_ref().is_some_and(Inputs::stay)
    }
}

/// The inputs of an execution, and the memory that is reserved for them.
pub(super) struct Inputs {
    pub(super) tables: Vec<Gathered>,
    room: Arc<Room>,
}

pub(super) enum Gathered {
    Whole {
        input: Arc<HostInput>,
        gather_ms: f64,
    },
    Stream(Box<Streamed>),
    /// Nowhere but where it is read.
    Gone,
}

impl Inputs {
    /// Whether all of them can be read again.
    pub(super) fn stay(&self) -> bool {
        self.tables.iter().all(|gathered| matches!(gathered, Gathered::Whole { .. }))
    }

    /// Bytes they take on the device where they are put there as a whole.
    pub(super) fn device_bytes(&self) -> u64 {
        let of = |gathered: &Gathered| match gathered {
            Gathered::Whole { input, .. } => input.stats().device_bytes,
            Gathered::Stream(_) | Gathered::Gone => 0,
        };
        self.tables.iter().map(of).sum()
    }

    /// An input is on the device now, and nowhere else.
    pub(super) fn gone(&self, stats: InputStats) {
        self.room.give(stats.host_bytes);
    }
}

impl Task {
    /// The rows of the host's inputs, as many as are kept.
    async fn gather(&self, streams: Vec<SendableRecordBatchStream>) -> Result<Inputs> {
        let pool = &self.context.runtime_env().memory_pool;
        let room = Arc::new(Room::new(self.runtime.input_bytes(), pool, self.trace.hold(0)));
        let raw = RawTexts::of(&self.lowered.root);
        let mut all = Vec::with_capacity(streams.len());
        for (number, stream) in streams.into_iter().enumerate() {
            let columns = InputColumns::new(&stream.schema(), &raw.of_input(number))?.traced(&self.trace);
            let gathering = Gathering {
                name: format!("input {} of the device ({})", number + 1, carried(&self.lowered.inputs[number]).name()),
                device: Arc::clone(self.runtime.handle()),
                chunks: Chunks::of(stream, columns.clone(), room.bound() / CHUNK_SHARE),
                columns,
                room: Arc::clone(&room),
                trace: Arc::clone(&self.trace),
            };
            all.push(gathering.gather());
        }
        Ok(Inputs { tables: try_join_all(all).await?, room })
    }
}

/// One input.
struct Gathering {
    name: String,
    device: Arc<DeviceHandle>,
    columns: InputColumns,
    chunks: Chunks,
    room: Arc<Room>,
    trace: Arc<Trace>,
}

impl Gathering {
    async fn gather(mut self) -> Result<Gathered> {
        let start = Instant::now();
        let (mut kept, mut taken) = (vec![], 0);
        while let Some(chunk) = self.next().await? {
            let bytes = chunk.bytes();
            let full = self.room.take(bytes);
            kept.push(chunk);
            match full {
                Ok(()) => taken += bytes,
                Err(full) => return self.stream(kept, taken, &full, milliseconds(start)),
            }
        }
        let columns = self.columns;
        let whole = SpawnedTask::spawn_blocking(move || HostInput::new(columns, kept));
        let input = Arc::new(whole.await.map_err(joined)??);
        Ok(Gathered::Whole { input, gather_ms: milliseconds(start) })
    }

    async fn next(&mut self) -> Result<Option<InputChunk>> {
        let _span = self.trace.span(Work::Wait);
        self.chunks.next().await
    }

    /// More than is kept.
    fn stream(self, kept: Vec<InputChunk>, taken: u64, full: &str, gather_ms: f64) -> Result<Gathered> {
        let Self { name, device, columns, chunks, room, .. } = self;
        let why = format!("{name} takes more host memory than there is for it: {full}");
        match InputStream::new(&device, &columns, kept, gather_ms)? {
            Some(rows) => Ok(Gathered::Stream(Box::new(Streamed { rows, more: chunks, room, taken, why }))),
            None => Err(Error::Refused(why)),
        }
    }
}

pub(super) fn joined(error: tokio::task::JoinError) -> Error {
    Error::Host(DataFusionError::ExecutionJoin(Box::new(error)))
}
