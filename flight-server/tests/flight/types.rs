//! Every type that a column can have: what is advertised is what is sent, inside of nested columns too, and the values
//! are the same.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryArray, FixedSizeListArray, GenericListArray, GenericListViewArray, Int32Array,
    ListArray, MapArray, NullArray, OffsetSizeTrait, RecordBatch, RunArray, StringArray, StringViewArray, StructArray,
    UnionArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, Schema, TimeUnit, UnionFields};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use maar_engine::Session;
use maar_engine::datafusion::catalog::MemTable;

use crate::support::{fetch, serve, session};

const ROWS: usize = 3;

/// A type of one value after the other, by casts from what has a value of it.
fn plain() -> Vec<ArrayRef> {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("a rather long text")]));
    let of_numbers = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal32(9, 2),
        DataType::Decimal64(18, 3),
        DataType::Decimal128(38, 4),
        DataType::Decimal256(76, 5),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int32)),
    ];
    let of_wide = [
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Duration(TimeUnit::Second),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Duration(TimeUnit::Microsecond),
        DataType::Duration(TimeUnit::Nanosecond),
    ];
    let of_texts = [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::LargeUtf8)),
    ];
    let wide = cast(&numbers, &DataType::Int64).unwrap();
    let spans: ArrayRef = Arc::new(StringArray::from(vec![Some("2 months"), None, Some("3 years")]));
    let days: ArrayRef = Arc::new(StringArray::from(vec![Some("2 days"), None, Some("3 days")]));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(NullArray::new(ROWS))];
    columns.extend(of_numbers.iter().map(|data_type| cast(&numbers, data_type).unwrap()));
    columns.extend(of_wide.iter().map(|data_type| cast(&wide, data_type).unwrap()));
    columns.extend(of_texts.iter().map(|data_type| cast(&texts, data_type).unwrap()));
    columns.push(cast(&spans, &DataType::Interval(IntervalUnit::YearMonth)).unwrap());
    columns.push(cast(&days, &DataType::Interval(IntervalUnit::DayTime)).unwrap());
    columns.push(cast(&days, &DataType::Interval(IntervalUnit::MonthDayNano)).unwrap());
    columns.push(Arc::new(FixedSizeBinaryArray::try_from_iter([[1, 2], [3, 4], [5, 6]].into_iter()).unwrap()));
    columns.push(Arc::new(
        RunArray::try_new(&Int32Array::from(vec![2, 3]), &StringViewArray::from(vec![Some("run"), None])).unwrap(),
    ));
    columns
}

/// What is inside of a nested column: a view and a dictionary, with metadata, and not nullable where it has no NULL.
fn inner() -> (FieldRef, ArrayRef) {
    let texts: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b", "a text of more than twelve bytes", "d"]));
    let field = Field::new("element", DataType::Utf8View, false);
    (Arc::new(field.with_metadata(HashMap::from([("unit".to_owned(), "text".to_owned())]))), texts)
}

fn lists<O: OffsetSizeTrait>() -> ArrayRef {
    let (field, items) = inner();
    Arc::new(GenericListArray::<O>::new(
        field,
        OffsetBuffer::from_lengths([2, 0, 2]),
        items,
        Some(vec![true, false, true].into()),
    ))
}

fn list_views<O: OffsetSizeTrait>() -> ArrayRef {
    let (field, items) = inner();
    let numbers = |of: [usize; ROWS]| ScalarBuffer::from(of.map(O::usize_as).to_vec());
    Arc::new(GenericListViewArray::<O>::new(field, numbers([2, 0, 0]), numbers([2, 0, 3]), items, None))
}

