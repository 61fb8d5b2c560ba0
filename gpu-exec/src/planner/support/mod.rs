//! The support table: what the device can do, by operator, expression and type.
//!
//! Placement asks this table and nothing else whether a construct has a device form; the documentation prints it.
//! The first row that matches decides. What no row names stays on the host. Not here: how a construct is translated, nor how the
//! table is printed (`page.rs`).

mod page;

use std::fmt;

pub use page::page;

use super::Reason;
use crate::ir::Type;

/// A set of value types, coarse enough for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    pub const BOOL: Types = Types(1);
    pub const INT: Types = Types(1 << 1);
    pub const FLOAT: Types = Types(1 << 2);
    pub const DECIMAL: Types = Types(1 << 3);
    pub const DATE: Types = Types(1 << 4);
    pub const TIMESTAMP: Types = Types(1 << 5);
    pub const TEXT: Types = Types(1 << 6);
    /// Such values are only carried, and sorted by.
    const WIDE_DECIMAL: Types = Types(1 << 7);
    pub const ANY: Types = Types((1 << 7) - 1);
    const NAMES: [(Types, &'static str); 8] = [
        (Types::BOOL, "boolean"),
        (Types::INT, "integer"),
        (Types::FLOAT, "float"),
        (Types::DECIMAL, "decimal"),
        (Types::DATE, "date"),
        (Types::TIMESTAMP, "timestamp"),
        (Types::TEXT, "text"),
        (Types::WIDE_DECIMAL, "decimal of more than 38 digits"),
    ];

    const fn or(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub fn contains(self, other: Types) -> bool {
        self.0 & other.0 == other.0
    }

    /// The class a device type belongs to.
    pub fn of(ty: Type) -> Types {
        match ty {
            Type::Bool => Types::BOOL,
            Type::Int { .. } => Types::INT,
            Type::Float { .. } => Types::FLOAT,
            Type::Decimal { .. } => Types::DECIMAL,
            Type::WideDecimal { .. } => Types::WIDE_DECIMAL,
            Type::Date => Types::DATE,
            Type::Timestamp { .. } => Types::TIMESTAMP,
            Type::Text => Types::TEXT,
        }
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Types::ANY {
            return f.write_str("any");
        }
        let names: Vec<_> =
            Self::NAMES.iter().filter(|(class, _)| self.contains(*class)).map(|(_, name)| *name).collect();
        f.write_str(&names.join(", "))
    }
}

/// What a row of the table speaks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A plan operator, by DataFusion's name or, for joins, by kind.
    Operator,
    /// An operator of an expression.
    Expression,
    /// A scalar function over columns that are not text, by DataFusion's name.
    Function,
    /// A scalar function of one text column, evaluated once per dictionary entry. Tests against constants and lengths
    /// are also computed from text that has no dictionary (`expression/raw_text.rs` names them).
    TextFunction,
    Aggregate,
    JoinKey,
    GroupKey,
    SortKey,
}

/// Whether the device does it, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Device,
    Host(&'static str),
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub subject: Subject,
    pub name: &'static str,
    /// Types of the operand (of all operands, where there are several).
    pub types: Types,
    pub support: Support,
}

/// Casts have two types; their rows are apart.
#[derive(Clone, Copy, Debug)]
pub struct CastRow {
    pub from: Types,
    pub to: Types,
    pub support: Support,
}

const fn device(subject: Subject, name: &'static str, types: Types) -> Row {
    Row { subject, name, types, support: Support::Device }
}

const fn host(subject: Subject, name: &'static str, types: Types, why: &'static str) -> Row {
    Row { subject, name, types, support: Support::Host(why) }
}

const EXACT: Types = Types::INT.or(Types::DECIMAL);
const NUMERIC: Types = EXACT.or(Types::FLOAT);
const TIME: Types = Types::DATE.or(Types::TIMESTAMP);
const FIXED: Types = NUMERIC.or(TIME).or(Types::BOOL);
const KEYS: Types = NUMERIC.or(TIME).or(Types::BOOL).or(Types::TEXT);

const NOT_ALIKE: &str =
    "IEEE 754 does not say to the last bit what this gives: the device's may differ from the host's";
const FLOAT_VARIANCE: &str =
    "the variance of floats has no device form yet: it is computed of exact sums, of integers and decimals alone";
