//! The last stage of a run, or the last ones of a union: the rows that it emits, wave by wave; a wave in one launch where its result is no larger than
//! results may be (`forecast.rs`), and a result in one copy where it is small. Not here: the arrays (`emit.rs`), their way to
//! Arrow (`rows.rs`), the stages before it (`passes.rs`).

use std::ops::Range;

use arrow::record_batch::RecordBatch;

use super::emit::Emitted;
use super::forecast::{Ahead, Room};
use super::passes::{Flow, Reader};
use super::rows::{BATCH_TEXT_BYTES, HostRows};
use super::run::Run;
use super::texts::Texts;
use super::{first, sort};
use crate::column::TILE_ROWS;
use crate::device::DeviceError;
use crate::error::{Error, Result};
use crate::ir::PayloadShape;
use crate::strategy::Stage;

/// The share of the device that has to be free where rows are put out in waves, and that results may take.
const ROOM_SHARE: u64 = 8;

/// How often the next tiles are launched over with more room, or fewer of them, before that counts as a bug.
const LAUNCHES_MAX: usize = 100;

/// Rows for which there is room on any device.
const FEW_ROWS: u64 = 16;

/// What came of a launch.
enum Outcome {
    Rows(Vec<RecordBatch>),
    /// It had no room for its rows, which were so many. None of them has left.
    Short(u64),
    /// A table that was read turned out to be too small. No row has left.
    Again,
}

