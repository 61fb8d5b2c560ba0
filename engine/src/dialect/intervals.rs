//! INTERVAL as people write it: `INTERVAL '1 day 04:05:06'` is so many hours, minutes and seconds, and `INTERVAL (a + 1) DAY`,
//! which the planner knows of literals alone, is the cast that it stands for.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{DataType, Expr, Interval, Value, VisitorMut};

use super::grammar::expression;
use super::templates::filled;
use super::walk::visit_mut;

pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut Intervals);
}

struct Intervals;

impl VisitorMut for Intervals {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let value = match &mut *expr {
            Expr::Interval(interval) => match computed(interval) {
                Some(computed) => {
                    *expr = computed;
                    return ControlFlow::Continue(());
                }
                None if interval.leading_field.is_none() => interval.value.as_mut(),
                None => return ControlFlow::Continue(()),
            },
            Expr::Cast { data_type: DataType::Interval { .. }, expr, .. } => expr.as_mut(),
            _ => return ControlFlow::Continue(()),
        };
        if let Expr::Value(value) = value
            && let Value::SingleQuotedString(text) = &mut value.value
            && let Some(units) = in_units(text)
        {
            *text = units;
        }
        ControlFlow::Continue(())
    }
}

/// So many units of a value that is no literal.
fn computed(interval: &Interval) -> Option<Expr> {
    let unit = interval.leading_field.as_ref().filter(|_| interval.last_field.is_none())?;
    let is_literal = matches!(*interval.value, Expr::Value(_) | Expr::UnaryOp { .. } | Expr::BinaryOp { .. });
    if is_literal || interval.leading_precision.is_some() {
        return None;
    }
    let template = expression(&format!("cast(cast($1 as varchar) || ' {unit}' as interval)"))?;
    Some(Expr::Nested(Box::new(filled(&template, &[interval.value.as_ref().clone()]))))
}

/// A text that ends with hours, minutes and seconds between colons, with their names; `None` of every other.
fn in_units(text: &str) -> Option<String> {
    let text = text.trim();
    let (before, clock) = text.rsplit_once(' ').unwrap_or(("", text));
    let (sign, clock) = match clock.strip_prefix('-') {
        Some(clock) => ("-", clock),
        None => ("", clock.strip_prefix('+').unwrap_or(clock)),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let is_whole = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_seconds = |part: &str| part.split_once('.').map_or(is_whole(part), |(a, b)| is_whole(a) && is_whole(b));
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (*hours, *minutes, "0"),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    if !(is_whole(hours) && is_whole(minutes) && is_seconds(seconds)) {
        return None;
    }
    let units = format!("{sign}{hours} hours {sign}{minutes} minutes {sign}{seconds} seconds");
    Some(if before.is_empty() { units } else { format!("{before} {units}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_units() {
        let cases = [
            ("04:05:06", Some("04 hours 05 minutes 06 seconds")),
            ("1 day -04:05", Some("1 day -04 hours -05 minutes -0 seconds")),
            ("1:2:3.5", Some("1 hours 2 minutes 3.5 seconds")),
            ("1 day", None),
            ("1:x", None),
            ("1:2:3:4", None),
        ];
        for (text, expected) in cases {
            assert_eq!(in_units(text).as_deref(), expected, "{text}");
        }
    }
}
