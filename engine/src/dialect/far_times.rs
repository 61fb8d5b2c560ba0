//! TIMESTAMP '9999-12-31': a TIMESTAMP counts nanoseconds, which end in 2262, so a literal further away is one of microseconds.
//! Then every literal of the statement that loses nothing is one as well: rows of VALUES and branches of CASE have one type.

use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType as ArrowType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{DataType, Expr, TypedString, Value, Visitor, VisitorMut};

use super::walk::{visit, visit_mut};

/// Digits of a second that are microseconds.
const MICROSECONDS: u64 = 6;

/// Makes literals microseconds where nanoseconds cannot hold one of them.
pub(super) fn rewrite(statement: &mut Statement) {
    if visit(statement, &mut IsFar).is_break() {
        let _ = visit_mut(statement, &mut InMicroseconds);
    }
}

struct IsFar;

impl Visitor for IsFar {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match literal(expr) {
            Some(text) if !fits(text, TimeUnit::Nanosecond) && fits(text, TimeUnit::Microsecond) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

struct InMicroseconds;

impl VisitorMut for InMicroseconds {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if literal(expr).is_some_and(|text| fits(text, TimeUnit::Microsecond) && !is_finer(text))
            && let Expr::TypedString(TypedString { data_type, .. }) | Expr::Cast { data_type, .. } = expr
            && let DataType::Timestamp(digits, _) = data_type
        {
            *digits = Some(MICROSECONDS);
        }
        ControlFlow::Continue(())
    }
}

/// The text of a literal that is a TIMESTAMP, of no unit in particular.
fn literal(expr: &Expr) -> Option<&str> {
    let (data_type, value) = match expr {
        Expr::TypedString(TypedString { data_type, value, .. }) => (data_type, &value.value),
        Expr::Cast { data_type, expr, .. } => match expr.as_ref() {
            Expr::Value(value) => (data_type, &value.value),
            _ => return None,
        },
        _ => return None,
    };
    match (data_type, value) {
        (DataType::Timestamp(None, _), Value::SingleQuotedString(text)) => Some(text),
        _ => None,
    }
}

fn fits(text: &str, unit: TimeUnit) -> bool {
    ScalarValue::from(text).cast_to(&ArrowType::Timestamp(unit, None)).is_ok()
}

/// Whether the text has digits behind microseconds.
fn is_finer(text: &str) -> bool {
    let Some((_, fraction)) = text.split_once('.') else { return false };
    fraction.chars().take_while(char::is_ascii_digit).skip(6).any(|digit| digit != '0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_behind_microseconds_are_seen() {
        assert!(is_finer("2020-01-01 00:00:00.0000001"));
        assert!(!is_finer("2020-01-01 00:00:00.1234560"));
        assert!(!is_finer("2020-01-01 00:00:00"));
    }
}
