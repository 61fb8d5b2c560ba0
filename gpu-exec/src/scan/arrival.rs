//! A table whose segments are handed on while others are still being read.
//!
//! Its shape is expected: of footers' claims, and of dictionaries that were read ahead of their rows. Every segment is held
//! against it before anybody gets it, value facts against claims, so nothing is ever computed over what was not expected. Where
//! one differs the whole arrival has missed: its load goes on, and who reads begins anew once all of it is there. Segments
//! come in the order of their rows. Not here: what is expected (`expect.rs`), who reads (`exec/arriving.rs`).

use std::sync::{Arc, OnceLock};

use parking_lot::{Condvar, Mutex};

use super::LoadStats;
use super::column::Column;
use super::expect::{Expected, shares_dictionary};
use super::piece::Piece;
use super::words::Known;
use crate::column::{ChunkFacts, ColumnMeta, DeviceTable, Segment, Stored, TableShape};
use crate::ir::IntWidth;

/// Rows that are worth a launch: this part of all, where there are more to come.
const WAVES: u64 = 8;

/// It was not what was expected, or the load has failed: whoever waits for the load knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsettled;

/// See the module.
#[derive(Debug)]
pub struct Arrival {
    expected: Expected,
    /// Of the table, once the words of its texts are known.
    shape: OnceLock<TableShape>,
    state: Mutex<State>,
    changed: Condvar,
    /// Of its scan.
    stats: Arc<Mutex<LoadStats>>,
}

#[derive(Debug)]
struct State {
    /// One a run.
    segments: Vec<Option<Segment>>,
    /// Columns that were expected to hold no value twice, and do.
    repeats: Vec<bool>,
    ended: Option<Result<DeviceTable, Unsettled>>,
}

impl Arrival {
    pub(crate) fn new(expected: Expected, stats: &Arc<Mutex<LoadStats>>) -> Self {
        let (runs, repeats) = (expected.rows.len(), vec![false; expected.places.len()]);
        let state = State { segments: vec![None; runs], repeats, ended: None };
        let (shape, changed) = (OnceLock::new(), Condvar::new());
        Self { expected, shape, state: Mutex::new(state), changed, stats: Arc::clone(stats) }
    }

    /// What all of its segments are held against, once that is decided.
    pub fn shape(&self) -> Option<&TableShape> {
        self.shape.get()
    }

    pub(crate) fn expect(&self, shape: TableShape) {
        self.shape.get_or_init(|| shape);
    }

    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Whether a run was handed on.
    pub(crate) fn has(&self, run: usize) -> bool {
        self.state.lock().segments[run].is_some()
    }

    /// Hands a run on, with the columns of the load, if it is what was expected.
    pub(crate) fn hand_on(&self, run: usize, columns: &[(&Column, &Piece)]) {
        let mut repeats = vec![];
        for (at, (column, piece)) in columns.iter().enumerate() {
            let (whole, claims) = (&self.expected.columns[at], &self.expected.claims[at][run]);
            if !is_stored_so(column, piece, whole) || !holds(column, claims, piece.chunks()) {
                return self.miss();
            }
            if whole.facts.unique && !piece.chunks().iter().all(|facts| facts.ascending || facts.range.is_none()) {
                repeats.push(at);
            }
        }
        let columns = self.expected.places.iter().map(|place| columns[*place].1.column.clone()).collect();
        let mut state = self.state.lock();
        for (repeated, place) in state.repeats.iter_mut().zip(&self.expected.places) {
            *repeated |= repeats.contains(place);
        }
        state.segments[run] = Some(Segment { rows: self.expected.rows[run], columns });
        self.changed.notify_all();
    }

    /// It is not what was expected.
    pub(crate) fn miss(&self) {
        self.stats.lock().shape_misses = 1;
        self.end(Err(Unsettled));
    }

    /// The load is over; the first who says so is right.
    pub(crate) fn end(&self, ended: Result<DeviceTable, Unsettled>) {
        self.state.lock().ended.get_or_insert(ended);
        self.changed.notify_all();
    }

