//! A correlated plan made independent: it is evaluated at once for all outer rows that differ in what it takes from them
//! (the *domain*), and carries those values in columns of its own, the keys. After Neumann and Kemper, "Unnesting Arbitrary
//! Queries" (2015). Operators with a rule of their own are in [`super::operators`].

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::host::references;
use super::joins::{Names, named};
use super::operators;

/// What a correlated plan takes from the outer rows: each combination once.
pub(super) struct Domain {
    columns: Vec<Column>,
    plan: LogicalPlan,
}

impl Domain {
    /// None where `subquery` takes nothing from `outer`.
    pub(super) fn of(outer: &LogicalPlan, subquery: &LogicalPlan, names: &Names) -> Result<Option<Self>> {
        let mut columns: Vec<Column> = Vec::new();
        for reference in references(subquery) {
            if let Expr::OuterReferenceColumn(_, column) = reference
                && outer.schema().has_column(&column)
                && !columns.contains(&column)
            {
                columns.push(column);
            }
        }
        if columns.is_empty() {
            return Ok(None);
        }
        let named = columns.iter().map(|column| Expr::Column(column.clone()).alias(names.next("outer")));
        let plan = LogicalPlanBuilder::from(outer.clone()).project(named.collect::<Vec<_>>())?.distinct()?.build()?;
        Ok(Some(Self { columns, plan }))
    }

    /// The domain as a relation whose columns have names of their own, and those names.
    pub(super) fn relation(&self, names: &Names) -> Result<Attached> {
        let fresh: Vec<String> = self.columns.iter().map(|_| names.next("outer")).collect();
        let columns = self.plan.schema().columns().into_iter().zip(&fresh);
        let columns: Vec<Expr> = columns.map(|(column, name)| Expr::Column(column).alias(name)).collect();
        let plan = LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?;
        Ok(Attached { plan, keys: fresh })
    }

    /// `expr` with `keys` in the place of the outer columns.
    pub(super) fn resolve(&self, expr: Expr, keys: &[String]) -> Result<Expr> {
        let resolved = expr.transform_up(|e| {
            let place = match &e {
                Expr::OuterReferenceColumn(_, column) => self.columns.iter().position(|c| c == column),
                _ => None,
            };
            Ok(place.map_or_else(|| Transformed::no(e), |at| Transformed::yes(named(&keys[at]))))
        });
        resolved.data()
    }

    pub(super) fn is_in(&self, expr: &Expr) -> bool {
        expr.exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(_, column) if self.columns.contains(column))))
            .unwrap_or(true)
    }

    /// Whether anything in `plan` takes a value from the domain.
    pub(super) fn is_taken_by(&self, plan: &LogicalPlan) -> bool {
        references(plan).iter().any(|reference| self.is_in(reference))
    }
}

/// A plan that gives the rows of a correlated one for every combination of the domain, which stands in the columns `keys`.
pub(super) struct Attached {
    pub(super) plan: LogicalPlan,
    pub(super) keys: Vec<String>,
}

impl Attached {
    pub(super) fn key_columns(&self) -> Vec<Expr> {
        self.keys.iter().map(|key| named(key)).collect()
    }

    /// Only `columns` and the keys.
    pub(super) fn narrowed(self, columns: Vec<Expr>) -> Result<Self> {
        let kept = columns.into_iter().chain(self.key_columns());
        let plan = LogicalPlanBuilder::from(self.plan).project(kept.collect::<Vec<_>>())?.build()?;
        Ok(Self { plan, keys: self.keys })
    }
}

/// A subquery's plan that no longer looks at the outer rows.
#[derive(Clone)]
pub(super) struct Independent {
    pub(super) plan: LogicalPlan,
    /// Each outer expression with the name of the column that has its value.
    keys: Vec<(Expr, String)>,
    columns: Vec<Column>,
}

impl Independent {
    /// Whether the subquery took anything from the outer rows.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The same with another plan over it, which has all its columns.
    pub(super) fn with_plan(&self, plan: LogicalPlan) -> Self {
        Self { plan, ..self.clone() }
    }

    /// The column that was the subquery's at that position.
    pub(super) fn column(&self, at: usize) -> Expr {
        Expr::Column(self.columns[at].clone())
    }

    pub(super) fn key_columns(&self) -> Vec<Expr> {
        self.keys.iter().map(|(_, name)| named(name)).collect()
    }

    /// Pairs of an outer expression and the column that has its value.
    pub(super) fn keys(&self) -> Vec<(Expr, Expr)> {
        self.keys.iter().map(|(outer, name)| (outer.clone(), named(name))).collect()
    }
}

/// `plan` evaluated for the whole of `domain`.
pub(super) fn independent(plan: LogicalPlan, domain: Option<&Domain>, names: &Names) -> Result<Independent> {
    let columns = plan.schema().columns();
    let Some(domain) = domain else { return Ok(Independent { plan, keys: Vec::new(), columns }) };
    let attached = attach(plan, domain, names)?;
    let keys = domain.columns.iter().map(|column| Expr::Column(column.clone())).zip(attached.keys).collect();
    Ok(Independent { plan: attached.plan, keys, columns })
}

/// `plan`, whose columns keep their names, with the domain attached.
pub(super) fn attach(plan: LogicalPlan, domain: &Domain, names: &Names) -> Result<Attached> {
    if !domain.is_taken_by(&plan) {
        let relation = domain.relation(names)?;
        let crossed = LogicalPlanBuilder::from(plan).cross_join(relation.plan)?.build()?;
        return Ok(Attached { plan: crossed, keys: relation.keys });
    }
    operators::attach(plan, domain, names)
}
