//! `'hello'[1]` and `name[2:4]`: characters of a string by their places, from 1 on, and from the end where they are negative.
//! Not here: subscripts of lists and maps, which DataFusion has.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::functions::expr_fn::{character_length, greatest, substring};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit, when};

/// The planner; it comes before DataFusion's own.
#[derive(Debug)]
pub(super) struct Subscripts;

impl ExprPlanner for Subscripts {
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        if !raw.expr.get_type(schema).is_ok_and(|given| given.is_string()) {
            return Ok(PlannerResult::Original(raw));
        }
        let RawFieldAccessExpr { expr, field_access } = raw;
        let is_integer = |place: &Expr| place.get_type(schema).is_ok_and(|given| given.is_integer());
        match field_access {
            GetFieldAccess::ListIndex { key } if is_integer(&key) => {
                let start = from_start(&expr, *key)?;
                Ok(PlannerResult::Planned(substring(expr, start, lit(1i64))))
            }
            GetFieldAccess::ListRange { start, stop, stride }
                if is_integer(&start) && is_integer(&stop) && *stride == lit(1i64) =>
            {
                let (start, stop) = (from_start(&expr, *start)?, from_start(&expr, *stop)?);
                let length = greatest(vec![stop - start.clone() + lit(1i64), lit(0i64)]);
                Ok(PlannerResult::Planned(substring(expr, start, length)))
            }
            field_access => Ok(PlannerResult::Original(RawFieldAccessExpr { expr, field_access })),
        }
    }
}

/// The place counted from the start.
fn from_start(text: &Expr, place: Expr) -> Result<Expr> {
    let place = datafusion::logical_expr::cast(place, DataType::Int64);
    let length = datafusion::logical_expr::cast(character_length(text.clone()), DataType::Int64);
    when(place.clone().lt(lit(0i64)), length + place.clone() + lit(1i64)).otherwise(place)
}
