//! Encoding host arrays: types, NULLs, widths, sizes, slices, extremes, dictionaries.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod scan_support;

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int8Type, Int32Type, TimeUnit, UInt16Type};
use maar_gpu_exec::column::{
    ChunkEncoder, EncodeError, EncodedChunk, IntLayout, Stored, Target, integer_range, padded_rows,
};
use maar_gpu_exec::ir::{IntWidth, Type};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::scan_support::{Value, decode, decode_value, expected, raw_integer};

const SIZES: [usize; 9] = [0, 1, 31, 32, 33, 2047, 2048, 2049, 10_000];

/// How NULLs are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nulls {
    None,
    Some,
    All,
}

fn null_at(nulls: Nulls, row: usize) -> bool {
    match nulls {
        Nulls::None => false,
        Nulls::Some => row % 3 == 1 || row % 64 > 60,
        Nulls::All => true,
    }
}

fn encode(arrays: &[ArrayRef], layout: Option<IntLayout>) -> Result<EncodedChunk, EncodeError> {
    let ty = Type::from_arrow(arrays[0].data_type()).unwrap();
    let mut encoder = ChunkEncoder::new(Target::for_type(ty, layout), 0);
    for array in arrays {
        encoder.push(array)?;
    }
    encoder.finish(0)
}

/// Encodes and reads back; checks padding, NULL counts, ranges and what stands under NULLs.
fn check(arrays: &[ArrayRef], layout: Option<IntLayout>) -> EncodedChunk {
    let chunk = encode(arrays, layout).unwrap();
    let rows: Vec<_> = arrays.iter().flat_map(|array| expected(array)).collect();
    assert_eq!(chunk.rows, rows.len());
    assert_eq!(chunk.data.len(), padded_rows(rows.len()) * chunk.stored.bytes());
    assert_eq!(decode(&chunk.stored, &chunk.data, chunk.validity.as_deref(), chunk.rows), rows);
    let nulls = rows.iter().filter(|row| row.is_none()).count();
    assert_eq!(chunk.facts.nulls, nulls as u64);
    assert_eq!(chunk.validity.is_some(), nulls > 0);
    if let Some(validity) = &chunk.validity {
        assert_eq!(validity.len(), padded_rows(rows.len()) / 8);
    }
    if let (Stored::Int { .. } | Stored::Codes { .. }, Some((min, max))) = (&chunk.stored, chunk.facts.range) {
        let stored: Vec<_> = (0..chunk.rows).map(|row| raw_integer(&chunk.stored, &chunk.data, row)).collect();
        assert!(stored.iter().all(|value| (min..=max).contains(value)), "a value under a NULL is out of range");
        assert_eq!(stored.iter().min().copied(), Some(min));
        assert_eq!(stored.iter().max().copied(), Some(max));
    }
    chunk
}

/// Integers of a type spread over `[low, high]`, ends included.
fn integers(data_type: &DataType, low: i128, high: i128, rows: usize, nulls: Nulls) -> ArrayRef {
    let mut random = StdRng::seed_from_u64(rows as u64);
    let value = |row: usize, random: &mut StdRng| match row {
        0 => low,
        1 => high,
        _ => random.random_range(low..=high),
    };
    let values: Vec<Option<i128>> = (0..rows)
        .map(|row| (value(row, &mut random), row))
        .map(|(v, row)| (!null_at(nulls, row)).then_some(v))
        .collect();
    let wide: Decimal128Array = values.into_iter().collect();
    match data_type {
        DataType::Decimal128(p, s) => Arc::new(wide.with_precision_and_scale(*p, *s).unwrap()),
        DataType::UInt64 => Arc::new(wide.iter().map(|v| v.map(|v| v as u64)).collect::<UInt64Array>()),
        DataType::Timestamp(_, _) => {
            cast(&wide.iter().map(|v| v.map(|v| v as i64)).collect::<Int64Array>(), data_type).unwrap()
        }
        DataType::Date32 => cast(&wide.iter().map(|v| v.map(|v| v as i32)).collect::<Int32Array>(), data_type).unwrap(),
        _ => cast(&wide.iter().map(|v| v.map(|v| v as i64)).collect::<Int64Array>(), data_type).unwrap(),
    }
}

