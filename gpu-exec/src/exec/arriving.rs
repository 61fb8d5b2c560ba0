//! Tables that are read while they are being loaded: a run begins with the segments that are there first, over the shape that
//! footers and dictionaries promise, and hands out no row before the load is over and has kept the promise.
//!
//! Where it has not, or where the load fails, the run ends with [`Error::Unsettled`], and what is loaded is run over from the
//! first row. Not here: what is promised and how it is checked (`scan/arrival.rs`).

use std::sync::Arc;
use std::time::Instant;

use super::account::Account;
use super::guests::Guest;
use super::inputs::HostRows;
use super::task::{Out, Task, milliseconds};
use crate::column::{DeviceTable, TableShape};
use crate::error::{Error, Result};
use crate::operators::ArrivingTable;
use crate::scan::{Arrival, Expectation, Load, Unsettled};
use crate::trace::{Trace, Work};

/// A table that arrives, while a run reads it.
pub(super) struct Arriving {
    arrival: Arc<Arrival>,
    shape: TableShape,
    /// That it will take, in bytes.
    bytes: u64,
    trace: Arc<Trace>,
    /// Who hears how long loading took, and since when.
    account: (Arc<Account>, Instant),
    distinct: Vec<usize>,
    /// Segments that were given.
    taken: usize,
}

impl Arriving {
    /// `None` of a table whose shape is not decided.
    pub(super) fn new(
        arrival: Arc<Arrival>,
        bytes: u64,
        trace: Arc<Trace>,
        account: (Arc<Account>, Instant),
    ) -> Option<Self> {
        let shape = arrival.shape()?.clone();
        Some(Self { arrival, shape, bytes, trace, account, distinct: vec![], taken: 0 })
    }
}

impl ArrivingTable for Arriving {
    fn shape(&self) -> &TableShape {
        &self.shape
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn relies_on(&mut self, columns: Vec<usize>) {
        self.distinct = columns;
    }

    fn next(&mut self) -> Result<Option<DeviceTable>> {
        let span = self.trace.span(Work::Wait);
        let segments = self.arrival.next(self.taken, &self.distinct)?;
        drop(span);
        self.taken += segments.len();
        Ok((!segments.is_empty()).then(|| DeviceTable::new(self.shape.clone(), segments)))
    }

    fn rewind(&mut self) {
        self.taken = 0;
    }

    fn whole(&mut self) -> Result<DeviceTable> {
        let _span = self.trace.span(Work::Wait);
        let table = self.arrival.whole()?;
        let (account, start) = &self.account;
        account.loaded(milliseconds(*start));
        Ok(table)
    }
}

impl From<Unsettled> for Error {
    fn from(Unsettled: Unsettled) -> Self {
        Error::Unsettled
    }
}

impl Task {
    /// Runs over tables while they are loaded; over what is loaded then, where they are not what was expected.
    pub(super) async fn as_they_arrive(
        self: &Arc<Self>,
        (load, expectation, bytes): (Load, Expectation, u64),
        rows: &mut HostRows,
        (guest, start): (&Arc<Guest>, Instant),
        out: Out<'_>,
    ) -> Result<()> {
        let stats = load.stats();
        let loading = self.loading(load);
        // The host's rows come meanwhile.
        let (arrivals, inputs) = futures::join!(expectation.decided(), rows.gathered(self));
        let inputs = inputs?;
        // Where tables turn out to be other than expected, all is read once more. Rows that come once wait until tables are settled.
        if let Some(arrivals) = arrivals.filter(|_| inputs.stay()) {
            let arrivals = arrivals.into_iter().zip(stats.iter().cloned()).collect();
            let tables = self.over_arriving((arrivals, bytes), inputs, start).await?;
            let stay = inputs.stay();
            match self.run_over(tables, (guest, stay), out).await {
                Err(Error::Unsettled) => {}
                done => return done,
            }
        }
        let mut loaded = Self::loaded(loading).await??;
        for (loaded, stats) in loaded.iter_mut().zip(&stats) {
            loaded.stats.shape_misses = stats.lock().shape_misses;
        }
        let tables = self.over_loaded(loaded, inputs, guest, start).await?;
        let stay = inputs.stay();
        self.run_over(tables, (guest, stay), out).await
    }
}
