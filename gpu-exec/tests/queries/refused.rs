//! Requests for device memory that are refused, each of a query's by itself, some in a row, and all from one on: the answer
//! stays the host's, or it is the one error that says what was asked for and what to do. Nothing is held afterwards.

use std::ops::Range;
use std::sync::Arc;

use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::SessionContext;
use futures::StreamExt;

use super::harness::{Both, Settings, Table, answer, lines, planned};

/// Files whose words differ, a text whose values all do, and keys that are NULL or occur twice.
pub(crate) fn tables() -> Vec<Table<'static>> {
    let part = |first: usize, rows: usize, words: usize| {
        format!(
            "SELECT CAST(n AS BIGINT) AS id, n % 700 AS k, n * 1000003 % 7919993 AS sparse, CAST(n % 11 AS DECIMAL(12,2)) / 4 AS price, \
             CASE WHEN n % 13 = 0 THEN NULL ELSE concat('word ', CAST(n % {words} AS VARCHAR)) END AS word, n % 3 = 0 AS flag, \
             CAST(n AS DOUBLE) / 7 AS x, concat('the text of row ', CAST(n AS VARCHAR)) AS own \
             FROM (SELECT value AS n FROM generate_series({first}, {}))",
            first + rows - 1
        )
    };
    let names = "SELECT CASE WHEN n % 7 = 0 THEN NULL ELSE n END AS k, n * 1000003 % 7919993 AS sparse, \
         concat('word ', CAST(n % 50 AS VARCHAR)) AS word, CAST(n % 5 AS INT) AS class \
         FROM (SELECT value AS n FROM generate_series(0, 3999))";
    vec![("facts", vec![part(0, 4000, 17), part(4000, 5000, 300)]), ("names", vec![names.into()])]
}

pub(crate) const QUERIES: &[&str] = &[
    "SELECT id, word, own, x FROM facts WHERE k = 13",
    "SELECT count(*), sum(price * k), min(word), max(x), count(own) FROM facts WHERE id > 100 AND flag",
    "SELECT word, flag, count(*), sum(price), max(x), min(id) FROM facts GROUP BY word, flag",
    "SELECT sparse, count(*), max(word), sum(id) FROM facts GROUP BY sparse",
    "SELECT names.word, count(*), sum(price) FROM facts JOIN names ON facts.k = names.k GROUP BY names.word",
    "SELECT facts.id, names.word, facts.own FROM facts LEFT JOIN names ON facts.sparse = names.sparse WHERE flag",
    "SELECT count(*), sum(a.id + b.id) FROM facts a JOIN facts b ON a.k = b.k AND a.price < b.price",
    "SELECT id, own FROM facts WHERE NOT EXISTS (SELECT 1 FROM names WHERE names.k = facts.k) ORDER BY id DESC LIMIT 7",
    "SELECT id, own, price FROM facts WHERE id < 8000 ORDER BY price DESC, word, id",
    "SELECT upper(word), length(own), count(*) FROM facts WHERE own LIKE '%77%' GROUP BY upper(word), length(own)",
    // A table of the host's.
    "SELECT class, count(*), sum(id), max(facts.word) FROM facts JOIN (SELECT DISTINCT k, class FROM inputs) i ON facts.k = i.k GROUP BY class",
    "SELECT facts.id, facts.word, names.k, names.class FROM facts FULL JOIN names ON facts.sparse = names.sparse AND flag",
];

/// A table of the host's: `inputs`.
pub(crate) async fn register_inputs(both: &Both) {
    let rows = "SELECT CAST(value % 900 AS BIGINT) AS k, CAST(value % 5 AS INT) AS class FROM generate_series(0, 8999)";
    both.register("inputs", &both.host.sql(rows).await.unwrap().into_view());
}

/// A device, and one session that may go back to the host, one that may not.
struct Refusing {
    both: Both,
    free: SessionContext,
    required: SessionContext,
}

