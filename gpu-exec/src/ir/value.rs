//! Resolved expressions: what remains of an [`Expr`](super::Expr) once facts are known.
//!
//! Everything is an integer with bounds, a float or a boolean; scales, dictionaries and literal types have been
//! turned into plain arithmetic, lookups and parameters. `codegen` prints these and nothing else.

use super::{ArithmeticOp, BitOp, Bounds, CompareOp, Constant, DatePart, TextUnit};

/// How a value is computed. The width of an integer follows from its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repr {
    Bool,
    Int,
    F32,
    F64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub kind: ValueKind,
    pub repr: Repr,
    pub nullable: bool,
    /// Inclusive; meaningful for `Repr::Int` only.
    pub bounds: Bounds,
}

/// What a value outside its limits means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// CAST: an error of the query.
    Cast,
    /// A sum or product left its type: an error of the query.
    Overflow,
    /// TRY_CAST: the value is NULL.
    Null,
}

/// What of a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeanPart {
    /// In whole units of the values, cut off towards zero.
    Whole,
    /// What was cut off, times a power of ten, cut off again.
    Digits(i128),
}

/// A [`TextTest`](super::TextTest) without its constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTestKind {
    Compare(CompareOp),
    OneOf,
    Like,
}

/// A function of one float that IEEE 754 defines to the last bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatFunction {
    /// To the nearest integer, half away from zero.
    Round,
    Truncate,
    Floor,
    Ceil,
    SquareRoot,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    Register(usize),
    Constant(Constant),
    /// `limits`: the range of the SQL type, where bounds could not prove that the result stays inside: leaving it is an overflow.
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Value>,
        right: Box<Value>,
        limits: Option<Bounds>,
    },
    /// Of integers of a type of so many bytes.
    Bits {
        op: BitOp,
        left: Box<Value>,
        right: Box<Value>,
        bytes: u8,
        signed: bool,
    },
    FloatFunction {
        function: FloatFunction,
        input: Box<Value>,
    },
    Compare {
        op: CompareOp,
        left: Box<Value>,
        right: Box<Value>,
    },
    And(Box<Value>, Box<Value>),
    Or(Box<Value>, Box<Value>),
    Not(Box<Value>),
    IsNull(Box<Value>),
    Case {
        branches: Vec<(Value, Value)>,
        otherwise: Option<Box<Value>>,
    },
    /// Any of a few constants: parameters compared one after another.
    InSet {
        input: Box<Value>,
        constants: Vec<Constant>,
    },
    /// Any of many constants: `count` of them, ascending, in lookup table `table`; `elements` bound them and the input.
    InTable {
        input: Box<Value>,
        table: usize,
        count: u64,
        elements: Bounds,
    },
    /// Entry `code` of lookup table `table`, evaluated by the host once per dictionary entry.
    Lookup {
        table: usize,
        code: Box<Value>,
    },
    /// A test of the text that `text` refers to; its constants are lookup table `table`.
    TextTest {
        text: Box<Value>,
        test: TextTestKind,
        table: usize,
    },
    TextLength {
        text: Box<Value>,
        unit: TextUnit,
    },
    /// Times a power of ten.
    ScaleUp {
        input: Box<Value>,
        power: i128,
        limits: Option<Bounds>,
    },
    /// Divided by a power of ten, rounding half away from zero (`round`) or towards zero.
    ScaleDown {
        input: Box<Value>,
        power: i128,
        round: bool,
    },
    /// The same integer; what lies outside `limits` fails.
    Narrow {
        input: Box<Value>,
        limits: Bounds,
        failure: Failure,
    },
    /// Integer to float, divided by `divisor` when that is not 1 (decimals).
    IntToFloat {
        input: Box<Value>,
        divisor: f64,
    },
    /// Float to integer: times `factor`, truncated (`round`: rounded half away from zero), within `limits` or it fails.
    FloatToInt {
        input: Box<Value>,
        factor: f64,
        round: bool,
        limits: Bounds,
        failure: Failure,
    },
    FloatToFloat(Box<Value>),
    /// The integer that orders as the float does in the host's total order, and back.
    OrderOfFloat(Box<Value>),
    /// The integer by which a float is compared: its order, one for both zeros.
    RankOfFloat(Box<Value>),
    FloatOfOrder(Box<Value>),
    /// Of `count` integers, more than none, that add up to `high * 2^64 + low`.
    Mean {
        high: Box<Value>,
        low: Box<Value>,
        count: Box<Value>,
        part: MeanPart,
    },
    /// `count * Q - sum * sum` as a float, where Q = `high * 2^64 + cross * 2^33 + low` adds up the squares of what `sum` adds up:
    /// what a variance is made of.
    Spread {
        count: Box<Value>,
        sum: Box<Value>,
        high: Box<Value>,
        cross: Box<Value>,
        low: Box<Value>,
    },
    BoolToInt(Box<Value>),
    IntToBool(Box<Value>),
    /// Floor division by a positive constant (timestamp to date, to seconds).
    FloorDivide {
        input: Box<Value>,
        divisor: i128,
    },
    /// Of a date in days.
    DatePart {
        part: DatePart,
        days: Box<Value>,
    },
    /// A date in days plus calendar months (a parameter).
    AddMonths {
        days: Box<Value>,
        months: i32,
    },
    /// Which of [`PARTS_MAX`] parts a key is of.
    PartOf(Vec<Value>),
}

