//! Fault: where a float meets a decimal, the float becomes a decimal (DataFusion 55.2). NaN, infinities and 1e30 are errors
//! then, and what is behind the fifteenth digit is cut off: in comparisons, IN, BETWEEN, CASE, joins and set operations.
//!
//! Correction: the decimal becomes a double, as in arithmetic of the two. A number that is written in the query stays what it
//! looks like, a decimal: `discount = 0.06` finds it. Test: `tests/sqllogictest/slt/types/floats_and_decimals.slt`.

use std::cell::LazyCell;
use std::ops::Deref;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::{Case, InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, Projection, Union, cast};
use datafusion::optimizer::{Analyzer, AnalyzerRule};

use super::rules::position;

/// The rule of the host that brings both sides to one type.
const COERCION: &str = "type_coercion";
/// Functions that give one of their arguments.
const CHOOSING: [&str; 4] = ["coalesce", "nullif", "greatest", "least"];
/// Numbers that are written in a query are decimals between these, and floats beyond.
const WRITTEN_DECIMALS: std::ops::Range<f64> = 1e-15..1e15;

pub(super) fn install(builder: &mut SessionStateBuilder) -> crate::error::Result<()> {
    let rules = &mut builder.analyzer().get_or_insert_with(Analyzer::new).rules;
    let at = position(rules, COERCION)?;
    rules.insert(at, Arc::new(DecimalsBecomeFloats));
    Ok(())
}

#[derive(Debug)]
struct DecimalsBecomeFloats;

impl AnalyzerRule for DecimalsBecomeFloats {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(node).data()
    }

    fn name(&self) -> &str {
        "maar_decimals_become_floats"
    }
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Union(union) => return unite(union),
        _ if !may_meet(&plan)? => return Ok(Transformed::no(plan)),
        _ => {}
    }
    let schema = input_schema(&plan);
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(expr.transform_up(|expr| Ok(meet(expr, &schema)))?.update_data(|expr| name.restore(expr)))
    })?;
    let rewritten = rewritten.transform_data(keys)?;
    if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
}

/// What the columns in the expressions of `plan` refer to.
fn input_schema(plan: &LogicalPlan) -> DFSchemaRef {
    match plan.inputs().as_slice() {
        [input] => Arc::clone(input.schema()),
        several => Arc::new(merge_schema(several)),
    }
}

