//! Fetching column chunks and decoding them side by side, within bounds on threads and host memory.
//!
//! Row groups of several scans wait in one queue. One row group's missing chunks are asked for together, so that the
//! store may join ranges that lie close. Decoding, encoding and copying to the device run on blocking threads; dropping
//! the future stops them at their next batch.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::decode::{ChunkBytes, ChunkJob, Decoded, chunk_range};
use super::gather::GatherTask;
use super::kept::Rows;
use super::line::Line;
use super::open::Group;
use super::piece::Piece;
use super::read::{ColumnRead, LeafRead};
use super::upload::upload_chunk;
use super::words::{Known, Words, decided};
use super::{ScanError, Source, pinned};
use crate::column::{EncodeError, EncodedChunk, LayoutMiss, Target, all_null};
use crate::device::{DeviceHandle, DeviceResult, Stream, cores};
use crate::trace::{Span, Trace, Work};

/// Row groups whose bytes are fetched or waiting to be decoded at a time.
const GROUPS_AT_ONCE: usize = 32;
/// Decoding threads at most; also bounded by the cores there are. Each holds a chunk, decoded and encoded.
const DECODERS_MAX: usize = 64;
/// Compressed bytes in host memory at a time, in MiB. A larger row group is fetched alone.
const FETCHED_MIB_MAX: u32 = 1024;

/// Where a row group belongs: the scan, the run in it, and the position in that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) scan: usize,
    pub(crate) run: usize,
    pub(crate) part: usize,
}

/// Chunks of one row group that are not resident.
#[derive(Clone, Debug)]
pub(crate) struct GroupTask {
    pub(crate) source: Arc<Source>,
    pub(crate) place: Place,
    pub(crate) group: Group,
    pub(crate) chunks: Vec<ChunkTask>,
}

/// One chunk to load.
#[derive(Clone, Debug)]
pub(crate) struct ChunkTask {
    /// Position of the column among those of the scan.
    pub(crate) column: usize,
    pub(crate) name: Arc<str>,
    pub(crate) read: Arc<ColumnRead>,
    pub(crate) purpose: Purpose,
    /// Of text whose words are read ahead: it takes its codes from them.
    pub(crate) words: Option<Words>,
}

impl GroupTask {
    /// Bytes of the file that it reads, as far as the footer makes sense.
    fn bytes(&self) -> u64 {
        let bytes = |chunk: &ChunkTask| match &*chunk.read {
            ColumnRead::Leaf(leaf) => chunk_range(&self.group.footer, self.group.row_group, leaf.leaf)
                .map_or(0, |range| range.end - range.start),
            ColumnRead::Missing | ColumnRead::Left(_) => 0,
        };
        self.chunks.iter().map(bytes).sum()
    }
}

/// What becomes of a chunk's values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// They are the column of a segment. `filler` is a value within the column's predicted range.
    Upload { target: Target, filler: i128 },
    /// They are encoded, and wait on the host for room on the device.
    Hold { target: Target, filler: i128 },
    /// They stay on the host: of a small row group.
    Keep,
}

/// What became of a task.
#[derive(Debug)]
pub(crate) enum Outcome {
    Piece(Piece),
    Held(Arc<EncodedChunk>),
    /// Why its layout has to change.
    Miss(LayoutMiss),
    Rows(Rows),
}

/// A chunk that was read, or a run that was gathered.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) place: Place,
    pub(crate) column: usize,
    pub(crate) outcome: Outcome,
}

/// What all loading threads share.
#[derive(Debug)]
struct Shared {
    device: Arc<DeviceHandle>,
    /// Streams not in use. One is waited for before its chunk is handed on, so any thread may take it next.
    streams: Mutex<Vec<Stream>>,
    cancelled: AtomicBool,
    decoders: Semaphore,
    fetched_mib: Semaphore,
    line: Line,
}

/// What is being loaded, as it comes. Dropped, the rest stops.
pub(crate) struct Fetching {
    shared: Arc<Shared>,
    groups: BoxStream<'static, Result<Vec<Fetched>, ScanError>>,
    gathers: FuturesUnordered<BoxFuture<'static, Result<Fetched, ScanError>>>,
}

impl Fetching {
    /// Begins to load chunks.
    pub(crate) fn new(device: &Arc<DeviceHandle>, tasks: Vec<GroupTask>) -> Self {
        let shared = Arc::new(Shared {
            device: Arc::clone(device),
            streams: Mutex::default(),
            cancelled: AtomicBool::new(false),
            decoders: Semaphore::new(cores().min(DECODERS_MAX)),
            fetched_mib: Semaphore::new(FETCHED_MIB_MAX as usize),
            line: Line::for_bytes(tasks.iter().map(GroupTask::bytes).sum()),
        });
        let groups: Vec<_> = tasks.into_iter().map(|task| fetch_task(Arc::clone(&shared), task)).collect();
        let groups = futures::stream::iter(groups).buffer_unordered(GROUPS_AT_ONCE).boxed();
        Self { shared, groups, gathers: FuturesUnordered::new() }
    }

