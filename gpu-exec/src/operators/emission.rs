//! The last stage of a run: the rows that it emits, wave by wave, some tiles at a time. Not here: what becomes of them
//! (`emit.rs`), the stages before it (`run.rs`).

use std::ops::Range;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::emit::Emitted;
use super::run::{ATTEMPTS_MAX, Run};
use super::status::Verdict;
use crate::column::TILE_ROWS;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::strategy::Stage;

/// Rows an emitting launch covers at most: bounds the memory of results, and how long a dropped query goes on.
const WAVE_ROWS: u64 = 4 << 20;

impl Run<'_> {
    /// The next rows of the result, or `None` at the end. A batch may be empty.
    pub fn next(&mut self, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        let number = self.plan.stages.len() - 1;
        let stage = self.plan.stages[number].clone();
        let wanted = self.plan.fetch.map(|fetch| fetch.saturating_add(self.plan.skip));
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if wanted.is_some_and(|wanted| self.rows_emitted >= wanted) {
                return Ok(None);
            }
            if self.next_tile >= self.wave_tiles {
                // Nothing reads the wave that goes: rows are counted when launches over it have been waited for.
                if !self.advance(number, &stage)? {
                    return self.end().map(|()| None);
                }
                (self.next_tile, self.wave_tiles) = (0, self.tiles(&stage));
                continue;
            }
            self.emits = true;
            self.ready = self.emit_some(number, &stage, schema)?.into();
        }
    }

    /// The rows of the next tiles; of fewer where there is no room for what these may put out.
    fn emit_some(&mut self, number: usize, stage: &Stage, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
        let before = self.rows_emitted;
        let mut tiles = (self.wave_tiles - self.next_tile).min(WAVE_ROWS / TILE_ROWS as u64);
        loop {
            match self.emit(number, stage, (self.next_tile, self.next_tile + tiles), schema) {
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if tiles > 1 => {
                    self.rows_emitted = before;
                    tiles /= 2;
                }
                done => {
                    self.next_tile += tiles;
                    return done;
                }
            }
        }
    }

    /// A last stage without a row to read launches nothing, so nobody has asked yet how the others went.
    fn end(&mut self) -> Result<()> {
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
        schema: &SchemaRef,
    ) -> Result<Vec<RecordBatch>> {
        let covered = (tiles.1 - tiles.0) * TILE_ROWS as u64;
        let mut capacity = covered.min(self.rows_in(stage)).max(1);
        if stage.rows_out.is_guess() {
            capacity *= 2;
        }
        for _ in 0..ATTEMPTS_MAX {
            let emitted = Emitted::new(self.handle, &self.plan.output, capacity)?;
            emitted.reset(&self.stream)?;
            let before = self.stream.time_mark()?;
            self.launch(number, stage, tiles, Some(&emitted))?;
            let verdict = self.status.read(&self.stream)?;
            self.mark(number, before)?;
            let rows = emitted.rows(&self.stream)?;
            match verdict {
                Verdict::Fine if rows <= capacity => {
                    let rows = self.limited(rows);
                    return self.wanted(&emitted, rows, schema);
                }
                Verdict::Fine => capacity = rows,
                Verdict::Grow => return Err(Error::internal("a table overflowed that was sized by its source")),
            }
        }
        Err(Error::internal("a wave was repeated too often for want of room"))
    }

    /// These rows, or of them those that may be among the first.
    fn wanted(&self, emitted: &Emitted, rows: Range<usize>, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
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
