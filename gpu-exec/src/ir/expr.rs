//! Scalar expressions over the columns of a node's input.
//!
//! Semantics are DataFusion's: three-valued logic, exact decimals, integer division towards zero, with one change:
//! integer and decimal overflow is an error. Types are resolved by the host's planner; nothing is coerced here.

use std::sync::Arc;

use datafusion::physical_expr::PhysicalExpr;
use datafusion::scalar::ScalarValue;

use super::{Rounding, TextTest, TextUnit, Type};

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
    /// Whether the host's schema allows NULL here; facts may later prove there is none.
    pub nullable: bool,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A column of the input, by position.
    Column(usize),
    /// A constant; a kernel parameter, never text. NULL literals are allowed.
    Literal(ScalarValue),
    /// A value known only when the query runs (a scalar subquery): evaluated once on the host, then a parameter.
    Deferred(HostFunction),
    /// Decimal operands may differ in scale; the node's type gives the scale of the result.
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Negate(Box<Expr>),
    /// Of integers of one type, the node's own.
    Bits {
        op: BitOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// A number to so many places behind the point; `None` where the call names none, which is 0 but for the sign of zero.
    Round {
        rounding: Rounding,
        places: Option<i32>,
        input: Box<Expr>,
    },
    /// The one float that stands for all that are equal to the input: of NaNs, and where `zeros`, of -0.0 and 0.0.
    Canonical {
        zeros: bool,
        input: Box<Expr>,
    },
    Compare {
        op: CompareOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    IsNull(Box<Expr>),
    /// `CASE WHEN condition THEN value ... ELSE otherwise END`; conditions are boolean (a simple CASE is lowered to comparisons).
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// A cast to the node's type. `try_cast` turns failures into NULL instead of an error.
    Cast {
        input: Box<Expr>,
        try_cast: bool,
    },
    /// `input IN (values)`; values are literals of the input's type, NULL excluded; `has_null` says a NULL was listed.
    InList {
        input: Box<Expr>,
        values: Vec<ScalarValue>,
        has_null: bool,
        negated: bool,
    },
    /// A timestamp cut off to a unit, towards the past.
    DateTrunc {
        unit: DateUnit,
        input: Box<Expr>,
    },
    DatePart {
        part: DatePart,
        input: Box<Expr>,
    },
    /// A date or timestamp plus a literal interval: calendar months first, then days, then nanoseconds; of these a date takes
    /// whole days, towards zero.
    AddInterval {
        input: Box<Expr>,
        months: i32,
        days: i32,
        nanoseconds: i64,
    },
    /// Any deterministic function of one text expression (LIKE, =, ranges, IN, substr, upper, length, ...),
    /// evaluated by the host once per dictionary entry and once for NULL; the device looks the result up by code.
    /// The function never fails; text it yields is Utf8.
    DictionaryMap {
        input: Box<Expr>,
        function: HostFunction,
        /// The same over texts as they are, where the device has a form for that.
        direct: Option<Box<Expr>>,
    },
    /// Of a text column that is held as it is; found in the `direct` form of a function only.
    TextTest {
        input: Box<Expr>,
        test: TextTest,
    },
    TextLength {
        input: Box<Expr>,
        unit: TextUnit,
    },
}

/// A host expression over a one-column batch (or no column at all, when deferred), evaluated outside kernels.
#[derive(Clone, Debug)]
pub struct HostFunction {
    /// Its only column reference, if any, is column 0 of type Utf8.
    pub expr: Arc<dyn PhysicalExpr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Bits of two's complement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitOp {
    And,
    Or,
    Xor,
    /// By as many places as the right side says modulo the bits of the type; what leaves the type is lost.
    ShiftLeft,
    /// The same to the right; the sign stays.
    ShiftRight,
}

/// Floats compare as the host's do: by total order, NaN equal to itself and above everything, but -0.0 equal to 0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `IS DISTINCT FROM`: never NULL.
    Distinct,
    /// `IS NOT DISTINCT FROM`: never NULL.
    NotDistinct,
}

