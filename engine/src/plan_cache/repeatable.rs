//! Which plans may run again: those that would come out the same, of operators that start afresh.
//!
//! Not kept: what hangs on the time, on chance or on a session's variables; what reads anything but files; what the host reads
//! itself, as a filter that a join or a top-k narrows while it runs lives on in the reader.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility, WindowFunctionDefinition};
use datafusion::physical_plan::ExecutionPlan;

use super::listings::{self, Listing};
use crate::device;
use crate::files::FileTable;

/// Operators of the host that keep nothing once their state is reset.
const RESET: &[&str] = &[
    "AggregateExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "EmptyExec",
    "FilterExec",
    "GlobalLimitExec",
    "LocalLimitExec",
    "PlaceholderRowExec",
    "ProjectionExec",
    "RepartitionExec",
    "ScalarSubqueryExec",
    "SortExec",
    "SortExec(TopK)",
    "SortPreservingMergeExec",
    "UnionExec",
];

/// Whether a device runs all that reads files, and the host's share can be run again.
pub(super) fn is_physical(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut on_device = false;
    let mut stack = vec![plan];
    while let Some(node) = stack.pop() {
        let is_device = device::is_device_node(node);
        on_device |= is_device;
        if !is_device && !RESET.contains(&node.name()) {
            return false;
        }
        stack.extend(node.children());
    }
    on_device
}

/// Whether the statement means the same at any time.
pub(super) fn is_logical(plan: &LogicalPlan) -> bool {
    all_nodes(plan, |node| Ok(is_query(node) && reads_files_only(node)? && all_expressions(node, is_immutable)?))
}

/// Whether the files of all tables that `plan` reads are listed.
pub(super) fn is_listed(plan: &LogicalPlan, listings: &[Listing]) -> bool {
    all_nodes(plan, |node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(true) };
        let provider = source_as_provider(&scan.source)?;
        Ok(provider.downcast_ref::<FileTable>().is_some_and(|table| listings::has(listings, table)))
    })
}

/// Whether `wanted` says yes to every node of `plan`, subqueries included.
pub(super) fn all_nodes(plan: &LogicalPlan, mut wanted: impl FnMut(&LogicalPlan) -> Result<bool>) -> bool {
    let mut all = true;
    let walked = plan.apply_with_subqueries(|node| {
        all = wanted(node)?;
        Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    all && walked.is_ok()
}

fn is_query(node: &LogicalPlan) -> bool {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Unnest(_) => true,
        LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::RecursiveQuery(_) => false,
    }
}

fn reads_files_only(node: &LogicalPlan) -> Result<bool> {
    let LogicalPlan::TableScan(scan) = node else { return Ok(true) };
    Ok(source_as_provider(&scan.source)?.downcast_ref::<FileTable>().is_some())
}

fn all_expressions(node: &LogicalPlan, wanted: impl Fn(&Expr) -> bool) -> Result<bool> {
    use datafusion::common::tree_node::TreeNode;
    let mut all = true;
    node.apply_expressions(|expr| {
        expr.apply(|part| {
            all = wanted(part);
            Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        })
    })?;
    Ok(all)
}

fn is_immutable(expr: &Expr) -> bool {
    let volatility = match expr {
        Expr::ScalarFunction(call) => call.func.signature().volatility,
        Expr::HigherOrderFunction(call) => call.func.signature().volatility,
        Expr::AggregateFunction(call) => call.func.signature().volatility,
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => function.signature().volatility,
            WindowFunctionDefinition::WindowUDF(function) => function.signature().volatility,
        },
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => return false,
        _ => return true,
    };
    volatility == Volatility::Immutable
}
