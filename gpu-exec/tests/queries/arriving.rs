//! Queries begin before their tables are there: the store of these tests keeps the last file back until a kernel was launched
//! over the others.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::ParquetReadOptions;
use futures::stream::BoxStream;
use maar_gpu_exec::device::{CodeOrigin, DeviceHandle};
use maar_gpu_exec::report::DeviceReport;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::harness::Both;

const URL: &str = "gated://lake";
const FILES: usize = 12;
/// What a dictionary page is shorter than, and the chunks of a row group are not.
const LITTLE: u64 = 1 << 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps rows of the last file back.
#[derive(Debug)]
struct Gated {
    inner: InMemory,
    device: Arc<DeviceHandle>,
    /// Launches after which it is open.
    launches: AtomicU64,
}

impl fmt::Display for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gated")
    }
}

impl Gated {
    fn close(&self) {
        self.launches.store(self.device.counters().launches, Ordering::Relaxed);
    }

    async fn pass(&self, location: &Path, bytes: u64) -> Result<()> {
        if !location.as_ref().contains("last") || bytes < LITTLE {
            return Ok(());
        }
        let opened = async {
            while self.device.counters().launches == self.launches.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, opened).await;
        waited.map_err(|late| Error::Generic { store: "gated", source: Box::new(late) })
    }
}

