//! How one column of one file is read: which leaf, as which Arrow type, and what is done to reach the declared type.
//!
//! Files of a table may differ from its declared schema: a column may be missing (it is NULL then, as the host has it)
//! or of another type (it is cast, and a value that cannot be cast is an error, as the host has it).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{ConvertedType, Type as PhysicalType};

use super::ScanError;
use super::footer::{Footer, guarded};
use crate::ir::Type;

/// Where the values of a declared column come from in one file.
#[derive(Clone, Debug)]
pub(crate) enum ColumnRead {
    /// The file has no such column: every row is NULL.
    Missing,
    Leaf(LeafRead),
}

/// One flat column of a file.
#[derive(Clone, Debug)]
pub(crate) struct LeafRead {
    /// Position among the file's leaf columns.
    pub(crate) leaf: usize,
    /// What the reader is asked for.
    pub(crate) reader: ArrowReaderMetadata,
    /// The declared type, where the reader's arrays must be cast to it.
    pub(crate) cast_to: Option<DataType>,
    /// The reader yields text without having checked that it is UTF-8 (JSON, for one): it only checks columns that are
    /// annotated as UTF-8.
    pub(crate) unchecked_text: bool,
}

impl ColumnRead {
    /// Decides for the column `declared` of the table; `raw_text` asks for texts, not for codes.
    pub(crate) fn plan(footer: &Footer, declared: &Field, raw_text: bool) -> Result<Self, ScanError> {
        let unsupported = |message: String| ScanError::Unsupported {
            path: footer.meta.location.to_string(),
            column: declared.name().clone(),
            message,
        };
        let Some((root, field)) = footer.schema.column_with_name(declared.name()) else {
            return if declared.is_nullable() {
                Ok(ColumnRead::Missing)
            } else {
                Err(unsupported("the file lacks it, and it is declared NOT NULL".to_owned()))
            };
        };
        let leaf = flat_leaf(footer, root).ok_or_else(|| unsupported("in the file it is nested".to_owned()))?;
        let (reader, read_type) = reader_for(footer, (root, leaf), field, declared, raw_text)?;
        let cast_to = if same_values(&read_type, declared.data_type()) {
            None
        } else if arrow::compute::can_cast_types(&read_type, declared.data_type()) {
            Some(declared.data_type().clone())
        } else {
            return Err(unsupported(format!(
                "its type {read_type} in the file cannot be cast to {}",
                declared.data_type()
            )));
        };
        let annotated =
            footer.metadata.file_metadata().schema_descr().column(leaf).converted_type() == ConvertedType::UTF8;
        let unchecked_text = !annotated && Type::from_arrow(&read_type) == Some(Type::Text);
        Ok(ColumnRead::Leaf(LeafRead { leaf, reader, cast_to, unchecked_text }))
    }
}

impl LeafRead {
    pub(crate) fn mask(&self) -> ProjectionMask {
        ProjectionMask::leaves(self.reader.parquet_schema(), [self.leaf])
    }
}

/// The leaf of a root column that has no levels of nesting.
fn flat_leaf(footer: &Footer, root: usize) -> Option<usize> {
    let schema = footer.metadata.file_metadata().schema_descr();
    let mut leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == root);
    let leaf = leaves.next()?;
    let flat = leaves.next().is_none()
        && schema.column(leaf).path().parts().len() == 1
        && schema.column(leaf).max_rep_level() == 0;
    flat.then_some(leaf)
}

/// Asks the reader for the form that costs least to encode, or for the file's own form where it refuses.
fn reader_for(
    footer: &Footer,
    (root, leaf): (usize, usize),
    field: &Field,
    declared: &Field,
    raw_text: bool,
) -> Result<(ArrowReaderMetadata, DataType), ScanError> {
    let physical = footer.metadata.file_metadata().schema_descr().column(leaf).physical_type();
    let form = match () {
        () if raw_text => TextForm::Raw,
        () if footer.lacks_dictionary(declared.name()) => TextForm::Plain,
        () => TextForm::Dictionary,
    };
    let wanted = wanted_type(physical, field.data_type(), declared.data_type(), form);
    if wanted != *field.data_type() {
        let mut fields: Vec<_> = footer.schema.fields().iter().map(Arc::clone).collect();
        fields[root] = Arc::new(field.clone().with_data_type(wanted.clone()));
        let schema = Arc::new(Schema::new_with_metadata(fields, footer.schema.metadata().clone()));
        let options = ArrowReaderOptions::new().with_schema(schema);
        if let Ok(reader) = guarded(|| ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), options)) {
            return Ok((reader, wanted));
        }
    }
    let reader = guarded(|| ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), ArrowReaderOptions::new()))
        .map_err(|error| ScanError::corrupt(&footer.meta.location, None, error))?;
    Ok((reader, field.data_type().clone()))
}

/// What the reader is asked for where a column is text.
#[derive(Clone, Copy, Debug)]
enum TextForm {
    /// Texts that become the column as they are.
    Raw,
    /// Texts that a dictionary is made of. A reader that is asked for one makes one a batch, to be looked up once more.
    Plain,
    /// The file's own dictionary.
    Dictionary,
}

impl TextForm {
    fn data_type(self) -> DataType {
        match self {
            TextForm::Raw => DataType::LargeUtf8,
            TextForm::Plain => DataType::Utf8View,
            TextForm::Dictionary => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        }
    }
}

/// Text has the form wanted; decimals keep their physical width; INT96 takes the declared unit.
fn wanted_type(physical: PhysicalType, actual: &DataType, declared: &DataType, form: TextForm) -> DataType {
    let text = Type::from_arrow(declared) == Some(Type::Text);
    match actual {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) if text => {
            form.data_type()
        }
        DataType::Decimal128(precision, scale) => match physical {
            PhysicalType::INT32 if *precision <= 9 => DataType::Decimal32(*precision, *scale),
            PhysicalType::INT64 if *precision <= 18 => DataType::Decimal64(*precision, *scale),
            _ => actual.clone(),
        },
        DataType::Timestamp(_, _)
            if physical == PhysicalType::INT96 && matches!(declared, DataType::Timestamp(_, _)) =>
        {
            declared.clone()
        }
        _ => actual.clone(),
    }
}

/// Whether values of both types are the same stored values (the decimal kinds of one precision and scale are).
fn same_values(read: &DataType, declared: &DataType) -> bool {
    let device_type = |data_type: &DataType| match data_type {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(Type::Decimal { precision: *precision, scale: *scale })
        }
        other => Type::from_arrow(other),
    };
    device_type(read).is_some() && device_type(read) == device_type(declared)
}
