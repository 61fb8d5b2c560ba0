//! The parameters of a prepared statement: `$1`, `$2`, ... with the types that the client says, or the statement wants.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use maar_engine::datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use maar_engine::datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use maar_engine::datafusion::scalar::ScalarValue;
use maar_engine::{Parameters, Query, QueryKind};
use tonic::Status;

use super::fault::coded;
use super::types::{Column, Kind, PgType, columns};
use crate::statements;
use crate::status::from_engine;
use crate::wire::wire_schema;

/// As many as a message can have values for.
const NUMBER_MAX: usize = 65_535;

/// The type that clients give what they know no type of.
const UNKNOWN: u32 = 705;

/// UUIDs, which are text here.
pub(super) const UUID: u32 = 2950;

/// A parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) data_type: PgType,
    /// As the client hears it.
    pub(super) oid: u32,
    /// What its values become.
    pub(super) arrow: DataType,
}

/// The parameters and the columns of a statement; `declared` are types that the client says, 0 where it does not.
///
/// # Errors
/// For types that are not known here, and parameters with names.
pub(super) fn described(query: &Query, declared: &[u32]) -> Result<(Vec<Parameter>, Vec<Column>), Status> {
    let wanted = statements::parameters(query)?;
    let mut by_number = BTreeMap::new();
    for (name, data_type) in wanted {
        let number = name.trim_start_matches('$').parse::<usize>();
        let number = number.ok().filter(|number| (1..=NUMBER_MAX).contains(number)).ok_or_else(|| {
            coded(
                Status::invalid_argument(format!("the parameter {name} is none: they are $1 to ${NUMBER_MAX}")),
                "42P02",
            )
        })?;
        by_number.insert(number, data_type);
    }
    let count = by_number.keys().max().copied().unwrap_or_default().max(declared.len());
    let guessed = guessed(query);
    let parameter = |number: usize| {
        let own = by_number.get(&number).cloned().flatten();
        let own = own.or_else(|| guessed.get(&format!("${number}")).cloned());
        one(number, declared.get(number - 1).copied().unwrap_or_default(), own)
    };
    let parameters: Vec<Parameter> = (1..=count).map(parameter).collect::<Result<_, _>>()?;
    let columns = match query.kind() {
        QueryKind::Rows => {
            let schema = schema(query, &parameters)?;
            columns(&wire_schema(&schema)).map_err(|fault| coded(Status::unimplemented(fault.message), fault.code))?
        }
        QueryKind::Change | QueryKind::Command => Vec::new(),
    };
    Ok((parameters, columns))
}

/// The types of parameters that planning says none of: numbers of rows (LIMIT, OFFSET), and arrays, behind `= ANY` and in casts.
fn guessed(query: &Query) -> BTreeMap<String, DataType> {
    let mut found = BTreeMap::new();
    // Visiting cannot fail: the closures do not.
    let _ = query.logical_plan().apply_with_subqueries(|node| {
        let is_limit = matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|whole| {
            whole.apply(|part| {
                match part {
                    Expr::Placeholder(parameter) if is_limit => {
                        found.insert(parameter.id.clone(), DataType::Int64);
                    }
                    // A text that is cast to a list is one element of it, which is not what an array is.
                    Expr::Cast(cast) if cast.field.data_type().is_list() => {
                        if let Expr::Placeholder(array) = cast.expr.as_ref() {
                            found.insert(array.id.clone(), cast.field.data_type().clone());
                        }
                    }
                    Expr::ScalarFunction(call) if call.name() == "array_has" => {
                        if let [Expr::Placeholder(array), item] = &call.args[..] {
                            let of = |input: &&LogicalPlan| item.get_type(input.schema()).ok();
                            let item = node.inputs().iter().find_map(of);
                            found.extend(item.map(|item| (array.id.clone(), DataType::new_list(item, true))));
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

fn one(number: usize, declared: u32, wanted: Option<DataType>) -> Result<Parameter, Status> {
    if declared == 0 || declared == UNKNOWN {
        let arrow = wanted.unwrap_or(DataType::Utf8);
        let data_type = PgType::of(&arrow);
        return Ok(match data_type.kind {
            Kind::Json => Parameter {
                data_type: PgType::one(Kind::Text),
                oid: PgType::one(Kind::Text).oid(),
                arrow: DataType::Utf8,
            },
            _ => Parameter { data_type, oid: data_type.oid(), arrow },
        });
    }
    if declared == UUID {
        return Ok(Parameter { data_type: PgType::one(Kind::Text), oid: UUID, arrow: DataType::Utf8 });
    }
    let unknown = || {
        let message =
            format!("the parameter ${number} is of PostgreSQL's type {declared}, which there is none of here");
        coded(Status::unimplemented(format!("{message}. Hint: send it as text")), "0A000")
    };
    let data_type = PgType::by_oid(declared).ok_or_else(unknown)?;
    let own = data_type.arrow();
    // A whole number may be a longer one: LIMIT wants 64 bits.
    let arrow = match wanted {
        Some(wanted) if own.is_signed_integer() && wanted.is_signed_integer() && width(&wanted) > width(&own) => wanted,
        _ => own,
    };
    Ok(Parameter { data_type, oid: declared, arrow })
}

fn width(data_type: &DataType) -> usize {
    data_type.primitive_width().unwrap_or_default()
}

/// The columns that the statement has with values of these types.
fn schema(query: &Query, parameters: &[Parameter]) -> Result<arrow::datatypes::SchemaRef, Status> {
    if parameters.is_empty() {
        return query.schema().map_err(|e| from_engine(&e));
    }
    let mut nulls = Parameters::new();
    for (at, parameter) in parameters.iter().enumerate() {
        let null = ScalarValue::try_new_null(&parameter.arrow);
        nulls.set(&(at + 1).to_string(), null.map_err(|e| from_engine(&e.into()))?);
    }
    // What must not be NULL (LIMIT) says so: then the types are what planning assumed.
    let typed = query.clone().with_parameters(&nulls).and_then(|query| query.schema());
    typed.or_else(|_| query.schema()).map_err(|e| from_engine(&e))
}
