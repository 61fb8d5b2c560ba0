//! Joins: which side builds, how keys find their slot.
//!
//! The build is the side proven unique (the smaller one where both are, the host's choice where neither is); of a semi,
//! anti or outer join it is the side whose unmatched rows nobody wants, so that each kept row asks for itself. Dense
//! integer keys address an array directly and are never hashed; other keys are packed into one word where their
//! ranges allow, else kept as several. Without keys (cross joins, conditions that are no equality) the table has one slot, whose
//! run is the whole build. What keys are is in `join_keys.rs`.

use super::BuildPlan;
use super::branches::{Branches, alike};
use super::cut::PipelineBuilder;
use super::join_keys::{BranchKeys, resolve_keys};
use super::scope::{Column, OpenPipeline};
use crate::codegen::any_can_fail;
use crate::error::{Error, Result};
use crate::ir::{
    Bounds, BuildId, BuildSink, Expr, ExprKind, JoinColumn, JoinKind, JoinSide, KeyRows, KeyTable, Matching, Origin,
    PayloadShape, Probe, Register, Repr, Sink, Step, Type, Value,
};

/// Slots of a direct-address table for each row it may hold: sparser keys are hashed.
const DIRECT_SLOTS_PER_ROW: u64 = 8;
/// A table this small is addressed directly however sparse it is.
const DIRECT_SLOTS_FREE: u64 = 1 << 16;
/// Matches that a row is guessed to have where it may have several.
const MATCHES_A_ROW: u64 = 2;

/// The parts of a join node.
pub(super) struct JoinParts<'a> {
    pub(super) kind: JoinKind,
    pub(super) on: &'a [(Expr, Expr)],
    /// NULL keys match NULL keys.
    pub(super) nulls_equal: bool,
    pub(super) residual: Option<&'a Expr>,
    pub(super) output: &'a [JoinColumn],
}

impl JoinParts<'_> {
    fn matching(&self) -> Matching {
        match self.kind {
            JoinKind::Inner => Matching::Inner,
            JoinKind::Semi { .. } => Matching::Semi,
            JoinKind::Anti { .. } | JoinKind::NotIn { .. } => Matching::Anti,
            // A full join is another that keeps rows of one side, and what that has not (`full_join.rs`).
            JoinKind::Outer { .. } | JoinKind::Full => Matching::Outer,
            JoinKind::Mark { .. } => Matching::Mark,
        }
    }

    /// A column among the keys of a side of which no two rows have the same value.
    fn unique_key(&self, side: &Branches, which: JoinSide) -> Option<usize> {
        // Each branch of several may have the value.
        let open = side.only()?;
        self.on.iter().find_map(|(left, right)| {
            let expr = if which == JoinSide::Left { left } else { right };
            let ExprKind::Column(index) = expr.kind else { return None };
            let column = open.columns.get(index).filter(|column| column.unique)?;
            // NULLs may be many.
            let tells = !self.nulls_equal || !open.registers[column.register].nullable;
            tells.then_some(index)
        })
    }

    pub(super) fn choose_build_side(&self, left: &Branches, right: &Branches) -> JoinSide {
        let is_smaller = right.rows().rows() < left.rows().rows();
        if self.on.is_empty() {
            return if is_smaller { JoinSide::Right } else { JoinSide::Left };
        }
        let is_unique = |side, which| self.unique_key(side, which).is_some();
        match (is_unique(left, JoinSide::Left), is_unique(right, JoinSide::Right)) {
            (true, true) if is_smaller => JoinSide::Right,
            (false, true) => JoinSide::Right,
            _ => JoinSide::Left,
        }
    }

    /// How many rows of a key anybody asks for.
    fn rows_of_key(&self, is_unique: bool) -> KeyRows {
        match self.kind {
            JoinKind::Semi { .. } | JoinKind::Anti { .. } | JoinKind::NotIn { .. } | JoinKind::Mark { .. }
                if self.residual.is_none() =>
            {
                KeyRows::Untold
            }
            _ if is_unique => KeyRows::One,
            _ => KeyRows::Several,
        }
    }
}

/// The two sides of a join, by what they do.
struct Sides {
    build: Branches,
    probe: Branches,
    /// Which of the join's sides builds.
    building: JoinSide,
}

/// A build that probes can look into.
struct Built {
    id: BuildId,
    building: JoinSide,
    table: KeyTable,
    rows: KeyRows,
    can_fail: bool,
    /// What it keeps of its columns, and their form; nothing where only keys are kept.
    columns: Vec<Column>,
    registers: Vec<Register>,
    payload: Vec<PayloadShape>,
}

