//! Writing rows out: a stage puts them out as the last stage does, and they go to the host as they are.

use std::ops::Range;

use super::batch::{columns_of, row_bytes};
use crate::column::TILE_ROWS;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::ir::PayloadShape;
use crate::operators::emit::Emitted;
use crate::operators::needs::{State, filling};
use crate::operators::passes::{Flow, Reader};
use crate::operators::run::{ATTEMPTS_MAX, Run};
use crate::operators::status::Verdict;
use crate::strategy::{RowsReading, Stage};

/// What rows on their way out take of the device, at about.
const OUT_SHARE: u64 = 16;
/// The same of rows for a window, which need not go out at all.
const WINDOW_OUT_SHARE: u64 = 8;

impl Run<'_> {
    /// Writes out the rows of one pass of a stage, as rows `rows` of the plan.
    pub(in crate::operators) fn write_out(
        &mut self,
        number: usize,
        stage: &Stage,
        rows: usize,
        reader: &mut dyn Reader,
    ) -> Result<Flow> {
        let shapes = self.plan.rows[rows].columns.clone();
        let tile_bytes = (TILE_ROWS * row_bytes(&shapes).max(1)) as u64;
        let share = if self.plan.rows[rows].dimension().is_some() { OUT_SHARE } else { WINDOW_OUT_SHARE };
        let fitting = (self.handle.memory().budget_bytes / share / tile_bytes).max(1);
        let mut at_once = fitting.min(self.tiles_at_once(stage));
        // Waves take what there is: what a tile may put out is set aside.
        let spare = if self.comes_in_waves(number) { Some(self.out(&shapes, TILE_ROWS as u64)?) } else { None };
        let mut own = None;
        while self.advance(number, stage)? {
            reader.hears(&self.reports);
            let mut tiles = 0..self.tiles(stage);
            while !tiles.is_empty() {
                if !reader.wants() {
                    return Ok(Flow::Stop);
                }
                let some = tiles.start..tiles.end.min(tiles.start + at_once);
                match self.write_some(number, stage, (rows, &shapes), &some, own) {
                    Ok(()) => tiles.start = some.end,
                    Err(Error::Device(DeviceError::OutOfMemory { .. })) if at_once > 1 => at_once /= 2,
                    Err(Error::Device(DeviceError::OutOfMemory { .. })) if own.is_none() && spare.is_some() => {
                        own = spare.as_ref();
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Flow::Done)
    }

    /// Whether rows for a window are all that there are, and need not go to the host and back.
    fn all_stay(&self, number: usize, stage: &Stage, rows: usize, tiles: &Range<u64>) -> bool {
        let is_all = tiles.start == 0 && tiles.end == self.tiles(stage) && !self.comes_in_waves(number);
        let is_window = matches!(self.plan.rows[rows].reading, RowsReading::Windows(_));
        is_window && is_all && !self.plan.parts && filling(&self.plan, State::Rows(rows)).nth(1).is_none()
    }

    /// Arrays for so many rows on their way out.
    fn out(&self, shapes: &[PayloadShape], rows: u64) -> Result<Emitted> {
        Emitted::of_shapes(self.handle, shapes.iter().map(|shape| (*shape, false)), self.status.bytes(), rows)
    }

    /// Into `own` arrays, where their room is enough, or new ones.
    fn write_some(
        &mut self,
        number: usize,
        stage: &Stage,
        (rows, shapes): (usize, &[PayloadShape]),
        tiles: &Range<u64>,
        own: Option<&Emitted>,
    ) -> Result<()> {
        let stays = self.all_stay(number, stage, rows, tiles);
        let mut capacity = ((tiles.end - tiles.start) * TILE_ROWS as u64).min(self.rows_in(stage)).max(1);
        for _ in 0..ATTEMPTS_MAX {
            let own = own.filter(|own| own.capacity() >= capacity);
            let made = if own.is_none() { Some(self.out(shapes, capacity)?) } else { None };
            let Some(emitted) = own.or(made.as_ref()) else { return Err(Error::internal("rows without arrays")) };
            self.status.clear_emitted(&self.stream)?;
            let before = self.stream.time_mark()?;
            self.launch(number, stage, (tiles.start, tiles.end), Some(emitted))?;
            self.mark(number, before)?;
            self.status.copy_to(&self.stream, emitted.head())?;
            let (reported, taken) = emitted.take(&self.stream, 0)?;
            let state = self.states.rows[rows].as_mut();
            let state = state.ok_or_else(|| Error::internal("rows were written to nowhere"))?;
            if reported.verdict()? == Verdict::Grow {
                return Err(Error::internal("a table overflowed that is only read"));
            }
            let found = reported.rows_emitted();
            if found > capacity {
                capacity = found;
                continue;
            }
            // A table that arrives comes piece by piece.
            state.leave_device(&self.stream)?;
            if stays
                && state.written().rows == 0
                && let Some(made) = made
            {
                state.stayed = Some((made, found));
                return Ok(());
            }
            let found = 0..found as usize;
            let taken = if found.end <= taken.len() {
                taken.slice(&found)
            } else {
                emitted.rows(&self.stream, found.clone())?
            };
            return state.store.add(&columns_of(&taken, shapes.len()), found.end);
        }
        Err(Error::internal("rows were written too often for want of room"))
    }
}
