//! Values as C++: expressions where nothing can fail, statements where something can.
//!
//! A printed value is a side-effect-free C++ expression and, where it can be NULL, a second one for its validity.
//! A NULL's value expression yields some harmless value; errors are reported only for rows that are valid.

use super::body::Body;
use super::printed::{CType, Printed, both};
use super::{Argument, budget};
use crate::ir::{Bounds, CompareOp, Constant, Origin, Value, ValueKind};

/// The type in which values of a type are compared: floats by their rank.
fn key_type(c_type: CType) -> CType {
    if matches!(c_type, CType::F32 | CType::F64) { CType::I64 } else { c_type }
}

impl Body<'_> {
    /// Prints a value, first defining the registers it reads in the scope of the row. Those of a chain of AND or OR
    /// are defined link by link, and where one value reads many columns, each is loaded where it is needed: what is
    /// long is never held whole.
    pub(super) fn value(&mut self, value: &Value) -> Printed {
        let (left, right, is_and) = match &value.kind {
            ValueKind::And(left, right) => (left, right, true),
            ValueKind::Or(left, right) => (left, right, false),
            _ => {
                self.define_all(value);
                return self.print(value);
            }
        };
        let left = self.value(left);
        self.define_all(right);
        self.connective(left, right, is_and)
    }

    /// Defines what a value reads, of many registers only those that are computed. What can fail waits until it is
    /// reached: behind the guard of an AND, a CASE or a FILTER that may be never.
    pub(super) fn define_all(&mut self, value: &Value) {
        let registers = value.registers();
        let many = registers.len() > budget::REGISTERS_AT_ONCE;
        let pipeline = self.pipeline;
        for register in registers {
            let early = !many || matches!(pipeline.registers[register].origin, Origin::Computed(_));
            if early && !self.failing[register] {
                self.define(register);
            }
        }
    }

    /// Prints what is not always reached: registers defined there are undefined behind it.
    pub(super) fn conditional<T>(&mut self, print: impl FnOnce(&mut Self) -> T) -> T {
        let defined = self.defined.clone();
        let printed = print(self);
        self.defined = defined;
        printed
    }

    /// Prints a value; registers that are not defined yet are, at this point.
    pub(super) fn print(&mut self, value: &Value) -> Printed {
        use ValueKind as K;
        let c_type = CType::of(value.repr, value.bounds);
        match &value.kind {
            K::Register(index) => {
                self.define(*index);
                self.register(*index)
            }
            K::Constant(constant) => self.constant(*constant, c_type),
            K::Arithmetic { op, left, right, limits } => self.arithmetic(*op, left, right, *limits, value),
            K::Bits { op, left, right, bytes, signed } => self.bits(*op, (left, right), (*bytes, *signed), value),
            K::FloatFunction { function, input } => self.float_function(*function, input, c_type),
            K::Compare { op, left, right } => self.compare(*op, left, right),
            K::And(left, right) | K::Or(left, right) => {
                let left = self.print(left);
                self.connective(left, right, matches!(value.kind, K::And(..)))
            }
            K::Not(input) => self.not(input),
            K::IsNull(input) => {
                let input = self.print(input);
                let code = input.valid.map_or("false".into(), |valid| format!("!{valid}"));
                Printed::new(code, None, CType::Bool)
            }
            K::Case { branches, otherwise } => self.case(branches, otherwise.as_deref(), c_type, value.nullable),
            K::InSet { input, constants } => self.in_set(input, constants),
            K::InTable { input, table, count, elements } => self.in_table(input, *table, *count, *elements),
            K::Lookup { table, code } => self.lookup(*table, code, value),
            K::TextTest { text, test, table } => self.text_test(text, *test, *table),
            K::TextLength { text, unit } => self.text_length(text, *unit),
            K::ScaleUp { input, power, limits } => self.scale_up(input, *power, *limits, value),
            K::ScaleDown { input, power, round } => self.scale_down(input, *power, *round, c_type),
            K::Narrow { input, limits, failure } => self.narrow(input, *limits, *failure, c_type),
            K::IntToFloat { input, divisor } => self.int_to_float(input, *divisor, c_type),
            K::FloatToInt { input, factor, round, limits, failure } => {
                let scaled = self.scaled_float(input, *factor, *round);
                self.float_to_int(&scaled, *limits, *failure, c_type)
            }
            K::FloatToFloat(input) => self.convert(input, |input| input.cast(c_type), c_type),
            K::OrderOfFloat(input) => self.integer_of_float("float_order", input),
            K::RankOfFloat(input) => self.integer_of_float("float_rank", input),
            K::FloatOfOrder(input) => self.float_of_order(input, c_type),
            K::BoolToInt(input) => self.convert(input, |input| format!("{}({})", c_type.name(), input.code), c_type),
            K::IntToBool(input) => self.convert(input, |input| format!("({} != 0)", input.code), CType::Bool),
            K::Mean { high, low, count, part } => self.mean(high, low, count, *part, c_type),
            K::Spread { count, sum, high, cross, low } => self.spread(count, [sum, high, cross, low]),
            K::PartOf(keys) => self.part_number(keys),
            K::FloorDivide { input, divisor } => self.floor_divide(input, *divisor, c_type),
            K::DatePart { part, days } => self.date_part(*part, days),
            K::AddMonths { days, months } => self.add_months(days, *months, c_type),
        }
    }

    fn not(&mut self, input: &Value) -> Printed {
        if let ValueKind::IsNull(tested) = &input.kind {
            let code = self.print(tested).valid.unwrap_or("true".into());
            return Printed::new(code, None, CType::Bool);
        }
        self.convert(input, |input| format!("!{}", input.code), CType::Bool)
    }

    fn constant(&mut self, constant: Constant, c_type: CType) -> Printed {
        let mut word = |word: u64| self.w.argument(Argument::Word(word));
        let code = match constant {
            Constant::Null => {
                let zero = if c_type == CType::Bool { "false".into() } else { format!("{}(0)", c_type.name()) };
                return Printed::new(zero, Some("false".into()), c_type);
            }
            Constant::Bool(value) => format!("({} != 0)", word(u64::from(value))),
            Constant::Int(value) if c_type == CType::I128 => {
                let (low, high) = (word(value as u64), word((value >> 64) as u64));
                format!("make_i128({high}, u64({low}))")
            }
            Constant::Int(value) => {
                let word = word(value as i64 as u64);
                if c_type == CType::I64 { word } else { format!("{}({word})", c_type.name()) }
            }
            Constant::F32(value) => format!("f32(m_bitcast<f64>({}))", word(f64::from(value).to_bits())),
            Constant::F64(value) => format!("m_bitcast<f64>({})", word(value.to_bits())),
        };
        Printed::new(code, None, c_type)
    }

    fn compare(&mut self, op: CompareOp, left: &Value, right: &Value) -> Printed {
        let (left, right) = (self.print(left), self.print(right));
        let common = left.c_type.max(right.c_type);
        let side = |side: &Printed| match common {
            CType::F32 | CType::F64 => format!("float_rank({})", side.cast(CType::F64)),
            common => side.cast(common),
        };
        let (a, b) = (side(&left), side(&right));
        let symbol = match op {
            CompareOp::Equal | CompareOp::NotDistinct => "==",
            CompareOp::NotEqual | CompareOp::Distinct => "!=",
            CompareOp::Less => "<",
            CompareOp::LessOrEqual => "<=",
            CompareOp::Greater => ">",
            CompareOp::GreaterOrEqual => ">=",
        };
        let code = format!("({a} {symbol} {b})");
        let valid = both(&left.valid, &right.valid);
        match (op, valid) {
            (CompareOp::Distinct | CompareOp::NotDistinct, Some(_)) => {
                let side = |body: &mut Self, code, valid| body.named(&Printed::new(code, valid, key_type(common)));
                let (left, right) = (side(self, a, left.valid), side(self, b, right.valid));
                let known = |valid: Option<String>| valid.unwrap_or("true".into());
                let (a, b, ka, kb) = (left.code, right.code, known(left.valid), known(right.valid));
                let same = format!("(({ka}) == ({kb}) && (!({ka}) || {a} == {b}))");
                let code = if op == CompareOp::NotDistinct { same } else { format!("!{same}") };
                Printed::new(code, None, CType::Bool)
            }
            (_, valid) => Printed::new(code, valid, CType::Bool),
        }
    }

    /// AND and OR in three-valued logic. The right side is evaluated only where the left does not decide, so that an
    /// error there is the query's own.
    fn connective(&mut self, left: Printed, right: &Value, is_and: bool) -> Printed {
        let mark = self.w.mark();
        let right_printed = self.conditional(|body| body.print(right));
        let statements = self.w.take_since(mark);
        if statements.is_empty() {
            return self.connect(&left, &right_printed, is_and);
        }
        let (a, b) = (self.w.temporary(), self.w.temporary());
        let known = |printed: &Printed| printed.valid.clone().unwrap_or("true".into());
        self.w.line(format!("const bool {a} = {}, {a}k = {};", left.code, known(&left)));
        self.w.line(format!("bool {b} = false, {b}k = true;"));
        let decided = if is_and { format!("!({a}k && !{a})") } else { format!("!({a}k && {a})") };
        self.w.open(format!("if ({decided}) {{"));
        self.w.append_indented(&statements);
        self.w.line(format!("{b} = {}; {b}k = {};", right_printed.code, known(&right_printed)));
        self.w.close("}");
        let (left_is, right_is) = (left.true_is_valid, right_printed.true_is_valid);
        let mut left = Printed::new(a.clone(), left.valid.map(|_| format!("{a}k")), CType::Bool);
        let mut right = Printed::new(b.clone(), right_printed.valid.map(|_| format!("{b}k")), CType::Bool);
        (left.true_is_valid, right.true_is_valid) = (left_is, right_is);
        self.connect(&left, &right, is_and)
    }

    fn connect(&mut self, left: &Printed, right: &Printed, is_and: bool) -> Printed {
        let symbol = if is_and { "&&" } else { "||" };
        if left.valid.is_none() && right.valid.is_none() {
            return Printed::new(format!("({} {symbol} {})", left.code, right.code), None, CType::Bool);
        }
        // Each side is written several times: by name, or the code of a chain would double with every link.
        let (left, right) = (&self.named(left), &self.named(right));
        // A side decides where it is known to be false (AND) or true (OR).
        let decides = |side: &Printed| match (&side.valid, is_and) {
            (_, false) => side.truth(),
            (None, true) => format!("!{}", side.code),
            (Some(valid), true) => format!("({valid} && !{})", side.code),
        };
        let known = match both(&left.valid, &right.valid) {
            None => String::new(),
            Some(known) => format!(" || {known}"),
        };
        let valid = format!("({} || {}{known})", decides(left), decides(right));
        // True in itself, so that a filter asks for nothing else: NULL AND true, and NULL OR false, are false here.
        let code = format!("({} {symbol} {})", left.truth(), right.truth());
        Printed { true_is_valid: true, ..Printed::new(code, Some(valid), CType::Bool) }
    }

    /// The value in variables of its own where its code is more than a name.
    pub(super) fn named(&mut self, printed: &Printed) -> Printed {
        let is_name = |code: &str| code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut name = |c_type: &str, code: &str| {
            if is_name(code) {
                return code.to_string();
            }
            let name = self.w.temporary();
            self.w.line(format!("const {c_type} {name} = {code};"));
            name
        };
        let code = name(printed.c_type.name(), &printed.code);
        let valid = printed.valid.as_deref().map(|valid| name("bool", valid));
        Printed::new(code, valid, printed.c_type)
    }

    fn case(
        &mut self,
        branches: &[(Value, Value)],
        otherwise: Option<&Value>,
        c_type: CType,
        nullable: bool,
    ) -> Printed {
        let name = self.w.temporary();
        let zero = if c_type == CType::Bool { "false" } else { "0" };
        self.w.line(format!("{} {name} = {zero};", c_type.name()));
        if nullable {
            self.w.line(format!("bool {name}k = false;"));
        }
        let defined = self.defined.clone();
        // One block however many branches: compilers limit how deep blocks nest.
        self.w.open("do {");
        let assign = |body: &mut Self, value: &Value| {
            let printed = body.print(value);
            let valid = printed.valid.as_deref().unwrap_or("true");
            let validity = if nullable { format!(" {name}k = {valid};") } else { String::new() };
            body.w.line(format!("{name} = {};{validity}", printed.cast(c_type)));
        };
        for (condition, value) in branches {
            let condition = self.print(condition).truth();
            self.w.open(format!("if ({condition}) {{"));
            self.conditional(|body| assign(body, value));
            self.w.line("break;");
            self.w.close("}");
        }
        if let Some(otherwise) = otherwise {
            assign(self, otherwise);
        }
        self.w.close("} while (0);");
        self.defined = defined;
        Printed::new(name.clone(), nullable.then(|| format!("{name}k")), c_type)
    }

    fn in_set(&mut self, input: &Value, constants: &[Constant]) -> Printed {
        let input_printed = self.print(input);
        let common = constants.iter().fold(input_printed.c_type, |common, constant| match constant {
            Constant::Int(value) => common.max(CType::for_int(Bounds::new(*value, *value))),
            _ => common,
        });
        let a = match common {
            CType::F32 | CType::F64 => format!("float_rank({})", input_printed.cast(CType::F64)),
            common => input_printed.cast(common),
        };
        let tests: Vec<String> = constants
            .iter()
            .map(|constant| {
                let printed = self.constant(*constant, common);
                match common {
                    CType::F32 | CType::F64 => format!("{a} == float_rank({})", printed.cast(CType::F64)),
                    _ => format!("{a} == {}", printed.code),
                }
            })
            .collect();
        let code = if tests.is_empty() { "false".into() } else { format!("({})", tests.join(" || ")) };
        Printed::new(code, input_printed.valid, CType::Bool)
    }

    fn in_table(&mut self, input: &Value, table: usize, count: u64, elements: Bounds) -> Printed {
        let input = self.print(input);
        let c_type = CType::for_int(elements);
        let element = c_type.name();
        let (field, count) = (self.w.argument(Argument::Lookup(table)), self.w.argument(Argument::Word(count)));
        let code = format!(
            "sorted_contains(reinterpret_cast<const {element}*>({field}), u64({count}), {})",
            input.cast(c_type)
        );
        Printed::new(code, input.valid, CType::Bool)
    }

    fn lookup(&mut self, table: usize, code: &Value, value: &Value) -> Printed {
        let code = self.print(code);
        let c_type = CType::of(value.repr, value.bounds);
        let element = if c_type == CType::Bool { "u8" } else { c_type.name() };
        let field = self.w.argument(Argument::Lookup(table));
        let entry = format!("m_ldg(reinterpret_cast<const {element}*>({field}) + {})", code.code);
        let entry = if c_type == CType::Bool { format!("({entry} != 0)") } else { entry };
        let mut valid = code.valid.clone();
        if value.nullable {
            let field = self.w.argument(Argument::LookupValid(table));
            valid = both(&valid, &Some(format!("(m_ldg({field} + {}) != 0)", code.code)));
        }
        Printed::new(entry, valid, c_type)
    }
}
