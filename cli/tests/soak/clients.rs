//! A client: it connects, does work of some kind by chance and checks every row of it, vanishes now and then, and comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::{StreamExt, TryStreamExt};
use tonic::transport::Channel;

type Flight = FlightSqlServiceClient<Channel>;

/// Rows of the table `numbers (n, g, t)`: `g` is `n % 97`, `t` is `text n`.
const NUMBERS: i64 = 100_000;
const GROUPS: i64 = 97;

/// Rows of a long result.
const LONG: i64 = 400_000;

/// What there is to do, and how often of a hundred.
const KINDS: &[(Kind, u64)] = &[
    (Kind::Point, 55),
    (Kind::Prepared, 15),
    (Kind::Own, 8),
    (Kind::Wrong, 5),
    (Kind::Groups, 5),
    (Kind::Long, 4),
    (Kind::StopsReading, 4),
    (Kind::Vanishes, 4),
];

#[derive(Clone, Copy)]
enum Kind {
    /// One row of a table.
    Point,
    /// The same by a prepared statement.
    Prepared,
    /// A temporary table, which no other client sees.
    Own,
    /// A statement that must fail.
    Wrong,
    Groups,
    /// Many rows, read to their end.
    Long,
    /// Many rows, of which the first are read.
    StopsReading,
    /// The same, and the connection is gone with it.
    Vanishes,
}

/// Answers that are computed once.
pub(crate) struct Facts {
    /// Count and sum of each group.
    groups: Vec<(i64, i64)>,
}

impl Default for Facts {
    fn default() -> Self {
        let mut groups = vec![(0, 0); GROUPS as usize];
        for n in 0..NUMBERS {
            let (count, sum) = &mut groups[(n % GROUPS) as usize];
            (*count, *sum) = (*count + 1, *sum + n);
        }
        Self { groups }
    }
}

/// What clients did.
#[derive(Default)]
pub(crate) struct Tally {
    /// Times of statements for one row.
    pub(crate) points: Vec<Duration>,
    pub(crate) others: u64,
    pub(crate) vanished: u64,
    pub(crate) wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.points.extend(other.points);
        self.others += other.others;
        self.vanished += other.vanished;
        self.wrong.extend(other.wrong);
    }

    pub(crate) fn told(&self) -> String {
        let mut points = self.points.clone();
        points.sort_unstable();
        let at = |part: usize| points.get((points.len() * part / 100).min(points.len().saturating_sub(1)));
        format!(
            "{} statements for one row (median {:?}, p99 {:?}), {} others, {} that vanished, {} wrong",
            points.len(),
            at(50).unwrap_or(&Duration::ZERO),
            at(99).unwrap_or(&Duration::ZERO),
            self.others,
            self.vanished,
            self.wrong.len()
        )
    }
}

pub(crate) struct Client {
    number: u64,
    address: String,
    facts: Arc<Facts>,
    chance: u64,
    flight: Option<Flight>,
    tally: Tally,
}

impl Client {
    pub(crate) fn new(number: u64, address: String, facts: Arc<Facts>) -> Self {
        let chance = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { number, address, facts, chance, flight: None, tally: Tally::default() }
    }

    /// Works until then, or once through everything; ends with the first row that is wrong.
    pub(crate) async fn work(mut self, until: Option<Instant>) -> Tally {
        let mut once = KINDS.iter().map(|(kind, _)| *kind);
        loop {
            let kind = match until {
                None => once.next(),
                Some(until) => (Instant::now() < until).then(|| self.any_kind()),
            };
            let Some(kind) = kind else { return self.tally };
            if let Err(cause) = self.one(kind).await {
                self.tally.wrong.push(cause);
                return self.tally;
            }
        }
    }

    fn any_kind(&mut self) -> Kind {
        let mut chance = self.any(100);
        let chosen = KINDS.iter().find(|(_, share)| {
            let is_it = chance < *share;
            chance = chance.saturating_sub(*share);
            is_it
        });
        chosen.map_or(Kind::Point, |(kind, _)| *kind)
    }

    /// A number below `most`.
    fn any(&mut self, most: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % most
    }

    async fn flight(&mut self) -> Result<Flight, String> {
        if self.flight.is_none() {
            let channel = Channel::from_shared(self.address.clone()).unwrap().connect().await;
            self.flight = Some(Flight::new(channel.map_err(|e| format!("connecting: {e:?}"))?));
        }
        Ok(self.flight.clone().unwrap())
    }

