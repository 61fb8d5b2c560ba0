//! Values computed from a text itself: calls of `text.cuh`.

use super::Argument;
use super::body::Body;
use super::printed::{CType, Printed};
use crate::ir::{CompareOp, Origin, Pipeline, Register, Sink, Step, TextTestKind, TextUnit, Value, ValueKind};

impl Body<'_> {
    pub(super) fn text_test(&mut self, text: &Value, test: TextTestKind, table: usize) -> Printed {
        let text = self.print(text);
        let table = self.w.argument(Argument::Lookup(table));
        let call = |function: &str| format!("{function}({}, {table})", text.code);
        let printed = match test {
            TextTestKind::Like => call("text_like"),
            TextTestKind::OneOf => call("text_one_of"),
            TextTestKind::Compare(CompareOp::Equal | CompareOp::NotDistinct) => call("text_equals"),
            TextTestKind::Compare(CompareOp::NotEqual | CompareOp::Distinct) => format!("!{}", call("text_equals")),
            TextTestKind::Compare(CompareOp::Less) => format!("({} < 0)", call("text_compare")),
            TextTestKind::Compare(CompareOp::LessOrEqual) => format!("({} <= 0)", call("text_compare")),
            TextTestKind::Compare(CompareOp::Greater) => format!("({} > 0)", call("text_compare")),
            TextTestKind::Compare(CompareOp::GreaterOrEqual) => format!("({} >= 0)", call("text_compare")),
        };
        Printed::new(printed, text.valid, CType::Bool)
    }

    pub(super) fn text_length(&mut self, text: &Value, unit: TextUnit) -> Printed {
        let text = self.print(text);
        let function = match unit {
            TextUnit::Bytes => "text_bytes",
            TextUnit::Characters => "text_characters",
        };
        Printed::new(format!("{function}({})", text.code), text.valid, CType::I32)
    }
}

/// Whether a value reads a text, itself or through a computed register.
pub(crate) fn reads_text(registers: &[Register], value: &Value) -> bool {
    let here = match &value.kind {
        ValueKind::TextTest { .. } | ValueKind::TextLength { .. } => true,
        ValueKind::Register(register) => match &registers[*register].origin {
            Origin::Computed(computed) => reads_text(registers, computed),
            _ => false,
        },
        _ => false,
    };
    here || value.children().into_iter().any(|child| reads_text(registers, child))
}

/// Whether anything that a pipeline computes reads a text. Neighbouring texts are then best read by neighbouring lanes.
pub(super) fn pipeline_reads_text(pipeline: &Pipeline) -> bool {
    let reads = |value: &Value| reads_text(&pipeline.registers, value);
    let steps = pipeline.steps.iter().any(|step| match step {
        Step::Filter(predicate) => reads(predicate),
        Step::Probe(probe) => probe.values().any(reads),
    });
    steps
        || match &pipeline.sink {
            Sink::Build(build) => build.keys.iter().any(reads) || build.payload.iter().any(|(value, _)| reads(value)),
            Sink::Aggregate { keys, accumulators, .. } => {
                let of_calls = accumulators.iter().flat_map(|call| call.value.iter().chain(&call.filter));
                keys.iter().chain(of_calls).any(reads)
            }
            Sink::Emit { columns } => columns.iter().any(|column| reads(&column.value)),
        }
}
