//! Keys: packing the parts of a join or group key into a slot, and unpacking group keys again.
//!
//! A packed key is a mixed-radix number: part `i` contributes `value - base` in `0..domain`, bases and domains being
//! arguments. It stays below 2^63 (strategy sees to it); what does not fit is kept as several words.

use super::Argument;
use super::arguments::{BuildPart, GroupPart};
use super::body::{Body, ROW_ERROR};
use super::failing::can_fail;
use super::printed::{CType, Printed};
use crate::ir::{GroupKind, GroupTable, KeyTable, Register, Repr, Value};

impl Body<'_> {
    /// Prints the key of a build row; rows with a NULL part end here, they can never match.
    pub(super) fn build_key(&mut self, sink: &crate::ir::BuildSink) -> String {
        let can_fail = self.any_fails(&sink.keys);
        if can_fail {
            self.error = self.w.argument(Argument::Build(sink.build, BuildPart::KeyError));
        }
        let parts = self.valid_parts(&sink.keys);
        self.error = ROW_ERROR.into();
        match sink.table {
            KeyTable::Wide => self.key_words(&parts, &[]),
            KeyTable::Direct | KeyTable::Hash => {
                let base = |part| Argument::Build(sink.build, BuildPart::KeyBase(part));
                let domain = |part| Argument::Build(sink.build, BuildPart::KeyDomain(part));
                // A key that failed may be anything, also outside the range of those that did not.
                self.packed(&parts, base, domain, can_fail)
            }
        }
    }

    pub(super) fn any_fails(&self, keys: &[Value]) -> bool {
        keys.iter().any(|key| can_fail(key, &self.failing))
    }

    pub(super) fn valid_parts(&mut self, keys: &[Value]) -> Vec<Printed> {
        // At the type of the value's bounds, which may be wider than the register's: both sides of a join agree on it.
        let widened = |key: &Value, printed: Printed| {
            let c_type = CType::of(key.repr, key.bounds);
            Printed::new(printed.cast(c_type), printed.valid, c_type)
        };
        let parts: Vec<Printed> = keys.iter().map(|key| widened(key, self.value(key))).collect();
        for part in &parts {
            if let Some(valid) = &part.valid {
                self.w.line(format!("if (!{valid}) break;"));
            }
        }
        parts
    }

    pub(super) fn packed(
        &mut self,
        parts: &[Printed],
        base: impl Fn(usize) -> Argument,
        domain: impl Fn(usize) -> Argument,
        bounded: bool,
    ) -> String {
        if parts.is_empty() {
            return "u64(0)".to_owned();
        }
        let key = self.w.temporary();
        for (number, part) in parts.iter().enumerate() {
            let base = self.w.argument(base(number));
            // Unsigned: the difference of two 64-bit values wraps round, and so lies outside the domain.
            let digit = format!("(u64({}) - u64({base}))", part.cast(CType::I64));
            let digit = if bounded {
                // A probed value outside the build's range has no match.
                let (name, domain) = (self.w.temporary(), self.w.argument(domain(number)));
                self.w.line(format!("const u64 {name} = {digit};"));
                self.w.line(format!("if ({name} >= {domain}) break;"));
                name
            } else {
                digit
            };
            if number == 0 {
                self.w.line(format!("u64 {key} = {digit};"));
            } else {
                let domain = self.w.argument(domain(number));
                self.w.line(format!("{key} = {key} * {domain} + {digit};"));
            }
        }
        key
    }

    /// Keys as an array of words. `nullable` lists the parts whose NULLs count as equal (group-by): one more word has their bits.
    pub(super) fn key_words(&mut self, parts: &[Printed], nullable: &[usize]) -> String {
        let mut words = Vec::new();
        for part in parts {
            let masked = |code: String| match &part.valid {
                Some(valid) if !nullable.is_empty() => format!("({valid} ? {code} : 0)"),
                _ => code,
            };
            match part.c_type {
                CType::I128 => {
                    words.push(masked(format!("u64({})", part.code)));
                    words.push(masked(format!("u64({} >> 64)", part.code)));
                }
                CType::F32 | CType::F64 => words.push(masked(format!("m_bitcast<u64>({})", part.cast(CType::F64)))),
                _ => words.push(masked(format!("u64({})", part.cast(CType::I64)))),
            }
        }
        if !nullable.is_empty() {
            let bits: Vec<String> = nullable
                .iter()
                .enumerate()
                .filter_map(|(bit, part)| parts[*part].valid.as_ref().map(|valid| format!("u64(!{valid}) << {bit}")))
                .collect();
            words.push(if bits.is_empty() { "0".into() } else { bits.join(" | ") });
        }
        let key = self.w.temporary();
        self.w.line(format!("const u64 {key}[{}] = {{{}}};", words.len(), words.join(", ")));
        key
    }

    /// The group of a row: a slot of the group table.
    pub(super) fn group_slot(&mut self, groups: &GroupTable, keys: &[Value]) -> String {
        if let GroupKind::BuildRow { probe, .. } = groups.kind {
            return format!("match{probe}");
        }
        self.in_group_part(groups, keys);
        let can_fail = self.any_fails(keys);
        let parts: Vec<Printed> = keys.iter().map(|key| self.value(key)).collect();
        let field = |body: &mut Self, part| body.w.argument(Argument::Group(part));
        let (found, checked) = match groups.kind {
            GroupKind::Wide => {
                let nullable = wide_nullable(groups);
                let key = self.key_words(&parts, &nullable);
                let (states, words, mask) =
                    (field(self, GroupPart::States), field(self, GroupPart::Keys), field(self, GroupPart::Mask));
                (format!("slot_insert_wide({states}, {words}, {mask}, {key}, p.error)"), true)
            }
            GroupKind::Hash => {
                let key = self.packed_group(groups, &parts, can_fail);
                let (words, mask) = (field(self, GroupPart::Keys), field(self, GroupPart::Mask));
                (format!("slot_insert({words}, {mask}, {key}, p.error)"), true)
            }
            GroupKind::Private | GroupKind::Direct | GroupKind::Ungrouped | GroupKind::BuildRow { .. } => {
                (self.packed_group(groups, &parts, can_fail), false)
            }
        };
        if !checked {
            return found;
        }
        let slot = self.w.temporary();
        self.w.line(format!("const u64 {slot} = {found};"));
        self.w.line(format!("if ({slot} == kEmptyKey) {{ report_error(p.error, kErrorCapacity, number); break; }}"));
        slot
    }

    fn packed_group(&mut self, groups: &GroupTable, parts: &[Printed], can_fail: bool) -> String {
        let key = self.w.temporary();
        // The few groups of the private form need half the arithmetic; differences are right modulo 2^32.
        let word = if groups.kind == GroupKind::Private { "u32" } else { "u64" };
        self.w.line(format!("{word} {key} = 0;"));
        for (number, (part, shape)) in parts.iter().zip(&groups.keys).enumerate() {
            let base = self.w.argument(Argument::Group(GroupPart::KeyBase(number)));
            let domain = self.w.argument(Argument::Group(GroupPart::KeyDomain(number)));
            let mut digit = match word {
                "u32" => format!("(u32({}) - u32({base}))", part.code),
                _ => format!("(u64({}) - u64({base}))", part.cast(CType::I64)),
            };
            if let (true, Some(valid)) = (shape.nullable, &part.valid) {
                digit = format!("({valid} ? {digit} : {word}({domain}) - 1)");
            }
            if can_fail {
                // A key that failed may be anything: it has no group.
                let name = self.w.temporary();
                self.w.line(format!("const {word} {name} = {digit};"));
                self.w.line(format!("if ({name} >= {word}({domain})) break;"));
                digit = name;
            }
            self.w.line(format!("{key} = {key} * {word}({domain}) + {digit};"));
        }
        key
    }

    /// Splits the packed key of the current group into its digits `d0, d1, ...`.
    pub(super) fn unpack_group_keys(&mut self, groups: &GroupTable) {
        let packed = match groups.kind {
            GroupKind::Private | GroupKind::Direct => "row".to_string(),
            GroupKind::Hash => format!("{}[row]", self.w.argument(Argument::SourceGroup(GroupPart::Keys))),
            GroupKind::Ungrouped | GroupKind::Wide | GroupKind::BuildRow { .. } => return,
        };
        if groups.keys.is_empty() {
            return;
        }
        self.w.line(format!("u64 packed = {packed};"));
        for number in (0..groups.keys.len()).rev() {
            let domain = self.w.argument(Argument::SourceGroup(GroupPart::KeyDomain(number)));
            // Of the row scope: a join that multiplies rows closes the block this stands in.
            self.w.declare("u64", &format!("d{number}"));
            self.w.line(format!("d{number} = packed % {domain}; packed /= {domain};"));
        }
    }

    /// Key part `part` of the current group.
    pub(super) fn group_key(&mut self, groups: &GroupTable, part: usize, register: &Register) -> Printed {
        let shape = groups.keys[part];
        let c_type = CType::of(register.repr, register.bounds);
        match groups.kind {
            GroupKind::BuildRow { build, .. } => {
                let payload = crate::ir::PayloadShape {
                    repr: shape.repr,
                    width: crate::ir::IntWidth::for_signed(shape.bounds.min, shape.bounds.max),
                    nullable: shape.nullable,
                };
                self.payload(build, shape.payload.unwrap_or(0), payload, "row")
            }
            GroupKind::Wide => self.wide_group_key(groups, part, c_type),
            _ => {
                let base = self.w.argument(Argument::SourceGroup(GroupPart::KeyBase(part)));
                let domain = self.w.argument(Argument::SourceGroup(GroupPart::KeyDomain(part)));
                let valid = shape.nullable.then(|| format!("(d{part} != {domain} - 1)"));
                // Under a NULL stands a value of the key's range: text codes are indexed with.
                let number = match &valid {
                    Some(valid) => format!("({valid} ? i64(d{part} + u64({base})) : {base})"),
                    None => format!("i64(d{part} + u64({base}))"),
                };
                let number = Printed::new(number, None, CType::I64);
                let code = if c_type == CType::Bool { format!("({} != 0)", number.code) } else { number.cast(c_type) };
                Printed::new(code, valid, c_type)
            }
        }
    }

    fn wide_group_key(&mut self, groups: &GroupTable, part: usize, c_type: CType) -> Printed {
        let words_of =
            |shape: &crate::ir::KeyShape| if CType::of(shape.repr, shape.bounds) == CType::I128 { 2 } else { 1 };
        let first: usize = groups.keys[..part].iter().map(words_of).sum();
        let total: usize = groups.keys.iter().map(words_of).sum();
        let keys = self.w.argument(Argument::SourceGroup(GroupPart::Keys));
        let mask = self.w.argument(Argument::SourceGroup(GroupPart::Mask));
        let word = |number: usize| format!("{keys}[{number} * ({mask} + 1) + row]");
        let valid = wide_nullable(groups)
            .iter()
            .position(|nullable| *nullable == part)
            .map(|bit| format!("!({} >> {bit} & 1)", word(total)));
        let code = match c_type {
            CType::I128 => format!("make_i128(i64({}), {})", word(first + 1), word(first)),
            CType::F32 | CType::F64 => format!("{}(m_bitcast<f64>({}))", c_type.name(), word(first)),
            CType::Bool => format!("({} != 0)", word(first)),
            _ => format!("{}({})", c_type.name(), word(first)),
        };
        Printed::new(code, valid, c_type)
    }
}

/// Positions of the keys that can be NULL.
fn wide_nullable(groups: &GroupTable) -> Vec<usize> {
    (0..groups.keys.len()).filter(|part| groups.keys[*part].nullable).collect()
}

/// Words a wide key takes.
pub(crate) fn wide_words(shapes: &[(Repr, crate::ir::Bounds)], nullable: bool) -> usize {
    let words: usize =
        shapes.iter().map(|(repr, bounds)| if CType::of(*repr, *bounds) == CType::I128 { 2 } else { 1 }).sum();
    words + usize::from(nullable)
}
