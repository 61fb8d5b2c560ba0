//! Functions of a text column in a form that needs no dictionary: tests against constants, and what is made of them.
//!
//! The whole expression has such a form where each of its parts that reads the text is a test named here (or asks for
//! NULL) and all around has a device form anyway.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, InListExpr, LikeExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;

use super::{comparison, literal, nullable, text, translate_node, typed};
use crate::ir::{CompareOp, Expr, ExprKind, TextTest, TextUnit, Type};

/// The expression over texts as they are; `None` where it has no such form.
pub(super) fn translate(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Expr> {
    if let Some(test) = translate_test(expr, schema) {
        return Some(test);
    }
    translate_node(expr, schema).ok().filter(is_direct)
}

/// Whether no part needs a dictionary.
fn is_direct(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Column(_) => expr.ty != Type::Text,
        ExprKind::DictionaryMap { direct, .. } => direct.is_some(),
        ExprKind::IsNull(input) if matches!(input.kind, ExprKind::Column(_)) => true,
        ExprKind::TextTest { .. } | ExprKind::TextLength { .. } => true,
        _ => expr.children().into_iter().all(is_direct),
    }
}

fn translate_test(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Expr> {
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        return translate_binary(binary, schema);
    }
    if let Some(like) = expr.downcast_ref::<LikeExpr>() {
        let input = column(like.expr(), schema).filter(|_| !like.case_insensitive())?;
        let matches = test(input, TextTest::like(&constant(like.pattern())?));
        return Some(if like.negated() { negated(matches) } else { matches });
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        return translate_list(list, schema);
    }
    translate_call(expr, expr.downcast_ref::<ScalarFunctionExpr>()?, schema)
}

fn translate_binary(binary: &BinaryExpr, schema: &Schema) -> Option<Expr> {
    let (left, right) = (binary.left(), binary.right());
    match binary.op() {
        Operator::LikeMatch => Some(test(column(left, schema)?, TextTest::like(&constant(right)?))),
        Operator::NotLikeMatch => Some(negated(test(column(left, schema)?, TextTest::like(&constant(right)?)))),
        op => {
            let op = comparison::operator(*op)?;
            let (input, constant, op) = match column(left, schema) {
                Some(input) => (input, constant(right)?, op),
                None => (column(right, schema)?, constant(left)?, comparison::flipped(op)),
            };
            Some(compare(input, op, constant))
        }
    }
}

/// The DISTINCT operators are never NULL: `x IS NULL OR x <> c`, `x IS NOT NULL AND x = c`.
fn compare(input: Expr, op: CompareOp, constant: String) -> Expr {
    let is_null = Expr::new(ExprKind::IsNull(Box::new(input.clone())), Type::Bool, false);
    let plain = |op| test(input.clone(), TextTest::Compare { op, constant: constant.clone() });
    let kind = match op {
        CompareOp::Distinct => ExprKind::Or(Box::new(is_null), Box::new(plain(CompareOp::NotEqual))),
        CompareOp::NotDistinct => ExprKind::And(Box::new(negated(is_null)), Box::new(plain(CompareOp::Equal))),
        op => return plain(op),
    };
    Expr::new(kind, Type::Bool, false)
}

/// A NULL in the list makes every value NULL that is not found.
fn translate_list(list: &InListExpr, schema: &Schema) -> Option<Expr> {
    let input = column(list.expr(), schema)?;
    let items = list.list().iter().map(literal::value_of).collect::<Option<Vec<_>>>()?;
    let texts = items.iter().filter(|item| !item.is_null()).map(text_of).collect::<Option<Vec<_>>>()?;
    let mut found = test(input, TextTest::one_of(texts));
    if items.iter().any(ScalarValue::is_null) {
        let null = literal::constant(ScalarValue::Boolean(None), Type::Bool);
        found = Expr::new(ExprKind::Or(Box::new(found), Box::new(null)), Type::Bool, true);
    }
    Some(if list.negated() { negated(found) } else { found })
}

fn translate_call(expr: &Arc<dyn PhysicalExpr>, call: &ScalarFunctionExpr, schema: &Schema) -> Option<Expr> {
    let first = column(call.args().first()?, schema)?;
    let holds = |open| Some(TextTest::holds(&constant(call.args().get(1)?)?, open));
    let length = |unit| {
        let (_, ty) = typed(expr, schema).ok()?;
        let counted = ExprKind::TextLength { input: Box::new(first.clone()), unit };
        matches!(ty, Type::Int { .. }).then(|| Expr::new(counted, ty, nullable(expr, schema)))
    };
    match call.fun().name() {
        "starts_with" => Some(test(first.clone(), holds((false, true))?)),
        "ends_with" => Some(test(first.clone(), holds((true, false))?)),
        "contains" => Some(test(first.clone(), holds((true, true))?)),
        "octet_length" => length(TextUnit::Bytes),
        "character_length" => length(TextUnit::Characters),
        _ => None,
    }
}

fn test(input: Expr, test: TextTest) -> Expr {
    let nullable = input.nullable;
    Expr::new(ExprKind::TextTest { input: Box::new(input), test }, Type::Bool, nullable)
}

fn negated(expr: Expr) -> Expr {
    let nullable = expr.nullable;
    Expr::new(ExprKind::Not(Box::new(expr)), Type::Bool, nullable)
}

/// A text column, whatever form of text it is cast to.
fn column(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Expr> {
    translate_node(text::same_text(expr, schema)?, schema).ok()
}

fn constant(expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
    text_of(&literal::value_of(expr)?)
}

fn text_of(value: &ScalarValue) -> Option<String> {
    match literal::plain(value) {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => text.clone(),
        _ => None,
    }
}
