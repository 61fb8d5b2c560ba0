//! Sorted runs on the host: where a result is put out in several launches, each is sorted by itself, and waits here for the
//! last; then they are merged by the words of their keys. Where only some rows are wanted no more than those wait.
//!
//! They wait within the session's memory. What has no room there is refused, before a row has left: the host sorts by
//! files of its own. Not here: how a launch's rows are sorted (`sort.rs`, `sorted.rs`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::DataType;

use super::spill::RowSpace;
use crate::error::{Error, Result};
use crate::strategy::{QueryPlan, SortPlan};

/// Rows of a batch that is merged from runs; of long rows fewer, as offsets of texts may be 32 bits wide.
const BATCH_ROWS: usize = 8192;
const LONG_ROW_BYTES: u64 = 16 << 10;
const LONG_BATCH_ROWS: usize = 256;
/// Bytes of runs that may wait whatever memory the session has left.
const UNASKED_BYTES: u64 = 1 << 20;
/// Rows that wait although they will not be wanted, before those that are not go.
const SPARE_ROWS: usize = 1 << 16;
/// And runs.
const RUNS_MAX: usize = 256;

/// Rows in their order, and their words, those of a row one after another.
struct SortedRun {
    rows: RecordBatch,
    words: Vec<u64>,
}

/// The runs of a result.
pub(super) struct SortedRuns {
    words: usize,
    /// Rows that are wanted from the first on.
    wanted: usize,
    runs: Vec<SortedRun>,
    space: Arc<dyn RowSpace>,
    /// Bytes that are taken of it, and that are not.
    held: u64,
    unasked: u64,
}

impl SortedRun {
    fn bytes(&self) -> u64 {
        (self.rows.columns().iter().map(bytes_of).sum::<usize>() + self.words.len() * 8) as u64
    }
}

/// What an array takes by itself: the texts of a dictionary are there anyway.
fn bytes_of(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Dictionary(..) => array.as_any_dictionary().keys().get_array_memory_size(),
        DataType::Utf8View => array.as_string_view().lengths().map(|length| 16 + length as usize).sum(),
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
    }
}

impl SortedRuns {
    pub(super) fn new(plan: &QueryPlan, space: &Arc<dyn RowSpace>) -> Self {
        let wanted = plan.wanted().map_or(usize::MAX, |rows| usize::try_from(rows).unwrap_or(usize::MAX));
        let words = plan.sort.as_ref().map_or(1, SortPlan::words);
        Self { words, wanted, runs: vec![], space: Arc::clone(space), held: 0, unasked: 0 }
    }

