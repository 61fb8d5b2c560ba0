//! Devices too small for the data: whatever room there is, and wherever it ends, the answers are the same.

use maar_tests::compare::{self, Order};
use maar_tests::session::{Oracle, Place, runtime};
use maar_tests::{Result, skip, tpch};

use super::{SCALE, open};

/// A tenth of what the columns of most queries take.
const LITTLE: &str = "512kB";

#[test]
fn queries_run_on_a_device_too_small_for_their_tables() {
    if let Some(reason) = Place::Emulated.missing() {
        skip::skipped("device", "tpch with little memory", &reason);
        return;
    }
    runtime().unwrap().block_on(async {
        let all: Vec<usize> = (1..=22).collect();
        let ran = agree(&all, &[LITTLE]).await.unwrap();
        assert_eq!(ran, all.len(), "all queries ran on the device to their end");
    });
}

#[test]
fn no_answer_depends_on_where_room_ends() {
    if let Some(reason) = Place::Emulated.missing() {
        skip::skipped("device", "tpch with any memory", &reason);
        return;
    }
    let sizes = ["1kB", "9kB", "30kB", "70kB", "110kB", "160kB", "230kB", "330kB", "480kB", "700kB", "1MB", "1500kB"];
    // Groups of every kind, builds of every kind, rows put out.
    runtime().unwrap().block_on(agree(&[1, 3, 10, 12, 13, 16, 18], &sizes)).unwrap();
}

/// How many answers came from the device.
async fn agree(queries: &[usize], sizes: &[&str]) -> Result<usize> {
    let data = tempfile::tempdir()?;
    tpch::create(data.path(), SCALE)?;
    let oracle = Oracle::open();
    for statement in tpch::statements(data.path()) {
        oracle.run(&statement).await?;
    }
    let session = open(Place::Emulated, data.path()).await?;
    let (mut ran, mut wrong) = (0, Vec::new());
    for number in queries {
        let sql = tpch::query(*number)?;
        let expected = oracle.run(&sql).await?;
        for size in sizes {
            session.run(&format!("SET maar.device_memory = '{size}'")).await?;
            match session.run(&sql).await {
                Ok(answer) => {
                    ran += usize::from(answer.pipelines > 0);
                    if let Err(difference) = compare::same(&answer, &expected, Order::None) {
                        wrong.push(format!("Q{number} with {size}: {difference}"));
                    }
                }
                Err(error) => wrong.push(format!("Q{number} with {size}: {error}")),
            }
        }
    }
    if wrong.is_empty() { Ok(ran) } else { Err(wrong.join("\n").into()) }
}
