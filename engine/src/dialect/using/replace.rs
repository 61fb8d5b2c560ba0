//! Puts what a shared column stands for in its place, in every clause of one SELECT.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, ExcludeSelectItem, Expr, GroupByExpr, Ident, ObjectName, OrderBy, OrderByKind, Query, Select, SelectItem,
    VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::Names;
use super::columns::{Shown, shown};

/// Writes out the shared columns of `select` and of the ORDER BY that belongs to it; `names` are those of its relations.
pub(super) fn write_out(select: &mut Select, order_by: Option<&mut OrderBy>, names: Vec<Names>) {
    let mut names = names.into_iter();
    let mut from = select.from.clone();
    let mut columns = Vec::new();
    for item in &mut from {
        let Some(of_item) = shown(item, &mut names) else { return };
        columns.extend(of_item);
    }
    let Some(projection) = expanded(&select.projection, &columns) else { return };
    select.from = from;
    let mut shared = Shared::of(&columns);
    select.projection = projection.into_iter().map(|item| shared.in_item(item)).collect();
    let outputs: Vec<String> = select.projection.iter().filter_map(output_name).collect();

    let _ = select.selection.visit(&mut shared);
    if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
        let _ = keys.visit(&mut shared);
    }
    let _ = select.having.visit(&mut shared);
    let _ = select.qualify.visit(&mut shared);
    let _ = select.named_window.visit(&mut shared);
    let _ = select.sort_by.visit(&mut shared);
    if let Some(Distinct::On(keys)) = &mut select.distinct {
        let _ = keys.visit(&mut shared);
    }
    if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order_by {
        for key in keys {
            // The name of an output column comes first.
            if !matches!(&key.expr, Expr::Identifier(name) if outputs.contains(&read(name))) {
                let _ = key.expr.visit(&mut shared);
            }
        }
    }
}

/// The name that the planner reads.
pub(super) fn read(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() }
}

/// What unqualified names of shared columns stand for.
struct Shared {
    values: HashMap<String, Expr>,
    /// How many subqueries deep: names there are looked for in their own FROM first.
    depth: usize,
    is_changed: bool,
}

impl Shared {
    fn of(columns: &[Shown]) -> Self {
        let is_only = |shown: &&Shown| columns.iter().filter(|other| other.name == shown.name).count() == 1;
        let shared = columns.iter().filter(|column| column.is_shared).filter(is_only);
        let values = shared.map(|column| (column.name.clone(), column.value.clone())).collect();
        Self { values, depth: 0, is_changed: false }
    }

    fn in_item(&mut self, item: SelectItem) -> SelectItem {
        let SelectItem::UnnamedExpr(expr) = item else {
            let mut item = item;
            let _ = item.visit(self);
            return item;
        };
        let name = match &expr {
            Expr::Identifier(name) => name.clone(),
            other => Ident::with_quote('"', other.to_string()),
        };
        let mut replaced = expr;
        self.is_changed = false;
        let _ = replaced.visit(self);
        if self.is_changed {
            SelectItem::ExprWithAlias { expr: replaced, alias: name }
        } else {
            SelectItem::UnnamedExpr(replaced)
        }
    }
}

impl VisitorMut for Shared {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = &*expr
            && let Some(value) = self.values.get(&read(name))
        {
            *expr = value.clone();
            self.is_changed = true;
        }
        ControlFlow::Continue(())
    }
}

/// The select list with `*` written out; none where an option of `*` is not known here.
fn expanded(items: &[SelectItem], columns: &[Shown]) -> Option<Vec<SelectItem>> {
    let mut list = Vec::new();
    for item in items {
        match item {
            SelectItem::Wildcard(options) => list.extend(star(options, columns)?),
            other => list.push(other.clone()),
        }
    }
    Some(list)
}

fn star(options: &WildcardAdditionalOptions, columns: &[Shown]) -> Option<Vec<SelectItem>> {
    if options.opt_ilike.is_some() || options.opt_rename.is_some() || options.opt_alias.is_some() {
        return None;
    }
    let mut left_out = Vec::new();
    let of_object = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident()).map(read);
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => left_out.extend(of_object(name)),
        Some(ExcludeSelectItem::Multiple(names)) => left_out.extend(names.iter().filter_map(of_object)),
        None => {}
    }
    if let Some(except) = &options.opt_except {
        left_out.push(read(&except.first_element));
        left_out.extend(except.additional_elements.iter().map(read));
    }
    let replaced = |name: &str| {
        let items = &options.opt_replace.as_ref()?.items;
        items.iter().find(|item| read(&item.column_name) == name).map(|item| item.expr.clone())
    };
    let item = |column: &Shown| {
        let alias = Ident::with_quote('"', &column.name);
        match replaced(&column.name) {
            Some(expr) => SelectItem::ExprWithAlias { expr, alias },
            None if column.is_shared => SelectItem::ExprWithAlias { expr: column.value.clone(), alias },
            None => SelectItem::UnnamedExpr(column.value.clone()),
        }
    };
    Some(columns.iter().filter(|column| !left_out.contains(&column.name)).map(item).collect())
}

fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(read(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(read(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(read),
        _ => None,
    }
}
