//! One SELECT: its clauses in the order in which names become visible.

use datafusion::sql::sqlparser::ast::{
    Distinct, ExcludeSelectItem, Expr, GroupByExpr, Ident, ObjectName, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, Value, WildcardAdditionalOptions,
};

use super::columns;
use super::exprs::Aliases;
use super::from::{respell, shown};
use super::items::{Given, Item, Origin, name_apart, plain, reference};
use super::query::{Output, Selected, planned};
use super::scope::{Column, Found, Relation, Scope, position, spell};
use super::sort_names::SortNames;
use super::{Resolver, Use, last_ident};
use crate::dialect::casts::wrapped;
use crate::error::{Error, ErrorKind, Result};

impl Resolver<'_> {
    pub(super) fn select(&mut self, select: &mut Select, usage: Use) -> Result<Selected> {
        if matches!(select.flavor, SelectFlavor::FromFirstNoSelect) {
            // FROM alone asks for every column.
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            select.flavor = SelectFlavor::Standard;
        }
        let mut sorted_by = std::mem::take(&mut self.sorted_by);
        if select.distinct.is_some() {
            // Rows that are told apart have the columns of the list alone.
            sorted_by = SortNames::default();
        }
        let typed = self.typed.items(select);
        let scope = self.from(&mut select.from)?;
        let typed = columns::write_out(&mut select.projection, typed, &scope)?;
        if let Some(test) = &mut select.selection {
            columns::write_out_test(test, &scope)?;
        }
        let (mut given, mut items) = self.items(&mut select.projection, typed, &scope)?;
        leave_to_sort_keys(&mut given, select, &sorted_by, &scope)?;
        let output = name_apart(&mut select.projection, given, sorted_by.columns(), usage);
        give_planned_names(&mut items, &output);
        let mut selected = Selected { output, scope, items };
        self.clauses(select, &mut selected)?;
        Ok(selected)
    }

    fn clauses(&mut self, select: &mut Select, selected: &mut Selected) -> Result<()> {
        let (scope, replaced) = (&selected.scope, Aliases::Replaced(&selected.items));
        let renamed = Aliases::Renamed(&selected.items);
        if let Some(test) = &mut select.selection {
            self.expr_with(test, scope, replaced)?;
        }
        if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
            for key in keys {
                let bare = matches!(key, Expr::Identifier(_));
                self.expr_with(key, scope, if bare { renamed } else { replaced })?;
                keep_from_ordinals(key, scope, &selected.items)?;
            }
        }
        for test in [&mut select.having, &mut select.qualify].into_iter().flatten() {
            self.expr_with(test, scope, renamed)?;
        }
        self.visit(&mut select.named_window, scope, Aliases::None)?;
        if let Some(Distinct::On(keys)) = &mut select.distinct {
            for key in keys {
                self.sort_key(key, selected)?;
            }
        }
        Ok(())
    }

    /// Respells the items of a list: what each gives, and those that are one column.
    fn items(
        &mut self,
        list: &mut [SelectItem],
        typed: Option<Vec<String>>,
        scope: &Scope,
    ) -> Result<(Vec<Given>, Vec<Item>)> {
        let (mut given, mut items) = (Vec::with_capacity(list.len()), Vec::new());
        let mut typed = typed.map(Vec::into_iter);
        for item in list {
            let text = match &mut typed {
                Some(texts) => texts.next().unwrap_or_default(),
                None => item.to_string(),
            };
            let what = self.item(item, text, scope, &items)?;
            if let (
                Given::One { column, origin },
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. },
            ) = (&what, &*item)
            {
                items.push(Item {
                    name: column.name.clone(),
                    planned: column.name.clone(),
                    expr: expr.clone(),
                    is_computed: *origin != Origin::Table && plain(expr).is_none(),
                });
            }
            given.push(what);
        }
        Ok((given, items))
    }

    fn item(&mut self, item: &mut SelectItem, text: String, scope: &Scope, before: &[Item]) -> Result<Given> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                self.expr_with(expr, scope, Aliases::Replaced(before))?;
                if unnests_a_struct(expr) && !self.unnests_a_list(expr, scope)? {
                    return Ok(self.unnested_struct(expr, scope)?.unwrap_or(Given::Unknown));
                }
                Ok(match self.plain_column(expr, scope)? {
                    Some(column) => Given::One { column, origin: Origin::Table },
                    None => Given::One { column: Column { name: text, data_type: None }, origin: Origin::Text },
                })
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                self.expr_with(expr, scope, Aliases::Replaced(before))?;
                let data_type = self.type_of(expr, scope)?;
                let column = Column { name: alias.value.clone(), data_type };
                Ok(Given::One { column, origin: Origin::Alias })
            }
            SelectItem::ExprWithAliases { expr, .. } => {
                self.expr(expr, scope)?;
                Ok(Given::Unknown)
            }
            SelectItem::Wildcard(options) => self.star(scope, scope.relations.iter().collect(), options),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                self.qualified_star(name, options, scope)
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) => {
                self.expr(expr, scope)?;
                Ok(Given::Unknown)
            }
        }
    }

    /// The column that `expr` is and nothing but; a field of a struct is computed.
    fn plain_column(&self, expr: &Expr, scope: &Scope) -> Result<Option<Column>> {
        match plain(expr) {
            Some(Expr::Identifier(name)) => Ok(Some(match scope.column(name)? {
                Found::Column(column) => column,
                Found::Unknown | Found::Missing => Column { name: planned(name), data_type: None },
            })),
            Some(Expr::CompoundIdentifier(parts)) => {
                let mut parts = parts.clone();
                Ok(match (self.compound(&mut parts, scope)?, parts.last()) {
                    (Some((column, taken)), _) if taken == parts.len() => Some(column),
                    (None, Some(last)) => Some(Column { name: planned(last), data_type: None }),
                    _ => None,
                })
            }
            _ => Ok(None),
        }
    }

    fn qualified_star(
        &mut self,
        name: &mut ObjectName,
        options: &mut WildcardAdditionalOptions,
        scope: &Scope,
    ) -> Result<Given> {
        let mut parts: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident()).cloned().collect();
        // A column in its place makes it a name that the scope can be asked for.
        parts.push(Ident::new("*"));
        let Some((relation, _)) = scope.relation(&parts).filter(|(_, taken)| taken + 1 == parts.len()) else {
            parts.pop();
            return Ok(self.star_of_struct(parts, scope)?.unwrap_or(Given::Unknown));
        };
        if let (Some(ident), Some(qualifier)) = (last_ident(name), relation.qualifier.last()) {
            spell(ident, qualifier);
        }
        self.star(scope, vec![relation], options)
    }

    fn star(
        &mut self,
        scope: &Scope,
        relations: Vec<&Relation>,
        options: &mut WildcardAdditionalOptions,
    ) -> Result<Given> {
        let merged = if relations.len() == scope.relations.len() { scope.merged.clone() } else { Vec::new() };
        let of_star =
            Scope { relations: relations.into_iter().cloned().collect(), merged, hidden: scope.hidden.clone() };
        let left_out = self.star_options(options, &of_star)?;
        if options.opt_rename.is_some() || options.opt_ilike.is_some() {
            return Ok(Given::Unknown);
        }
        let Some(shown) = shown(&of_star) else { return Ok(Given::Unknown) };
        let replaced: Vec<(String, &Expr)> = options
            .opt_replace
            .iter()
            .flat_map(|replace| &replace.items)
            .map(|item| (planned(&item.column_name), &item.expr))
            .collect();
        let stars =
            shown.into_iter().filter(|(_, column)| !left_out.contains(&column.name)).map(|(relation, column)| {
                match replaced.iter().find(|(name, _)| *name == column.name) {
                    Some((name, expr)) => ((*expr).clone(), Column { name: name.clone(), data_type: None }),
                    None => (reference(relation, column, of_star.merged.contains(&column.name)), column.clone()),
                }
            });
        Ok(Given::Star { columns: stars.collect(), is_written_out: !scope.hidden.is_empty() })
    }

    /// Respells the columns that a star leaves out or replaces; the names of those left out.
    fn star_options(&mut self, options: &mut WildcardAdditionalOptions, scope: &Scope) -> Result<Vec<String>> {
        let columns: Option<Vec<Column>> =
            shown(scope).map(|shown| shown.into_iter().map(|(_, column)| column.clone()).collect());
        let mut named: Vec<&mut Ident> = Vec::new();
        match &mut options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => named.extend(last_ident(name)),
            Some(ExcludeSelectItem::Multiple(names)) => named.extend(names.iter_mut().filter_map(last_ident)),
            None => {}
        }
        if let Some(except) = &mut options.opt_except {
            named.push(&mut except.first_element);
            named.extend(&mut except.additional_elements);
        }
        let mut left_out = Vec::with_capacity(named.len());
        for name in named {
            respell(name, columns.as_deref())?;
            // The planner reads the name as it is written here.
            let exact = planned(name);
            exact.clone_into(&mut name.value);
            left_out.push(exact);
        }
        if let Some(replace) = &mut options.opt_replace {
            for item in &mut replace.items {
                self.expr(&mut item.expr, scope)?;
                respell(&mut item.column_name, columns.as_deref())?;
                let name = planned(&item.column_name);
                if columns.as_ref().is_some_and(|columns| !columns.iter().any(|column| column.name == name)) {
                    let message = format!("REPLACE names {name}, which is no column of the star");
                    let error = Error::new(ErrorKind::NotFound, message).or_at(position(&item.column_name));
                    return Err(error.with_hint(format!("write *, ... AS {name} for a further column")));
                }
            }
        }
        Ok(left_out)
    }
}

