//! The columns that a FROM clause shows, and what each stands for; joins with USING or NATURAL get an ON on the way.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor,
    TableWithJoins, Value,
};

use super::Names;
use crate::dialect::grammar::expression;
use crate::dialect::names::same_but_for_case;
use crate::dialect::templates::filled;

/// A column that FROM shows.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) name: String,
    /// What gives its value: `relation.column`, or what two of them are together.
    pub(super) value: Expr,
    /// Whether two relations share it.
    pub(super) is_shared: bool,
}

/// Whose rows a join keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Matches,
    Left,
    Right,
    Both,
    /// Columns of the left alone: semi and anti joins.
    OnlyLeft,
    OnlyRight,
}

pub(super) fn has_shared(from: &TableWithJoins) -> bool {
    let nested = |relation: &TableFactor| match relation {
        TableFactor::NestedJoin { table_with_joins, alias: None } => has_shared(table_with_joins),
        _ => false,
    };
    let shares = |join: &Join| {
        let mut operator = join.join_operator.clone();
        let constraint = parts(&mut operator).map(|(_, constraint)| constraint);
        matches!(constraint, Some(JoinConstraint::Using(_) | JoinConstraint::Natural)) || nested(&join.relation)
    };
    nested(&from.relation) || from.joins.iter().any(shares)
}

/// The columns that `from` shows, in the order of `*`; none where that cannot be known. `names` are those of its relations.
pub(super) fn shown(from: &mut TableWithJoins, names: &mut impl Iterator<Item = Names>) -> Option<Vec<Shown>> {
    let mut left = of_relation(&mut from.relation, names)?;
    for join in &mut from.joins {
        let right = of_relation(&mut join.relation, names)?;
        let shared = match parts(&mut join.join_operator) {
            Some((kept, constraint)) => share(&left, &right, kept, constraint)?,
            None => (Kept::Matches, Vec::new()),
        };
        left = merge(left, right, shared.0, shared.1)?;
    }
    Some(left)
}

fn of_relation(relation: &mut TableFactor, names: &mut impl Iterator<Item = Names>) -> Option<Vec<Shown>> {
    if let TableFactor::NestedJoin { table_with_joins, alias: None } = relation {
        return shown(table_with_joins, names);
    }
    let qualifier = qualifier(relation)?;
    let columns = names.next().flatten()?;
    Some(columns.into_iter().map(|name| of_column(&qualifier, name)).collect())
}

fn of_column(qualifier: &[Ident], name: String) -> Shown {
    let column = Ident::with_quote('"', &name);
    let value = match qualifier {
        [] => Expr::Identifier(column),
        parts => Expr::CompoundIdentifier(parts.iter().cloned().chain([column]).collect()),
    };
    Shown { name, value, is_shared: false }
}

fn qualifier(relation: &TableFactor) -> Option<Vec<Ident>> {
    let of_alias = |alias: &Option<TableAlias>| alias.as_ref().map(|alias| vec![alias.name.clone()]);
    let of_name = |name: &ObjectName| name.0.iter().map(|part| part.as_ident().cloned()).collect::<Option<Vec<_>>>();
    match relation {
        TableFactor::Table { name, alias, .. } => of_alias(alias).or_else(|| of_name(name)),
        TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => Some(of_alias(alias).unwrap_or_default()),
        _ => None,
    }
}

/// A column that is shared: how the left side spells it, and how the right side does.
type Pair = (String, String);

/// Puts an ON in the place of USING or NATURAL; gives the columns that are shared.
fn share(left: &[Shown], right: &[Shown], kept: Kept, constraint: &mut JoinConstraint) -> Option<(Kept, Vec<Pair>)> {
    let shared: Vec<Pair> = match constraint {
        JoinConstraint::Using(names) => {
            let pair = |name: &ObjectName| {
                let name = planned(name)?;
                Some((spelled(left, &name)?, spelled(right, &name)?))
            };
            names.iter().map(pair).collect::<Option<_>>()?
        }
        JoinConstraint::Natural => {
            let both = left.iter().map(|l| l.name.clone()).filter(|name| right.iter().any(|r| r.name == *name));
            both.map(|name| (name.clone(), name)).collect()
        }
        JoinConstraint::On(_) | JoinConstraint::None => return Some((kept, Vec::new())),
    };
    let mut condition = None;
    for (one, other) in &shared {
        let same = Expr::BinaryOp {
            left: Box::new(only(left, one)?.value.clone()),
            op: BinaryOperator::Eq,
            right: Box::new(only(right, other)?.value.clone()),
        };
        condition = Some(match condition {
            None => same,
            Some(before) => Expr::BinaryOp { left: Box::new(before), op: BinaryOperator::And, right: Box::new(same) },
        });
    }
    *constraint = JoinConstraint::On(condition.unwrap_or_else(|| Expr::value(Value::Boolean(true))));
    Some((kept, shared))
}

fn merge(left: Vec<Shown>, right: Vec<Shown>, kept: Kept, shared: Vec<Pair>) -> Option<Vec<Shown>> {
    match kept {
        Kept::OnlyLeft => return Some(left),
        Kept::OnlyRight => return Some(right),
        _ => {}
    }
    let mut merged = Vec::with_capacity(left.len() + right.len());
    for column in left {
        let Some((_, other)) = shared.iter().find(|(one, _)| *one == column.name) else {
            merged.push(column);
            continue;
        };
        let other = only(&right, other)?;
        let value = match kept {
            Kept::Right => other.value.clone(),
            Kept::Both => filled(&expression("coalesce($1, $2)")?, &[column.value, other.value.clone()]),
            _ => column.value,
        };
        merged.push(Shown { name: column.name, value, is_shared: true });
    }
    merged.extend(right.into_iter().filter(|column| !shared.iter().any(|(_, other)| *other == column.name)));
    Some(merged)
}

/// How `columns` spell a name, where one of them fits: exactly, or else but for case.
fn spelled(columns: &[Shown], name: &str) -> Option<String> {
    if columns.iter().any(|column| column.name == name) {
        return Some(name.to_string());
    }
    let mut fitting = columns.iter().filter(|column| same_but_for_case(&column.name, name));
    let first = fitting.next()?;
    fitting.next().is_none().then(|| first.name.clone())
}

/// The column of that name, where there is one.
fn only<'a>(columns: &'a [Shown], name: &str) -> Option<&'a Shown> {
    let mut found = columns.iter().filter(|column| column.name == name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn parts(operator: &mut JoinOperator) -> Option<(Kept, &mut JoinConstraint)> {
    use JoinOperator::{
        Anti, CrossJoin, FullOuter, Inner, Join, Left, LeftAnti, LeftOuter, LeftSemi, Right, RightAnti, RightOuter,
        RightSemi, Semi,
    };
    Some(match operator {
        Join(constraint) | Inner(constraint) | CrossJoin(constraint) => (Kept::Matches, constraint),
        Left(constraint) | LeftOuter(constraint) => (Kept::Left, constraint),
        Right(constraint) | RightOuter(constraint) => (Kept::Right, constraint),
        FullOuter(constraint) => (Kept::Both, constraint),
        Semi(constraint) | Anti(constraint) | LeftSemi(constraint) | LeftAnti(constraint) => {
            (Kept::OnlyLeft, constraint)
        }
        RightSemi(constraint) | RightAnti(constraint) => (Kept::OnlyRight, constraint),
        _ => return None,
    })
}

fn planned(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(super::replace::read),
        _ => None,
    }
}
