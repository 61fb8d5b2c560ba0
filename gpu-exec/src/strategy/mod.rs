//! Strategy: from a device plan and the shapes of its tables to pipelines. No data are needed, nor looked at.
//!
//! Cuts the plan at its breakers (join build, aggregation, window), chooses how each join and group-by finds its slots, resolves
//! expressions to integers with bounds, and sizes everything. Pure: nothing here allocates or launches.

mod aggregate;
mod branches;
mod cut;
mod distinct;
mod filter;
mod fit;
mod fragments;
mod full_join;
mod grouping_sets;
mod groups;
mod join;
mod join_keys;
mod lookup;
mod not_in;
mod parts;
mod prune;
mod resolve;
mod results;
mod scope;
mod sizes;
mod sort;
mod spill;
mod union;
mod variance;
mod window;

use std::sync::Arc;

use crate::column::{Dictionary, RowBound, TableShape};
use crate::error::Result;
use crate::ir::{BuildId, FirstRows, GroupTable, KeyRows, KeyTable, Node, Origin, PayloadShape, Pipeline, Sink, Type};

pub use lookup::LookupTable;
pub use sort::{PIECES_A_LAUNCH, SortPiece, SortPlan};
pub use spill::{Cuts, RowsPlan, RowsReading};
pub use window::{Made, MadeKind, OrderKey, WindowPlan};

/// What the device allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Dynamic shared memory a block may use, in bytes.
    pub shared_bytes: u32,
    /// Device memory one table of slots may take, in bytes.
    pub table_bytes: u64,
    /// Whether large tables of keys may be held a part at a time.
    pub parts: bool,
    /// Where rows are written out that would be read too often.
    pub cuts: Cuts,
}

/// Tables that are held in parts are addressed directly only where they take less than this share of what one may: what is
/// addressed directly has its slots in every part.
const DIRECT_SHARE_IN_PARTS: u64 = 4;

impl Limits {
    /// Device memory that a table may take whose slots are its keys, in bytes.
    fn direct_bytes(self) -> u64 {
        if self.parts { self.table_bytes / DIRECT_SHARE_IN_PARTS } else { self.table_bytes }
    }
}

/// Where a stage reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageSource {
    Scan(usize),
    Input(usize),
    /// The groups of an earlier stage.
    Groups(usize),
    /// The rows that an earlier stage has written out.
    Rows(usize),
}

/// One pipeline and what its launch has to know.
#[derive(Clone, Debug)]
pub struct Stage {
    pub pipeline: Pipeline,
    pub source: StageSource,
    /// For an aggregating stage: its position in [`QueryPlan::groups`].
    pub groups: Option<usize>,
    /// Builds it probes, and the one it makes.
    pub probes: Vec<BuildId>,
    pub build: Option<BuildId>,
    /// For a stage that writes its rows out: their position in [`QueryPlan::rows`].
    pub rows: Option<usize>,
    /// Lookup tables its source calls `lookup0, lookup1, ...`.
    pub lookups: Vec<LookupTable>,
    /// Rows that reach the sink; a guess where matches multiply.
    pub rows_out: RowBound,
}

/// Sizes of a join build.
#[derive(Clone, Debug)]
pub struct BuildPlan {
    pub table: KeyTable,
    pub rows_of_key: KeyRows,
    /// Lowest value and number of values of each key part (packed tables).
    pub bases: Vec<i64>,
    pub domains: Vec<u64>,
    /// Words of a wide key.
    pub words: usize,
    pub slots: u64,
    pub rows: u64,
    pub rows_estimated: bool,
    pub payload: Vec<PayloadShape>,
    /// By what it may be held in parts: tables of the same dimension have the same keys in the same part.
    pub dimension: Option<usize>,
}

/// Sizes of a group table.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    pub table: GroupTable,
    pub bases: Vec<i64>,
    pub domains: Vec<u64>,
    pub words: usize,
    pub slots: u64,
    /// Slots beyond which the table never needs to grow.
    pub slots_max: u64,
    /// As of builds.
    pub dimension: Option<usize>,
}

