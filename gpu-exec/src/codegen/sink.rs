//! Sinks: where rows end. Aggregates update state inside the row; builds and emits reserve places a warp at a time.

use super::arguments::{BuildPart, GroupPart};
use super::body::Body;
use super::printed::{CType, Printed};
use super::registers::payload_type;
use super::{Argument, budget};
use crate::device::BLOCK_THREADS;
use crate::ir::{
    Accumulator, AccumulatorKind, BuildSink, GroupKind, GroupTable, KeyRows, KeyTable, PayloadShape, Sink, Value,
};

/// Largest magnitude of a value of which a thread can add up its share in 64 bits: a thread sees at most 2^24 rows.
const THREAD_SUM_LIMIT: u128 = 1 << 39;

impl Body<'_> {
    pub(super) fn sink_prologue(&mut self, shared_begin: u32) {
        let Sink::Aggregate { groups, accumulators, .. } = &self.pipeline.sink else { return };
        match groups.kind {
            GroupKind::Ungrouped => {
                self.shared_bytes = self.shared_bytes.max(32 * 16);
                for (number, accumulator) in self.of_pass(accumulators) {
                    let kind = kind_name(thread_kind(accumulator));
                    self.w.line(format!("{kind}::State a{number} = {kind}::identity();"));
                }
            }
            GroupKind::Private => {
                let slots = self.w.argument(Argument::Group(GroupPart::Slots));
                self.w.line(format!("u8* shared = m_smem() + {shared_begin};"));
                let bytes = private_group_bytes(&accumulators[self.pass.clone()]);
                self.shared_bytes_per_group = self.shared_bytes_per_group.max(bytes);
                for (number, accumulator) in self.of_pass(accumulators) {
                    let kind = thread_kind(accumulator);
                    let bytes = private_state_bytes(accumulator);
                    self.w.line(format!("PrivateStates<{}> a{number}(shared, {slots});", kind_name(kind)));
                    self.w.line(format!("shared += {slots} * m_bdim() * {bytes};"));
                }
            }
            _ => {}
        }
    }

    /// What the row itself does, inside its block.
    pub(super) fn sink_row(&mut self) {
        let pipeline = self.pipeline;
        match &pipeline.sink {
            Sink::Aggregate { groups, keys, accumulators } => {
                self.w.comment(&pipeline.fragments.sink);
                self.accumulate(groups, keys, accumulators);
            }
            Sink::Build(build) => {
                self.w.comment(&pipeline.fragments.sink);
                self.enter_key(build);
            }
            Sink::Emit { .. } => {}
        }
    }

    /// What the warp does together after the row's block.
    pub(super) fn sink_warp(&mut self) {
        let pipeline = self.pipeline;
        match &pipeline.sink {
            Sink::Aggregate { .. } => {}
            Sink::Build(build) => self.store_build(build),
            Sink::Emit { columns } => {
                self.w.comment(&pipeline.fragments.sink);
                let (count, capacity) = (self.w.argument(Argument::EmitCount), self.w.argument(Argument::EmitCapacity));
                self.w.line(format!("const u64 at = warp_append(live, {count});"));
                self.w.open(format!("if (live && at < {capacity}) {{"));
                let outputs: Vec<Output<'_>> = columns
                    .iter()
                    .enumerate()
                    .map(|(number, column)| Output {
                        value: &column.value,
                        shape: column.shape,
                        data: Argument::EmitData(number),
                        valid: Argument::EmitValid(number),
                    })
                    .collect();
                self.store_outputs(&outputs);
                self.w.close("}");
            }
        }
    }

    pub(super) fn sink_epilogue(&mut self) {
        let Sink::Aggregate { groups, accumulators, .. } = &self.pipeline.sink else { return };
        match groups.kind {
            GroupKind::Ungrouped => {
                for (number, accumulator) in self.of_pass(accumulators) {
                    let field = self.w.argument(Argument::Group(GroupPart::Accumulator(number)));
                    let kind = kind_name(accumulator.kind);
                    let state = widen(&format!("a{number}"), thread_kind(accumulator), accumulator.kind);
                    self.w.line(format!("block_publish<{kind}>({state}, {field}, m_smem());"));
                }
            }
            GroupKind::Private => {
                let slots = self.w.argument(Argument::Group(GroupPart::Slots));
                self.w.line("m_block_sync();");
                for (number, accumulator) in self.of_pass(accumulators) {
                    let field = self.w.argument(Argument::Group(GroupPart::Accumulator(number)));
                    self.w.line(format!("a{number}.publish<{}>({slots}, {field});", kind_name(accumulator.kind)));
                }
            }
            _ => {}
        }
    }

    /// The accumulators of this pass, with their numbers among all.
    fn of_pass<'b>(&self, accumulators: &'b [Accumulator]) -> impl Iterator<Item = (usize, &'b Accumulator)> + use<'b> {
        accumulators.iter().enumerate().skip(self.pass.start).take(self.pass.len())
    }

    fn accumulate(&mut self, groups: &GroupTable, keys: &[Value], accumulators: &[Accumulator]) {
        let slot = match groups.kind {
            GroupKind::Ungrouped => String::new(),
            _ => self.group_slot(groups, keys),
        };
        let pipeline = self.pipeline;
        for (number, accumulator) in self.of_pass(accumulators) {
            self.w.comment(pipeline.fragments.calls.get(number).map_or("", String::as_str));
            let filter = accumulator.filter.as_ref().map(|filter| self.value(filter).truth());
            let Some(filter) = filter else {
                self.update(groups.kind, number, accumulator, &slot);
                continue;
            };
            // What the value reads is needed by others as well: it is defined before the block opens, unless it can fail.
            if let Some(value) = &accumulator.value {
                self.define_all(value);
            }
            self.w.open(format!("if ({filter}) {{"));
            self.conditional(|body| body.update(groups.kind, number, accumulator, &slot));
            self.w.close("}");
        }
    }

    fn update(&mut self, kind: GroupKind, number: usize, accumulator: &Accumulator, slot: &str) {
        let state = thread_kind(accumulator);
        let printed = match &accumulator.value {
            None => Printed::new("1", None, CType::I32),
            Some(value) => self.value(value),
        };
        let guard = printed.valid.as_ref().map(|valid| format!("if ({valid}) ")).unwrap_or_default();
        let name = kind_name(state);
        let line = match kind {
            GroupKind::Ungrouped => {
                format!("a{number} = {name}::merge(a{number}, {});", printed.cast(state_type(state)))
            }
            GroupKind::Private => format!("a{number}.merge({slot}, {});", printed.cast(state_type(state))),
            _ => {
                let field = self.w.argument(Argument::Group(GroupPart::Accumulator(number)));
                let global = accumulator.kind;
                let words = global.words();
                let at =
                    if words == 1 { format!("{field} + {slot}") } else { format!("{field} + {slot} * {words}ull") };
                format!("{}::publish({at}, {});", kind_name(global), printed.cast(state_type(global)))
            }
        };
        self.w.line(format!("{guard}{line}"));
    }

    fn enter_key(&mut self, sink: &BuildSink) {
        if sink.parted {
            let in_part = self.in_build_part(sink.build, &sink.keys);
            self.w.line(format!("if (!{in_part}) break;"));
        }
        let key = self.build_key(sink);
        self.w.declare("u64", "slot");
        let field = |body: &mut Self, part| body.w.argument(Argument::Build(sink.build, part));
        let slot = match sink.table {
            KeyTable::Direct => key,
            KeyTable::Hash => {
                let (keys, mask) = (field(self, BuildPart::Keys), field(self, BuildPart::Mask));
                format!("slot_insert({keys}, {mask}, {key}, p.error)")
            }
            KeyTable::Wide => {
                let (states, keys, mask) =
                    (field(self, BuildPart::States), field(self, BuildPart::Keys), field(self, BuildPart::Mask));
                format!("slot_insert_wide({states}, {keys}, {mask}, {key}, p.error)")
            }
        };
        self.w.line(format!("slot = {slot};"));
        if sink.table != KeyTable::Direct {
            self.w.line("if (slot == kEmptyKey) { report_error(p.error, kErrorCapacity, number); break; }");
        }
    }

    fn store_build(&mut self, sink: &BuildSink) {
        let field = |body: &mut Self, part| body.w.argument(Argument::Build(sink.build, part));
        if sink.rows == KeyRows::Untold {
            return self.mark_key(sink);
        }
        let (count, capacity) = (field(self, BuildPart::Count), field(self, BuildPart::Capacity));
        self.w.line(format!("const u64 at = warp_append(live, {count});"));
        self.w.open(format!("if (live && at < {capacity}) {{"));
        let outputs: Vec<Output<'_>> = sink
            .payload
            .iter()
            .enumerate()
            .map(|(number, (value, shape))| Output {
                value,
                shape: *shape,
                data: Argument::Build(sink.build, BuildPart::Payload(number)),
                valid: Argument::Build(sink.build, BuildPart::PayloadValid(number)),
            })
            .collect();
        self.store_outputs(&outputs);
        if sink.rows == KeyRows::Several {
            let (counts, slots) = (field(self, BuildPart::Counts), field(self, BuildPart::SlotOf));
            self.w.line(format!("m_atomic_add({counts} + slot, 1u);"));
            self.w.line(format!("{slots}[at] = u32(slot);"));
        } else {
            let rows = field(self, BuildPart::Rows);
            self.w.line(format!("if (m_atomic_exch({rows} + slot, u32(at)) != kNoRow) report_error(p.error, kErrorDuplicateKey, number);"));
        }
        self.w.close("}");
    }

    /// Where only keys are kept: that there is this one, and that there is one at all. All lanes write the same.
    fn mark_key(&mut self, sink: &BuildSink) {
        let count = self.w.argument(Argument::Build(sink.build, BuildPart::Count));
        if sink.table == KeyTable::Direct {
            let rows = self.w.argument(Argument::Build(sink.build, BuildPart::Rows));
            self.w.line(format!("if (live) {rows}[slot] = 0;"));
        }
        self.w.line(format!("if (live && *{count} == 0) *{count} = 1;"));
    }

    /// Computes and stores the outputs of a row at `at`, a few at a time: a row of many columns is never held whole.
    fn store_outputs(&mut self, outputs: &[Output<'_>]) {
        for few in outputs.chunks(budget::OUTPUTS_AT_ONCE) {
            let printed: Vec<Printed> = few.iter().map(|output| self.value(output.value)).collect();
            let printed: Vec<Printed> = printed.iter().map(|printed| self.named(printed)).collect();
            for (output, printed) in few.iter().zip(printed) {
                self.store(output, &printed);
            }
        }
    }

    fn store(&mut self, output: &Output<'_>, printed: &Printed) {
        let (field, element) = (self.w.argument(output.data), payload_type(output.shape));

        let mut line = format!("reinterpret_cast<{element}*>({field})[at] = {element}({});", printed.code);
        if output.shape.nullable {
            let field = self.w.argument(output.valid);
            line.push_str(&format!(" {field}[at] = u8({});", printed.valid.as_deref().unwrap_or("true")));
        }
        self.w.line(line);
    }
}

/// A value of the row and where it is stored.
struct Output<'a> {
    value: &'a Value,
    shape: PayloadShape,
    data: Argument,
    valid: Argument,
}