    async fn one(&mut self, kind: Kind) -> Result<(), String> {
        let flight = self.flight().await?;
        let n = self.any(NUMBERS as u64) as i64;
        let started = Instant::now();
        match kind {
            Kind::Point => point(flight, n).await?,
            Kind::Prepared => prepared(flight, n).await?,
            Kind::Own => own(flight, self.number, n).await?,
            Kind::Wrong => wrong(flight).await?,
            Kind::Groups => groups(flight, &self.facts).await?,
            Kind::Long => long(flight, None).await?,
            Kind::StopsReading | Kind::Vanishes => long(flight, Some(1 + self.any(3))).await?,
        }
        match kind {
            Kind::Point | Kind::Prepared => self.tally.points.push(started.elapsed()),
            Kind::Vanishes => {
                self.flight = None;
                self.tally.vanished += 1;
            }
            _ => self.tally.others += 1,
        }
        Ok(())
    }
}

fn expect(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

async fn rows(mut flight: Flight, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let failed = |e: arrow_flight::error::FlightError| format!("{sql}: {e}");
    let info = flight.execute(sql.to_owned(), None).await.map_err(|e| format!("{sql}: {e}"))?;
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    flight.do_get(ticket).await.map_err(|e| format!("{sql}: {e}"))?.try_collect().await.map_err(failed)
}

/// A column of whole numbers.
fn numbers(batches: &[RecordBatch], column: usize) -> Vec<i64> {
    let of = |batch: &RecordBatch| batch.column(column).as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(of).collect()
}

async fn point(flight: Flight, n: i64) -> Result<(), String> {
    let batches = rows(flight, &format!("select n * 3 + 1, t from numbers where n = {n}")).await?;
    let texts: Vec<_> = batches.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter()).collect();
    let (told, text) = (numbers(&batches, 0), format!("text {n}"));
    expect(told == [n * 3 + 1] && texts == [Some(text.as_str())], || format!("row {n}: {told:?} {texts:?}"))
}

async fn prepared(mut flight: Flight, n: i64) -> Result<(), String> {
    let failed = |e: &dyn std::fmt::Display| format!("prepared: {e}");
    let mut statement =
        flight.prepare("select n, g from numbers where n = $1".to_owned(), None).await.map_err(|e| failed(&e))?;
    let value: ArrayRef = Arc::new(Int64Array::from(vec![n]));
    statement.set_parameters(RecordBatch::try_from_iter([("$1", value)]).unwrap()).map_err(|e| failed(&e))?;
    let info = statement.execute().await.map_err(|e| failed(&e))?;
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let batches: Vec<_> =
        flight.do_get(ticket).await.map_err(|e| failed(&e))?.try_collect().await.map_err(|e| failed(&e))?;
    statement.close().await.map_err(|e| failed(&e))?;
    let told = (numbers(&batches, 0), numbers(&batches, 1));
    expect(told == (vec![n], vec![n % GROUPS]), || format!("prepared {n}: {told:?}"))
}

async fn own(flight: Flight, number: u64, n: i64) -> Result<(), String> {
    rows(flight.clone(), &format!("create or replace temp table own as select {number} as who, {n} as n")).await?;
    let batches = rows(flight, "select who, n from own").await?;
    let told = (numbers(&batches, 0), numbers(&batches, 1));
    expect(told == (vec![number as i64], vec![n]), || format!("the table of client {number}: {told:?}, not {n}"))
}

async fn wrong(flight: Flight) -> Result<(), String> {
    match rows(flight, "select no_such_column from numbers").await {
        Err(error) if error.contains("no_such_column") => Ok(()),
        other => Err(format!("a column that there is not: {other:?}")),
    }
}

async fn groups(flight: Flight, facts: &Facts) -> Result<(), String> {
    let batches = rows(flight, "select g, count(*), sum(n) from numbers group by g order by g").await?;
    let told: Vec<_> = numbers(&batches, 1).into_iter().zip(numbers(&batches, 2)).collect();
    expect(told == facts.groups, || format!("groups: {told:?}"))
}

/// Many rows, or the first batches of them.
async fn long(mut flight: Flight, batches: Option<u64>) -> Result<(), String> {
    let sql = format!("select value from range(0, {LONG}) where value % 2 = 0");
    let info = flight.execute(sql, None).await.map_err(|e| format!("long: {e}"))?;
    let mut stream = flight.do_get(info.endpoint[0].ticket.clone().unwrap()).await.map_err(|e| format!("long: {e}"))?;
    // In which order they come is not said.
    let (mut count, mut sum, mut read) = (0, 0, 0);
    while batches.is_none_or(|most| read < most)
        && let Some(batch) = stream.next().await
    {
        let batch = batch.map_err(|e| format!("long: {e}"))?;
        for value in numbers(&[batch], 0) {
            expect(value % 2 == 0 && (0..LONG).contains(&value), || format!("long: {value} is none of its rows"))?;
            (count, sum) = (count + 1, sum + value);
        }
        read += 1;
    }
    let (rows, total) = (LONG / 2, (LONG / 2) * (LONG / 2 - 1));
    expect(batches.is_some() || (count, sum) == (rows, total), || format!("long: {count} rows, which are {sum} in all"))
}
