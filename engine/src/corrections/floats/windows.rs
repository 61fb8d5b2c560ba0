//! Canonical floats where no operator can be rewritten behind placement: the keys of windows. There a function makes the form,
//! under the name of its argument. Not here: constants (`constants`), which need that function as well.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunctionDefinition};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::super::plans::any_expression;
use super::canonical::{Form, canonical, canonical_scalar, has_floats};
use crate::device::{FLOAT_KEY, ONE_NAN};

/// Its argument in a canonical form.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Canonical {
    form: Form,
    signature: Signature,
}

/// A call of [`Canonical`].
pub(super) fn made_canonical(expr: Expr, form: Form) -> Expr {
    static FUNCTIONS: LazyLock<[Arc<ScalarUDF>; 2]> = LazyLock::new(|| {
        let signature = || Signature::any(1, Volatility::Immutable);
        [Form::Nan, Form::NanAndZero].map(|form| Arc::new(ScalarUDF::from(Canonical { form, signature: signature() })))
    });
    let function = &FUNCTIONS[usize::from(form == Form::NanAndZero)];
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![expr]))
}

pub(super) fn is_made_canonical(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.inner().is::<Canonical>())
}

impl ScalarUDFImpl for Canonical {
    fn name(&self) -> &str {
        match self.form {
            Form::Nan => ONE_NAN,
            Form::NanAndZero => FLOAT_KEY,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    // Columns are named by their expression, and this is none that anybody wrote.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.first().map_or_else(|| self.name().to_string(), |argument| argument.to_string()))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.first().map_or_else(|| self.name().to_string(), |argument| argument.schema_name().to_string()))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(canonical(array, self.form)?)),
            Some(ColumnarValue::Scalar(scalar)) => Ok(ColumnarValue::Scalar(canonical_scalar(scalar, self.form)?)),
            None => Ok(ColumnarValue::Scalar(ScalarValue::Null)),
        }
    }
}

/// The keys of windows, and NaNs that folding made.
#[derive(Debug)]
pub(super) struct CanonicalWindows;

impl OptimizerRule for CanonicalWindows {
    fn name(&self) -> &str {
        "maar_canonical_windows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !any_expression(&plan, |expr| expr.exists(|e| Ok(concerns(e))).unwrap_or(true))? {
            return Ok(Transformed::no(plan));
        }
        let input = match &plan {
            LogicalPlan::Window(window) => Some(Arc::clone(window.input.schema())),
            _ => None,
        };
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = input.as_ref().map(|_| names.save(&expr));
            let made = expr.transform_up(|expr| match (expr, &input) {
                (Expr::Literal(value, metadata), _) => Ok(match one_nan(&value) {
                    Some(nan) => Transformed::yes(Expr::Literal(nan, metadata)),
                    None => Transformed::no(Expr::Literal(value, metadata)),
                }),
                (window @ Expr::WindowFunction(_), Some(schema)) => canonical_window(window, schema),
                (other, _) => Ok(Transformed::no(other)),
            })?;
            Ok(match name {
                Some(name) if made.transformed => made.update_data(|expr| name.restore(expr)),
                _ => made,
            })
        })
    }
}

/// Whether this is a window, or a NaN of other bits than the canonical one's: nearly no query has either.
fn concerns(expr: &Expr) -> bool {
    match expr {
        Expr::WindowFunction(_) => true,
        Expr::Literal(value, _) => one_nan(value).is_some(),
        _ => false,
    }
}

/// NaN as every NaN is to be, where this is one of other bits.
fn one_nan(value: &ScalarValue) -> Option<ScalarValue> {
    match value {
        ScalarValue::Float64(Some(v)) if v.is_nan() && v.to_bits() != f64::NAN.to_bits() => {
            Some(ScalarValue::Float64(Some(f64::NAN)))
        }
        ScalarValue::Float32(Some(v)) if v.is_nan() && v.to_bits() != f32::NAN.to_bits() => {
            Some(ScalarValue::Float32(Some(f32::NAN)))
        }
        _ => None,
    }
}

fn canonical_window(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::WindowFunction(mut window) = expr else { return Ok(Transformed::no(expr)) };
    let mut changed = false;
    let mut make = |expr: &mut Expr, form: Form| -> Result<()> {
        if !is_made_canonical(expr) && has_floats(&expr.get_type(schema)?) {
            *expr = made_canonical(std::mem::take(expr), form);
            changed = true;
        }
        Ok(())
    };
    for key in &mut window.params.partition_by {
        make(key, Form::NanAndZero)?;
    }
    for key in &mut window.params.order_by {
        make(&mut key.expr, Form::NanAndZero)?;
    }
    let compares = matches!(&window.fun, WindowFunctionDefinition::AggregateUDF(function)
        if matches!(function.name(), "min" | "max") || window.params.distinct);
    for argument in window.params.args.iter_mut().filter(|_| compares) {
        make(argument, if window.params.distinct { Form::NanAndZero } else { Form::Nan })?;
    }
    Ok(Transformed::new_transformed(Expr::WindowFunction(window), changed))
}
