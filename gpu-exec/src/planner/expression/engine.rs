//! Functions that the engine writes in place of operators, where the host's optimizer would take an operator for something
//! else. They are called by their names; what they mean is said here for the device alone.
//!
//! They stay in what the engine cannot rewrite behind the optimizer: the keys of windows, and so of the sorts below those.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::{translate_tree as translate_any, typed};
use crate::ir::{Expr, ExprKind};
use crate::planner::Reason;

/// Arithmetic that fails on overflow, as all of the device's does.
const CHECKED: &[(&str, Operator)] =
    &[("maar_add", Operator::Plus), ("maar_subtract", Operator::Minus), ("maar_multiply", Operator::Multiply)];

/// Floats in a form that is one for all that are equal, and whether 0.0 and -0.0 are.
const CANONICAL: &[(&str, bool)] = &[(FLOAT_KEY, true), (ONE_NAN, false)];

/// What keys of floats are compared by: one NaN, and one zero.
pub const FLOAT_KEY: &str = "maar_float_key";
/// What minima and maxima of floats are taken of: one NaN.
pub const ONE_NAN: &str = "maar_one_nan";

/// The expression, or `None` for every other function.
pub(super) fn translate(
    expr: &Arc<dyn PhysicalExpr>,
    function: &ScalarFunctionExpr,
    schema: &Schema,
) -> Result<Option<Expr>, Reason> {
    let name = function.fun().name();
    if let Some((_, op)) = CHECKED.iter().find(|(known, _)| *known == name)
        && let [left, right] = function.args()
    {
        let plain: Arc<dyn PhysicalExpr> = Arc::new(BinaryExpr::new(Arc::clone(left), *op, Arc::clone(right)));
        return with_type_of(expr, translate_any(&plain, schema)?, schema).map(Some);
    }
    if let Some((_, zeros)) = CANONICAL.iter().find(|(known, _)| *known == name)
        && let [input] = function.args()
    {
        let input = translate_any(input, schema)?;
        if !input.ty.is_float() {
            return Err(Reason::at(expr.as_ref(), "floats inside of other values have no device form"));
        }
        let (ty, nullable) = (input.ty, input.nullable);
        let canonical = Expr::new(ExprKind::Canonical { zeros: *zeros, input: Box::new(input) }, ty, nullable);
        return with_type_of(expr, canonical, schema).map(Some);
    }
    Ok(None)
}

fn with_type_of(expr: &Arc<dyn PhysicalExpr>, translated: Expr, schema: &Schema) -> Result<Expr, Reason> {
    if typed(expr, schema)?.1 == translated.ty {
        return Ok(translated);
    }
    Err(Reason::at(expr.as_ref(), "a result of another type than the device computes has no device form"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
    use datafusion::physical_expr::expressions::col;

    use super::*;

    /// A function of that name over columns of one type, translated.
    fn translated(name: &str, arguments: usize, data_type: &DataType) -> Result<Expr, Reason> {
        let types = vec![data_type.clone(); arguments];
        let never = Arc::new(|arguments: &[ColumnarValue]| Ok(arguments[0].clone()));
        let udf = create_udf(name, types, data_type.clone(), Volatility::Immutable, never);
        let schema =
            Schema::new(vec![Field::new("a", data_type.clone(), true), Field::new("b", data_type.clone(), true)]);
        let columns = ["a", "b"].iter().take(arguments).map(|name| col(name, &schema).unwrap()).collect();
        let call = ScalarFunctionExpr::try_new(Arc::new(udf), columns, &schema, Arc::default()).unwrap();
        let call: Arc<dyn PhysicalExpr> = Arc::new(call);
        translate_any(&call, &schema)
    }

    #[test]
    fn names_stand_for_operators() {
        let sum = translated("maar_add", 2, &DataType::Int32).unwrap();
        assert!(matches!(sum.kind, ExprKind::Arithmetic { op: crate::ir::ArithmeticOp::Add, .. }), "{sum:?}");
        let key = translated("maar_float_key", 1, &DataType::Float32).unwrap();
        assert!(matches!(key.kind, ExprKind::Canonical { zeros: true, .. }) && key.nullable, "{key:?}");
        let nan = translated("maar_one_nan", 1, &DataType::Float64).unwrap();
        assert!(matches!(nan.kind, ExprKind::Canonical { zeros: false, .. }), "{nan:?}");
        assert!(translated("maar_float_key", 1, &DataType::Int64).is_err());
        assert!(translated("maar_other", 1, &DataType::Int64).is_err());
    }
}
