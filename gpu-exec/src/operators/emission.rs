//! The last stage of a run: the rows that it emits, wave by wave, some tiles at a time. Not here: what becomes of them
//! (`emit.rs`), the stages before it (`passes.rs`).

use std::ops::Range;

use arrow::record_batch::RecordBatch;

use super::emit::Emitted;
use super::passes::{Flow, Reader};
use super::run::{ATTEMPTS_MAX, Run};
use super::status::Verdict;
use crate::column::TILE_ROWS;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::strategy::Stage;

/// Rows an emitting launch covers at most: bounds the memory of results, and how long a dropped query goes on.
const WAVE_ROWS: u64 = 4 << 20;
/// The share of the device that has to be free where rows are put out in waves.
const ROOM_SHARE: u64 = 8;

impl Run<'_> {
    /// Hands over the rows of one pass of the last stage.
    pub(super) fn emit_all(&mut self, number: usize, stage: &Stage, reader: &mut dyn Reader) -> Result<Flow> {
        let wanted = self.plan.fetch.map(|fetch| fetch.saturating_add(self.plan.skip));
        let spare = if self.comes_in_waves(number) { Some(self.room_beside_waves(stage)?) } else { None };
        let is_one_pass = !self.plan.parts && !self.comes_in_waves(number);
        // Nothing reads the wave that goes: rows are counted when launches over it have been waited for.
        while self.advance_anyhow(number, stage, reader)? {
            let mut tiles = 0..self.tiles(stage);
            while !tiles.is_empty() {
                if wanted.is_some_and(|wanted| self.rows_emitted >= wanted) {
                    return Ok(Flow::Stop);
                }
                self.emits = true;
                let batches = self.emit_some(number, stage, &mut tiles, spare.as_ref(), reader)?;
                self.settle()?;
                reader.hears(self.reports());
                if tiles.is_empty() && is_one_pass {
                    self.let_go()?;
                }
                for batch in batches {
                    if !reader.take(batch) {
                        return Ok(Flow::Stop);
                    }
                }
            }
        }
        Ok(Flow::Done)
    }

    /// Refuses waves that would have next to no room before a row has left: afterwards nobody else can do it. Waves take what
    /// there is, so what a tile may put out is set aside.
    fn room_beside_waves(&self, stage: &Stage) -> Result<Emitted> {
        let spare = self.room_for(stage, TILE_ROWS as u64)?;
        let least = self.handle.memory().budget_bytes / ROOM_SHARE;
        drop(self.handle.alloc("room for waves", least as usize)?);
        Ok(spare)
    }

    /// Goes on to the next wave. Once rows have left, that it has no room is not taken for an answer at once.
    fn advance_anyhow(&mut self, number: usize, stage: &Stage, reader: &mut dyn Reader) -> Result<bool> {
        loop {
            match self.advance(number, stage) {
                Err(Error::Device(DeviceError::OutOfMemory { .. }))
                    if self.rows_emitted > 0 && reader.waits_for_room() => {}
                done => return done,
            }
        }
    }

    /// The rows of the next tiles; of fewer where there is no room for what these may put out.
    fn emit_some(
        &mut self,
        number: usize,
        stage: &Stage,
        left: &mut Range<u64>,
        mut spare: Option<&Emitted>,
        reader: &mut dyn Reader,
    ) -> Result<Vec<RecordBatch>> {
        let before = self.rows_emitted;
        let mut tiles = (left.end - left.start).min(WAVE_ROWS / TILE_ROWS as u64);
        let mut room = None;
        loop {
            match self.emit(number, stage, (left.start, left.start + tiles), room) {
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if tiles > 1 => {
                    self.rows_emitted = before;
                    tiles /= 2;
                }
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if spare.is_some() => {
                    self.rows_emitted = before;
                    room = spare.take();
                }
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if before > 0 && reader.waits_for_room() => {
                    self.rows_emitted = before;
                }
                done => {
                    left.start += tiles;
                    return done;
                }
            }
        }
    }

    /// A last stage without a row to read launches nothing, so nobody has asked yet how the others went.
    pub(super) fn end(&mut self) -> Result<()> {
        if !self.emits && self.status.read(&self.stream)? == Verdict::Grow {
            return Err(Error::internal("a table overflowed that was sized by its source"));
        }
        Ok(())
    }

    /// Launches the last stage over some tiles of its wave.
    fn emit(
        &mut self,
        number: usize,
        stage: &Stage,
        tiles: (u64, u64),
        mut room: Option<&Emitted>,
    ) -> Result<Vec<RecordBatch>> {
        let covered = (tiles.1 - tiles.0) * TILE_ROWS as u64;
        let mut rows_at_most = covered.min(self.rows_in(stage));
        let mut own;
        for _ in 0..ATTEMPTS_MAX {
            let emitted = match room.take() {
                Some(room) => room,
                None => {
                    own = self.room_for(stage, rows_at_most)?;
                    &own
                }
            };
            let capacity = emitted.capacity;
            emitted.reset(&self.stream)?;
            let before = self.stream.time_mark()?;
            self.launch(number, stage, tiles, Some(emitted))?;
            let verdict = self.status.read(&self.stream)?;
            self.mark(number, before)?;
            let rows = emitted.rows(&self.stream)?;
            match verdict {
                Verdict::Fine if rows <= capacity => {
                    let rows = self.limited(rows);
                    return self.wanted(emitted, rows);
                }
                Verdict::Fine => rows_at_most = rows,
                Verdict::Grow => return Err(Error::internal("a table overflowed that was sized by its source")),
            }
        }
        Err(Error::internal("a wave was repeated too often for want of room"))
    }

    /// Output arrays for so many rows of a stage's source; for more where a row may have several matches.
    fn room_for(&self, stage: &Stage, rows: u64) -> Result<Emitted> {
        let capacity = rows.max(1) * if stage.rows_out.is_guess() { 2 } else { 1 };
        Emitted::new(self.handle, &self.plan.output, capacity)
    }

    /// These rows, or of them those that may be among the first.
    fn wanted(&self, emitted: &Emitted, rows: Range<usize>) -> Result<Vec<RecordBatch>> {
        let schema = &self.schema;
        let (device, output) = ((self.handle, &self.stream), &self.plan.output);
        if let Some(first) = &self.plan.first
            && let Some((picked, count)) = emitted.first(device, output, rows.clone(), first)?
        {
            return picked.batches(device, output, schema, 0..count);
        }
        emitted.batches(device, output, schema, rows)
    }

    /// Which of the next `rows` rows are wanted, by skip and fetch.
    fn limited(&mut self, rows: u64) -> Range<usize> {
        let before = self.rows_emitted;
        self.rows_emitted += rows;
        let first = self.plan.skip.saturating_sub(before).min(rows);
        let wanted = |fetch: u64| self.plan.skip.saturating_add(fetch).saturating_sub(before).min(rows);
        let end = self.plan.fetch.map_or(rows, wanted);
        first as usize..end.max(first) as usize
    }
}