/// Parts of a table of keys at most.
pub const PARTS_MAX: u64 = 1 << 10;

impl Value {
    pub fn new(kind: ValueKind, repr: Repr, nullable: bool, bounds: Bounds) -> Self {
        Self { kind, repr, nullable, bounds }
    }

    pub fn bool(kind: ValueKind, nullable: bool) -> Self {
        Self::new(kind, Repr::Bool, nullable, Bounds::new(0, 1))
    }

    pub fn int(kind: ValueKind, nullable: bool, bounds: Bounds) -> Self {
        Self::new(kind, Repr::Int, nullable, bounds)
    }

    pub fn float(kind: ValueKind, repr: Repr, nullable: bool) -> Self {
        Self::new(kind, repr, nullable, Bounds::new(0, 0))
    }

    /// An integer constant; what it contributes to bounds is its width class, not its value.
    pub fn constant(value: i128) -> Self {
        Self::int(ValueKind::Constant(Constant::Int(value)), false, Bounds::new(value, value).round_to_width())
    }

    /// The values directly below this one.
    pub fn children(&self) -> Vec<&Value> {
        use ValueKind as K;
        match &self.kind {
            K::Register(_) | K::Constant(_) => vec![],
            K::Arithmetic { left, right, .. }
            | K::Bits { left, right, .. }
            | K::Compare { left, right, .. }
            | K::And(left, right)
            | K::Or(left, right) => vec![left, right],
            K::Mean { high, low, count, .. } => vec![high, low, count],
            K::Spread { count, sum, high, cross, low } => vec![count, sum, high, cross, low],
            K::PartOf(keys) => keys.iter().collect(),
            K::Not(input)
            | K::IsNull(input)
            | K::FloatFunction { input, .. }
            | K::InSet { input, .. }
            | K::InTable { input, .. }
            | K::Lookup { code: input, .. }
            | K::TextTest { text: input, .. }
            | K::TextLength { text: input, .. }
            | K::ScaleUp { input, .. }
            | K::ScaleDown { input, .. }
            | K::Narrow { input, .. }
            | K::IntToFloat { input, .. }
            | K::FloatToInt { input, .. }
            | K::FloatToFloat(input)
            | K::OrderOfFloat(input)
            | K::RankOfFloat(input)
            | K::FloatOfOrder(input)
            | K::BoolToInt(input)
            | K::IntToBool(input)
            | K::FloorDivide { input, .. }
            | K::DatePart { days: input, .. }
            | K::AddMonths { days: input, .. } => vec![input],
            K::Case { branches, otherwise } => {
                branches.iter().flat_map(|(condition, value)| [condition, value]).chain(otherwise.as_deref()).collect()
            }
        }
    }

    /// Registers read, each once, ascending.
    pub fn registers(&self) -> Vec<usize> {
        fn walk(value: &Value, found: &mut Vec<usize>) {
            if let ValueKind::Register(index) = value.kind {
                found.push(index);
            }
            for child in value.children() {
                walk(child, found);
            }
        }
        let mut found = Vec::new();
        walk(self, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}
