//! Registers: where a row's values come from, loaded or computed where first needed.

use super::Argument;
use super::arguments::{BuildPart, GroupPart};
use super::body::{Access, Body};
use super::printed::{CType, Printed};
use crate::ir::{
    AccumulatorKind, BuildId, ColumnShape, GroupKind, GroupTable, IntWidth, Matching, Origin, PayloadShape, Register,
    Repr, Source, Step, StoredShape,
};

impl Body<'_> {
    /// The variables that hold a defined register.
    pub(super) fn register(&self, index: usize) -> Printed {
        let register = &self.pipeline.registers[index];
        let valid = register.nullable.then(|| format!("k{index}"));
        Printed::new(format!("r{index}"), valid, CType::of(register.repr, register.bounds))
    }

    /// Gives a register its value at this point, unless it has one.
    pub(super) fn define(&mut self, index: usize) {
        if !self.defined.insert(index) {
            return;
        }
        let pipeline = self.pipeline;
        let register = &pipeline.registers[index];
        let c_type = CType::of(register.repr, register.bounds);
        match &register.origin {
            Origin::Computed(value) => {
                let printed = self.value(value);
                self.assign(index, &printed);
            }
            Origin::Column(column) => self.load_column(index, *column, c_type),
            Origin::Payload { probe, column } => self.load_payload(index, *probe, *column),
            Origin::Mark { probe } => self.assign(index, &Printed::new(format!("found{probe}"), None, CType::Bool)),
            Origin::Accumulator(accumulator) => self.load_accumulator(index, *accumulator),
            Origin::GroupKey(part) => self.load_group_key(index, *part, register),
        }
    }

    fn assign(&mut self, index: usize, printed: &Printed) {
        let register = &self.pipeline.registers[index];
        let c_type = CType::of(register.repr, register.bounds);
        self.w.declare(c_type.name(), &format!("r{index}"));
        let mut line = format!("r{index} = {};", printed.cast(c_type));
        if register.nullable {
            self.w.declare("bool", &format!("k{index}"));
            line.push_str(&format!(" k{index} = {};", printed.valid.as_deref().unwrap_or("true")));
        }
        self.w.line(line);
    }

    fn column_shape(&self, column: usize) -> ColumnShape {
        match &self.pipeline.source {
            Source::Table { columns } => columns[column],
            Source::Groups(_) => ColumnShape { stored: StoredShape::Bool, nullable: false },
        }
    }

    fn load_column(&mut self, index: usize, column: usize, c_type: CType) {
        let shape = self.column_shape(column);
        let element = stored_type(shape.stored);
        if shape.stored == StoredShape::RawText {
            self.refer_to_text(index, column, shape.nullable);
            return;
        }
        let (raw, valid) = match self.access {
            Access::Vector => {
                self.tile_columns.insert(column);
                (format!("c{column}[i]"), format!("(n{column} >> i & 1)"))
            }
            Access::Scalar => (format!("s.load<{element}>({column}, row)"), format!("s.valid({column}, row)")),
        };
        let code = match shape.stored {
            StoredShape::Bool => format!("({raw} != 0)"),
            StoredShape::Int { based: true, .. } => {
                let low = self.w.argument(Argument::ColumnBase(column));
                let base = if c_type == CType::I128 {
                    let high = self.w.argument(Argument::ColumnBaseHigh(column));
                    format!("make_i128({high}, u64({low}))")
                } else {
                    format!("{}({low})", c_type.name())
                };
                format!("({}({raw}) + {base})", c_type.name())
            }
            _ => format!("{}({raw})", c_type.name()),
        };
        self.assign(index, &Printed::new(code, shape.nullable.then_some(valid), c_type));
    }

    /// A text is not loaded: its register says where it is described.
    fn refer_to_text(&mut self, index: usize, column: usize, nullable: bool) {
        let (row, valid) = match self.access {
            Access::Vector => {
                self.tile_columns.insert(column);
                ("row0 + i", format!("(n{column} >> i & 1)"))
            }
            Access::Scalar => ("row", format!("s.valid({column}, row)")),
        };
        let reference = format!("s.text({column}, {row})");
        self.assign(index, &Printed::new(reference, nullable.then_some(valid), CType::I64));
    }

    /// Loads a thread's 8 values (and validity bits) of a column.
    pub(super) fn load_tile_column(&mut self, column: usize) {
        let shape = self.column_shape(column);
        if shape.stored != StoredShape::RawText {
            self.w.line(format!("{} c{column}[8]; s.load8(c{column}, {column}, row0);", stored_type(shape.stored)));
        }
        if shape.nullable {
            self.w.line(format!("const u32 n{column} = s.valid8({column}, row0);"));
        }
    }

    fn load_payload(&mut self, index: usize, probe: usize, column: usize) {
        let Some((build, shape, matching)) = self.probed(probe, column) else { return };
        let printed = self.payload(build, column, shape, &format!("match{probe}"));
        let printed = if matching == Matching::Outer { self.of_match(index, probe, &printed) } else { printed };
        self.assign(index, &printed);
    }

    /// A value of the matched row; of a row without one a NULL, under which stands a value that the register may have.
    fn of_match(&self, index: usize, probe: usize, printed: &Printed) -> Printed {
        let register = &self.pipeline.registers[index];
        let c_type = CType::of(register.repr, register.bounds);
        let bounds = register.bounds;
        let under_null = match c_type {
            CType::I32 | CType::I64 if bounds.min > 0 || bounds.max < 0 => format!("{}ll", bounds.min),
            CType::I128 if bounds.min > 0 || bounds.max < 0 => {
                format!("make_i128({}ll, {}ull)", (bounds.min >> 64) as i64, bounds.min as u64)
            }
            _ => "0".to_owned(),
        };
        let name = c_type.name();
        let code = format!("(match{probe} == kNoRow ? {name}({under_null}) : {name}({}))", printed.code);
        let matched = format!("match{probe} != kNoRow");
        let valid = match &printed.valid {
            Some(valid) => format!("({matched} && {valid})"),
            None => format!("({matched})"),
        };
        Printed::new(code, Some(valid), c_type)
    }

    /// Payload column `column` of a build at a row.
    pub(super) fn payload(&mut self, build: BuildId, column: usize, shape: PayloadShape, row: &str) -> Printed {
        let field = self.w.argument(Argument::Build(build, BuildPart::Payload(column)));
        let raw = format!("reinterpret_cast<const {}*>({field})[{row}]", payload_type(shape));
        let code = if shape.repr == Repr::Bool { format!("({raw} != 0)") } else { raw };
        let valid = shape.nullable.then(|| {
            let field = self.w.argument(Argument::Build(build, BuildPart::PayloadValid(column)));
            format!("({field}[{row}] != 0)")
        });
        // The element's type may be narrower than any computing type: convert at once.
        let c_type = match shape.repr {
            Repr::Int if shape.width == IntWidth::W128 => CType::I128,
            Repr::Int if shape.width == IntWidth::W64 => CType::I64,
            Repr::Int => CType::I32,
            Repr::Bool => CType::Bool,
            Repr::F32 => CType::F32,
            Repr::F64 => CType::F64,
        };
        Printed::new(code, valid, c_type)
    }

    /// A payload column of the build of probe `number`.
    fn probed(&self, number: usize, column: usize) -> Option<(BuildId, PayloadShape, Matching)> {
        let mut probes = self.pipeline.steps.iter().filter_map(|step| match step {
            Step::Probe(probe) => Some(probe),
            Step::Filter(_) => None,
        });
        let probe = probes.nth(number)?;
        Some((probe.build, *probe.payload.get(column)?, probe.matching))
    }

    /// Ends the row where its group holds nothing, and opens packed keys.
    pub(super) fn group_exists(&mut self, groups: &GroupTable) {
        let field = |body: &mut Self, part| body.w.argument(Argument::SourceGroup(part));
        match groups.kind {
            GroupKind::Ungrouped => {}
            GroupKind::Private | GroupKind::Direct | GroupKind::BuildRow { .. } => {
                if let Some(count) = groups.row_count {
                    let counts = field(self, GroupPart::Accumulator(count));
                    self.w.line(format!("if ({counts}[row] == 0) break;"));
                }
            }
            GroupKind::Hash => {
                let keys = field(self, GroupPart::Keys);
                self.w.line(format!("if ({keys}[row] == kEmptyKey) break;"));
            }
            GroupKind::Wide => {
                let states = field(self, GroupPart::States);
                self.w.line(format!("if ({states}[row] != 2) break;"));
            }
        }
        self.unpack_group_keys(groups);
    }

    fn load_accumulator(&mut self, index: usize, accumulator: usize) {
        let Source::Groups(groups) = &self.pipeline.source else { return };
        let kind = groups.accumulators[accumulator];
        let field = self.w.argument(Argument::SourceGroup(GroupPart::Accumulator(accumulator)));
        let printed = match kind {
            AccumulatorKind::SumI128 | AccumulatorKind::MinI128 | AccumulatorKind::MaxI128 => {
                Printed::new(format!("read_i128({field} + row * {})", kind.words()), None, CType::I128)
            }
            AccumulatorKind::SumF64 => Printed::new(format!("m_bitcast<f64>({field}[row])"), None, CType::F64),
            AccumulatorKind::SumI64 | AccumulatorKind::MinI64 | AccumulatorKind::MaxI64 => {
                Printed::new(format!("i64({field}[row])"), None, CType::I64)
            }
        };
        self.assign(index, &printed);
    }

    fn load_group_key(&mut self, index: usize, part: usize, register: &Register) {
        let pipeline = self.pipeline;
        let Source::Groups(groups) = &pipeline.source else { return };
        let printed = self.group_key(groups, part, register);
        self.assign(index, &printed);
    }
}

/// C++ element type of a stored column.
fn stored_type(stored: StoredShape) -> &'static str {
    match stored {
        StoredShape::Int { width, .. } => signed_type(width),
        StoredShape::F32 => "f32",
        StoredShape::F64 => "f64",
        StoredShape::Bool | StoredShape::Codes { width: IntWidth::W8 } => "u8",
        StoredShape::Codes { width: IntWidth::W16 } => "u16",
        StoredShape::Codes { .. } | StoredShape::RawText => "u32",
    }
}

fn signed_type(width: IntWidth) -> &'static str {
    match width {
        IntWidth::W8 => "i8",
        IntWidth::W16 => "i16",
        IntWidth::W32 => "i32",
        IntWidth::W64 => "i64",
        IntWidth::W128 => "i128",
    }
}

/// C++ element type of a payload or output array.
pub(super) fn payload_type(shape: PayloadShape) -> &'static str {
    match shape.repr {
        Repr::Bool => "u8",
        Repr::Int => signed_type(shape.width),
        Repr::F32 => "f32",
        Repr::F64 => "f64",
    }
}
