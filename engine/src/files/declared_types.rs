//! Columns that a reader is told (`columns = {'a': 'BIGINT'}`, `types = ['BIGINT', 'DATE']`) in the place of those that files
//! seem to have.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::error::{Error, ErrorKind, Result};

/// What is told, types as SQL writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Told {
    #[default]
    Nothing,
    /// Every column, in order.
    Columns(Vec<(String, String)>),
    /// The types of some, by name.
    Named(Vec<(String, String)>),
    /// The types of the first, by place.
    Placed(Vec<String>),
}

impl Told {
    /// `found`, the columns of the files, as they are told. `by_place`: files know columns by their places alone.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a type that is none, a column that there is not, or another number of columns.
    pub(super) fn over(&self, state: &SessionState, found: SchemaRef, by_place: bool) -> Result<SchemaRef> {
        let invalid = |message: String| Error::new(ErrorKind::Invalid, message);
        let mut fields: Vec<Field> = found.fields().iter().map(|field| field.as_ref().clone()).collect();
        match self {
            Self::Nothing => return Ok(found),
            Self::Columns(columns) => {
                if by_place && columns.len() != fields.len() {
                    let message = format!("the files have {} columns, and {} are named", fields.len(), columns.len());
                    return Err(
                        invalid(message).with_hint("name them all, or say the types of some: types = {'a': '...'}")
                    );
                }
                let typed = |(name, text): &(String, String)| Ok(Field::new(name, of_text(state, text)?, true));
                fields = columns.iter().map(typed).collect::<Result<_>>()?;
            }
            Self::Named(types) => {
                for (name, text) in types {
                    let Some(field) = fields.iter_mut().find(|field| field.name().eq_ignore_ascii_case(name)) else {
                        let known: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
                        return Err(invalid(format!("the files have no column {name}"))
                            .with_hint(format!("their columns are {}", known.join(", "))));
                    };
                    *field = field.clone().with_data_type(of_text(state, text)?);
                }
            }
            Self::Placed(types) => {
                if types.len() > fields.len() {
                    let message =
                        format!("the files have {} columns, and {} types are named", fields.len(), types.len());
                    return Err(invalid(message));
                }
                for (field, text) in fields.iter_mut().zip(types) {
                    *field = field.clone().with_data_type(of_text(state, text)?);
                }
            }
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, found.metadata().clone())))
    }
}

fn of_text(state: &SessionState, text: &str) -> Result<DataType> {
    let nothing = DFSchema::empty();
    match state.create_logical_expr(&format!("CAST(NULL AS {text})"), &nothing) {
        Ok(cast @ Expr::Cast(_)) => Ok(cast.get_type(&nothing)?),
        _ => Err(Error::new(ErrorKind::Invalid, format!("'{text}' is no type"))
            .with_hint("write a type of SQL: BIGINT, DOUBLE, VARCHAR, DATE, TIMESTAMP, DECIMAL(10, 2)")),
    }
}
