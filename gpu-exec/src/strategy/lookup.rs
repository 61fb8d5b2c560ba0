//! Lookup tables: host functions of a text, evaluated once per dictionary entry.

use std::sync::{Arc, Weak};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::ColumnarValue;

use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{Bounds, HostFunction, Repr, Type, Value, ValueKind};
use crate::strategy::scope::repr_of;

/// The bytes of a lookup table: one value an entry, at the computing width, and one validity byte an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupTable {
    pub values: Arc<[u8]>,
    pub valid: Arc<[u8]>,
    /// The function that it is of, for the source's comments; `None` where it only changes codes, or holds constants.
    pub(super) sql: Option<String>,
    /// Whether it was made of a dictionary just now, and not for an earlier run.
    pub(super) is_new: bool,
}

impl LookupTable {
    /// Of constants of the plan.
    pub(super) fn of_constants(values: Vec<u8>) -> Self {
        Self { values: values.into(), valid: [].into(), sql: None, is_new: false }
    }

    /// A kernel reads the entry of a NULL's code too, which is 0, and may look up what it finds there: some entry there is.
    pub(super) fn or_one_entry(mut self) -> Self {
        if self.values.is_empty() {
            // As wide as the widest value.
            self.values = [0; size_of::<i128>()].into();
            self.valid = [0].into();
        }
        self
    }
}

/// A looked-up value: the table, what comes out of it, and, for text, the dictionary of the results.
pub(super) struct Mapped {
    pub(super) table: LookupTable,
    pub(super) repr: Repr,
    pub(super) bounds: Bounds,
    pub(super) nullable: bool,
    pub(super) dictionary: Option<Arc<Dictionary>>,
    /// The code that stands for a NULL input, where the function makes something of NULL.
    pub(super) null_code: Option<usize>,
}

impl Mapped {
    /// The value for a code.
    pub(super) fn value(&self, table: usize, code: Value) -> Value {
        let nullable = self.nullable || (code.nullable && self.null_code.is_none());
        let code = match self.null_code {
            Some(null_code) if code.nullable => null_as(code, null_code),
            _ => code,
        };
        let valid_anyway = !self.nullable;
        let mut value = Value::new(ValueKind::Lookup { table, code: Box::new(code) }, self.repr, nullable, self.bounds);
        if valid_anyway && !nullable {
            value.nullable = false;
        }
        value
    }
}

fn null_as(code: Value, null_code: usize) -> Value {
    let bounds = code.bounds.union(Bounds::new(0, null_code as i128).round_to_powers());
    let constant = Value::constant(null_code as i128);
    let is_null = Value::bool(ValueKind::IsNull(Box::new(code.clone())), false);
    let mut known = code;
    known.bounds = bounds;
    let kind = ValueKind::Case { branches: vec![(is_null, constant)], otherwise: Some(Box::new(known)) };
    // Not NULL in either branch: the second is taken only for valid codes.
    Value::int(kind, false, bounds)
}

impl Mapped {
    /// Its table, which `is_new` where the dictionary had not been asked before.
    pub(super) fn table(&self, is_new: bool) -> LookupTable {
        LookupTable { is_new, ..self.table.clone() }
    }
}

/// What is asked of a dictionary.
struct Asked {
    function: HostFunction,
    ty: Type,
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty && self.function.expr.eq(&other.function.expr)
    }
}

/// A function over a dictionary (and over NULL), evaluated where the dictionary has not been asked for it before; and whether
/// it was.
pub(super) fn map_dictionary(
    dictionary: &Dictionary,
    function: &HostFunction,
    ty: Type,
) -> Result<(Arc<Mapped>, bool)> {
    let asked = Asked { function: function.clone(), ty };
    let mut is_new = false;
    let mapped = dictionary.derived().get_or_make(asked, |asked| {
        is_new = true;
        evaluated(dictionary, &asked.function, asked.ty)
    })?;
    Ok((mapped, is_new))
}

