//! Rows of every type that has a stored form.

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};

use super::files::batch;
use super::{Value, expected};

/// A batch with a column of every type, `rows` rows from `start`, NULLs every `every` rows.
pub fn every_type(start: i64, rows: i64, every: i64) -> RecordBatch {
    let valid = |i: &i64| every == 0 || i % every != 0;
    let ints: Int64Array = (start..start + rows).map(|i| valid(&i).then_some(i)).collect();
    let small: Int64Array = (start..start + rows).map(|i| valid(&i).then_some(i % 100)).collect();
    let to = |array: &Int64Array, data_type: DataType| cast(array, &data_type).unwrap();
    let decimal = |p, s| -> ArrayRef {
        let values: Decimal128Array = ints.iter().map(|v| v.map(|v| i128::from(v) * 37 - 5000)).collect();
        Arc::new(values.with_precision_and_scale(p, s).unwrap())
    };
    let huge: Decimal128Array = ints.iter().map(|v| v.map(|v| i128::from(v) * 10_i128.pow(30) - 7)).collect();
    let words: StringArray =
        ints.iter().map(|v| v.map(|v| ["", "Zebra", "ä", "語", "a"][v as usize % 5].repeat(v as usize % 3))).collect();
    batch(&[
        ("i8", to(&small, DataType::Int8)),
        ("i16", to(&small, DataType::Int16)),
        ("i32", to(&ints, DataType::Int32)),
        ("i64", Arc::new(ints.clone())),
        ("u8", to(&small, DataType::UInt8)),
        ("u16", to(&small, DataType::UInt16)),
        ("u32", to(&ints, DataType::UInt32)),
        ("u64", Arc::new(ints.iter().map(|v| v.map(|v| u64::MAX - v as u64)).collect::<UInt64Array>())),
        ("f32", to(&ints, DataType::Float32)),
        ("f64", to(&ints, DataType::Float64)),
        ("flag", Arc::new(ints.iter().map(|v| v.map(|v| v % 3 == 0)).collect::<BooleanArray>())),
        ("date", cast(&to(&ints, DataType::Int32), &DataType::Date32).unwrap()),
        ("ts_ms", to(&ints, DataType::Timestamp(TimeUnit::Millisecond, None))),
        ("ts_us", to(&ints, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))),
        ("ts_ns", to(&ints, DataType::Timestamp(TimeUnit::Nanosecond, None))),
        ("d9", decimal(9, 2)),
        ("d15", decimal(15, 2)),
        ("d38", Arc::new(huge.with_precision_and_scale(38, 4).unwrap())),
        ("words", Arc::new(words)),
    ])
}

pub fn columns_of(batches: &[RecordBatch]) -> Vec<Vec<Option<Value>>> {
    (0..batches[0].num_columns()).map(|c| batches.iter().flat_map(|b| expected(b.column(c))).collect()).collect()
}
