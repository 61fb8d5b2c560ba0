//! The end of a file as it lies there: its footer, and its page index where that was read with it. Kept packed: footers say
//! the same of each column and row group.

use std::ops::Range;
use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use object_store::{ObjectMeta, ObjectStore};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::footer::guarded;
use super::{ScanError, pinned};

/// Bytes read from the end of a file at first: holds the whole footer of most files.
pub(crate) const TAIL_BYTES: u64 = 64 << 10;
/// Tails of fewer bytes are kept as they are.
const PLAIN_BYTES_MAX: usize = 4 << 10;
/// Footers of so many bytes are worth packing by another.
const MODEL_BYTES_MIN: usize = 32 << 10;
/// From so many bytes on, files are parsed side by side.
const INLINE_BYTES_MAX: u64 = 32 << 10;
/// The fastest that still finds what repeats.
const ZSTD_LEVEL: i32 = 1;
/// At the end of each file: the length of its footer, and four letters.
const TRAILER_BYTES: usize = 8;

/// The last bytes of a file.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Of the file.
    start: u64,
    end: u64,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Plain(Bytes),
    Packed(Vec<u8>, Option<Arc<Model>>),
}

/// A file's end by which others are packed: those of a folder say the same of other rows.
pub(crate) struct Model {
    packs: EncoderDictionary<'static>,
    unpacks: DecoderDictionary<'static>,
}

/// A footer that was just read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) metadata: ParquetMetaData,
    /// All that was read of the file's end.
    pub(crate) bytes: Bytes,
    pub(crate) bytes_read: u64,
    /// Bytes from the footer's start to the end.
    pub(crate) needed: u64,
}

impl Tail {
    /// The footer of a file, and what is said of pages before it as far as it was read; packed by `model`, which may be of
    /// another file.
    pub(crate) fn keep(meta: &ObjectMeta, read: &Read, model: Option<Arc<Model>>) -> Self {
        let start_read = meta.size - read.bytes.len() as u64;
        let footer = meta.size - read.needed;
        let start = page_index(&read.metadata).map_or(footer, |index| index.start).clamp(start_read, footer);
        let from = usize::try_from(start - start_read).unwrap_or(0);
        let bytes = read.bytes.slice(from..);
        let packed = (bytes.len() > PLAIN_BYTES_MAX).then(|| packed(&bytes, model.as_deref()).ok()).flatten();
        let kept = match packed {
            Some(packed) => Kept::Packed(packed, model),
            // A copy, lest all that was read is held.
            None => Kept::Plain(Bytes::copy_from_slice(&bytes)),
        };
        Self { start, end: meta.size, kept }
    }

    /// In memory of its own size. For when all else of the footer's reading is done: packing makes room for the worst, and
    /// what is kept in the midst of what is given back splits the memory.
    pub(crate) fn settled(self) -> Self {
        match self.kept {
            Kept::Packed(packed, model) => Self { kept: Kept::Packed(packed.as_slice().to_vec(), model), ..self },
            Kept::Plain(_) => self,
        }
    }

    pub(crate) fn bytes(&self) -> Result<Bytes, ParquetError> {
        match &self.kept {
            Kept::Plain(bytes) => Ok(bytes.clone()),
            Kept::Packed(packed, model) => {
                let size = usize::try_from(self.end - self.start).unwrap_or(usize::MAX);
                let bytes = match model {
                    Some(model) => Decompressor::with_prepared_dictionary(&model.unpacks),
                    None => Decompressor::new(),
                };
                let bytes = bytes.and_then(|mut unpacker| unpacker.decompress(packed, size));
                bytes.map(Bytes::from).map_err(|error| ParquetError::General(error.to_string()))
            }
        }
    }

    /// A part of the file, if all of it is here.
    pub(crate) fn part(&self, range: &Range<u64>) -> Option<Bytes> {
        if range.start < self.start || range.end > self.end || range.start > range.end {
            return None;
        }
        let at = |position: u64| usize::try_from(position - self.start).ok();
        let (from, to) = (at(range.start)?, at(range.end)?);
        Some(self.bytes().ok()?.slice(from..to))
    }

    pub(crate) fn host_bytes(&self) -> usize {
        match &self.kept {
            Kept::Plain(bytes) => bytes.len(),
            Kept::Packed(packed, _) => packed.len(),
        }
    }
}

