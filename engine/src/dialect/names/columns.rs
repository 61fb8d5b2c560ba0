//! `COLUMNS(*)`, `COLUMNS('a.*')`, `COLUMNS(['a', 'b'])` and `COLUMNS(c -> c LIKE 'a%')` in a select list: the item once for each
//! of the columns, with the column in its place; in WHERE, the condition of all of them. Not here: those of UNPIVOT (`spread`).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, SelectItem, Value, Visit, VisitMut, VisitorMut,
    visit_expressions,
};
use regex::Regex;

use super::column_tests::holds;
use super::from::shown;
use super::items::reference;
use super::scope::{Scope, position, same_but_for_case};
use crate::dialect::quoted;
use crate::dialect::templates::and;
use crate::error::{Error, ErrorKind, Result};

/// Writes the items out. `typed` are their texts, and what comes back those of the items that they become.
///
/// # Errors
/// When the columns are not known, or none fits.
pub(super) fn write_out(
    list: &mut Vec<SelectItem>,
    typed: Option<Vec<String>>,
    scope: &Scope,
) -> Result<Option<Vec<String>>> {
    let mut calls = Vec::with_capacity(list.len());
    for item in list.iter() {
        calls.push(call_in(item)?);
    }
    if calls.iter().all(Option::is_none) {
        return Ok(typed);
    }
    let mut texts = typed.map(Vec::into_iter);
    let (mut items, mut written) = (Vec::new(), Vec::new());
    for (item, call) in list.drain(..).zip(calls) {
        let text = texts.as_mut().and_then(Iterator::next).unwrap_or_else(|| item.to_string());
        let Some(call) = call else {
            items.push(item);
            written.push(text);
            continue;
        };
        for (name, expr) in columns_of(&call, scope)? {
            let mut item = item.clone();
            let _ = VisitMut::visit(&mut item, &mut Replace { by: &expr });
            items.push(item);
            written.push(renamed(&text, &name));
        }
    }
    *list = items;
    Ok(Some(written))
}

/// Writes out a condition: it holds where it does for each of the columns.
///
/// # Errors
/// When the columns are not known, or none fits.
pub(super) fn write_out_test(test: &mut Expr, scope: &Scope) -> Result<()> {
    let Some(call) = call_in(test)? else { return Ok(()) };
    let each = columns_of(&call, scope)?.into_iter().map(|(_, column)| {
        let mut test = test.clone();
        let _ = VisitMut::visit(&mut test, &mut Replace { by: &column });
        test
    });
    if let Some(all) = each.reduce(and) {
        *test = all;
    }
    Ok(())
}

/// The COLUMNS of an item; several of one item must be the same.
fn call_in<V: Visit>(item: &V) -> Result<Option<Function>> {
    let mut found: Option<Function> = None;
    let several = visit_expressions(item, |expr| match (as_call(expr), &found) {
        (Some(call), Some(before)) if call.args != before.args => ControlFlow::Break(()),
        (Some(call), None) => {
            found = Some(call.clone());
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    });
    match several.is_break() {
        true => Err(Error::new(ErrorKind::Unsupported, "several COLUMNS of one expression must be the same")),
        false => Ok(found),
    }
}

fn as_call(expr: &Expr) -> Option<&Function> {
    match expr {
        Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("columns") => Some(call),
        _ => None,
    }
}

/// The columns that it names, and what to write for each.
fn columns_of(call: &Function, scope: &Scope) -> Result<Vec<(String, Expr)>> {
    let at = call.name.0.first().and_then(|part| part.as_ident()).and_then(position);
    let error = |kind, message: String| Error::new(kind, message).or_at(at);
    let Some(shown) = shown(scope) else {
        let error = error(ErrorKind::Unsupported, "COLUMNS needs to know the columns of FROM".to_string());
        return Err(error.with_hint("name the columns"));
    };
    let Some(fits) = test(call)? else {
        let error = error(ErrorKind::Unsupported, format!("{call} is not supported"));
        return Err(error.with_hint(
            "write COLUMNS(*), COLUMNS('regular expression'), COLUMNS(['a', 'b']) or COLUMNS(c -> c LIKE 'a%')",
        ));
    };
    let is_alone = scope.relations.len() == 1;
    let named = |(relation, column): (&_, &super::scope::Column)| {
        let expr = match is_alone {
            true => Expr::Identifier(quoted(&column.name)),
            false => reference(relation, column, scope.merged.contains(&column.name)),
        };
        (column.name.clone(), expr)
    };
    let columns: Vec<(String, Expr)> = shown.into_iter().map(named).filter(|(name, _)| fits(name)).collect();
    match columns.is_empty() {
        true => Err(error(ErrorKind::Invalid, format!("{call} fits no column"))),
        false => Ok(columns),
    }
}

type Test = Box<dyn Fn(&str) -> bool>;

/// What tells the columns that are meant; `None` of arguments that are not known.
fn test(call: &Function) -> Result<Option<Test>> {
    let FunctionArguments::List(list) = &call.args else { return Ok(None) };
    let string = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(string) => Some(string.clone()),
            _ => None,
        },
        _ => None,
    };
    Ok(match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => Some(Box::new(|_: &str| true)),
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(array)))] => {
            let names: Option<Vec<String>> = array.elem.iter().map(string).collect();
            names.map(|names| -> Test {
                Box::new(move |column| names.iter().any(|name| same_but_for_case(name, column)))
            })
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(lambda)))] => {
            let mut names = lambda.params.iter().map(|parameter| parameter.name.value.clone());
            let (Some(name), None, test) = (names.next(), names.next(), lambda.body.clone()) else { return Ok(None) };
            // Whether it is a test at all does not hang on the column.
            holds(&test, &name, "")
                .map(|_| -> Test { Box::new(move |column| holds(&test, &name, column).unwrap_or(false)) })
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern))] => match string(pattern) {
            Some(pattern) => {
                let pattern = Regex::new(&pattern)
                    .map_err(|_| Error::new(ErrorKind::Invalid, format!("'{pattern}' is no regular expression")))?;
                Some(Box::new(move |column: &str| pattern.is_match(column)))
            }
            None => None,
        },
        _ => None,
    })
}

struct Replace<'e> {
    by: &'e Expr,
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if as_call(expr).is_some() {
            *expr = self.by.clone();
        }
        ControlFlow::Continue(())
    }
}

/// The text of an item with the column's name for each COLUMNS(...).
fn renamed(text: &str, name: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let Some(start) = lower.find("columns(").or_else(|| lower.find("columns (")) else { return text.to_string() };
    let mut depth = 0usize;
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'\'' => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return format!("{}{name}{}", &text[..start], renamed(&text[at + 1..], name));
                }
            }
            _ => {}
        }
    }
    text.to_string()
}
