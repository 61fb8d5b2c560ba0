//! Conversions between representations, and functions of dates: calls of the library, some of which can fail.

use super::Argument;
use super::arithmetic::outside;
use super::body::Body;
use super::printed::{CType, Printed, both, int_code};
use crate::ir::{Bounds, DatePart, Failure, FloatFunction, MeanPart, Value};

impl Body<'_> {
    /// A conversion that cannot fail: NULL stays NULL.
    pub(super) fn convert(&mut self, input: &Value, code: impl Fn(&Printed) -> String, c_type: CType) -> Printed {
        let input = self.print(input);
        Printed::new(code(&input), input.valid, c_type)
    }

    pub(super) fn scale_down(&mut self, input: &Value, power: i128, round: bool, c_type: CType) -> Printed {
        let a = self.print(input);
        let wide = a.c_type.max(CType::for_int(Bounds::new(power, power)));
        let power = int_code(power, wide);
        let code = if round {
            format!("divide_round<{}>({}, {power})", wide.name(), a.cast(wide))
        } else {
            format!("({} / {power})", a.cast(wide))
        };
        Printed::new(Printed::new(code, None, wide).cast(c_type), a.valid, c_type)
    }

    pub(super) fn int_to_float(&mut self, input: &Value, divisor: f64, c_type: CType) -> Printed {
        let code = |a: &Printed| match (a.c_type, divisor == 1.0) {
            (CType::I128, true) => format!("to_{}({})", c_type.name(), a.code),
            (CType::I128, false) => format!("{}(to_f64({}) / {divisor:?})", c_type.name(), a.code),
            (_, true) => format!("{}({})", c_type.name(), a.code),
            (_, false) => format!("{}(f64({}) / {divisor:?})", c_type.name(), a.code),
        };
        self.convert(input, code, c_type)
    }

    pub(super) fn integer_of_float(&mut self, function: &str, input: &Value) -> Printed {
        self.convert(input, |a| format!("{function}({})", a.cast(CType::F64)), CType::I64)
    }

    /// In double precision: what these give of a float of single precision is the same rounded to it.
    pub(super) fn float_function(&mut self, function: FloatFunction, input: &Value, c_type: CType) -> Printed {
        let name = match function {
            FloatFunction::Round => "m_round",
            FloatFunction::Truncate => "m_trunc",
            FloatFunction::Floor => "m_floor",
            FloatFunction::Ceil => "m_ceil",
            FloatFunction::SquareRoot => "m_sqrt",
        };
        let code = |a: &Printed| Printed::new(format!("{name}({})", a.cast(CType::F64)), None, CType::F64).cast(c_type);
        self.convert(input, code, c_type)
    }

    pub(super) fn float_of_order(&mut self, input: &Value, c_type: CType) -> Printed {
        let code = |a: &Printed| format!("float_from_order({})", a.cast(CType::I64));
        self.convert(input, |a| Printed::new(code(a), None, CType::F64).cast(c_type), c_type)
    }

    pub(super) fn mean(&mut self, high: &Value, low: &Value, count: &Value, part: MeanPart, c_type: CType) -> Printed {
        let sum = [high, low].map(|half| self.print(half).cast(CType::I128));
        let count = self.print(count).cast(CType::I64);
        let (code, computed) = match part {
            MeanPart::Whole => (format!("mean_whole({}, {count})", sum.join(", ")), CType::I128),
            MeanPart::Digits(power) => {
                (format!("mean_digits({}, {count}, {})", sum.join(", "), int_code(power, CType::I32)), CType::I32)
            }
        };
        Printed::new(Printed::new(code, None, computed).cast(c_type), None, c_type)
    }

    /// Of sums, which are never NULL.
    pub(super) fn spread(&mut self, count: &Value, sums: [&Value; 4]) -> Printed {
        let count = self.print(count).cast(CType::I64);
        let sums = sums.map(|sum| self.print(sum).cast(CType::I128));
        Printed::new(format!("spread({count}, {})", sums.join(", ")), None, CType::F64)
    }

    pub(super) fn narrow(&mut self, input: &Value, limits: Bounds, failure: Failure, c_type: CType) -> Printed {
        let a = self.print(input);
        if limits.contains(input.bounds) {
            return Printed::new(a.cast(c_type), a.valid, c_type);
        }
        let name = self.w.temporary();
        self.w.line(format!("const {} {name} = {};", a.c_type.name(), a.code));
        let outside = outside(&name, limits, a.c_type);
        let code = Printed::new(name, None, a.c_type).cast(c_type);
        self.failing(code, &outside, a.valid, failure, c_type)
    }

    /// A value that fails where `outside` holds.
    fn failing(
        &mut self,
        code: String,
        outside: &str,
        valid: Option<String>,
        failure: Failure,
        c_type: CType,
    ) -> Printed {
        match failure {
            Failure::Null => {
                let valid = both(&valid, &Some(format!("!{outside}")));
                return Printed::new(code, valid, c_type);
            }
            Failure::Cast => self.fail_if(outside, &valid, "kErrorCast"),
            Failure::Overflow => self.fail_if(outside, &valid, "kErrorOverflow"),
        }
        Printed::new(code, valid, c_type)
    }

    /// A float times `factor`, rounded where it is to be.
    pub(super) fn scaled_float(&mut self, input: &Value, factor: f64, round: bool) -> Printed {
        let a = self.print(input);
        let mut scaled = a.cast(CType::F64);
        if factor != 1.0 {
            scaled = format!("({scaled} * {factor:?})");
        }
        if round {
            scaled = format!("m_round({scaled})");
        }
        Printed::new(scaled, a.valid, CType::F64)
    }

    pub(super) fn float_to_int(
        &mut self,
        scaled: &Printed,
        limits: Bounds,
        failure: Failure,
        c_type: CType,
    ) -> Printed {
        let (name, failed) = (self.w.temporary(), self.w.temporary());
        self.w.line(format!("bool {failed} = false;"));
        self.w.line(format!("const i128 {name} = f64_to_i128({}, {failed});", scaled.code));
        let outside = format!("({failed} || {})", outside(&name, limits, CType::I128));
        let code = Printed::new(name, None, CType::I128).cast(c_type);
        self.failing(code, &outside, scaled.valid.clone(), failure, c_type)
    }

    pub(super) fn floor_divide(&mut self, input: &Value, divisor: i128, c_type: CType) -> Printed {
        let a = self.print(input);
        let wide = a.c_type.max(CType::for_int(Bounds::new(divisor, divisor)));
        let code = match divisor.count_ones() {
            1 => format!("({} >> {})", a.cast(wide), divisor.trailing_zeros()),
            _ => format!("divide_floor<{}>({}, {})", wide.name(), a.cast(wide), int_code(divisor, wide)),
        };
        Printed::new(Printed::new(code, None, wide).cast(c_type), a.valid, c_type)
    }

    pub(super) fn date_part(&mut self, part: DatePart, days: &Value) -> Printed {
        self.convert(days, |days| format!("{}({})", date_function(part), days.cast(CType::I32)), CType::I32)
    }

    pub(super) fn add_months(&mut self, days: &Value, months: i32, c_type: CType) -> Printed {
        let a = self.print(days);
        let months = self.w.argument(Argument::Word(i64::from(months) as u64));
        let (call, moved) = match c_type {
            CType::I32 => ("add_months", CType::I32),
            _ => ("wide_add_months", CType::I64),
        };
        Printed::new(format!("{call}({}, {months})", a.cast(CType::I32)), a.valid, moved)
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
        // Of a date: those of a timestamp are composed of arithmetic before they come here.
        DatePart::Hour | DatePart::Minute | DatePart::Second => "date_midnight_part",
    }
}
