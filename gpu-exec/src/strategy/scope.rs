//! Scopes: what the columns of a node are while its pipeline is open.

use std::sync::Arc;

use super::StageSource;
use super::lookup::LookupTable;
use crate::column::{ColumnMeta, Dictionary, RowBound, Stored, TableShape};
use crate::ir::{
    Bounds, BuildId, ColumnShape, Origin, Register, Repr, Source, Step, StoredShape, Type, Value, ValueKind,
};

/// A column of the node whose output an open pipeline currently is.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) register: usize,
    pub(super) ty: Type,
    /// Of text; `None` where its register refers to the text itself.
    pub(super) dictionary: Option<Arc<Dictionary>>,
    /// Exact range of the values, for sizing (never for source); `None` where nothing better than the bounds is known.
    pub(super) range: Option<(i128, i128)>,
    /// Of a wide decimal: the register of the digits that follow those of `register`, and ten to their number.
    pub(super) tail: Option<(usize, i128)>,
    /// No value occurs twice among the rows that reach this point (NULLs aside).
    pub(super) unique: bool,
}

/// A pipeline without its sink.
#[derive(Clone, Debug)]
pub(super) struct OpenPipeline {
    pub(super) stage_source: StageSource,
    pub(super) source: Source,
    pub(super) registers: Vec<Register>,
    pub(super) steps: Vec<Step>,
    pub(super) columns: Vec<Column>,
    pub(super) lookups: Vec<LookupTable>,
    pub(super) probes: Vec<BuildId>,
    pub(super) rows: RowBound,
}

impl OpenPipeline {
    /// A pipeline that reads a table of this shape.
    pub(super) fn table(stage_source: StageSource, table: &TableShape) -> Self {
        let mut open = Self {
            stage_source,
            source: Source::Table { columns: table.columns.iter().map(column_shape).collect() },
            registers: Vec::new(),
            steps: Vec::new(),
            columns: Vec::new(),
            lookups: Vec::new(),
            probes: Vec::new(),
            rows: table.rows,
        };
        for (number, meta) in table.columns.iter().enumerate() {
            let register = open.add_register(Register {
                repr: repr_of(meta.ty),
                nullable: meta.facts.nullable(),
                bounds: column_bounds(meta),
                origin: Origin::Column(number),
            });
            open.columns.push(Column {
                register,
                ty: meta.ty,
                dictionary: match &meta.stored {
                    Stored::Codes { dictionary, .. } => Some(Arc::clone(dictionary)),
                    _ => None,
                },
                range: meta.facts.range,
                tail: None,
                unique: meta.facts.unique,
            });
        }
        open
    }

    pub(super) fn add_register(&mut self, register: Register) -> usize {
        self.registers.push(register);
        self.registers.len() - 1
    }

    /// Which column of its table a column is, where it is one as it lies there.
    pub(super) fn table_column(&self, column: usize) -> Option<(StageSource, usize)> {
        match self.registers[self.columns.get(column)?.register].origin {
            Origin::Column(number) => Some((self.stage_source, number)),
            _ => None,
        }
    }

    /// Whether rows had a match at a probe that marks it, as a column.
    pub(super) fn mark(&mut self, probe: usize) -> Column {
        let (repr, bounds) = (Repr::Bool, Bounds::new(0, 1));
        let register = self.add_register(Register { repr, nullable: false, bounds, origin: Origin::Mark { probe } });
        Column { register, ty: Type::Bool, dictionary: None, range: None, tail: None, unique: false }
    }

    /// Reads a register.
    pub(super) fn read(&self, register: usize) -> Value {
        let known = &self.registers[register];
        Value::new(ValueKind::Register(register), known.repr, known.nullable, known.bounds)
    }

    /// Makes a value a register of its own, unless it is one.
    pub(super) fn keep(&mut self, value: Value) -> usize {
        match value.kind {
            ValueKind::Register(register) => register,
            _ => self.add_register(Register {
                repr: value.repr,
                nullable: value.nullable,
                bounds: value.bounds,
                origin: Origin::Computed(value),
            }),
        }
    }

    /// Exact range of a value, for sizing.
    pub(super) fn range(&self, value: &Value) -> (i128, i128) {
        let known = match value.kind {
            ValueKind::Register(register) => {
                self.columns.iter().find(|column| column.register == register).and_then(|column| column.range)
            }
            _ => None,
        };
        known.unwrap_or((value.bounds.min, value.bounds.max))
    }
}

pub(super) fn repr_of(ty: Type) -> Repr {
    match ty {
        Type::Bool => Repr::Bool,
        Type::Float { bytes: 4 } => Repr::F32,
        Type::Float { .. } => Repr::F64,
        _ => Repr::Int,
    }
}

fn column_shape(meta: &ColumnMeta) -> ColumnShape {
    let stored = match &meta.stored {
        Stored::Int { width, base } => StoredShape::Int { width: *width, based: *base != 0 },
        Stored::Float32 => StoredShape::F32,
        Stored::Float64 => StoredShape::F64,
        Stored::Bool => StoredShape::Bool,
        Stored::Codes { width, .. } => StoredShape::Codes { width: *width },
        Stored::RawText => StoredShape::RawText,
    };
    ColumnShape { stored, nullable: meta.facts.nullable() }
}

/// Bounds for the source: of skipped row groups too, so that other literals do not change it, and rounded, so that
/// appended rows seldom do.
fn column_bounds(meta: &ColumnMeta) -> Bounds {
    let rounded = meta.facts.range_anywhere().map(|(min, max)| Bounds::new(min, max).round_to_powers());
    let limit = Bounds::of_type(meta.ty);
    match (rounded, &meta.stored) {
        // A based column may hold any value of its width above the base, under NULLs too.
        (_, Stored::Int { base, .. }) if *base != 0 => rounded.unwrap_or(limit),
        (Some(rounded), _) => rounded,
        (None, Stored::Codes { dictionary, .. }) => {
            Bounds::new(0, dictionary.len().max(1) as i128 - 1).round_to_powers()
        }
        // A place in memory.
        (None, Stored::RawText) => Bounds::of_type(Type::INT64),
        // No range is kept of floats and booleans.
        (None, Stored::Float32 | Stored::Float64 | Stored::Bool) => limit,
        // No value at all: anything holds.
        (None, _) => Bounds::new(0, 0),
    }
}
