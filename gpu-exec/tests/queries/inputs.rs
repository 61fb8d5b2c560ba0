//! Host inputs: rows that operators of the host give to the device, encoded as they come, with the answers of the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, stream};
use maar_gpu_exec::report::DeviceReport;
use maar_gpu_exec::scan::InputStats;

use super::harness::{Both, Settings};

/// Every type, with NULLs, words that differ from part to part, and a column of which a part is NULL.
const ALL: &str = "SELECT CAST(n AS BIGINT) AS id, n % 700 AS k, n % 700 * 1000003 AS sparse, CAST(n % 11 AS DECIMAL(12,2)) / 4 AS price, \
     CASE WHEN n % 13 = 0 THEN NULL ELSE concat('word ', CAST(n % 17 + n / 20000 AS VARCHAR)) END AS word, \
     CASE WHEN n < 30000 THEN CAST(NULL AS BIGINT) ELSE n * n END AS seldom, CASE WHEN n % 5 = 0 THEN NULL ELSE n % 3 = 0 END AS flag, \
     CASE WHEN n % 9 = 0 THEN NULL ELSE CAST(n AS DOUBLE) / 7 END AS x, CAST(n % 4 AS REAL) AS y, \
     arrow_cast(CAST(8000 + n % 900 AS INT), 'Date32') AS day, \
     arrow_cast(n * 1000 + 5, 'Timestamp(Millisecond, None)') AS at, arrow_cast(n % 200, 'UInt8') AS small, \
     CAST(CAST(n AS DECIMAL(38,0)) * 10000000000000000000000 AS DECIMAL(38,0)) AS wide, concat('the words of row ', CAST(n AS VARCHAR)) AS own \
     FROM (SELECT value AS n FROM generate_series(0, 59999))";
const NAMES: &str = "SELECT CAST(n AS BIGINT) AS k, n * 1000003 AS sparse, concat('word ', CAST(n % 50 AS VARCHAR)) AS word, \
     CAST(n % 5 AS INT) AS class FROM (SELECT value AS n FROM generate_series(0, 499))";

const QUERIES: &[&str] = &[
    "SELECT id, word, seldom, flag, at, day, wide, small, own, max(x), max(y) FROM rows WHERE k = 13 GROUP BY id, word, seldom, flag, at, day, wide, small, own",
    "SELECT count(own), count(*) FROM rows WHERE own LIKE '%777' OR seldom IS NULL AND id % 1000 = 3",
    "SELECT upper(word), length(own), count(*) FROM rows WHERE id % 1000 = 7 GROUP BY upper(word), length(own)",
    "SELECT count(*), sum(price), min(word), max(word), min(seldom), max(seldom), count(seldom), max(x), count(own), sum(id), max(at), count(wide), sum(wide), sum(small), max(day), sum(y) FROM rows",
    "SELECT flag, count(*), sum(price), max(seldom), max(id), min(x), max(own) FROM rows GROUP BY flag",
    "SELECT word, count(*), sum(price), max(seldom), sum(sparse), sum(id) FROM rows GROUP BY word",
    "SELECT sparse, flag, max(word), sum(id), max(seldom), max(price) FROM rows GROUP BY sparse, flag",
];

const JOINS: &[&str] = &[
    // Each table looks into the other; texts of two dictionaries meet.
    "SELECT class, count(*), sum(price), max(rows.word), sum(id), max(seldom), min(x), count(own) FROM rows JOIN names ON rows.k = names.k GROUP BY class",
    "SELECT names.word, count(*), sum(id), max(seldom), min(x), max(day) FROM names LEFT JOIN rows ON rows.word = names.word GROUP BY names.word",
    "SELECT rows.id, names.word, rows.own FROM rows LEFT JOIN names ON rows.sparse = names.sparse WHERE rows.id % 997 = 1",
    "SELECT id, own FROM rows WHERE id % 100 = 3 AND NOT EXISTS (SELECT 1 FROM names WHERE names.k = rows.k)",
    // Some rows of the host, some of files.
    "SELECT class, count(*), sum(price), max(files.word), max(own) FROM rows JOIN files ON rows.k = files.k GROUP BY class",
    "SELECT files.class, names.class, count(*), sum(id) FROM rows JOIN files ON rows.sparse = files.sparse JOIN names ON rows.word = names.word GROUP BY files.class, names.class",
    "SELECT files.k, rows.own FROM files JOIN rows ON rows.id = files.k",
];