const DISTINCT_VARIANCE: &str = "a variance of DISTINCT values has no device form yet";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    device(Subject::Operator, "parquet scan", Types::ANY),
    device(Subject::Operator, "FilterExec", Types::ANY),
    device(Subject::Operator, "ProjectionExec", Types::ANY),
    device(Subject::Operator, "AggregateExec", Types::ANY),
    device(Subject::Operator, "GlobalLimitExec", Types::ANY),
    device(Subject::Operator, "LocalLimitExec", Types::ANY),
    device(Subject::Operator, "CoalesceBatchesExec", Types::ANY),
    device(Subject::Operator, "CoalescePartitionsExec", Types::ANY),
    device(Subject::Operator, "RepartitionExec", Types::ANY),
    device(Subject::Operator, "inner join", Types::ANY),
    device(Subject::Operator, "left join", Types::ANY),
    device(Subject::Operator, "right join", Types::ANY),
    device(Subject::Operator, "semi join", Types::ANY),
    device(Subject::Operator, "anti join", Types::ANY),
    device(Subject::Operator, "full join", Types::ANY),
    device(Subject::Operator, "mark join", Types::ANY),
    host(Subject::Operator, "PiecewiseMergeJoinExec", Types::ANY, "joins without an equality run on the host"),
    host(Subject::Operator, "SortMergeJoinExec", Types::ANY, "sort-merge joins run on the host"),
    host(Subject::Operator, "SymmetricHashJoinExec", Types::ANY, "streaming joins run on the host"),
    device(Subject::Operator, "SortExec", Types::ANY),
    host(Subject::Operator, "PartialSortExec", Types::ANY, "sorts of what is sorted in part run on the host"),
    host(Subject::Operator, "SortPreservingMergeExec", Types::ANY, "sorted partitions are merged on the host"),
    host(Subject::Operator, "PartitionedTopKExec", Types::ANY, "the first rows of each partition are sorted on the host"),
    device(Subject::Operator, "WindowAggExec", Types::ANY),
    device(Subject::Operator, "BoundedWindowAggExec", Types::ANY),
    device(Subject::Operator, "UnionExec", Types::ANY),
    device(Subject::Operator, "InterleaveExec", Types::ANY),
    host(Subject::Operator, "UnnestExec", Types::ANY, "unnesting runs on the host"),
    host(Subject::Operator, "RecursiveQueryExec", Types::ANY, "recursive queries run on the host"),
    host(Subject::Operator, "WorkTableExec", Types::ANY, "recursive queries run on the host"),
    host(Subject::Operator, "ScalarSubqueryExec", Types::ANY, "scalar subqueries are collected by the host"),
    host(Subject::Operator, "DataSinkExec", Types::ANY, "writing runs on the host"),

    device(Subject::Expression, "+ - *", NUMERIC),
    device(Subject::Expression, "/", NUMERIC),
    device(Subject::Expression, "%", Types::INT),
    host(Subject::Expression, "%", NUMERIC, "the remainder of decimals and floats has no device form yet"),
    device(Subject::Expression, "negation", NUMERIC),
    device(Subject::Expression, "& | ^", Types::INT),
    device(Subject::Expression, "<< >>", Types::INT),
    device(Subject::Expression, "comparison", Types::ANY),
    device(Subject::Expression, "AND OR NOT", Types::BOOL),
    device(Subject::Expression, "IS NULL", Types::ANY),
    device(Subject::Expression, "CASE", Types::ANY),
    device(Subject::Expression, "IN", Types::ANY),
    device(Subject::Expression, "date +/- interval", TIME),
    device(Subject::Expression, "literal", Types::ANY),
    host(Subject::Expression, "scalar subquery", Types::TEXT, "a scalar subquery that yields text is known too late for a dictionary"),
    device(Subject::Expression, "scalar subquery", FIXED),
    device(Subject::Expression, "function of one text column", Types::BOOL.or(Types::INT).or(Types::FLOAT).or(Types::DATE).or(Types::TEXT)),

    device(Subject::Function, "date_part", TIME),
    device(Subject::Function, "date_trunc", Types::TIMESTAMP),
    device(Subject::Function, "abs", NUMERIC),
    device(Subject::Function, "nullif", FIXED),
    device(Subject::Function, "greatest", EXACT.or(TIME)),
    device(Subject::Function, "least", EXACT.or(TIME)),
    device(Subject::Function, "round", NUMERIC),
    device(Subject::Function, "trunc", Types::FLOAT.or(Types::DECIMAL)),
    device(Subject::Function, "floor", Types::FLOAT.or(Types::DECIMAL)),
    device(Subject::Function, "ceil", Types::FLOAT.or(Types::DECIMAL)),
    host(Subject::Function, "power", Types::ANY, NOT_ALIKE),
    host(Subject::Function, "exp", Types::ANY, NOT_ALIKE),
    host(Subject::Function, "ln", Types::ANY, NOT_ALIKE),
    host(Subject::Function, "log", Types::ANY, NOT_ALIKE),
    host(Subject::Function, "log2", Types::ANY, NOT_ALIKE),
    host(Subject::Function, "log10", Types::ANY, NOT_ALIKE),

    device(Subject::TextFunction, "ascii", Types::TEXT),
    device(Subject::TextFunction, "bit_length", Types::TEXT),
    device(Subject::TextFunction, "btrim", Types::TEXT),
    device(Subject::TextFunction, "character_length", Types::TEXT),
    device(Subject::TextFunction, "concat", Types::TEXT),
    device(Subject::TextFunction, "contains", Types::TEXT),
    device(Subject::TextFunction, "ends_with", Types::TEXT),
    device(Subject::TextFunction, "initcap", Types::TEXT),
    device(Subject::TextFunction, "left", Types::TEXT),
    device(Subject::TextFunction, "levenshtein", Types::TEXT),
    device(Subject::TextFunction, "lower", Types::TEXT),
    device(Subject::TextFunction, "ltrim", Types::TEXT),
    device(Subject::TextFunction, "nullif", Types::TEXT),
    device(Subject::TextFunction, "octet_length", Types::TEXT),
    device(Subject::TextFunction, "regexp_like", Types::TEXT),
    device(Subject::TextFunction, "regexp_replace", Types::TEXT),
    device(Subject::TextFunction, "replace", Types::TEXT),
    device(Subject::TextFunction, "reverse", Types::TEXT),
    device(Subject::TextFunction, "right", Types::TEXT),
    device(Subject::TextFunction, "rtrim", Types::TEXT),
    device(Subject::TextFunction, "split_part", Types::TEXT),
    device(Subject::TextFunction, "starts_with", Types::TEXT),
    device(Subject::TextFunction, "strpos", Types::TEXT),
    device(Subject::TextFunction, "substr", Types::TEXT),
    device(Subject::TextFunction, "substring", Types::TEXT),
    device(Subject::TextFunction, "translate", Types::TEXT),
    device(Subject::TextFunction, "upper", Types::TEXT),

    device(Subject::Aggregate, "count", Types::ANY),
    device(Subject::Aggregate, "count distinct", KEYS),
    device(Subject::Aggregate, "sum", NUMERIC),
    device(Subject::Aggregate, "sum distinct", NUMERIC),
    device(Subject::Aggregate, "avg", NUMERIC),
    device(Subject::Aggregate, "avg distinct", NUMERIC),
    device(Subject::Aggregate, "var", EXACT),
    device(Subject::Aggregate, "var_pop", EXACT),
    device(Subject::Aggregate, "stddev", EXACT),
    device(Subject::Aggregate, "stddev_pop", EXACT),
    host(Subject::Aggregate, "var", Types::FLOAT, FLOAT_VARIANCE),
    host(Subject::Aggregate, "var_pop", Types::FLOAT, FLOAT_VARIANCE),
    host(Subject::Aggregate, "stddev", Types::FLOAT, FLOAT_VARIANCE),
    host(Subject::Aggregate, "stddev_pop", Types::FLOAT, FLOAT_VARIANCE),
    host(Subject::Aggregate, "variance distinct", Types::ANY, DISTINCT_VARIANCE),
    device(Subject::Aggregate, "min", Types::ANY),
    device(Subject::Aggregate, "max", Types::ANY),
    device(Subject::Aggregate, "bool_and", Types::BOOL),
    device(Subject::Aggregate, "bool_or", Types::BOOL),

    device(Subject::JoinKey, "join key", KEYS),
    device(Subject::GroupKey, "group key", KEYS),
    device(Subject::SortKey, "sort key", Types::ANY.or(Types::WIDE_DECIMAL)),
];

