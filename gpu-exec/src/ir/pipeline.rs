//! Pipelines: what one kernel does. A source, steps over registers, a sink.
//!
//! A register is a value of the current row: a source column, a payload column of a probed table, or something
//! computed. The *shape* of a pipeline (everything here but constants) decides its source; sizes, addresses and
//! constants are arguments of the launch.

use super::{Bounds, IntWidth, Repr, Value};

/// Names a join build within a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildId(pub usize);

/// How a column rests in memory, as far as the source cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoredShape {
    /// Signed integers; `based` when a base has to be added (its value is an argument).
    Int {
        width: IntWidth,
        based: bool,
    },
    F32,
    F64,
    Bool,
    /// Unsigned dictionary codes.
    Codes {
        width: IntWidth,
    },
    /// Texts; a row's value is where it is described, as a 64-bit integer.
    RawText,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnShape {
    pub stored: StoredShape,
    /// Whether any segment has NULLs.
    pub nullable: bool,
}

/// A value of the current row.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    pub repr: Repr,
    pub nullable: bool,
    pub bounds: Bounds,
    pub origin: Origin,
}

/// Where a register comes from; it is loaded or computed where first needed.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// Column of the source.
    Column(usize),
    /// Payload column of a probed build.
    Payload {
        probe: usize,
        column: usize,
    },
    /// Whether the row had a match at a probe that marks it.
    Mark {
        probe: usize,
    },
    /// Group key `part` of a group source.
    GroupKey(usize),
    /// Accumulator of a group source.
    Accumulator(usize),
    Computed(Value),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A device table: register `i` is column `i`.
    Table { columns: Vec<ColumnShape> },
    /// The groups of an aggregation that ended before.
    Groups(GroupTable),
}

/// How packed keys find their slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyTable {
    /// The packed key is the slot.
    Direct,
    /// Open addressing on one packed word below 2^63.
    Hash,
    /// Open addressing on several words.
    Wide,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Filter(Value),
    Probe(Probe),
}

/// How many rows a build has for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRows {
    /// At most one.
    One,
    /// Any number: a run of rows.
    Several,
    /// Nobody asks which: only keys are kept.
    Untold,
}

/// What a row's matches mean for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matching {
    /// It goes on once for each.
    Inner,
    /// It goes on, once, where there is one.
    Semi,
    /// It goes on where there is none.
    Anti,
    /// It goes on once for each, and where there is none once without.
    Outer,
    /// It goes on, once, and knows whether there is one.
    Mark,
}

/// Looks the row's key up in a build.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub build: BuildId,
    pub table: KeyTable,
    pub keys: Vec<Value>,
    pub rows: KeyRows,
    pub matching: Matching,
    /// What a pair must satisfy besides, to be a match. `None` for inner matching: there it is a filter that follows.
    pub residual: Option<Value>,
    /// Shapes of the build's payload arrays.
    pub payload: Vec<PayloadShape>,
    /// Computing the build's keys can fail. It has, for this row, where it did for any: they are compared.
    pub build_can_fail: bool,
    /// The build has a part of its keys at a time: the row is for the turn of its own part.
    pub parted: bool,
}

/// How a payload array or an output column is kept: at its computing width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PayloadShape {
    pub repr: Repr,
    pub width: IntWidth,
    pub nullable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Sink {
    Build(BuildSink),
    Aggregate { groups: GroupTable, keys: Vec<Value>, accumulators: Vec<Accumulator> },
    Emit { columns: Vec<EmitColumn> },
}

/// Stores rows densely and enters their keys into a table; keys alone, where nobody asks for the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSink {
    pub build: BuildId,
    pub table: KeyTable,
    pub keys: Vec<Value>,
    pub payload: Vec<(Value, PayloadShape)>,
    pub rows: KeyRows,
    /// A part of the keys at a time; rows of others are left out.
    pub parted: bool,
}