/// Rows of the host: its scan has no device form.
#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    end: End,
    /// Streams of it that somebody reads.
    read: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Ends,
    Fails,
    Panics,
    /// More of the same, slowly.
    GoesOn,
}

/// Counts a reader for as long as it is there.
struct Reader(Arc<AtomicUsize>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.read.fetch_add(1, Ordering::SeqCst);
        let reader = Reader(Arc::clone(&self.read));
        let (batches, end) = (self.batches.clone(), self.end);
        let rows = stream::unfold(0, move |at| {
            let _while_read = &reader;
            let next = match end {
                _ if at < batches.len() => Some(Ok(batches[at].clone())),
                End::Ends => None,
                End::Fails if at == batches.len() => Some(Err(DataFusionError::Execution("the wire was cut".into()))),
                End::Fails => None,
                End::Panics => panic!("the wire burns"),
                End::GoesOn => Some(Ok(batches[at % batches.len()].clone())),
            };
            async move {
                if end == End::GoesOn {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                next.map(|next| (next, at + 1))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

/// What a query gives, as a table of the host.
pub(crate) async fn rows(both: &Both, select: &str, end: End) -> (Arc<dyn TableProvider>, Arc<AtomicUsize>) {
    let frame = both.host.sql(select).await.unwrap();
    let schema: SchemaRef = Arc::clone(frame.schema().inner());
    let batches = frame.collect().await.unwrap();
    let read = Arc::default();
    let rows = Rows { schema: Arc::clone(&schema), batches, end, read: Arc::clone(&read) };
    (Arc::new(StreamingTable::try_new(schema, vec![Arc::new(rows)]).unwrap()), read)
}

/// `rows` and `names` of the host, and `files`, which are as `names`.
async fn open(settings: Settings) -> Both {
    let both = Both::with(&[("files", vec![NAMES.into()])], |_| true, settings).await;
    for (name, select) in [("rows", ALL), ("names", NAMES)] {
        let (table, _) = rows(&both, select, End::Ends).await;
        both.register(name, &table);
    }
    both
}

fn inputs(reports: Vec<DeviceReport>) -> Vec<InputStats> {
    reports.into_iter().flat_map(|report| report.inputs).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_host_are_gathered_in_chunks() {
    const INPUT_BYTES: u64 = 9 << 20;
    let both = open(Settings { input_bytes: Some(INPUT_BYTES), ..Settings::default() }).await;
    for query in QUERIES.iter().chain(JOINS) {
        let inputs = inputs(both.same(query).await);
        assert!(inputs.iter().map(|input| input.host_bytes).sum::<u64>() <= INPUT_BYTES, "{query}: {inputs:?}");
        assert!(inputs.iter().all(|input| input.waves == 0), "{query}: {inputs:?}");
    }
    let wide = inputs(both.same(QUERIES[3]).await);
    assert!(wide[0].chunks > 5 && wide[0].rows == 60_000, "{wide:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_the_device_come_in_waves() {
    for input_bytes in [None, Some(9 << 20)] {
        let both = open(Settings { memory_bytes: Some(700 << 10), input_bytes, ..Settings::default() }).await;
        for query in QUERIES {
            let inputs = inputs(both.same(query).await);
            assert!(inputs[0].waves > 1 || inputs[0].device_bytes < 700 << 10, "{query}: {inputs:?}");
        }
    }
    let both = open(Settings { memory_bytes: Some(2 << 20), ..Settings::default() }).await;
    let mut waves = 0;
    for query in QUERIES.iter().chain(JOINS) {
        waves = waves.max(inputs(both.same(query).await).iter().map(|input| input.waves).max().unwrap());
    }
    assert!(waves > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes() {
    for memory_bytes in [None, Some(700 << 10)] {
        let both = open(Settings { memory_bytes, ..Settings::default() }).await;
        let (table, _) = rows(&both, &format!("{NAMES} WHERE n < 0"), End::Ends).await;
        both.register("none", &table);
        for query in [
            "SELECT count(*), sum(k), max(word) FROM none",
            "SELECT class, count(*) FROM none GROUP BY class",
            "SELECT count(*) FROM none JOIN names ON none.word = names.word",
            "SELECT count(*), max(none.word) FROM names LEFT JOIN none ON none.k = names.k",
        ] {
            both.same(query).await;
        }
    }
}

/// Rows of one key on both sides, of a type that the device has no form for: each meets each, in an operator of the host.
fn equal_keys(count: usize) -> String {
    format!(
        "SELECT arrow_cast(CAST(7 AS BIGINT), 'Duration(Second)') AS k, CAST(value AS BIGINT) AS v FROM generate_series(1, {count})"
    )
}

const PAIRS: &str =
    "SELECT count(*), sum(av), sum(bv) FROM (SELECT a.v AS av, b.v AS bv FROM a FULL JOIN b ON a.k = b.k)";

async fn pairs(both: &Both, count: usize) {
    for name in ["a", "b"] {
        let (table, _) = rows(both, &equal_keys(count), End::Ends).await;
        both.device.deregister_table(name).unwrap();
        both.host.deregister_table(name).unwrap();
        both.register(name, &table);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_multiplies_rows_under_an_aggregate() {
    let both = open(Settings { input_bytes: Some(12 << 20), way_back: true, ..Settings::default() }).await;
    // 2.25 million rows of two numbers of two bytes: 9 MB, and 36 MB as the host has them.
    pairs(&both, 1500).await;
    let gathered = inputs(both.same(PAIRS).await)[0];
    assert!(gathered.rows == 2_250_000 && gathered.host_bytes < 10 << 20, "{gathered:?}");
    // 36 million, which come once.
    pairs(&both, 6000).await;
    let streamed = inputs(both.same(PAIRS).await)[0];
    assert!(streamed.rows == 36_000_000 && streamed.streamed == 1 && streamed.waves > 10, "{streamed:?}");
    assert!(streamed.host_bytes < 14 << 20, "{streamed:?}");
    let texts = PAIRS.replace("sum(bv)", "max(bv)").replace("b.v AS", "concat('', CAST(b.v AS VARCHAR)) AS");
    both.goes_back(&texts, "input 1 of the device (ProjectionExec) takes more host memory than there is for it").await;
    both.goes_back(&texts, &format!("and {} bytes may wait for the device", 12 << 20)).await;
}

/// Few rows are kept.
const FEW: Settings = Settings {
    segment_rows: 0,
    memory_bytes: None,
    input_bytes: Some(200_000),
    way_back: true,
    patience: None,
    host_bytes: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn past_the_bound_numbers_come_as_a_stream() {
    const STREAMED: &[&str] = &[
        "SELECT count(*), sum(price), min(seldom), max(seldom), count(seldom), max(x), sum(id), max(at), count(wide), sum(wide), sum(small), max(day), sum(y), count(flag) FROM rows",
        "SELECT flag, count(*), sum(price), max(seldom), max(id), min(x) FROM rows GROUP BY flag",
        "SELECT sparse, small, day, sum(id), max(seldom), max(price), count(*) FROM rows GROUP BY sparse, small, day",
        "SELECT small, day, flag, count(*), max(x), sum(wide), min(at) FROM rows GROUP BY small, day, flag",
        "SELECT class, count(*), sum(price), max(files.word), sum(id) FROM rows JOIN files ON rows.k = files.k GROUP BY class",
        "SELECT files.k, files.word, rows.x, rows.wide FROM files JOIN rows ON rows.id = files.k",
        "SELECT rows.id, files.word, rows.at, seldom FROM rows LEFT JOIN files ON rows.sparse = files.sparse",
        "SELECT id, flag FROM rows WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.k = rows.k)",
    ];
    for memory_bytes in [None, Some(6 << 20)] {
        let both = open(Settings { memory_bytes, ..FEW }).await;
        for query in STREAMED {
            let inputs = inputs(both.same(query).await);
            assert!(inputs[0].streamed == 1 && inputs[0].waves > 1, "{query}: {inputs:?}");
            assert!(inputs[0].host_bytes < 1 << 20, "{query}: {inputs:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_bound_the_host_does_the_rest() {
    let both = open(FEW).await;
    // Texts, on either side of a join, and what would have to be read as a whole.
    for query in QUERIES[3..].iter().chain([&JOINS[0], &JOINS[1], &JOINS[4]]) {
        both.goes_back(query, "takes more host memory than there is for it").await;
    }
    both.goes_back("SELECT count(*), sum(rows.id) FROM files LEFT JOIN rows ON files.k = rows.k", "select fewer rows")
        .await;
    // A table that was to grow.
    let small = open(Settings { memory_bytes: Some(16 << 20), ..FEW }).await;
    let (many, _) = rows(&both, "SELECT value AS v FROM generate_series(1, 600000)", End::Ends).await;
    small.register("many", &many);
    let groups = "SELECT count(*), sum(c) FROM (SELECT v * 1000003 AS p, count(*) AS c FROM many GROUP BY v * 1000003)";
    small.goes_back(groups, "(they were to be read again, by a larger table)").await;
    // What is small enough is done.
    assert_eq!(inputs(both.same("SELECT class, count(*), max(word) FROM names GROUP BY class").await).len(), 1);
    let both = open(Settings { way_back: false, ..FEW }).await;
    both.fails(QUERIES[3], "and 200000 bytes may wait for the device; select fewer rows or columns of it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_ends_an_input_without_an_end() {
    let both = open(FEW).await;
    let (table, read) =
        rows(&both, "SELECT value % 500 AS k, value AS v FROM generate_series(1, 8000)", End::GoesOn).await;
    both.register("endless", &table);
    let query = "SELECT files.k, v FROM files JOIN endless ON files.k = endless.k LIMIT 20000";
    let found = both.device.sql(query).await.unwrap().collect().await.unwrap();
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    nobody_reads(&read).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_fails_fails_the_query() {
    for (memory_bytes, input_bytes) in
        [(None, None), (Some(700 << 10), None), (None, Some(9 << 20)), (None, Some(200_000))]
    {
        let both = open(Settings { memory_bytes, input_bytes, way_back: true, ..Settings::default() }).await;
        let (table, read) = rows(&both, ALL, End::Fails).await;
        both.register("cut", &table);
        for query in [
            "SELECT max(own), sum(wide), count(*) FROM cut WHERE k = 3",
            "SELECT word, count(*), sum(price) FROM cut GROUP BY word",
            "SELECT count(*) FROM cut JOIN names ON cut.k = names.k",
            "SELECT count(*) FROM names LEFT JOIN cut ON cut.k = names.k",
            "SELECT flag, count(*), sum(price) FROM cut GROUP BY flag",
            "SELECT cut.id, names.class FROM cut JOIN names ON cut.k = names.k",
        ] {
            both.fails(query, "the wire was cut").await;
        }
        let (table, _) = rows(&both, ALL, End::Panics).await;
        both.register("burnt", &table);
        for query in ["SELECT count(*), sum(price) FROM burnt", "SELECT count(*), max(word) FROM burnt"] {
            both.fails(query, "panicked").await;
        }
        nobody_reads(&read).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_on_when_the_query_is_dropped() {
    for settings in [Settings::default(), FEW] {
        dropped(&open(settings).await).await;
    }
}

async fn dropped(both: &Both) {
    let (table, read) = rows(both, NAMES, End::GoesOn).await;
    both.register("endless", &table);
    let query = "SELECT endless.class, count(*) FROM endless JOIN files ON endless.k = files.k GROUP BY endless.class";
    let plan = both.device.sql(query).await.unwrap().create_physical_plan().await.unwrap();
    let mut stream = execute_stream(plan, both.device.task_ctx()).unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
    assert!(waited.is_err() && read.load(Ordering::SeqCst) == 1);
    drop(stream);
    nobody_reads(&read).await;
}

async fn nobody_reads(read: &AtomicUsize) {
    for _ in 0..500 {
        if read.load(Ordering::SeqCst) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the input is still read");
}
