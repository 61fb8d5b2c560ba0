//! Files that are written: under another name in the same folder, which no list shows, and renamed once they are whole. What is not
//! finished is taken away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use hdfs_native::file::FileWriter;
use object_store::path::Path;
use object_store::{Error, Result};
use tokio::runtime::Handle;

use super::failure::{self, HdfsFailure};
use super::store::{Hdfs, absolute};

/// What the names of unfinished files end in; they begin with a point.
const UNFINISHED: &str = ".maar-unfinished";

/// Whether a file of that name is still being written, or was left by a process that did not end well.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(UNFINISHED)
}

/// A name beside `to` that no other file has.
fn name_beside(to: &Path) -> String {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    let absolute = absolute(to);
    let (folder, _) = absolute.rsplit_once('/').unwrap_or_default();
    format!("{folder}/.{}-{now}-{number}{UNFINISHED}", std::process::id())
}

/// A file that has no name of its own yet. Dropped, it is taken away.
pub(super) struct Unfinished {
    hdfs: Hdfs,
    to: Path,
    name: String,
    is_there: bool,
}

impl Unfinished {
    pub(super) async fn begin(hdfs: &Hdfs, to: &Path) -> Result<(Self, FileWriter)> {
        let name = name_beside(to);
        let file = hdfs.create(&name, to).await?;
        Ok((Self { hdfs: hdfs.clone(), to: to.clone(), name, is_there: true }, file))
    }

    pub(super) fn failed(&self, method: &'static str, cause: &hdfs_native::HdfsError) -> Error {
        failed(&self.hdfs, &self.to, method, cause)
    }

    /// Gives it its name.
    pub(super) async fn finish(&mut self, overwrites: bool) -> Result<()> {
        self.hdfs.rename_file(&self.name, &self.to, overwrites).await?;
        self.is_there = false;
        Ok(())
    }

    /// Takes it away. Where that fails nobody is told: what led here is.
    pub(super) async fn discard(&mut self) {
        self.is_there = false;
        let _ = self.hdfs.client().delete(&self.name, false).boxed().await;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(runtime) = self.is_there.then(|| Handle::try_current().ok()).flatten() {
            let (hdfs, name) = (self.hdfs.clone(), std::mem::take(&mut self.name));
            runtime.spawn(async move {
                let _ = hdfs.client().delete(&name, false).boxed().await;
            });
        }
    }
}

/// Bytes of `to` that could not be written.
pub(super) fn failed(hdfs: &Hdfs, to: &Path, method: &'static str, cause: &hdfs_native::HdfsError) -> Error {
    failure::of(to.as_ref(), cause, HdfsFailure::new(method, hdfs.url(to.as_ref()), String::new(), cause))
}

impl Hdfs {
    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] for one that is there, unless it `overwrites`.
    pub(super) async fn write(
        &self,
        to: &Path,
        mut parts: BoxStream<'static, Result<Bytes>>,
        overwrites: bool,
    ) -> Result<()> {
        let (mut unfinished, mut file) = Unfinished::begin(self, to).await?;
        let written = async {
            while let Some(bytes) = parts.next().await {
                let written = file.write_bytes(bytes?).boxed().await;
                written.map_err(|cause| unfinished.failed("writeBlock", &cause))?;
            }
            file.close().boxed().await.map_err(|cause| unfinished.failed("complete", &cause))
        };
        let finished = match written.await {
            Ok(()) => unfinished.finish(overwrites).await,
            Err(e) => Err(e),
        };
        if finished.is_err() {
            unfinished.discard().await;
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_lie_beside_and_are_told_from_others() {
        let (one, other) = (name_beside(&Path::from("a/b.parquet")), name_beside(&Path::from("b.parquet")));
        assert!(one.starts_with("/a/.") && other.starts_with("/."), "{one} {other}");
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
        assert!(is_unfinished(&name(&one)) && is_unfinished(&name(&other)) && one != other);
        assert!(!is_unfinished("b.parquet") && !is_unfinished(".hidden") && !is_unfinished("a.maar-unfinished"));
    }
}
