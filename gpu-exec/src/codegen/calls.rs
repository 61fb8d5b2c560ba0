//! Values that call the library or can fail: arithmetic with checks, casts, calendar functions.

use super::body::Body;
use super::values::{CType, Printed, both, int_text};
use crate::ir::{ArithmeticOp, Bounds, DatePart, Failure, MeanPart, Repr, Value, ValueKind};

impl Body<'_> {
    /// Reports an error of a row where `condition` holds and the operands are valid.
    fn fail_if(&mut self, condition: &str, valid: &Option<String>, bit: &str) {
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
        match op {
            ArithmeticOp::Divide | ArithmeticOp::Modulo => {
                // Only the smallest integer over -1 leaves the type; most divisors are never -1.
                let limits = limits.filter(|_| right.bounds.contains(Bounds::new(-1, -1)));
                self.division(op, &a, &b, valid, limits, value)
            }
            _ => self.ring_arithmetic(op, (left.bounds, &a), (right.bounds, &b), valid, limits, value),
        }
    }

    fn float_arithmetic(op: ArithmeticOp, a: &Printed, b: &Printed, valid: Option<String>, value: &Value) -> Printed {
        let c_type = CType::of(value.repr, value.bounds);
        let (x, y) = (a.cast(c_type), b.cast(c_type));
        let text = match op {
            ArithmeticOp::Add => format!("({x} + {y})"),
            ArithmeticOp::Subtract => format!("({x} - {y})"),
            ArithmeticOp::Multiply => format!("({x} * {y})"),
            ArithmeticOp::Divide => format!("({x} / {y})"),
            ArithmeticOp::Modulo => format!("{}(modulo_f64(f64({x}), f64({y})))", c_type.name()),
        };
        Printed::new(text, valid, c_type)
    }

    /// `+ - *` on integers: computed wide enough to be exact where bounds allow, checked where they do not.
    fn ring_arithmetic(
        &mut self,
        op: ArithmeticOp,
        (left, a): (Bounds, &Printed),
        (right, b): (Bounds, &Printed),
        valid: Option<String>,
        limits: Option<Bounds>,
        value: &Value,
    ) -> Printed {
        let (exact, symbol, function) = match op {
            ArithmeticOp::Add => (left.plus(right), "+", "add_checked"),
            ArithmeticOp::Subtract => (left.minus(right), "-", "subtract_checked"),
            _ => (left.times(right), "*", "multiply_checked"),
        };
        let result = CType::for_int(value.bounds);
        let Some(exact) = exact else {
            let (name, failed) = (self.w.temporary(), self.w.temporary());
            self.w.line(format!("bool {failed} = false;"));
            self.w.line(format!(
                "i128 {name} = {function}({}, {}, {failed});",
                a.cast(CType::I128),
                b.cast(CType::I128)
            ));
            let outside = limits
                .map_or(failed.clone(), |limits| format!("({failed} || {})", outside(&name, limits, CType::I128)));
            self.fail_if(&outside, &valid, "kErrorOverflow");
            return Printed::new(Printed::new(name, None, CType::I128).cast(result), valid, result);
        };
        let wide = CType::for_int(exact).max(a.c_type).max(b.c_type).max(CType::I32);
        let text = format!("({} {symbol} {})", a.cast(wide), b.cast(wide));
        match limits {
            None => Printed::new(Printed::new(text, None, wide).cast(result), valid, result),
            Some(limits) => {
                let name = self.w.temporary();
                self.w.line(format!("const {} {name} = {text};", wide.name()));
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
                    format!("({divisor} == -1 && {} == {})", a.cast(wide), int_text(limits.min, wide))
                }
                leaves => leaves,
            };
            self.fail_if(&leaves, &valid, "kErrorOverflow");
        }
        Printed::new(Printed::new(name, None, wide).cast(result), valid, result)
    }

    pub(super) fn scale_up(&mut self, input: &Value, power: i128, limits: Option<Bounds>, value: &Value) -> Printed {
        let a = self.print(input);
        let factor_bounds = Bounds::new(power, power);
        let factor = Printed::new(int_text(power, CType::for_int(factor_bounds)), None, CType::for_int(factor_bounds));
        let valid = a.valid.clone();
        self.ring_arithmetic(ArithmeticOp::Multiply, (input.bounds, &a), (factor_bounds, &factor), valid, limits, value)
    }

    /// Conversions between representations.
    pub(super) fn conversion(&mut self, value: &Value, c_type: CType) -> Printed {
        use ValueKind as K;
        match &value.kind {
            K::ScaleDown { input, power, round } => {
                let a = self.print(input);
                let wide = a.c_type.max(CType::for_int(Bounds::new(*power, *power)));
                let power = int_text(*power, wide);
                let text = if *round {
                    format!("divide_round<{}>({}, {power})", wide.name(), a.cast(wide))
                } else {
                    format!("({} / {power})", a.cast(wide))
                };
                Printed::new(Printed::new(text, None, wide).cast(c_type), a.valid, c_type)
            }
            K::Narrow { input, limits, failure } => self.narrow(input, *limits, *failure, c_type),
            K::IntToFloat { input, divisor } => {
                let a = self.print(input);
                let text = match (a.c_type, *divisor == 1.0) {
                    (CType::I128, true) => format!("to_{}({})", c_type.name(), a.text),
                    (CType::I128, false) => format!("{}(to_f64({}) / {divisor:?})", c_type.name(), a.text),
                    (_, true) => format!("{}({})", c_type.name(), a.text),
                    (_, false) => format!("{}(f64({}) / {divisor:?})", c_type.name(), a.text),
                };
                Printed::new(text, a.valid, c_type)
            }
            K::FloatToInt { .. } => self.float_to_int(value, c_type),
            K::FloatToFloat(input) => {
                let a = self.print(input);
                Printed::new(a.cast(c_type), a.valid, c_type)
            }
            K::OrderOfFloat(input) => {
                let a = self.print(input);
                Printed::new(format!("float_order({})", a.cast(CType::F64)), a.valid, CType::I64)
            }
            K::FloatOfOrder(input) => {
                let a = self.print(input);
                let text =
                    Printed::new(format!("float_from_order({})", a.cast(CType::I64)), None, CType::F64).cast(c_type);
                Printed::new(text, a.valid, c_type)
            }
            K::BoolToInt(input) => {
                let a = self.print(input);
                Printed::new(format!("{}({})", c_type.name(), a.text), a.valid, c_type)
            }
            K::IntToBool(input) => {
                let a = self.print(input);
                Printed::new(format!("({} != 0)", a.text), a.valid, CType::Bool)
            }
            K::Mean { high, low, count, part } => {
                let sum = [high, low].map(|half| self.print(half).cast(CType::I128));
                let count = self.print(count).cast(CType::I64);
                let (text, computed) = match part {
                    MeanPart::Whole => (format!("mean_whole({}, {count})", sum.join(", ")), CType::I128),
                    MeanPart::Digits(power) => (
                        format!("mean_digits({}, {count}, {})", sum.join(", "), int_text(*power, CType::I32)),
                        CType::I32,
                    ),
                };
                Printed::new(Printed::new(text, None, computed).cast(c_type), None, c_type)
            }
            _ => self.calendar(value, c_type),
        }
    }

    fn narrow(&mut self, input: &Value, limits: Bounds, failure: Failure, c_type: CType) -> Printed {
        let a = self.print(input);
        if limits.contains(input.bounds) {
            return Printed::new(a.cast(c_type), a.valid, c_type);
        }
        let name = self.w.temporary();
        self.w.line(format!("const {} {name} = {};", a.c_type.name(), a.text));
        let outside = outside(&name, limits, a.c_type);
        let text = Printed::new(name, None, a.c_type).cast(c_type);
        self.failing(text, &outside, a.valid, failure, c_type)
    }

    /// A value that fails where `outside` holds.
    fn failing(
        &mut self,
        text: String,
        outside: &str,
        valid: Option<String>,
        failure: Failure,
        c_type: CType,
    ) -> Printed {
        match failure {
            Failure::Null => {
                let valid = both(&valid, &Some(format!("!{outside}")));
                return Printed::new(text, valid, c_type);
            }
            Failure::Cast => self.fail_if(outside, &valid, "kErrorCast"),
            Failure::Overflow => self.fail_if(outside, &valid, "kErrorOverflow"),
        }
        Printed::new(text, valid, c_type)
    }

    fn float_to_int(&mut self, value: &Value, c_type: CType) -> Printed {
        let ValueKind::FloatToInt { input, factor, round, limits, failure } = &value.kind else {
            return Printed::new("0", None, c_type);
        };
        let a = self.print(input);
        let mut scaled = a.cast(CType::F64);
        if *factor != 1.0 {
            scaled = format!("({scaled} * {factor:?})");
        }
        if *round {
            scaled = format!("m_round({scaled})");
        }
        let (name, failed) = (self.w.temporary(), self.w.temporary());
        self.w.line(format!("bool {failed} = false;"));
        self.w.line(format!("const i128 {name} = f64_to_i128({scaled}, {failed});"));
        let outside = format!("({failed} || {})", outside(&name, *limits, CType::I128));
        let text = Printed::new(name, None, CType::I128).cast(c_type);
        self.failing(text, &outside, a.valid, *failure, c_type)
    }

    fn calendar(&mut self, value: &Value, c_type: CType) -> Printed {
        match &value.kind {
            ValueKind::FloorDivide { input, divisor } => {
                let a = self.print(input);
                let wide = a.c_type.max(CType::for_int(Bounds::new(*divisor, *divisor)));
                let text = match divisor.count_ones() {
                    1 => format!("({} >> {})", a.cast(wide), divisor.trailing_zeros()),
                    _ => format!("divide_floor<{}>({}, {})", wide.name(), a.cast(wide), int_text(*divisor, wide)),
                };
                Printed::new(Printed::new(text, None, wide).cast(c_type), a.valid, c_type)
            }
            ValueKind::DatePart { part, days } => {
                let a = self.print(days);
                Printed::new(format!("{}({})", date_function(*part), a.cast(CType::I32)), a.valid, CType::I32)
            }
            ValueKind::AddMonths { days, months } => {
                let a = self.print(days);
                let months = self.w.argument(super::Argument::Word(i64::from(*months) as u64));
                let (call, moved) = match c_type {
                    CType::I32 => ("add_months", CType::I32),
                    _ => ("wide_add_months", CType::I64),
                };
                Printed::new(format!("{call}({}, {months})", a.cast(CType::I32)), a.valid, moved)
            }
            // Every other kind is printed before it comes here.
            _ => Printed::new("0", Some("false".into()), c_type),
        }
    }
}

/// The test that a value lies outside limits; a side that the type cannot leave is not tested.
fn outside(name: &str, limits: Bounds, c_type: CType) -> String {
    let reach = match c_type {
        CType::I128 => Bounds::new(i128::MIN, i128::MAX),
        CType::I64 => Bounds::new(i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => Bounds::new(i128::from(i32::MIN), i128::from(i32::MAX)),
    };
    let low = (reach.min < limits.min).then(|| format!("{name} < {}", int_text(limits.min, c_type)));
    let high = (reach.max > limits.max).then(|| format!("{name} > {}", int_text(limits.max, c_type)));
    match (low, high) {
        (Some(low), Some(high)) => format!("({low} || {high})"),
        (Some(one), None) | (None, Some(one)) => format!("({one})"),
        (None, None) => "false".into(),
    }
}

fn date_function(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "date_year",
        DatePart::Quarter => "date_quarter",
        DatePart::Month => "date_month",
        DatePart::Day => "date_day",
        DatePart::DayOfWeek => "date_day_of_week",
        DatePart::DayOfYear => "date_day_of_year",
        // Parts of a time are composed of arithmetic before they come here.
        DatePart::Hour | DatePart::Minute | DatePart::Second => "date_midnight_part",
    }
}
