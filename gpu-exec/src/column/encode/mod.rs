//! Arrow arrays to stored bytes: the rows of one segment's column, pushed batch by batch.
//!
//! Every value is verified against the chosen layout: a value outside it is a [`LayoutMiss`], never a wrap. Values
//! under a NULL become the segment's smallest value. Facts come from the values themselves. Not here: choosing the
//! layout (`layout`), copying to a device (`scan`).

mod integers;
mod raw_text;
mod slice;
mod text;
mod validity;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use thiserror::Error;

use self::integers::IntegerEncoder;
use self::raw_text::RawTextEncoder;
use self::text::TextEncoder;
use self::validity::ValidityBuilder;
use super::{ChunkFacts, Dictionary, IntLayout, Stored, padded_rows};
use crate::ir::{IntWidth, Type};

pub use self::integers::integer_range;
pub(crate) use self::slice::Form;

/// Values that do not fit the layout chosen for them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("values from {min} to {max} do not fit the layout {layout:?}")]
pub struct LayoutMiss {
    /// Smallest and largest value of the batch that missed.
    pub min: i128,
    pub max: i128,
    pub layout: IntLayout,
}

/// Why an array was not encoded.
#[derive(Debug, Error)]
pub enum EncodeError {
    #[error(transparent)]
    LayoutMiss(#[from] LayoutMiss),
    #[error("arrays of type {data_type} cannot be stored as {target}")]
    Type { data_type: DataType, target: &'static str },
    #[error(
        "a dictionary of {bytes} bytes of distinct texts exceeds the 2 GiB one column may have; select fewer files or leave the column out"
    )]
    DictionaryTooLarge { bytes: usize },
    #[error("a dictionary key is outside its dictionary")]
    DictionaryKey,
    #[error("a row group with {bytes} bytes of text exceeds the 4 GiB one column may have; write smaller row groups")]
    TextTooLarge { bytes: u64 },
}

/// What to encode to. Text goes to codes of a dictionary of its own, which [`ChunkEncoder::finish`] returns, or as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Int(IntLayout),
    Float32,
    Float64,
    Bool,
    Text,
    RawText,
}

/// The stored bytes of one column of one segment, on the host.
#[derive(Debug)]
pub struct EncodedChunk {
    pub rows: usize,
    /// Padded to whole tiles; raw text follows.
    pub data: Vec<u8>,
    /// One bit a row, padded to whole tiles; `None` without NULL.
    pub validity: Option<Vec<u8>>,
    /// How `data` is to be read.
    pub stored: Stored,
    pub facts: ChunkFacts,
    /// Facts of each part of it, of integers that were pushed in parts; else none.
    pub parts: Vec<ChunkFacts>,
    /// The value that stands under NULLs.
    pub filler: i128,
}

/// Encodes one column of one segment.
#[derive(Debug)]
pub struct ChunkEncoder {
    validity: ValidityBuilder,
    values: Values,
    parts: Vec<ChunkFacts>,
}

#[derive(Debug)]
enum Values {
    Integers(IntegerEncoder),
    /// Fixed bytes a value: floats and booleans.
    Raw {
        target: Target,
        data: Vec<u8>,
    },
    Text(TextEncoder),
    RawText(RawTextEncoder),
}

impl Target {
    /// The target for a type, given the layout its integers get. `None` layout means the type's full width.
    pub fn for_type(ty: Type, layout: Option<IntLayout>) -> Self {
        match ty {
            Type::Bool => Target::Bool,
            Type::Float { bytes: 4 } => Target::Float32,
            Type::Float { .. } => Target::Float64,
            Type::Text => Target::Text,
            Type::Int { .. }
            | Type::Decimal { .. }
            | Type::WideDecimal { .. }
            | Type::Date
            | Type::Timestamp { .. } => {
                let full = || super::full_layout(ty).unwrap_or(IntLayout { width: IntWidth::W128, base: 0 });
                Target::Int(layout.unwrap_or_else(full))
            }
        }
    }

    /// The stored form of a column without rows.
    pub(crate) fn stored_empty(self) -> Stored {
        match self {
            Target::Int(layout) => layout.stored(),
            Target::Float32 => Stored::Float32,
            Target::Float64 => Stored::Float64,
            Target::Bool => Stored::Bool,
            Target::RawText => Stored::RawText,
            Target::Text => Stored::Codes { width: IntWidth::W8, dictionary: Arc::new(Dictionary::empty()) },
        }
    }
}