const fn cast(from: Types, to: Types, support: Support) -> CastRow {
    CastRow { from, to, support }
}

/// Casts that the device does exactly as the host. A cast between two forms of the same type is no cast.
const CASTS: &[CastRow] = &[
    cast(NUMERIC, NUMERIC, Support::Device),
    cast(Types::BOOL, Types::INT, Support::Device),
    cast(Types::INT, Types::BOOL, Support::Device),
    cast(Types::DATE, Types::TIMESTAMP, Support::Device),
    cast(Types::TIMESTAMP, Types::DATE, Support::Device),
    cast(Types::TIMESTAMP, Types::TIMESTAMP, Support::Device),
    cast(Types::TEXT, Types::ANY, Support::Host("reading a value from text can fail for text the query never selects")),
    cast(Types::ANY, Types::TEXT, Support::Host("writing a value as text has no device form yet")),
];

/// Asks the table about a construct over operands of one type.
pub(crate) fn require(subject: Subject, name: &str, ty: Type) -> Result<(), Reason> {
    let class = Types::of(ty);
    let row = ROWS.iter().find(|row| row.subject == subject && row.name == name && row.types.contains(class));
    match row.map(|row| row.support) {
        Some(Support::Device) => Ok(()),
        Some(Support::Host(why)) => Err(Reason::new(why)),
        None => Err(Reason::new(format!("{name} of {class} has no device form"))),
    }
}

