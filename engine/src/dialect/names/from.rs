//! FROM: which relations a query sees, and the columns of each.

use datafusion::sql::sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    TableAlias, TableFactor, TableFunctionArgs, TableWithJoins, Update, UpdateTableFromKind,
};

use super::exprs::Aliases;
use super::items::reference;
use super::query::{aliased, planned};
use super::scope::{Column, Columns, Found, Relation, Scope, matching, spell};
use super::{Resolver, Use, last_ident};
use crate::error::Result;

impl Resolver<'_> {
    /// Respells the names in FROM; the relations that it brings in sight.
    pub(super) fn from(&mut self, tables: &mut [TableWithJoins]) -> Result<Scope> {
        let mut scope = Scope::default();
        for table in tables {
            let joined = self.joined(table, &scope)?;
            scope.relations.extend(joined.relations);
            scope.merged.extend(joined.merged);
            scope.hidden.extend(joined.hidden);
        }
        Ok(scope)
    }

    /// `before` is what stands left of the item: LATERAL sees it.
    fn joined(&mut self, table: &mut TableWithJoins, before: &Scope) -> Result<Scope> {
        if !table.joins.is_empty() {
            self.name_apart(&mut table.relation);
            table.joins.iter_mut().for_each(|join| self.name_apart(&mut join.relation));
        }
        let mut scope = self.factor(&mut table.relation, before)?;
        for join in &mut table.joins {
            let mut seen = before.clone();
            seen.relations.extend(scope.relations.iter().cloned());
            let right = self.factor(&mut join.relation, &seen)?;
            scope = self.join(&mut join.join_operator, scope, right)?;
        }
        Ok(scope)
    }

    /// Names a subquery without a name that is joined: its columns would be called as those of the tables inside, and these may
    /// stand beside it.
    fn name_apart(&mut self, factor: &mut TableFactor) {
        if let TableFactor::Derived { alias: alias @ None, .. } = factor {
            self.unnamed += 1;
            *alias = Some(TableAlias {
                explicit: true,
                name: Ident::with_quote('"', format!("maar_subquery_{}", self.unnamed)),
                columns: Vec::new(),
                at: None,
            });
        }
    }

    fn join(&mut self, operator: &mut JoinOperator, left: Scope, right: Scope) -> Result<Scope> {
        use JoinOperator as J;
        let kept = match operator {
            J::Semi(_) | J::LeftSemi(_) | J::Anti(_) | J::LeftAnti(_) => Kept::Left,
            J::RightSemi(_) | J::RightAnti(_) => Kept::Right,
            _ => Kept::Both,
        };
        let mut both = left.clone();
        both.relations.extend(right.relations.iter().cloned());
        both.merged.extend(right.merged.iter().cloned());
        both.hidden.extend(right.hidden.iter().cloned());
        if matches!(operator, J::Join(_) | J::Inner(_) | J::Left(_) | J::LeftOuter(_)) {
            using_as_on(operator, &left, &right, &mut both)?;
        }
        match operator {
            J::Join(constraint)
            | J::Inner(constraint)
            | J::Left(constraint)
            | J::LeftOuter(constraint)
            | J::Right(constraint)
            | J::RightOuter(constraint)
            | J::FullOuter(constraint)
            | J::CrossJoin(constraint)
            | J::Semi(constraint)
            | J::LeftSemi(constraint)
            | J::RightSemi(constraint)
            | J::Anti(constraint)
            | J::LeftAnti(constraint)
            | J::RightAnti(constraint)
            | J::StraightJoin(constraint)
            | J::AsOf { constraint, .. } => self.constraint(constraint, &left, &right, &mut both)?,
            J::CrossApply | J::OuterApply | J::ArrayJoin | J::LeftArrayJoin | J::InnerArrayJoin => {}
        }
        Ok(match kept {
            Kept::Both => both,
            Kept::Left => left,
            Kept::Right => right,
        })
    }

    fn constraint(
        &mut self,
        constraint: &mut JoinConstraint,
        left: &Scope,
        right: &Scope,
        both: &mut Scope,
    ) -> Result<()> {
        match constraint {
            JoinConstraint::On(test) => self.expr(test, both),
            JoinConstraint::Using(names) => {
                for name in names.iter_mut().filter_map(last_ident) {
                    if let (Some((_, one)), Some((relation, other))) = (side(left, name)?, side(right, name)?) {
                        // The written-out join finds the other spelling.
                        spell(name, &one.name);
                        if one.name != other.name {
                            both.hidden.push((relation.qualifier.clone(), other.name));
                        }
                    }
                    both.merged.push(planned(name));
                }
                Ok(())
            }
            JoinConstraint::Natural => {
                let names = |scope: &Scope| -> Vec<String> {
                    let columns = scope.relations.iter().flat_map(|relation| relation.columns.iter().flatten());
                    columns.map(|column| column.name.clone()).collect()
                };
                let others = names(right);
                both.merged.extend(names(left).into_iter().filter(|name| others.contains(name)));
                Ok(())
            }
            JoinConstraint::None => Ok(()),
        }
    }

    pub(super) fn factor(&mut self, factor: &mut TableFactor, before: &Scope) -> Result<Scope> {
        self.spread(factor, before)?;
        let (qualifier, columns) = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let columns = self.named(name)?;
                (alias.is_none().then(|| parts(name)), aliased(columns, alias.as_mut()))
            }
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                let columns = self.function(name, args, before)?;
                (alias.is_none().then(|| parts(name)), aliased(columns, alias.as_mut()))
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                if *lateral {
                    self.outer.push(before.clone());
                }
                let output = self.query(subquery, Use::Relation);
                if *lateral {
                    self.outer.pop();
                }
                (None, aliased(output?.into_columns(), alias.as_mut()))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let scope = self.joined(table_with_joins, before)?;
                if alias.is_none() {
                    return Ok(scope);
                }
                (None, aliased(columns_of(&scope), alias.as_mut()))
            }
            TableFactor::UNNEST { alias, array_exprs, .. } => {
                for array in array_exprs {
                    self.expr(array, before)?;
                }
                (None, aliased(None, alias.as_mut()))
            }
            TableFactor::Function { args, alias, .. } => {
                self.visit(args, before, Aliases::None)?;
                (None, aliased(None, alias.as_mut()))
            }
            TableFactor::TableFunction { expr, alias } => {
                self.expr(expr, before)?;
                (None, aliased(None, alias.as_mut()))
            }
            _ => (None, None),
        };
        let qualifier = match alias_of(factor) {
            Some(alias) => vec![planned(&alias.name)],
            None => qualifier.unwrap_or_default(),
        };
        Ok(Scope { relations: vec![Relation { qualifier, columns }], ..Scope::default() })
    }

    /// A table of the catalog, or a common table expression, which comes first.
    fn named(&mut self, name: &mut ObjectName) -> Result<Columns> {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice()
            && !self.queries.is_empty()
        {
            let near_first = || self.queries.iter().rev();
            let exact = planned(ident);
            let at = match near_first().position(|(query, _)| *query == exact) {
                Some(at) => Some(at),
                None => matching("query", ident, near_first().map(|(query, _)| query.as_str()))?,
            };
            if let Some((query, columns)) = at.and_then(|at| near_first().nth(at)) {
                spell(ident, query);
                return Ok(columns.clone());
            }
        }
        Ok(self.table(name))
    }

    fn function(&mut self, name: &ObjectName, args: &mut TableFunctionArgs, before: &Scope) -> Result<Columns> {
        self.visit(&mut args.args, before, Aliases::None)?;
        let numbers = ["generate_series", "range"];
        Ok(numbers
            .contains(&name.to_string().as_str())
            .then(|| vec![Column { name: "value".to_string(), data_type: None }]))
    }

    pub(super) fn update(&mut self, update: &mut Update) -> Result<()> {
        let mut scope = self.joined(&mut update.table, &Scope::default())?;
        let target = scope.relations.first().and_then(|relation| relation.columns.clone());
        if let Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) = &mut update.from {
            scope.relations.extend(self.from(tables)?.relations);
        }
        for assignment in &mut update.assignments {
            if let AssignmentTarget::ColumnName(name) = &mut assignment.target
                && let Some(ident) = last_ident(name)
            {
                respell(ident, target.as_deref())?;
                // The planner reads the name as it is written here.
                ident.value = planned(ident);
            }
            self.expr(&mut assignment.value, &scope)?;
        }
        update.selection.as_mut().map_or(Ok(()), |test| self.expr(test, &scope))
    }
}