    /// Gathers a run beside the rest.
    pub(crate) fn gather(&mut self, task: GatherTask) {
        self.gathers.push(gather(Arc::clone(&self.shared), task).boxed());
    }

    /// What is done next; `None` once everything is.
    ///
    /// # Errors
    /// The first of all; the others are of no further use.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Fetched>>, ScanError> {
        tokio::select! {
            biased;
            Some(gathered) = self.gathers.next() => Ok(Some(vec![gathered?])),
            Some(fetched) = self.groups.next() => fetched.map(Some),
            else => Ok(None),
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }
}

async fn fetch_task(shared: Arc<Shared>, task: GroupTask) -> Result<Vec<Fetched>, ScanError> {
    let source = Arc::clone(&task.source);
    fetch_group(shared, task).await.map_err(|error| source.named(error))
}

async fn fetch_group(shared: Arc<Shared>, task: GroupTask) -> Result<Vec<Fetched>, ScanError> {
    let GroupTask { source, place, group, chunks } = task;
    let mut ranges = Vec::new();
    for chunk in &chunks {
        if let ColumnRead::Leaf(leaf) = &*chunk.read {
            ranges.push(chunk_range(&group.footer, group.row_group, leaf.leaf)?);
        }
    }
    let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    let mib = u32::try_from(total.div_ceil(1 << 20)).unwrap_or(u32::MAX).clamp(1, FETCHED_MIB_MAX);
    let _room = shared.fetched_mib.acquire_many(mib).await.map_err(|_| ScanError::Cancelled)?;
    let _held = source.trace.hold(total);
    let bytes = {
        let _line = shared.line.take(total).await?;
        read(&source, &group, &ranges, total).await?
    };
    let mut fetched = ranges.iter().zip(bytes).map(|(range, bytes)| ChunkBytes { start: range.start, bytes });
    let mut uploads = Vec::with_capacity(chunks.len());
    let mut kept = Vec::new();
    for task in chunks {
        let bytes = match &*task.read {
            ColumnRead::Leaf(leaf) => fetched.next().map(|bytes| (leaf.clone(), bytes)),
            ColumnRead::Missing | ColumnRead::Left(_) => None,
        };
        match task.purpose {
            Purpose::Upload { .. } | Purpose::Hold { .. } => uploads.push(vec![(task, bytes)]),
            Purpose::Keep => kept.push((task, bytes)),
        }
    }
    // A small row group is one task's work.
    let works = uploads.into_iter().chain((!kept.is_empty()).then_some(kept));
    let mut running = Vec::new();
    for work in works {
        running.push(decode(Arc::clone(&shared), (Arc::clone(&source), place), group.clone(), work));
    }
    Ok(futures::future::try_join_all(running).await?.into_iter().flatten().collect())
}

async fn read(source: &Source, group: &Group, ranges: &[Range<u64>], total: u64) -> Result<Vec<Bytes>, ScanError> {
    if ranges.is_empty() {
        return Ok(vec![]);
    }
    let span = source.trace.span(Work::Fetch);
    let bytes = pinned::read(&*source.objects, &source.url, &group.footer.meta, ranges).await?;
    span.add(total);
    source.note(|stats| stats.file_bytes_read += total);
    Ok(bytes)
}

/// A chunk to decode, and its bytes; `None` where the file has none.
type Waiting = (ChunkTask, Option<(LeafRead, ChunkBytes)>);

/// Hands chunks to a blocking thread when a decoder is free.
async fn decode(
    shared: Arc<Shared>,
    (source, place): (Arc<Source>, Place),
    group: Group,
    work: Vec<Waiting>,
) -> Result<Vec<Fetched>, ScanError> {
    for (task, _) in &work {
        wait_for_words(&task.words).await;
    }
    let decoder = Arc::clone(&shared);
    let _decoder = shared.decoders.acquire().await.map_err(|_| ScanError::Cancelled)?;
    let run = move || {
        let chunks = work.into_iter();
        chunks.map(|(task, bytes)| decoder.load_chunk((&source, place), &group, &task, bytes)).collect()
    };
    tokio::task::spawn_blocking(run).await.map_err(|error| ScanError::Task(error.to_string()))?
}

/// Hands a column of a run to a blocking thread when a decoder is free.
async fn gather(shared: Arc<Shared>, task: GatherTask) -> Result<Fetched, ScanError> {
    wait_for_words(&task.words).await;
    let encoder = Arc::clone(&shared);
    let _encoder = shared.decoders.acquire().await.map_err(|_| ScanError::Cancelled)?;
    let run = move || encoder.gather(&task);
    tokio::task::spawn_blocking(run).await.map_err(|error| ScanError::Task(error.to_string()))?
}

/// Whoever encodes does not wait: that takes a thread.
async fn wait_for_words(words: &Option<Words>) {
    if let Some(words) = words {
        decided(words).await;
    }
}

/// Codes of the words that were read ahead, where those are all.
fn in_words(chunk: EncodedChunk, words: Option<&Words>) -> Result<EncodedChunk, EncodeError> {
    match words.map(|words| words.borrow().clone()) {
        Some(Known::Words(words)) => chunk.in_words(&words),
        Some(Known::Coming | Known::Unknown) | None => Ok(chunk),
    }
}

