//! HAVING without GROUP BY filters the one group that all rows are, also where it names no aggregate: `SELECT 1 HAVING false`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, GroupByExpr, Select, VisitorMut, visit_expressions};

use super::grammar::expression;
use super::walk::visit_mut;

/// Makes the condition one over an aggregate, by which the planner knows that there is a group.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut OneGroup);
}

struct OneGroup;

impl VisitorMut for OneGroup {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let is_grouped = match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
        };
        if let Some(having) = select.having.take_if(|having| !is_grouped && !has_call(having))
            && let Some(counted) = expression("count(*) >= 0")
        {
            select.having = Some(Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(having))),
                op: BinaryOperator::And,
                right: Box::new(counted),
            });
        }
        ControlFlow::Continue(())
    }
}

fn has_call(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |e| match e {
        Expr::Function(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