/// The alias of an integer is a key like any other, and no place in the list, which the planner would make of it.
fn keep_from_ordinals(key: &mut Expr, scope: &Scope, items: &[Item]) -> Result<()> {
    let Expr::Identifier(name) = &*key else { return Ok(()) };
    if !matches!(scope.column(name)?, Found::Missing) {
        return Ok(());
    }
    let item = items.iter().find(|item| item.is_computed && item.planned == name.value);
    if let Some(Item { expr, .. }) = item
        && let Expr::Value(value) = expr
        && matches!(value.value, Value::Number(..))
    {
        *key = wrapped(expr.clone());
    }
    Ok(())
}

/// `unnest` of a struct gives several columns. What it is applied to is not known here, unless it is a list for certain.
fn unnests_a_struct(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    function.name.to_string().eq_ignore_ascii_case("unnest") && !function.args.to_string().starts_with("([")
}

/// Where all columns are known, the items whose names the sort keys use for other columns.
fn leave_to_sort_keys(given: &mut [Given], select: &Select, keys: &SortNames, scope: &Scope) -> Result<()> {
    if given.iter().any(|given| matches!(given, Given::Unknown)) {
        return Ok(());
    }
    for (given, item) in given.iter_mut().zip(&select.projection) {
        if let (Given::One { column, origin: origin @ Origin::Alias }, SelectItem::ExprWithAlias { expr, .. }) =
            (given, item)
            && keys.mean_another(&column.name, expr, scope, &select.group_by)?
        {
            *origin = Origin::AliasOfAnother;
        }
    }
    Ok(())
}

/// An item's name is planned as the column of the output that it is.
fn give_planned_names(items: &mut [Item], output: &Output) {
    let Some(columns) = &output.columns else { return };
    let mut rest = columns.iter();
    for item in items {
        // Items and columns are in one order, with the columns of stars in between.
        if let Some(column) = rest.by_ref().find(|column| column.name == item.name) {
            column.planned.clone_into(&mut item.planned);
        }
    }
}
