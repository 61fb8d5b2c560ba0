//! The body of a kernel: how it walks its source, and the steps of a row.
//!
//! Three walks. *Vector*: a thread keeps 8 rows of each column in registers and the row's code is unrolled: for scans
//! that end in a few accumulators. *Queue*: leading filters run vectorised, survivors are compacted per warp, the rest
//! of the row runs with full warps and loads what it needs by row. *Strided*: no leading filter, lanes take
//! consecutive rows. What would not fit a thread's registers as vectors is walked strided, and accumulators that are
//! too many for one pass take several over the same source (`budget.rs`).

use std::collections::BTreeSet;
use std::ops::Range;

use super::arguments::GroupPart;
use super::failing::failing_registers;
use super::text::{pipeline_reads_text, reads_text};
use super::writer::Writer;
use super::{Argument, Kernel, budget};
use crate::device::SyncMode;
use crate::ir::{GroupKind, KeyTable, Pipeline, Sink, Source, Step, Value, ValueKind};

/// The row queues of a block's 8 warps: 256 row numbers of 2 bytes each.
pub(crate) const QUEUE_BYTES: u32 = 8 * 256 * 2;

/// Where the errors of a row are reported, unless they wait for another row.
pub(super) const ROW_ERROR: &str = "p.error";

/// How columns are read at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// `c3[i]`, loaded a tile at a time.
    Vector,
    /// By row number.
    Scalar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    Vector,
    /// The first `filters` steps are filters that run vectorised.
    Queue {
        filters: usize,
    },
    Strided,
}

/// A kernel under construction.
pub(super) struct Body<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) w: Writer,
    pub(super) access: Access,
    /// Registers that have a value at this point of the row.
    pub(super) defined: BTreeSet<usize>,
    /// For each register, whether computing it can fail.
    pub(super) failing: Vec<bool>,
    /// The words that errors are reported to at this point.
    pub(super) error: String,
    /// Source columns loaded a tile at a time.
    pub(super) tile_columns: BTreeSet<usize>,
    /// Probes printed so far, and whether one of them can match several times.
    pub(super) probes: usize,
    pub(super) open_loops: Vec<usize>,
    /// The accumulators of this pass over the source.
    pub(super) pass: Range<usize>,
    pub(super) shared_bytes: u32,
    pub(super) shared_bytes_per_group: u32,
}

impl<'a> Body<'a> {
    pub(super) fn new(pipeline: &'a Pipeline) -> Self {
        Self {
            pipeline,
            w: Writer::default(),
            access: Access::Scalar,
            defined: BTreeSet::new(),
            failing: failing_registers(&pipeline.registers),
            error: ROW_ERROR.into(),
            tile_columns: BTreeSet::new(),
            probes: 0,
            open_loops: Vec::new(),
            pass: 0..0,
            shared_bytes: 0,
            shared_bytes_per_group: 0,
        }
    }

    pub(super) fn generate(mut self, entry: &str) -> Kernel {
        for argument in [Argument::TileBegin, Argument::TileEnd, Argument::Error] {
            self.w.argument(argument);
        }
        let (walk, passes) = self.walk();
        self.w.enter();
        let sync = self.sync(walk);
        let last = passes.len() - 1;
        for (number, pass) in passes.into_iter().enumerate() {
            self.pass = pass;
            if last == 0 {
                self.walk_source(walk);
                break;
            }
            self.w.open("{");
            self.walk_source(walk);
            if number < last {
                // The next pass takes the same shared memory.
                self.w.line("m_block_sync();");
            }
            self.w.close("}");
        }
        self.w.leave();
        let (shared_bytes, shared_bytes_per_group) = (self.shared_bytes, self.shared_bytes_per_group);
        let (source, arguments) = self.w.finish(entry);
        Kernel { entry: entry.into(), source, arguments, shared_bytes, shared_bytes_per_group, sync }
    }

    /// One pass over the source.
    fn walk_source(&mut self, walk: Walk) {
        self.defined.clear();
        self.probes = 0;
        self.cursor();
        // The queues come first in shared memory, what the sink keeps there follows.
        let queue_bytes = if matches!(walk, Walk::Queue { .. }) { QUEUE_BYTES } else { 0 };
        self.sink_prologue(queue_bytes);
        self.w.open("for (u64 t = p.tile_begin + m_bid(); t < p.tile_end; t += m_gdim()) {");
        self.stop_where_full(walk);
        self.tile(walk);
        self.w.close("}");
        self.sink_epilogue();
    }

