//! `j -> 'a'` and `j ->> 'a'` are `json_extract(j, 'a')` and `json_extract_string(j, 'a')`. The parser takes an arrow behind a
//! name for a lambda; where no function takes one, it is an arrow.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, VisitorMut,
};

use super::rules::RULES;
use crate::dialect::grammar::expression;
use crate::dialect::templates::filled;
use crate::dialect::walk::visit_mut;

/// Writes out every arrow.
pub(super) fn write_out(state: &SessionState, statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Arrows { state, taken: 0 });
}

struct Arrows<'s> {
    state: &'s SessionState,
    /// How many lambdas to come are arguments of functions that take them.
    taken: usize,
}

impl VisitorMut for Arrows<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) if self.may_take_lambdas(function) => self.taken += lambdas(function),
            Expr::Lambda(_) if self.taken > 0 => self.taken -= 1,
            Expr::Lambda(lambda) => {
                let parameters: Vec<_> = lambda.params.iter().map(|parameter| parameter.name.clone()).collect();
                if let [name] = parameters.as_slice() {
                    let mut body = lambda.body.as_ref().clone();
                    let first = leftmost(&mut body);
                    let (left, right) = (Box::new(Expr::Identifier(name.clone())), Box::new(first.clone()));
                    *first = Expr::BinaryOp { left, op: BinaryOperator::Arrow, right };
                    *expr = body;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::BinaryOp { left, op, right } = expr {
            let template = match op {
                BinaryOperator::Arrow => "json_extract($1, $2)",
                BinaryOperator::LongArrow => "json_extract_string($1, $2)",
                _ => return ControlFlow::Continue(()),
            };
            if let Some(template) = expression(template) {
                *expr = filled(&template, &[left.as_ref().clone(), right.as_ref().clone()]);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Arrows<'_> {
    /// A function that is not known may be one: the planner names it.
    fn may_take_lambdas(&self, function: &Function) -> bool {
        let name = function.name.to_string().to_ascii_lowercase();
        let higher = self.state.higher_order_functions();
        if higher.contains_key(&name) {
            return true;
        }
        let is_written = RULES.get(name.as_str()).map(|rule| rule.alias.is_some_and(|host| higher.contains_key(host)));
        is_written.unwrap_or_else(|| {
            !self.state.scalar_functions().contains_key(&name)
                && !self.state.aggregate_functions().contains_key(&name)
                && !self.state.window_functions().contains_key(&name)
        })
    }
}

/// The lambdas among the arguments.
fn lambdas(function: &Function) -> usize {
    let FunctionArguments::List(list) = &function.args else { return 0 };
    let is_lambda =
        |argument: &&FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(_))));
    list.args.iter().filter(is_lambda).count()
}

/// What stands first in `expr`, through operators that bind less tightly than an arrow.
fn leftmost(expr: &mut Expr) -> &mut Expr {
    let is_loose = matches!(
        expr,
        Expr::BinaryOp { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::Between { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
    );
    if !is_loose {
        return expr;
    }
    match expr {
        Expr::BinaryOp { left: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::InList { expr: inner, .. }
        | Expr::InSubquery { expr: inner, .. } => leftmost(inner),
        other => other,
    }
}
