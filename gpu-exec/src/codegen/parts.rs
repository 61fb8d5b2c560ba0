//! Parts: tables of keys that are held a part at a time, and which part a row's key is of.
//!
//! The part of a key hangs on its values alone, not on how a table packs them, so that tables with the same keys have the
//! same parts: a row that looks into several of them has its turn in all at once.

use super::Argument;
use super::arguments::{BuildPart, GroupPart};
use super::body::Body;
use super::printed::{CType, Printed};
use crate::ir::{BuildId, GroupTable, PARTS_MAX, Probe, Value};

impl Body<'_> {
    /// A row whose group is of another part than the one that is held ends here.
    pub(super) fn in_group_part(&mut self, groups: &GroupTable, keys: &[Value]) {
        let Some(parted_by) = &groups.parted_by else { return };
        let keys: Vec<Value> = parted_by.iter().map(|key| keys[*key].clone()).collect();
        let part = self.part(&keys);
        let mask = self.w.argument(Argument::Group(GroupPart::PartMask));
        let value = self.w.argument(Argument::Group(GroupPart::PartValue));
        self.w.line(format!("if (({part} & {mask}) != {value}) break;"));
    }

    /// Whether a key is of the part of a build that is held.
    pub(super) fn in_build_part(&mut self, build: BuildId, keys: &[Value]) -> String {
        let part = self.part(keys);
        let mask = self.w.argument(Argument::Build(build, BuildPart::PartMask));
        let value = self.w.argument(Argument::Build(build, BuildPart::PartValue));
        format!("(({part} & {mask}) == {value})")
    }

    /// A row looks for its matches, and goes on without any, in the turn of its part alone.
    pub(super) fn in_probed_part(&mut self, probe: &Probe) {
        if probe.parted {
            let in_part = self.in_build_part(probe.build, &probe.keys);
            self.w.line(format!("if (!{in_part}) break;"));
        }
    }

    /// The part of a key, as a value.
    pub(super) fn part_number(&mut self, keys: &[Value]) -> Printed {
        let part = self.part(keys);
        Printed::new(format!("i32({part} & {}ull)", PARTS_MAX - 1), None, CType::I32)
    }

    /// The part of a key, of as many as there may be.
    fn part(&mut self, keys: &[Value]) -> String {
        let parts: Vec<Printed> = keys.iter().map(|key| self.value(key)).collect();
        let mut words = Vec::new();
        for part in &parts {
            // A NULL is as good as any value: all that matters is that it is always the same.
            let known = |code: String| match &part.valid {
                Some(valid) => format!("({valid} ? {code} : 0)"),
                None => code,
            };
            match part.c_type {
                // The same key may be held in 64 bits where it is built, and in 128 where it is looked for.
                CType::I128 => words.push(known(format!("part_word({})", part.code))),
                CType::F32 | CType::F64 => words.push(known(format!("m_bitcast<u64>({})", part.cast(CType::F64)))),
                _ => words.push(known(format!("u64({})", part.cast(CType::I64)))),
            }
        }
        let key = self.w.temporary();
        self.w.line(format!("const u64 {key}[{}] = {{{}}};", words.len(), words.join(", ")));
        format!("part_of({key})")
    }
}