/// An output column: how it is emitted and what it means.
#[derive(Clone, Debug)]
pub struct OutputColumn {
    pub shape: PayloadShape,
    pub ty: Type,
    /// Of text that leaves as codes; other text leaves as references.
    pub dictionary: Option<Arc<Dictionary>>,
    /// Of a wide decimal: the output column of the digits that follow, and ten to their number.
    pub tail: Option<(usize, i128)>,
}

impl OutputColumn {
    /// Whether it leaves as references to texts, which are still to be gathered.
    pub fn is_reference(&self) -> bool {
        self.ty == Type::Text && self.dictionary.is_none()
    }
}

/// Everything that runs for one placed subtree, in order. The last stage emits; of a union several do, one after the other.
#[derive(Clone, Debug)]
pub struct QueryPlan {
    pub stages: Vec<Stage>,
    pub builds: Vec<BuildPlan>,
    pub groups: Vec<GroupPlan>,
    pub rows: Vec<RowsPlan>,
    pub output: Vec<OutputColumn>,
    /// Columns of tables that it takes to hold no value twice.
    pub distinct: Vec<(StageSource, usize)>,
    pub skip: u64,
    pub fetch: Option<u64>,
    /// Whether its large tables of keys may be held a part at a time.
    pub parts: bool,
    /// As of [`Limits::cuts`].
    pub cuts: Cuts,
    /// Set by who knows what becomes of the rows.
    pub first: Option<FirstRows>,
    /// The order of its rows, if they have one: `skip` and `fetch` are of the sorted rows then.
    pub sort: Option<SortPlan>,
}

impl QueryPlan {
    /// Rows that are wanted from the first on, where not all are.
    pub fn wanted(&self) -> Option<u64> {
        self.fetch.map(|fetch| fetch.saturating_add(self.skip))
    }

    /// The stages whose rows leave, in order.
    pub fn emitting(&self) -> impl Iterator<Item = usize> + '_ {
        self.stages.iter().enumerate().filter(|(_, stage)| stage.emits()).map(|(number, _)| number)
    }

    /// Whether rows of one stage leave before others have run.
    pub fn emits_several_times(&self) -> bool {
        self.emitting().nth(1).is_some()
    }

    /// How many tables were made of dictionaries for it that no earlier plan had made.
    pub fn translations_made(&self) -> u64 {
        self.stages.iter().flat_map(|stage| &stage.lookups).filter(|lookup| lookup.is_new).count() as u64
    }
}

/// The shapes of the tables that a subtree reads, by their numbers.
#[derive(Clone, Debug)]
pub struct Shapes {
    pub scans: Vec<TableShape>,
    pub inputs: Vec<TableShape>,
}

/// Plans a subtree over tables of these shapes.
pub fn plan(root: &Node, shapes: &Shapes, limits: Limits) -> Result<QueryPlan> {
    cut::PipelineBuilder::new(shapes, limits).plan(root)
}

impl Stage {
    /// Whether its rows leave.
    pub fn emits(&self) -> bool {
        self.rows.is_none() && matches!(self.pipeline.sink, Sink::Emit { .. })
    }

    /// Those of raw text whose texts it looks at; others it only refers to.
    pub fn texts_read(&self) -> Vec<usize> {
        let registers = prune::tested_texts(&self.pipeline);
        let column = |register: &usize| match self.pipeline.registers[*register].origin {
            Origin::Column(column) => Some(column),
            _ => None,
        };
        registers.iter().filter_map(column).collect()
    }

    /// Positions of the source's columns that the kernel reads.
    pub fn columns_read(&self) -> Vec<usize> {
        let registers = prune::used_registers(&self.pipeline);
        let column = |register: &usize| match self.pipeline.registers[*register].origin {
            Origin::Column(column) => Some(column),
            _ => None,
        };
        registers.iter().filter_map(column).collect()
    }
}