#[async_trait]
impl ObjectStore for Gated {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let range = options.range.clone();
        let got = self.inner.get_opts(location, options).await?;
        // The end of a file is its footer.
        if let Some(GetRange::Bounded(range)) = range.filter(|_| got.range.end < got.meta.size) {
            self.pass(location, range.end - range.start).await?;
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.pass(location, ranges.iter().map(|range| range.end - range.start).sum()).await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn put_opts(&self, to: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(to, payload, options).await
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Tables `slow`, whose last file comes late on the device, and `others`; `v` of each row by `v` of its number `i`.
async fn gated(v: &str) -> (Both, Arc<Gated>) {
    let part = |part: usize| {
        let (first, last) = (part * 2000, part * 2000 + 1999);
        format!(
            "SELECT CAST(i AS BIGINT) AS i, CAST({v} AS BIGINT) AS v, CASE WHEN i % 7 = 3 THEN NULL ELSE 'w' || CAST((i * 7919) % 40 AS VARCHAR) END AS word, \
             '{part}-' || CAST(i % 3 AS VARCHAR) AS own FROM (SELECT value AS i FROM generate_series({first}, {last}))"
        )
    };
    let others = "SELECT CAST(i * 2 AS BIGINT) AS k, CAST(i % 500 + 23200 AS BIGINT) AS m, '3-' || CAST(i % 4 AS VARCHAR) AS word FROM (SELECT value AS i FROM generate_series(0, 8999))";
    let both = Both::over(&[("slow", (0..FILES).map(part).collect()), ("others", vec![others.into()])]).await;
    let inner = InMemory::new();
    for part in 0..FILES {
        let name = if part + 1 == FILES { "z-last".to_owned() } else { format!("a-{part:02}") };
        let bytes = std::fs::read(both.file("slow", part)).unwrap();
        inner.put(&Path::from(format!("slow/{name}.parquet")), bytes.into()).await.unwrap();
    }
    let device = Arc::clone(both.runtime.handle());
    let store = Arc::new(Gated { inner, device, launches: AtomicU64::new(u64::MAX) });
    let url = ObjectStoreUrl::parse(URL).unwrap();
    both.device.runtime_env().register_object_store(url.as_ref(), Arc::clone(&store) as Arc<dyn ObjectStore>);
    let options = ParquetReadOptions::default();
    both.device.register_parquet("gated", format!("{URL}/slow/"), options).await.unwrap();
    (both, store)
}

/// A cold and a hot run over `gated`, against the host's over the files.
async fn same(both: &Both, store: &Gated, query: &str) -> (Vec<DeviceReport>, Vec<DeviceReport>) {
    both.forget();
    store.close();
    let host = query.replace("gated", "slow");
    (both.agree(query, &host).await, both.agree(query, &host).await)
}

fn misses(reports: &[DeviceReport]) -> u64 {
    reports.iter().flat_map(|report| &report.loads).map(|load| load.shape_misses).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_run_before_the_last_file_is_there() {
    let (both, store) = gated("i * 3 % 1000").await;
    for query in [
        "SELECT sum(v), count(*), min(i), max(i) FROM gated",
        "SELECT v, count(*), sum(i) FROM gated GROUP BY v",
        "SELECT word, count(*), sum(i) FROM gated GROUP BY word",
        "SELECT own, min(word), max(word) FROM gated WHERE word LIKE '%7%' GROUP BY own",
        "SELECT count(*), sum(v), min(own) FROM gated WHERE own > '2-' AND word <> 'w77'",
        "SELECT a.word, count(*) FROM gated a JOIN gated b ON a.own = b.own AND a.i = b.i GROUP BY a.word",
        "SELECT b.own, count(*), sum(b.v) FROM others o JOIN gated b ON o.k = b.i GROUP BY b.own",
        "SELECT o.word, count(*) FROM others o JOIN gated b ON o.word = b.own WHERE o.k < 40 GROUP BY o.word",
        "SELECT i, own, word FROM gated b WHERE v < 20 AND EXISTS (SELECT 1 FROM others o WHERE o.k = b.i)",
    ] {
        let (cold, hot) = same(&both, &store, query).await;
        assert_eq!((misses(&cold), misses(&hot)), (0, 0), "{query}");
        let pipelines = hot.iter().flat_map(|report| &report.pipelines);
        assert!(pipelines.clone().all(|pipeline| pipeline.origin != CodeOrigin::Compiled), "{query}");
        let recoded =
            |reports: &[DeviceReport]| reports.iter().flat_map(|r| &r.loads).map(|l| l.columns_recoded).sum::<u64>();
        assert_eq!(recoded(&cold), 0, "{query}: codes are those of all words from the start");
    }
}

/// Its keys look like those of a table until the last file, where one occurs twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_with_wrong_keys_leaves_no_row() {
    let (both, store) = gated("CASE WHEN i = 23500 THEN 23400 ELSE i END").await;
    let query = "SELECT count(*), sum(g.i), sum(o.k) FROM gated g JOIN others o ON g.v = o.m";
    let (cold, hot) = same(&both, &store, query).await;
    assert_eq!((misses(&cold), misses(&hot)), (1, 0));
    let (cold, _) = same(&both, &store, "SELECT v % 10, count(*), sum(i) FROM gated GROUP BY v % 10").await;
    assert_eq!(misses(&cold), 0, "nobody relies on its keys");
}

/// Texts of two files that are on the device, each with words of its own, and a column that is not.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_were_loaded_apart_mean_the_same_together() {
    let part = |part: usize| {
        format!(
            "SELECT CAST(i AS BIGINT) AS i, CAST(i * {part} AS BIGINT) AS v, CASE WHEN i % 3 = 0 THEN 'both' ELSE '{part}-' || CAST(i % 5 AS VARCHAR) END AS word \
             FROM (SELECT value AS i FROM generate_series(0, 4999))"
        )
    };
    let both = Both::over(&[("t", vec![part(0), part(1)])]).await;
    for file in 0..2 {
        let (name, path) = (format!("t{file}"), both.file("t", file));
        for context in [&both.device, &both.host] {
            context.register_parquet(&name, path.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
        }
        both.same(&format!("SELECT word, count(*) FROM {name} GROUP BY word")).await;
    }
    for query in [
        "SELECT word, count(*), sum(v) FROM t GROUP BY word",
        "SELECT count(*), sum(i) FROM t WHERE word > '0-9'",
        "SELECT a.word, count(*) FROM t a JOIN t b ON a.word = b.word AND a.i = b.i GROUP BY a.word",
    ] {
        both.same(query).await;
    }
}