const INTEGER_TYPES: [(DataType, i128, i128); 14] = [
    (DataType::Int8, i8::MIN as i128, i8::MAX as i128),
    (DataType::Int16, i16::MIN as i128, i16::MAX as i128),
    (DataType::Int32, i32::MIN as i128, i32::MAX as i128),
    (DataType::Int64, i64::MIN as i128, i64::MAX as i128),
    (DataType::UInt8, 0, u8::MAX as i128),
    (DataType::UInt16, 0, u16::MAX as i128),
    (DataType::UInt32, 0, u32::MAX as i128),
    (DataType::UInt64, 0, u64::MAX as i128),
    (DataType::Date32, i32::MIN as i128, i32::MAX as i128),
    (DataType::Timestamp(TimeUnit::Second, None), i64::MIN as i128, i64::MAX as i128),
    (DataType::Timestamp(TimeUnit::Nanosecond, None), i64::MIN as i128, i64::MAX as i128),
    (DataType::Decimal128(9, 2), -999_999_999, 999_999_999),
    (DataType::Decimal128(15, 2), -999_999_999_999_999, 999_999_999_999_999),
    (
        DataType::Decimal128(38, 10),
        -99_999_999_999_999_999_999_999_999_999_999_999_999,
        99_999_999_999_999_999_999_999_999_999_999_999_999,
    ),
];

#[test]
fn integers_of_every_type_size_and_null_pattern() {
    for (data_type, low, high) in &INTEGER_TYPES {
        for rows in SIZES {
            for nulls in [Nulls::None, Nulls::Some, Nulls::All] {
                let array = integers(data_type, *low, *high, rows, nulls);
                check(&[Arc::clone(&array)], None);
                let range = integer_range(&array).unwrap();
                check(&[array], Some(IntLayout::for_range(range)));
            }
        }
    }
}

#[test]
fn widths_follow_the_range() {
    let ranges = [
        (0, 100, 1),
        (-128, 127, 1),
        (1992, 1998, 1),
        (0, 40_000, 2),
        (0, 1 << 30, 4),
        (-5, 1 << 40, 8),
        (1 << 62, (1 << 62) + 9, 1),
    ];
    for (low, high, bytes) in ranges {
        for nulls in [Nulls::None, Nulls::Some] {
            let array = integers(&DataType::Int64, low, high, 2049, nulls);
            let chunk = check(&[Arc::clone(&array)], Some(IntLayout::for_range(Some((low, high)))));
            assert_eq!(chunk.stored.bytes(), bytes, "{low}..={high}");
        }
    }
}

#[test]
fn slices_keep_their_validity() {
    for rows in SIZES {
        for (offset, cut) in [(0, 1), (1, 0), (7, 9), (8, 0), (13, 31)] {
            let array = integers(&DataType::Int32, -5, 70_000, rows + offset + cut, Nulls::Some).slice(offset, rows);
            check(&[array], Some(IntLayout::for_range(Some((-5, 70_000)))));
            let texts: StringArray =
                (0..rows + offset + cut).map(|i| (i % 5 != 2).then(|| format!("t{}", i % 11))).collect();
            check(&[Arc::new(texts.slice(offset, rows))], None);
            let flags: BooleanArray = (0..rows + offset + cut).map(|i| (i % 5 != 2).then_some(i % 3 == 0)).collect();
            check(&[Arc::new(flags.slice(offset, rows))], None);
        }
    }
}

#[test]
fn batches_with_and_without_nulls_join() {
    let batches = [
        integers(&DataType::Int64, 0, 9, 5, Nulls::None),
        integers(&DataType::Int64, 3, 90, 33, Nulls::Some),
        integers(&DataType::Int64, 3, 90, 7, Nulls::None),
        integers(&DataType::Int64, -100, 90, 64, Nulls::All),
        integers(&DataType::Int64, -100, 90, 2050, Nulls::Some),
    ];
    let chunk = check(&batches, Some(IntLayout { width: IntWidth::W8, base: 0 }));
    assert!(!chunk.facts.ascending);
}