fn evaluated(dictionary: &Dictionary, function: &HostFunction, ty: Type) -> Result<Mapped> {
    let entries = dictionary.len();
    let null = StringArray::new_null(1);
    let inputs = concat(&[dictionary.values() as &dyn Array, &null])?;
    let results = evaluate(function, inputs)?;
    if results.len() != entries + 1 {
        return Err(Error::internal("a dictionary function returned another number of values than it got"));
    }
    let null_code = results.is_valid(entries).then_some(entries);
    let of_entries = results.slice(0, if null_code.is_some() { entries + 1 } else { entries });
    let nullable = of_entries.null_count() > 0;
    let valid: Vec<u8> = (0..of_entries.len()).map(|entry| u8::from(of_entries.is_valid(entry))).collect();
    let (values, bounds, dictionary) = table_values(&of_entries, ty)?;
    let sql = Some(super::fragments::of_function(function));
    let table = LookupTable { values: values.into(), valid: valid.into(), sql, is_new: true };
    Ok(Mapped { table, repr: repr_of(ty), bounds, nullable, dictionary, null_code })
}

fn evaluate(function: &HostFunction, inputs: ArrayRef) -> Result<ArrayRef> {
    let rows = inputs.len();
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]));
    let batch = RecordBatch::try_new(schema, vec![inputs])?;
    match function.expr.evaluate(&batch)? {
        ColumnarValue::Array(array) => Ok(array),
        ColumnarValue::Scalar(scalar) => Ok(scalar.to_array_of_size(rows)?),
    }
}

type TableValues = (Vec<u8>, Bounds, Option<Arc<Dictionary>>);