/// Makes USING an ON where the sides spell one of its columns differently: USING wants one spelling.
fn using_as_on(operator: &mut JoinOperator, left: &Scope, right: &Scope, both: &mut Scope) -> Result<()> {
    let (JoinOperator::Join(constraint)
    | JoinOperator::Inner(constraint)
    | JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)) = operator
    else {
        return Ok(());
    };
    let JoinConstraint::Using(names) = constraint else { return Ok(()) };
    let mut pairs = Vec::with_capacity(names.len());
    for name in names.iter_mut().filter_map(last_ident) {
        match (side(left, name)?, side(right, name)?) {
            (Some(one), Some(other)) => pairs.push((one, other)),
            _ => return Ok(()),
        }
    }
    if pairs.iter().all(|((_, one), (_, other))| one.name == other.name) {
        return Ok(());
    }
    let mut test: Option<Expr> = None;
    for ((left, one), (right, other)) in pairs {
        let equal = Expr::BinaryOp {
            left: Box::new(reference(left, &one, false)),
            op: BinaryOperator::Eq,
            right: Box::new(reference(right, &other, false)),
        };
        test = Some(match test {
            None => equal,
            Some(before) => Expr::BinaryOp { left: Box::new(before), op: BinaryOperator::And, right: Box::new(equal) },
        });
        both.hidden.push((right.qualifier.clone(), other.name));
    }
    if let Some(test) = test {
        *constraint = JoinConstraint::On(test);
    }
    Ok(())
}

