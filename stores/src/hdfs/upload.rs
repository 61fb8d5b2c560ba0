//! A file that comes in parts, which follow each other in the file as they were given, whoever waits for which first.

use std::fmt;

use async_trait::async_trait;
use futures::FutureExt;
use hdfs_native::file::FileWriter;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::failure::STORE;
use super::store::Hdfs;
use super::writing::{Unfinished, failed};

/// A part, and who waits for it to be written.
type Part = (PutPayload, oneshot::Sender<Result<()>>);

/// A file whose parts are being written by a task of its own.
pub(super) struct Upload {
    unfinished: Unfinished,
    parts: Option<mpsc::UnboundedSender<Part>>,
    writing: Option<JoinHandle<Result<()>>>,
}

impl Upload {
    pub(super) async fn begin(hdfs: &Hdfs, to: &Path) -> Result<Self> {
        let (unfinished, file) = Unfinished::begin(hdfs, to).await?;
        let (parts, received) = mpsc::unbounded_channel();
        let writing = tokio::spawn(write(hdfs.clone(), to.clone(), file, received).boxed());
        Ok(Self { unfinished, parts: Some(parts), writing: Some(writing) })
    }
}

fn ended() -> Error {
    Error::Generic { store: STORE, source: "the file was finished or given up already".into() }
}

/// Writes the parts that come, and closes the file when no more do.
async fn write(hdfs: Hdfs, to: Path, mut file: FileWriter, mut parts: mpsc::UnboundedReceiver<Part>) -> Result<()> {
    while let Some((payload, waits)) = parts.recv().await {
        for bytes in payload {
            if let Err(cause) = file.write_bytes(bytes).boxed().await {
                let failed = |cause| failed(&hdfs, &to, "writeBlock", cause);
                // Who waits may have gone; the end of the file is told of it as well.
                let _ = waits.send(Err(failed(&cause)));
                return Err(failed(&cause));
            }
        }
        let _ = waits.send(Ok(()));
    }
    file.close().boxed().await.map_err(|cause| failed(&hdfs, &to, "complete", &cause))
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("is_open", &self.parts.is_some()).finish_non_exhaustive()
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let (waits, written) = oneshot::channel();
        // Where the task has ended the sender is gone with what was sent.
        let sent = self.parts.as_ref().is_some_and(|parts| parts.send((payload, waits)).is_ok());
        async move {
            match written.await {
                Ok(written) if sent => written,
                _ => Err(ended()),
            }
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        // No more parts come.
        self.parts = None;
        let Some(writing) = self.writing.take() else { return Err(ended()) };
        let finished = match writing.await {
            Ok(Ok(())) => self.unfinished.finish(true).await,
            Ok(Err(e)) => Err(e),
            Err(e) => Err(e.into()),
        };
        if let Err(e) = finished {
            self.unfinished.discard().await;
            return Err(e);
        }
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts = None;
        let Some(writing) = self.writing.take() else { return Err(ended()) };
        writing.abort();
        let _ = writing.await;
        self.unfinished.discard().await;
        Ok(())
    }
}
