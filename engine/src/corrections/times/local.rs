//! A time without zone becomes one of a zone with gaps and repeats: DataFusion's cast fails for a local time that a change of
//! clocks skips or repeats. Here, as in PostgreSQL and DuckDB, a repeated time is the later one, and a skipped time is read
//! with the offset from before the change. The other way round, DataFusion's cast shows what the clocks of UTC show, whatever
//! the zone; here it is what the clocks of the zone show. Not here: the arithmetic of clocks (`clocks`).

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::functions::datetime::to_local_time;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TryCast, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_node, input_schema, map_named};
use super::clocks::{OnFailure, in_zone};
use super::exact::has_cast_of_time;

/// The rule; it goes behind all that looks at casts.
#[derive(Debug)]
pub(super) struct LocalTimes;

impl AnalyzerRule for LocalTimes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !any_node(&plan, has_cast_of_time)? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(|node| {
            if !has_cast_of_time(&node)? {
                return Ok(Transformed::no(node));
            }
            let schema = input_schema(&node)?;
            map_named(node, |expr| expr.transform_up(|e| Ok(localised(e, &schema))))
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_local_times"
    }
}

/// Only zones with names change their clocks.
fn changes_clocks(zone: &str) -> bool {
    zone.contains('/')
}

fn localised(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let (inner, to, on_failure) = match &expr {
        Expr::Cast(cast) => (&cast.expr, cast.field.data_type(), OnFailure::Error),
        Expr::TryCast(cast) => (&cast.expr, cast.field.data_type(), OnFailure::Null),
        _ => return Transformed::no(expr),
    };
    let from = inner.get_type(schema).unwrap_or(DataType::Null);
    match (&from, to) {
        (DataType::Timestamp(_, None) | DataType::Date32, DataType::Timestamp(_, Some(zone)))
            if changes_clocks(zone) =>
        {
            Transformed::yes(zoned(inner.as_ref().clone(), to.clone(), on_failure))
        }
        (text, DataType::Timestamp(_, Some(zone))) if text.is_string() && changes_clocks(zone) => {
            Transformed::yes(zoned(inner.as_ref().clone(), to.clone(), on_failure))
        }
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(to_unit, None)) => {
            let local = to_local_time().call(vec![inner.as_ref().clone()]);
            Transformed::yes(match (unit == to_unit, on_failure) {
                (true, _) => local,
                (false, OnFailure::Error) => Expr::Cast(Cast::new(Box::new(local), to.clone())),
                (false, OnFailure::Null) => Expr::TryCast(TryCast::new(Box::new(local), to.clone())),
            })
        }
        _ => Transformed::no(expr),
    }
}

fn zoned(local: Expr, to: DataType, on_failure: OnFailure) -> Expr {
    let function = InZone { to, on_failure, signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![local]))
}

/// The cast to a timestamp of a zone.
#[derive(Debug, PartialEq, Eq, Hash)]
struct InZone {
    to: DataType,
    on_failure: OnFailure,
    signature: Signature,
}

impl ScalarUDFImpl for InZone {
    fn name(&self) -> &str {
        "maar_in_zone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let (inner, to) = (Box::new(args[0].clone()), self.to.clone());
        Ok(match self.on_failure {
            OnFailure::Error => Expr::Cast(Cast::new(inner, to)).to_string(),
            OnFailure::Null => Expr::TryCast(TryCast::new(inner, to)).to_string(),
        })
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields[0].is_nullable() || self.on_failure == OnFailure::Null;
        Ok(Arc::new(Field::new(self.name(), self.to.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let local = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(in_zone(&local, &self.to, self.on_failure)?))
    }
}
