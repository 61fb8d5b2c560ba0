//! Arithmetic: exact where bounds allow, checked where they do not. What goes wrong is reported, never trapped.

use super::body::Body;
use super::printed::{CType, Printed, both, int_code};
use crate::ir::{ArithmeticOp, BitOp, Bounds, Repr, Value};

/// An operation of the ring of integers.
struct RingOp {
    symbol: char,
    checked: &'static str,
    /// Bounds of the result; `None` where it may leave 128 bits.
    exact: Option<Bounds>,
}

impl RingOp {
    fn plus(left: Bounds, right: Bounds) -> Self {
        Self { symbol: '+', checked: "add_checked", exact: left.plus(right) }
    }

    fn minus(left: Bounds, right: Bounds) -> Self {
        Self { symbol: '-', checked: "subtract_checked", exact: left.minus(right) }
    }

    fn times(left: Bounds, right: Bounds) -> Self {
        Self { symbol: '*', checked: "multiply_checked", exact: left.times(right) }
    }
}

impl Body<'_> {
    /// Reports an error of a row where `condition` holds and the operands are valid.
    pub(super) fn fail_if(&mut self, condition: &str, valid: &Option<String>, bit: &str) {
        let condition = match valid {
            None => condition.to_string(),
            Some(valid) => format!("{valid} && {condition}"),
        };
        self.w.line(format!("if ({condition}) report_error({}, {bit}, number);", self.error));
        self.w.argument(super::Argument::Error);
    }

    pub(super) fn arithmetic(
        &mut self,
        op: ArithmeticOp,
        left: &Value,
        right: &Value,
        limits: Option<Bounds>,
        value: &Value,
    ) -> Printed {
        let (a, b) = (self.print(left), self.print(right));
        let valid = both(&a.valid, &b.valid);
        if value.repr != Repr::Int {
            return Self::float_arithmetic(op, &a, &b, valid, value);
        }
        let op = match op {
            ArithmeticOp::Add => RingOp::plus(left.bounds, right.bounds),
            ArithmeticOp::Subtract => RingOp::minus(left.bounds, right.bounds),
            ArithmeticOp::Multiply => RingOp::times(left.bounds, right.bounds),
            ArithmeticOp::Divide | ArithmeticOp::Modulo => {
                // Only the smallest integer over -1 leaves the type; most divisors are never -1.
                let limits = limits.filter(|_| right.bounds.contains(Bounds::new(-1, -1)));
                return self.division(op, &a, &b, valid, limits, value);
            }
        };
        self.ring_arithmetic(&op, (&a, &b), valid, limits, value)
    }

    fn float_arithmetic(op: ArithmeticOp, a: &Printed, b: &Printed, valid: Option<String>, value: &Value) -> Printed {
        let c_type = CType::of(value.repr, value.bounds);
        let (x, y) = (a.cast(c_type), b.cast(c_type));
        let code = match op {
            ArithmeticOp::Add => format!("({x} + {y})"),
            ArithmeticOp::Subtract => format!("({x} - {y})"),
            ArithmeticOp::Multiply => format!("({x} * {y})"),
            ArithmeticOp::Divide => format!("({x} / {y})"),
            ArithmeticOp::Modulo => format!("{}(modulo_f64(f64({x}), f64({y})))", c_type.name()),
        };
        Printed::new(code, valid, c_type)
    }

    /// `+ - *` on integers: computed wide enough to be exact where bounds allow, checked where they do not.
    fn ring_arithmetic(
        &mut self,
        op: &RingOp,
        (a, b): (&Printed, &Printed),
        valid: Option<String>,
        limits: Option<Bounds>,
        value: &Value,
    ) -> Printed {
        let RingOp { symbol, checked, exact } = op;
        let result = CType::for_int(value.bounds);
        let Some(exact) = exact else {
            let (name, failed) = (self.w.temporary(), self.w.temporary());
            self.w.line(format!("bool {failed} = false;"));
            self.w.line(format!(
                "i128 {name} = {checked}({}, {}, {failed});",
                a.cast(CType::I128),
                b.cast(CType::I128)
            ));
            let outside = limits
                .map_or(failed.clone(), |limits| format!("({failed} || {})", outside(&name, limits, CType::I128)));
            self.fail_if(&outside, &valid, "kErrorOverflow");
            return Printed::new(Printed::new(name, None, CType::I128).cast(result), valid, result);
        };
        let wide = CType::for_int(*exact).max(a.c_type).max(b.c_type).max(CType::I32);
        let code = format!("({} {symbol} {})", a.cast(wide), b.cast(wide));
        match limits {
            None => Printed::new(Printed::new(code, None, wide).cast(result), valid, result),
            Some(limits) => {
                let name = self.w.temporary();
                self.w.line(format!("const {} {name} = {code};", wide.name()));
                self.fail_if(&outside(&name, limits, wide), &valid, "kErrorOverflow");
                Printed::new(Printed::new(name, None, wide).cast(result), valid, result)
            }
        }
    }

    fn division(
        &mut self,
        op: ArithmeticOp,
        a: &Printed,
        b: &Printed,
        valid: Option<String>,
        limits: Option<Bounds>,
        value: &Value,
    ) -> Printed {
        let result = CType::for_int(value.bounds);
        let wide = a.c_type.max(b.c_type).max(if limits.is_some() { CType::I64 } else { CType::I32 });
        let divisor = self.w.temporary();
        self.w.line(format!("{} {divisor} = {};", wide.name(), b.cast(wide)));
        self.fail_if(&format!("{divisor} == 0"), &valid, "kErrorDivisionByZero");
        self.w.line(format!("if ({divisor} == 0) {divisor} = 1;"));
        let function = if op == ArithmeticOp::Divide { "divide" } else { "modulo" };
        let name = self.w.temporary();
        self.w.line(format!("const {0} {name} = {function}<{0}>({1}, {divisor});", wide.name(), a.cast(wide)));
        if let Some(limits) = limits.filter(|_| op == ArithmeticOp::Divide) {
            // The smallest integer over -1 leaves its type; where that is the computing type too, the quotient has
            // wrapped round.
            let leaves = match outside(&name, limits, wide) {
                never if never == "false" => {
                    format!("({divisor} == -1 && {} == {})", a.cast(wide), int_code(limits.min, wide))
                }
                leaves => leaves,
            };
            self.fail_if(&leaves, &valid, "kErrorOverflow");
        }
        Printed::new(Printed::new(name, None, wide).cast(result), valid, result)
    }

    /// Operands are held in more bits than their type has, the sign repeated: that changes no bit of AND, OR and XOR, while a
    /// shift to the left is one within the type.
    pub(super) fn bits(
        &mut self,
        op: BitOp,
        (left, right): (&Value, &Value),
        (bytes, signed): (u8, bool),
        value: &Value,
    ) -> Printed {
        let (a, b) = (self.print(left), self.print(right));
        let result = CType::for_int(value.bounds);
        let own = format!("{}{}", if signed { 'i' } else { 'u' }, u32::from(bytes) * 8);
        let both_sides = |sign: char| {
            let wide = a.c_type.max(b.c_type).max(result);
            format!("({} {sign} {})", a.cast(wide), b.cast(wide))
        };
        let code = match op {
            BitOp::And => both_sides('&'),
            BitOp::Or => both_sides('|'),
            BitOp::Xor => both_sides('^'),
            BitOp::ShiftLeft => format!("shift_left<{own}>(u64({}), i64({}))", a.code, b.code),
            BitOp::ShiftRight => format!("shift_right<{own}>({own}({}), i64({}))", a.code, b.code),
        };
        Printed::new(format!("{}({code})", result.name()), both(&a.valid, &b.valid), result)
    }

    pub(super) fn scale_up(&mut self, input: &Value, power: i128, limits: Option<Bounds>, value: &Value) -> Printed {
        let a = self.print(input);
        let bounds = Bounds::new(power, power);
        let factor = Printed::new(int_code(power, CType::for_int(bounds)), None, CType::for_int(bounds));
        let valid = a.valid.clone();
        self.ring_arithmetic(&RingOp::times(input.bounds, bounds), (&a, &factor), valid, limits, value)
    }
}

/// The test that a value lies outside limits; a side that the type cannot leave is not tested.
pub(super) fn outside(name: &str, limits: Bounds, c_type: CType) -> String {
    let reach = match c_type {
        CType::I128 => Bounds::new(i128::MIN, i128::MAX),
        CType::I64 => Bounds::new(i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => Bounds::new(i128::from(i32::MIN), i128::from(i32::MAX)),
    };
    let low = (reach.min < limits.min).then(|| format!("{name} < {}", int_code(limits.min, c_type)));
    let high = (reach.max > limits.max).then(|| format!("{name} > {}", int_code(limits.max, c_type)));
    match (low, high) {
        (Some(low), Some(high)) => format!("({low} || {high})"),
        (Some(one), None) | (None, Some(one)) => format!("({one})"),
        (None, None) => "false".into(),
    }
}
