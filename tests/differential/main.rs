//! Random tables and random queries: the same rows from plain DataFusion, from Maar on the CPU and from the emulated
//! device.
//!
//! `MAAR_DIFFERENTIAL_CASES` says how many (default 60), `MAAR_SEED` runs the one case that a failure named. A case is
//! one set of tables and a handful of queries over them.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod query;
mod window;

use maar_tests::compare::{self, Order};
use maar_tests::random::Tables;
use maar_tests::session::{Oracle, Place, TestSession, runtime};
use maar_tests::{Result, skip};
use rand::SeedableRng;
use rand::rngs::StdRng;

use query::Query;

/// Cases of a usual run: small, so that the whole stays under three minutes. Nightly runs set more.
const CASES: u64 = 60;
const QUERIES_PER_CASE: usize = 6;
/// After so many a run stops: they are likely one bug.
const DIFFERENCES_MAX: usize = 10;
const PLACES: [Place; 2] = [Place::Cpu, Place::Emulated];
/// What plain DataFusion cannot plan and Maar can: there the first place is the oracle of the other.
const REFUSED_BY_DATAFUSION: [&str; 3] = [
    "Projections require unique expression names",
    "Schema contains duplicate unqualified field name",
    "Physical input schema should be the same as the one converted from logical input schema",
];

/// What a run has done: the canaries look at it.
#[derive(Default)]
struct Tally {
    queries: usize,
    /// Queries whose answer had rows: a grammar that filters everything away tests nothing.
    with_rows: usize,
    /// Queries that failed everywhere alike.
    errors: usize,
    pipelines: usize,
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => {
            eprintln!("differential: {name}={text}: {error}");
            None
        }
    }
}

#[test]
fn random_queries_agree_everywhere() {
    let seeds: Vec<u64> = match from_environment("MAAR_SEED") {
        Some(seed) => vec![seed],
        None => (1..=from_environment("MAAR_DIFFERENTIAL_CASES").unwrap_or(CASES)).collect(),
    };
    let places: Vec<Place> = PLACES.into_iter().filter(|place| is_there(*place)).collect();
    let mut tally = Tally::default();
    let mut differences = 0;
    for seed in &seeds {
        // Set-up that fails is no difference.
        differences += runtime().unwrap().block_on(case(*seed, &places, &mut tally)).unwrap();
        if differences >= DIFFERENCES_MAX {
            break;
        }
    }
    eprintln!(
        "differential: {} queries of {} cases, {} with rows, {} failed alike, {} pipelines on the device",
        tally.queries,
        seeds.len(),
        tally.with_rows,
        tally.errors,
        tally.pipelines
    );
    assert_eq!(differences, 0, "queries whose answers differ, see above; MAAR_SEED=n runs one case alone");
    if seeds.len() > 1 {
        assert!(tally.with_rows * 2 > tally.queries, "most queries have no rows: the grammar tests nothing");
        assert!(tally.errors * 10 < tally.queries, "one query in ten fails: the grammar is off");
        assert!(
            !places.contains(&Place::Emulated) || tally.pipelines > 0,
            "no pipeline ran on the device over the whole run"
        );
    }
}

fn is_there(place: Place) -> bool {
    if let Some(reason) = place.missing() {
        eprintln!("differential: {place} is skipped: {reason}");
        skip::skipped("device", &format!("differential {place}"), &reason);
        return false;
    }
    true
}

/// One set of tables, and queries over them. Returns how many queries differ, each of them shown.
async fn case(seed: u64, places: &[Place], tally: &mut Tally) -> Result<usize> {
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir()?;
    let tables = Tables::random(&mut random);
    tables.write(folder.path(), &mut random)?;
    let oracle = Oracle::open();
    let mut sessions = Vec::new();
    for place in places {
        sessions.push((*place, TestSession::open(*place)?));
    }
    for statement in tables.statements(folder.path()) {
        oracle.run(&statement).await?;
        for (_, session) in &sessions {
            session.run(&statement).await?;
        }
    }
    let mut differences = 0;
    for _ in 0..QUERIES_PER_CASE {
        let query = Query::random(&tables, &mut random);
        if let Err(difference) = compare_everywhere(&query, &oracle, &sessions, tally).await {
            differences += 1;
            let (smallest, why) = shrink(query, difference.to_string(), &oracle, &sessions).await;
            eprintln!("\nMAAR_SEED={seed}\n{smallest}\n{why}\n{tables}");
        }
    }
    Ok(differences)
}

/// Takes parts off a query that fails for as long as it still does.
async fn shrink(
    mut query: Query,
    mut why: String,
    oracle: &Oracle,
    sessions: &[(Place, TestSession)],
) -> (Query, String) {
    'smaller: loop {
        for candidate in query.smaller() {
            if let Err(still) = compare_everywhere(&candidate, oracle, sessions, &mut Tally::default()).await {
                (query, why) = (candidate, still.to_string());
                continue 'smaller;
            }
        }
        return (query, why);
    }
}

async fn compare_everywhere(
    query: &Query,
    oracle: &Oracle,
    sessions: &[(Place, TestSession)],
    tally: &mut Tally,
) -> Result<()> {
    let sql = query.to_string();
    let order = if query.is_ordered() { Order::Total } else { Order::None };
    tally.queries += 1;
    let mut expected = oracle.run(&sql).await;
    if let (Err(error), Some((_, first))) = (&expected, sessions.first())
        && REFUSED_BY_DATAFUSION.iter().any(|refusal| error.to_string().contains(refusal))
    {
        expected = first.run(&sql).await;
    }
    if let Ok(expected) = &expected {
        tally.with_rows += usize::from(expected.rows() > 0);
    }
    tally.errors += usize::from(expected.is_err());
    for (place, session) in sessions {
        match (&expected, session.run(&sql).await) {
            (Ok(expected), Ok(answer)) => {
                tally.pipelines += answer.pipelines;
                compare::same(&answer, expected, order)
                    .map_err(|error| format!("{place} (first) against DataFusion (second): {error}"))?;
            }
            // Both refuse: which of several failing rows is named may differ.
            (Err(_), Err(_)) => {}
            (Ok(_), Err(error)) => return Err(format!("{place} fails, DataFusion does not: {error}").into()),
            (Err(error), Ok(_)) => return Err(format!("DataFusion fails, {place} does not: {error}").into()),
        }
    }
    Ok(())
}
