//! Whether a query may be placed at all, before any of its operators is looked at.
//!
//! Small work goes to the CPU, for whole queries and only under `maar.device = auto`: a launch, a synchronisation and
//! perhaps a compilation cost more than the host needs to read a few megabytes.

use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs, StatisticsContext};

use super::Reason;
use super::lower::file_scan;
use crate::options::{DeviceOption, MaarOptions};

/// What may be done with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Supported subtrees are placed.
    Place,
    /// The whole query stays on the host.
    Host(Reason),
}

/// Decides for a whole plan. `device_open`: whether a device was found and opened.
pub fn policy(plan: &Arc<dyn ExecutionPlan>, options: &MaarOptions, device_open: bool) -> Policy {
    if options.device == DeviceOption::Cpu {
        return Policy::Host(Reason::new("maar.device = cpu"));
    }
    if !device_open {
        return Policy::Host(Reason::new(format!("no device is open (maar.device = {})", options.device)));
    }
    if options.device != DeviceOption::Auto || options.require_device {
        return Policy::Place;
    }
    match estimated_scan_bytes(plan) {
        Some(bytes) if bytes < options.small_query_bytes => Policy::Host(Reason::new(format!(
            "small query: about {bytes} bytes to read, under maar.small_query_bytes = {}",
            options.small_query_bytes
        ))),
        _ => Policy::Place,
    }
}

/// Bytes that the leaves of a plan will read, `None` where one of them cannot tell.
///
/// For files: their sizes, by the share of columns read. For other sources: their statistics.
pub fn estimated_scan_bytes(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let children = plan.children();
    if !children.is_empty() {
        return children
            .into_iter()
            .try_fold(0_u64, |sum, child| Some(sum.saturating_add(estimated_scan_bytes(child)?)));
    }
    match file_scan(plan) {
        Some(config) => {
            let sizes = config.file_groups.iter().flat_map(|group| group.files()).map(|file| match &file.range {
                Some(range) => u64::try_from(range.end.saturating_sub(range.start)).unwrap_or(0),
                None => file.object_meta.size,
            });
            let all = config.file_schema().fields().len().max(1) as u64;
            let read = (plan.schema().fields().len() as u64).min(all);
            Some((u128::from(sizes.sum::<u64>()) * u128::from(read) / u128::from(all)) as u64)
        }
        None => statistics_bytes(plan),
    }
}

fn statistics_bytes(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
    match statistics.total_byte_size {
        Precision::Exact(bytes) | Precision::Inexact(bytes) => Some(bytes as u64),
        Precision::Absent => None,
    }
}
