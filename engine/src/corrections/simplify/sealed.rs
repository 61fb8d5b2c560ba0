//! Seals an expression's node while DataFusion rewrites the plan around it: to a rule it is an unknown function of the
//! node's children. Constants are still folded through it, children still rewritten, and nothing else happens to it.
//!
//! Not here: which nodes to seal (`faults`).

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::create_physical_expr;

/// `node`, with its children taken out: the n-th place holder is the n-th argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sealed {
    node: Expr,
    signature: Signature,
}

/// Seals the node at the top of `expr`.
pub(super) fn seal(expr: Expr) -> Result<Expr> {
    let keeps_words = matches!(expr, Expr::ScalarFunction(_));
    let mut children = Vec::new();
    let node = expr.map_children(|child| {
        if keeps_words && is_word(&child) {
            return Ok(Transformed::no(child));
        }
        children.push(child);
        Ok(Transformed::yes(place(children.len() - 1)))
    });
    Ok(function(node.data()?, children))
}

/// Seals `expr` as a whole: what is inside is rewritten on its own.
pub(super) fn seal_whole(expr: Expr) -> Expr {
    function(place(0), vec![expr])
}

/// `expr` without any seal.
pub(super) fn unseal(expr: Expr) -> Result<Transformed<Expr>> {
    if !has_seal(&expr) {
        return Ok(Transformed::no(expr));
    }
    expr.transform_up(|e| match parts(&e) {
        Some((sealed, children)) => Ok(Transformed::yes(sealed.filled(children)?)),
        None => Ok(Transformed::no(e)),
    })
}

/// Whether there is a seal anywhere in `expr`. Looking costs much less than rewriting.
pub(super) fn has_seal(expr: &Expr) -> bool {
    expr.exists(|e| Ok(parts(e).is_some())).unwrap_or(true)
}

/// A literal text: what a function returns may hang on it (`date_trunc('day', t)`).
fn is_word(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.data_type().is_string())
}

fn function(node: Expr, children: Vec<Expr>) -> Expr {
    let signature = Signature::any(children.len(), Volatility::Immutable);
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(Sealed { node, signature })), children))
}

fn parts(expr: &Expr) -> Option<(&Sealed, &[Expr])> {
    let Expr::ScalarFunction(function) = expr else { return None };
    Some((function.func.inner().downcast_ref::<Sealed>()?, &function.args))
}

fn place(number: usize) -> Expr {
    Expr::Column(Column::new_unqualified(number.to_string()))
}

impl Sealed {
    /// The node with `children` in their places.
    fn filled(&self, children: &[Expr]) -> Result<Expr> {
        if self.node == place(0) {
            return Ok(children[0].clone());
        }
        let mut rest = children.iter();
        let filled = self.node.clone().map_children(|child| match (&child, rest.clone().next()) {
            (_, Some(next)) if !is_word(&child) => {
                rest.next();
                Ok(Transformed::yes(next.clone()))
            }
            _ => Ok(Transformed::no(child)),
        });
        filled.data()
    }

    /// Columns are named by their expression: a sealed one must have the name of what it seals.
    fn plain(&self, children: &[Expr]) -> Result<Expr> {
        unseal(self.filled(children)?).data()
    }

    fn places(fields: impl IntoIterator<Item = Field>) -> Result<DFSchema> {
        let named = fields.into_iter().enumerate().map(|(i, field)| field.with_name(i.to_string()));
        DFSchema::try_from(Schema::new(named.collect::<Vec<_>>()))
    }
}

impl ScalarUDFImpl for Sealed {
    fn name(&self) -> &str {
        "maar_sealed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.plain(args)?.to_string())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.plain(args)?.schema_name().to_string())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        datafusion::common::internal_err!("the type of {} hangs on its arguments", self.name())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let schema = Self::places(args.arg_fields.iter().map(|field| field.as_ref().clone()))?;
        Ok(self.node.to_field(&schema)?.1)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = args.args.iter().map(|value| value.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let places = Self::places(args.arg_fields.iter().zip(&columns).map(|(field, column)| {
            let nullable = field.is_nullable() || column.null_count() > 0;
            Field::new(field.name(), column.data_type().clone(), nullable)
        }))?;
        let mut properties = ExecutionProps::new();
        properties.config_options = Some(Arc::clone(&args.config_options));
        let node = create_physical_expr(&self.node, &places, &properties, &PhysicalPlanningContext::default())?;
        let rows = RecordBatchOptions::new().with_row_count(Some(args.number_rows));
        let schema = Arc::new(places.as_arrow().clone());
        node.evaluate(&RecordBatch::try_new_with_options(schema, columns, &rows)?)
    }
}