impl Model {
    /// `None` of a file's end that is short: it would not pay.
    pub(crate) fn of(read: &Read) -> Option<Self> {
        let from = read.bytes.len().checked_sub(usize::try_from(read.needed).ok()?)?;
        let footer = read.bytes.get(from..).filter(|footer| footer.len() >= MODEL_BYTES_MIN)?;
        let (packs, unpacks) = (EncoderDictionary::copy(footer, ZSTD_LEVEL), DecoderDictionary::copy(footer));
        Some(Self { packs, unpacks })
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Model")
    }
}

fn packed(bytes: &[u8], model: Option<&Model>) -> io::Result<Vec<u8>> {
    match model {
        Some(model) => Compressor::with_prepared_dictionary(&model.packs)?.compress(bytes),
        None => Compressor::new(ZSTD_LEVEL)?.compress(bytes),
    }
}

/// Where a file says what its pages hold: one range before the footer.
pub(crate) fn page_index(metadata: &ParquetMetaData) -> Option<Range<u64>> {
    let chunks = || metadata.row_groups().iter().flat_map(|group| group.columns());
    let range = |offset: Option<i64>, length: Option<i32>| {
        let (start, length) = (u64::try_from(offset?).ok()?, u64::try_from(length?).ok()?);
        Some(start..start.checked_add(length)?)
    };
    let columns = chunks().filter_map(|chunk| range(chunk.column_index_offset(), chunk.column_index_length()));
    let offsets = chunks().filter_map(|chunk| range(chunk.offset_index_offset(), chunk.offset_index_length()));
    columns.chain(offsets).reduce(|all, one| all.start.min(one.start)..all.end.max(one.end))
}

/// Reads a footer: one request, and a second where it is longer than `guess`. The first was made already where `end` has what it
/// read.
pub(crate) async fn read_footer(
    store: &dyn ObjectStore,
    url: &str,
    meta: &ObjectMeta,
    (guess, mut end): (u64, Option<Bytes>),
) -> Result<Read, ScanError> {
    let path = &meta.location;
    let mut bytes_read = 0;
    let mut tail = end.as_ref().map_or(guess, |end| end.len() as u64).min(meta.size);
    loop {
        let range = meta.size - tail..meta.size;
        let bytes = match end.take() {
            Some(end) => end,
            None => pinned::read(store, url, meta, std::slice::from_ref(&range)).await?.pop().unwrap_or_default(),
        };
        bytes_read += bytes.len() as u64;
        match parsed(bytes.clone(), meta.size).await? {
            Ok(metadata) => {
                let needed = footer_bytes(&bytes).min(tail);
                return Ok(Read { metadata, bytes, bytes_read, needed });
            }
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= meta.size => {
                tail = needed as u64;
            }
            Err(ParquetError::NeedMoreData(needed)) => {
                let cause = format!("its footer needs {needed} bytes, the file has {}", meta.size);
                return Err(ScanError::corrupt(path, None, cause));
            }
            Err(error) => return Err(ScanError::corrupt(path, None, error)),
        }
    }
}

/// The footer at the end of `bytes`.
pub(crate) async fn parsed(bytes: Bytes, file_size: u64) -> Result<Result<ParquetMetaData, ParquetError>, ScanError> {
    let size = footer_bytes(&bytes);
    in_background(size, move || guarded(|| parse(&bytes, file_size))).await
}

/// Runs work on so many bytes beside what its caller waits for. As a task, not on a thread for what blocks: there would be as
/// many of these as files are read at a time, each with memory of its own to work in.
pub(crate) async fn in_background<T: Send + 'static>(
    bytes: u64,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ScanError> {
    if bytes <= INLINE_BYTES_MAX {
        return Ok(work());
    }
    tokio::spawn(async move { work() }).await.map_err(|error| ScanError::Task(error.to_string()))
}

fn parse(bytes: &Bytes, file_size: u64) -> Result<ParquetMetaData, ParquetError> {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
    reader.try_parse_sized(bytes, file_size)?;
    reader.finish()
}

/// How long the footer is that `bytes` end with, its trailer included.
fn footer_bytes(bytes: &Bytes) -> u64 {
    let trailer = bytes.len().checked_sub(TRAILER_BYTES).and_then(|at| bytes.get(at..at + 4));
    let length = trailer.and_then(|length| <[u8; 4]>::try_from(length).ok()).map_or(0, u32::from_le_bytes);
    u64::from(length) + TRAILER_BYTES as u64
}
