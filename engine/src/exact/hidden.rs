//! Arithmetic that the optimizer cannot fold wrongly: `a + b` as a scalar function that fails on overflow.
//!
//! DataFusion's constant folding evaluates `a + b` with wrapping kernels and offers no hook. A function it folds by calling
//! it, keeps where that fails, and so the error comes when, and only if, the row is evaluated.

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr as PhysicalBinary, Column, Literal};

use super::wide_decimals;

/// `left op right`, failing on overflow; `op` is one of `+ - *`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExactArithmetic {
    op: Operator,
    signature: Signature,
}

static FUNCTIONS: LazyLock<[Arc<ScalarUDF>; 3]> = LazyLock::new(|| {
    [Operator::Plus, Operator::Minus, Operator::Multiply].map(|op| Arc::new(ScalarUDF::from(ExactArithmetic::new(op))))
});

/// Whether `op` can overflow silently.
pub(super) fn wraps(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
}

impl ExactArithmetic {
    fn new(op: Operator) -> Self {
        // Operands come as type coercion left them: a second coercion would change the type of the result.
        Self { op, signature: Signature::any(2, Volatility::Immutable) }
    }

    pub(super) fn op(&self) -> Operator {
        self.op
    }
}

impl ScalarUDFImpl for ExactArithmetic {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "maar_add",
            Operator::Minus => "maar_subtract",
            _ => "maar_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    // Columns are named by their expression: the hidden form must have the name of what it hides.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(Self::as_binary(self.op, args).map_or_else(|| self.name().to_string(), |e| e.to_string()))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(Self::as_binary(self.op, args).map_or_else(|| self.name().to_string(), |e| e.schema_name().to_string()))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [left, right] => BinaryTypeCoercer::new(left, &self.op, right).get_result_type(),
            _ => datafusion::common::internal_err!("{} takes two arguments", self.name()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        let mut operands: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        for value in args.args {
            match value {
                ColumnarValue::Scalar(scalar) => operands.push(Arc::new(Literal::new(scalar))),
                ColumnarValue::Array(array) => {
                    operands.push(Arc::new(Column::new("operand", columns.len())));
                    fields.push(Field::new("operand", array.data_type().clone(), true));
                    columns.push(array);
                }
            }
        }
        let [left, right] = operands.as_slice() else {
            return datafusion::common::internal_err!("{} takes two arguments", self.name());
        };
        let schema = Arc::new(Schema::new(fields));
        let exact = wide_decimals::check(marked(left, self.op, right), &schema)?;
        let rows = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(args.number_rows));
        exact.evaluate(&RecordBatch::try_new_with_options(schema, columns, &rows)?)
    }
}

impl ExactArithmetic {
    fn as_binary(op: Operator, args: &[Expr]) -> Option<Expr> {
        let [left, right] = args else { return None };
        Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(reveal_all(left)), op, Box::new(reveal_all(right)))))
    }
}

/// `left op right` as a physical expression that fails on overflow.
pub(super) fn marked(left: &Arc<dyn PhysicalExpr>, op: Operator, right: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(PhysicalBinary::new(Arc::clone(left), op, Arc::clone(right)).with_fail_on_overflow(true))
}

/// Whether `expr` has arithmetic in it, hidden or not.
pub(super) fn has_arithmetic(expr: &Expr) -> bool {
    expr.exists(|e| Ok(matches!(e, Expr::BinaryExpr(b) if wraps(b.op)) || operands_of_hidden(e).is_some())).unwrap_or(true)
}

/// Every `+ - *` of `expr` in its hidden form.
pub(super) fn hide(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_down_up(
        |e| {
            let jump = matches!(&e, Expr::AggregateFunction(f) if sums_with_a_constant(f));
            let step = if jump { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue };
            Ok(Transformed::new(e, false, step))
        },
        |e| match e {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if wraps(op) => {
                let which = match op {
                    Operator::Plus => 0,
                    Operator::Minus => 1,
                    _ => 2,
                };
                let function = Arc::clone(&FUNCTIONS[which]);
                Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![*left, *right]))))
            }
            other => Ok(Transformed::no(other)),
        },
    )
}

/// `sum(x + 1)`, which DataFusion turns into `sum(x) + 1 * count(x)` when several such sums stand together. The rewritten
/// form is exact too, so it stays in sight.
fn sums_with_a_constant(function: &AggregateFunction) -> bool {
    let [Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right })] = function.params.args.as_slice() else {
        return false;
    };
    let column = |e: &Expr| match e {
        Expr::Column(_) => true,
        Expr::Cast(cast) => matches!(cast.expr.as_ref(), Expr::Column(_)),
        _ => false,
    };
    let constant = |e: &Expr| matches!(e, Expr::Literal(..));
    (column(left) && constant(right)) || (constant(left) && column(right))
}

/// The arithmetic of `expr` that depends on rows in its plain form. Constants stay hidden: they are still here because
/// folding them failed, and the plain form would be folded to a wrong value by the next rule.
pub(super) fn reveal(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|e| match operands_of_hidden(&e) {
        Some((op, [left, right])) if !is_constant(&e) => Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(left.clone()),
            op,
            Box::new(right.clone()),
        )))),
        _ => Ok(Transformed::no(e)),
    })
}

fn reveal_all(expr: &Expr) -> Expr {
    let revealed = expr.clone().transform_up(|e| match operands_of_hidden(&e) {
        Some((op, [left, right])) => Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(left.clone()),
            op,
            Box::new(right.clone()),
        )))),
        None => Ok(Transformed::no(e)),
    });
    revealed.data().unwrap_or_else(|_| expr.clone())
}

fn operands_of_hidden(expr: &Expr) -> Option<(Operator, &[Expr; 2])> {
    let Expr::ScalarFunction(function) = expr else { return None };
    let exact = function.func.inner().downcast_ref::<ExactArithmetic>()?;
    Some((exact.op, function.args.as_slice().try_into().ok()?))
}

/// Whether nothing in `expr` is known only at run time. Functions like `random()` count as constant here.
fn is_constant(expr: &Expr) -> bool {
    let depends = |e: &Expr| {
        matches!(
            e,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_)
                | Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::ScalarVariable(..)
                | Expr::Unnest(_)
        )
    };
    !expr.exists(|e| Ok(depends(e))).unwrap_or(true)
}
