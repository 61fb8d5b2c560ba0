//! A store whose text files are unpacked as they are read, so that readers of text know nothing of codecs. Text that begins as
//! other files do (a Parquet file called `.csv`) is refused by name, and the mark of UTF-8 that some editors write before JSON
//! is read as spaces.

use std::fmt;
use std::io::{Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::codecs::{Codec, Packing, as_of_store};
use crate::error::{Error, ErrorKind};

/// Bytes by which files are told apart.
const HEAD_BYTES: usize = 10;

/// Before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How files that are no text begin, and what they are.
const OTHERS: [(&[u8], &str, &str); 5] = [
    (b"PAR1", "a Parquet file", "read_parquet"),
    (b"ARROW1", "an Arrow file", "read_arrow"),
    (b"Obj\x01", "an Avro file", "read_avro"),
    (b"ORC", "an ORC file", "read_orc"),
    (b"\xFF\xFE", "text in UTF-16", ""),
];

/// How text is made of the bytes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unpacking {
    pub(super) packing: Packing,
    /// Lines before the text begins.
    pub(super) skipped_lines: usize,
    pub(super) is_json: bool,
}

impl Unpacking {
    /// Whether a reader of that file begins at its beginning.
    pub(super) fn is_from_beginning(self, file: &Path) -> bool {
        self.skipped_lines > 0 || self.packing.codec(file.filename().unwrap_or_default()).is_some()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Unpacked {
    inner: Arc<dyn ObjectStore>,
    unpacking: Unpacking,
}

impl Unpacked {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, unpacking: Unpacking) -> Self {
        Self { inner, unpacking }
    }

    /// A file's text from its very beginning, checked and put right.
    async fn text(&self, mut got: GetResult) -> Result<GetResult> {
        let head = match &mut got.payload {
            GetResultPayload::File(file, path) => {
                let failed = |source: std::io::Error| object_store::Error::Generic {
                    store: "file",
                    source: format!("'{}': {source}", path.display()).into(),
                };
                let mut head = Vec::with_capacity(HEAD_BYTES);
                file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
                file.rewind().map_err(failed)?;
                Bytes::from(head)
            }
            GetResultPayload::Stream(bytes) => {
                // The pieces of a stream are as large as its store makes them.
                let mut head = Vec::new();
                while head.len() < HEAD_BYTES
                    && let Some(next) = bytes.try_next().await?
                {
                    head.extend_from_slice(&next);
                }
                let head = Bytes::from(head);
                let rest = std::mem::replace(bytes, stream::empty().boxed());
                let first = head.clone();
                got.payload = GetResultPayload::Stream(stream::once(async { Ok(first) }).chain(rest).boxed());
                head
            }
        };
        let Unpacking { skipped_lines, is_json, .. } = self.unpacking;
        check(&head, is_json).map_err(as_of_store)?;
        if is_json && head.starts_with(BYTE_ORDER_MARK) {
            got = through(got, without_mark);
        }
        if skipped_lines > 0 {
            got = through(got, |bytes| without_lines(bytes, skipped_lines));
        }
        Ok(got)
    }
}

type Bytestream = BoxStream<'static, Result<Bytes>>;

/// `got`, its bytes as `change` makes them.
fn through(got: GetResult, change: impl FnOnce(Bytestream) -> Bytestream) -> GetResult {
    let (meta, range, attributes) = (got.meta.clone(), got.range.clone(), got.attributes.clone());
    let payload = GetResultPayload::Stream(change(got.into_stream()));
    GetResult { payload, meta, range, attributes }
}

fn without_lines(bytes: Bytestream, lines: usize) -> Bytestream {
    let mut left = lines;
    bytes
        .map_ok(move |piece| {
            let mut start = 0;
            while left > 0 {
                let Some(end) = piece[start..].iter().position(|byte| *byte == b'\n') else { return Bytes::new() };
                (start, left) = (start + end + 1, left - 1);
            }
            piece.slice(start..)
        })
        .boxed()
}

/// # Errors
/// [`ErrorKind::Invalid`] for bytes that begin no text.
fn check(head: &[u8], is_json: bool) -> std::result::Result<(), Error> {
    if let Some(codec) = Codec::of_bytes(head) {
        let message = format!("it is compressed with {}, which its name does not say", codec.name());
        return Err(Error::new(ErrorKind::Invalid, message)
            .with_hint(format!("compression = '{}' among the options of the reader says it", codec.name())));
    }
    // A CSV file may begin with a column of that name: no text goes on as those files do.
    let is_no_text = |bytes: &[u8]| bytes.iter().any(|byte| !byte.is_ascii_graphic() && !b"\t\n\r ".contains(byte));
    let is_other =
        |begin: &[u8]| head.starts_with(begin) && (is_json || is_no_text(begin) || is_no_text(&head[begin.len()..]));
    match OTHERS.iter().find(|(begin, ..)| is_other(begin)) {
        None => Ok(()),
        Some((_, what, reader)) => {
            let error = Error::new(ErrorKind::Invalid, format!("it is {what}, which its name does not say"));
            Err(match *reader {
                "" => error.with_hint("write it in UTF-8"),
                reader => error.with_hint(format!("{reader}('...') reads it whatever it is called")),
            })
        }
    }
}

fn without_mark(bytes: Bytestream) -> Bytestream {
    let mut at = 0;
    bytes
        .map_ok(move |piece| {
            let marked = BYTE_ORDER_MARK.len().saturating_sub(at).min(piece.len());
            at += piece.len();
            if marked == 0 {
                return piece;
            }
            let mut piece = piece.to_vec();
            piece[..marked].fill(b' ');
            Bytes::from(piece)
        })
        .boxed()
}

impl fmt::Display for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Unpacked {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            return self.inner.get_opts(location, options).await;
        }
        let Some(codec) = self.unpacking.packing.codec(location.filename().unwrap_or_default()) else {
            let got = self.inner.get_opts(location, options).await?;
            return if got.range.start == 0 { self.text(got).await } else { Ok(got) };
        };
        if options.range.is_some() {
            let message = "a part of a packed file was asked for";
            return Err(as_of_store(Error::new(ErrorKind::Internal, message)));
        }
        let got = self.inner.get_opts(location, options).await?;
        self.text(through(got, |bytes| codec.unpacked(bytes))).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