#[test]
fn a_value_outside_the_layout_is_an_error_and_a_null_one_is_not() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(128)]));
    let layout = IntLayout { width: IntWidth::W8, base: 0 };
    match encode(&[array], Some(layout)) {
        Err(EncodeError::LayoutMiss(miss)) => assert_eq!((miss.min, miss.max, miss.layout), (1, 128, layout)),
        other => panic!("{other:?}"),
    }
    let nulls = arrow::buffer::NullBuffer::from(vec![true, false]);
    let hidden: ArrayRef = Arc::new(Int64Array::new(vec![1, 128].into(), Some(nulls)));
    check(&[hidden], Some(layout));
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    assert!(encode(&[unsigned], Some(IntLayout { width: IntWidth::W64, base: 0 })).is_err());
}

#[test]
fn ascending_is_seen_across_batches_and_nulls() {
    let ascending = |batches: &[Vec<Option<i64>>]| {
        let arrays: Vec<ArrayRef> = batches.iter().map(|b| Arc::new(Int64Array::from(b.clone())) as ArrayRef).collect();
        check(&arrays, None).facts.ascending
    };
    assert!(ascending(&[vec![Some(1), None, Some(3)], vec![], vec![None, Some(4)]]));
    assert!(!ascending(&[vec![Some(1), Some(3)], vec![Some(3)]]));
    assert!(!ascending(&[vec![Some(1), None, Some(1)]]));
    assert!(!ascending(&[vec![None]]));
}

#[test]
fn floats_and_booleans() {
    for rows in SIZES {
        for nulls in [Nulls::None, Nulls::Some, Nulls::All] {
            let doubles: Float64Array = (0..rows).map(|i| (!null_at(nulls, i)).then_some(i as f64 * -0.25)).collect();
            check(&[Arc::new(doubles)], None);
            let singles: Float32Array = (0..rows).map(|i| (!null_at(nulls, i)).then_some(i as f32 * 1.5)).collect();
            check(&[Arc::new(singles)], None);
            let flags: BooleanArray = (0..rows).map(|i| (!null_at(nulls, i)).then_some(i % 3 == 0)).collect();
            check(&[Arc::new(flags)], None);
        }
    }
    check(&[Arc::new(Float64Array::from(vec![f64::NAN, -0.0, f64::INFINITY, f64::MIN_POSITIVE / 2.0]))], None);
}

fn texts(rows: usize, nulls: Nulls) -> StringArray {
    const WORDS: [&str; 7] = ["", "a", "zebra", "äpfel", "語", "a much longer text than twelve bytes", "Z"];
    (0..rows).map(|row| (!null_at(nulls, row)).then_some(WORDS[row * 5 % WORDS.len()])).collect()
}

#[test]
fn text_of_every_kind() {
    let dictionary = |key: DataType, value: DataType| DataType::Dictionary(Box::new(key), Box::new(value));
    let kinds = [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        dictionary(DataType::Int32, DataType::Utf8),
        dictionary(DataType::UInt8, DataType::Utf8),
        dictionary(DataType::Int64, DataType::LargeUtf8),
        dictionary(DataType::UInt16, DataType::Utf8View),
    ];
    for kind in &kinds {
        for rows in SIZES {
            for nulls in [Nulls::None, Nulls::Some, Nulls::All] {
                let array = cast(&texts(rows, nulls), kind).unwrap();
                check(&[Arc::clone(&array), array], None);
            }
        }
    }
}