/// To what a timestamp is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateUnit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    /// From Monday on.
    Week,
    Month,
    Quarter,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    Year,
    Quarter,
    Month,
    Day,
    /// Days since Sunday, 0 to 6.
    DayOfWeek,
    DayOfYear,
    Hour,
    Minute,
    Second,
}

impl ArithmeticOp {
    /// As SQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            ArithmeticOp::Add => "+",
            ArithmeticOp::Subtract => "-",
            ArithmeticOp::Multiply => "*",
            ArithmeticOp::Divide => "/",
            ArithmeticOp::Modulo => "%",
        }
    }
}

impl BitOp {
    /// As SQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            BitOp::And => "&",
            BitOp::Or => "|",
            BitOp::Xor => "^",
            BitOp::ShiftLeft => "<<",
            BitOp::ShiftRight => ">>",
        }
    }
}

impl CompareOp {
    /// As SQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            CompareOp::Equal => "=",
            CompareOp::NotEqual => "<>",
            CompareOp::Less => "<",
            CompareOp::LessOrEqual => "<=",
            CompareOp::Greater => ">",
            CompareOp::GreaterOrEqual => ">=",
            CompareOp::Distinct => "IS DISTINCT FROM",
            CompareOp::NotDistinct => "IS NOT DISTINCT FROM",
        }
    }
}

impl DateUnit {
    const NAMES: [(DateUnit, &str); 10] = [
        (DateUnit::Microsecond, "microsecond"),
        (DateUnit::Millisecond, "millisecond"),
        (DateUnit::Second, "second"),
        (DateUnit::Minute, "minute"),
        (DateUnit::Hour, "hour"),
        (DateUnit::Day, "day"),
        (DateUnit::Week, "week"),
        (DateUnit::Month, "month"),
        (DateUnit::Quarter, "quarter"),
        (DateUnit::Year, "year"),
    ];

    /// The unit of a name in small letters.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(unit, _)| *unit)
    }

    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(unit, _)| *unit == self).map_or("", |(_, name)| name)
    }
}

impl DatePart {
    /// As SQL writes it.
    pub fn name(self) -> &'static str {
        match self {
            DatePart::Year => "year",
            DatePart::Quarter => "quarter",
            DatePart::Month => "month",
            DatePart::Day => "day",
            DatePart::DayOfWeek => "dow",
            DatePart::DayOfYear => "doy",
            DatePart::Hour => "hour",
            DatePart::Minute => "minute",
            DatePart::Second => "second",
        }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, ty: Type, nullable: bool) -> Self {
        Self { kind, ty, nullable }
    }

    pub fn column(index: usize, ty: Type, nullable: bool) -> Self {
        Self::new(ExprKind::Column(index), ty, nullable)
    }

    /// The expressions directly below this one.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Deferred(_) => vec![],
            ExprKind::Arithmetic { left, right, .. }
            | ExprKind::Bits { left, right, .. }
            | ExprKind::Compare { left, right, .. } => vec![left, right],
            ExprKind::And(left, right) | ExprKind::Or(left, right) => vec![left, right],
            ExprKind::Negate(input)
            | ExprKind::Not(input)
            | ExprKind::IsNull(input)
            | ExprKind::Round { input, .. }
            | ExprKind::Canonical { input, .. }
            | ExprKind::Cast { input, .. }
            | ExprKind::InList { input, .. }
            | ExprKind::DatePart { input, .. }
            | ExprKind::DateTrunc { input, .. }
            | ExprKind::AddInterval { input, .. }
            | ExprKind::DictionaryMap { input, .. }
            | ExprKind::TextTest { input, .. }
            | ExprKind::TextLength { input, .. } => vec![input],
            ExprKind::Case { branches, otherwise } => {
                branches.iter().flat_map(|(condition, value)| [condition, value]).chain(otherwise.as_deref()).collect()
            }
        }
    }

    /// Positions of all columns read, each once, in order.
    pub fn columns(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect_columns(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect_columns(&self, found: &mut Vec<usize>) {
        if let ExprKind::Column(index) = &self.kind {
            found.push(*index);
        }
        for child in self.children() {
            child.collect_columns(found);
        }
    }
}
