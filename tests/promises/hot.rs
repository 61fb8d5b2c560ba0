//! The second time: nothing is compiled, nothing is read, nothing is asked of a dictionary again, and the device is waited for once.

use maar_tests::compare::{self, Order};
use maar_tests::tpch;

use crate::lake::{Lake, on_device};

/// TPC-H queries that run on the device whole, but for a final ordering.
const WHOLE: [usize; 4] = [1, 3, 6, 14];

/// Those with a subquery that is a run of its own. A run waits once, for its rows; at this scale no text lies raw, which would
/// be waited for twice more.
const OF_TWO_RUNS: [usize; 3] = [11, 15, 22];

#[test]
fn a_query_run_again_compiles_nothing_and_reads_nothing() {
    on_device("run again", async || {
        let lake = Lake::open().await;
        for number in 1..=22 {
            let sql = tpch::query(number).unwrap();
            let first = lake.run(&sql).await;
            let again = lake.run(&sql).await;
            assert_eq!(again.report.work.pipelines.len(), first.report.work.pipelines.len(), "Q{number}");
            assert_eq!(again.not_in_memory(), [""; 0], "Q{number} compiled again");
            assert_eq!((again.file_bytes_read(), again.columns_loaded()), (0, 0), "Q{number} read again");
            assert_eq!(again.report.work.translations, 0, "Q{number} asked a dictionary again");
            let runs = if OF_TWO_RUNS.contains(&number) { 2 } else { 1 };
            assert_eq!(again.report.work.waits, runs, "Q{number} waited for the device");
            assert!(again.report.work.pipelines.iter().all(|pipeline| pipeline.launches > 0), "Q{number} ran nothing");
            compare::same(&again.answer, &first.answer, Order::None).unwrap();
            if WHOLE.contains(&number) {
                assert!(!first.report.work.pipelines.is_empty(), "Q{number} did not run on the device");
            }
        }
    });
}

/// Replacements of literals by others of the same types.
type Changes = &'static [(&'static str, &'static str)];

/// Queries and their other literals; every change must be found in the SQL.
const OTHERS: &[(usize, &[Changes])] = &[
    (1, &[&[("1998-12-01", "1996-03-07"), ("'90'", "'31'")], &[("1998-12-01", "1990-01-01")]]),
    (
        3,
        &[
            &[("'BUILDING'", "'MACHINERY'"), ("1995-03-15", "1994-12-24")],
            &[("'BUILDING'", "'NO SUCH SEGMENT'"), ("limit 10", "limit 3")],
        ],
    ),
    (
        6,
        &[
            &[("1994-01-01", "1996-05-17"), ("0.06", "0.03"), ("24", "11")],
            &[("1994-01-01", "1970-01-01"), ("0.01", "0.02"), ("24", "49")],
        ],
    ),
    (
        14,
        &[
            &[("1995-09-01", "1993-02-01"), ("PROMO%", "%STEEL"), ("100.00", "17.25")],
            &[("PROMO%", "%ANODIZED%"), ("100.00", "1.00")],
        ],
    ),
    (12, &[&[("1994-01-01", "1997-01-01")]]),
    (5, &[&[("1994-01-01", "1995-01-01"), ("ASIA", "EUROPE")]]),
];

#[test]
fn other_literals_of_the_same_types_compile_nothing() {
    on_device("other literals", async || {
        let lake = Lake::open().await;
        for (number, others) in OTHERS {
            let sql = tpch::query(*number).unwrap();
            lake.run(&sql).await;
            for changes in *others {
                let changed = changes.iter().fold(sql.clone(), |sql, (from, to)| {
                    assert!(sql.contains(from), "Q{number} has no {from}");
                    sql.replace(from, to)
                });
                let ran = lake.run(&changed).await;
                assert_eq!(ran.not_in_memory(), [""; 0], "Q{number} with {changes:?} compiled");
                lake.same_as_oracle(&changed, &ran).await;
            }
        }
    });
}