/// Encodes to raw text and reads back; the texts take the room they need and NULLs take none.
fn check_raw(arrays: &[ArrayRef]) {
    let mut encoder = ChunkEncoder::new(Target::RawText, 0);
    arrays.iter().for_each(|array| encoder.push(array).unwrap());
    let chunk = encoder.finish(0).unwrap();
    let rows: Vec<_> = arrays.iter().flat_map(|array| expected(array)).collect();
    assert!(matches!(chunk.stored, Stored::RawText));
    assert_eq!(decode(&chunk.stored, &chunk.data, chunk.validity.as_deref(), chunk.rows), rows);
    let nulls = rows.iter().filter(|row| row.is_none()).count();
    assert_eq!((chunk.facts.nulls, chunk.facts.range, chunk.validity.is_some()), (nulls as u64, None, nulls > 0));
    let bytes: usize = rows
        .iter()
        .map(|row| match row {
            Some(Value::Text(text)) => text.len(),
            _ => 0,
        })
        .sum();
    let distances = (padded_rows(rows.len()) + 1) * 4;
    assert_eq!(chunk.data.len(), distances.next_multiple_of(16) + bytes.next_multiple_of(16));
    // Rows up to the end of the last tile can be read: they are empty.
    for row in (0..padded_rows(rows.len())).filter(|row| rows.get(*row).is_none_or(Option::is_none)) {
        assert_eq!(decode_value(&chunk.stored, &chunk.data, row), Value::Text(String::new()), "row {row}");
    }
}

#[test]
fn raw_text_of_every_kind() {
    let dictionary = |key: DataType, value: DataType| DataType::Dictionary(Box::new(key), Box::new(value));
    let kinds = [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        dictionary(DataType::Int32, DataType::Utf8),
        dictionary(DataType::UInt16, DataType::Utf8View),
    ];
    for kind in &kinds {
        for rows in SIZES {
            for nulls in [Nulls::None, Nulls::Some, Nulls::All] {
                let array = cast(&texts(rows, nulls), kind).unwrap();
                check_raw(&[Arc::clone(&array), array]);
            }
        }
        let array = cast(&texts(300, Nulls::Some), kind).unwrap();
        check_raw(&[array.slice(7, 100), array.slice(0, 0), array.slice(299, 1)]);
    }
    // Bytes may stand under a NULL.
    let hidden = LargeStringArray::new(
        arrow::buffer::OffsetBuffer::new(vec![0_i64, 3, 5, 6].into()),
        arrow::buffer::Buffer::from(b"abcdef".as_slice()),
        Some(arrow::buffer::NullBuffer::from(vec![true, false, true])),
    );
    check_raw(&[Arc::new(hidden)]);
    assert!(ChunkEncoder::new(Target::RawText, 0).push(&Int64Array::from(vec![1])).is_err());
}

#[test]
fn code_widths_follow_the_number_of_texts() {
    for (count, bytes) in [(1, 1), (255, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
        let array: StringArray = (0..count).map(|i| Some(format!("{i:06}"))).collect();
        let chunk = check(&[Arc::new(array)], None);
        assert_eq!(chunk.stored.bytes(), bytes, "{count} texts");
    }
}

#[test]
fn dictionaries_that_differ_between_batches_are_merged() {
    let batch =
        |words: &[Option<&str>]| Arc::new(words.iter().copied().collect::<DictionaryArray<Int32Type>>()) as ArrayRef;
    let chunk =
        check(&[batch(&[Some("b"), None, Some("a")]), batch(&[Some("c"), Some("b"), Some("c")]), batch(&[None])], None);
    let Stored::Codes { dictionary, .. } = &chunk.stored else { panic!() };
    assert_eq!(dictionary.values().iter().flatten().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn unused_and_repeated_dictionary_entries_leave_no_trace() {
    let values = Arc::new(StringArray::from(vec![Some("x"), Some("unused"), None, Some("x"), Some("a")]));
    let keys = Int8Array::from(vec![Some(0), Some(2), Some(3), None, Some(4)]);
    let array = DictionaryArray::<Int8Type>::new(keys, values);
    let chunk = check(&[Arc::new(array)], None);
    let Stored::Codes { dictionary, .. } = &chunk.stored else { panic!() };
    assert_eq!(dictionary.values().iter().flatten().collect::<Vec<_>>(), ["a", "x"]);
    assert_eq!(chunk.facts.nulls, 2);
    let empty =
        DictionaryArray::<UInt16Type>::new(UInt16Array::from(vec![None, None]), Arc::new(StringArray::new_null(0)));
    check(&[Arc::new(empty)], None);
}