fn nested() -> Vec<ArrayRef> {
    let (field, items) = inner();
    let three = items.slice(1, ROWS);
    let dictionary = cast(&three, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap();
    let coded: FieldRef = Arc::new(Field::new("coded", dictionary.data_type().clone(), true));
    let structs = StructArray::new(
        // A name may be there twice.
        vec![Arc::clone(&field), Arc::clone(&field), Arc::clone(&coded)].into(),
        vec![Arc::clone(&three), items.slice(0, ROWS), Arc::clone(&dictionary)],
        Some(vec![false, true, true].into()),
    );
    let entries = StructArray::new(
        vec![Field::new("key", DataType::Utf8View, false), Field::new("value", dictionary.data_type().clone(), true)]
            .into(),
        vec![Arc::clone(&three), Arc::clone(&dictionary)],
        None,
    );
    let entry: FieldRef = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let of_structs = Arc::new(Field::new("s", structs.data_type().clone(), true));
    let alternatives: UnionFields = [(0, Arc::clone(&field)), (5, Arc::clone(&coded))].into_iter().collect();
    let ids = ScalarBuffer::from(vec![5, 0, 5]);
    let sparse =
        UnionArray::try_new(alternatives.clone(), ids.clone(), None, vec![Arc::clone(&three), Arc::clone(&dictionary)]);
    let dense = UnionArray::try_new(
        alternatives,
        ids,
        Some(vec![0, 0, 1].into()),
        vec![three.slice(0, 1), dictionary.slice(0, 2)],
    );
    vec![
        lists::<i32>(),
        lists::<i64>(),
        list_views::<i32>(),
        list_views::<i64>(),
        Arc::new(FixedSizeListArray::new(Arc::clone(&field), 1, Arc::clone(&three), None)),
        Arc::new(MapArray::new(entry, OffsetBuffer::from_lengths([1, 2, 0]), entries, None, false)),
        Arc::new(ListArray::new(of_structs, OffsetBuffer::from_lengths([0, 1, 2]), Arc::new(structs.clone()), None)),
        Arc::new(structs),
        Arc::new(sparse.unwrap()),
        Arc::new(dense.unwrap()),
    ]
}

fn with_table(columns: &[ArrayRef]) -> Session {
    let field = |(at, column): (usize, &ArrayRef)| {
        let has_nulls = column.logical_null_count() > 0 || column.data_type() == &DataType::Null;
        let field = Field::new(format!("c{at}"), column.data_type().clone(), has_nulls || at % 2 == 0);
        field.with_metadata(HashMap::from([("number".to_owned(), at.to_string())]))
    };
    let fields: Vec<Field> = columns.iter().enumerate().map(field).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, HashMap::from([("of".to_owned(), "all".to_owned())])));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.to_vec()).unwrap();
    let session = session();
    session.context().register_table("t", Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap())).unwrap();
    session
}

/// A column's values as text, whatever they are encoded as.
fn texts(column: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    // Half floats are written without ".0".
    let column = match column.data_type() {
        DataType::Float16 => &cast(column, &DataType::Float32).unwrap(),
        _ => column,
    };
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_sent_as_it_is_advertised() {
    let mut columns = plain();
    columns.extend(nested());
    let mut client = serve(with_table(&columns)).await;
    for (at, column) in columns.iter().enumerate() {
        // Whole, a slice of it, and no row.
        for (rest, rows) in [("", 0..ROWS), (" limit 1 offset 1", 1..2), (" where false", 0..0)] {
            let sql = format!("select c{at} from t{rest}");
            let info = client.execute(sql.clone(), None).await.unwrap();
            let (schema, batches) = fetch(&mut client, info).await.unwrap();
            assert_eq!(schema.field(0).metadata()["number"], at.to_string(), "{sql}");
            let sent: Vec<String> = batches.iter().flat_map(|batch| texts(batch.column(0))).collect();
            let whole = texts(column);
            assert_eq!(sent, whole[rows], "{sql}: {}", column.data_type());
        }
    }
    let info = client.execute("select * from t".to_owned(), None).await.unwrap();
    let (schema, batches) = fetch(&mut client, info).await.unwrap();
    assert_eq!((schema.fields().len(), batches[0].num_rows()), (columns.len(), ROWS));
    assert_eq!(schema.metadata()["of"], "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_sql_makes_are_sent_as_they_are_advertised() {
    let mut client = serve(session()).await;
    let made = [
        "arrow_cast([1, 2], 'LargeList(Int64)')",
        "arrow_cast(['a', 'b'], 'LargeList(Utf8View)')",
        "arrow_cast([1, 2], 'FixedSizeList(2, Int64)')",
        "[arrow_cast(['a'], 'LargeList(Utf8View)')]",
        "named_struct('l', arrow_cast([1], 'LargeList(Int64)'))",
        "map(['k'], [arrow_cast([1], 'LargeList(Int64)')])",
        "arrow_cast(1.5, 'Float16')",
        "arrow_cast('x', 'Dictionary(Int32, Utf8View)')",
        "interval '1 month 2 days'",
        "null",
        "[]",
    ];
    for sql in made {
        let info = client.execute(format!("select {sql} as v"), None).await.unwrap();
        let (_, batches) = fetch(&mut client, info).await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "{sql}");
    }
}
