//! ORDER BY over a subquery that looks at columns which the select list leaves out: the host carries to the sort those alone that
//! a key names outside of its subqueries. Test: `tests/sqllogictest/slt/filter/subquery_order.slt`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Sort};

use super::joins::Names;

/// `sort` over an input that has the columns its subqueries look at, where they can be carried, and the columns that it gave.
pub(super) fn carrying(mut sort: Sort, names: &Names) -> Result<(Sort, Vec<Expr>)> {
    let given: Vec<Expr> = sort.input.schema().columns().into_iter().map(Expr::Column).collect();
    let LogicalPlan::Projection(projection) = sort.input.as_ref() else { return Ok((sort, given)) };
    let missing = missing(&sort)?;
    let below = projection.input.schema();
    if missing.is_empty() || !missing.iter().all(|column| below.has_column(column)) {
        return Ok((sort, given));
    }
    let (mut columns, mut outputs, mut renamed) = (Vec::new(), Vec::new(), HashMap::new());
    for (expr, column) in projection.expr.iter().zip(projection.schema.columns()) {
        // An alias that has the name of a carried column.
        if column.relation.is_none() && missing.iter().any(|carried| carried.name == column.name) {
            let apart = Column::new_unqualified(names.next("selected"));
            columns.push(expr.clone().unalias().alias(&apart.name));
            outputs.push(Expr::Column(apart.clone()).alias(&column.name));
            renamed.insert(column, apart);
        } else {
            columns.push(expr.clone());
            outputs.push(Expr::Column(column));
        }
    }
    columns.extend(missing.into_iter().map(Expr::Column));
    sort.input = Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(&projection.input))?));
    for key in &mut sort.expr {
        let apart = std::mem::take(&mut key.expr).transform_up(|expr| match &expr {
            Expr::Column(column) => Ok(match renamed.get(column) {
                Some(apart) => Transformed::yes(Expr::Column(apart.clone())),
                None => Transformed::no(expr),
            }),
            _ => Ok(Transformed::no(expr)),
        });
        key.expr = apart.data()?;
    }
    Ok((sort, outputs))
}

/// The columns of outer rows that the input does not have.
fn missing(sort: &Sort) -> Result<Vec<Column>> {
    let mut missing = Vec::new();
    for key in &sort.expr {
        key.expr.apply(|expr| {
            let subquery = match expr {
                Expr::ScalarSubquery(subquery)
                | Expr::Exists(Exists { subquery, .. })
                | Expr::InSubquery(InSubquery { subquery, .. })
                | Expr::SetComparison(SetComparison { subquery, .. }) => subquery,
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            for outer in &subquery.outer_ref_columns {
                if let Expr::OuterReferenceColumn(_, column) = outer
                    && !sort.input.schema().has_column(column)
                    && !missing.contains(column)
                {
                    missing.push(column.clone());
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(missing)
}