fn table_values(results: &ArrayRef, ty: Type) -> Result<TableValues> {
    match ty {
        Type::Bool => {
            let booleans = results.as_boolean();
            Ok((
                (0..booleans.len()).map(|row| u8::from(booleans.is_valid(row) && booleans.value(row))).collect(),
                Bounds::new(0, 1),
                None,
            ))
        }
        Type::Float { .. } => {
            let floats = cast(results, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            let bytes = floats.iter().map(|value| value.unwrap_or(0.0));
            let bytes = if ty == Type::FLOAT64 {
                bytes.flat_map(f64::to_le_bytes).collect()
            } else {
                bytes.flat_map(|value| (value as f32).to_le_bytes()).collect()
            };
            Ok((bytes, Bounds::new(0, 0), None))
        }
        Type::Text => text_values(results),
        _ => {
            let (bytes, bounds) = integer_table(&integers(results)?);
            Ok((bytes, bounds, None))
        }
    }
}

/// Integers of every width, dates and timestamps as plain integers.
fn integers(results: &ArrayRef) -> Result<Vec<Option<i128>>> {
    if let Some(unsigned) = results.as_primitive_opt::<UInt64Type>() {
        return Ok(unsigned.iter().map(|value| value.map(i128::from)).collect());
    }
    let plain = match results.data_type() {
        DataType::Date32 => cast(results, &DataType::Int32)?,
        _ => Arc::clone(results),
    };
    let signed = cast(&plain, &DataType::Int64)?;
    Ok(signed.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect())
}

/// Entries at the width their bounds compute at; bounds rounded so that the text is stable.
fn integer_table(values: &[Option<i128>]) -> (Vec<u8>, Bounds) {
    let known = values.iter().flatten();
    let bounds =
        Bounds::new(known.clone().min().copied().unwrap_or(0), known.max().copied().unwrap_or(0)).round_to_powers();
    let each = values.iter().map(|value| value.unwrap_or(bounds.min.max(0).min(bounds.max)));
    (integer_bytes(each, bounds), bounds)
}

/// Integers at the width that values of these bounds compute at.
pub(super) fn integer_bytes(values: impl Iterator<Item = i128>, bounds: Bounds) -> Vec<u8> {
    match () {
        () if bounds.fits_signed(32) => values.flat_map(|value| (value as i32).to_le_bytes()).collect(),
        () if bounds.fits_signed(64) => values.flat_map(|value| (value as i64).to_le_bytes()).collect(),
        () => values.flat_map(i128::to_le_bytes).collect(),
    }
}

fn text_values(results: &ArrayRef) -> Result<TableValues> {
    let texts = cast(results, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    let mut distinct: Vec<&str> = texts.iter().flatten().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let codes: Vec<Option<i128>> = texts
        .iter()
        .map(|text| text.and_then(|text| distinct.binary_search(&text).ok()).map(|code| code as i128))
        .collect();
    let dictionary = Arc::new(Dictionary::from_sorted(StringArray::from_iter_values(distinct)));
    let (bytes, bounds) = integer_table(&codes);
    Ok((bytes, bounds, Some(dictionary)))
}

/// Codes of which dictionary are asked for; gone where nobody has it any more.
struct CodesOf(Weak<Dictionary>);

impl PartialEq for CodesOf {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

/// Codes of one dictionary as codes of another, found out where that has not been done before; and whether it was.
pub(super) fn translate(from: &Dictionary, to: &Arc<Dictionary>) -> Result<(Arc<Mapped>, bool)> {
    let mut is_new = false;
    let mapped = from.derived().get_or_make(CodesOf(Arc::downgrade(to)), |_| {
        is_new = true;
        Ok::<_, Error>(codes_in(from, to))
    })?;
    Ok((mapped, is_new))
}

/// Codes of one dictionary as codes of another; entries the other lacks are NULL.
fn codes_in(from: &Dictionary, to: &Dictionary) -> Mapped {
    let target = to.values();
    let mut next = 0;
    let codes: Vec<Option<i128>> = from
        .values()
        .iter()
        .flatten()
        .map(|text| {
            while next < target.len() && target.value(next) < text {
                next += 1;
            }
            (next < target.len() && target.value(next) == text).then_some(next as i128)
        })
        .collect();
    let nullable = codes.iter().any(Option::is_none);
    let valid: Vec<u8> = codes.iter().map(|code| u8::from(code.is_some())).collect();
    let (values, bounds) = integer_table(&codes);
    Mapped {
        table: LookupTable { values: values.into(), valid: valid.into(), sql: None, is_new: true },
        repr: Repr::Int,
        bounds,
        nullable,
        dictionary: None,
        null_code: None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use datafusion::physical_expr::expressions::Column;

    use super::*;

    #[test]
    fn a_table_without_entries_gets_one_that_is_null() {
        let table = codes_in(&Dictionary::empty(), &Dictionary::empty()).table;
        assert_eq!((table.values.len(), table.valid.len()), (0, 0));
        let one = LookupTable { values: [0; 16].into(), valid: [0].into(), sql: None, is_new: true };
        assert_eq!(table.or_one_entry(), one);
    }

    #[test]
    fn a_dictionary_is_asked_once() {
        let dictionary = Dictionary::from_sorted(StringArray::from(vec!["a", "b"]));
        let text = |name: &str| HostFunction { expr: Arc::new(Column::new(name, 0)) };
        let ask = |name: &str| map_dictionary(&dictionary, &text(name), Type::Text).unwrap();
        let (first, is_new) = ask("text");
        assert!(is_new);
        let (again, is_new) = ask("text");
        assert!(!is_new && Arc::ptr_eq(&first, &again));
        let (other, is_new) = ask("other");
        assert!(is_new && !Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn codes_of_another_dictionary_are_found_out_once() {
        let texts = |texts: Vec<&str>| Arc::new(Dictionary::from_sorted(StringArray::from(texts)));
        let (few, many) = (texts(vec!["a", "c"]), texts(vec!["a", "b", "c"]));
        let (first, is_new) = translate(&few, &many).unwrap();
        assert!(is_new && first.table.values[..8] == [0, 0, 0, 0, 2, 0, 0, 0]);
        assert!(!translate(&few, &many).unwrap().1);
        assert!(translate(&few, &texts(vec!["a", "b", "c"])).unwrap().1);
    }

    #[test]
    fn a_table_of_constants_alone_stays_as_it_is() {
        let table = LookupTable::of_constants(vec![7, 0, 0, 0]);
        assert_eq!(table.clone().or_one_entry(), table);
    }
}
