//! The rule that tells a device node how few of its rows are wanted: where the host sorts them and keeps the first few.
//!
//! The last of all rules: nothing may come between the two nodes any more.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::sorts::sort::SortExec;

use super::DeviceExec;
use crate::ir::FirstRows;

/// See the module.
#[derive(Debug, Default)]
pub struct FirstRowsRule;

impl PhysicalOptimizerRule for FirstRowsRule {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(sort) = node.downcast_ref::<SortExec>() else { return Ok(Transformed::no(node)) };
            let Some(device) = sort.input().downcast_ref::<DeviceExec>() else { return Ok(Transformed::no(node)) };
            let Some(first) = first_rows(sort) else { return Ok(Transformed::no(node)) };
            let told: Arc<dyn ExecutionPlan> = Arc::new(device.with_first_rows(first));
            replace_children_if_necessary(node, vec![told]).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &str {
        "FirstRows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What a sort that keeps some rows asks of its input, if its first key is a column that both sides order alike.
fn first_rows(sort: &SortExec) -> Option<FirstRows> {
    let rows = sort.fetch()? as u64;
    let key = sort.expr().first();
    let column = key.expr.downcast_ref::<Column>()?.index();
    let data_type = sort.input().schema().fields().get(column)?.data_type().clone();
    let (descending, nulls_first) = (key.options.descending, key.options.nulls_first);
    is_ordered_alike(&data_type).then_some(FirstRows { column, data_type, descending, nulls_first, rows })
}

/// Not floats: zeros of both signs and NaN are ordered by rules of the host.
fn is_ordered_alike(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Decimal128(..)
                | DataType::Date32
                | DataType::Date64
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Timestamp(..)
        )
}
