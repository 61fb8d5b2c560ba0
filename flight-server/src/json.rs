//! Values as JSON, losing nothing: decimals and integers are exact, what JSON has no form for is a string.

use std::io;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// NULL by value: a dictionary or run-end key can point at one.
pub fn is_null(array: &dyn Array, row: usize) -> bool {
    match array.data_type() {
        DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _) | DataType::Null => {
            array.logical_nulls().is_some_and(|nulls| nulls.is_null(row))
        }
        _ => array.is_null(row),
    }
}

/// The values of one batch as JSON texts: decimals and integers as exact numbers, temporal values as ISO strings,
/// binary as hexadecimal strings, floats that are no numbers to JSON as the strings `NaN`, `Infinity` and `-Infinity`. Types that JSON cannot hold (maps with other keys than strings, unions) become
/// strings of what people are shown.
pub struct JsonCells<'a> {
    columns: Vec<JsonColumn<'a>>,
}

enum JsonColumn<'a> {
    Encoded(NullableEncoder<'a>),
    Shown(&'a dyn Array, ArrayFormatter<'a>),
}

impl<'a> JsonCells<'a> {
    /// The cells of `batch`, which has this schema.
    ///
    /// # Errors
    /// For a value that no format can write.
    pub fn new(schema: &'a SchemaRef, batch: &'a RecordBatch, options: &'a EncoderOptions) -> io::Result<Self> {
        let columns: io::Result<_> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| column(field, array.as_ref(), options))
            .collect();
        Ok(Self { columns: columns? })
    }

    /// Appends the JSON text of a value.
    pub fn write(&mut self, column: usize, row: usize, out: &mut Vec<u8>) {
        match self.columns.get_mut(column) {
            Some(JsonColumn::Encoded(encoder)) if !encoder.is_null(row) => encoder.encode(row, out),
            Some(JsonColumn::Shown(array, formatter)) if !is_null(*array, row) => {
                string(&formatter.value(row).to_string(), out)
            }
            _ => out.extend_from_slice(b"null"),
        }
    }
}

/// Options of the encoders: NULL fields inside structs are written, so that rows keep one shape.
pub fn json_options() -> EncoderOptions {
    EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(LosingNothing))
}

/// Encoders for what arrow's make `null` of, or has none for, however deep it is nested.
#[derive(Debug)]
struct LosingNothing;

impl EncoderFactory for LosingNothing {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                Box::new(Floats { numbers: make_encoder(field, array, &PLAIN)?, array })
            }
            DataType::Interval(_) => {
                let options = FormatOptions::default().with_display_error(true);
                Box::new(Texts(ArrayFormatter::try_new(array, &options)?))
            }
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

/// Floats, of which arrow writes those that are no numbers to JSON as `null`.
struct Floats<'a> {
    numbers: NullableEncoder<'a>,
    array: &'a dyn Array,
}

impl Encoder for Floats<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = match self.array.data_type() {
            DataType::Float16 => f64::from(self.array.as_primitive::<Float16Type>().value(row).to_f32()),
            DataType::Float32 => f64::from(self.array.as_primitive::<Float32Type>().value(row)),
            _ => self.array.as_primitive::<Float64Type>().value(row),
        };
        match value {
            finite if finite.is_finite() => self.numbers.encode(row, out),
            nan if nan.is_nan() => string("NaN", out),
            infinite if infinite > 0.0 => string("Infinity", out),
            _ => string("-Infinity", out),
        }
    }
}

/// Values without a form of their own in JSON: strings of what people are shown.
struct Texts<'a>(ArrayFormatter<'a>);

impl Encoder for Texts<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        string(&self.0.value(row).to_string(), out);
    }
}

fn column<'a>(field: &'a FieldRef, array: &'a dyn Array, options: &'a EncoderOptions) -> io::Result<JsonColumn<'a>> {
    if let Ok(encoder) = make_encoder(field, array, options) {
        return Ok(JsonColumn::Encoded(encoder));
    }
    let formatter =
        ArrayFormatter::try_new(array, &FormatOptions::default().with_display_error(true)).map_err(unprintable)?;
    Ok(JsonColumn::Shown(array, formatter))
}

/// Appends `text` as a JSON string.
pub fn string(text: &str, out: &mut Vec<u8>) {
    match serde_json::to_writer(&mut *out, text) {
        Ok(()) => {}
        Err(_) => out.extend_from_slice(b"null"),
    }
}

/// A value no format can write. Reported as data, not as a closed pipe.
fn unprintable(error: ArrowError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