impl ChunkEncoder {
    /// `rows` is the number expected, for the size of the buffers.
    pub fn new(target: Target, rows: usize) -> Self {
        let raw = |width: usize| Values::Raw { target, data: Vec::with_capacity(padded_rows(rows) * width) };
        let values = match target {
            Target::Int(layout) => Values::Integers(IntegerEncoder::new(layout, rows)),
            Target::Float32 => raw(4),
            Target::Float64 => raw(8),
            Target::Bool => raw(1),
            Target::Text => Values::Text(TextEncoder::new(rows)),
            Target::RawText => Values::RawText(RawTextEncoder::new(rows)),
        };
        Self { validity: ValidityBuilder::default(), values, parts: vec![] }
    }

    /// Rows pushed so far.
    pub fn rows(&self) -> usize {
        self.validity.rows()
    }

    /// Appends the rows of an array. After an error the encoder is of no further use.
    pub fn push(&mut self, array: &dyn Array) -> Result<(), EncodeError> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        match &mut self.values {
            Values::Integers(encoder) => encoder.push(array, nulls.as_ref())?,
            Values::Raw { target, data } => push_raw(*target, data, array)?,
            Values::Text(encoder) => encoder.push(array, nulls.as_ref())?,
            Values::RawText(encoder) => encoder.push(array, nulls.as_ref())?,
        }
        self.validity.push(array.len(), nulls.as_ref());
        Ok(())
    }

    /// Ends a row group, where several make up the segment. What holds for each by itself may not hold for all: that they
    /// ascend.
    pub fn end_part(&mut self) {
        if let Values::Integers(encoder) = &mut self.values {
            let before: u64 = self.parts.iter().map(|part| part.nulls).sum();
            self.parts.push(encoder.end_part(self.validity.nulls() as u64 - before));
        }
    }

    /// The encoded rows. `filler` is the value for rows without any valid value to take one from.
    pub fn finish(self, filler: i128) -> Result<EncodedChunk, EncodeError> {
        let Self { validity, values, parts } = self;
        let (rows, nulls) = (validity.rows(), validity.nulls());
        let validity = validity.finish();
        let facts = ChunkFacts { nulls: nulls as u64, range: None, ascending: false };
        let (mut data, stored, facts, filler) = match values {
            Values::Integers(encoder) => encoder.finish(validity.as_deref(), facts, filler),
            Values::Raw { target, data } => (data, target.stored_empty(), facts, 0),
            Values::Text(encoder) => encoder.finish(validity.as_deref(), facts)?,
            Values::RawText(encoder) => {
                let (data, stored) = (encoder.finish()?, Stored::RawText);
                return Ok(EncodedChunk { rows, data, validity, stored, facts, parts, filler: 0 });
            }
        };
        data.resize(padded_rows(rows) * stored.bytes(), 0);
        if let (Some(validity), false) = (&validity, matches!(stored, Stored::Int { .. } | Stored::Codes { .. })) {
            validity::for_each_null(validity, rows, |row| data[row * stored.bytes()..][..stored.bytes()].fill(0));
        }
        Ok(EncodedChunk { rows, data, validity, stored, facts, parts, filler })
    }
}

/// A chunk of nothing but NULLs.
pub(crate) fn all_null(target: Target, rows: usize, filler: i128) -> Result<EncodedChunk, EncodeError> {
    let mut encoder = ChunkEncoder::new(target, rows);
    encoder.push(&null_array(target, rows))?;
    encoder.finish(filler)
}

/// Nothing but NULLs, of a type that encodes to the target.
pub(crate) fn null_array(target: Target, rows: usize) -> ArrayRef {
    let data_type = match target {
        Target::Int(_) => DataType::Int64,
        Target::Float32 => DataType::Float32,
        Target::Float64 => DataType::Float64,
        Target::Bool => DataType::Boolean,
        Target::Text | Target::RawText => DataType::Utf8,
    };
    arrow::array::new_null_array(&data_type, rows)
}

/// Floats byte for byte, booleans as one byte each.
fn push_raw(target: Target, data: &mut Vec<u8>, array: &dyn Array) -> Result<(), EncodeError> {
    let mismatch = |target| EncodeError::Type { data_type: array.data_type().clone(), target };
    match target {
        Target::Float32 => {
            let values = array.as_primitive_opt::<Float32Type>().ok_or_else(|| mismatch("single precision floats"))?;
            data.extend(values.values().iter().flat_map(|value| value.to_le_bytes()));
        }
        Target::Float64 => {
            let values = array.as_primitive_opt::<Float64Type>().ok_or_else(|| mismatch("double precision floats"))?;
            data.extend(values.values().iter().flat_map(|value| value.to_le_bytes()));
        }
        Target::Bool | Target::Int(_) | Target::Text | Target::RawText => {
            let values = array.as_boolean_opt().ok_or_else(|| mismatch("booleans"))?;
            data.extend(values.values().iter().map(u8::from));
        }
    }
    Ok(())
}
