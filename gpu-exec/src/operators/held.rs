//! Rows that are held back. Where tables are held in parts, or several stages emit, what comes later may find no room when the
//! first rows are there already; as long as none of them has left, the run can begin anew, or the host can do it. So they wait
//! on the host while they are few. Not here: rows that have an order, which wait for the last in any case (`merge.rs`).

use arrow::record_batch::RecordBatch;

use super::passes::Reader;
use super::run::Run;
use crate::error::Result;
use crate::strategy::QueryPlan;

/// Bytes that wait at most: what is more begins to leave.
const HELD_BYTES: usize = 16 << 20;

/// Batches that wait, in their order.
pub(super) struct Held {
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// Whether rows of this plan wait at all, and whether they still do.
    waits: bool,
    is_holding: bool,
}

impl Held {
    pub(super) fn new(plan: &QueryPlan) -> Self {
        let waits = plan.sort.is_none() && (plan.parts || plan.emits_several_times());
        Self { batches: vec![], bytes: 0, waits, is_holding: waits }
    }

    /// As before the first row. Only while none has left.
    pub(super) fn clear(&mut self) {
        (self.bytes, self.is_holding) = (0, self.waits);
        self.batches.clear();
    }

    /// Takes a batch, or hands it on; `false` once nobody wants more.
    pub(super) fn put(&mut self, batch: RecordBatch, reader: &mut dyn Reader) -> bool {
        if !self.is_holding {
            return reader.take(batch);
        }
        self.bytes = self.bytes.saturating_add(bytes_of(&batch));
        self.batches.push(batch);
        self.bytes <= HELD_BYTES || self.release(reader)
    }

    /// Hands on what has waited; nothing waits any more.
    fn release(&mut self, reader: &mut dyn Reader) -> bool {
        self.is_holding = false;
        std::mem::take(&mut self.batches).into_iter().all(|batch| reader.take(batch))
    }
}

fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX));
    bytes.fold(0, usize::saturating_add)
}

impl Run<'_> {
    /// Whether rows have left, and nothing can begin anew.
    pub(super) fn has_left(&self) -> bool {
        self.rows_emitted > 0 && !self.held.is_holding
    }

    /// Hands over what has waited until the end, once nothing on the device is needed for it.
    pub(super) fn hand_over_held(&mut self, reader: &mut dyn Reader) -> Result<()> {
        if !self.held.batches.is_empty() {
            self.time_stages()?;
            self.let_go()?;
            self.held.release(reader);
        }
        Ok(())
    }
}
