//! The 22 queries of TPC-H at scale 0.01, over many files: every device against plain DataFusion, and the plans of the
//! device as snapshots.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod far;
mod hdfs;
mod memory;

use std::path::Path;

use maar_tests::compare::{self, Order};
use maar_tests::session::{Oracle, Place, TestSession, runtime};
use maar_tests::{Result, render, skip, tpch};

const SCALE: f64 = 0.01;
const PLACES: [Place; 2] = [Place::Cpu, Place::Emulated];

async fn open(place: Place, data: &Path) -> Result<TestSession> {
    let session = TestSession::open(place)?;
    for statement in tpch::statements(data) {
        session.run(&statement).await?;
    }
    Ok(session)
}

#[test]
fn all_queries_agree_with_datafusion() {
    let data = tempfile::tempdir().unwrap();
    tpch::create(data.path(), SCALE).unwrap();
    settle();
    runtime().unwrap().block_on(agree(data.path(), data.path())).unwrap();
}

/// Finds out, outside of the runtime as it starts one, whether queries can run at each place.
fn settle() {
    PLACES.iter().for_each(|place| drop(place.missing()));
}

/// The queries over the data in the folder `data` as DataFusion answers them, and over the same files in the folder `at` of any store.
async fn agree(data: &Path, at: &Path) -> Result<()> {
    let oracle = Oracle::open();
    for statement in tpch::statements(data) {
        oracle.run(&statement).await?;
    }
    let mut wrong = Vec::new();
    for place in PLACES {
        if let Some(reason) = place.missing() {
            eprintln!("tpch: {place} is skipped: {reason}");
            skip::skipped("device", &format!("tpch {place}"), &reason);
            continue;
        }
        let session = open(place, at).await?;
        let mut pipelines = 0;
        for number in 1..=22 {
            let sql = tpch::query(number)?;
            let expected = oracle.run(&sql).await?;
            match session.run(&sql).await {
                Ok(answer) => {
                    pipelines += answer.pipelines;
                    // ORDER BY rarely covers the whole output: rows are a multiset.
                    if let Err(difference) = compare::same(&answer, &expected, Order::None) {
                        wrong.push(format!("Q{number} {place}: {difference}"));
                    }
                }
                Err(error) => wrong.push(format!("Q{number} {place}: {error}")),
            }
        }
        if place == Place::Emulated && pipelines == 0 {
            wrong.push("no pipeline ran on the device by any query on the emulated device".to_owned());
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// The plan as text, with what differs from run to run taken out.
fn settled(text: &str, data: &Path) -> String {
    let root = data.display().to_string();
    let inner = root.trim_start_matches('/');
    text.replace("\\n", "\n").replace(&root, "DATA").replace(inner, "DATA")
}

#[test]
fn plans_of_the_device_are_known() {
    if let Some(reason) = Place::Emulated.missing() {
        skip::skipped("device", "tpch plans", &reason);
        return;
    }
    runtime().unwrap().block_on(async {
        let data = tempfile::tempdir().unwrap();
        tpch::create(data.path(), SCALE).unwrap();
        let session = open(Place::Emulated, data.path()).await.unwrap();
        for number in 1..=22 {
            let answer = session.run(&format!("EXPLAIN {}", tpch::query(number).unwrap())).await.unwrap();
            let rows = render::rows(&answer.batches).unwrap();
            // The logical plan is DataFusion's own affair.
            let ours = rows.iter().filter(|row| row[0] != "logical_plan");
            let text: Vec<String> = ours.map(|row| row.join("\n")).collect();
            insta::assert_snapshot!(format!("q{number:02}"), settled(&text.join("\n\n"), data.path()));
        }
    });
}
