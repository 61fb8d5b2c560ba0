//! `s.*` and `unnest(s)` of a struct in a select list: a column for each of its fields, called as the field is.

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Subscript, Value,
};

use super::Resolver;
use super::items::Given;
use super::scope::{Column, Scope};
use crate::dialect::quoted;
use crate::error::Result;

/// Functions that give a list, whatever they are given.
const GIVE_LISTS: [&str; 16] = [
    "make_array",
    "range",
    "generate_series",
    "string_to_array",
    "array_agg",
    "array_distinct",
    "array_sort",
    "list_sort",
    "array_transform",
    "list_transform",
    "array_filter",
    "list_filter",
    "map_keys",
    "map_values",
    "map_entries",
    "regexp_match",
];

impl Resolver<'_> {
    /// The fields of the struct that `parts` name; `None` where they name none whose fields are known.
    pub(super) fn star_of_struct(&self, mut parts: Vec<Ident>, scope: &Scope) -> Result<Option<Given>> {
        if parts.is_empty() || self.compound(&mut parts, scope)?.is_none() {
            return Ok(None);
        }
        let expr = match parts.as_slice() {
            [name] => Expr::Identifier(name.clone()),
            _ => Expr::CompoundIdentifier(parts.clone()),
        };
        self.fields_of(&expr, scope)
    }

    /// The columns of `unnest` of a struct; `None` where its fields are not known.
    pub(super) fn unnested_struct(&self, expr: &Expr, scope: &Scope) -> Result<Option<Given>> {
        let Expr::Function(function) = expr else { return Ok(None) };
        let FunctionArguments::List(list) = &function.args else { return Ok(None) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else { return Ok(None) };
        match argument {
            Expr::Dictionary(written) => {
                let column = |name: &Ident| Column { name: name.value.clone(), data_type: None };
                let columns = written.iter().map(|field| (field.value.as_ref().clone(), column(&field.key)));
                Ok(Some(Given::Star { columns: columns.collect(), is_written_out: true }))
            }
            Expr::Function(call) if call.name.to_string() == "named_struct" => Ok(named_fields(call)),
            _ => self.fields_of(argument, scope),
        }
    }

    /// Whether `expr` is `unnest` of what is a list for certain, and so one column.
    pub(super) fn unnests_a_list(&self, expr: &Expr, scope: &Scope) -> Result<bool> {
        let Expr::Function(function) = expr else { return Ok(false) };
        let FunctionArguments::List(list) = &function.args else { return Ok(false) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else { return Ok(false) };
        Ok(match argument {
            Expr::Array(_) => true,
            Expr::Function(call) => {
                let name = call.name.to_string().to_ascii_lowercase();
                GIVE_LISTS.contains(&name.as_str())
            }
            _ => matches!(
                self.type_of(argument, scope)?,
                Some(DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
            ),
        })
    }

    fn fields_of(&self, expr: &Expr, scope: &Scope) -> Result<Option<Given>> {
        let Some(DataType::Struct(fields)) = self.type_of(expr, scope)? else { return Ok(None) };
        let field = |name: &String| match expr {
            Expr::Identifier(of) => Expr::CompoundIdentifier(vec![of.clone(), quoted(name)]),
            Expr::CompoundIdentifier(parts) => {
                Expr::CompoundIdentifier(parts.iter().cloned().chain([quoted(name)]).collect())
            }
            other => {
                let index = Expr::value(Value::SingleQuotedString(name.clone()));
                let access_chain = vec![AccessExpr::Subscript(Subscript::Index { index })];
                Expr::CompoundFieldAccess { root: Box::new(other.clone()), access_chain }
            }
        };
        let columns = fields.iter().map(|inside| {
            let column = Column { name: inside.name().clone(), data_type: Some(inside.data_type().clone()) };
            (field(inside.name()), column)
        });
        Ok(Some(Given::Star { columns: columns.collect(), is_written_out: true }))
    }
}

/// The fields of `named_struct('a', 1, 'b', 2)`; `None` where a name is no literal.
fn named_fields(call: &Function) -> Option<Given> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let expr = |argument: &'_ FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let exprs: Vec<Expr> = list.args.iter().map(expr).collect::<Option<_>>()?;
    let column = |pair: &[Expr]| {
        let [Expr::Value(name), value] = pair else { return None };
        let Value::SingleQuotedString(name) = &name.value else { return None };
        Some((value.clone(), Column { name: name.clone(), data_type: None }))
    };
    let columns: Option<Vec<(Expr, Column)>> = exprs.chunks(2).map(column).collect();
    Some(Given::Star { columns: columns?, is_written_out: true })
}
