//! A node of windows holds functions with one and the same keys: the host sorts for the first and takes the order for that of all
//! (DataFusion 55.2). Where a correction has given one function other keys than its neighbours, the node becomes several.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::utils::generate_sort_key;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Window};

/// What the rows are sorted by, and which of it parts them.
type Key = Vec<(Sort, bool)>;

/// `plan`, with a node for each key where its functions have several.
pub(super) fn apart(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Window(window) = plan else { return Ok(plan) };
    let mut groups: Vec<(Key, Vec<Expr>)> = Vec::new();
    for function in &window.window_expr {
        let key = key_of(function)?;
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, functions)) => functions.push(function.clone()),
            None => groups.push((key, vec![function.clone()])),
        }
    }
    if groups.len() < 2 {
        return Ok(LogicalPlan::Window(window));
    }
    let columns = window.schema.columns().into_iter().map(Expr::Column).collect();
    let mut plan = window.input;
    for (_, functions) in groups {
        plan = Arc::new(LogicalPlan::Window(Window::try_new(functions, plan)?));
    }
    Ok(LogicalPlan::Projection(Projection::try_new(columns, plan)?))
}

fn key_of(function: &Expr) -> Result<Key> {
    match function {
        Expr::WindowFunction(window) => generate_sort_key(&window.params.partition_by, &window.params.order_by),
        Expr::Alias(alias) => key_of(&alias.expr),
        _ => datafusion::common::internal_err!("a window without a function"),
    }
}
