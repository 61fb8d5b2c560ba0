//! Rows for a window, and the table that is made of them.

use std::sync::Arc;

use super::launches::{Launches, Step, Words, request};
use super::made::Maker;
use super::scans::Edges;
use crate::column::{DeviceColumn, DeviceTable, RowBound, Segment, SegmentTable, TableShape};
use crate::device::{DeviceHandle, Stream, TimeMark};
use crate::error::Result;
use crate::ir::{FrameUnits, PayloadShape};
use crate::operators::emit::Emitted;
use crate::operators::feed::Wave;
use crate::operators::sort::{self, Sorter};
use crate::operators::spill::column_meta;
use crate::strategy::{Made, WindowPlan};

/// Device memory that a row takes at most while its window is made, as it was written out with the rest, in bytes.
pub(in crate::operators) fn row_bytes(plan: &WindowPlan, shapes: &[PayloadShape]) -> u64 {
    let bytes = |shape: &PayloadShape| shape.bytes() as u64 + u64::from(shape.nullable);
    // Two edges at a distance, and the ranks that one of groups is found by.
    let is_far = |made: &Made| {
        made.kind.frame().is_some_and(|frame| matches!(frame.units, FrameUnits::Values | FrameUnits::Groups))
    };
    let far = |made: &Made| if is_far(made) { 3 * 8 } else { 0 };
    let written: u64 = shapes.iter().map(bytes).sum();
    let carried: u64 = plan.carried.iter().map(|column| bytes(&shapes[*column])).sum();
    // A made column may be made of a scan of its own, or of two arrays of runs.
    let made: u64 = plan.made.iter().map(|made| 3 * bytes(&made.shape).max(8) + far(made)).sum();
    // Four edges and a byte for heads.
    written + sort::row_bytes(&plan.sort) + carried + made + 4 * 8 + 1
}

/// Sorts `rows` rows that were written out, and makes a table of what is read behind the window; when that began and ended on
/// the device, which is waited for.
pub(in crate::operators) fn wave(
    (handle, stream): (&DeviceHandle, &Stream),
    (plan, shapes): (&WindowPlan, &[PayloadShape]),
    (emitted, rows): (&Emitted, u64),
) -> Result<(Wave, [TimeMark; 2])> {
    // Compiled before time is taken.
    handle.kernels(&[sort::sort_request(), request()])?;
    let before = stream.time_mark()?;
    let count = handle.alloc("windows", 8)?;
    stream.upload(&count, 0, &rows.to_le_bytes())?;
    let mut sorter = None;
    if !plan.sort.pieces.is_empty() {
        let sorter: &mut Sorter<'_> = sorter.insert(Sorter::new((handle, stream), &plan.sort, (count.ptr().0, rows))?);
        sorter.sort(emitted, rows, rows)?;
    }
    let order = sorter.as_ref().map_or(0, Sorter::order);
    let mut launches = Launches::new((handle, stream), (emitted, rows), order)?;
    let masks: Vec<u8> =
        plan.sort.bits_of_first(plan.partition_pieces).iter().flat_map(|mask| mask.to_le_bytes()).collect();
    let held = launches.hold(masks.len())?;
    stream.upload(&held, 0, &masks)?;
    let words = Words {
        words: sorter.as_ref().map_or(0, Sorter::words),
        word_count: plan.sort.words() as u64,
        masks: held.ptr().0,
        ..Words::default()
    };
    launches.launch(Step::Heads, &words)?;
    let (edges, distances) = (Edges::default(), plan.distances);
    let mut maker = Maker { launches: &mut launches, edges, shapes, distances, scanned: vec![], far: vec![] };
    let carried = plan.carried.iter().map(|column| maker.carried(*column)).collect::<Result<Vec<_>>>()?;
    let made = plan.made.iter().map(|made| maker.made(made)).collect::<Result<Vec<_>>>()?;
    let after = stream.time_mark()?;
    // Before what they were made of goes.
    stream.synchronize()?;
    drop(launches);
    let columns: Vec<DeviceColumn> = carried.into_iter().chain(made).collect();
    let shapes = plan.carried.iter().map(|column| &shapes[*column]).chain(plan.made.iter().map(|made| &made.shape));
    let shape = TableShape { columns: shapes.map(column_meta).collect(), rows: RowBound::Exact(rows) };
    let table = DeviceTable::new(shape, vec![Segment { rows, columns }]);
    let segments = Arc::new(SegmentTable::upload(handle, stream, &table)?);
    Ok((Wave { table, segments }, [before, after]))
}
