//! Comparisons and IN, with constants brought to the column's own type.
//!
//! The host widens a column to compare it with a constant of finer scale (`CAST(l_discount AS Decimal(30, 15)) > 0.055`).
//! Such a cast multiplies the stored integer by a constant factor, so the comparison is the same as one of the bare
//! column with a rounded constant: exact, and the constant never widens the column.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, InListExpr};
use datafusion::scalar::ScalarValue;

use super::cast::{HostCast, exact_multiplier};
use super::{literal, translate_tree as translate_any, typed};
use crate::ir::{CompareOp, Expr, ExprKind, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

/// Most floats or texts of an IN list: each becomes an equality of its own.
const ALTERNATIVES_MAX: usize = 64;

/// The device's name of a host comparison, if it is one.
pub(super) fn operator(op: Operator) -> Option<CompareOp> {
    Some(match op {
        Operator::Eq => CompareOp::Equal,
        Operator::NotEq => CompareOp::NotEqual,
        Operator::Lt => CompareOp::Less,
        Operator::LtEq => CompareOp::LessOrEqual,
        Operator::Gt => CompareOp::Greater,
        Operator::GtEq => CompareOp::GreaterOrEqual,
        Operator::IsDistinctFrom => CompareOp::Distinct,
        Operator::IsNotDistinctFrom => CompareOp::NotDistinct,
        _ => return None,
    })
}

/// The operator with its sides exchanged.
pub(super) fn flipped(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessOrEqual => CompareOp::GreaterOrEqual,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterOrEqual => CompareOp::LessOrEqual,
        CompareOp::Equal | CompareOp::NotEqual | CompareOp::Distinct | CompareOp::NotDistinct => op,
    }
}

pub(super) fn translate(
    expr: &Arc<dyn PhysicalExpr>,
    binary: &BinaryExpr,
    op: CompareOp,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let sides = [(binary.left(), binary.right(), op), (binary.right(), binary.left(), flipped(op))];
    for (value, constant, op) in sides {
        if let Some(narrowed) = compare_narrowed(value, constant, op, schema)? {
            return Ok(narrowed);
        }
    }
    if let Some(test) = null_test(binary, op, schema)? {
        return Ok(test);
    }
    for operand in [binary.left(), binary.right()] {
        let (_, ty) = typed(operand, schema)?;
        support::require(Subject::Expression, "comparison", ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    }
    let left = translate_any(binary.left(), schema)?;
    let right = translate_any(binary.right(), schema)?;
    if !comparable(left.ty, right.ty) {
        return Err(Reason::at(expr.as_ref(), "a comparison of two types has no device form"));
    }
    Ok(compare(op, left, right))
}

/// `x IS [NOT] DISTINCT FROM NULL` reads validity only.
fn null_test(binary: &BinaryExpr, op: CompareOp, schema: &Schema) -> Result<Option<Expr>, Reason> {
    let is_null_constant = |side| literal::value_of(side).is_some_and(|value| value.is_null());
    let tested = match (is_null_constant(binary.left()), is_null_constant(binary.right())) {
        (true, _) => binary.right(),
        (_, true) => binary.left(),
        (false, false) => return Ok(None),
    };
    match op {
        CompareOp::Distinct => Ok(Some(super::not_(super::is_null(translate_any(tested, schema)?))?)),
        CompareOp::NotDistinct => Ok(Some(super::is_null(translate_any(tested, schema)?))),
        _ => Ok(None),
    }
}

/// Whether two values compare as stored integers or floats.
fn comparable(left: Type, right: Type) -> bool {
    match (left, right) {
        (Type::Decimal { scale: a, .. }, Type::Decimal { scale: b, .. }) => a == b,
        _ => left == right,
    }
}

fn compare(op: CompareOp, left: Expr, right: Expr) -> Expr {
    let never_null = matches!(op, CompareOp::Distinct | CompareOp::NotDistinct);
    let nullable = !never_null && (left.nullable || right.nullable);
    Expr::new(ExprKind::Compare { op, left: Box::new(left), right: Box::new(right) }, Type::Bool, nullable)
}

/// A value under casts that only multiply its stored integer.
struct Widened<'a> {
    value: &'a Arc<dyn PhysicalExpr>,
    data_type: DataType,
    ty: Type,
    multiplier: i128,
}