/// Where groups live.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupTable {
    pub kind: GroupKind,
    /// One a group key; empty when ungrouped.
    pub keys: Vec<KeyShape>,
    pub accumulators: Vec<AccumulatorKind>,
    /// Which accumulator counts rows, so that a group is known to exist (direct and build-row groups).
    pub row_count: Option<usize>,
    /// Where a part of the groups is held at a time: the keys that decide which. Rows of other parts are left out.
    pub parted_by: Option<Vec<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// One group, in registers.
    Ungrouped,
    /// Few groups: each thread has its own in shared memory; the packed key is the group.
    Private,
    /// The packed key is the group, in global memory.
    Direct,
    /// The slot of a hash table is the group.
    Hash,
    Wide,
    /// The matched row of a unique build is the group.
    BuildRow {
        probe: usize,
        build: BuildId,
    },
}

/// A group key as stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyShape {
    pub repr: Repr,
    pub nullable: bool,
    pub bounds: Bounds,
    /// For build-row groups: the payload column of the build that holds this key.
    pub payload: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccumulatorKind {
    /// Counts and integer sums that provably fit 64 bits.
    SumI64,
    SumI128,
    SumF64,
    MinI64,
    MaxI64,
    /// Extremes of what 64 bits do not hold; their last word is a lock.
    MinI128,
    MaxI128,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Accumulator {
    pub kind: AccumulatorKind,
    /// `None` counts rows. Floats under MIN and MAX are taken as their order-preserving integers.
    pub value: Option<Value>,
    pub filter: Option<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EmitColumn {
    pub value: Value,
    pub shape: PayloadShape,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    pub source: Source,
    pub registers: Vec<Register>,
    pub steps: Vec<Step>,
    pub sink: Sink,
    pub fragments: Fragments,
}

/// A pipeline in SQL, line by line: columns by their names, `$n` for literals, never a value. For who reads the source.
/// Nothing else may depend on it, nor on what is missing: a pipeline of no statement has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragments {
    /// One a step.
    pub steps: Vec<String>,
    pub sink: String,
    /// One an accumulator.
    pub calls: Vec<String>,
}

impl Fragments {
    /// All of them, to be finished.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = &mut String> {
        self.steps.iter_mut().chain(std::iter::once(&mut self.sink)).chain(&mut self.calls)
    }
}

impl Probe {
    /// Whether a row can go on more than once.
    pub fn multiplies(&self) -> bool {
        self.rows == KeyRows::Several && matches!(self.matching, Matching::Inner | Matching::Outer)
    }

    /// The values it reads.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.keys.iter().chain(&self.residual)
    }
}

impl AccumulatorKind {
    /// 8-byte words a group.
    pub fn words(self) -> usize {
        self.identity().len()
    }

    /// Whether what is kept of a group's rows is the same in whichever order they come.
    pub fn is_of_any_order(self) -> bool {
        match self {
            AccumulatorKind::SumI64
            | AccumulatorKind::SumI128
            | AccumulatorKind::MinI64
            | AccumulatorKind::MaxI64
            | AccumulatorKind::MinI128
            | AccumulatorKind::MaxI128 => true,
            AccumulatorKind::SumF64 => false,
        }
    }

    /// The words that stand for "no row yet".
    pub fn identity(self) -> &'static [u64] {
        match self {
            AccumulatorKind::SumI64 | AccumulatorKind::SumF64 => &[0],
            AccumulatorKind::SumI128 => &[0, 0],
            AccumulatorKind::MinI64 => &[i64::MAX as u64],
            AccumulatorKind::MaxI64 => &[i64::MIN as u64],
            AccumulatorKind::MinI128 => &[u64::MAX, i64::MAX as u64, 0],
            AccumulatorKind::MaxI128 => &[0, i64::MIN as u64, 0],
        }
    }
}

impl PayloadShape {
    /// Bytes a value in device memory.
    pub fn bytes(self) -> usize {
        match self.repr {
            Repr::Bool => 1,
            Repr::Int => self.width.bytes(),
            Repr::F32 => 4,
            Repr::F64 => 8,
        }
    }

    /// The narrowest shape for a value.
    pub fn narrow(value: &Value) -> Self {
        let width = IntWidth::for_signed(value.bounds.min, value.bounds.max);
        Self { repr: value.repr, width, nullable: value.nullable }
    }
}
