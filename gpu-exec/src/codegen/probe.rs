//! Probes: a row's key is looked up in a build, and the row goes on by what it finds.
//!
//! A row without a match leaves its block by `break`. Where that is not its end (semi, anti, mark and outer matching), the
//! look-up stands in a block of its own, and `found` says behind it how it went. Not here: how keys are packed (`keys.rs`).

use super::Argument;
use super::arguments::BuildPart;
use super::body::Body;
use super::printed::Printed;
use crate::ir::{KeyRows, KeyTable, Matching, Probe};

impl Body<'_> {
    /// What a row does at a probe: it goes on with `match{n}` defined, or ends. Where rows multiply, this closes the stage of
    /// the row and opens a loop over the matches, which every lane of the warp runs as long as one lane has a match left.
    pub(super) fn probe(&mut self, probe: &Probe) {
        let number = self.probes;
        self.probes += 1;
        self.in_probed_part(probe);
        if probe.rows != KeyRows::Untold {
            self.w.declare("u32", &format!("match{number}"));
        }
        match (probe.matching, probe.rows) {
            (Matching::Inner, KeyRows::Several) => self.each_match(probe, number),
            (Matching::Inner, KeyRows::One | KeyRows::Untold) => self.only_match(probe, number),
            (Matching::Semi | Matching::Anti, _) => {
                self.look_for_match(probe, number);
                let ends = if probe.matching == Matching::Semi { "!" } else { "" };
                self.w.line(format!("if ({ends}found{number}) break;"));
            }
            (Matching::Mark, _) => self.look_for_match(probe, number),
            (Matching::Outer, KeyRows::Several) => self.each_match_or_none(probe, number),
            (Matching::Outer, KeyRows::One | KeyRows::Untold) => {
                self.look_for_match(probe, number);
                self.w.line(format!("if (!found{number}) match{number} = kNoRow;"));
            }
        }
    }

    fn only_match(&mut self, probe: &Probe, number: usize) {
        let slot = self.look_up(probe);
        let rows = self.w.argument(Argument::Build(probe.build, BuildPart::Rows));
        self.w.line(format!("match{number} = m_ldg({rows} + {slot});"));
        self.w.line(format!("if (match{number} == kNoRow) break;"));
    }

    fn each_match(&mut self, probe: &Probe, number: usize) {
        let slot = self.look_up(probe);
        self.w.declare("u32", &format!("it{number}"));
        self.w.declare("u32", &format!("end{number}"));
        self.run(probe, number, &slot);
        self.open_matches(number);
        let permutation = self.w.argument(Argument::Build(probe.build, BuildPart::Permutation));
        self.w.line(format!("match{number} = m_ldg({permutation} + it{number});"));
    }

    /// One turn of the loop more than there are matches: the last is the row's own, where none before was a match.
    fn each_match_or_none(&mut self, probe: &Probe, number: usize) {
        for name in ["it", "end"] {
            self.w.declare("u32", &format!("{name}{number}"));
        }
        self.w.declare("bool", &format!("found{number}"));
        self.w.line(format!("it{number} = 0; end{number} = 0; found{number} = false;"));
        self.w.open("do {");
        self.conditional(|body| {
            let slot = body.look_up(probe);
            body.run(probe, number, &slot);
        });
        self.w.close("} while (0);");
        self.w.line(format!("end{number}++;"));
        self.open_matches(number);
        let permutation = self.w.argument(Argument::Build(probe.build, BuildPart::Permutation));
        self.w.line(format!(
            "match{number} = it{number} + 1 < end{number} ? m_ldg({permutation} + it{number}) : kNoRow;"
        ));
        self.w.open(format!("if (match{number} == kNoRow) {{"));
        self.w.line(format!("if (found{number}) break;"));
        self.w.close("} else {");
        self.w.enter();
        self.conditional(|body| body.residual(probe));
        self.w.line(format!("found{number} = true;"));
        self.w.close("}");
    }

    /// Defines `found{n}`: whether the row has a match; and `match{n}`, where the build has rows.
    fn look_for_match(&mut self, probe: &Probe, number: usize) {
        self.w.declare("bool", &format!("found{number}"));
        self.w.line(format!("found{number} = false;"));
        self.w.open("do {");
        self.conditional(|body| {
            let slot = body.look_up(probe);
            match probe.rows {
                KeyRows::Untold => {
                    if probe.table == KeyTable::Direct {
                        let rows = body.w.argument(Argument::Build(probe.build, BuildPart::Rows));
                        body.w.line(format!("if (m_ldg({rows} + {slot}) == kNoRow) break;"));
                    }
                    body.w.line(format!("found{number} = true;"));
                }
                KeyRows::One => {
                    let rows = body.w.argument(Argument::Build(probe.build, BuildPart::Rows));
                    body.w.line(format!("match{number} = m_ldg({rows} + {slot});"));
                    body.w.line(format!("if (match{number} == kNoRow) break;"));
                    body.residual(probe);
                    body.w.line(format!("found{number} = true;"));
                }
                KeyRows::Several => body.first_match(probe, number, &slot),
            }
        });
        self.w.close("} while (0);");
    }

    /// Walks a run until a row of it is a match.
    fn first_match(&mut self, probe: &Probe, number: usize, slot: &str) {
        let offsets = self.w.argument(Argument::Build(probe.build, BuildPart::Offsets));
        let permutation = self.w.argument(Argument::Build(probe.build, BuildPart::Permutation));
        let (at, end) = (self.w.temporary(), self.w.temporary());
        self.w.line(format!("u32 {at} = m_ldg({offsets} + {slot}); const u32 {end} = m_ldg({offsets} + {slot} + 1);"));
        self.w.open(format!("for (; {at} < {end} && !found{number}; {at}++) {{"));
        self.w.line(format!("match{number} = m_ldg({permutation} + {at});"));
        self.w.open("do {");
        self.conditional(|body| body.residual(probe));
        self.w.line(format!("found{number} = true;"));
        self.w.close("} while (0);");
        self.w.close("}");
    }

    fn residual(&mut self, probe: &Probe) {
        if let Some(residual) = &probe.residual {
            self.filter(residual);
        }
    }

    /// The run of a slot, as `it{n}` and `end{n}`.
    fn run(&mut self, probe: &Probe, number: usize, slot: &str) {
        let offsets = self.w.argument(Argument::Build(probe.build, BuildPart::Offsets));
        self.w.line(format!("it{number} = m_ldg({offsets} + {slot}); end{number} = m_ldg({offsets} + {slot} + 1);"));
    }

    fn open_matches(&mut self, number: usize) {
        self.w.close("} while (0);");
        self.w.open(format!("while (m_any(it{number} < end{number})) {{"));
        self.open_loops.push(number);
        self.w.line("live = false;");
        self.w.open("do {");
        self.w.line(format!("if (!(it{number} < end{number})) break;"));
    }

    /// The slot of a row's key; a row whose key has none leaves the block.
    fn look_up(&mut self, probe: &Probe) -> String {
        if self.any_fails(&probe.keys) {
            // Without a row to compare with, no key is computed.
            let count = self.w.argument(Argument::Build(probe.build, BuildPart::Count));
            self.w.line(format!("if (*{count} == 0) break;"));
        }
        if probe.build_can_fail {
            let error = self.w.argument(Argument::Build(probe.build, BuildPart::KeyError));
            self.w.line(format!("if (*{error} != 0) report_error({}, *{error}, number);", self.error));
        }
        let parts = self.valid_parts(&probe.keys);
        self.probe_slot(probe, &parts)
    }

    fn probe_slot(&mut self, probe: &Probe, parts: &[Printed]) -> String {
        let field = |body: &mut Self, part| body.w.argument(Argument::Build(probe.build, part));
        let found = match probe.table {
            KeyTable::Direct | KeyTable::Hash => {
                let base = |part| Argument::Build(probe.build, BuildPart::KeyBase(part));
                let domain = |part| Argument::Build(probe.build, BuildPart::KeyDomain(part));
                let key = self.packed(parts, base, domain, true);
                if probe.table == KeyTable::Direct {
                    return key;
                }
                let (keys, mask) = (field(self, BuildPart::Keys), field(self, BuildPart::Mask));
                format!("slot_find({keys}, {mask}, {key})")
            }
            KeyTable::Wide => {
                let key = self.key_words(parts, &[]);
                let (states, keys, mask) =
                    (field(self, BuildPart::States), field(self, BuildPart::Keys), field(self, BuildPart::Mask));
                format!("slot_find_wide({states}, {keys}, {mask}, {key})")
            }
        };
        let slot = self.w.temporary();
        self.w.line(format!("const u64 {slot} = {found};"));
        self.w.line(format!("if ({slot} == kEmptyKey) break;"));
        slot
    }
}
