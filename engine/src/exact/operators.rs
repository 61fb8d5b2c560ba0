//! Marks the `+ - *` of a physical plan as failing on overflow, before anything else sees the plan.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal, NegativeExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::hidden::{ExactArithmetic, marked, wraps};
use super::physical::{Rewritten, any_expression, rewrite_operator};

/// The rule; it goes first.
#[derive(Debug)]
pub(super) struct MarkArithmetic;

impl PhysicalOptimizerRule for MarkArithmetic {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(mark_operator).data()
    }

    fn name(&self) -> &str {
        "maar_exact_arithmetic"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn mark_operator(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    match rewrite_operator(&plan, &mark)? {
        Rewritten::Same => Ok(Transformed::no(plan)),
        Rewritten::Changed(new) => Ok(Transformed::yes(new)),
        // A source evaluates predicates only to skip rows that a filter above checks again.
        Rewritten::Opaque if plan.children().is_empty() => Ok(Transformed::no(plan)),
        Rewritten::Opaque if any_expression(&plan, &has_wrapping)? => {
            datafusion::common::not_impl_err!("arithmetic in {} cannot be checked for overflow", plan.name())
        }
        Rewritten::Opaque => Ok(Transformed::no(plan)),
    }
}

fn has_wrapping(expr: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    expr.exists(|e| Ok(e.downcast_ref::<BinaryExpr>().is_some_and(|binary| wraps(*binary.op()))))
}

/// Every `+ - *` of `expr`, marked.
fn mark(expr: Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    expr.transform_up(|e| {
        if let Some(binary) = e.downcast_ref::<BinaryExpr>().filter(|binary| wraps(*binary.op())) {
            return Ok(Transformed::yes(marked(binary.left(), *binary.op(), binary.right())));
        }
        if let Some(plain) = plain_form(&e)? {
            return Ok(Transformed::yes(plain));
        }
        match negated_integer(&e, schema)? {
            Some(zero_minus) => Ok(Transformed::yes(zero_minus)),
            None => Ok(Transformed::no(e)),
        }
    })
}

/// A hidden form that came this far, as the operator it stands for; constants stay, or they would be folded again.
fn plain_form(expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() else { return Ok(None) };
    let Some(exact) = function.fun().inner().downcast_ref::<ExactArithmetic>() else { return Ok(None) };
    let [left, right] = function.args() else { return Ok(None) };
    let depends_on_rows = expr.exists(|e| Ok(e.downcast_ref::<Column>().is_some()))?;
    Ok(depends_on_rows.then(|| marked(left, exact.op(), right)))
}

/// `-x` of an integer wraps at the least value; `0 - x` can be marked. Decimals and floats cannot overflow there.
fn negated_integer(expr: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let Some(negative) = expr.downcast_ref::<NegativeExpr>() else { return Ok(None) };
    let zero = match negative.arg().data_type(schema)? {
        DataType::Int8 => ScalarValue::Int8(Some(0)),
        DataType::Int16 => ScalarValue::Int16(Some(0)),
        DataType::Int32 => ScalarValue::Int32(Some(0)),
        DataType::Int64 => ScalarValue::Int64(Some(0)),
        _ => return Ok(None),
    };
    let zero: Arc<dyn PhysicalExpr> = Arc::new(Literal::new(zero));
    Ok(Some(marked(&zero, Operator::Minus, negative.arg())))
}