impl PipelineBuilder<'_> {
    pub(super) fn join(&mut self, left: Branches, right: Branches, parts: &JoinParts<'_>) -> Result<Branches> {
        let building = match parts.kind.kept() {
            None => parts.choose_build_side(&left, &right),
            Some(kept) => kept.other(),
        };
        let (build, probe) = match building {
            JoinSide::Left => (left, right),
            JoinSide::Right => (right, left),
        };
        let (built, mut probe, keys) = self.build(Sides { build, probe, building }, parts)?;
        let is_only = probe.only().is_some();
        let mut keys = keys.into_iter();
        probe.each(|open| {
            let keys = keys.next().ok_or_else(|| Error::internal("a probe without keys"))?;
            self.look_up(&built, keys, open, parts, is_only)
        })?;
        Ok(probe)
    }

    /// The probe of one branch, and what comes out of it.
    fn look_up(
        &mut self,
        built: &Built,
        keys: Vec<Value>,
        probe: &mut OpenPipeline,
        parts: &JoinParts<'_>,
        is_only: bool,
    ) -> Result<()> {
        let number = probe.probes.len();
        let mut step = built.probe(keys, parts);
        let (matching, multiplies) = (step.matching, step.multiplies());
        let from_build: Vec<Column> = built
            .columns
            .iter()
            .zip(&built.registers)
            .enumerate()
            .map(|(column, (known, register))| {
                let origin = Origin::Payload { probe: number, column };
                let register = probe.add_register(Register { origin, ..register.clone() });
                Column { register, unique: false, ..known.clone() }
            })
            .collect();
        probe.probes.push(built.id);
        if !matches!(matching, Matching::Outer | Matching::Mark) {
            probe.rows = probe.rows.or_fewer();
        }
        if matching == Matching::Inner && !parts.nulls_equal && is_only {
            self.note_probe_keys(built, number, parts.on, probe);
        }
        if multiplies {
            probe.rows = probe.rows.multiplied(MATCHES_A_ROW);
            probe.columns.iter_mut().for_each(|column| column.unique = false);
        }
        let from_probe = std::mem::take(&mut probe.columns);
        let (left, right) = match built.building {
            JoinSide::Left => (from_build, from_probe),
            JoinSide::Right => (from_probe, from_build),
        };
        probe.columns = left.iter().chain(&right).cloned().collect();
        let residual = parts.residual.map(|residual| probe.resolve_value(residual)).transpose()?;
        match matching {
            Matching::Inner => {
                probe.steps.push(Step::Probe(step));
                residual.into_iter().for_each(|residual| probe.filter(residual));
            }
            Matching::Semi | Matching::Anti | Matching::Outer | Matching::Mark => {
                step.residual = residual;
                probe.steps.push(Step::Probe(step));
            }
        }
        let mark = (matching == Matching::Mark).then(|| probe.mark(number));
        let column = |column: &JoinColumn| match column {
            JoinColumn::Of { side: JoinSide::Left, index } => left.get(*index).cloned(),
            JoinColumn::Of { side: JoinSide::Right, index } => right.get(*index).cloned(),
            JoinColumn::Mark => mark.clone(),
        };
        let columns: Option<_> = parts.output.iter().map(column).collect();
        probe.columns = columns.ok_or_else(|| Error::internal("a join puts out a column that it does not have"))?;
        Ok(())
    }

    /// Ends the building side's pipelines; the other side is given back, with the keys that each of its branches looks for.
    fn build(&mut self, sides: Sides, parts: &JoinParts<'_>) -> Result<(Built, Branches, BranchKeys)> {
        let Sides { mut build, mut probe, building } = sides;
        let unique = parts.unique_key(&build, building);
        let rows = parts.rows_of_key(unique.is_some() || build.rows().is_one_at_most());
        if let (KeyRows::One, Some(column), Some(open)) = (rows, unique, build.only()) {
            self.distinct.extend(open.table_column(column));
        }
        let (build_keys, probe_keys) = resolve_keys((&mut build, building), &mut probe, parts)?;
        let plan = self.size_build(&build, &build_keys[0], rows);
        let (id, table) = (BuildId(self.builds.len()), plan.table);

        // Every column of the build side that anyone may ask for later; unused payload is pruned when the stage closes.
        let first = build.first();
        let columns = if rows == KeyRows::Untold { vec![] } else { first.columns.clone() };
        let outer = parts.matching() == Matching::Outer;
        let register = |column: &Column| {
            let known = &first.registers[column.register];
            Register { nullable: known.nullable || outer, ..known.clone() }
        };
        let registers = columns.iter().map(register).collect();
        let mut can_fail = false;
        let mut forms = Vec::with_capacity(build_keys.len());
        for (open, keys) in build.into_vec().into_iter().zip(build_keys) {
            let kept = if rows == KeyRows::Untold { &[][..] } else { &open.columns };
            let payload = |column: &Column| {
                let value = open.read(column.register);
                let shape = PayloadShape::narrow(&value);
                (value, shape)
            };
            let payload: Vec<(Value, PayloadShape)> = kept.iter().map(payload).collect();
            can_fail |= any_can_fail(&open.registers, &keys);
            let key_forms: Vec<_> = keys.iter().map(|key| (key.repr, key.nullable, key.bounds)).collect();
            forms.push((key_forms, payload.iter().map(|(_, shape)| *shape).collect::<Vec<_>>()));
            let sink = BuildSink { build: id, table, keys, payload, rows, parted: false };
            self.close(open, Sink::Build(sink), None, Some(id));
        }
        let (_, payload) = alike(forms)?;
        self.builds.push(BuildPlan { payload: payload.clone(), ..plan });
        Ok((Built { id, building, table, rows, can_fail, columns, registers, payload }, probe, probe_keys))
    }

    fn size_build(&self, build: &Branches, keys: &[Value], rows_of_key: KeyRows) -> BuildPlan {
        let ranges: Vec<(i128, i128)> = keys.iter().map(|key| build.first().range(key)).collect();
        let sized = packed_domains(&ranges);
        let wide = keys.iter().any(|key| !key.bounds.fits_signed(64));
        let all = build.rows();
        let rows = all.rows().max(1);
        let hash_slots = (rows * 2).next_power_of_two().max(64);
        let (table, slots, bases, domains) = match sized {
            Some((bases, domains, product)) if !wide && product <= self.direct_limit(rows) => {
                (KeyTable::Direct, product.max(1), bases, domains)
            }
            Some((bases, domains, _)) if !wide => (KeyTable::Hash, hash_slots, bases, domains),
            _ => (KeyTable::Wide, hash_slots, vec![], vec![]),
        };
        let shapes: Vec<(Repr, Bounds)> = keys.iter().map(|key| (key.repr, key.bounds)).collect();
        BuildPlan {
            table,
            rows_of_key,
            bases,
            domains,
            words: if table == KeyTable::Wide { crate::codegen::wide_words(&shapes, false) } else { 1 },
            slots,
            rows: all.rows(),
            rows_estimated: all.is_guess(),
            payload: vec![],
            dimension: None,
        }
    }

    fn direct_limit(&self, rows: u64) -> u64 {
        (rows.saturating_mul(DIRECT_SLOTS_PER_ROW).max(DIRECT_SLOTS_FREE)).min(self.limits.direct_bytes() / 4)
    }

    /// Remembers which columns equal the key of a unique build: a group-by on them can use the build's rows.
    fn note_probe_keys(&mut self, built: &Built, probe: usize, on: &[(Expr, Expr)], open: &OpenPipeline) {
        let mut equal = Vec::new();
        for (left, right) in on {
            let (build_expr, probe_expr) = match built.building {
                JoinSide::Left => (left, right),
                JoinSide::Right => (right, left),
            };
            if let (ExprKind::Column(in_build), ExprKind::Column(in_probe)) = (&build_expr.kind, &probe_expr.kind)
                && build_expr.ty != Type::Text
                // What is compared is not what is put out: zeros have two signs.
                && !build_expr.ty.is_float()
                && *in_build < built.columns.len()
            {
                equal.push((open.columns[*in_probe].register, *in_build));
            }
        }
        if equal.len() == on.len() {
            self.unique_probes.push(super::groups::UniqueProbe { build: built.id, probe, equal });
        }
    }
}

impl Built {
    /// The step that looks for these keys.
    fn probe(&self, keys: Vec<Value>, parts: &JoinParts<'_>) -> Probe {
        Probe {
            build: self.id,
            table: self.table,
            keys,
            rows: self.rows,
            matching: parts.matching(),
            residual: None,
            payload: self.payload.clone(),
            build_can_fail: self.can_fail,
            parted: false,
        }
    }
}

/// Bases, domains and the number of packed keys, where that stays below 2^63.
pub(super) fn packed_domains(ranges: &[(i128, i128)]) -> Option<(Vec<i64>, Vec<u64>, u64)> {
    let mut product = 1_u64;
    let (mut bases, mut domains) = (Vec::new(), Vec::new());
    for (min, max) in ranges {
        let domain = u64::try_from(max.checked_sub(*min)?.checked_add(1)?.max(1)).ok()?;
        product = product.checked_mul(domain).filter(|product| *product < 1 << 63)?;
        bases.push(i64::try_from(*min).ok()?);
        domains.push(domain);
    }
    Some((bases, domains, product))
}
