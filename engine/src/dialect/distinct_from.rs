//! `a IS DISTINCT FROM b AND c` means `(a IS DISTINCT FROM b) AND c`, as in PostgreSQL and DuckDB.
//!
//! The parser takes everything behind FROM for the right operand. What binds less tightly than IS, which is AND, OR and XOR,
//! is put back around the comparison here; brackets are nodes of their own and stay what they are.

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value, VisitMut, visit_expressions_mut};

/// Mends every such comparison of the statement.
pub(super) fn mend(statement: &mut Statement) {
    match statement {
        Statement::Statement(inner) => mend_in(inner.as_mut()),
        Statement::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                mend_in(query.as_mut());
            }
        }
        Statement::Explain(explain) => mend(&mut explain.statement),
        _ => {}
    }
}

fn mend_in(part: &mut impl VisitMut) {
    // Operands come before what they are operands of.
    let done: ControlFlow<()> = visit_expressions_mut(part, |expr| {
        let nothing = Expr::Value(Value::Null.into());
        let mended = match std::mem::replace(expr, nothing) {
            Expr::IsDistinctFrom(left, right) => {
                behind(*right, &|right| Expr::IsDistinctFrom(left.clone(), right.into()))
            }
            Expr::IsNotDistinctFrom(left, right) => {
                behind(*right, &|right| Expr::IsNotDistinctFrom(left.clone(), right.into()))
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } if binding(&expr).is_some() => {
                behind(*expr, &|expr| Expr::UnaryOp { op: UnaryOperator::Not, expr: expr.into() })
            }
            Expr::BinaryOp { left, op, right } if is_looser(binding(&right), binding_of(&op)) => {
                behind(*right, &|right| Expr::BinaryOp { left: left.clone(), op: op.clone(), right: right.into() })
            }
            other => other,
        };
        *expr = mended;
        ControlFlow::Continue(())
    });
    debug_assert!(done.is_continue(), "nothing stops the walk");
}

/// `make` applied to the first operand of the connectives at the top of `expr`, which stay at the top.
fn behind(expr: Expr, make: &dyn Fn(Expr) -> Expr) -> Expr {
    match expr {
        Expr::BinaryOp { left, op, right } if binding_of(&op).is_some() => {
            Expr::BinaryOp { left: behind(*left, make).into(), op, right }
        }
        other => make(other),
    }
}

/// How tightly a connective binds; `None` for every other operator: those bind more tightly than IS.
fn binding_of(op: &BinaryOperator) -> Option<u8> {
    match op {
        BinaryOperator::Or => Some(0),
        BinaryOperator::Xor => Some(1),
        BinaryOperator::And => Some(2),
        _ => None,
    }
}

fn binding(expr: &Expr) -> Option<u8> {
    match expr {
        Expr::BinaryOp { op, .. } => binding_of(op),
        _ => None,
    }
}

/// Whether an operand without brackets binds less tightly than the connective that it stands in.
fn is_looser(operand: Option<u8>, connective: Option<u8>) -> bool {
    matches!((operand, connective), (Some(operand), Some(connective)) if operand < connective)
}
