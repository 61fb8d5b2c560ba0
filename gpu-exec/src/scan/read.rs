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
use super::left::LeftOfFile;
use crate::ir::Type;

/// Where the values of a declared column come from in one file.
#[derive(Clone, Debug)]
pub(crate) enum ColumnRead {
    /// The file has no such column: every row is NULL.
    Missing,
    Leaf(LeafRead),
    /// No file has it: it says which rows are left.
    Left(LeftOfFile),
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

/// A column as the table declares it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) field: &'a Field,
    /// Texts are asked for, not codes.
    pub(crate) raw_text: bool,
}

/// A flat column of a file.
#[derive(Clone, Copy)]
struct Stored<'a> {
    root: usize,
    leaf: usize,
    field: &'a Field,
}

impl ColumnRead {
    /// Decides for all columns that a scan reads of a file: one reader serves them, where it takes what each is asked for.
    /// `None` where [`ColumnRead::plan`] has to say what is wrong, or to find what is taken.
    pub(crate) fn plan_all(footer: &Footer, declared: &[Declared<'_>]) -> Vec<Option<Self>> {
        let stored = |column: &Declared<'_>| Stored::of(footer, column.field).ok();
        let stored: Vec<Option<Option<Stored<'_>>>> = declared.iter().map(stored).collect();
        let asked = declared.iter().zip(&stored).filter_map(|(column, stored)| {
            let stored = (*stored)??;
            Some((stored, stored.wanted_type(footer, *column)))
        });
        let asked: Vec<(Stored<'_>, DataType)> = asked.collect();
        let reader = reader_of(footer, &asked);
        let planned = declared.iter().zip(&stored).map(|(column, stored)| match (stored, &reader) {
            (Some(None), _) => Some(ColumnRead::Missing),
            (Some(Some(stored)), Some(reader)) => {
                let read_type = stored.wanted_type(footer, *column);
                Self::of_leaf(footer, *stored, column.field, (reader.clone(), read_type)).ok()
            }
            _ => None,
        });
        planned.collect()
    }

    /// Decides for one column.
    pub(crate) fn plan(footer: &Footer, declared: Declared<'_>) -> Result<Self, ScanError> {
        let Some(stored) = Stored::of(footer, declared.field)? else { return Ok(ColumnRead::Missing) };
        let wanted = stored.wanted_type(footer, declared);
        let read = match reader_of(footer, &[(stored, wanted.clone())]) {
            Some(reader) => (reader, wanted),
            None => (reader_of_file(footer)?, stored.field.data_type().clone()),
        };
        Self::of_leaf(footer, stored, declared.field, read)
    }

    fn of_leaf(
        footer: &Footer,
        stored: Stored<'_>,
        declared: &Field,
        (reader, read_type): (ArrowReaderMetadata, DataType),
    ) -> Result<Self, ScanError> {
        let leaf = stored.leaf;
        let cast_to = if same_values(&read_type, declared.data_type()) {
            None
        } else if arrow::compute::can_cast_types(&read_type, declared.data_type()) {
            Some(declared.data_type().clone())
        } else {
            let message = format!("its type {read_type} in the file cannot be cast to {}", declared.data_type());
            return Err(unsupported(footer, declared, message));
        };
        let annotated =
            footer.metadata.file_metadata().schema_descr().column(leaf).converted_type() == ConvertedType::UTF8;
        let unchecked_text = !annotated && Type::from_arrow(&read_type) == Some(Type::Text);
        Ok(ColumnRead::Leaf(LeafRead { leaf, reader, cast_to, unchecked_text }))
    }
}

fn unsupported(footer: &Footer, declared: &Field, message: impl Into<String>) -> ScanError {
    let (path, column) = (footer.meta.location.to_string(), declared.name().clone());
    ScanError::Unsupported { path, column, message: message.into() }
}

impl<'a> Stored<'a> {
    /// `None` where the file has no such column, and need not.
    fn of(footer: &'a Footer, declared: &Field) -> Result<Option<Self>, ScanError> {
        let Some((root, field)) = footer.schema.column_with_name(declared.name()) else {
            return if declared.is_nullable() {
                Ok(None)
            } else {
                Err(unsupported(footer, declared, "the file lacks it, and it is declared NOT NULL"))
            };
        };
        let leaf = flat_leaf(footer, root).ok_or_else(|| unsupported(footer, declared, "in the file it is nested"))?;
        Ok(Some(Self { root, leaf, field }))
    }

    /// The form that costs least to encode.
    fn wanted_type(&self, footer: &Footer, declared: Declared<'_>) -> DataType {
        let physical = footer.metadata.file_metadata().schema_descr().column(self.leaf).physical_type();
        let form = match () {
            () if declared.raw_text => TextForm::Raw,
            () if footer.lacks_dictionary(declared.field.name()) => TextForm::Plain,
            () => TextForm::Dictionary,
        };
        wanted_type(physical, self.field.data_type(), declared.field.data_type(), form)
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

/// A reader that yields columns as these types; `None` where it refuses.
fn reader_of(footer: &Footer, asked: &[(Stored<'_>, DataType)]) -> Option<ArrowReaderMetadata> {
    if asked.iter().all(|(stored, wanted)| wanted == stored.field.data_type()) {
        return reader_of_file(footer).ok();
    }
    let mut fields: Vec<_> = footer.schema.fields().iter().map(Arc::clone).collect();
    for (stored, wanted) in asked {
        fields[stored.root] = Arc::new(stored.field.clone().with_data_type(wanted.clone()));
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, footer.schema.metadata().clone()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    guarded(|| ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), options)).ok()
}

/// A reader that yields columns in the file's own forms.
fn reader_of_file(footer: &Footer) -> Result<ArrowReaderMetadata, ScanError> {
    guarded(|| ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), ArrowReaderOptions::new()))
        .map_err(|error| ScanError::corrupt(&footer.meta.location, None, error))
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
