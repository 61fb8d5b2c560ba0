//! TPC-H from a store that is far away (30 ms a request, 200 MB/s for all of them together), nothing resident: what each query
//! asks of it, and what it is busy with meanwhile. Printed, and held to: one listing a table, no state of a file, the end of a file
//! once for all queries, hardly a byte that nobody wanted. How long it took is printed alone: it hangs on the machine.
//!
//! As a benchmark at another scale, nothing compiled before:
//! `MAAR_FAR_SCALE=1 XDG_CACHE_HOME=$(mktemp -d) cargo test --release --workspace --test tpch -- --nocapture far`

use std::fmt;
use std::ops::Range;
use std::path::Path as LocalPath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use maar_engine::datafusion::execution::object_store::ObjectStoreUrl;
use maar_engine::device::{DeviceKind, TimelineReport, Work};
use maar_engine::{QueryReport, Session};
use maar_tests::session::{Place, runtime};
use maar_tests::{Result, skip, tpch};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use tokio::time::{Instant, sleep_until};

use super::SCALE;

const URL: &str = "far://lake";
const LATENCY: Duration = Duration::from_millis(30);
/// Of 200 MB/s.
const A_BYTE: Duration = Duration::from_nanos(5);
/// Rows of a row group where there are many, as writers of lakes have them.
const ROWS_A_GROUP: usize = 122_880;
/// Tables of TPC-H at this scale are small: a gap of some KiB is a larger part of them than of any real lake.
const WASTE_MAX: f64 = 1.1;

struct Far {
    inner: ThrottledStore<InMemory>,
    counts: [AtomicU64; 5],
    /// When the line has carried what was asked for so far.
    line: Mutex<Option<Instant>>,
}

/// What was asked, by kind; bytes are those that are not ends of files.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    lists: u64,
    heads: u64,
    tails: u64,
    ranges: u64,
    bytes: u64,
}

impl Far {
    fn asked(&self) -> Asked {
        let [lists, heads, tails, ranges, bytes] = self.counts.each_ref().map(|count| count.swap(0, Ordering::Relaxed));
        Asked { lists, heads, tails, ranges, bytes }
    }

    /// Waits until so many bytes more have come over the line, one request's after another's.
    async fn carry(&self, bytes: u64) {
        let took = Duration::from_nanos(A_BYTE.as_nanos() as u64 * bytes);
        let until = {
            let mut line = self.line.lock().unwrap();
            let free = line.map_or_else(Instant::now, |free| free.max(Instant::now()));
            *line.insert(free + took)
        };
        sleep_until(until).await;
    }

    fn count(&self, kind: usize, more: u64) {
        self.counts[kind].fetch_add(more, Ordering::Relaxed);
    }
}

/// Without all the bytes in it: plans are told apart by how their stores print.
impl fmt::Debug for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Far")
    }
}

