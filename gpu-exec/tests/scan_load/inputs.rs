//! Rows of the host's operators, encoded as they come.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Int32Type};
use maar_gpu_exec::column::Stored;
use maar_gpu_exec::scan::{HostInput, InputColumns, InputWaves};

use super::scan_support::every::{columns_of, every_type};
use super::scan_support::files::{Bench, batch, rows};

/// A host input whose batches make up a chunk each.
fn gathered(batches: &[RecordBatch], raw: &[usize]) -> HostInput {
    let columns = InputColumns::new(&batches[0].schema(), &raw.iter().copied().collect()).unwrap();
    let chunks = batches.iter().map(|batch| columns.encode(std::slice::from_ref(batch)).unwrap()).collect();
    HostInput::new(columns, chunks).unwrap()
}

/// Batches in which each column has other ranges, words and NULLs.
fn unlike() -> [RecordBatch; 6] {
    let empty = every_type(0, 5, 0).slice(0, 0);
    let nothing = every_type(0, 77, 1);
    let [one, two, three] = [every_type(1, 100, 0), every_type(50, 2049, 7), every_type(90_000, 5000, 3)];
    [one, two, empty, three, nothing, every_type(900, 31, 1)]
}

#[test]
fn chunks_of_host_inputs_become_one_table() {
    let bench = Bench::new();
    let batches = unlike();
    let input = gathered(&batches, &[]);
    let table = input.upload(&bench.device).unwrap();
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    assert_eq!(table.segments.len(), 5, "one a chunk that has rows");
    assert_eq!([0, 3].map(|column| table.shape.columns[column].stored.bytes()), [1, 4]);
    assert_eq!((input.stats().rows, input.stats().chunks), (table.rows(), 5));
    let raw = gathered(&batches, &[3, 18]);
    let table = raw.upload(&bench.device).unwrap();
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    assert!(matches!(table.shape.columns[18].stored, Stored::RawText) && table.shape.columns[3].stored.bytes() == 4);
    let coded = raw.without_raw_text().unwrap();
    let table = coded.upload(&bench.device).unwrap();
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    assert!(matches!(table.shape.columns[18].stored, Stored::Codes { .. }) && !coded.has_raw_text());
    let none = gathered(&batches[2..3], &[]).upload(&bench.device).unwrap();
    assert_eq!((none.rows(), none.shape.columns.len()), (0, 19));
}

#[tokio::test]
async fn host_inputs_come_in_waves() {
    let bench = Bench::new();
    let batches = unlike();
    let all = columns_of(&batches);
    for bytes in [1, 200_000, u64::MAX] {
        let mut waves = InputWaves::new(&bench.device, Arc::new(gathered(&batches, &[18])), 0.0);
        for _ in 0..2 {
            let (mut found, before) = (vec![vec![]; all.len()], waves.stats().waves);
            while let Some(table) = waves.next(bytes).await.unwrap() {
                found.iter_mut().zip(rows(&bench.device, &table)).for_each(|(all, some)| all.extend(some));
            }
            assert!(found == all, "{bytes}");
            let count = waves.stats().waves - before;
            assert!(if bytes == u64::MAX { count == 1 } else { count > 2 }, "{bytes}: {count}");
            waves.rewind();
        }
    }
}

#[test]
fn what_a_host_input_comes_as() {
    let bench = Bench::new();
    let keyed: DictionaryArray<Int32Type> = [Some("b"), None, Some("a")].into_iter().collect();
    let batch = batch(&[("d", Arc::new(keyed))]);
    let batches = [batch.clone(), batch.slice(1, 2)];
    let table = gathered(&batches, &[0]).upload(&bench.device).unwrap();
    assert!(matches!(table.shape.columns[0].stored, Stored::Codes { .. }), "what comes as codes stays so");
    assert_eq!(rows(&bench.device, &table), columns_of(&batches));
    let binary = arrow::datatypes::Field::new("b", DataType::Binary, true);
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![binary]));
    let error = InputColumns::new(&schema, &[].into()).unwrap_err();
    assert!(error.to_string().contains("column b"), "{error}");
}
