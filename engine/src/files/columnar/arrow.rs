//! Reads Arrow files in both layouts: with a footer, which says where batches are, and as a stream. Decoding is Arrow's own; here
//! is what it takes on trust. It makes room for as many bytes as a file claims before it looks for them, and where memory cannot
//! be had the process ends: so claims are held against the file first.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::convert::fb_to_schema;
use datafusion::arrow::ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use datafusion::arrow::ipc::{
    Block, Message, MetadataVersion, RecordBatch as Described, root_as_footer, root_as_message,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::listing::FileRange;
use datafusion::error::{DataFusionError, Result};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::Kind;
use super::heads::{Beginning, damaged};
use crate::device::PinnedStore;

/// Behind the footer: its length, and six letters.
const TRAILER_BYTES: u64 = 10;

/// What is fetched first of a file's end.
const TAIL_BYTES: u64 = 64 << 10;

/// A buffer may claim to be so long when it is unpacked, or so many times as long as it is.
const UNPACKED_BYTES_MAX: i64 = 1 << 31;
const UNPACKED_TIMES_MAX: i64 = 1 << 10;

/// Before the length of a message.
const CONTINUED: [u8; 4] = [0xFF; 4];

/// Batches that are fetched ahead of the one that is decoded.
const AHEAD: usize = 2;

/// What a footer says.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) schema: SchemaRef,
    version: MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
}

fn broken(cause: impl std::fmt::Display) -> DataFusionError {
    damaged(Kind::Arrow, &cause.to_string()).into()
}

impl Footer {
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what is no footer, or claims what the file does not hold.
    pub(super) async fn read(store: &PinnedStore, file: &ObjectMeta) -> Result<Self> {
        let mut tail_bytes = TAIL_BYTES.min(file.size);
        loop {
            let tail = store.get_range(&file.location, file.size - tail_bytes..file.size).await?;
            let trailer = tail.len().checked_sub(TRAILER_BYTES as usize).ok_or_else(|| broken("it is too short"))?;
            let trailing = tail[trailer..].try_into().map_err(broken)?;
            let length = read_footer_length(trailing)?;
            let needed = length as u64 + TRAILER_BYTES;
            if needed > file.size {
                return Err(broken("its footer claims to be longer than it"));
            }
            if needed <= tail_bytes {
                return Self::of(&tail[trailer - length..trailer], file.size);
            }
            tail_bytes = needed;
        }
    }

    fn of(bytes: &[u8], file_size: u64) -> Result<Self> {
        let footer = root_as_footer(bytes).map_err(broken)?;
        let schema = footer.schema().ok_or_else(|| broken("its footer has no schema"))?;
        let dictionaries: Vec<Block> = footer.dictionaries().iter().flatten().copied().collect();
        let batches: Vec<Block> = footer.recordBatches().iter().flatten().copied().collect();
        if dictionaries.iter().chain(&batches).any(|block| range(block).is_none_or(|range| range.end > file_size)) {
            return Err(broken("its footer claims batches that it does not hold"));
        }
        Ok(Self { schema: Arc::new(fb_to_schema(schema)), version: footer.version(), dictionaries, batches })
    }

    /// The batches that begin in `part`, or all; of the columns at `places`.
    pub(super) fn batches(
        self: Arc<Self>,
        (store, file): (PinnedStore, Path),
        part: Option<FileRange>,
        places: Vec<usize>,
    ) -> BoxStream<'static, Result<RecordBatch>> {
        let is_in =
            move |block: &Block| part.as_ref().is_none_or(|part| (part.start..part.end).contains(&block.offset()));
        let opened = async move {
            let schema = Arc::clone(&self.schema);
            let mut decoder = FileDecoder::new(schema, self.version).with_projection(places);
            for block in &self.dictionaries {
                let (block, bytes) = fetch((store.clone(), file.clone()), *block).await?;
                decoder.read_dictionary(&block, &Buffer::from(bytes))?;
            }
            let blocks: Vec<Block> = self.batches.iter().copied().filter(is_in).collect();
            let fetched = stream::iter(blocks).map(move |block| fetch((store.clone(), file.clone()), block));
            Ok::<_, DataFusionError>(fetched.buffered(AHEAD).try_filter_map(move |(block, bytes)| {
                let batch = decoder.read_record_batch(&block, &Buffer::from(bytes));
                futures::future::ready(batch.map_err(Into::into))
            }))
        };
        stream::once(opened).try_flatten().boxed()
    }
}

fn range(block: &Block) -> Option<Range<u64>> {
    let start = u64::try_from(block.offset()).ok()?;
    let length = u64::try_from(block.metaDataLength()).ok()?.checked_add(u64::try_from(block.bodyLength()).ok()?)?;
    Some(start..start.checked_add(length)?)
}

async fn fetch((store, file): (PinnedStore, Path), block: Block) -> Result<(Block, Bytes)> {
    let range = range(&block).ok_or_else(|| broken("a batch is nowhere"))?;
    let bytes = store.get_range(&file, range).await?;
    check(&bytes)?;
    Ok((block, bytes))
}

