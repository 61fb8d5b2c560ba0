//! Arithmetic that the optimizer cannot fold wrongly: `a + b` as a scalar function that fails on overflow.
//!
//! DataFusion's constant folding evaluates `a + b` with wrapping kernels and offers no hook. A function it folds by calling
//! it, keeps where that fails, and so the error comes when, and only if, the row is evaluated.

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRewriter};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
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
pub(super) fn marked(
    left: &Arc<dyn PhysicalExpr>,
    op: Operator,
    right: &Arc<dyn PhysicalExpr>,
) -> Arc<dyn PhysicalExpr> {
    Arc::new(PhysicalBinary::new(Arc::clone(left), op, Arc::clone(right)).with_fail_on_overflow(true))
}

/// Whether `expr` has arithmetic in it, hidden or not.
pub(super) fn has_arithmetic(expr: &Expr) -> bool {
    expr.exists(|e| Ok(matches!(e, Expr::BinaryExpr(b) if wraps(b.op)) || operands_of_hidden(e).is_some()))
        .unwrap_or(true)
}

/// What [`hide`] hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hiding {
    /// The `+ - *` that folding could reach: what is constant, and what could become so while folding works (a CASE that is
    /// decided, a product with zero). Sums and products of columns stay as they are, which is most arithmetic.
    Foldable,
    /// Every `+ - *`.
    All,
}

/// `expr` with arithmetic in its hidden form.
pub(super) fn hide(expr: Expr, what: Hiding) -> Result<Transformed<Expr>> {
    expr.rewrite(&mut Hider { what, open: vec![Facts::NOTHING] })
}

/// What folding could make of an expression.
#[derive(Clone, Copy)]
struct Facts {
    /// Has a part that is known only at run time.
    varies: bool,
    /// Has a part that the simplifier may replace by something constant although it varies now.
    may_settle: bool,
}

impl Facts {
    const NOTHING: Self = Self { varies: false, may_settle: false };

    fn and(self, other: Self) -> Self {
        Self { varies: self.varies || other.varies, may_settle: self.may_settle || other.may_settle }
    }
}

/// Walks an expression once and knows the facts of every part when it leaves it.
struct Hider {
    what: Hiding,
    /// For each expression being walked, the facts of its children so far; for a product, see `f_up`.
    open: Vec<Facts>,
}

impl TreeNodeRewriter for Hider {
    type Node = Expr;

    fn f_down(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        self.open.push(Facts::NOTHING);
        Ok(Transformed::no(expr))
    }

    fn f_up(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        let mut facts = self.open.pop().unwrap_or(Facts::NOTHING);
        match &expr {
            Expr::Literal(..) | Expr::Cast(_) => {}
            Expr::Column(_) | Expr::OuterReferenceColumn(..) => facts.varies = true,
            Expr::BinaryExpr(binary) if matches!(binary.op, Operator::Plus | Operator::Minus) => {}
            Expr::BinaryExpr(binary) if binary.op == Operator::Multiply => {
                // A zero, written or folded, takes the other side with it.
                facts.may_settle |= is_constant(&binary.left) || is_constant(&binary.right);
            }
            other => facts = Facts { varies: !is_constant_leaf(other) || facts.varies, may_settle: true },
        }
        if let Some(parent) = self.open.last_mut() {
            *parent = parent.and(facts);
        }
        let foldable = facts.may_settle || !facts.varies;
        match expr {
            Expr::BinaryExpr(binary) if wraps(binary.op) && (foldable || self.what == Hiding::All) => {
                Ok(Transformed::yes(hidden(binary)))
            }
            plain => Ok(Transformed::no(plain)),
        }
    }
}

/// The hidden form of a `+ - *`.
pub(super) fn hidden(binary: BinaryExpr) -> Expr {
    let which = match binary.op {
        Operator::Plus => 0,
        Operator::Minus => 1,
        _ => 2,
    };
    let operands = vec![*binary.left, *binary.right];
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&FUNCTIONS[which]), operands))
}

/// The arithmetic of `expr` that depends on rows in its plain form. Constants stay hidden: they are still here because
/// folding them failed, and the plain form would be folded to a wrong value by the next rule.
pub(super) fn reveal(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|e| match operands_of_hidden(&e) {
        Some((op, [left, right])) if !is_constant(&e) => {
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))))
        }
        _ => Ok(Transformed::no(e)),
    })
}

fn reveal_all(expr: &Expr) -> Expr {
    let revealed = expr.clone().transform_up(|e| match operands_of_hidden(&e) {
        Some((op, [left, right])) => {
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))))
        }
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
    !expr.exists(|e| Ok(!is_constant_leaf(e))).unwrap_or(true)
}

/// Whether `expr` itself, apart from what it is made of, is known before the run.
fn is_constant_leaf(expr: &Expr) -> bool {
    !matches!(
        expr,
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
}
