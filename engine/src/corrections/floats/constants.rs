//! Constants that are compared: the optimizer does it before there is any operator, with each other and in what it takes for a
//! contradiction, and by their bits. So the constants are canonical before.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, when};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_expression, map_named};
use super::canonical::{Form, canonical_scalar, has_floats};
use super::is_comparison;
use super::operators::form_of_function;
use super::windows::{is_made_canonical, made_canonical};

/// The rule.
#[derive(Debug)]
pub(super) struct CanonicalConstants;

impl AnalyzerRule for CanonicalConstants {
    fn name(&self) -> &str {
        "maar_canonical_constants"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_down_with_subqueries(|node| {
            if !any_expression(&node, |expr| expr.exists(|e| Ok(compares_constants(e))).unwrap_or(true))? {
                return Ok(Transformed::no(node));
            }
            map_named(node, |expr| expr.transform_up(canonical_operands))
        })
        .data()
    }
}

/// Whether a constant that is compared in the node itself has another form than its canonical one, or may have.
fn compares_constants(expr: &Expr) -> bool {
    let key = |e: &Expr| has_other_form(e, Form::NanAndZero);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => is_comparison(*op) && (key(left) || key(right)),
        Expr::Between(between) => key(&between.expr) || key(&between.low) || key(&between.high),
        Expr::InList(list) => key(&list.expr) || list.list.iter().any(key),
        Expr::Case(case) => {
            case.expr.as_ref().is_some_and(|base| key(base) || case.when_then_expr.iter().any(|(e, _)| key(e)))
        }
        Expr::ScalarFunction(call) => {
            is_nullif_of_constants(call)
                || form_of_function(call.func.name())
                    .is_some_and(|form| call.args.iter().any(|argument| has_other_form(argument, form)))
        }
        _ => false,
    }
}

fn canonical_operands(mut expr: Expr) -> Result<Transformed<Expr>> {
    if !compares_constants(&expr) {
        return Ok(Transformed::no(expr));
    }
    let key = |e: &mut Expr| make_canonical(e, Form::NanAndZero);
    match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => [left, right].into_iter().for_each(|e| key(e)),
        Expr::Between(between) => {
            [&mut between.expr, &mut between.low, &mut between.high].into_iter().for_each(|e| key(e));
        }
        Expr::InList(list) => {
            key(&mut list.expr);
            list.list.iter_mut().for_each(key);
        }
        Expr::Case(case) => {
            case.expr.iter_mut().for_each(|base| key(base));
            case.when_then_expr.iter_mut().for_each(|(value, _)| key(value));
        }
        Expr::ScalarFunction(call) if is_nullif_of_constants(call) => return nullif(call).map(Transformed::yes),
        Expr::ScalarFunction(call) => {
            if let Some(form) = form_of_function(call.func.name()) {
                call.args.iter_mut().for_each(|argument| make_canonical(argument, form));
            }
        }
        _ => {}
    }
    Ok(Transformed::yes(expr))
}

fn is_nullif_of_constants(call: &ScalarFunction) -> bool {
    call.func.name() == "nullif" && call.args.len() == 2 && call.args.iter().all(is_constant_float)
}

/// `CASE WHEN a = b THEN NULL ELSE a END`: the value that is put out is as it was.
fn nullif(call: &ScalarFunction) -> Result<Expr> {
    let (value, mut left, mut right) = (call.args[0].clone(), call.args[0].clone(), call.args[1].clone());
    make_canonical(&mut left, Form::NanAndZero);
    make_canonical(&mut right, Form::NanAndZero);
    let null = ScalarValue::try_from(&value.get_type(&DFSchema::empty())?)?;
    let equal = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), Operator::Eq, Box::new(right)));
    when(equal, Expr::Literal(null, None)).otherwise(value)
}

/// Whether a constant float may be another than the canonical one of those equal to it.
fn has_other_form(expr: &Expr, form: Form) -> bool {
    match expr {
        Expr::Literal(value, _) => {
            has_floats(&value.data_type()) && canonical_scalar(value, form).is_ok_and(|made| made != *value)
        }
        other => is_constant_float(other),
    }
}

fn make_canonical(expr: &mut Expr, form: Form) {
    match expr {
        Expr::Literal(value, _) => {
            if has_floats(&value.data_type())
                && let Ok(made) = canonical_scalar(value, form)
            {
                *value = made;
            }
        }
        other if is_constant_float(other) => *other = made_canonical(std::mem::take(other), form),
        _ => {}
    }
}

/// Whether an expression is a float, or holds some, and is the same whatever the rows are.
fn is_constant_float(expr: &Expr) -> bool {
    let known = |e: &Expr| {
        matches!(
            e,
            Expr::Literal(..)
                | Expr::BinaryExpr(_)
                | Expr::Cast(_)
                | Expr::TryCast(_)
                | Expr::Negative(_)
                | Expr::Not(_)
                | Expr::Case(_)
                | Expr::Between(_)
                | Expr::InList(_)
                | Expr::Like(_)
                | Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::IsTrue(_)
                | Expr::IsNotTrue(_)
                | Expr::IsFalse(_)
                | Expr::IsNotFalse(_)
                | Expr::ScalarFunction(_)
        )
    };
    !is_made_canonical(expr)
        && !expr.exists(|e| Ok(!known(e) || e.is_volatile_node())).unwrap_or(true)
        && expr.get_type(&DFSchema::empty()).is_ok_and(|data_type| has_floats(&data_type))
}
