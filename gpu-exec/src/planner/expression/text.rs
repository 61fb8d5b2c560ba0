//! Functions of one text column: evaluated by the host once per dictionary entry, looked up by code on the device.
//!
//! The host evaluates entries that no selected row holds, so only functions that never fail qualify. A function is
//! tried here on three values, NULL among them, which shows that it works over plain strings. What NULL becomes is
//! part of the map: the host evaluates it beside the entries. A column without dictionary needs another form of the
//! function, where there is one ([`raw_text`]).

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Operator, Volatility};
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, NotExpr, TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::cast::exact_multiplier;
use super::{comparison, literal, nullable, raw_text, translate_node, typed};
use crate::ir::{Expr, ExprKind, HostFunction, Type};
use crate::planner::Reason;
use crate::planner::support::{self, Subject};

/// Values every function is tried on at planning time.
const SAMPLE: [Option<&str>; 3] = [Some("a"), Some(""), None];

/// The whole expression as a map over the dictionary of the one text column it reads; `None` where it is not such.
pub(super) fn translate_function(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Option<Expr>, Reason> {
    if expr.is::<Column>() || is_null_test_of_column(expr) {
        return Ok(None);
    }
    let Some(column) = only_text_column(expr, schema) else {
        return Ok(None);
    };
    if !never_fails(expr, schema) {
        return Ok(None);
    }
    let Ok((data_type, ty)) = typed(expr, schema) else {
        return Ok(None);
    };
    let input = translate_node(&column, schema)?;
    if same_text(expr, schema).is_some() {
        return Ok(Some(input));
    }
    if support::require(Subject::Expression, "function of one text column", ty).is_err() {
        return Ok(None);
    }
    let function =
        over_plain_strings(expr, &column, schema, &data_type).map_err(|error| not_evaluable(expr, &error))?;
    try_out(&function).map_err(|error| not_evaluable(expr, &error))?;
    let function = HostFunction { expr: function };
    let direct = raw_text::translate(expr, schema).map(Box::new);
    let map = ExprKind::DictionaryMap { input: Box::new(input), function, direct };
    Ok(Some(Expr::new(map, ty, nullable(expr, schema))))
}

fn not_evaluable(expr: &Arc<dyn PhysicalExpr>, error: &DataFusionError) -> Reason {
    let error = error.strip_backtrace();
    let line = error.lines().next().unwrap_or_default();
    Reason::at(expr.as_ref(), format!("it fails when evaluated over a dictionary ({line})"))
}

/// Why an expression over text is no map, for the cases in which nothing else can be said.
pub(super) fn reason(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Reason {
    let columns = columns_of(expr);
    let cause = match columns.as_slice() {
        [] => "text without a column has no dictionary on the device",
        [_] if only_text_column(expr, schema).is_none() => {
            "text computed from a column that is not text runs on the host"
        }
        [_] => "not known never to fail on text that the query does not select",
        _ => "text computed from several columns has no dictionary",
    };
    Reason::at(expr.as_ref(), cause)
}

/// Pattern operators over text, and concatenation.
pub(super) fn is_text_operator(op: Operator) -> bool {
    use Operator::{
        ILikeMatch, LikeMatch, NotILikeMatch, NotLikeMatch, RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch,
        StringConcat,
    };
    matches!(
        op,
        ILikeMatch
            | LikeMatch
            | NotILikeMatch
            | NotLikeMatch
            | RegexIMatch
            | RegexMatch
            | RegexNotIMatch
            | RegexNotMatch
            | StringConcat
    )
}

/// `column IS [NOT] NULL` reads validity only.
fn is_null_test_of_column(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let arg = match (expr.downcast_ref::<IsNullExpr>(), expr.downcast_ref::<IsNotNullExpr>()) {
        (Some(test), _) => test.arg(),
        (_, Some(test)) => test.arg(),
        _ => return false,
    };
    arg.is::<Column>()
}

/// The column, under casts from one form of text to another: nothing to do for the device.
pub(super) fn same_text<'a>(expr: &'a Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<&'a Arc<dyn PhysicalExpr>> {
    // Text all the way: a number on the way would be written anew.
    typed(expr, schema).ok().filter(|(_, ty)| *ty == Type::Text)?;
    match (expr.downcast_ref::<CastExpr>(), expr.downcast_ref::<TryCastExpr>()) {
        (Some(cast), _) => same_text(cast.expr(), schema),
        (_, Some(cast)) => same_text(cast.expr(), schema),
        _ => expr.is::<Column>().then_some(expr),
    }
}

fn columns_of(expr: &Arc<dyn PhysicalExpr>) -> Vec<Arc<dyn PhysicalExpr>> {
    let mut found: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
    let walked = expr.apply(|node| {
        if node.is::<Column>() && !found.contains(node) {
            found.push(Arc::clone(node));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the closure cannot fail");
    found
}

/// The one column an expression reads, if it is text.
fn only_text_column(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Arc<dyn PhysicalExpr>> {
    let mut found: Option<Arc<dyn PhysicalExpr>> = None;
    let mut only = true;
    let walked = expr.apply(|node| {
        if let Some(column) = node.downcast_ref::<Column>() {
            let field = schema.fields().get(column.index());
            let is_text = field.is_some_and(|field| Type::from_arrow(field.data_type()) == Some(Type::Text));
            only &= is_text && found.as_ref().is_none_or(|before| before == node);
            found = Some(Arc::clone(node));
        }
        Ok(if only { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    found.filter(|_| only && walked.is_ok())
}

/// Whether evaluating the expression for any text can never end in an error.
fn never_fails(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let mut safe = true;
    let walked = expr.apply(|node| {
        safe = node_never_fails(node, schema);
        Ok(if safe { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && safe
}

fn node_never_fails(node: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    if let Some(binary) = node.downcast_ref::<BinaryExpr>() {
        return binary_never_fails(binary);
    }
    if let Some(like) = node.downcast_ref::<LikeExpr>() {
        return is_constant(like.pattern());
    }
    if let Some(list) = node.downcast_ref::<InListExpr>() {
        return list.list().iter().all(is_constant);
    }
    if is_constant(node) {
        return true;
    }
    if let Some(cast) = node.downcast_ref::<CastExpr>() {
        return match (typed(cast.expr(), schema), typed(node, schema)) {
            (Ok((_, from)), Ok((_, to))) => from == to || exact_multiplier(from, to).is_some(),
            _ => false,
        };
    }
    if let Some(function) = node.downcast_ref::<ScalarFunctionExpr>() {
        return function_never_fails(function);
    }
    node.is::<Column>()
        || node.is::<NotExpr>()
        || node.is::<IsNullExpr>()
        || node.is::<IsNotNullExpr>()
        || node.is::<CaseExpr>()
        || node.is::<TryCastExpr>()
}

fn is_constant(expr: &Arc<dyn PhysicalExpr>) -> bool {
    literal::value_of(expr).is_some()
}

fn binary_never_fails(binary: &BinaryExpr) -> bool {
    let op = *binary.op();
    match op {
        Operator::And | Operator::Or | Operator::StringConcat => true,
        _ if is_text_operator(op) => is_constant(binary.right()),
        _ => comparison::operator(op).is_some(),
    }
}

/// Listed, immutable, and with a constant pattern where a pattern could be malformed.
fn function_never_fails(function: &ScalarFunctionExpr) -> bool {
    let name = function.fun().name();
    let constant_tail = || function.args().iter().skip(1).all(is_constant);
    support::is_text_function(name)
        && function.fun().signature().volatility == Volatility::Immutable
        && (constant_tail() || matches!(name, "concat" | "nullif" | "contains" | "starts_with" | "ends_with"))
}

/// The expression over column 0 of type Utf8; text results become Utf8 too.
fn over_plain_strings(
    expr: &Arc<dyn PhysicalExpr>,
    column: &Arc<dyn PhysicalExpr>,
    schema: &Schema,
    result: &DataType,
) -> datafusion::error::Result<Arc<dyn PhysicalExpr>> {
    let text: Arc<dyn PhysicalExpr> = Arc::new(Column::new("text", 0));
    let expected = column.data_type(schema)?;
    let replacement = if expected == DataType::Utf8 { text } else { Arc::new(CastExpr::new(text, expected, None)) };
    let rewritten = Arc::clone(expr)
        .transform_up(|node| {
            let is_column = node.is::<Column>();
            Ok(if is_column { Transformed::yes(Arc::clone(&replacement)) } else { Transformed::no(node) })
        })
        .data()?;
    let is_text = Type::from_arrow(result) == Some(Type::Text) && *result != DataType::Utf8;
    Ok(if is_text { Arc::new(CastExpr::new(rewritten, DataType::Utf8, None)) } else { rewritten })
}

/// Evaluates over the sample.
fn try_out(function: &Arc<dyn PhysicalExpr>) -> datafusion::error::Result<()> {
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]));
    let column: ArrayRef = Arc::new(StringArray::from(SAMPLE.to_vec()));
    let batch = RecordBatch::try_new(schema, vec![column])?;
    let values = function.evaluate(&batch)?.into_array(SAMPLE.len())?;
    debug_assert_eq!(values.len(), SAMPLE.len());
    Ok(())
}