/// Peels every cast that can never fail; `None` where there is none to peel.
fn peel<'a>(expr: &'a Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Widened<'a>> {
    let mut found: Option<Widened<'a>> = None;
    let mut outer = expr;
    while let Some(cast) = HostCast::of(outer) {
        let (_, to) = typed(outer, schema).ok()?;
        let Ok((data_type, ty)) = typed(cast.input, schema) else {
            break;
        };
        let Some(multiplier) = exact_multiplier(ty, to) else {
            break;
        };
        let before = found.as_ref().map_or(1, |widened| widened.multiplier);
        let Some(multiplier) = before.checked_mul(multiplier) else {
            break;
        };
        found = Some(Widened { value: cast.input, data_type, ty, multiplier });
        outer = cast.input;
    }
    found
}

fn compare_narrowed(
    value: &Arc<dyn PhysicalExpr>,
    constant: &Arc<dyn PhysicalExpr>,
    op: CompareOp,
    schema: &Schema,
) -> Result<Option<Expr>, Reason> {
    let (Some(widened), Some(literal)) = (peel(value, schema), literal::value_of(constant)) else {
        return Ok(None);
    };
    let Some(wanted) = literal::integer(&literal) else {
        return Ok(None);
    };
    let (_, outer) = typed(value, schema)?;
    let (_, constant_type) = typed(constant, schema)?;
    if !comparable(outer, constant_type) {
        return Ok(None);
    }
    let input = translate_any(widened.value, schema)?;
    Ok(Some(match threshold(op, wanted, widened.multiplier) {
        Threshold::At(op, value) => match literal::from_integer(value, &widened.data_type) {
            Some(value) => compare(op, input, literal::constant(value, widened.ty)),
            None => beyond(op, value > 0, input),
        },
        Threshold::Never(op) => settled(op, input, false),
        Threshold::Always(op) => settled(op, input, true),
    }))
}

/// What a comparison of `x * multiplier` with a constant is, as one of `x`.
#[derive(Debug, PartialEq, Eq)]
enum Threshold {
    At(CompareOp, i128),
    /// False for every value that is not NULL; the operator tells what a NULL gives.
    Never(CompareOp),
    /// True for every value that is not NULL.
    Always(CompareOp),
}

fn threshold(op: CompareOp, wanted: i128, multiplier: i128) -> Threshold {
    let (floor, exact) = (wanted.div_euclid(multiplier), wanted.rem_euclid(multiplier) == 0);
    match op {
        CompareOp::Greater | CompareOp::LessOrEqual => Threshold::At(op, floor),
        _ if exact => Threshold::At(op, floor),
        CompareOp::Less => Threshold::At(CompareOp::LessOrEqual, floor),
        CompareOp::GreaterOrEqual => Threshold::At(CompareOp::Greater, floor),
        CompareOp::Equal | CompareOp::NotDistinct => Threshold::Never(op),
        CompareOp::NotEqual | CompareOp::Distinct => Threshold::Always(op),
    }
}

/// A comparison with a constant above or below everything the type holds.
fn beyond(op: CompareOp, above: bool, input: Expr) -> Expr {
    let holds = match op {
        CompareOp::Less | CompareOp::LessOrEqual => above,
        CompareOp::Greater | CompareOp::GreaterOrEqual => !above,
        CompareOp::Equal | CompareOp::NotDistinct => false,
        CompareOp::NotEqual | CompareOp::Distinct => true,
    };
    settled(op, input, holds)
}

/// The same answer for every value, NULL for NULL: `x = x` or `x <> x`. DISTINCT is never NULL: a constant.
fn settled(op: CompareOp, input: Expr, holds: bool) -> Expr {
    match op {
        CompareOp::Distinct | CompareOp::NotDistinct => {
            literal::constant(ScalarValue::Boolean(Some(holds)), Type::Bool)
        }
        _ => compare(if holds { CompareOp::Equal } else { CompareOp::NotEqual }, input.clone(), input),
    }
}