/// Whether a float may meet a decimal in the node: in most none does, and those are left alone. Looking costs much less than
/// rewriting.
fn may_meet(plan: &LogicalPlan) -> Result<bool> {
    let is_meeting = |expr: &Expr| expr.exists(|part| Ok(brings_together(part)));
    let mut meets = matches!(plan, LogicalPlan::Join(join) if !join.on.is_empty());
    plan.apply_expressions(|expr| {
        meets = meets || is_meeting(expr)?;
        Ok(if meets { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !meets {
        return Ok(false);
    }
    let mut kinds = Kinds::default();
    plan.inputs().iter().flat_map(|input| input.schema().fields()).for_each(|field| kinds.add(field.data_type()));
    if kinds.are_both() {
        return Ok(true);
    }
    let schema = LazyCell::new(|| input_schema(plan));
    plan.apply_expressions(|expr| {
        expr.apply(|part| {
            kinds.add_of(part, &schema);
            Ok(if kinds.are_both() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(kinds.are_both())
}

/// Whether the expression itself is one of those that [`meet`] rewrites.
fn brings_together(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(binary) => compares(binary.op),
        Expr::ScalarFunction(call) => CHOOSING.contains(&call.func.name()),
        Expr::Between(_) | Expr::InList(_) | Expr::Case(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => true,
        _ => false,
    }
}

/// The kinds of numbers that may be among some expressions.
#[derive(Default)]
struct Kinds {
    decimals: bool,
    floats: bool,
}

impl Kinds {
    fn are_both(&self) -> bool {
        self.decimals && self.floats
    }

    fn add(&mut self, data_type: &DataType) {
        self.decimals |= data_type.is_decimal();
        self.floats |= data_type.is_floating();
    }

    /// Adds what `part` makes that is not made of its operands' kinds. Columns are known from the schema.
    fn add_of(&mut self, part: &Expr, schema: &impl Deref<Target = DFSchemaRef>) {
        match part {
            Expr::Cast(cast) => self.add(cast.field.data_type()),
            Expr::TryCast(cast) => self.add(cast.field.data_type()),
            Expr::Literal(value, _) => self.add(&value.data_type()),
            Expr::InSubquery(_) | Expr::SetComparison(_) => (self.decimals, self.floats) = (true, true),
            Expr::Column(_)
            | Expr::Alias(_)
            | Expr::BinaryExpr(_)
            | Expr::Negative(_)
            | Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Like(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Case(_)
            | Expr::Exists(_) => {}
            other => {
                if let Ok(data_type) = other.get_type((**schema).as_ref()) {
                    self.add(&data_type);
                }
            }
        }
    }
}

/// The expression, with floats for decimals where its operands meet floats.
fn meet(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let mut expr = expr;
    let changed = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
            to_floats(&mut [left.as_mut(), right.as_mut()], schema)
        }
        Expr::Between(between) => {
            to_floats(&mut [between.expr.as_mut(), between.low.as_mut(), between.high.as_mut()], schema)
        }
        Expr::InList(list) => {
            let mut operands: Vec<&mut Expr> = vec![list.expr.as_mut()];
            operands.extend(list.list.iter_mut());
            to_floats(&mut operands, schema)
        }
        Expr::Case(case) => choose(case, schema),
        Expr::ScalarFunction(call) if CHOOSING.contains(&call.func.name()) => {
            to_floats(&mut call.args.iter_mut().collect::<Vec<_>>(), schema)
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            compare_with(expr, &mut subquery.subquery, schema)
        }
        _ => false,
    };
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn choose(case: &mut Case, schema: &DFSchema) -> bool {
    let Case { expr, when_then_expr, else_expr } = case;
    let mut compared: Vec<&mut Expr> = expr.iter_mut().map(AsMut::as_mut).collect();
    let mut given: Vec<&mut Expr> = else_expr.iter_mut().map(AsMut::as_mut).collect();
    let is_compared = !compared.is_empty();
    for (when, then) in when_then_expr {
        if is_compared {
            compared.push(when);
        }
        given.push(then);
    }
    // Both, whatever the first says.
    to_floats(&mut compared, schema) | to_floats(&mut given, schema)
}

/// Makes the decimals among `operands` floats where one is a float.
fn to_floats(operands: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let types: Vec<Option<DataType>> = operands.iter().map(|operand| operand.get_type(schema).ok()).collect();
    let is_decimal = |data_type: &Option<DataType>| data_type.as_ref().is_some_and(DataType::is_decimal);
    if !types.iter().any(is_decimal) {
        return false;
    }
    let is_float = |(operand, data_type): (&&mut Expr, &Option<DataType>)| {
        data_type.as_ref().is_some_and(DataType::is_floating) && !is_written(operand)
    };
    if !operands.iter().zip(&types).any(is_float) {
        return false;
    }
    for (operand, _) in operands.iter_mut().zip(&types).filter(|(_, data_type)| is_decimal(data_type)) {
        let decimal = std::mem::take(*operand);
        **operand = cast(decimal, DataType::Float64);
    }
    true
}

/// Whether this is a number as written in the query, or computed of such, that fits a decimal.
fn is_written(expr: &Expr) -> bool {
    let fits = |value: f64| value == 0.0 || WRITTEN_DECIMALS.contains(&value.abs());
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => fits(*value),
        Expr::Literal(ScalarValue::Float32(Some(value)), _) => fits(f64::from(*value)),
        Expr::Literal(..) => true,
        Expr::Negative(inner) => is_written(inner),
        Expr::Alias(alias) => is_written(&alias.expr),
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => is_written(left) && is_written(right),
        _ => false,
    }
}

/// The same for a value and the only column of a subquery.
fn compare_with(value: &mut Expr, subquery: &mut Arc<LogicalPlan>, schema: &DFSchema) -> bool {
    let Ok(value_type) = value.get_type(schema) else { return false };
    let column_type = subquery.schema().field(0).data_type().clone();
    if value_type.is_decimal() && column_type.is_floating() {
        *value = cast(std::mem::take(value), DataType::Float64);
        return true;
    }
    if value_type.is_floating() && column_type.is_decimal() && !is_written(value) {
        let as_floats = with_floats(subquery, &[true]);
        return as_floats.map(|plan| *subquery = Arc::new(plan)).is_ok();
    }
    false
}

/// The keys of a join, which are no single expressions.
fn keys(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
    let mut changed = false;
    for (left, right) in &mut join.on {
        let (of_left, of_right) = (left.get_type(join.left.schema())?, right.get_type(join.right.schema())?);
        let side = match (of_left.is_decimal(), of_right.is_decimal()) {
            (true, false) if of_right.is_floating() => left,
            (false, true) if of_left.is_floating() => right,
            _ => continue,
        };
        *side = cast(std::mem::take(side), DataType::Float64);
        changed = true;
    }
    let plan = LogicalPlan::Join(join);
    Ok(if changed { Transformed::yes(plan) } else { Transformed::no(plan) })
}

/// The inputs of a union, with floats for decimals in the columns where another input has floats.
fn unite(union: Union) -> Result<Transformed<LogicalPlan>> {
    let is = |index: usize, test: fn(&DataType) -> bool| {
        let in_input = move |input: &Arc<LogicalPlan>| {
            input.schema().fields().get(index).is_some_and(|field| test(field.data_type()))
                && !is_constant(input, index)
        };
        union.inputs.iter().any(in_input)
    };
    let columns = union.schema.fields().len();
    let mixed: Vec<bool> =
        (0..columns).map(|index| is(index, DataType::is_floating) && is(index, DataType::is_decimal)).collect();
    if !mixed.contains(&true) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs: Vec<Arc<LogicalPlan>> =
        union.inputs.iter().map(|input| with_floats(input, &mixed).map(Arc::new)).collect::<Result<_>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

/// Whether a column is a number as written.
fn is_constant(input: &LogicalPlan, index: usize) -> bool {
    matches!(input, LogicalPlan::Projection(projection) if projection.expr.get(index).is_some_and(is_written))
}

/// `plan` with floats in the columns that are decimals and wanted as floats.
fn with_floats(plan: &Arc<LogicalPlan>, wanted: &[bool]) -> Result<LogicalPlan> {
    let column = |(index, (qualifier, field)): (usize, (Option<&_>, &Arc<_>))| {
        let column = Expr::from((qualifier, field));
        if wanted.get(index) == Some(&true) && plan.schema().field(index).data_type().is_decimal() {
            cast(column, DataType::Float64).alias_qualified(qualifier.cloned(), plan.schema().field(index).name())
        } else {
            column
        }
    };
    let columns: Vec<Expr> = plan.schema().iter().enumerate().map(column).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(plan))?))
}