/// The column of one side that USING names, with its relation.
fn side<'s>(scope: &'s Scope, name: &Ident) -> Result<Option<(&'s Relation, Column)>> {
    let Found::Column(column) = scope.column(name)? else { return Ok(None) };
    let has = |relation: &&Relation| relation.columns.iter().flatten().any(|own| own.name == column.name);
    Ok(scope.relations.iter().find(has).map(|relation| (relation, column)))
}

/// Which side's columns a join keeps.
enum Kept {
    Both,
    Left,
    Right,
}

/// Respells `name` as the one of `columns` that it stands for.
pub(super) fn respell(name: &mut Ident, columns: Option<&[Column]>) -> Result<()> {
    let columns = columns.unwrap_or_default();
    if let Some(at) = matching("column", name, columns.iter().map(|column| column.name.as_str()))? {
        spell(name, &columns[at].name);
    }
    Ok(())
}

/// The columns that `*` gives, USING's once.
pub(super) fn columns_of(scope: &Scope) -> Columns {
    shown(scope).map(|shown| shown.into_iter().map(|(_, column)| column.clone()).collect())
}

/// The columns that `*` gives, each with its relation.
pub(super) fn shown(scope: &Scope) -> Option<Vec<(&Relation, &Column)>> {
    let mut shown: Vec<(&Relation, &Column)> = Vec::new();
    for relation in &scope.relations {
        for column in relation.columns.as_ref()? {
            if scope.hides(relation, column) {
                continue;
            }
            let merged = scope.merged.contains(&column.name);
            if !(merged && shown.iter().any(|(_, before)| before.name == column.name)) {
                shown.push((relation, column));
            }
        }
    }
    Some(shown)
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(planned).collect()
}

fn alias_of(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. }
        | TableFactor::Pivot { alias, .. }
        | TableFactor::Unpivot { alias, .. } => alias.as_ref(),
        _ => None,
    }
}
