//! Two statements that must have the same answer: a table against its parts where a condition holds, does not and is unknown;
//! an expression against one that means the same; a join, subquery or set operation against another way to say it; a literal
//! against the same value from a row. Each on tables in Parquet files and in memory, on the CPU and on the emulated device.
//!
//! `MAAR_SEED=n` runs one case again, keeps its files and says where they are. `MAAR_PAIRS` says how many pairs (default
//! [`PAIRS`]), `MAAR_FIRST_SEED` where seeds begin: `cargo xtask fuzz` sets both. Not here: comparison with another engine
//! (`differential`, `duckdb`).

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod constant;
mod equivalence;
mod ingredients;
mod known;
mod partition;
mod property;
mod relation;
mod rewrite;
mod run;
mod shrink;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use futures::StreamExt;
use maar_tests::session::{Place, runtime};
use maar_tests::{Result, skip};
use rand::SeedableRng;
use rand::rngs::StdRng;

use property::Pair;
use run::Runner;
use world::{Stand, World};

/// Pairs of a usual run: about a minute on two cores.
const PAIRS: u64 = 2000;
/// Pairs over one set of tables.
const PAIRS_PER_CASE: u64 = 20;
/// Of so many cases one runs on the emulated device as well, which has to compile what it runs.
const EMULATED_EVERY: u64 = 25;
/// Cases at once.
const AT_ONCE: usize = 2;
/// After so many differences a run stops: they are likely one bug.
const DIFFERENCES_MAX: usize = 40;
/// A line of progress after so many cases.
const PROGRESS_EVERY: usize = 50;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => {
            eprintln!("properties: {name}={text}: {error}");
            None
        }
    }
}

#[test]
fn pairs_have_the_same_answer() {
    let first = from_environment("MAAR_FIRST_SEED").unwrap_or(1);
    let pairs = from_environment("MAAR_PAIRS").unwrap_or(PAIRS);
    let replay = from_environment("MAAR_SEED");
    let seeds: Vec<u64> = match replay {
        Some(seed) => vec![seed],
        None => (first..first + pairs.div_ceil(PAIRS_PER_CASE)).collect(),
    };
    let count = seeds.len();
    let runner = Arc::new(Runner::default());
    let emulated = is_there(Place::Emulated);
    let differences = runtime().unwrap().block_on(cases(seeds, emulated, replay.is_some(), &runner));
    let read = |counter: &std::sync::atomic::AtomicUsize| counter.load(Relaxed);
    let (pairs, with_rows) = (read(&runner.pairs), read(&runner.with_rows));
    eprintln!(
        "properties: {pairs} pairs of {count} cases, {differences} differences; {with_rows} with rows, {} failed alike, of them \
         {} are not supported, {} pipelines on the device",
        read(&runner.errors),
        read(&runner.unsupported),
        read(&runner.pipelines)
    );
    assert_eq!(differences, 0, "pairs whose answers differ, see above; MAAR_SEED=n runs one case alone");
    if count > 1 {
        assert!(with_rows * 2 > pairs, "most pairs have no rows: the grammar tests nothing");
        assert!(read(&runner.errors) * 20 < pairs, "one pair in twenty fails: the grammar is off");
    }
}

/// Runs all cases, two at a time. Returns how many pairs differ.
async fn cases(seeds: Vec<u64>, emulated: bool, keep: bool, runner: &Arc<Runner>) -> usize {
    let (started, count) = (Instant::now(), seeds.len());
    let running = futures::stream::iter(seeds).map(|seed| {
        let runner = Arc::clone(runner);
        tokio::spawn(async move { Box::pin(case(seed, emulated && seed % EMULATED_EVERY == 0, keep, &runner)).await })
    });
    let mut running = running.buffer_unordered(AT_ONCE);
    let (mut differences, mut done) = (0, 0);
    while let Some(ended) = running.next().await {
        // Set-up that fails is no difference.
        differences += ended.unwrap().unwrap();
        done += 1;
        if done % PROGRESS_EVERY == 0 {
            let pairs = runner.pairs.load(Relaxed);
            eprintln!(
                "properties: {done} of {count} cases, {pairs} pairs, {differences} differences, {:?}",
                started.elapsed()
            );
        }
        if differences >= DIFFERENCES_MAX {
            break;
        }
    }
    differences
}

fn is_there(place: Place) -> bool {
    if let Some(reason) = place.missing() {
        eprintln!("properties: {place} is skipped: {reason}");
        skip::skipped("device", &format!("properties {place}"), &reason);
        return false;
    }
    true
}

/// One set of tables, and pairs over them. Returns how many pairs differ, each of them shown.
async fn case(seed: u64, emulated: bool, keep: bool, runner: &Runner) -> Result<usize> {
    let mut random = StdRng::seed_from_u64(seed);
    let is_simple = seed.is_multiple_of(EMULATED_EVERY);
    let mut stands = vec![Stand::Files(Place::Cpu), Stand::Memory];
    if emulated {
        stands.push(Stand::Files(Place::Emulated));
    }
    let world = Box::pin(World::random(&stands, keep, &mut random)).await?;
    let mut differences = 0;
    for _ in 0..PAIRS_PER_CASE {
        let pair = Pair::random(&world, is_simple, &mut random);
        let Err(why) = runner.check(&pair.statements(&world), &world).await else { continue };
        if known::is_message(&why.to_string()) {
            continue;
        }
        differences += 1;
        let (smallest, why) = Box::pin(shrink::shrink(pair, why, &world, runner)).await;
        eprintln!("\nMAAR_SEED={seed}: {}\n{}\n{why}", smallest.name, smallest.statements(&world));
    }
    if differences > 0 {
        eprintln!("\nMAAR_SEED={seed} has the tables\n{}", world.describe());
    }
    Ok(differences)
}
