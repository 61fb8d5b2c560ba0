//! A time without zone becomes one of a zone with gaps and repeats: DataFusion's cast fails for a local time that a change of
//! clocks skips or repeats. Here, as in PostgreSQL and DuckDB, a repeated time is the later one, and a skipped time is read
//! with the offset from before the change. The other way round, DataFusion's cast shows what the clocks of UTC show, whatever
//! the zone; here it is what the clocks of the zone show.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions::datetime::to_local_time;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::{any_expression, input_schema, map_named};

/// The rule; it goes behind all that looks at casts.
#[derive(Debug)]
pub(super) struct LocalTimes;

impl AnalyzerRule for LocalTimes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            if !any_expression(&node, |e| e.exists(|e| Ok(crosses_zones(e))).unwrap_or(true))? {
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

/// Whether `expr` is a cast to a zone, or from one to none.
fn crosses_zones(expr: &Expr) -> bool {
    matches!(expr, Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Timestamp(..)))
}

/// Only zones with names change their clocks.
fn changes_clocks(zone: &str) -> bool {
    zone.contains('/')
}

fn localised(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::Cast(cast) = expr else { return Transformed::no(expr) };
    let to = cast.field.data_type().clone();
    let from = cast.expr.get_type(schema).unwrap_or(DataType::Null);
    match (&from, &to) {
        (DataType::Timestamp(_, None) | DataType::Date32, DataType::Timestamp(_, Some(zone)))
            if changes_clocks(zone) =>
        {
            Transformed::yes(zoned(*cast.expr, to))
        }
        (text, DataType::Timestamp(unit, Some(zone))) if text.is_string() && changes_clocks(zone) => {
            match local_literal(&cast.expr, &to, *unit) {
                Some(local) => Transformed::yes(zoned(Expr::Literal(local, None), to)),
                None => Transformed::no(Expr::Cast(cast)),
            }
        }
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(to_unit, None)) => {
            let local = to_local_time().call(vec![*cast.expr]);
            let same = unit == to_unit;
            Transformed::yes(if same { local } else { Expr::Cast(Cast::new(Box::new(local), to)) })
        }
        _ => Transformed::no(Expr::Cast(cast)),
    }
}

fn zoned(local: Expr, to: DataType) -> Expr {
    let function = InZone { to, signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![local]))
}

/// A text that is a local time, where the host cannot read it as one of the zone.
fn local_literal(expr: &Expr, zoned: &DataType, unit: TimeUnit) -> Option<ScalarValue> {
    let text = expr.as_literal()?;
    match text.cast_to(zoned) {
        Ok(_) => None,
        Err(_) => text.cast_to(&DataType::Timestamp(unit, None)).ok(),
    }
}

/// The cast to a timestamp of a zone.
#[derive(Debug, PartialEq, Eq, Hash)]
struct InZone {
    to: DataType,
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
        Ok(Expr::Cast(Cast::new(Box::new(args[0].clone()), self.to.clone())).to_string())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), self.to.clone(), args.arg_fields[0].is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Timestamp(unit, Some(zone)) = &self.to else {
            return datafusion::common::internal_err!("{} has no zone", self.to);
        };
        let local = args.args[0].to_array(args.number_rows)?;
        let local = cast(&local, &DataType::Timestamp(*unit, None))?;
        Ok(ColumnarValue::Array(in_zone(&local, *unit, zone)?))
    }
}

/// The instants at which the clocks of `zone` show `local`.
fn in_zone(local: &ArrayRef, unit: TimeUnit, zone: &Arc<str>) -> Result<ArrayRef> {
    let zoned = DataType::Timestamp(unit, Some(Arc::clone(zone)));
    // What the clocks show at an instant: a cast that cannot fail.
    let shown = |instants: Int64Array| -> Result<Int64Array> {
        let clocks = call(&to_local_time(), cast(&instants, &zoned)?, DataType::Timestamp(unit, None))?;
        Ok(cast(&clocks, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    };
    let local = cast(local, &DataType::Int64)?;
    let local = local.as_primitive::<Int64Type>();
    // No zone is further than a day from UTC, or changes its clocks twice in two days.
    let day = 86_400 * per_second(unit);
    let moved = |by: i64| -> Int64Array { local.unary(|time| time.saturating_add(by)) };
    let instants_with_offset_of = |probe: Int64Array| -> Result<Int64Array> {
        let shown = shown(probe.clone())?;
        let rows = local.iter().zip(&probe).zip(&shown);
        Ok(rows.map(|((time, probe), shown)| Some(time? - (shown? - probe?))).collect())
    };
    let before = instants_with_offset_of(moved(-day))?;
    let after = instants_with_offset_of(moved(day))?;
    let shown_after = shown(after.clone())?;
    let rows = local.iter().zip(&before).zip(after.iter().zip(&shown_after));
    // With the offset from after the change the instant is the later one of a repeated time; a skipped time has none.
    let found: Int64Array =
        rows.map(|((time, before), (after, shown))| if shown == time { after } else { before }).collect();
    Ok(cast(&found, &zoned)?)
}

/// A function of one column.
fn call(function: &ScalarUDF, column: ArrayRef, result: DataType) -> Result<ArrayRef> {
    let number_rows = column.len();
    let args = ScalarFunctionArgs {
        arg_fields: vec![Arc::new(Field::new("time", column.data_type().clone(), true))],
        args: vec![ColumnarValue::Array(column)],
        number_rows,
        return_field: Arc::new(Field::new("time", result, true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    function.invoke_with_args(args)?.into_array(number_rows)
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}
