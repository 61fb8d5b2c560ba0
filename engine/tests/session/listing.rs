//! What a statement asks of a store: its files are listed once, and what the listing says of a file is not asked for again.
//! On the emulated device, which needs a C++ compiler.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use maar_engine::Session;
use maar_engine::datafusion::execution::object_store::ObjectStoreUrl;
use maar_engine::device::DeviceKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// A store in memory that counts what it is asked.
#[derive(Debug, Default)]
struct Counting {
    inner: InMemory,
    lists: AtomicU64,
    /// For the state of one file.
    heads: AtomicU64,
    /// For bytes.
    reads: AtomicU64,
}

impl Counting {
    /// Listings, states and reads since it was last asked.
    fn asked(&self) -> [u64; 3] {
        [&self.lists, &self.heads, &self.reads].map(|count| count.swap(0, Ordering::Relaxed))
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counting")
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let count = if options.head { &self.heads } else { &self.reads };
        count.fetch_add(1, Ordering::Relaxed);
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.get_ranges(location, ranges).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.list_with_delimiter(prefix).await
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

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_lists_its_files_once_and_asks_for_none_of_them_again() {
    const FILES: u64 = 3;
    let store = Arc::new(Counting::default());
    let session = Session::builder().device(DeviceKind::Emulated).target_partitions(2).build().unwrap();
    let url = ObjectStoreUrl::parse("counted://lake").unwrap();
    session.context().runtime_env().register_object_store(url.as_ref(), Arc::clone(&store) as _);
    for file in 0..FILES {
        let rows = format!("select value as n, value % 3 as g from generate_series({file}, 99)");
        session.run_script(&format!("copy ({rows}) to 'counted://lake/t/{file}.parquet'")).await.unwrap();
    }
    session.run_script("create external table t stored as parquet location 'counted://lake/t/'").await.unwrap();
    let run = async |sql: &str| {
        store.asked();
        let (batches, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        assert!(report.device().starts_with("emulated"), "{}", report.device());
        (rows, report.plan_from_cache, store.asked())
    };

    let sums = "select g, sum(n) from t group by g";
    let (rows, _, [lists, heads, reads]) = run(sums).await;
    assert_eq!((rows, lists, heads), (3, 1, FILES), "states are asked for after reading, and not before");
    assert!(reads >= FILES);
    // A kept plan is used only where a new listing finds the same files: that one serves.
    assert_eq!(run(sums).await, (3, true, [1, 0, 0]));
    // The same columns, another statement.
    assert_eq!(run("select g, max(n) from t group by g").await, (3, false, [1, 0, 0]));
    // The same table twice in one statement.
    let (rows, _, asked) = run("select count(*) from t a join t b on a.n = b.n + 1 and a.g > b.g").await;
    assert_eq!((rows, asked[1..].to_vec()), (1, vec![0, 0]));
}
