//! Expressions: each name in them respelled, each subquery in them walked with what it sees around it.

use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, FunctionArguments, Ident, Query, SetExpr, Subscript, Value, ValueWithSpan, Values, VisitMut,
    VisitorMut,
};

use super::Resolver;
use super::items::Item;
use super::scope::{Column, Found, Scope, matching, same_but_for_case, spell};
use crate::error::{Error, Result};

/// What a name may stand for besides a column of FROM.
#[derive(Clone, Copy)]
pub(super) enum Aliases<'i> {
    None,
    /// An item of the select list, in a clause where the planner knows its name.
    Renamed(&'i [Item]),
    /// An item of the select list, in a clause where the planner does not: its expression takes the name's place.
    Replaced(&'i [Item]),
}

impl Resolver<'_> {
    /// Respells the names in `expr`, which sees the columns of `scope`.
    pub(super) fn expr(&mut self, expr: &mut Expr, scope: &Scope) -> Result<()> {
        self.expr_with(expr, scope, Aliases::None)
    }

    pub(super) fn expr_with(&mut self, expr: &mut Expr, scope: &Scope, aliases: Aliases) -> Result<()> {
        self.visit(expr, scope, aliases)
    }

    /// Respells the names in whatever has expressions.
    pub(super) fn visit(&mut self, node: &mut impl VisitMut, scope: &Scope, aliases: Aliases) -> Result<()> {
        let mut names = Names { resolver: self, scope, aliases, taken: Vec::new(), bound: Vec::new() };
        match node.visit(&mut names) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// The column that a bare name stands for.
    fn bare(&self, name: &Ident, scope: &Scope) -> Result<Found> {
        for scope in std::iter::once(scope).chain(self.outer.iter().rev()) {
            match scope.column(name)? {
                Found::Missing => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Missing)
    }

    /// Respells `relation.column.field...` and `column.field...`; what is found is the column, and how many parts name it.
    pub(super) fn compound(&self, parts: &mut [Ident], scope: &Scope) -> Result<Option<(Column, usize)>> {
        for scope in std::iter::once(scope).chain(self.outer.iter().rev()) {
            if let Some((relation, taken)) = scope.relation(parts) {
                let found = relation.column(&parts[taken])?;
                if !matches!(found, Found::Missing) {
                    let qualifier = &relation.qualifier[relation.qualifier.len() - taken..];
                    parts.iter_mut().zip(qualifier).for_each(|(part, name)| spell(part, name));
                }
                match found {
                    Found::Column(column) => {
                        spell(&mut parts[taken], &column.name);
                        fields(&mut parts[taken + 1..], column.data_type.as_ref())?;
                        return Ok(Some((column, taken + 1)));
                    }
                    Found::Unknown => return Ok(None),
                    Found::Missing => {}
                }
            }
            match scope.column(&parts[0])? {
                Found::Column(column) => {
                    spell(&mut parts[0], &column.name);
                    fields(&mut parts[1..], column.data_type.as_ref())?;
                    return Ok(Some((column, 1)));
                }
                Found::Unknown => return Ok(None),
                Found::Missing => {}
            }
        }
        Ok(None)
    }

    /// The type of what a chain of fields starts at, where it is a column.
    fn type_of(&self, expr: &Expr, scope: &Scope) -> Result<Option<DataType>> {
        match expr {
            Expr::Nested(inner) => self.type_of(inner, scope),
            Expr::Identifier(name) => match self.bare(name, scope)? {
                Found::Column(column) => Ok(column.data_type),
                Found::Unknown | Found::Missing => Ok(None),
            },
            Expr::CompoundIdentifier(parts) => {
                let mut parts = parts.clone();
                let Some((column, taken)) = self.compound(&mut parts, scope)? else { return Ok(None) };
                Ok(fields(&mut parts[taken..], column.data_type.as_ref())?.cloned())
            }
            Expr::Dictionary(written) => {
                let mut fields = Vec::with_capacity(written.len());
                for field in written {
                    let data_type = self.type_of(&field.value, scope)?.unwrap_or(DataType::Null);
                    fields.push(Field::new(&field.key.value, data_type, true));
                }
                Ok(Some(DataType::Struct(fields.into())))
            }
            _ => Ok(None),
        }
    }

    /// Respells the keys of `root['key']` and `root[1].key`.
    fn accesses(&self, root: &Expr, chain: &mut [AccessExpr], scope: &Scope) -> Result<()> {
        let mut at = self.type_of(root, scope)?;
        for access in chain {
            // A bare name behind a dot is a key, not a column.
            if let AccessExpr::Dot(Expr::Identifier(name)) = access {
                let mut name = name.clone();
                if matches!(at, None | Some(DataType::Struct(_))) && name.quote_style.is_none() {
                    name.value = name.value.to_ascii_lowercase();
                }
                let index =
                    Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name.value), span: name.span });
                *access = AccessExpr::Subscript(Subscript::Index { index });
            }
            at = match (access, at.take()) {
                (AccessExpr::Subscript(Subscript::Index { index }), Some(DataType::Struct(inside))) => {
                    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(key), .. }) = index else {
                        return Ok(());
                    };
                    let name = Ident::new(key.clone());
                    let Some(found) = matching("field", &name, inside.iter().map(|field| field.name().as_str()))?
                    else {
                        return Ok(());
                    };
                    inside[found].name().clone_into(key);
                    Some(inside[found].data_type().clone())
                }
                (
                    AccessExpr::Subscript(Subscript::Index { .. }),
                    Some(
                        DataType::List(item)
                        | DataType::LargeList(item)
                        | DataType::ListView(item)
                        | DataType::FixedSizeList(item, _),
                    ),
                ) => Some(item.data_type().clone()),
                _ => None,
            };
        }
        Ok(())
    }
}

