//! `s.*` and `unnest(s)` of a struct in a select list: a column for each of its fields, called as the field is.

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Subscript, Value,
};

use super::Resolver;
use super::items::Given;
use super::scope::{Column, Scope};
use crate::dialect::quoted;
use crate::error::Result;

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
            _ => self.fields_of(argument, scope),
        }
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
