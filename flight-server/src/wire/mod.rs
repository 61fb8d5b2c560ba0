//! Types on the wire: what mainstream clients read. Drivers refuse or garble views, dictionaries and half floats, so
//! these leave as plain columns; the schema that is advertised is converted by the same table as the data (`columns`).

mod columns;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef, UnionFields};
use arrow::error::ArrowError;
use tonic::Status;

pub(crate) use columns::range;

use crate::status::capped;

/// The schema that a client gets for columns of `schema`: names, nullability and metadata unchanged.
pub(crate) fn wire_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(wire_fields(schema.fields()), schema.metadata().clone()))
}

fn wire_fields(fields: &Fields) -> Fields {
    fields.iter().map(wire_field).collect()
}

fn wire_field(field: &FieldRef) -> FieldRef {
    let wire = wire_type(field.data_type());
    if wire == *field.data_type() {
        return Arc::clone(field);
    }
    let changed = Field::new(field.name(), wire, field.is_nullable());
    Arc::new(changed.with_metadata(field.metadata().clone()))
}

/// The type that a column of `data_type` leaves as.
pub(crate) fn wire_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128((*precision).min(DECIMAL128_MAX_PRECISION), *scale)
        }
        DataType::Dictionary(_, values) => wire_type(values),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type()),
        DataType::List(item) | DataType::ListView(item) => DataType::List(wire_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(wire_field(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(wire_field(item), *length),
        DataType::Struct(fields) => DataType::Struct(wire_fields(fields)),
        DataType::Map(entries, sorted) => DataType::Map(wire_field(entries), *sorted),
        DataType::Union(fields, mode) => {
            let changed: UnionFields = fields.iter().map(|(id, field)| (id, wire_field(field))).collect();
            DataType::Union(changed, *mode)
        }
        other => other.clone(),
    }
}

/// `batch` under `schema`, which was advertised: [`wire_schema`] of the batch's own, or of what was known before it ran.
///
/// # Errors
/// When strings or binaries of one batch pass the 2 GiB that their offsets reach.
pub(crate) fn to_wire(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Status> {
    let fields = schema.fields().iter();
    let columns = batch.columns().iter().zip(fields);
    let columns =
        columns.map(|(column, field)| columns::converted(column, field.data_type()).map_err(|e| refused(field, &e)));
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &rows).map_err(|e| {
        Status::internal(capped(format!("internal error, a bug of ours: a batch does not fit its schema: {e}")))
    })
}

fn refused(field: &Field, error: &ArrowError) -> Status {
    Status::internal(capped(format!(
        "column {} cannot be sent as {}: {error}. Hint: SET datafusion.execution.batch_size to fewer rows",
        field.name(),
        field.data_type()
    )))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::array::{
        Array, ArrayRef, AsArray, BinaryViewArray, DictionaryArray, Float16Array, Int32Array, ListViewArray, RunArray,
        StringArray, StringViewArray, StructArray,
    };
    use arrow::buffer::ScalarBuffer;
    use arrow::datatypes::{Float16Type, Int32Type};

    use super::*;

    fn converted(column: ArrayRef) -> ArrayRef {
        let field = Field::new("c", column.data_type().clone(), true);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
        let wire = wire_schema(&schema);
        let sent = to_wire(&batch, &wire).unwrap();
        assert_eq!(sent.schema(), wire);
        Arc::clone(sent.column(0))
    }

    #[test]
    fn encodings_become_plain_columns() {
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None, Some("longer than twelve bytes")]));
        let plain = StringArray::from(vec![Some("a"), None, Some("longer than twelve bytes")]);
        assert_eq!(converted(Arc::clone(&views)).as_string::<i32>(), &plain);

        let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
        assert_eq!(
            converted(Arc::new(dictionary)).as_string::<i32>(),
            &StringArray::from(vec![Some("x"), None, Some("x")])
        );
        let keys = Int32Array::from(vec![Some(0), None, Some(2)]);
        assert_eq!(
            converted(Arc::new(DictionaryArray::new(keys, views))).as_string::<i32>(),
            &StringArray::from(vec![Some("a"), None, Some("longer than twelve bytes")])
        );

        let runs = RunArray::try_new(&Int32Array::from(vec![2, 3]), &StringArray::from(vec!["r", "s"])).unwrap();
        assert_eq!(converted(Arc::new(runs)).as_string::<i32>(), &StringArray::from(vec!["r", "r", "s"]));
        assert_eq!(converted(Arc::new(BinaryViewArray::from(vec![b"b".as_slice()]))).data_type(), &DataType::Binary);
        let halves =
            Float16Array::from_iter_values([<Float16Type as arrow::datatypes::ArrowPrimitiveType>::Native::ONE]);
        assert_eq!(converted(Arc::new(halves)).data_type(), &DataType::Float32);
    }

    #[test]
    fn nested_columns_are_converted_inside() {
        let strings: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b", "c"]));
        let item = Arc::new(Field::new("item", DataType::Utf8View, false));
        let lists = ListViewArray::new(
            item,
            ScalarBuffer::from(vec![0, 1]),
            ScalarBuffer::from(vec![1, 2]),
            Arc::clone(&strings),
            None,
        );
        let sent = converted(Arc::new(lists));
        let plain_item = Arc::new(Field::new("item", DataType::Utf8, false));
        assert_eq!(sent.data_type(), &DataType::List(plain_item));
        assert_eq!(sent.as_list::<i32>().value(1).as_string::<i32>(), &StringArray::from(vec!["b", "c"]));

        let fields = Fields::from(vec![Field::new("s", DataType::Utf8View, false)]);
        let sent = converted(Arc::new(StructArray::new(fields, vec![strings], None)));
        assert_eq!(sent.data_type(), &DataType::Struct(vec![Field::new("s", DataType::Utf8, false)].into()));
        assert_eq!(sent.len(), 3);
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let rows = RecordBatchOptions::new().with_row_count(Some(7));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &rows).unwrap();
        assert_eq!(to_wire(&batch, &wire_schema(batch.schema_ref())).unwrap().num_rows(), 7);
    }
}
