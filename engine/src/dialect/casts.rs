//! Casts that stay apart from what they are applied to. The planner names a cast like its operand, so `sum(x)` and
//! `sum(CAST(x AS BIGINT))`, or `x` and `CAST(x AS DATE)` as keys, are one name twice to it. Where a SELECT has both, its
//! casts are wrapped in a function that is named by its argument in full, and that the optimizer takes away again.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr as Planned, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, OrderBy, Query, Select, Visit, VisitMut, Visitor, VisitorMut,
};

use super::templates::call;

const NAME: &str = "maar_named_in_full";

/// The function, for the session that plans.
pub(super) fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(NamedInFull { signature: Signature::any(1, Volatility::Immutable) }))
}

/// Wraps the casts of `select` and of its ORDER BY, where the planner would give two of its columns one name.
pub(super) fn keep_apart(select: &mut Select, order: Option<&mut OrderBy>) {
    let groups = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let mut calls = Calls(groups);
    let _ = Visit::visit(&select.projection, &mut calls);
    if !calls.0 {
        return;
    }
    let mut forms = Forms::default();
    let _ = (Visit::visit(&select.projection, &mut forms), Visit::visit(&select.group_by, &mut forms));
    let _ = (Visit::visit(&select.having, &mut forms), Visit::visit(&select.qualify, &mut forms));
    if let Some(order) = &order {
        let _ = Visit::visit(&**order, &mut forms);
    }
    if !forms.meet() {
        return;
    }
    let mut wrapping = Wrapping { depth: 0 };
    let _ =
        (VisitMut::visit(&mut select.projection, &mut wrapping), VisitMut::visit(&mut select.group_by, &mut wrapping));
    let _ = (VisitMut::visit(&mut select.having, &mut wrapping), VisitMut::visit(&mut select.qualify, &mut wrapping));
    if let Some(order) = order {
        let _ = VisitMut::visit(order, &mut wrapping);
    }
}

/// Whether there is a call, which may be one of an aggregate.
struct Calls(bool);

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0 |= matches!(expr, Expr::Function(_));
        if self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The expressions of a SELECT by what they are without their casts.
#[derive(Default)]
struct Forms {
    by_operand: HashMap<String, HashSet<String>>,
    plain: HashMap<String, usize>,
    /// How often each expression is what a cast is applied to.
    covered: HashMap<String, usize>,
}

impl Forms {
    /// Whether a cast stands beside its operand, or beside another cast of it.
    fn meet(&self) -> bool {
        self.by_operand.iter().any(|(operand, casts)| {
            casts.len() > 1
                || self.plain.get(operand).copied().unwrap_or(0) > self.covered.get(operand).copied().unwrap_or(0)
        })
    }
}

impl Visitor for Forms {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast { .. } => {
                let operand = operand(expr).to_string();
                *self.covered.entry(operand.clone()).or_default() += 1;
                self.by_operand.entry(operand).or_default().insert(expr.to_string());
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) | Expr::BinaryOp { .. } => {
                *self.plain.entry(expr.to_string()).or_default() += 1;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn operand(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast { expr, .. } => operand(expr),
        Expr::Nested(inner) => operand(inner),
        other => other,
    }
}

struct Wrapping {
    /// How many queries inside the SELECT are being walked: they have names of their own.
    depth: usize,
}

impl VisitorMut for Wrapping {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0 && matches!(expr, Expr::Cast { .. }) {
            let cast = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
            *expr = wrapped(cast);
        }
        ControlFlow::Continue(())
    }
}

/// The function around `cast`, or around another expression that is not to be known by its name.
pub(super) fn wrapped(cast: Expr) -> Expr {
    call(NAME, vec![cast])
}

/// Gives its argument back, and has the argument's full text for a name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NamedInFull {
    signature: Signature,
}

impl ScalarUDFImpl for NamedInFull {
    fn name(&self) -> &str {
        NAME
    }

    fn schema_name(&self, args: &[Planned]) -> Result<String> {
        Ok(args.iter().map(ToString::to_string).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [only] => Ok(only.clone()),
            _ => datafusion::common::internal_err!("{NAME} takes one argument"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [only] => Ok(Arc::clone(only)),
            _ => datafusion::common::internal_err!("{NAME} takes one argument"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => datafusion::common::internal_err!("{NAME} takes one argument"),
        }
    }

    fn simplify(&self, mut args: Vec<Planned>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match (args.pop(), args.is_empty()) {
            (Some(only), true) => Ok(ExprSimplifyResult::Simplified(only)),
            (last, _) => Ok(ExprSimplifyResult::Original(args.into_iter().chain(last).collect())),
        }
    }
}
