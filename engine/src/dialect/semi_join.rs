//! `SEMI JOIN` and `ANTI JOIN` without a side are those of the left, as in DuckDB and Spark.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{JoinConstraint, JoinOperator, Select, TableFactor, TableWithJoins, VisitorMut};

use super::walk::visit_mut;

/// Gives every such join its side.
pub(super) fn write_out(statement: &mut Statement) {
    let _ = visit_mut(statement, &mut OfTheLeft);
}

struct OfTheLeft;

impl VisitorMut for OfTheLeft {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.from.iter_mut().for_each(of_the_left);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
            of_the_left(table_with_joins);
        }
        ControlFlow::Continue(())
    }
}

fn of_the_left(from: &mut TableWithJoins) {
    for join in &mut from.joins {
        let taken = std::mem::replace(&mut join.join_operator, JoinOperator::CrossJoin(JoinConstraint::None));
        join.join_operator = match taken {
            JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
            JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
            other => other,
        };
    }
}
