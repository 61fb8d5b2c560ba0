//! GetXdbcTypeInfo: the types of SQL as ODBC and its kin know them, and what columns are called by them. Every name is one that CAST
//! takes; tables' columns carry the same names, by which navigators find a type here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use tonic::Status;

use crate::status::from_flight;

/// What a type is, beyond its name and number.
enum Kind {
    /// Whole numbers of so many decimal digits.
    Integer {
        digits: i32,
        is_unsigned: bool,
    },
    /// Binary fractions with so many bits.
    Float {
        bits: i32,
    },
    Decimal,
    /// Of any length.
    Text,
    Bytes,
    /// Date, time or timestamp of so many characters.
    Moment {
        length: i32,
        subcode: XdbcDatetimeSubcode,
        keyword: &'static str,
    },
    /// BOOLEAN, INTERVAL.
    Other {
        literal: Option<(&'static str, &'static str)>,
    },
}

use Kind::{Bytes, Decimal, Float, Integer, Moment, Other, Text};
use XdbcDataType as Xdbc;
use XdbcDatetimeSubcode as Subcode;

const DECIMAL: &str = "DECIMAL";

/// Name, number, kind.
const TYPES: &[(&str, Xdbc, Kind)] = &[
    ("BOOLEAN", Xdbc::XdbcBit, Other { literal: None }),
    ("TINYINT", Xdbc::XdbcTinyint, Integer { digits: 3, is_unsigned: false }),
    ("TINYINT UNSIGNED", Xdbc::XdbcTinyint, Integer { digits: 3, is_unsigned: true }),
    ("SMALLINT", Xdbc::XdbcSmallint, Integer { digits: 5, is_unsigned: false }),
    ("SMALLINT UNSIGNED", Xdbc::XdbcSmallint, Integer { digits: 5, is_unsigned: true }),
    ("INTEGER", Xdbc::XdbcInteger, Integer { digits: 10, is_unsigned: false }),
    ("INTEGER UNSIGNED", Xdbc::XdbcInteger, Integer { digits: 10, is_unsigned: true }),
    ("BIGINT", Xdbc::XdbcBigint, Integer { digits: 19, is_unsigned: false }),
    ("BIGINT UNSIGNED", Xdbc::XdbcBigint, Integer { digits: 20, is_unsigned: true }),
    ("REAL", Xdbc::XdbcReal, Float { bits: 24 }),
    ("DOUBLE", Xdbc::XdbcDouble, Float { bits: 53 }),
    (DECIMAL, Xdbc::XdbcDecimal, Decimal),
    ("VARCHAR", Xdbc::XdbcVarchar, Text),
    ("BYTEA", Xdbc::XdbcVarbinary, Bytes),
    ("DATE", Xdbc::XdbcDate, Moment { length: 10, subcode: Subcode::XdbcSubcodeYear, keyword: "DATE '" }),
    ("TIME", Xdbc::XdbcTime, Moment { length: 18, subcode: Subcode::XdbcSubcodeTime, keyword: "TIME '" }),
    (
        "TIMESTAMP",
        Xdbc::XdbcTimestamp,
        Moment { length: 29, subcode: Subcode::XdbcSubcodeTimestamp, keyword: "TIMESTAMP '" },
    ),
    (
        "TIMESTAMPTZ",
        Xdbc::XdbcTimestamp,
        Moment { length: 35, subcode: Subcode::XdbcSubcodeTimestampWithTimezone, keyword: "TIMESTAMPTZ '" },
    ),
    ("INTERVAL", Xdbc::XdbcInterval, Other { literal: Some(("INTERVAL '", "'")) }),
];

/// Digits of the widest decimal.
const DIGITS_MAX: i32 = 76;

/// All types.
pub(crate) fn all() -> Result<XdbcTypeInfoData, Status> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    TYPES.iter().for_each(|(name, number, kind)| builder.append(row(name, *number, kind)));
    builder.build().map_err(from_flight)
}