/// The columns that a stream says at its beginning.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what is no stream, or claims to be longer than the file.
pub(super) fn schema_of_stream(bytes: &[u8], file_size: u64) -> Result<Beginning<SchemaRef>> {
    let Some((start, length)) = description(bytes) else { return Ok(Beginning::More(bytes.len() as u64 + 4)) };
    let end = start as u64 + length as u64;
    if end > file_size {
        return Err(broken("it does not begin as such files do"));
    }
    let Some(described) = bytes.get(start..start + length) else { return Ok(Beginning::More(end)) };
    let message = root_as_message(described).map_err(broken)?;
    let schema = message.header_as_schema().ok_or_else(|| broken("it does not begin with its columns"))?;
    Ok(Beginning::Whole(Arc::new(fb_to_schema(schema))))
}

/// The batches of a stream, all columns of them.
pub(super) fn of_stream(store: &PinnedStore, file: &ObjectMeta) -> BoxStream<'static, Result<RecordBatch>> {
    let (store, file) = (store.clone(), file.clone());
    let opened = async move {
        let bytes = store.get(&file.location).await?.into_stream();
        let cut = Cut { bytes, left: BytesMut::new(), file_size: file.size, decoder: StreamDecoder::new() };
        let next = |mut cut: Cut| async move { Ok::<_, DataFusionError>(cut.next().await?.map(|batch| (batch, cut))) };
        Ok::<_, DataFusionError>(stream::try_unfold(cut, next))
    };
    stream::once(opened).try_flatten().boxed()
}

/// A stream that is cut into messages.
struct Cut {
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    /// That are read and not decoded.
    left: BytesMut,
    file_size: u64,
    decoder: StreamDecoder,
}

impl Cut {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let length = message_length(&self.left)?;
            if length.is_some_and(|length| length > self.file_size) {
                return Err(broken("a message claims to be longer than it"));
            }
            match length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= self.left.len()) {
                Some(length) => {
                    let message = self.left.split_to(length).freeze();
                    check(&message)?;
                    let mut message = Buffer::from(message);
                    while !message.is_empty() {
                        if let Some(batch) = self.decoder.decode(&mut message)? {
                            return Ok(Some(batch));
                        }
                    }
                }
                None if is_end(&self.left) => return Ok(None),
                None => match self.bytes.try_next().await? {
                    Some(bytes) => self.left.extend_from_slice(&bytes),
                    None if self.left.is_empty() => return Ok(None),
                    None => return Err(broken("it is cut off within a message")),
                },
            }
        }
    }
}

/// Where the description of the message that `bytes` begin with begins, and how long it is.
fn description(bytes: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    match bytes.starts_with(&CONTINUED) {
        true => Some((8, number(4)?)),
        false => Some((4, number(0)?)),
    }
}

fn is_end(bytes: &[u8]) -> bool {
    matches!(description(bytes), Some((_, 0)))
}

/// How long the first message of `bytes` is; `None` where there is none, or its description is not whole.
fn message_length(bytes: &[u8]) -> Result<Option<u64>> {
    let Some((start, length)) = description(bytes).filter(|(_, length)| *length > 0) else { return Ok(None) };
    let Some(described) = bytes.get(start..start + length) else { return Ok(None) };
    let message = root_as_message(described).map_err(broken)?;
    let body = u64::try_from(message.bodyLength()).map_err(broken)?;
    (start as u64 + length as u64).checked_add(body).ok_or_else(|| broken("a message has no end")).map(Some)
}

/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a message whose buffers claim to be longer, unpacked, than they can be.
fn check(bytes: &[u8]) -> Result<()> {
    let Some((start, length)) = description(bytes) else { return Ok(()) };
    let described = bytes.get(start..start + length).ok_or_else(|| broken("a message is cut off"))?;
    let message = root_as_message(described).map_err(broken)?;
    let body = &bytes[start + length..];
    let Some(buffers) = packed(&message).and_then(|batch| batch.buffers()) else { return Ok(()) };
    for buffer in buffers {
        let at = usize::try_from(buffer.offset()).map_err(broken)?;
        let claimed = at.checked_add(8).and_then(|end| body.get(at..end)).and_then(|bytes| bytes.try_into().ok());
        let most = UNPACKED_BYTES_MAX.max(buffer.length().saturating_mul(UNPACKED_TIMES_MAX));
        if buffer.length() > 0 && claimed.map(i64::from_le_bytes).is_none_or(|claimed| !(-1..=most).contains(&claimed))
        {
            return Err(broken("a buffer claims to be longer than it can be"));
        }
    }
    Ok(())
}

/// The batch that a message describes, if its buffers are packed.
fn packed<'m>(message: &Message<'m>) -> Option<Described<'m>> {
    let batch = message.header_as_record_batch();
    let batch = batch.or_else(|| message.header_as_dictionary_batch()?.data());
    batch.filter(|batch| batch.compression().is_some())
}