impl Shared {
    fn load_chunk(
        &self,
        (source, place): (&Source, Place),
        group: &Group,
        task: &ChunkTask,
        bytes: Option<(LeafRead, ChunkBytes)>,
    ) -> Result<Fetched, ScanError> {
        let decoding = Decoding::new(source);
        source.note(|stats| stats.columns_loaded += 1);
        let job = bytes.as_ref().map(|(read, bytes)| ChunkJob {
            footer: &group.footer,
            row_group: group.row_group,
            column: &task.name,
            read,
            bytes: bytes.clone(),
        });
        let decoded = match (task.purpose, job) {
            (Purpose::Keep, job) => {
                let arrays = job.map_or(Ok(vec![]), |job| job.rows(&self.cancelled))?;
                let decoded_bytes = arrays.iter().map(|array| array.get_buffer_memory_size() as u64).sum();
                decoding.done(decoded_bytes, decoded_bytes);
                return Ok(Fetched { place, column: task.column, outcome: Outcome::Rows(arrays.into()) });
            }
            (Purpose::Upload { target, filler } | Purpose::Hold { target, filler }, Some(job)) => {
                job.encode(target, filler, &self.cancelled)?
            }
            (Purpose::Upload { target, filler } | Purpose::Hold { target, filler }, None) => {
                let chunk = match &*task.read {
                    ColumnRead::Left(left) => left.encode(group, target, filler),
                    ColumnRead::Missing | ColumnRead::Leaf(_) => all_null(target, group.rows, filler),
                };
                let chunk = chunk.map_err(|source| encode_error(&task.name, source))?;
                Decoded::Chunk { chunk, decoded_bytes: 0 }
            }
        };
        let outcome = match decoded {
            Decoded::Miss(miss) => {
                decoding.done(0, 0);
                Outcome::Miss(miss)
            }
            Decoded::Chunk { chunk, decoded_bytes } => {
                decoding.done(decoded_bytes, chunk.bytes() as u64);
                let held = matches!(task.purpose, Purpose::Hold { .. });
                let chunk = in_words(chunk, task.words.as_ref()).map_err(|source| encode_error(&task.name, source))?;
                self.placed(source, &task.name, chunk, held)?
            }
        };
        Ok(Fetched { place, column: task.column, outcome })
    }

    fn gather(&self, task: &GatherTask) -> Result<Fetched, ScanError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(ScanError::Cancelled);
        }
        let decoding = Decoding::new(&task.source);
        let encoded = task.encode().and_then(|chunk| in_words(chunk, task.words.as_ref()));
        decoding.done(0, encoded.as_ref().map_or(0, |chunk| chunk.bytes() as u64));
        let outcome = match encoded {
            Ok(chunk) => self.placed(&task.source, &task.name, chunk, task.hold)?,
            Err(EncodeError::LayoutMiss(miss)) => Outcome::Miss(miss),
            Err(source) => return Err(encode_error(&task.name, source)),
        };
        Ok(Fetched { place: task.place, column: task.column, outcome })
    }

    /// A chunk where it is to be.
    fn placed(&self, source: &Source, column: &str, chunk: EncodedChunk, hold: bool) -> DeviceResult<Outcome> {
        if hold {
            return Ok(Outcome::Held(Arc::new(chunk)));
        }
        let _held = source.trace.hold(chunk.bytes() as u64);
        let started = Instant::now();
        let piece = self.upload(&source.trace, column, &chunk)?;
        source.note(|stats| stats.upload_ms += milliseconds(started));
        Ok(Outcome::Piece(piece))
    }

    fn upload(&self, trace: &Arc<Trace>, column: &str, chunk: &EncodedChunk) -> DeviceResult<Piece> {
        self.with_stream(trace, |stream| {
            let piece = upload_chunk(&self.device, stream, column, chunk)?;
            stream.synchronize()?;
            Ok(piece)
        })
    }

    fn with_stream<T>(&self, trace: &Arc<Trace>, work: impl FnOnce(&Stream) -> DeviceResult<T>) -> DeviceResult<T> {
        let idle = self.streams.lock().pop();
        let stream = match idle {
            Some(idle) => idle,
            None => self.device.stream()?.traced(trace),
        };
        let result = work(&stream)?;
        self.streams.lock().push(stream);
        Ok(result)
    }
}

/// A chunk that is being decoded.
struct Decoding<'a> {
    source: &'a Source,
    span: Span<'a>,
    started: Instant,
}

impl<'a> Decoding<'a> {
    fn new(source: &'a Source) -> Self {
        Self { source, span: source.trace.span(Work::Decode), started: Instant::now() }
    }

    /// From so many bytes of the host's arrays so many have become.
    fn done(self, decoded: u64, encoded: u64) {
        self.span.add(encoded);
        self.source.note(|stats| {
            stats.decoded_bytes += decoded;
            stats.decode_ms += milliseconds(self.started);
        });
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn encode_error(column: &str, source: EncodeError) -> ScanError {
    ScanError::Encode { column: column.to_owned(), source }
}
