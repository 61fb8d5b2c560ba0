//! What every rewrite of expressions in a logical plan needs: which nodes concern it, what their columns are, names that
//! stay, and casts that are written as functions.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Whether any expression of the node itself is `wanted`.
pub(crate) fn any_expression(plan: &LogicalPlan, wanted: impl Fn(&Expr) -> bool) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expr| {
        found = wanted(expr);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// What the columns in the expressions of `plan` refer to.
pub(super) fn input_schema(plan: &LogicalPlan) -> Result<DFSchemaRef> {
    if let LogicalPlan::TableScan(scan) = plan {
        let schema = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?;
        return Ok(Arc::new(schema));
    }
    match plan.inputs().as_slice() {
        [] => Ok(Arc::new(DFSchema::empty())),
        [input] => Ok(Arc::clone(input.schema())),
        several => Ok(Arc::new(merge_schema(several))),
    }
}

/// Rewrites the expressions of one node and keeps the names that its columns get from them.
pub(crate) fn map_named(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    let named = |expr: Expr| {
        let name = names.save(&expr);
        Ok(rewrite(expr)?.update_data(|expr| name.restore(expr)))
    };
    plan.map_expressions(|expr| match expr {
        // Their keys have names; sets under a name of their own are none to the host.
        Expr::GroupingSet(_) => expr.map_children(&named),
        _ => named(expr),
    })
}

/// Whether any node of `plan`, subqueries included, is one that `wanted` says yes to. Looking costs much less than rewriting.
pub(crate) fn any_node(plan: &LogicalPlan, wanted: impl Fn(&LogicalPlan) -> Result<bool>) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found = wanted(node)?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

const CASTING_FUNCTIONS: &[&str] = &["arrow_cast", "arrow_try_cast", "cast_to_type", "try_cast_to_type"];

/// Whether the call is of `arrow_cast` or its kin.
pub(super) fn is_cast(call: &ScalarFunction) -> bool {
    CASTING_FUNCTIONS.contains(&call.func.name())
}

/// `arrow_cast` and its kin as the casts that they are: the host makes them so, and takes them off, in one go.
pub(super) fn as_cast(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::ScalarFunction(call) if is_cast(&call) => {
            let context = SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build();
            match call.func.simplify(call.args, &context)? {
                ExprSimplifyResult::Simplified(cast) => Ok(cast),
                ExprSimplifyResult::Original(args) => Ok(call.func.call(args)),
            }
        }
        other => Ok(other),
    }
}
