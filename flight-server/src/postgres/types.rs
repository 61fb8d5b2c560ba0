//! The types of PostgreSQL that ours are sent as: the nearest one that holds every value.

use arrow::datatypes::{DataType, Schema, TimeUnit};

use super::fault::Fault;

/// A type without elements. What each has on the wire is in [`KINDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    /// Structs, maps, and lists of lists or of either.
    Json,
}

/// Each kind with its number, that of its arrays, and the bytes of a value, -1 where they differ.
const KINDS: &[(Kind, u32, u32, i16)] = &[
    (Kind::Bool, 16, 1000, 1),
    (Kind::Int2, 21, 1005, 2),
    (Kind::Int4, 23, 1007, 4),
    (Kind::Int8, 20, 1016, 8),
    (Kind::Float4, 700, 1021, 4),
    (Kind::Float8, 701, 1022, 8),
    (Kind::Numeric, 1700, 1231, -1),
    (Kind::Text, 25, 1009, -1),
    (Kind::Bytea, 17, 1001, -1),
    (Kind::Date, 1082, 1182, 4),
    (Kind::Time, 1083, 1183, 8),
    (Kind::Timestamp, 1114, 1115, 8),
    (Kind::TimestampTz, 1184, 1185, 8),
    (Kind::Interval, 1186, 1187, 16),
    (Kind::Json, 114, 199, -1),
];

/// Numbers of types that are sent to us as another that is ours.
const ALIASES: &[(u32, PgType)] = &[
    (18, PgType::one(Kind::Text)),     // "char"
    (19, PgType::one(Kind::Text)),     // name
    (26, PgType::one(Kind::Int8)),     // oid
    (705, PgType::one(Kind::Text)),    // unknown
    (1042, PgType::one(Kind::Text)),   // bpchar
    (1043, PgType::one(Kind::Text)),   // varchar
    (1003, PgType::array(Kind::Text)), // name[]
    (1014, PgType::array(Kind::Text)), // bpchar[]
    (1015, PgType::array(Kind::Text)), // varchar[]
];

/// A type as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PgType {
    pub(super) kind: Kind,
    pub(super) is_array: bool,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text = 0,
    Binary = 1,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: PgType,
    /// Precision and scale of a numeric, in one number; -1 of all else.
    pub(super) modifier: i32,
    pub(super) format: Format,
}

impl PgType {
    pub(super) const fn one(kind: Kind) -> Self {
        Self { kind, is_array: false }
    }

    const fn array(kind: Kind) -> Self {
        Self { kind, is_array: true }
    }

    /// What values of `data_type` are sent as.
    pub(super) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                match Self::of(item.data_type()) {
                    // Arrays in arrays have to be as long as each other, which ours need not be.
                    Self { kind: Kind::Json, .. } | Self { is_array: true, .. } => Self::one(Kind::Json),
                    Self { kind, .. } => Self::array(kind),
                }
            }
            other => Self::one(kind_of(other)),
        }
    }

    /// The type of this number; `None` for one that is not known here.
    pub(super) fn by_oid(oid: u32) -> Option<Self> {
        let own = KINDS.iter().find_map(|(kind, one, array, _)| match oid {
            _ if oid == *one => Some(Self::one(*kind)),
            _ if oid == *array => Some(Self::array(*kind)),
            _ => None,
        });
        own.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == oid).map(|(_, data_type)| *data_type))
    }

    pub(super) fn oid(self) -> u32 {
        let (_, one, array, _) = self.row();
        if self.is_array { array } else { one }
    }

    pub(super) fn length(self) -> i16 {
        if self.is_array { -1 } else { self.row().3 }
    }

    fn row(self) -> (Kind, u32, u32, i16) {
        KINDS.iter().find(|(kind, ..)| *kind == self.kind).copied().unwrap_or((Kind::Text, 25, 1009, -1))
    }

    /// What a value of this type is to us; decimals are as wide as each is.
    pub(super) fn arrow(self) -> DataType {
        let one = match self.kind {
            Kind::Bool => DataType::Boolean,
            Kind::Int2 => DataType::Int16,
            Kind::Int4 => DataType::Int32,
            Kind::Int8 => DataType::Int64,
            Kind::Float4 => DataType::Float32,
            Kind::Float8 => DataType::Float64,
            Kind::Numeric => DataType::Decimal128(38, 10),
            Kind::Text | Kind::Json => DataType::Utf8,
            Kind::Bytea => DataType::Binary,
            Kind::Date => DataType::Date32,
            Kind::Time => DataType::Time64(TimeUnit::Microsecond),
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Kind::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            Kind::Interval => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        };
        if self.is_array { DataType::new_list(one, true) } else { one }
    }
}

fn kind_of(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Boolean => Kind::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Kind::Int2,
        DataType::Int32 | DataType::UInt16 => Kind::Int4,
        DataType::Int64 | DataType::UInt32 => Kind::Int8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Kind::Numeric,
        DataType::Float16 | DataType::Float32 => Kind::Float4,
        DataType::Float64 => Kind::Float8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Kind::Bytea,
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Timestamp(_, None) => Kind::Timestamp,
        DataType::Timestamp(_, Some(_)) => Kind::TimestampTz,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Kind::Text,
        _ => Kind::Json,
    }
}

/// As many columns as a row can have: their number has 16 bits, and is read with a sign by some.
const COLUMNS_MAX: usize = 32_767;

/// The columns of `schema`, as text.
///
/// # Errors
/// For more than a row can have.
pub(super) fn columns(schema: &Schema) -> Result<Vec<Column>, Fault> {
    let count = schema.fields().len();
    if count > COLUMNS_MAX {
        let message = format!("the result has {count} columns, and {COLUMNS_MAX} are the most in this protocol");
        return Err(Fault::error("54011", message).with_hint("name those that are wanted"));
    }
    let column = |field: &arrow::datatypes::FieldRef| Column {
        name: field.name().clone(),
        data_type: PgType::of(field.data_type()),
        modifier: modifier(field.data_type()),
        format: Format::Text,
    };
    Ok(schema.fields().iter().map(column).collect())
}

/// As `atttypmod` has it.
pub(super) fn modifier(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if *scale >= 0 => {
            ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn types_go_to_the_next_that_holds_them() {
        let list = |item| DataType::new_list(item, true);
        for (own, oid) in [
            (DataType::UInt8, 21),
            (DataType::UInt16, 23),
            (DataType::UInt32, 20),
            (DataType::UInt64, 1700),
            (list(DataType::UInt64), 1231),
            (list(list(DataType::Int32)), 114),
            (DataType::Null, 25),
        ] {
            assert_eq!(PgType::of(&own).oid(), oid, "{own}");
        }
        for (kind, one, array, _) in KINDS {
            assert_eq!(PgType::by_oid(*one).unwrap(), PgType::one(*kind));
            assert_eq!(PgType::by_oid(*array).unwrap(), PgType::array(*kind));
        }
        assert_eq!(PgType::by_oid(600), None);
        let wide = |count| Schema::new(vec![arrow::datatypes::Field::new("n", DataType::Int32, true); count]);
        assert_eq!(columns(&wide(COLUMNS_MAX)).unwrap().len(), COLUMNS_MAX);
        assert_eq!(columns(&wide(COLUMNS_MAX + 1)).unwrap_err().code, "54011");
        assert_eq!(modifier(&DataType::Decimal128(15, 2)), 983_046);
    }
}