#[async_trait]
impl ObjectStore for Far {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        let (is_head, range) = (options.head, options.range.clone());
        let got = self.inner.get_opts(location, options).await?;
        if !is_head {
            self.carry(got.range.end - got.range.start).await;
        }
        match range {
            _ if is_head => self.count(1, 1),
            Some(GetRange::Bounded(range)) if range.end < got.meta.size => {
                self.count(3, 1);
                self.count(4, range.end - range.start);
            }
            _ => self.count(2, 1),
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        let bytes = ranges.iter().map(|range| range.end - range.start).sum();
        self.count(3, ranges.len() as u64);
        self.count(4, bytes);
        let got = self.inner.get_ranges(location, ranges).await?;
        self.carry(bytes).await;
        Ok(got)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.count(0, 1);
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.count(0, 1);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn put_opts(&self, to: &Path, payload: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        self.inner.put_opts(to, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// The files below `folder` in a far store.
async fn far(folder: &LocalPath) -> Result<(Arc<Far>, u64)> {
    let (memory, mut files) = (InMemory::new(), 0);
    for table in std::fs::read_dir(folder)? {
        let table = table?.path();
        for file in std::fs::read_dir(&table)? {
            let file = file?.path();
            let path = Path::from(file.strip_prefix(folder)?.display().to_string());
            memory.put(&path, std::fs::read(&file)?.into()).await?;
            files += 1;
        }
    }
    let config = ThrottleConfig {
        wait_get_per_call: LATENCY,
        wait_list_per_call: LATENCY,
        wait_list_with_delimiter_per_call: LATENCY,
        ..ThrottleConfig::default()
    };
    let (inner, counts) = (ThrottledStore::new(memory, config), Default::default());
    Ok((Arc::new(Far { inner, counts, line: Mutex::default() }), files))
}

#[test]
fn cold_queries_ask_a_far_store_for_little() {
    if let Some(reason) = Place::Emulated.missing() {
        skip::skipped("device", "tpch from a far store", &reason);
        return;
    }
    runtime().unwrap().block_on(ask()).unwrap();
}

/// `MAAR_FAR_SCALE`, or that of the other tests.
fn scale() -> Result<f64> {
    std::env::var("MAAR_FAR_SCALE").map_or(Ok(SCALE), |scale| Ok(scale.parse()?))
}

async fn ask() -> Result<()> {
    let data = tempfile::tempdir()?;
    let groups = if scale()? < 0.1 { tpch::ROW_GROUPS.as_slice() } else { &[ROWS_A_GROUP] };
    tpch::create_in(data.path(), scale()?, groups)?;
    let (store, files) = far(data.path()).await?;
    let (mut tails, mut read, mut needed) = (0, 0, 0);
    eprintln!("query  lists  tails  ranges     bytes    needed      ms  longest     ms  ratio  kernel at  bytes there");
    for number in 1..=22 {
        // A device of its own: nothing is resident.
        let session = Session::builder().device(DeviceKind::Emulated).target_partitions(2).build()?;
        let url = ObjectStoreUrl::parse(URL)?;
        session.context().runtime_env().register_object_store(url.as_ref(), Arc::clone(&store) as _);
        let sql = tpch::query(number)?;
        for statement in tpch::statements(data.path()) {
            session.run_script(&statement.replace(&data.path().display().to_string(), URL)).await?;
        }
        let described = store.asked();
        let (_, report) = session.sql(&sql).await?.collect().await?;
        let asked = store.asked();
        let wanted: u64 = report.work.loads.iter().map(|load| load.file_bytes_read).sum();
        let twice: u64 = report.work.loads.iter().map(|load| load.words_bytes_read).sum();
        eprintln!(
            "{number:>5} {:>6} {:>6} {:>7} {:>9} {wanted:>9} {}",
            asked.lists,
            asked.tails,
            asked.ranges,
            asked.bytes,
            Times(&report.timeline)
        );
        check(number, &report, wanted);
        assert_eq!((described.tails, asked.tails, asked.heads), (files, 0, 0), "Q{number}: ends of files");
        assert!(asked.lists <= sql.to_lowercase().matches("from").count() as u64 * 8, "Q{number}: {asked:?}");
        (tails, read, needed) = (tails + described.tails, read + asked.bytes, needed + wanted - twice);
    }
    eprintln!("all: {tails} ends of files, {read} bytes for {needed}: {:.3}", read as f64 / needed as f64);
    assert!(read as f64 <= WASTE_MAX * needed as f64, "{read} bytes were read for {needed}");
    Ok(())
}

/// The timeline tells of the same bytes as the loads, and of a latency at least for what is asked of the store.
fn check(number: usize, report: &QueryReport, wanted: u64) {
    let (timeline, latency) = (&report.timeline, LATENCY.as_secs_f64() * 1e3);
    let fetch = timeline.of(Work::Fetch).map(|fetch| (fetch.bytes, fetch.busy_ms >= latency));
    assert_eq!(fetch, Some((wanted, true)), "Q{number}: {timeline}");
    assert!(timeline.of(Work::List).is_some_and(|list| list.busy_ms >= latency), "Q{number}: {timeline}");
    assert!(timeline.fetched_before_kernels().is_some(), "Q{number}: {timeline}");
}

/// How long it took, the work that took longest of it and how much longer all of it took, when the first kernel was queued, and
/// what part of the bytes had been fetched by then.
struct Times<'a>(&'a TimelineReport);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TimelineReport { elapsed_ms, first_kernel, .. } = self.0;
        write!(f, "{elapsed_ms:>7.0} ")?;
        if let Some(longest) = self.0.longest() {
            let (work, ms) = (longest.work.to_string(), longest.busy_ms);
            write!(f, "{work:>8} {ms:>6.0} {:>6.2} ", elapsed_ms / ms)?;
        }
        let there = self.0.fetched_before_kernels().unwrap_or(0.0) * 100.0;
        write!(f, "{:>10.0} {there:>11.0}%", first_kernel.map_or(0.0, |first| first.at_ms))
    }
}