    /// A table that is too small is filled again: once a row has found no slot, no warp begins another tile.
    fn stop_where_full(&mut self, walk: Walk) {
        let may_be_full = match &self.pipeline.sink {
            Sink::Build(sink) => sink.table != KeyTable::Direct,
            Sink::Aggregate { groups, .. } => matches!(groups.kind, GroupKind::Hash | GroupKind::Wide),
            Sink::Emit { .. } => false,
        };
        match self.sync(walk) {
            _ if !may_be_full => {}
            SyncMode::None => self.w.line("if (is_full(p.error)) break;"),
            // All lanes or none: what follows needs the warp whole.
            SyncMode::Block => {}
            SyncMode::Warp => self.w.line("if (m_ballot(is_full(p.error)) != 0) break;"),
        }
    }

    /// How the source is walked, and the accumulators of each pass over it.
    fn walk(&self) -> (Walk, Vec<Range<usize>>) {
        let pipeline = self.pipeline;
        let probes = pipeline.steps.iter().any(|step| matches!(step, Step::Probe(_)));
        let filters = self.leading_filters();
        if let (Sink::Aggregate { groups, keys, accumulators }, Source::Table { .. }, false) =
            (&pipeline.sink, &pipeline.source, probes)
            && matches!(groups.kind, GroupKind::Ungrouped | GroupKind::Private)
            && !pipeline_reads_text(pipeline)
        {
            let load = budget::load(pipeline, filters.iter().copied().chain(keys));
            if let Some(passes) = budget::passes(pipeline, groups.kind, accumulators, Some(&load)) {
                return (Walk::Vector, passes);
            }
        }
        let passes = match &pipeline.sink {
            Sink::Aggregate { groups, accumulators, .. } => budget::passes(pipeline, groups.kind, accumulators, None)
                .unwrap_or_else(|| budget::one_pass(accumulators.len())),
            _ => budget::one_pass(0),
        };
        let fitting = (1..=filters.len())
            .take_while(|count| budget::load(pipeline, filters[..*count].iter().copied()).fits_vector(pipeline))
            .last();
        let walk = match (&pipeline.source, fitting) {
            (Source::Table { .. }, Some(filters)) => Walk::Queue { filters },
            _ => Walk::Strided,
        };
        (walk, passes)
    }

