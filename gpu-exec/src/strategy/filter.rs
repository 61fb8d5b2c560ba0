//! Filters: one step a conjunct, in the order that costs least.

use super::scope::OpenPipeline;
use crate::codegen::reads_text;
use crate::ir::{Origin, Register, Step, Value, ValueKind};

impl OpenPipeline {
    /// Keeps the rows for which the predicate is true: one step a conjunct. What cannot fail goes in front of tests of
    /// texts, which cost most.
    pub(super) fn filter(&mut self, predicate: Value) {
        if let ValueKind::And(left, right) = predicate.kind {
            self.filter(*left);
            self.filter(*right);
            return;
        }
        self.rows = self.rows.or_fewer();
        let tests_text = |value: &Value| reads_text(&self.registers, value);
        let mut place = self.steps.len();
        if !tests_text(&predicate) && never_fails(&self.registers, &predicate) {
            let texts =
                self.steps.iter().rev().take_while(|step| matches!(step, Step::Filter(test) if tests_text(test)));
            place -= texts.count();
        }
        self.steps.insert(place, Step::Filter(predicate));
    }
}

/// Whether a value can be computed for rows that a filter would have kept from it.
fn never_fails(registers: &[Register], value: &Value) -> bool {
    use ValueKind as K;
    let here = match &value.kind {
        K::Register(register) => match &registers[*register].origin {
            Origin::Computed(computed) => never_fails(registers, computed),
            _ => true,
        },
        K::Constant(_) | K::Compare { .. } | K::And(..) | K::Or(..) | K::Not(_) | K::IsNull(_) | K::Lookup { .. } => {
            true
        }
        K::InSet { .. } | K::InTable { .. } | K::TextTest { .. } | K::TextLength { .. } => true,
        _ => false,
    };
    here && value.children().into_iter().all(|child| never_fails(registers, child))
}
