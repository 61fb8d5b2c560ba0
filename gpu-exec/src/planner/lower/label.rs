//! Names of host operators as EXPLAIN and reports show them: the operator and what tells it from its like.

use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};

use crate::planner::reason::shorten;

/// Longest label, in characters.
const LABEL_CHARS_MAX: usize = 160;

/// One line that names a host operator.
pub fn label(plan: &Arc<dyn ExecutionPlan>) -> String {
    if let Some(config) = file_scan(plan) {
        let files: usize = config.file_groups.iter().map(|group| group.len()).sum();
        let columns: Vec<_> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
        let kind = config.file_source.file_type();
        return shorten(
            &format!("DataSourceExec: {kind}, files={files}, columns=[{}]", columns.join(", ")),
            LABEL_CHARS_MAX,
        );
    }
    shorten(displayable(plan.as_ref()).one_line().to_string().trim(), LABEL_CHARS_MAX)
}

pub(crate) fn file_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    plan.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref::<FileScanConfig>()
}
