//! `CAST(x AS TIMESTAMP)` of what is no literal is one of the unit that `x` has: a TIMESTAMP counts nanoseconds to the planner,
//! and 9999-12-31 is none. Which unit that is, types say (`corrections/times/own_unit`). Not here: literals (`far_times`).

use std::ops::ControlFlow;

use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Ident, TimezoneInfo, Value, VisitorMut, visit_expressions,
};

use super::templates::call;
use super::walk::visit_mut;
use crate::corrections::TimestampOf;
use crate::error::Result;

/// Writes such casts as calls, of functions that `state` knows from then on.
///
/// # Errors
/// As the session's registry.
pub(super) fn write_out(state: &mut SessionState, statement: &mut Statement) -> Result<()> {
    let zone = state.config_options().execution.time_zone.clone();
    let mut casts = Casts { is_changed: false };
    let _ = visit_mut(statement, &mut casts);
    if casts.is_changed {
        for function in TimestampOf::functions(zone.as_deref()) {
            state.register_udf(function)?;
        }
    }
    Ok(())
}

struct Casts {
    is_changed: bool,
}

impl VisitorMut for Casts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Cast { kind, expr: operand, data_type: DataType::Timestamp(None, zone), array: false, format: None } =
            expr
        else {
            return ControlFlow::Continue(());
        };
        if is_literal(operand) || has_placeholder(operand) {
            return ControlFlow::Continue(());
        }
        let has_zone = matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone);
        let is_try = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
        let operand = std::mem::replace(operand.as_mut(), Expr::Identifier(Ident::new("")));
        *expr = call(TimestampOf::name(has_zone, is_try), vec![operand]);
        self.is_changed = true;
        ControlFlow::Continue(())
    }
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_literal(inner),
        other => matches!(other, Expr::Value(_) | Expr::TypedString(_)),
    }
}

/// A parameter has the type that it is cast to.
fn has_placeholder(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
