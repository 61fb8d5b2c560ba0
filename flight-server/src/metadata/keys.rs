//! Key metadata. Tables here have no keys, so every answer is empty: drivers want the columns and not an error.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType::{Int32, UInt8, Utf8};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// Columns of GetPrimaryKeys: name, type, nullable.
const PRIMARY: &[(&str, DataType, bool)] = &[
    ("catalog_name", Utf8, true),
    ("db_schema_name", Utf8, true),
    ("table_name", Utf8, false),
    ("column_name", Utf8, false),
    ("key_name", Utf8, true),
    ("key_sequence", Int32, false),
];

/// Columns of GetExportedKeys, GetImportedKeys and GetCrossReference.
const FOREIGN: &[(&str, DataType, bool)] = &[
    ("pk_catalog_name", Utf8, true),
    ("pk_db_schema_name", Utf8, true),
    ("pk_table_name", Utf8, false),
    ("pk_column_name", Utf8, false),
    ("fk_catalog_name", Utf8, true),
    ("fk_db_schema_name", Utf8, true),
    ("fk_table_name", Utf8, false),
    ("fk_column_name", Utf8, false),
    ("key_sequence", Int32, false),
    ("fk_key_name", Utf8, true),
    ("pk_key_name", Utf8, true),
    ("update_rule", UInt8, false),
    ("delete_rule", UInt8, false),
];

static PRIMARY_KEYS: LazyLock<SchemaRef> = LazyLock::new(|| schema(PRIMARY));
static FOREIGN_KEYS: LazyLock<SchemaRef> = LazyLock::new(|| schema(FOREIGN));

/// The columns of GetPrimaryKeys.
pub(crate) fn primary() -> SchemaRef {
    Arc::clone(&PRIMARY_KEYS)
}

/// The columns of GetExportedKeys, GetImportedKeys and GetCrossReference.
pub(crate) fn foreign() -> SchemaRef {
    Arc::clone(&FOREIGN_KEYS)
}

fn schema(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    let field = |(name, data_type, nullable): &(&str, DataType, bool)| Field::new(*name, data_type.clone(), *nullable);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
