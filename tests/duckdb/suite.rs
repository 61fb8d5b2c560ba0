//! The sqllogictest files, each on a fresh session of Maar and a fresh database of DuckDB. What the files expect is not
//! looked at here: the two answers are compared with each other.

use std::fmt;
use std::path::Path;

use maar_tests::compare::Order;
use maar_tests::fixtures::Fixtures;
use maar_tests::session::{Place, TestSession};
use maar_tests::{Result, slt};
use sqllogictest::{DefaultColumnType, QueryExpect, Record, SortMode, parse_file};

use crate::differences::{DIFFERENCES, Difference};
use crate::process::DuckDb;
use crate::value::Table;

/// What a run found.
#[derive(Default)]
pub(crate) struct Tally {
    /// Statements both answered alike, or both refused.
    agreed: usize,
    with_rows: usize,
    refused: usize,
    /// Statements that the table of differences names.
    listed: usize,
    /// Uses of each entry of the table.
    used: Vec<usize>,
    wrong: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agreed, with_rows, refused, listed, .. } = self;
        write!(
            f,
            "{agreed} statements agree ({with_rows} with rows, {refused} refused by both), {listed} differ as listed"
        )
    }
}

impl Tally {
    /// # Errors
    /// With every difference that is not listed, and every listed one that is none any more.
    pub(crate) fn verdict(mut self) -> Result<()> {
        for (difference, used) in DIFFERENCES.iter().zip(&self.used) {
            if *used == 0 {
                let Difference { file, sql, .. } = difference;
                self.wrong.push(format!("differences.rs: `{sql}` of `{file}` is no difference: take it out"));
            }
        }
        if self.with_rows < self.listed {
            self.wrong.push("more statements differ than agree: nothing is tested".to_owned());
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(self.wrong.join("\n\n").into()) }
    }

    fn record(&mut self, file: &str, line: u32, sql: &str, outcome: std::result::Result<(), String>) {
        let listed = DIFFERENCES.iter().position(|difference| difference.is_about(file, sql));
        match (outcome, listed) {
            (Ok(()), _) => self.agreed += 1,
            (Err(_), Some(index)) => {
                self.listed += 1;
                self.used[index] += 1;
            }
            (Err(difference), None) => self.wrong.push(format!("{file}.slt:{line}\n  {sql}\n  {difference}")),
        }
    }
}

pub(crate) async fn run(fixtures: &Fixtures, duckdb: &mut DuckDb) -> Result<Tally> {
    let mut tally = Tally { used: vec![0; DIFFERENCES.len()], ..Tally::default() };
    for path in slt::files()? {
        let session = TestSession::open(Place::Emulated)?;
        fixtures.register(&session).await?;
        duckdb.open_tables(fixtures.folder(), fixtures.names())?;
        run_file(&path, &session, (fixtures, &mut *duckdb), &mut tally).await?;
    }
    Ok(tally)
}

async fn run_file(
    path: &Path,
    session: &TestSession,
    (fixtures, duckdb): (&Fixtures, &mut DuckDb),
    tally: &mut Tally,
) -> Result<()> {
    let file = slt::topic(path);
    for record in parse_file::<DefaultColumnType>(path).map_err(|error| error.to_string())? {
        let (loc, sql, order) = match record {
            Record::Statement { loc, sql, .. } => (loc, sql, Order::None),
            Record::Query { loc, sql, expected, .. } => {
                let order = order(&sql, &expected);
                (loc, sql, order)
            }
            _ => continue,
        };
        let placed = fixtures.placed(&sql);
        let ours = session.run(&placed).await;
        let theirs = duckdb.run(&placed)?;
        let outcome = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let ours = Table::from_maar(&ours)?;
                tally.with_rows += usize::from(ours.rows() > 0);
                ours.same(theirs, order).map_err(|difference| format!("Maar against DuckDB: {difference}"))
            }
            (Err(_), Err(_)) => {
                tally.refused += 1;
                Ok(())
            }
            (Ok(_), Err(error)) => Err(format!("DuckDB refuses, Maar does not: {error}")),
            (Err(error), Ok(_)) => Err(format!("Maar refuses, DuckDB does not: {error}")),
        };
        tally.record(&file, loc.line(), &sql, outcome);
    }
    Ok(())
}

/// Files say `rowsort` where the order is left open.
fn order(sql: &str, expected: &QueryExpect<DefaultColumnType>) -> Order {
    let is_sorted = matches!(expected, QueryExpect::Results { sort_mode: None | Some(SortMode::NoSort), .. });
    if is_sorted && sql.to_ascii_lowercase().contains("order by") { Order::Total } else { Order::None }
}