pub(super) fn translate_in_list(
    expr: &Arc<dyn PhysicalExpr>,
    list: &InListExpr,
    schema: &Schema,
) -> Result<Expr, Reason> {
    let (_, ty) = typed(list.expr(), schema)?;
    support::require(Subject::Expression, "IN", ty).map_err(|cause| Reason::at(expr.as_ref(), cause))?;
    let items: Option<Vec<ScalarValue>> = list.list().iter().map(literal::value_of).collect();
    match items {
        Some(items) if ty.is_float() && items.iter().any(is_zero) => {
            Err(Reason::at(expr.as_ref(), "the host's IN tells -0.0 from 0.0, the device does not"))
        }
        Some(items) if (ty.is_float() || ty == Type::Text) && items.len() > ALTERNATIVES_MAX => {
            let cause = format!("an IN list of more than {ALTERNATIVES_MAX} floats or texts has no device form");
            Err(Reason::at(expr.as_ref(), cause))
        }
        Some(items) if !ty.is_float() && ty != Type::Text => translate_set(list, &items, schema),
        // NaN equals NaN, and a text has a code in its own dictionary only, which a set of values would have to know:
        // say it as equalities. (A function of one text column has become a map before it comes here.)
        _ => translate_alternatives(expr, list, schema),
    }
}

pub(super) fn is_zero(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float32(Some(value)) => *value == 0.0,
        ScalarValue::Float64(Some(value)) => *value == 0.0,
        _ => false,
    }
}

fn translate_set(list: &InListExpr, items: &[ScalarValue], schema: &Schema) -> Result<Expr, Reason> {
    let has_null = items.iter().any(|item| item.is_null());
    let present = || items.iter().filter(|item| !item.is_null());
    let (input, values): (Expr, Vec<ScalarValue>) = match peel(list.expr(), schema) {
        Some(widened) => {
            let narrow = |item: &ScalarValue| {
                let wanted: i128 = literal::integer(item)?;
                let whole = wanted.rem_euclid(widened.multiplier) == 0;
                literal::from_integer(wanted.div_euclid(widened.multiplier), &widened.data_type).filter(|_| whole)
            };
            (translate_any(widened.value, schema)?, present().filter_map(narrow).collect())
        }
        None => (translate_any(list.expr(), schema)?, present().map(|item| literal::plain(item).clone()).collect()),
    };
    if values.is_empty() {
        return Ok(match has_null {
            true => literal::constant(ScalarValue::Boolean(None), Type::Bool),
            false => settled(CompareOp::Equal, input, list.negated()),
        });
    }
    let nullable = input.nullable || has_null;
    let kind = ExprKind::InList { input: Box::new(input), values, has_null, negated: list.negated() };
    Ok(Expr::new(kind, Type::Bool, nullable))
}

/// `x IN (a, b)` as `x = a OR x = b`, with the same NULLs.
fn translate_alternatives(expr: &Arc<dyn PhysicalExpr>, list: &InListExpr, schema: &Schema) -> Result<Expr, Reason> {
    let mut any: Option<Expr> = None;
    for item in list.list() {
        let equality: Arc<dyn PhysicalExpr> =
            Arc::new(BinaryExpr::new(Arc::clone(list.expr()), Operator::Eq, Arc::clone(item)));
        let equality = translate_any(&equality, schema)?;
        any = Some(match any {
            None => equality,
            Some(before) => {
                let nullable = before.nullable || equality.nullable;
                Expr::new(ExprKind::Or(Box::new(before), Box::new(equality)), Type::Bool, nullable)
            }
        });
    }
    let any = any.ok_or_else(|| Reason::at(expr.as_ref(), "an empty IN list has no device form"))?;
    Ok(if list.negated() {
        let nullable = any.nullable;
        Expr::new(ExprKind::Not(Box::new(any)), Type::Bool, nullable)
    } else {
        any
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operator, multiplier and constant against the comparison it replaces.
    #[test]
    fn thresholds_mean_the_same() {
        use CompareOp::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let holds = |op, a: i128, b: i128| match op {
            Equal => a == b,
            NotEqual => a != b,
            Less => a < b,
            LessOrEqual => a <= b,
            Greater => a > b,
            _ => a >= b,
        };
        for op in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
            for multiplier in [1, 10, 100] {
                for wanted in -250..250 {
                    for x in -30..30 {
                        let expected = holds(op, x * multiplier, wanted);
                        let found = match threshold(op, wanted, multiplier) {
                            Threshold::At(op, value) => holds(op, x, value),
                            Threshold::Never(_) => false,
                            Threshold::Always(_) => true,
                        };
                        assert_eq!(found, expected, "{x} * {multiplier} {op:?} {wanted}");
                    }
                }
            }
        }
    }
}