    /// Rows that are wanted from the first on.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// As if nothing had been put out.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.unasked = 0;
        self.space.give(std::mem::take(&mut self.held));
    }

    /// One run more, in some batches. `words` is empty where it is the only one.
    ///
    /// # Errors
    /// The session has no memory for it.
    pub(super) fn add(&mut self, batches: Vec<RecordBatch>, mut words: Vec<u64>) -> Result<()> {
        for rows in batches.into_iter().filter(|rows| rows.num_rows() > 0) {
            let rest = if words.is_empty() { vec![] } else { words.split_off(rows.num_rows() * self.words) };
            let run = SortedRun { rows, words: std::mem::replace(&mut words, rest) };
            let has_room = self.take(run.bytes());
            self.runs.push(run);
            let waiting: usize = self.runs.iter().map(|run| run.rows.num_rows()).sum();
            let is_much =
                waiting > self.wanted.saturating_mul(2).saturating_add(SPARE_ROWS) || self.runs.len() > RUNS_MAX;
            match self.runs.len() > 1 && waiting > self.wanted {
                true if is_much || !has_room => self.keep_wanted()?,
                false if !has_room => return Err(self.refused()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Hands the rows over in their order, batch by batch, without the first `skip`; until `put` says that nobody wants more.
    pub(super) fn hand_over(&mut self, skip: usize, mut put: impl FnMut(RecordBatch) -> bool) -> Result<()> {
        let mut wanted = Wanted { skip, left: self.wanted };
        if self.runs.len() == 1 || self.runs.iter().all(|run| run.words.is_empty()) {
            for run in std::mem::take(&mut self.runs) {
                if wanted.of(&run.rows).is_some_and(|rows| !put(rows)) {
                    break;
                }
            }
            self.clear();
            return Ok(());
        }
        let (mut merge, rows) = (Merge::new(&self.runs, self.words), self.batch_rows());
        while wanted.left > 0 {
            let places = merge.next(rows);
            if places.is_empty() || wanted.of(&self.interleaved(&places)?).is_some_and(|rows| !put(rows)) {
                break;
            }
        }
        self.clear();
        Ok(())
    }

    /// The runs become one, of the rows that are wanted.
    fn keep_wanted(&mut self) -> Result<()> {
        let places = Merge::new(&self.runs, self.words).next(self.wanted);
        let words = self.words;
        let of = |(run, row): &(usize, usize)| &self.runs[*run].words[row * words..][..words];
        let kept: Vec<u64> = places.iter().flat_map(of).copied().collect();
        let run = SortedRun { rows: self.interleaved(&places)?, words: kept };
        self.clear();
        let has_room = self.take(run.bytes());
        self.runs.push(run);
        if has_room { Ok(()) } else { Err(self.refused()) }
    }

    /// Whether there is room for so many bytes more.
    fn take(&mut self, bytes: u64) -> bool {
        // So little is not asked for: a session whose memory is full still gets the first rows of an order.
        if self.held == 0 && self.unasked + bytes <= UNASKED_BYTES {
            self.unasked += bytes;
            return true;
        }
        let is_taken = self.space.take(bytes);
        self.held += if is_taken { bytes } else { 0 };
        is_taken
    }

    fn refused(&self) -> Error {
        Error::Refused(format!(
            "a sorted result waits on the host until its last row is there, and the session has no memory for more than {} \
             bytes of it; raise `datafusion.runtime.memory_limit`, or ask for fewer rows with LIMIT",
            self.held + self.unasked
        ))
    }

    fn batch_rows(&self) -> usize {
        let is_long = |run: &SortedRun| run.bytes() / run.rows.num_rows().max(1) as u64 > LONG_ROW_BYTES;
        if self.runs.iter().any(is_long) { LONG_BATCH_ROWS } else { BATCH_ROWS }
    }

    fn interleaved(&self, places: &[(usize, usize)]) -> Result<RecordBatch> {
        let rows: Vec<&RecordBatch> = self.runs.iter().map(|run| &run.rows).collect();
        match rows.first() {
            Some(first) if first.num_columns() == 0 => {
                let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
                Ok(RecordBatch::try_new_with_options(first.schema(), vec![], &options)?)
            }
            _ => Ok(interleave_record_batch(&rows, places)?),
        }
    }
}

impl Drop for SortedRuns {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What is still to be left out, and wanted of what comes, the former included.
struct Wanted {
    skip: usize,
    left: usize,
}

impl Wanted {
    /// The wanted ones of the next rows, if there are any.
    fn of(&mut self, rows: &RecordBatch) -> Option<RecordBatch> {
        let all = rows.num_rows().min(self.left);
        let skipped = self.skip.min(all);
        (self.left, self.skip) = (self.left - all, self.skip - skipped);
        (all > skipped).then(|| rows.slice(skipped, all - skipped))
    }
}

/// The runs from their first rows on; of rows that are equal, those of the run that came first.
struct Merge<'a> {
    runs: &'a [SortedRun],
    words: usize,
    heads: BinaryHeap<Reverse<(&'a [u64], usize, usize)>>,
}

impl<'a> Merge<'a> {
    fn new(runs: &'a [SortedRun], words: usize) -> Self {
        let mut merge = Self { runs, words, heads: BinaryHeap::with_capacity(runs.len()) };
        (0..runs.len()).for_each(|run| merge.enter(run, 0));
        merge
    }

    fn enter(&mut self, run: usize, row: usize) {
        if row < self.runs[run].rows.num_rows() {
            self.heads.push(Reverse((&self.runs[run].words[row * self.words..][..self.words], run, row)));
        }
    }

    /// Where the next rows are, `rows` at most: run and row.
    fn next(&mut self, rows: usize) -> Vec<(usize, usize)> {
        let mut places = vec![];
        while places.len() < rows
            && let Some(Reverse((_, run, row))) = self.heads.pop()
        {
            places.push((run, row));
            self.enter(run, row + 1);
        }
        places
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::array::Int32Array;
    use arrow::datatypes::{Field, Int32Type, Schema};
    use datafusion::execution::spill_file::SpillFile;

    use super::*;

    /// So many bytes and no more.
    #[derive(Debug)]
    struct Space(parking_lot::Mutex<u64>);

    impl RowSpace for Space {
        fn take(&self, bytes: u64) -> bool {
            let mut left = self.0.lock();
            left.checked_sub(bytes).map(|less| *left = less).is_some()
        }

        fn give(&self, bytes: u64) {
            *self.0.lock() += bytes;
        }

        fn file(&self) -> Result<Arc<dyn SpillFile>> {
            Err(Error::internal("no file"))
        }
    }

    fn runs(wanted: usize, space: &Arc<Space>) -> SortedRuns {
        let space: Arc<dyn RowSpace> = Arc::clone(space) as _;
        SortedRuns { words: 2, wanted, runs: vec![], space, held: 0, unasked: 0 }
    }

    /// Rows of two words, the first of which is the same of all.
    fn run(values: &[i32]) -> (Vec<RecordBatch>, Vec<u64>) {
        let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Int32, false)]));
        let rows = RecordBatch::try_new(schema, vec![Arc::new(Int32Array::from(values.to_vec()))]).unwrap();
        (vec![rows], values.iter().flat_map(|value| [7, *value as u64 / 10]).collect())
    }

    fn handed_over(runs: &mut SortedRuns, skip: usize) -> Vec<i32> {
        let mut found = vec![];
        let put = |rows: RecordBatch| {
            found.extend(rows.column(0).as_primitive::<Int32Type>().values().iter().copied());
            true
        };
        runs.hand_over(skip, put).unwrap();
        found
    }

    #[test]
    fn runs_are_merged_and_equal_rows_stay_as_they_came() {
        let space = Arc::new(Space(parking_lot::Mutex::new(1 << 20)));
        for (wanted, skip, expected) in [
            (usize::MAX, 0, vec![11, 10, 12, 25, 20, 33, 41]),
            (5, 1, vec![10, 12, 25, 20]),
            (2, 2, vec![]),
            (0, 0, vec![]),
        ] {
            let mut runs = runs(wanted, &space);
            for values in [&[11, 25, 33][..], &[10, 41], &[], &[12, 20]] {
                let (batches, words) = run(values);
                runs.add(batches, words).unwrap();
            }
            assert_eq!(handed_over(&mut runs, skip), expected);
            assert_eq!(*space.0.lock(), 1 << 20);
        }
    }

    #[test]
    fn no_more_wait_than_may_be_wanted() {
        let space = Arc::new(Space(parking_lot::Mutex::new(16 << 20)));
        let mut runs = runs(3, &space);
        for first in (0..40).rev() {
            let values: Vec<i32> = (0..5000).map(|row| first * 10 + row * 400).collect();
            let (batches, words) = run(&values);
            runs.add(batches, words).unwrap();
        }
        assert!(runs.runs.iter().map(|run| run.rows.num_rows()).sum::<usize>() < 2 * SPARE_ROWS);
        assert_eq!(handed_over(&mut runs, 0), [0, 10, 20]);
    }

    #[test]
    fn what_has_no_room_is_refused_and_nothing_is_kept() {
        let space = Arc::new(Space(parking_lot::Mutex::new(100)));
        let mut runs = runs(usize::MAX, &space);
        let (batches, words) = run(&[1; 100]);
        runs.add(batches, words).unwrap();
        let (batches, words) = run(&[1; 100_000]);
        let error = runs.add(batches, words).unwrap_err();
        assert!(error.is_refusal() && error.to_string().contains("memory_limit"), "{error}");
        drop(runs);
        assert_eq!(*space.0.lock(), 100);
    }
}