    /// All of it, where nothing has gone otherwise than expected. What was expected to hold no value twice, and does, is said
    /// to: nobody has relied on it.
    pub(crate) fn table(&self) -> Option<DeviceTable> {
        let state = self.state.lock();
        let segments = state.segments.iter().cloned().collect::<Option<Vec<_>>>()?;
        let mut shape = self.shape.get().filter(|_| state.ended.is_none())?.clone();
        for (column, repeats) in shape.columns.iter_mut().zip(&state.repeats) {
            column.facts.unique &= !repeats;
        }
        Some(DeviceTable::new(shape, segments))
    }

    /// The segments that follow the first `taken`, at least so many rows as are worth a launch; none at the end. Waits for them.
    /// `distinct`: columns that whoever reads relies on to hold no value twice.
    ///
    /// # Errors
    /// The load has failed, or the table is another than was expected.
    pub fn next(&self, taken: usize, distinct: &[usize]) -> Result<Vec<Segment>, Unsettled> {
        let all: u64 = self.expected.rows.iter().sum();
        let mut state = self.state.lock();
        loop {
            if let Some(Err(unsettled)) = state.ended {
                return Err(unsettled);
            }
            if distinct.iter().any(|column| state.repeats[*column]) {
                drop(state);
                self.miss();
                return Err(Unsettled);
            }
            let ready: Vec<&Segment> = state.segments[taken..].iter().map_while(Option::as_ref).collect();
            let rows: u64 = ready.iter().map(|segment| segment.rows).sum();
            if taken + ready.len() == state.segments.len() || rows * WAVES >= all.max(1) {
                return Ok(ready.into_iter().cloned().collect());
            }
            self.changed.wait(&mut state);
        }
    }

    /// All of the table, once the load is over: whatever was read of files is of one state.
    ///
    /// # Errors
    /// As for [`Arrival::next`].
    pub fn whole(&self) -> Result<DeviceTable, Unsettled> {
        let mut state = self.state.lock();
        loop {
            match &state.ended {
                Some(ended) => return ended.clone(),
                None => self.changed.wait(&mut state),
            }
        }
    }
}

/// Whoever loads, and says how that ends.
#[derive(Debug)]
pub(crate) struct Arriving(pub(crate) Arc<Arrival>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.end(Err(Unsettled));
    }
}

/// Whether a piece is stored as its column is to be; what stands under its NULLs is computed with.
fn is_stored_so(column: &Column, piece: &Piece, whole: &ColumnMeta) -> bool {
    match (&piece.stored, &column.words) {
        (Stored::Codes { width, dictionary }, Some(words)) => match &*words.borrow() {
            Known::Words(known) => Arc::ptr_eq(known, dictionary) && *width == IntWidth::for_codes(known.len()),
            Known::Coming | Known::Unknown => false,
        },
        (Stored::Codes { .. }, None) => shares_dictionary(&whole.stored, &piece.stored),
        (Stored::RawText, _) => matches!(whole.stored, Stored::RawText),
        (stored, _) => {
            let filled = whole.facts.range.is_none_or(|(min, max)| (min..=max).contains(&piece.filler));
            stored.layout() == whole.stored.layout() && (stored.layout().is_none() || !piece.is_all_null() || filled)
        }
    }
}

/// Whether values are as was claimed of them: as many NULLs, and no number outside the range.
fn holds(column: &Column, claims: &[ChunkFacts], values: &[ChunkFacts]) -> bool {
    let is_within = |claim: &ChunkFacts, facts: &ChunkFacts| match (claim.range, facts.range) {
        _ if column.layout.is_none() => true,
        (Some((low, high)), Some((min, max))) => low <= min && max <= high,
        (_, None) => true,
        (None, Some(_)) => false,
    };
    let holds = |claim: &ChunkFacts, facts: &ChunkFacts| claim.nulls == facts.nulls && is_within(claim, facts);
    if claims.len() == values.len() {
        return claims.iter().zip(values).all(|(claim, facts)| holds(claim, facts));
    }
    holds(&sum(claims), &sum(values))
}

/// Of all runs of values together; whether they ascend, nobody asks.
fn sum(facts: &[ChunkFacts]) -> ChunkFacts {
    let ranges = facts.iter().filter_map(|facts| facts.range);
    ChunkFacts {
        nulls: facts.iter().map(|facts| facts.nulls).sum(),
        range: ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
        ascending: false,
    }
}