/// Respells the names of fields inside fields; the type of the last one, where it is known.
fn fields<'t>(parts: &mut [Ident], mut inside: Option<&'t DataType>) -> Result<Option<&'t DataType>> {
    for part in parts {
        let Some(DataType::Struct(fields)) = inside else { return Ok(None) };
        let Some(at) = matching("field", part, fields.iter().map(|field| field.name().as_str()))? else {
            return Ok(None);
        };
        spell(part, fields[at].name());
        inside = Some(fields[at].data_type());
    }
    Ok(inside)
}

/// Visits one expression and what is in it, except queries, which it takes out while their surroundings are visited.
struct Names<'r, 'a, 's> {
    resolver: &'r mut Resolver<'a>,
    scope: &'s Scope,
    aliases: Aliases<'s>,
    taken: Vec<Query>,
    /// The parameters of the lambdas around.
    bound: Vec<Ident>,
}

impl Names<'_, '_, '_> {
    fn enter(&mut self, expr: &mut Expr) -> Result<()> {
        if let Some(query) = query_of(expr) {
            let mut taken = std::mem::replace(query, nothing());
            self.resolver.subquery(&mut taken, self.scope)?;
            self.taken.push(taken);
            return Ok(());
        }
        match expr {
            Expr::CompoundIdentifier(parts) if !parts.is_empty() => {
                self.resolver.compound(parts, self.scope)?;
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.resolver.accesses(root, access_chain, self.scope)?;
            }
            Expr::Lambda(lambda) => self.bound.extend(lambda.params.iter().map(|param| param.name.clone())),
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self, expr: &mut Expr) -> Result<()> {
        if let Some(query) = query_of(expr) {
            if let Some(taken) = self.taken.pop() {
                *query = taken;
            }
            return Ok(());
        }
        match expr {
            Expr::Lambda(lambda) => self.bound.truncate(self.bound.len() - lambda.params.len()),
            Expr::Identifier(name) if !self.bound.iter().any(|bound| same_but_for_case(&bound.value, &name.value)) => {
                if let Some(replacement) = self.name(name)? {
                    *expr = replacement;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Respells a bare name, or gives what takes its place.
    fn name(&mut self, name: &mut Ident) -> Result<Option<Expr>> {
        let found = self.resolver.bare(name, self.scope)?;
        if let Found::Column(column) = found {
            spell(name, &column.name);
            return Ok(None);
        }
        let (Aliases::Renamed(items) | Aliases::Replaced(items)) = self.aliases else { return Ok(None) };
        let Some(at) = matching("column", name, items.iter().map(|item| item.name.as_str()))? else { return Ok(None) };
        match (self.aliases, found) {
            (Aliases::Replaced(_), Found::Missing) => Ok(Some(Expr::Nested(Box::new(items[at].expr.clone())))),
            (Aliases::Renamed(_), _) => {
                spell(name, &items[at].planned);
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

impl VisitorMut for Names<'_, '_, '_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        self.enter(expr).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        self.leave(expr).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

fn query_of(expr: &mut Expr) -> Option<&mut Query> {
    match expr {
        Expr::Subquery(query) => Some(query),
        Expr::Exists { subquery, .. } | Expr::InSubquery { subquery, .. } => Some(subquery),
        Expr::Function(function) => match &mut function.args {
            FunctionArguments::Subquery(query) => Some(query),
            FunctionArguments::None | FunctionArguments::List(_) => None,
        },
        _ => None,
    }
}

/// What stands in a query's place while it is out.
fn nothing() -> Query {
    let values = Values { explicit_row: false, value_keyword: false, rows: Vec::new() };
    Query {
        with: None,
        body: Box::new(SetExpr::Values(values)),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
