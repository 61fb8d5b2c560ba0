//! `& | ^` and shifts: bounds of what comes out. The bits themselves are `codegen`'s.

use super::constant::{is_null, null};
use crate::error::{Error, Result};
use crate::ir::{BitOp, Bounds, Type, Value, ValueKind};

/// An operation on two integers of a type.
pub(super) fn bits(op: BitOp, left: Value, right: Value, ty: Type) -> Result<Value> {
    let Type::Int { bytes, signed } = ty else {
        return Err(Error::internal("bits of what is no integer reached the device"));
    };
    if is_null(&left) || is_null(&right) {
        return Ok(null(ty));
    }
    let nullable = left.nullable || right.nullable;
    let bounds = bounds(op, left.bounds, right.bounds, Bounds::of_type(ty));
    let kind = ValueKind::Bits { op, left: Box::new(left), right: Box::new(right), bytes, signed };
    Ok(Value::int(kind, nullable, bounds))
}

fn bounds(op: BitOp, left: Bounds, right: Bounds, all: Bounds) -> Bounds {
    match op {
        BitOp::ShiftLeft => all,
        BitOp::ShiftRight if left.min < 0 => left.union(Bounds::new(-1, -1)),
        BitOp::ShiftRight => left.union(Bounds::new(0, 0)),
        // A side that is not negative has no bits above its own.
        BitOp::And if left.min >= 0 && right.min >= 0 => Bounds::new(0, left.max.min(right.max)),
        BitOp::And if left.min >= 0 => Bounds::new(0, left.max),
        BitOp::And if right.min >= 0 => Bounds::new(0, right.max),
        BitOp::And | BitOp::Or | BitOp::Xor => {
            let sides = left.union(right);
            let bits = 128 - (sides.max.max(!sides.min).max(0)).leading_zeros();
            let most = 1_i128.checked_shl(bits).filter(|most| *most > 0).map_or(i128::MAX, |most| most - 1);
            Bounds::new(if sides.min < 0 { -most - 1 } else { 0 }, most)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_every_result() {
        let all = Bounds::of_type(Type::Int { bytes: 1, signed: true });
        for (a_min, a_max) in [(-128, 127), (0, 5), (-3, 9), (-128, -100), (17, 17)] {
            for (b_min, b_max) in [(-128, 127), (0, 7), (-1, 0), (64, 64)] {
                let of = |op| bounds(op, Bounds::new(a_min, a_max), Bounds::new(b_min, b_max), all);
                for (a, b) in (a_min..=a_max).flat_map(|a| (b_min..=b_max).map(move |b| (a, b))) {
                    let (x, y) = (a as i8, b as i8);
                    let made = [
                        (BitOp::And, x & y),
                        (BitOp::Or, x | y),
                        (BitOp::Xor, x ^ y),
                        (BitOp::ShiftLeft, x.wrapping_shl(y as u32)),
                        (BitOp::ShiftRight, x.wrapping_shr(y as u32)),
                    ];
                    for (op, made) in made {
                        let made = i128::from(made);
                        assert!(of(op).contains(Bounds::new(made, made)), "{a} {} {b} is {made}", op.sign());
                    }
                }
            }
        }
    }
}
