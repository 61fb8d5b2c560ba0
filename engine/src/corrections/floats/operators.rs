//! The rule behind placement: what operators on the host compare, in canonical form.
//!
//! Keys, and what MIN, MAX and DISTINCT aggregate, are wrapped whole; inside every other expression the operands of
//! comparisons, lists, CASE and the functions that compare.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CaseExpr, InListExpr, Literal, in_list};
use datafusion::physical_expr::{LexRequirement, PhysicalExpr, PhysicalSortRequirement, ScalarFunctionExpr};
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::Distribution;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::canonical::{Form, canonical, canonical_scalar, has_floats};
use super::is_comparison;
use crate::exact::physical::{Rewritten, Site, rewrite_sites};
use crate::unseen::{Unseen, With};

type Expr = Arc<dyn PhysicalExpr>;

/// The rule.
#[derive(Debug)]
pub(super) struct CanonicalOperators;

impl PhysicalOptimizerRule for CanonicalOperators {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            if let Some(required) = plan.downcast_ref::<OutputRequirementExec>() {
                return require_canonical(&plan, required);
            }
            match rewrite_sites(&plan, &rewrite)? {
                Rewritten::Changed(new) => Ok(Transformed::yes(new)),
                Rewritten::Same | Rewritten::Opaque => Ok(Transformed::no(plan)),
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_canonical_floats"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan without canonical forms: as placement saw it.
///
/// # Errors
/// When an operator cannot be made again.
pub(in crate::corrections) fn without_canonical(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| match rewrite_sites(&plan, &|expr, _, _| plain(expr))? {
        Rewritten::Changed(new) => Ok(Transformed::yes(new)),
        Rewritten::Same | Rewritten::Opaque => Ok(Transformed::no(plan)),
    })
    .data()
}

fn plain(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match expr.downcast_ref::<With<Form>>() {
        Some(canonical) => Ok(Transformed::yes(Arc::clone(&canonical.inner))),
        None => Ok(Transformed::no(expr)),
    })
}

/// The order that a query asks for, by the keys that its sort now has.
fn require_canonical(
    plan: &Arc<dyn ExecutionPlan>,
    exec: &OutputRequirementExec,
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(Some(required)) = exec.required_input_ordering().into_iter().next() else {
        return Ok(Transformed::no(Arc::clone(plan)));
    };
    let input = exec.input();
    // A device's order, which is of canonical values by itself.
    if input.equivalence_properties().ordering_satisfy_requirement(required.first().iter().cloned())? {
        return Ok(Transformed::no(Arc::clone(plan)));
    }
    let schema = input.schema();
    let mut changed = false;
    let (alternatives, soft) = required.into_alternatives();
    let mut made = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        let mut keys = Vec::with_capacity(alternative.len());
        for key in alternative.iter() {
            let expr = rewrite(Arc::clone(&key.expr), &schema, Site::Key)?;
            changed |= expr.transformed;
            keys.push(PhysicalSortRequirement::new(expr.data, key.options));
        }
        made.extend(LexRequirement::new(keys));
    }
    if !changed {
        return Ok(Transformed::no(Arc::clone(plan)));
    }
    let required = OrderingRequirements::new_alternatives(made, soft);
    let distribution = exec.input_distribution_requirements().into_per_child().into_iter().next();
    let distribution = distribution.unwrap_or(Distribution::UnspecifiedDistribution);
    Ok(Transformed::yes(Arc::new(OutputRequirementExec::new(exec.input(), required, distribution, exec.fetch()))))
}

fn rewrite(expr: Expr, schema: &SchemaRef, site: Site<'_>) -> Result<Transformed<Expr>> {
    let inner = expr.transform_up(|expr| compare_canonical(expr, schema))?;
    let form = match site {
        Site::Value => None,
        Site::Key => Some(Form::NanAndZero),
        Site::Argument(function) => form_of_argument(function),
    };
    let Some(form) = form.filter(|_| !inner.data.is::<With<Form>>()) else { return Ok(inner) };
    if !has_floats(&inner.data.data_type(schema)?) {
        return Ok(inner);
    }
    Ok(Transformed::yes(wrapped(inner.data, form)?))
}

/// What a function that compares its arguments needs of them.
fn form_of_argument(function: &AggregateFunctionExpr) -> Option<Form> {
    if function.is_distinct() {
        return Some(Form::NanAndZero);
    }
    match function.fun().name() {
        "min"
        | "max"
        | "median"
        | "percentile_cont"
        | "approx_median"
        | "approx_percentile_cont"
        | "approx_percentile_cont_with_weight" => Some(Form::Nan),
        "approx_distinct" => Some(Form::NanAndZero),
        _ => None,
    }
}

