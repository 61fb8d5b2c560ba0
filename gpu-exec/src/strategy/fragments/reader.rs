//! Values of a pipeline as SQL. Literals stand as marks until the line is whole (`words.rs`).

use super::words::{COLUMN, LITERAL, bare};
use crate::ir::{
    Accumulator, AccumulatorKind, Bounds, CompareOp, Constant, Failure, FloatFunction, Repr, TextTestKind, TextUnit,
    Value, ValueKind,
};
use crate::strategy::LookupTable;

/// Reads values of one stage.
pub(super) struct Reader<'a> {
    /// What each register is.
    pub(super) names: &'a [String],
    pub(super) lookups: &'a [LookupTable],
}

impl Reader<'_> {
    pub(super) fn all<'v>(&self, values: impl IntoIterator<Item = &'v Value>) -> Vec<String> {
        values.into_iter().map(|value| self.sql(value)).collect()
    }

    pub(super) fn call(&self, call: &Accumulator) -> String {
        if let (None, Some(counted)) = (&call.value, call.filter.as_ref().and_then(not_null)) {
            return format!("count({})", bare(&self.sql(counted)));
        }
        let value = call.value.as_ref().map(|value| self.sql(value));
        let function = match (call.kind, &value) {
            (_, None) => "count(*)".to_owned(),
            (AccumulatorKind::SumI64 | AccumulatorKind::SumI128 | AccumulatorKind::SumF64, Some(value)) => {
                format!("sum({})", bare(value))
            }
            (AccumulatorKind::MinI64 | AccumulatorKind::MinI128, Some(value)) => format!("min({})", bare(value)),
            (AccumulatorKind::MaxI64 | AccumulatorKind::MaxI128, Some(value)) => format!("max({})", bare(value)),
        };
        match &call.filter {
            None => function,
            Some(filter) => format!("{function} FILTER (WHERE {})", bare(&self.sql(filter))),
        }
    }

    pub(super) fn sql(&self, value: &Value) -> String {
        use ValueKind as K;
        let pair = |left: &Value, sign: &str, right: &Value| format!("({} {sign} {})", self.sql(left), self.sql(right));
        match &value.kind {
            K::Register(register) => self.names.get(*register).cloned().unwrap_or_default(),
            K::Constant(Constant::Null) => "NULL".into(),
            K::Constant(_) => LITERAL.into(),
            K::Arithmetic { op, left, right, .. } => pair(left, op.sign(), right),
            K::Bits { op, left, right, .. } => pair(left, op.sign(), right),
            K::FloatFunction { function, input } => format!("{}({})", name_of(*function), bare(&self.sql(input))),
            K::Compare { op, left, right } => pair(left, op.sign(), right),
            K::And(left, right) => pair(left, "AND", right),
            K::Or(left, right) => pair(left, "OR", right),
            K::Not(input) => match &input.kind {
                K::IsNull(tested) => format!("({} IS NOT NULL)", self.sql(tested)),
                _ => format!("NOT {}", self.sql(input)),
            },
            K::IsNull(input) => format!("({} IS NULL)", self.sql(input)),
            K::Case { branches, otherwise } => self.case(branches, otherwise.as_deref()),
            K::InSet { input, .. } | K::InTable { input, .. } => format!("({} IN ({LITERAL}, ..))", self.sql(input)),
            K::Lookup { table, code } => self.lookup(*table, code),
            K::TextTest { text, test, .. } => match test {
                TextTestKind::Compare(op) => format!("({} {} {LITERAL})", self.sql(text), op.sign()),
                TextTestKind::OneOf => format!("({} IN ({LITERAL}, ..))", self.sql(text)),
                TextTestKind::Like => format!("({} LIKE {LITERAL})", self.sql(text)),
            },
            K::TextLength { text, unit: TextUnit::Characters } => format!("length({})", bare(&self.sql(text))),
            K::TextLength { text, unit: TextUnit::Bytes } => format!("octet_length({})", bare(&self.sql(text))),
            // The same value in other units, or in an order of integers.
            K::ScaleUp { input, .. } | K::OrderOfFloat(input) | K::RankOfFloat(input) | K::FloatOfOrder(input) => {
                self.sql(input)
            }
            K::BoolToInt(input) | K::IntToBool(input) => self.sql(input),
            K::Narrow { input, failure: Failure::Overflow, .. } => self.sql(input),
            K::Narrow { input, failure: Failure::Null, .. } | K::FloatToInt { input, failure: Failure::Null, .. } => {
                format!("TRY_CAST({})", bare(&self.sql(input)))
            }
            K::ScaleDown { input, .. } | K::Narrow { input, .. } | K::FloatToInt { input, .. } => {
                format!("CAST({})", bare(&self.sql(input)))
            }
            K::IntToFloat { input, .. } | K::FloatToFloat(input) => {
                let ty = if value.repr == Repr::F32 { "real" } else { "double" };
                format!("CAST({} AS {ty})", bare(&self.sql(input)))
            }
            K::Mean { high, count, .. } => pair(high, "/", count),
            K::Spread { count, sum, .. } => format!("spread({}, {})", bare(&self.sql(count)), bare(&self.sql(sum))),
            K::PartOf(keys) => format!("part of ({})", self.all(keys).join(", ")),
            K::FloorDivide { input, divisor } => format!("floor({} / {divisor})", self.sql(input)),
            K::DatePart { part, days } => format!("extract({} FROM {})", part.name(), bare(&self.sql(day(days)))),
            K::AddMonths { days, .. } => format!("({} + {LITERAL} months)", self.sql(days)),
        }
    }

    fn case(&self, branches: &[(Value, Value)], otherwise: Option<&Value>) -> String {
        if let (Some(counted), None) = (where_counted(branches), otherwise) {
            return self.sql(counted);
        }
        let when = |(condition, value): &(Value, Value)| {
            format!(" WHEN {} THEN {}", bare(&self.sql(condition)), bare(&self.sql(value)))
        };
        let branches: String = branches.iter().map(when).collect();
        let otherwise = otherwise.map(|value| format!(" ELSE {}", bare(&self.sql(value)))).unwrap_or_default();
        format!("CASE{branches}{otherwise} END")
    }

    /// A function of a text, or the text itself where only its codes change.
    fn lookup(&self, table: usize, code: &Value) -> String {
        let text = self.sql(code_or_null(code));
        match self.lookups.get(table).and_then(|lookup| lookup.sql.as_ref()) {
            None => text,
            Some(function) => format!("({})", function.replace(COLUMN, &text)),
        }
    }
}