/// Bytes of shared memory a thread's own state of an accumulator takes, for each group.
fn private_state_bytes(accumulator: &Accumulator) -> u32 {
    if state_type(thread_kind(accumulator)) == CType::I128 { 16 } else { 8 }
}

/// 8-byte words a thread keeps for an accumulator.
pub(super) fn state_words(accumulator: &Accumulator) -> usize {
    thread_kind(accumulator).words()
}

/// Bytes of shared memory a block takes for each group whose states its threads keep.
pub(crate) fn private_group_bytes(accumulators: &[Accumulator]) -> u32 {
    accumulators.iter().map(private_state_bytes).sum::<u32>() * BLOCK_THREADS
}

/// The kind a thread keeps for itself: narrower than the group's where a thread's share provably fits.
fn thread_kind(accumulator: &Accumulator) -> AccumulatorKind {
    let small = accumulator.value.as_ref().is_none_or(|value| value.bounds.magnitude() < THREAD_SUM_LIMIT);
    match accumulator.kind {
        AccumulatorKind::SumI128 if small => AccumulatorKind::SumI64,
        kind => kind,
    }
}

fn widen(state: &str, from: AccumulatorKind, to: AccumulatorKind) -> String {
    if from == to { state.into() } else { format!("{}({state})", state_type(to).name()) }
}

fn kind_name(kind: AccumulatorKind) -> &'static str {
    match kind {
        AccumulatorKind::SumI64 => "SumI64",
        AccumulatorKind::SumI128 => "SumI128",
        AccumulatorKind::SumF64 => "SumF64",
        AccumulatorKind::MinI64 => "MinI64",
        AccumulatorKind::MaxI64 => "MaxI64",
        AccumulatorKind::MinI128 => "MinI128",
        AccumulatorKind::MaxI128 => "MaxI128",
    }
}

fn state_type(kind: AccumulatorKind) -> CType {
    match kind {
        AccumulatorKind::SumI128 | AccumulatorKind::MinI128 | AccumulatorKind::MaxI128 => CType::I128,
        AccumulatorKind::SumF64 => CType::F64,
        AccumulatorKind::SumI64 | AccumulatorKind::MinI64 | AccumulatorKind::MaxI64 => CType::I64,
    }
}
