//! The values that are formatted: as text, and as numbers where they are some.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;

/// A column of arguments.
pub(super) struct Values {
    texts: Vec<Option<String>>,
    numbers: Numbers,
}

enum Numbers {
    Integers(ArrayRef),
    Unsigned(ArrayRef),
    Floats(ArrayRef),
    None,
}

/// One argument.
pub(super) struct Value<'a> {
    /// `None` of NULL.
    pub(super) text: Option<&'a str>,
    pub(super) number: Option<Number>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

impl Values {
    pub(super) fn of(array: &ArrayRef) -> Result<Self> {
        let nulls = array.logical_nulls();
        let text = |row| match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            true => Ok(None),
            false => Ok(Some(array_value_to_string(array, row)?)),
        };
        let texts = (0..array.len()).map(text).collect::<Result<Vec<Option<String>>>>()?;
        let numbers = match array.data_type() {
            DataType::UInt64 => Numbers::Unsigned(Arc::clone(array)),
            kind if kind.is_integer() => Numbers::Integers(cast(array, &DataType::Int64)?),
            kind if kind.is_floating() || kind.is_decimal() => Numbers::Floats(cast(array, &DataType::Float64)?),
            _ => Numbers::None,
        };
        Ok(Self { texts, numbers })
    }

    pub(super) fn at(&self, row: usize) -> Value<'_> {
        let number = match &self.numbers {
            Numbers::Integers(array) => Some(Number::Integer(array.as_primitive::<Int64Type>().value(row).into())),
            Numbers::Unsigned(array) => Some(Number::Integer(array.as_primitive::<UInt64Type>().value(row).into())),
            Numbers::Floats(array) => Some(Number::Float(array.as_primitive::<Float64Type>().value(row))),
            Numbers::None => None,
        };
        Value { text: self.texts[row].as_deref(), number }
    }
}

impl Value<'_> {
    pub(super) fn is_null(&self) -> bool {
        self.text.is_none()
    }
}