fn name_of(function: FloatFunction) -> &'static str {
    match function {
        FloatFunction::Round => "round",
        FloatFunction::Truncate => "trunc",
        FloatFunction::Floor => "floor",
        FloatFunction::Ceil => "ceil",
        FloatFunction::SquareRoot => "sqrt",
    }
}

/// What is tested for NULL, and is none.
fn not_null(test: &Value) -> Option<&Value> {
    match &test.kind {
        ValueKind::Not(inner) => match &inner.kind {
            ValueKind::IsNull(tested) => Some(tested),
            _ => None,
        },
        _ => None,
    }
}

/// The result of an aggregate that is NULL where nothing was counted: the 0 is no literal, whose bounds would be wider.
fn where_counted(branches: &[(Value, Value)]) -> Option<&Value> {
    let [(Value { kind: ValueKind::Compare { op: CompareOp::Greater, right, .. }, .. }, value)] = branches else {
        return None;
    };
    (right.bounds == Bounds::new(0, 0) && matches!(right.kind, ValueKind::Constant(_))).then_some(value)
}

/// The code that is looked up, without the entry that stands for NULL.
fn code_or_null(code: &Value) -> &Value {
    match &code.kind {
        ValueKind::Case { branches, otherwise: Some(known) } => match branches.as_slice() {
            [(Value { kind: ValueKind::IsNull(_), .. }, _)] => known,
            _ => code,
        },
        _ => code,
    }
}

/// The date or timestamp whose day it is.
fn day(days: &Value) -> &Value {
    match &days.kind {
        ValueKind::FloorDivide { input, .. } | ValueKind::Narrow { input, .. } => day(input),
        _ => days,
    }
}