impl Run<'_> {
    /// Hands over the rows of one pass of the last stage.
    pub(super) fn emit_all(&mut self, number: usize, stage: &Stage, reader: &mut dyn Reader) -> Result<Flow> {
        if self.plan.wanted() == Some(0) {
            return Ok(Flow::Stop);
        }
        // Of sorted rows any may be wanted.
        let is_sorted = self.plan.sort.is_some();
        let wanted = self.plan.wanted().filter(|_| !is_sorted);
        let spare = if self.comes_in_waves(number) { Some(self.room_beside_waves(stage)?) } else { None };
        let is_end = self.is_last_pass(number);
        // Nothing reads the wave that goes: rows are counted when launches over it have been waited for.
        while self.advance_anyhow(number, stage, reader)? {
            let mut tiles = 0..self.tiles(stage);
            while !tiles.is_empty() {
                let left = wanted.map(|wanted| wanted.saturating_sub(self.rows_emitted));
                if left == Some(0) || !reader.wants() {
                    return Ok(Flow::Stop);
                }
                self.emits = true;
                let wanted = (left, spare.as_ref());
                let Some(batches) = self.emit_some(number, stage, &mut tiles, wanted, reader)? else {
                    return Ok(Flow::Again);
                };
                self.time_stages()?;
                reader.hears(self.reports());
                if tiles.is_empty() && is_end {
                    self.let_go()?;
                }
                for batch in batches {
                    if !self.held.put(batch, reader) {
                        return Ok(Flow::Stop);
                    }
                }
            }
        }
        Ok(Flow::Done)
    }

    /// Whether nothing comes after this pass, which is over what is on the device.
    fn is_last_pass(&self, number: usize) -> bool {
        !self.plan.parts && !self.comes_in_waves(number) && self.plan.emitting().last() == Some(number)
    }

    /// Refuses waves that would have next to no room before a row has left: afterwards nobody else can do it. Waves take what
    /// there is, so what a tile may put out is set aside.
    fn room_beside_waves(&self, stage: &Stage) -> Result<Emitted> {
        let ahead = Ahead { tiles: 1, rows_in: TILE_ROWS as u64, ..self.ahead(stage, 1, None) };
        let spare = self.alloc_emitted(ahead.bound(1))?;
        drop(self.handle.alloc("room for waves", self.result_bytes() as usize)?);
        Ok(spare)
    }

    /// Goes on to the next wave. Once rows have left, that it has no room is not taken for an answer at once.
    fn advance_anyhow(&mut self, number: usize, stage: &Stage, reader: &mut dyn Reader) -> Result<bool> {
        loop {
            match self.advance(number, stage) {
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if self.has_left() && reader.waits_for_room() => {}
                done => return done,
            }
        }
    }

    /// What the device has for results.
    fn result_bytes(&self) -> u64 {
        self.handle.memory().budget_bytes / ROOM_SHARE
    }

    /// Output arrays for so many rows.
    fn alloc_emitted(&self, rows: u64) -> Result<Emitted> {
        let new = if self.plan.sort.is_some() { Emitted::sorted } else { Emitted::new };
        new(self.handle, &self.plan.output, self.status.bytes(), rows)
    }

    fn ahead(&self, stage: &Stage, tiles: u64, wanted: Option<u64>) -> Ahead {
        let column_bytes = |shape: PayloadShape| shape.bytes() as u64 + u64::from(shape.nullable);
        Ahead {
            tiles: tiles.min(self.tiles_at_once(stage)),
            rows_in: self.rows_in(stage),
            multiplies: stage.rows_out.is_guess(),
            row_bytes: self.plan.output.iter().map(|column| column_bytes(column.shape)).sum::<u64>()
                + self.plan.sort.as_ref().map_or(0, sort::row_bytes),
            wanted,
            is_sorted: self.plan.sort.is_some(),
        }
    }

    /// The rows of the next tiles; of fewer where there is no room for what these may put out. `None` where a table that was
    /// read was too small.
    fn emit_some(
        &mut self,
        number: usize,
        stage: &Stage,
        left: &mut Range<u64>,
        (wanted, mut spare): (Option<u64>, Option<&Emitted>),
        reader: &mut dyn Reader,
    ) -> Result<Option<Vec<RecordBatch>>> {
        let (before, has_left) = ((self.rows_emitted, self.forecast.seen), self.has_left());
        let ahead = self.ahead(stage, left.end - left.start, wanted);
        let mut room = self.forecast.next(&ahead, self.result_bytes());
        // Whether the room is for no more rows than there are.
        let (mut own, mut is_exact) = (None, false);
        let mut launches = 0;
        while launches < LAUNCHES_MAX {
            launches += 1;
            match self.emit(number, stage, left.start, room, own.take()) {
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if room.tiles > 1 => {
                    (self.rows_emitted, self.forecast.seen) = before;
                    (room, is_exact) = (ahead.room(room.tiles / 2, room.rows.div_ceil(2)), false);
                }
                // A tile's rows are counted by a launch that has room for few of them.
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if !is_exact && room.rows > FEW_ROWS => {
                    (self.rows_emitted, self.forecast.seen) = before;
                    room = ahead.room(1, FEW_ROWS);
                }
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if spare.is_some() => {
                    (self.rows_emitted, self.forecast.seen) = before;
                    own = spare.take();
                }
                // It waited: that was no launch.
                Err(Error::Device(DeviceError::OutOfMemory { .. })) if has_left && reader.waits_for_room() => {
                    (self.rows_emitted, self.forecast.seen) = before;
                    launches -= 1;
                }
                Ok(Outcome::Short(rows)) => {
                    room = ahead.exactly(room.tiles, rows, self.result_bytes());
                    is_exact = room.rows == rows;
                }
                Ok(Outcome::Rows(batches)) => {
                    left.start += room.tiles;
                    return Ok(Some(batches));
                }
                Ok(Outcome::Again) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("rows were put out too often for want of room"))
    }

    /// A last stage without a row to read launches nothing, so nobody has asked yet how the others went.
    pub(super) fn end(&mut self) -> Result<Flow> {
        if self.emits {
            return Ok(Flow::Done);
        }
        let reported = self.status.read(&self.stream)?;
        Ok(if self.settle(&reported)? { Flow::Done } else { Flow::Again })
    }

    /// Launches the last stage over some tiles of its wave, into `own` arrays or new ones.
    fn emit(&mut self, number: usize, stage: &Stage, first: u64, room: Room, own: Option<&Emitted>) -> Result<Outcome> {
        let made = if own.is_none() { Some(self.alloc_emitted(room.rows)?) } else { None };
        let Some(emitted) = own.or(made.as_ref()) else { return Err(Error::internal("a result without arrays")) };
        self.status.clear_emitted(&self.stream)?;
        let before = self.stream.time_mark()?;
        self.launch(number, stage, (first, first + room.tiles), Some(emitted))?;
        self.mark(number, before)?;
        let is_only = room.tiles == self.tiles(stage) && self.is_last_pass(number) && !self.plan.emits_several_times();
        let ahead = self.sort_ahead(emitted, is_only)?;
        self.status.copy_to(&self.stream, emitted.head())?;
        // Of many rows, those that may be among the first are found by their keys, before they are taken, and so is an order.
        let expected = if self.plan.first.is_some() || self.plan.sort.is_some() { 0 } else { room.expected };
        let (reported, taken) = emitted.take(&self.stream, expected)?;
        let ahead = ahead.map(|(_, [before, after])| (number, before, after));
        let is_ahead = ahead.is_some();
        self.sort_marks.extend(ahead);
        if !self.settle(&reported)? {
            return Ok(Outcome::Again);
        }
        let rows = reported.rows_emitted();
        if rows > emitted.capacity() {
            return Ok(Outcome::Short(rows));
        }
        self.forecast.seen.add(room.tiles, rows);
        if self.plan.sort.is_some() {
            let taken = is_ahead.then_some(&taken);
            return self.take_sorted(number, (emitted, rows), taken, is_only).map(|()| Outcome::Rows(vec![]));
        }
        let rows = self.limited(rows);
        self.batches(emitted, &taken, rows).map(Outcome::Rows)
    }

    /// These rows, or of them those that may be among the first. Some of them were `taken`, from the first emitted row on.
    fn batches(&self, emitted: &Emitted, taken: &HostRows, rows: Range<usize>) -> Result<Vec<RecordBatch>> {
        let (device, output) = ((self.handle, &self.stream), &self.plan.output);
        let is_here = rows.end <= taken.len();
        if let Some(wanted) = self.plan.first.as_ref().filter(|wanted| first::may_pick(output, rows.len(), wanted)) {
            let keys = match is_here {
                true => taken.column(wanted.column).slice(&rows),
                false => emitted.column(&self.stream, wanted.column, rows.clone())?,
            };
            if let Some(picked) = first::pick(output, &keys, rows.start, wanted)? {
                if is_here {
                    let rows = taken.picked(&picked);
                    return self.to_batches(&rows, &Texts::of_rows(device, output, &rows)?);
                }
                let (emitted, _list) = emitted.picked(device, output, &picked)?;
                return self.batches_of(&emitted, 0..picked.len());
            }
        }
        let here = rows.start.min(taken.len())..rows.end.min(taken.len());
        let mut batches = Vec::new();
        if is_here || !here.is_empty() {
            let texts = Texts::of_emitted(device, output, emitted, here.clone())?;
            batches.extend(self.to_batches(&taken.slice(&here), &texts)?);
        }
        if !is_here {
            batches.extend(self.batches_of(emitted, here.end.max(rows.start)..rows.end)?);
        }
        Ok(batches)
    }

    /// Rows that are still on the device.
    pub(super) fn batches_of(&self, emitted: &Emitted, rows: Range<usize>) -> Result<Vec<RecordBatch>> {
        let texts = Texts::of_emitted((self.handle, &self.stream), &self.plan.output, emitted, rows.clone())?;
        self.to_batches(&emitted.rows(&self.stream, rows)?, &texts)
    }

    pub(super) fn to_batches(&self, rows: &HostRows, texts: &Texts<'_>) -> Result<Vec<RecordBatch>> {
        rows.batches(&self.plan.output, &self.schema, texts, BATCH_TEXT_BYTES)
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