/// What a scalar function that compares its arguments needs of them; those that put them out keep the sign of zero.
pub(super) fn form_of_function(name: &str) -> Option<Form> {
    match name {
        "array_has" | "array_has_all" | "array_has_any" | "array_position" | "array_positions" | "map_extract" => {
            Some(Form::NanAndZero)
        }
        "greatest" | "least" => Some(Form::Nan),
        name if name.starts_with("array_") => Some(Form::Nan),
        _ => None,
    }
}

/// The expression itself, its operands in canonical form if it compares them.
fn compare_canonical(expr: Expr, schema: &SchemaRef) -> Result<Transformed<Expr>> {
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        if !is_comparison(*binary.op()) || !has_floats(&binary.left().data_type(schema)?) {
            return Ok(Transformed::no(expr));
        }
        return Ok(Transformed::yes(comparison(binary.left(), *binary.op(), binary.right(), schema)?));
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        if !has_floats(&list.expr().data_type(schema)?) {
            return Ok(Transformed::no(expr));
        }
        let items = list.list().iter().map(|item| wrapped(Arc::clone(item), Form::NanAndZero));
        let items = items.collect::<Result<Vec<_>>>()?;
        let tested = wrapped(Arc::clone(list.expr()), Form::NanAndZero)?;
        return Ok(Transformed::yes(in_list(tested, items, &list.negated(), schema)?));
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        return canonical_case(case, schema)
            .map(|made| made.map_or_else(|| Transformed::no(Arc::clone(&expr)), Transformed::yes));
    }
    let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() else { return Ok(Transformed::no(expr)) };
    if function.fun().name() == "nullif" {
        return canonical_nullif(function, schema)
            .map(|made| made.map_or_else(|| Transformed::no(Arc::clone(&expr)), Transformed::yes));
    }
    let Some(form) = form_of_function(function.fun().name()) else { return Ok(Transformed::no(expr)) };
    let mut changed = false;
    let mut arguments = Vec::with_capacity(function.args().len());
    for argument in function.args() {
        let floats = has_floats(&argument.data_type(schema)?);
        changed |= floats;
        arguments.push(if floats { wrapped(Arc::clone(argument), form)? } else { Arc::clone(argument) });
    }
    if changed { Ok(Transformed::yes(expr.with_new_children(arguments)?)) } else { Ok(Transformed::no(expr)) }
}

/// Comparisons take the two zeros for one by themselves, but not inside lists.
fn comparison(left: &Expr, op: Operator, right: &Expr, schema: &SchemaRef) -> Result<Expr> {
    let form = if left.data_type(schema)?.is_nested() { Form::NanAndZero } else { Form::Nan };
    let (left, right) = (wrapped(Arc::clone(left), form)?, wrapped(Arc::clone(right), form)?);
    Ok(Arc::new(BinaryExpr::new(left, op, right)))
}

/// `CASE x WHEN v`, which looks values up by their bits.
fn canonical_case(case: &CaseExpr, schema: &SchemaRef) -> Result<Option<Expr>> {
    let Some(base) = case.expr() else { return Ok(None) };
    if !has_floats(&base.data_type(schema)?) {
        return Ok(None);
    }
    let mut branches = Vec::with_capacity(case.when_then_expr().len());
    for (when, then) in case.when_then_expr() {
        branches.push((wrapped(Arc::clone(when), Form::NanAndZero)?, Arc::clone(then)));
    }
    let base = wrapped(Arc::clone(base), Form::NanAndZero)?;
    Ok(Some(Arc::new(CaseExpr::try_new(Some(base), branches, case.else_expr().cloned())?)))
}

/// `CASE WHEN a = b THEN NULL ELSE a END`: the value that is put out is as it was.
fn canonical_nullif(function: &ScalarFunctionExpr, schema: &SchemaRef) -> Result<Option<Expr>> {
    let [left, right] = function.args() else { return Ok(None) };
    let data_type = left.data_type(schema)?;
    if !has_floats(&data_type) || left.exists(|e| Ok(e.is_volatile_node()))? || right.data_type(schema)? != data_type {
        return Ok(None);
    }
    let equal = comparison(left, Operator::Eq, right, schema)?;
    let null: Expr = Arc::new(Literal::new(ScalarValue::try_from(&data_type)?));
    Ok(Some(Arc::new(CaseExpr::try_new(None, vec![(equal, null)], Some(Arc::clone(left)))?)))
}

fn wrapped(expr: Expr, form: Form) -> Result<Expr> {
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return Ok(Arc::new(Literal::new(canonical_scalar(literal.value(), form)?)));
    }
    Ok(Arc::new(With { inner: expr, unseen: form }))
}

/// The value in a canonical form: to SQL it is the same.
impl Unseen for Form {
    fn apply(&self, value: ColumnarValue) -> Result<ColumnarValue> {
        Ok(match value {
            ColumnarValue::Array(array) => ColumnarValue::Array(canonical(&array, *self)?),
            ColumnarValue::Scalar(scalar) => ColumnarValue::Scalar(canonical_scalar(&scalar, *self)?),
        })
    }
}
