//! Fault: a window frame `RANGE BETWEEN 200 PRECEDING AND CURRENT ROW` is computed in the type that the window is ordered by:
//! 200 is no TINYINT, so that every row is in the frame, and what lies behind the ends of a type has every row behind it in the
//! frame, NULL among them; over texts the frame is anything (DataFusion 55.2).
//!
//! Correction: small integers are ordered by as BIGINT, where each offset of theirs fits; BIGINT, and what has offsets as far
//! as that, as decimals. What has no distances is refused. Test: `tests/sqllogictest/slt/windows/range_frames.slt`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits, cast,
};
use datafusion::optimizer::{Analyzer, AnalyzerRule};

use super::plans::{any_expression, any_node, input_schema, map_named};
use super::rules::position;
use super::window_keys::apart;

/// The host's rule that gives offsets the type of the order.
const COERCION: &str = "type_coercion";

/// Holds a BIGINT with a BIGINT added.
const WIDEST: DataType = DataType::Decimal128(20, 0);

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let rules = &mut builder.analyzer().get_or_insert_with(Analyzer::new).rules;
    let at = position(rules, COERCION)?;
    rules.insert(at, Arc::new(WideRanges));
    Ok(())
}

#[derive(Debug)]
struct WideRanges;

impl AnalyzerRule for WideRanges {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let concerns = |node: &LogicalPlan| {
            Ok(matches!(node, LogicalPlan::Window(_))
                && any_expression(node, |expr| expr.exists(|e| Ok(has_offset(e))).unwrap_or(true))?)
        };
        if !any_node(&plan, concerns)? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(|node| {
            if !concerns(&node)? {
                return Ok(Transformed::no(node));
            }
            let schema = input_schema(&node)?;
            map_named(node, |expr| expr.transform_up(|e| widened(e, &schema)))?.map_data(apart)
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_range_frames"
    }
}

fn has_offset(expr: &Expr) -> bool {
    matches!(expr, Expr::WindowFunction(window) if takes_offset(&window.params.window_frame))
}

fn takes_offset(frame: &WindowFrame) -> bool {
    let is_offset = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    frame.units == WindowFrameUnits::Range && (is_offset(&frame.start_bound) || is_offset(&frame.end_bound))
}

/// Whether no offset leads from a small integer out of BIGINT.
fn is_near(frame: &WindowFrame) -> bool {
    let is_small = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => {
            value.is_null() || value.to_string().parse::<f64>().is_ok_and(|offset| offset <= f64::from(u32::MAX))
        }
        WindowFrameBound::CurrentRow => true,
    };
    is_small(&frame.start_bound) && is_small(&frame.end_bound)
}

fn widened(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::WindowFunction(window) = &mut expr else { return Ok(Transformed::no(expr)) };
    if !takes_offset(&window.params.window_frame) {
        return Ok(Transformed::no(expr));
    }
    let is_near = is_near(&window.params.window_frame);
    let [by] = window.params.order_by.as_mut_slice() else { return Ok(Transformed::no(expr)) };
    let own = by.expr.get_type(schema)?;
    let wide = match &own {
        DataType::Int64 | DataType::UInt64 => WIDEST,
        integer if integer.is_integer() => {
            if is_near {
                DataType::Int64
            } else {
                WIDEST
            }
        }
        other if other.is_string() || other.is_nested() || *other == DataType::Boolean => {
            return datafusion::common::plan_err!(
                "RANGE with an offset needs numbers or times to order by, and {} is neither",
                by.expr
            );
        }
        _ => return Ok(Transformed::no(expr)),
    };
    by.expr = cast(std::mem::take(&mut by.expr), wide);
    Ok(Transformed::yes(expr))
}