fn row(name: &str, number: Xdbc, kind: &Kind) -> XdbcTypeInfo {
    let plain = XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type: number,
        sql_data_type: number,
        local_type_name: Some(name.to_owned()),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    };
    let quoted = |before: &str| (Some(before.to_owned()), Some("'".to_owned()));
    match *kind {
        Integer { digits, is_unsigned } => XdbcTypeInfo {
            column_size: Some(digits),
            unsigned_attribute: Some(is_unsigned),
            auto_increment: Some(false),
            minimum_scale: Some(0),
            maximum_scale: Some(0),
            num_prec_radix: Some(10),
            ..plain
        },
        Float { bits } => XdbcTypeInfo {
            column_size: Some(bits),
            unsigned_attribute: Some(false),
            auto_increment: Some(false),
            num_prec_radix: Some(2),
            ..plain
        },
        Decimal => XdbcTypeInfo {
            column_size: Some(DIGITS_MAX),
            create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
            unsigned_attribute: Some(false),
            auto_increment: Some(false),
            minimum_scale: Some(0),
            maximum_scale: Some(DIGITS_MAX),
            num_prec_radix: Some(10),
            ..plain
        },
        Text => {
            let (literal_prefix, literal_suffix) = quoted("'");
            XdbcTypeInfo { column_size: Some(i32::MAX), literal_prefix, literal_suffix, case_sensitive: true, ..plain }
        }
        Bytes => {
            let (literal_prefix, literal_suffix) = quoted("X'");
            XdbcTypeInfo { column_size: Some(i32::MAX), literal_prefix, literal_suffix, ..plain }
        }
        Moment { length, subcode, keyword } => {
            let (literal_prefix, literal_suffix) = quoted(keyword);
            let (sql_data_type, datetime_subcode) = (Xdbc::XdbcDatetime, Some(subcode));
            let column_size = Some(length);
            XdbcTypeInfo { column_size, literal_prefix, literal_suffix, sql_data_type, datetime_subcode, ..plain }
        }
        Other { literal } => {
            let (literal_prefix, literal_suffix) =
                literal.map(|(before, after)| (before.to_owned(), after.to_owned())).unzip();
            XdbcTypeInfo { literal_prefix, literal_suffix, ..plain }
        }
    }
}

/// The name of a column's type.
fn name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::UInt8 => "TINYINT UNSIGNED",
        DataType::Int16 => "SMALLINT",
        DataType::UInt16 => "SMALLINT UNSIGNED",
        DataType::Int32 => "INTEGER",
        DataType::UInt32 => "INTEGER UNSIGNED",
        DataType::Int64 => "BIGINT",
        DataType::UInt64 => "BIGINT UNSIGNED",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => DECIMAL,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "BYTEA",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMPTZ",
        DataType::Duration(_) | DataType::Interval(_) => "INTERVAL",
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(_, _) => "ARRAY",
        DataType::Struct(_) => "STRUCT",
        DataType::Map(_, _) => "MAP",
        DataType::Union(_, _) => "UNION",
        DataType::Dictionary(_, values) => name(values),
        DataType::RunEndEncoded(_, values) => name(values.data_type()),
    }
}

/// The columns of a table, each with what a navigator shows of it.
pub(crate) fn described(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| described_field(field));
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

fn described_field(field: &Field) -> Field {
    let mut told = vec![("TYPE_NAME", name(field.data_type()).to_owned()), ("IS_AUTO_INCREMENT", "0".to_owned())];
    if let DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) = field.data_type() {
        told.extend([("PRECISION", precision.to_string()), ("SCALE", scale.to_string())]);
    }
    let told = told.into_iter().map(|(name, value)| (format!("ARROW:FLIGHT:SQL:{name}"), value));
    let metadata: HashMap<_, _> = field.metadata().clone().into_iter().chain(told).collect();
    field.clone().with_metadata(metadata)
}
