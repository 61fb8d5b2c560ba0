//! `COLUMNS(c -> c LIKE 'a%')`: which names a lambda takes. It is asked before anything is planned, of conditions on strings
//! alone.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};
use regex::RegexBuilder;

/// Whether the condition holds where `parameter` is `name`; `None` for what is no condition on strings.
pub(super) fn holds(test: &Expr, parameter: &str, name: &str) -> Option<bool> {
    let inside = |test: &Expr| holds(test, parameter, name);
    let string = |expr: &Expr| string(expr, parameter, name);
    Some(match test {
        Expr::Nested(test) => inside(test)?,
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => !inside(expr)?,
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => inside(left)? & inside(right)?,
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => inside(left)? | inside(right)?,
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => string(left)? == string(right)?,
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => string(left)? != string(right)?,
        Expr::InList { expr, list, negated } => {
            let (own, listed) = (string(expr)?, list.iter().map(string).collect::<Option<Vec<String>>>()?);
            listed.contains(&own) != *negated
        }
        Expr::Like { expr, pattern, negated, escape_char: None, any: false } => {
            is_like(&string(expr)?, &string(pattern)?, false)? != *negated
        }
        Expr::ILike { expr, pattern, negated, escape_char: None, any: false } => {
            is_like(&string(expr)?, &string(pattern)?, true)? != *negated
        }
        Expr::Function(call) => {
            let FunctionArguments::List(list) = &call.args else { return None };
            let argument = |argument: &FunctionArg| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => string(expr),
                _ => None,
            };
            let arguments: Vec<String> = list.args.iter().map(argument).collect::<Option<_>>()?;
            let [own, other] = arguments.as_slice() else { return None };
            match call.name.to_string().to_ascii_lowercase().as_str() {
                "starts_with" => own.starts_with(other),
                "ends_with" => own.ends_with(other),
                "contains" => own.contains(other),
                "regexp_like" => RegexBuilder::new(other).build().ok()?.is_match(own),
                _ => return None,
            }
        }
        _ => return None,
    })
}

fn string(expr: &Expr, parameter: &str, name: &str) -> Option<String> {
    match expr {
        Expr::Nested(inner) => string(inner, parameter, name),
        Expr::Identifier(own) if own.value.eq_ignore_ascii_case(parameter) => Some(name.to_string()),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(string) => Some(string.clone()),
            _ => None,
        },
        Expr::Function(call) => {
            let FunctionArguments::List(list) = &call.args else { return None };
            let [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] = list.args.as_slice() else { return None };
            let inner = string(inner, parameter, name)?;
            match call.name.to_string().to_ascii_lowercase().as_str() {
                "lower" => Some(inner.to_lowercase()),
                "upper" => Some(inner.to_uppercase()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_like(own: &str, pattern: &str, any_case: bool) -> Option<bool> {
    let piece = |character: char| match character {
        '%' => ".*".to_string(),
        '_' => ".".to_string(),
        other => regex::escape(&other.to_string()),
    };
    let pattern: String = pattern.chars().map(piece).collect();
    let built = RegexBuilder::new(&format!("^(?s:{pattern})$")).case_insensitive(any_case).build();
    Some(built.ok()?.is_match(own))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::dialect::grammar::expression;

    #[test]
    fn conditions_on_names_hold() {
        for (test, name, expected) in [
            ("c like 'a%' and not c = 'ab'", "ac", Some(true)),
            ("c like 'a_'", "abc", Some(false)),
            ("lower(c) ilike 'A.%'", "A.x", Some(true)),
            ("starts_with(c, 'a') or c in ('b')", "b", Some(true)),
            ("regexp_like(c, '^x')", "ax", Some(false)),
            ("c > 'a'", "b", None),
        ] {
            assert_eq!(holds(&expression(test).unwrap(), "c", name), expected, "{test}");
        }
    }
}
