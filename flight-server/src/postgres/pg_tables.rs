//! `pg_attribute` and `pg_class` as tools count on them: with the types that columns are sent as, those of arrays, intervals and decimals
//! among them, and columns that `datafusion-pg-catalog` leaves out. All other tables are its own.
//!
//! It tells of a column by name and Arrow type, and knows fewer of those than we send. So a name takes the numbers of its type along
//! ([`marked`]), and a view takes both apart again.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use maar_engine::datafusion::catalog::{SchemaProvider, TableProvider};
use maar_engine::datafusion::datasource::{ViewTable, provider_as_source};
use maar_engine::datafusion::error::Result;
use maar_engine::datafusion::functions::unicode::expr_fn::{substr, substring};
use maar_engine::datafusion::logical_expr::expr::FieldMetadata;
use maar_engine::datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, ident, lit};
use maar_engine::datafusion::scalar::ScalarValue;

use super::settings::fixed;
use super::types::{PgType, modifier};
use crate::wire::wire_schema;

/// What stands before a name: a column of `pg_attribute`, and how many digits it has.
const MARKS: &[(&str, usize)] = &[("atttypid", 10), ("atttypmod", 11), ("attlen", 6), ("attndims", 1)];

/// The columns of a table under names that say what they are sent as.
pub(super) fn marked(schema: &SchemaRef) -> SchemaRef {
    let own = wire_schema(schema);
    let field = |field: &Arc<Field>| {
        let data_type = PgType::of(field.data_type());
        let (oid, modifier, length) = (data_type.oid(), modifier(field.data_type()), data_type.length());
        let name = format!("{oid:010}{modifier:011}{length:06}{}{}", u8::from(data_type.is_array), field.name());
        Field::new(name, field.data_type().clone(), field.is_nullable())
    };
    Arc::new(Schema::new(own.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The tables of `pg_catalog`.
#[derive(Debug)]
pub(super) struct PgTables(pub(super) Arc<dyn SchemaProvider>);

#[async_trait]
impl SchemaProvider for PgTables {
    fn table_names(&self) -> Vec<String> {
        self.0.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(theirs) = self.0.table(name).await? else { return Ok(None) };
        Ok(Some(match name {
            "pg_attribute" => view(name, &theirs, attribute, &[])?,
            "pg_class" => view(name, &theirs, |_| None, &["reloptions", "relacl"])?,
            "pg_settings" => settings(&theirs.schema())?,
            _ => theirs,
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.table_exist(name)
    }
}

/// Their table, with columns of it in other words, and those that it lacks: lists of texts, which are NULL.
fn view(
    name: &str,
    theirs: &Arc<dyn TableProvider>,
    in_other_words: impl Fn(&Field) -> Option<Expr>,
    lacking: &[&str],
) -> Result<Arc<dyn TableProvider>> {
    let schema = theirs.schema();
    let mut columns: Vec<Expr> = Vec::new();
    for field in schema.fields() {
        let own = in_other_words(field);
        columns.push(match own {
            // What kind of number it is goes with it.
            Some(own) => own.alias_with_metadata(field.name(), Some(FieldMetadata::from(field.as_ref()))),
            None => ident(field.name()),
        });
    }
    for name in lacking.iter().filter(|name| schema.field_with_name(name).is_err()) {
        columns.push(lit(ScalarValue::new_null_list(DataType::Utf8, true, 1)).alias(*name));
    }
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(theirs)), None)?.project(columns)?;
    Ok(Arc::new(ViewTable::new(plan.build()?, None)))
}

/// The parameters that have one value here: drivers ask for numbers among them.
fn settings(schema: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    let row = |(name, value): (&str, &str)| {
        let cell = |field: &Arc<Field>| match field.name().as_str() {
            "name" => Ok(lit(name)),
            "setting" | "reset_val" => Ok(lit(value)),
            _ => ScalarValue::try_new_null(field.data_type()).map(lit),
        };
        schema.fields().iter().map(cell).collect::<Result<Vec<Expr>>>()
    };
    let rows: Vec<Vec<Expr>> = fixed().map(row).collect::<Result<_>>()?;
    let named =
        schema.fields().iter().enumerate().map(|(at, field)| ident(format!("column{}", at + 1)).alias(field.name()));
    let plan = LogicalPlanBuilder::values(rows)?.project(named)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

fn attribute(field: &Field) -> Option<Expr> {
    let mut start = 1;
    for (name, digits) in MARKS {
        if field.name() == name {
            let digits = substring(ident("attname"), lit(start), lit(*digits as i64));
            return Some(cast(digits, field.data_type().clone()));
        }
        start += *digits as i64;
    }
    (field.name() == "attname").then(|| substr(ident("attname"), lit(start)))
}
