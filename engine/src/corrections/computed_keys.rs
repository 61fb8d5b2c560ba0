//! Fault: a sort or window whose key compares what a function or CASE gives (`ORDER BY a, length(s) > 3`) is refused with a dump
//! of its plan: the host cannot say in which order such a key is, not even under a sort by it (DataFusion 55.2).
//!
//! Correction: such keys are columns of a projection below. Test: `tests/sqllogictest/slt/windows/computed_keys.slt`.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::Sort as Key;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Projection, Sort, Window};
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

pub(super) fn install(builder: &mut SessionStateBuilder) {
    builder.optimizer().get_or_insert_with(Optimizer::new).rules.push(Arc::new(ComputedKeys));
}

/// The rule; it goes last: others would compute the keys in their place again.
#[derive(Debug)]
struct ComputedKeys;

impl OptimizerRule for ComputedKeys {
    fn name(&self) -> &str {
        "maar_computed_keys"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Sort(sort) if sort.expr.iter().any(is_concerned) => sorted(sort).map(Transformed::yes),
            LogicalPlan::Window(window) if window.window_expr.iter().any(has_concerned_key) => {
                windowed(window).map(Transformed::yes)
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// Whether the key compares, or computes with, something that is no plain column.
fn is_concerned(key: &Key) -> bool {
    let is_plain = |e: &Expr| matches!(e, Expr::Column(_) | Expr::Literal(..));
    let compares =
        |e: &Expr| matches!(e, Expr::BinaryExpr(BinaryExpr { left, right, .. }) if !is_plain(left) || !is_plain(right));
    !key.expr.is_volatile() && key.expr.exists(|e| Ok(compares(e))).unwrap_or(false)
}

fn has_concerned_key(expr: &Expr) -> bool {
    match expr {
        Expr::WindowFunction(window) => window.params.order_by.iter().any(is_concerned),
        Expr::Alias(alias) => has_concerned_key(&alias.expr),
        _ => false,
    }
}

fn sorted(mut sort: Sort) -> Result<LogicalPlan> {
    let columns = columns_of(sort.input.schema());
    let mut keys = Keys::default();
    sort.expr.iter_mut().for_each(|key| keys.take(key));
    sort.input = keys.below(&sort.input)?;
    above(columns, LogicalPlan::Sort(sort))
}

fn windowed(window: Window) -> Result<LogicalPlan> {
    let columns = columns_of(&window.schema);
    let mut keys = Keys::default();
    let input = Arc::clone(&window.input);
    let plan = LogicalPlan::Window(window);
    let names = NamePreserver::new(&plan);
    let mut functions = Vec::new();
    for function in plan.expressions() {
        let name = names.save(&function);
        let with_columns = function.transform_down(|e| match e {
            Expr::WindowFunction(mut window) => {
                window.params.order_by.iter_mut().for_each(|key| keys.take(key));
                Ok(Transformed::yes(Expr::WindowFunction(window)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        functions.push(name.restore(with_columns.data));
    }
    above(columns, LogicalPlan::Window(Window::try_new(functions, keys.below(&input)?)?))
}

/// The keys that become columns.
#[derive(Default)]
struct Keys(Vec<Expr>);

impl Keys {
    fn take(&mut self, key: &mut Key) {
        if !is_concerned(key) {
            return;
        }
        let at = self.0.iter().position(|known| *known == key.expr).unwrap_or_else(|| {
            self.0.push(key.expr.clone());
            self.0.len() - 1
        });
        key.expr = Expr::Column(Column::new_unqualified(name_of(at)));
    }

    /// `input` with the keys behind its columns.
    fn below(self, input: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
        let mut columns = columns_of(input.schema());
        columns.extend(self.0.into_iter().enumerate().map(|(at, key)| key.alias(name_of(at))));
        Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(input))?)))
    }
}

fn name_of(key: usize) -> String {
    format!("maar_key_{key}")
}

fn columns_of(schema: &DFSchema) -> Vec<Expr> {
    schema.iter().map(Expr::from).collect()
}

/// The columns that there were, without the keys.
fn above(columns: Vec<Expr>, plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?))
}
