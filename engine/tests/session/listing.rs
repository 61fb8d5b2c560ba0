//! What a statement asks of a store: its files are listed once, what the listing says of a file is not asked for again, the
//! end of each file is read once, and no byte comes from another state of a file. The emulated device needs a C++ compiler.

use std::sync::Arc;

use maar_engine::Session;
use maar_engine::device::DeviceKind;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::stores::{Asked, Replacement, Watched};
use crate::support::cells;

const DEVICES: [DeviceKind; 2] = [DeviceKind::Cpu, DeviceKind::Emulated];
const URL: &str = "counted://lake";
const FILES: u64 = 3;

async fn write(session: &Session, name: &str, rows: &str) {
    let options = "(format parquet, row_group_size 20)";
    session.run_script(&format!("copy ({rows}) to '{URL}/{name}' {options}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_lists_its_files_once_and_asks_for_none_of_them_again() {
    let store = Arc::new(Watched::default());
    let session = store.session(DeviceKind::Emulated, URL);
    for file in 0..FILES {
        let rows = format!("select value as n, value % 3 as g from generate_series({file}, 99)");
        session.run_script(&format!("copy ({rows}) to '{URL}/t/{file}.parquet'")).await.unwrap();
    }
    store.asked();
    session.run_script(&format!("create external table t stored as parquet location '{URL}/t/'")).await.unwrap();
    let asked = store.asked();
    assert_eq!((asked.heads, asked.tails, asked.ranges), (0, FILES, 0));
    let run = async |sql: &str| {
        store.asked();
        let (batches, report) = session.sql(sql).await.unwrap().collect().await.unwrap();
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        assert!(report.device().starts_with("emulated"), "{}", report.device());
        (rows, report.plan_from_cache, store.asked())
    };

    let only_listed = Asked { lists: 1, ..Asked::default() };
    let sums = "select g, sum(n) from t group by g";
    assert_eq!(run(sums).await, (3, false, Asked { ranges: FILES, ..only_listed }), "both columns of a file at once");
    // A kept plan is used only where a new listing finds the same files: that one serves.
    assert_eq!(run(sums).await, (3, true, only_listed));
    // The same columns, another statement.
    assert_eq!(run("select g, max(n) from t group by g").await, (3, false, only_listed));
    // The same table twice in one statement.
    let (rows, _, asked) = run("select count(*) from t a join t b on a.n = b.n + 1 and a.g > b.g").await;
    assert_eq!((rows, Asked { lists: 0, ..asked }), (1, Asked::default()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_file_is_read_once_by_planner_host_and_device() {
    for device in DEVICES {
        let store = Arc::new(Watched::default());
        let write_to = store.session(DeviceKind::Cpu, URL);
        for file in 0..FILES {
            let rows = format!("select value as n, value % 3 as g from generate_series({file}, 9)");
            write(&write_to, &format!("t/{file}.parquet"), &rows).await;
        }
        store.asked();
        let session = store.session(device, URL);
        let path = format!("'{URL}/t/'");
        let total = |sql: &str| sql.replace("{t}", &path);
        let run = async |sql: &str| {
            store.asked();
            (cells(&session, &total(sql)).await.unwrap(), store.asked())
        };
        // A path in FROM: its columns are looked up as well.
        let (rows, cold) = run("select count(n), sum(n) from {t} where n >= 1").await;
        assert_eq!(rows, "26,134", "{device:?}");
        assert_eq!((cold.heads, cold.tails, cold.ranges), (0, FILES, FILES), "{device:?}");
        // Another column, another statement.
        let (rows, hot) = run("select sum(g), min(n) from {t} where n > 2").await;
        assert_eq!(rows, "18,3", "{device:?}");
        assert_eq!((hot.heads, hot.tails), (0, 0), "{device:?}");
        write(&write_to, "t/1.parquet", "select value as n, 7 as g from generate_series(1, 3)").await;
        let (rows, replaced) = run("select sum(g), min(n) from {t} where n > 2").await;
        assert_eq!(rows, "19,3", "{device:?}");
        assert_eq!((replaced.heads, replaced.tails), (0, 1), "{device:?}: of the file that was replaced");
    }
}

/// Files of several row groups: they are read bit by bit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_replaced_while_it_is_read_is_named_or_read_anew() {
    for (device, after, ignores_if_match) in
        DEVICES.iter().flat_map(|device| (0..3).flat_map(|after| [(*device, after, false), (*device, after, true)]))
    {
        let shown = format!("{device:?}, after {after} reads, {ignores_if_match}");
        let store = Arc::new(Watched::ignoring_if_match(ignores_if_match));
        let write_to = store.session(DeviceKind::Cpu, URL);
        let series =
            |from: u64| format!("select value as n, value + 1 as m from generate_series({from}, {})", from + 99);
        write(&write_to, "t/0.parquet", &series(0)).await;
        write(&write_to, "t/1.parquet", &series(1000)).await;
        write(&write_to, "new.parquet", &series(50_000)).await;
        let session = store.session(device, URL);
        session.run_script(&format!("create external table t stored as parquet location '{URL}/t/'")).await.unwrap();
        let sums = "select sum(n), sum(m), count(*) from t where n <> 5";
        let with = store.get(&Path::from("new.parquet")).await.unwrap().bytes().await.unwrap();
        *store.replacement.lock().unwrap() = Some(Replacement { path: Path::from("t/0.parquet"), with, after });
        let replaced = cells(&session, sums).await;
        let (old, new) = ("109895,110094,199", "5109900,5110100,200");
        match replaced {
            Ok(cells) => assert!(cells == old || cells == new, "{shown}: {cells}"),
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("t/0.parquet") && text.contains("was replaced"), "{shown}: {text}");
            }
        }
        if store.replacement.lock().unwrap().is_none() {
            assert_eq!(cells(&session, sums).await.unwrap(), new, "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_replaced_after_it_was_planned_is_no_mixture() {
    for device in DEVICES {
        let store = Arc::new(Watched::default());
        let session = store.session(device, URL);
        write(&session, "t/0.parquet", "select value as n from generate_series(1, 60)").await;
        let sql = format!("select sum(n), max(n) from '{URL}/t/' where n > 0");
        let result = session.sql(&sql).await.unwrap();
        // Planned; the host may have begun to read it.
        write(&session, "t/0.parquet", "select value as n from generate_series(101, 160)").await;
        match result.collect().await {
            Ok((batches, _)) => {
                let column = batches[0].column(0).to_data();
                let sum = column.buffers()[0].typed_data::<i64>()[0];
                assert!([1830, 7830].contains(&sum), "{device:?}: {sum}");
            }
            Err(error) => assert!(error.to_string().contains("t/0.parquet"), "{device:?}: {error}"),
        }
    }
}
