//! How far a query is, by what its scans have read of what there is to read. Not here: what is done with the rows above the scans,
//! which nobody can tell beforehand.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use maar_gpu_exec::exec::DeviceExec;
use maar_gpu_exec::report::{DeviceReport, Ended};

/// What scans have read, in rows, and what there is to read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Read {
    done: f64,
    all: f64,
}

impl Read {
    fn of(done: f64, all: f64) -> Self {
        Self { done: done.clamp(0.0, all), all }
    }

    fn and(self, other: Self) -> Self {
        Self { done: self.done + other.done, all: self.all + other.all }
    }
}

/// The part of all rows that scans have read so far, from 0 to 1; `None` where no scan knows how many it has. A table whose
/// rows are not counted (a function's, a stream) counts for nothing.
pub(crate) fn fraction(plan: &Arc<dyn ExecutionPlan>) -> Option<f64> {
    let read = read(plan);
    (read.all > 0.0).then(|| read.done / read.all)
}

fn read(plan: &Arc<dyn ExecutionPlan>) -> Read {
    let own = match plan.downcast_ref::<DeviceExec>() {
        Some(device) => of_device(device),
        None if plan.children().is_empty() => of_scan(plan),
        None => Read::default(),
    };
    plan.children().into_iter().map(read).fold(own, Read::and)
}

fn of_scan(plan: &Arc<dyn ExecutionPlan>) -> Read {
    let rows = plan.metrics().as_ref().and_then(MetricsSet::output_rows);
    match (rows, rows_of(plan)) {
        (Some(rows), Some(all)) => Read::of(rows as f64, all),
        _ => Read::default(),
    }
}

/// A device reads a table column by column: of its rows as many count as of its columns are there.
fn of_device(device: &DeviceExec) -> Read {
    let (scans, report) = (&device.lowered().scans, device.report());
    let scan = |(at, scan): (usize, &Arc<dyn ExecutionPlan>)| {
        let all = rows_of(scan).unwrap_or_default();
        let part = report.as_ref().map_or(0.0, |report| loaded(report, at, scan.schema().fields().len()));
        Read::of(part * all, all)
    };
    scans.iter().enumerate().map(scan).fold(Read::default(), Read::and)
}

/// The part of the columns of a scan that is on the device.
fn loaded(report: &DeviceReport, scan: usize, columns: usize) -> f64 {
    if report.ended == Ended::Finished {
        return 1.0;
    }
    let Some(load) = report.loads.get(scan) else { return 0.0 };
    let all = load.row_groups.saturating_sub(load.row_groups_pruned) * columns as u64;
    match all {
        0 => 0.0,
        all => ((load.columns_loaded + load.columns_resident) as f64 / all as f64).min(1.0),
    }
}

fn rows_of(scan: &Arc<dyn ExecutionPlan>) -> Option<f64> {
    let statistics = StatisticsContext::new().compute(scan.as_ref(), &StatisticsArgs::new()).ok()?;
    statistics.num_rows.get_value().map(|rows| *rows as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_never_more_than_there_is() {
        let both = Read::of(30.0, 10.0).and(Read::of(5.0, 30.0));
        assert_eq!(both, Read { done: 15.0, all: 40.0 });
    }

    #[test]
    fn a_scan_counts_by_its_columns() {
        let load = maar_gpu_exec::scan::LoadStats {
            row_groups: 5,
            row_groups_pruned: 1,
            columns_loaded: 2,
            columns_resident: 2,
            ..Default::default()
        };
        let report = DeviceReport { ended: Ended::Running, loads: vec![load], ..DeviceReport::default() };
        assert!((loaded(&report, 0, 2) - 0.5).abs() < 1e-9);
        assert!(loaded(&report, 1, 2) == 0.0 && loaded(&report, 0, 0) == 0.0);
        let report = DeviceReport { ended: Ended::Finished, ..report };
        assert!((loaded(&report, 0, 2) - 1.0).abs() < 1e-9);
    }
}
