//! The last stage of a run whose rows have an order: each launch's are sorted on the device, cut to those that are wanted, and
//! wait on the host for the last launch; then they leave. Not here: sorting (`sort.rs`), waiting and merging (`merge.rs`), the
//! launches themselves (`emission.rs`).

use super::emit::Emitted;
use super::passes::{Flow, Reader};
use super::rows::HostRows;
use super::run::Run;
use super::sort::{FEW_ROWS, Sorter, Waited};
use super::texts::Texts;
use crate::device::TimeMark;
use crate::error::{Error, Result};

impl Run<'_> {
    /// Queues the sort of rows that are still being put out, where they may come to the host at once, with their order. What it
    /// takes is in use until the device has been waited for; and when it began and ended.
    pub(super) fn sort_ahead(&self, emitted: &Emitted, is_only: bool) -> Result<Option<(Sorter<'_>, [TimeMark; 2])>> {
        let Some(plan) = self.plan.sort.as_ref().filter(|_| is_only && emitted.comes_whole()) else { return Ok(None) };
        let counted = (self.status.emitted(), emitted.capacity());
        let before = self.stream.time_mark()?;
        let sorter = Sorter::new((self.handle, &self.stream), plan, counted).inspect_err(|_| {
            // Rows are still being put out, into what goes with the error.
            drop(Waited(&self.stream));
        })?;
        sorter.sort_few(emitted)?;
        Ok(Some((sorter, [before, self.stream.time_mark()?])))
    }

    /// Takes the rows of a launch in their order, to wait for those of the next; their words too, unless it is the only one. Rows
    /// and order were `taken` with the whole where they were sorted ahead.
    pub(super) fn take_sorted(
        &mut self,
        number: usize,
        (emitted, rows): (&Emitted, u64),
        taken: Option<&HostRows>,
        is_only: bool,
    ) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let kept = self.sorted.wanted().min(usize::try_from(rows).unwrap_or(usize::MAX));
        let (batches, words) = match taken.filter(|_| rows <= FEW_ROWS) {
            Some(taken) => (self.in_order(taken, kept)?, vec![]),
            None => {
                let before = self.stream.time_mark()?;
                let (device, output) = ((self.handle, &self.stream), &self.plan.output);
                let plan =
                    self.plan.sort.as_ref().ok_or_else(|| Error::internal("rows without an order were sorted"))?;
                let mut sorter = Sorter::new(device, plan, (self.status.emitted(), rows))?;
                sorter.sort(emitted, rows, kept as u64)?;
                let own = emitted.listed(device, output, (sorter.order(), kept))?;
                let waited = Waited(&self.stream);
                let after = self.stream.time_mark()?;
                let batches = self.batches_of(&own, 0..kept)?;
                let words = if is_only { vec![] } else { sorter.sorted_words(kept)? };
                drop(waited);
                drop(sorter);
                self.sort_marks.push((number, before, after));
                (batches, words)
            }
        };
        let report = &mut self.reports[number].sorted;
        (report.rows, report.runs) = (report.rows + rows, report.runs + 1);
        self.sorted.add(batches, words)
    }

    /// The first rows that are on the host, by the order behind their columns.
    fn in_order(&self, taken: &HostRows, kept: usize) -> Result<Vec<arrow::array::RecordBatch>> {
        let output = &self.plan.output;
        let order = &taken.column(output.len()).data;
        let order: Vec<u32> = order.as_chunks().0.iter().take(kept).map(|row| u32::from_le_bytes(*row)).collect();
        let rows = taken.picked(&order);
        self.to_batches(&rows, &Texts::of_rows((self.handle, &self.stream), output, &rows)?)
    }

    /// All rows are there: hands them over, once what they were made of has gone back.
    pub(super) fn hand_over_sorted(&mut self, reader: &mut dyn Reader) -> Result<Flow> {
        if self.plan.sort.is_none() {
            return Ok(Flow::Done);
        }
        self.time_stages()?;
        reader.hears(self.reports());
        self.let_go()?;
        let skip = usize::try_from(self.plan.skip).unwrap_or(usize::MAX);
        let mut flow = Flow::Done;
        self.sorted.hand_over(skip, |rows| {
            flow = if reader.take(rows) { Flow::Done } else { Flow::Stop };
            flow == Flow::Done
        })?;
        Ok(flow)
    }
}