impl Refusing {
    async fn open(memory_bytes: Option<u64>) -> Self {
        let both = Both::with(&tables(), |_| true, Settings { memory_bytes, ..Settings::default() }).await;
        register_inputs(&both).await;
        let (free, required) = (both.another(false), both.another(true));
        Self { both, free, required }
    }

    /// What a query gives while requests of these numbers are refused; and how many there were.
    async fn refused(&self, context: &SessionContext, query: &str, requests: Range<u64>) -> (Given, u64) {
        self.both.forget();
        let plan = planned(context, query).await;
        let handle = self.both.runtime.handle();
        handle.refuse(requests);
        let mut stream = execute_stream(Arc::clone(&plan), context.task_ctx()).unwrap();
        let mut given = Given { lines: vec![], error: None, shown: String::new() };
        while let Some(batch) = stream.next().await {
            match batch {
                Ok(batch) => given.lines.extend(lines(&batch)),
                Err(error) => given.error = Some(error.to_string()),
            }
        }
        let asked = handle.refuse(0..0);
        given.lines.sort();
        given.shown = displayable(plan.as_ref()).indent(true).to_string();
        let ran = !maar_gpu_exec::exec::reports(&plan).is_empty() || given.shown.contains("went back to the host: ");
        assert!(ran || given.error.is_some(), "{query}\n{}", given.shown);
        (given, asked)
    }

    /// Every request of a query's is refused, alone, with some after it, and with all after it.
    async fn each_request(&self, query: &str) {
        let expected = answer(&self.both.host, &planned(&self.both.host, query).await).await.unwrap();
        let (found, asked) = self.refused(&self.free, query, 0..0).await;
        assert!(found.is(&expected) && asked > 4, "{query}: {asked}");
        // What a later wave or part asks for is what an earlier one did.
        for first in (0..asked).filter(|first| *first < 40 || first % 7 == 0) {
            let ends = [first + 1, first + 4, u64::MAX];
            for end in ends.into_iter().take(if first % 3 == 0 { 3 } else { 1 }) {
                let (found, _) = self.refused(&self.free, query, first..end).await;
                // Where some rows have left and nothing more is to be had, there is nothing else to do.
                let is_stuck = end == u64::MAX && !found.lines.is_empty() && found.is_clear_error();
                assert!(found.is(&expected) || is_stuck, "{query}: {first}..{end} of {asked}: {found:#?}");
            }
            if first % 3 > 0 {
                continue;
            }
            let (found, _) = self.refused(&self.required, query, first..u64::MAX).await;
            assert!(found.is(&expected) || found.is_clear_error(), "{query}: from {first} of {asked}: {found:#?}");
        }
        assert_eq!(self.both.held_bytes().await, 0, "{query}");
    }
}

/// What came of a query.
#[derive(Debug)]
struct Given {
    lines: Vec<String>,
    error: Option<String>,
    shown: String,
}

impl Given {
    fn is(&self, expected: &[String]) -> bool {
        self.error.is_none() && self.lines == expected
    }

    /// Whether it ended with the error that says who asked for how much, of how much, and what to do.
    fn is_clear_error(&self) -> bool {
        let parts = ["device memory: ", " asked for ", " bytes are in use (raise `maar.device_memory`)"];
        self.error.as_ref().is_some_and(|error| parts.iter().all(|part| error.contains(part)))
    }
}

async fn each(memory_bytes: Option<u64>, queries: &[&str]) {
    let refusing = Refusing::open(memory_bytes).await;
    for query in queries {
        refusing.each_request(query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_tables_that_fit() {
    each(None, QUERIES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_tables_in_waves() {
    each(Some(150_000), &[0, 2, 4, 5, 9, 11].map(|number: usize| QUERIES[number])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_keys_in_parts() {
    each(Some(400_000), &[3, 5, 6, 11].map(|number: usize| QUERIES[number])).await;
}
