//! Which values can fail. What cannot is computed wherever that is cheapest; what can, only where a row reaches it.

use crate::ir::{ArithmeticOp, Failure, Origin, Register, Repr, Value, ValueKind};

/// For each register, whether computing it can fail. Registers read only those before them.
pub(super) fn failing_registers(registers: &[Register]) -> Vec<bool> {
    let mut failing: Vec<bool> = Vec::with_capacity(registers.len());
    for register in registers {
        let fails = match &register.origin {
            Origin::Computed(value) => can_fail(value, &failing),
            _ => false,
        };
        failing.push(fails);
    }
    failing
}

/// Whether computing any of the values over these registers can report an error.
pub(crate) fn any_can_fail(registers: &[Register], values: &[Value]) -> bool {
    let failing = failing_registers(registers);
    values.iter().any(|value| can_fail(value, &failing))
}

/// Whether computing a value can report an error; `failing` says so of the registers it reads.
pub(super) fn can_fail(value: &Value, failing: &[bool]) -> bool {
    use ValueKind as K;
    let here = match &value.kind {
        K::Register(register) => failing.get(*register).copied().unwrap_or(true),
        K::Arithmetic { .. } if value.repr != Repr::Int => false,
        K::Arithmetic { op, left, right, limits } => {
            let exact = match op {
                ArithmeticOp::Add => left.bounds.plus(right.bounds),
                ArithmeticOp::Subtract => left.bounds.minus(right.bounds),
                ArithmeticOp::Multiply => left.bounds.times(right.bounds),
                ArithmeticOp::Divide | ArithmeticOp::Modulo => None,
            };
            limits.is_some() || exact.is_none()
        }
        K::ScaleUp { limits, .. } => limits.is_some(),
        K::Narrow { failure, .. } | K::FloatToInt { failure, .. } => *failure != Failure::Null,
        K::Constant(_) | K::Compare { .. } | K::And(..) | K::Or(..) | K::Not(_) | K::IsNull(_) | K::Case { .. } => {
            false
        }
        K::InSet { .. } | K::InTable { .. } | K::Lookup { .. } | K::TextTest { .. } | K::TextLength { .. } => false,
        K::Bits { .. } | K::FloatFunction { .. } => false,
        K::ScaleDown { .. } | K::IntToFloat { .. } | K::FloatToFloat(_) | K::BoolToInt(_) | K::IntToBool(_) => false,
        K::OrderOfFloat(_)
        | K::RankOfFloat(_)
        | K::FloatOfOrder(_)
        | K::Mean { .. }
        | K::Spread { .. }
        | K::PartOf(_) => false,
        K::FloorDivide { .. } | K::DatePart { .. } | K::AddMonths { .. } => false,
    };
    here || value.children().into_iter().any(|child| can_fail(child, failing))
}