/// Asks the table about an operator, whatever its types. A variant in brackets, as in `SortExec(TopK)`, is left out.
pub(crate) fn require_operator(name: &str) -> Result<(), Reason> {
    let name = name.split('(').next().unwrap_or(name);
    match ROWS.iter().find(|row| row.subject == Subject::Operator && row.name == name).map(|row| row.support) {
        Some(Support::Device) => Ok(()),
        Some(Support::Host(why)) => Err(Reason::new(why)),
        None => Err(Reason::new(format!("{name} has no device form"))),
    }
}

/// Why a scalar function that nothing translates stays on the host.
pub(crate) fn function_reason(name: &str) -> Reason {
    match ROWS.iter().find(|row| row.subject == Subject::Function && row.name == name).map(|row| row.support) {
        Some(Support::Host(why)) => Reason::new(why),
        _ => Reason::new(format!("the function {name} has no device form")),
    }
}

/// Whether a function of text may be evaluated for every dictionary entry: it is known never to fail.
pub(crate) fn is_text_function(name: &str) -> bool {
    ROWS.iter().any(|row| row.subject == Subject::TextFunction && row.name == name && row.support == Support::Device)
}

/// Asks the table about a cast.
pub(crate) fn require_cast(from: Type, to: Type) -> Result<(), Reason> {
    let (source, target) = (Types::of(from), Types::of(to));
    match CASTS.iter().find(|row| row.from.contains(source) && row.to.contains(target)).map(|row| row.support) {
        Some(Support::Device) => Ok(()),
        Some(Support::Host(why)) => Err(Reason::new(why)),
        None => Err(Reason::new(format!("a cast from {source} to {target} has no device form"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_matching_row_decides() {
        assert_eq!(require(Subject::JoinKey, "join key", Type::INT64), Ok(()));
        assert_eq!(require(Subject::JoinKey, "join key", Type::FLOAT64), Ok(()));
        assert_eq!(
            require(Subject::Expression, "%", Type::FLOAT64).map_err(|r| r.to_string()),
            Err("the remainder of decimals and floats has no device form yet".into())
        );
        assert_eq!(
            require(Subject::Function, "sin", Type::FLOAT64).map_err(|r| r.to_string()),
            Err("sin of float has no device form".into())
        );
    }

    #[test]
    fn no_row_is_listed_twice() {
        for (position, row) in ROWS.iter().enumerate() {
            let twin = ROWS[..position].iter().find(|other| {
                other.subject == row.subject && other.name == row.name && other.types.contains(row.types)
            });
            assert!(twin.is_none(), "{} is shadowed", row.name);
        }
    }
}
