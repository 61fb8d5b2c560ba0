//! One column in the type that it leaves as. Nested columns are rebuilt around converted children, so that what is inside
//! has exactly the fields that were advertised: names, nullability and metadata.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, StructArray, UnionArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, FieldRef, Fields, UnionFields};
use arrow::error::ArrowError;

type Converted = Result<ArrayRef, ArrowError>;

/// `column` as `wire`.
///
/// # Errors
/// When values do not fit.
pub(super) fn converted(column: &ArrayRef, wire: &DataType) -> Converted {
    let own = column.data_type();
    if own == wire {
        return Ok(Arc::clone(column));
    }
    match (own, wire) {
        (DataType::Dictionary(_, _), _) => {
            let dictionary = column.as_any_dictionary();
            converted(&take(dictionary.values(), dictionary.keys(), None)?, wire)
        }
        (DataType::RunEndEncoded(_, values), _) => converted(&cast(column, values.data_type())?, wire),
        (DataType::ListView(item), DataType::List(_)) => {
            converted(&cast(column, &DataType::List(Arc::clone(item)))?, wire)
        }
        (DataType::LargeListView(item), DataType::LargeList(_)) => {
            converted(&cast(column, &DataType::LargeList(Arc::clone(item)))?, wire)
        }
        (DataType::List(_), DataType::List(item)) => list(column.as_list::<i32>(), item),
        (DataType::LargeList(_), DataType::LargeList(item)) => list(column.as_list::<i64>(), item),
        (DataType::FixedSizeList(_, length), DataType::FixedSizeList(item, same)) if length == same => {
            fixed_list(column.as_fixed_size_list(), *length, item)
        }
        (DataType::Struct(from), DataType::Struct(fields)) if from.len() == fields.len() => {
            Ok(Arc::new(structure(column.as_struct(), fields)?))
        }
        (DataType::Map(_, _), DataType::Map(entries, sorted)) => map(column.as_map(), entries, *sorted),
        (DataType::Union(from, _), DataType::Union(fields, _)) if from.len() == fields.len() => {
            union(column.as_union(), fields)
        }
        _ => cast(column, wire),
    }
}

/// A value that does not fit is an error, never a NULL.
fn cast(column: &ArrayRef, wire: &DataType) -> Converted {
    cast_with_options(column, wire, &CastOptions { safe: false, ..CastOptions::default() })
}

/// Of a slice, only the items that it has are converted.
fn list<O: OffsetSizeTrait>(lists: &GenericListArray<O>, item: &FieldRef) -> Converted {
    let (first, count) = range(lists.offsets());
    let items = converted(&lists.values().slice(first, count), item.data_type())?;
    let offsets = OffsetBuffer::from_lengths(lists.offsets().lengths());
    Ok(Arc::new(GenericListArray::<O>::try_new(Arc::clone(item), offsets, items, lists.nulls().cloned())?))
}

/// The first of the items that lists have, and how many they are.
pub(crate) fn range<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (usize, usize) {
    let (first, end) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    (first, end - first)
}

fn fixed_list(lists: &FixedSizeListArray, length: i32, item: &FieldRef) -> Converted {
    let items = converted(lists.values(), item.data_type())?;
    let (item, nulls) = (Arc::clone(item), lists.nulls().cloned());
    Ok(Arc::new(FixedSizeListArray::try_new_with_length(item, length, items, nulls, lists.len())?))
}

fn structure(structs: &StructArray, fields: &Fields) -> Result<StructArray, ArrowError> {
    let children = children(structs.columns().iter(), fields.iter())?;
    StructArray::try_new_with_length(fields.clone(), children, structs.nulls().cloned(), structs.len())
}

fn map(maps: &MapArray, entries: &FieldRef, sorted: bool) -> Converted {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(ArrowError::InvalidArgumentError(format!("the entries of a map are no {}", entries.data_type())));
    };
    let (first, count) = range(maps.offsets());
    let pairs = structure(&maps.entries().slice(first, count), fields)?;
    let offsets = OffsetBuffer::from_lengths(maps.offsets().lengths());
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, maps.nulls().cloned(), sorted)?))
}

fn union(unions: &UnionArray, fields: &UnionFields) -> Converted {
    let DataType::Union(own, _) = unions.data_type() else { return Ok(Arc::new(unions.clone())) };
    let alternatives = own.iter().map(|(id, _)| unions.child(id));
    let children = children(alternatives, fields.iter().map(|(_, field)| field))?;
    let (ids, offsets) = (unions.type_ids().clone(), unions.offsets().cloned());
    Ok(Arc::new(UnionArray::try_new(fields.clone(), ids, offsets, children)?))
}

fn children<'a>(
    columns: impl Iterator<Item = &'a ArrayRef>,
    fields: impl Iterator<Item = &'a FieldRef>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    columns.zip(fields).map(|(column, field)| converted(column, field.data_type())).collect()
}