    fn leading_filters(&self) -> Vec<&'a Value> {
        let steps = self.pipeline.steps.iter();
        let filters = steps.map_while(|step| match step {
            // Texts are read by full warps, one a lane.
            Step::Filter(predicate) if !reads_text(&self.pipeline.registers, predicate) => Some(predicate),
            _ => None,
        });
        filters.collect()
    }

    fn sync(&self, walk: Walk) -> SyncMode {
        let blockwide = match &self.pipeline.sink {
            Sink::Aggregate { groups, .. } => matches!(groups.kind, GroupKind::Ungrouped | GroupKind::Private),
            _ => false,
        };
        let collective_sink = !matches!(self.pipeline.sink, Sink::Aggregate { .. });
        let multiple = self.pipeline.steps.iter().any(|step| matches!(step, Step::Probe(probe) if probe.multiplies()));
        match () {
            () if blockwide => SyncMode::Block,
            () if collective_sink || multiple || matches!(walk, Walk::Queue { .. }) => SyncMode::Warp,
            () => SyncMode::None,
        }
    }

    fn cursor(&mut self) {
        if let Source::Table { columns } = &self.pipeline.source {
            for argument in [Argument::Segments, Argument::SegmentCount] {
                self.w.argument(argument);
            }
            self.w.line(format!("SegmentCursor<{}> s(p.segments, p.segment_count);", columns.len()));
        }
    }

    fn tile(&mut self, walk: Walk) {
        if matches!(self.pipeline.source, Source::Table { .. }) {
            self.w.line("s.seek(t);");
        }
        match walk {
            Walk::Vector => self.vector_tile(),
            Walk::Queue { filters } => self.queue_tile(filters),
            Walk::Strided => self.strided_tile(),
        }
    }

    fn vector_tile(&mut self) {
        let body = self.vector_rows(|body| body.row("(exists >> i & 1)", 0));
        self.w.arguments_afresh();
        self.vector_loads();
        self.w.append(&body);
    }

    /// The unrolled loop over a thread's 8 rows, as source: the loads it needs are known only afterwards.
    fn vector_rows(&mut self, row: impl FnOnce(&mut Self)) -> String {
        self.access = Access::Vector;
        let mark = self.w.mark();
        self.w.line("#pragma unroll");
        self.w.open("for (u32 i = 0; i < 8; i++) {");
        self.w.line("const u64 number = s.number(row0 + i);");
        row(self);
        self.w.close("}");
        self.w.take_since(mark)
    }

    fn vector_loads(&mut self) {
        self.w.line("const u64 row0 = s.first_row(t) + m_tid() * 8;");
        self.w.line("const u32 exists = s.rows8(row0);");
        for column in std::mem::take(&mut self.tile_columns) {
            self.load_tile_column(column);
        }
    }

    fn queue_tile(&mut self, filters: usize) {
        let leading = self.leading_filters();
        let body = self.vector_rows(|body| {
            let mark = body.w.mark();
            body.w.open("do {");
            body.w.line("if (!(exists >> i & 1)) break;");
            for (step, predicate) in leading[..filters].iter().enumerate() {
                body.comment_step(step);
                body.filter(predicate);
            }
            body.w.line("mask |= 1u << i;");
            body.w.close("} while (0);");
            body.hoist(mark);
        });
        self.vector_loads();
        self.w.line("u32 mask = 0;");
        self.w.append(&body);
        self.shared_bytes = self.shared_bytes.max(QUEUE_BYTES);
        self.access = Access::Scalar;
        self.defined.clear();
        self.w.line("u16* queue = reinterpret_cast<u16*>(m_smem()) + m_warp() * 256;");
        self.w.line("const u32 kept = warp_compact(mask, queue);");
        self.w.line("const u64 first = s.first_row(t) + m_warp() * 256;");
        self.w.open("MAAR_ROLLED for (u32 j = m_lane(); j < ((kept + 31) & ~31u); j += 32) {");
        self.w.arguments_afresh();
        self.w.line("const u64 row = first + (j < kept ? queue[j] : 0);");
        self.w.line("const u64 number = s.number(row);");
        self.row("(j < kept)", filters);
        self.w.close("}");
        self.w.line("m_warp_sync();");
    }

    fn strided_tile(&mut self) {
        self.access = Access::Scalar;
        let grouped = matches!(self.pipeline.source, Source::Groups(_));
        if grouped {
            self.w.line("const u64 first = t * 2048 + m_warp() * 256;");
        } else {
            self.w.line("const u64 first = s.first_row(t) + m_warp() * 256;");
        }
        self.w.open("MAAR_ROLLED for (u32 j = m_lane(); j < 256; j += 32) {");
        self.w.arguments_afresh();
        self.w.line("const u64 row = first + j;");
        if grouped {
            let slots = self.w.argument(Argument::SourceGroup(GroupPart::Slots));
            self.w.line("const u64 number = row;");
            self.row(&format!("(row < {slots})"), 0);
        } else {
            self.w.line("const u64 number = s.number(row);");
            self.row("(row < s.segment_rows)", 0);
        }
        self.w.close("}");
    }

    /// All that happens to one row, from step `first_step` on. `exists` is false for lanes without a row; they still
    /// take part in what the warp does together.
    fn row(&mut self, exists: &str, first_step: usize) {
        let pipeline = self.pipeline;
        let mark = self.w.mark();
        self.w.line("bool live = false;");
        self.w.open("do {");
        self.w.line(format!("if (!{exists}) break;"));
        if let Source::Groups(groups) = &pipeline.source {
            self.group_exists(groups);
        }
        for (number, step) in pipeline.steps.iter().enumerate().skip(first_step) {
            self.comment_step(number);
            match step {
                Step::Filter(predicate) => self.filter(predicate),
                Step::Probe(probe) => self.probe(probe),
            }
        }
        self.sink_row();
        self.w.line("live = true;");
        self.w.close("} while (0);");
        self.sink_warp();
        while let Some(probe) = self.open_loops.pop() {
            self.w.line(format!("it{probe}++;"));
            self.w.close("}");
        }
        self.hoist(mark);
    }

    /// Moves the declarations made since `mark` in front of it.
    pub(super) fn hoist(&mut self, mark: usize) {
        let code = self.w.take_since(mark);
        self.w.flush_declarations();
        self.w.append(&code);
    }

    /// What the step is in SQL.
    fn comment_step(&mut self, step: usize) {
        let sql = self.pipeline.fragments.steps.get(step);
        self.w.comment(sql.map_or("", String::as_str));
    }

    /// One line a conjunct: the row ends where it is not true.
    pub(super) fn filter(&mut self, predicate: &Value) {
        if let ValueKind::And(left, right) = &predicate.kind {
            self.filter(left);
            self.filter(right);
            return;
        }
        let printed = self.value(predicate);
        self.w.line(format!("if (!{}) break;", printed.truth()));
    }
}
