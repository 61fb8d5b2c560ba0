//! The state and the bytes of files. A cluster knows neither tags nor conditions: where a file's blocks lie is asked for before its
//! state, so that blocks of a later file are never taken for those of the one whose tag was given.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::stream::{BoxStream, try_unfold};
use futures::{FutureExt, StreamExt};
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileReader;
use object_store::path::Path;
use object_store::{Attributes, GetOptions, GetResult, GetResultPayload, ObjectMeta, Result};

use super::failure::{self, HdfsFailure, STORE};
use super::store::{Does, Hdfs, absolute};

/// How often a file is opened again where the machines that hold it break off or cannot be reached.
const REOPENINGS_MAX: usize = 3;
/// The first wait before that; each time twice as long.
const WAIT: Duration = Duration::from_millis(200);
/// The end of the year 9999.
const LATEST_MS: u64 = 253_402_300_799_000;

/// What a list says of a file.
///
/// # Errors
/// For a name with control characters, which no path here has.
pub(super) fn state(status: &FileStatus) -> Result<ObjectMeta> {
    let (modified, size) = (status.modification_time, status.length as u64);
    Ok(ObjectMeta {
        location: Path::parse(&status.path)?,
        last_modified: (UNIX_EPOCH + Duration::from_millis(modified.min(LATEST_MS))).into(),
        size,
        e_tag: Some(format!("{modified:x}-{size:x}")),
        version: None,
    })
}

impl Hdfs {
    async fn state_of(&self, path: &Path) -> Result<ObjectMeta> {
        let name = absolute(path);
        let status =
            self.ask("getFileInfo", path.as_ref(), Does::Read, self.client().get_file_info(&name).boxed()).await?;
        if status.isdir {
            return Err(object_store::Error::NotFound { path: path.to_string(), source: "it is a folder".into() });
        }
        state(&status)
    }

    /// A file, open, and its state.
    async fn open(&self, path: &Path) -> Result<(FileReader, ObjectMeta)> {
        let name = absolute(path);
        let file = self.ask("getBlockLocations", path.as_ref(), Does::Read, self.client().read(&name).boxed()).await?;
        let meta = self.state_of(path).await?;
        if file.file_length() as u64 != meta.size {
            let source = format!("'{}' is being written, or was replaced while it was opened", self.url(path.as_ref()));
            return Err(object_store::Error::Generic { store: STORE, source: source.into() });
        }
        Ok((file, meta))
    }

    /// What `get_opts` gives.
    pub(super) async fn read(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let (file, meta) = match options.head {
            true => (None, self.state_of(path).await?),
            false => self.open(path).await.map(|(file, meta)| (Some(file), meta))?,
        };
        options.check_preconditions(&meta)?;
        let Some(file) = file else {
            let payload = GetResultPayload::Stream(futures::stream::empty().boxed());
            return Ok(GetResult { payload, meta, range: 0..0, attributes: Attributes::default() });
        };
        let range = match options.range {
            None => 0..meta.size,
            Some(range) => range
                .as_range(meta.size)
                .map_err(|source| object_store::Error::Generic { store: STORE, source: source.into() })?,
        };
        let rest =
            Rest { hdfs: self.clone(), meta: meta.clone(), at: range.start, end: range.end, reopened: 0, open: None };
        let payload = GetResultPayload::Stream(rest.starting_with(&file)?.bytes());
        Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
    }
}

/// What of a range was not given out yet.
struct Rest {
    hdfs: Hdfs,
    meta: ObjectMeta,
    at: u64,
    end: u64,
    reopened: usize,
    open: Option<BoxStream<'static, hdfs_native::Result<Bytes>>>,
}

impl Rest {
    /// From `file`, whose state it is.
    fn starting_with(mut self, file: &FileReader) -> Result<Self> {
        let wrong = |e| object_store::Error::Generic { store: STORE, source: Box::new(e) };
        let (at, length) = (usize::try_from(self.at), usize::try_from(self.end - self.at));
        self.open = Some(file.read_range_stream(at.map_err(wrong)?, length.map_err(wrong)?).boxed());
        Ok(self)
    }

    fn bytes(self) -> BoxStream<'static, Result<Bytes>> {
        try_unfold(self, |rest| rest.next().boxed()).boxed()
    }

    /// The next bytes of it, if any are left.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        while self.at < self.end {
            let Some(open) = self.open.as_mut() else {
                self = self.again().await?;
                continue;
            };
            match open.next().await {
                Some(Ok(bytes)) => {
                    self.at += bytes.len() as u64;
                    return Ok(Some((bytes, self)));
                }
                Some(Err(_)) if self.reopened < REOPENINGS_MAX => self.open = None,
                Some(Err(cause)) => {
                    let (path, tried) = (self.meta.location.as_ref(), format!(" after {} tries", self.reopened + 1));
                    let failure = HdfsFailure::new("readBlock", self.hdfs.url(path), tried, &cause);
                    return Err(failure::of(path, &cause, failure));
                }
                None => {
                    let source = format!("'{}' ended early", self.hdfs.url(self.meta.location.as_ref())).into();
                    return Err(object_store::Error::Generic { store: STORE, source });
                }
            }
        }
        Ok(None)
    }

    /// The same file, asked of the cluster anew: where its blocks lie may have changed.
    async fn again(mut self) -> Result<Self> {
        tokio::time::sleep(WAIT * (1 << self.reopened)).await;
        self.reopened += 1;
        let (file, meta) = self.hdfs.open(&self.meta.location).await?;
        if meta != self.meta {
            let path = meta.location.to_string();
            let source = format!("'{}' was replaced while it was read", self.hdfs.url(&path)).into();
            return Err(object_store::Error::Precondition { path, source });
        }
        self.starting_with(&file)
    }
}
