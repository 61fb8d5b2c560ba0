//! Catalogs, schemas, tables and table types, read from the session's catalog when they are asked for.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas, CommandGetTables};
use maar_engine::Session;
use maar_engine::datafusion::catalog::information_schema::{
    INFORMATION_SCHEMA, INFORMATION_SCHEMA_TABLES, InformationSchemaProvider,
};
use maar_engine::datafusion::catalog::{CatalogProviderList, SchemaProvider};
use maar_engine::datafusion::datasource::TableType;
use maar_engine::datafusion::error::DataFusionError;
use tonic::Status;

use super::types;
use crate::status::{from_engine, from_flight};
use crate::system;
use crate::wire::wire_schema;

const TABLE: &str = "TABLE";
const VIEW: &str = "VIEW";
const TEMPORARY: &str = "LOCAL TEMPORARY";
const SYSTEM: &str = "SYSTEM TABLE";

/// In the order of the answer, which the protocol wants sorted.
const TABLE_TYPES: &[&str] = &[TEMPORARY, SYSTEM, TABLE, VIEW];

/// All catalogs.
pub(crate) fn catalogs(session: &Session, command: CommandGetCatalogs) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    list(session).catalog_names().into_iter().for_each(|name| builder.append(name));
    builder.build().map_err(from_flight)
}

/// The schemas that the command's filters let pass.
pub(crate) fn schemas(session: &Session, command: CommandGetDbSchemas) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    for (catalog, schema, _) in all_schemas(session) {
        builder.append(catalog, schema);
    }
    builder.build().map_err(from_flight)
}

/// The tables that the command's filters let pass, with the columns a client would get from each, if it asks for them.
pub(crate) async fn tables(session: &Session, command: CommandGetTables) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    for (catalog, schema, provider) in all_schemas(session) {
        let is_system = schema == INFORMATION_SCHEMA || (catalog == system::CATALOG && schema == system::SCHEMA);
        for name in table_names(&schema, provider.as_ref()) {
            let failed = |e: DataFusionError| from_engine(&e.into());
            let kind =
                if is_system { Some(SYSTEM) } else { provider.table_type(&name).await.map_err(failed)?.map(label) };
            let columns = match builder.include_schema() {
                true => provider
                    .table(&name)
                    .await
                    .map_err(failed)?
                    .map(|table| types::described(&wire_schema(&table.schema()))),
                false => Some(Arc::new(Schema::empty())),
            };
            // Dropped between the listing and the look: it is no longer there.
            let (Some(kind), Some(columns)) = (kind, columns) else { continue };
            builder.append(&catalog, &schema, &name, kind, &columns).map_err(from_flight)?;
        }
    }
    builder.build().map_err(from_flight)
}

/// The names that a table's type may have.
pub(crate) fn table_types() -> Result<RecordBatch, Status> {
    let names: ArrayRef = Arc::new(StringArray::from(TABLE_TYPES.to_vec()));
    RecordBatch::try_new(table_types_schema(), vec![names]).map_err(|e| from_flight(e.into()))
}

pub(crate) fn table_types_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("table_type", DataType::Utf8, false)]))
}

fn label(table_type: TableType) -> &'static str {
    match table_type {
        TableType::Base => TABLE,
        TableType::View => VIEW,
        TableType::Temporary => TEMPORARY,
    }
}

/// Every schema with its catalog, `information_schema` included where the session has it: catalogs do not list it.
fn all_schemas(session: &Session) -> Vec<(String, String, Arc<dyn SchemaProvider>)> {
    let state = session.context().state();
    let list = list(session);
    let has_information = state.config_options().catalog.information_schema;
    let mut found = Vec::new();
    for catalog in list.catalog_names() {
        let Some(provider) = list.catalog(&catalog) else { continue };
        let names = provider.schema_names().into_iter().filter(|name| name != INFORMATION_SCHEMA);
        found.extend(names.filter_map(|name| Some((catalog.clone(), name.clone(), provider.schema(&name)?))));
        if has_information && catalog != system::CATALOG {
            let information: Arc<dyn SchemaProvider> = Arc::new(InformationSchemaProvider::new(Arc::clone(&list)));
            found.push((catalog, INFORMATION_SCHEMA.to_owned(), information));
        }
    }
    found
}

fn table_names(schema: &str, provider: &dyn SchemaProvider) -> Vec<String> {
    match schema {
        INFORMATION_SCHEMA => INFORMATION_SCHEMA_TABLES.iter().map(|name| (*name).to_owned()).collect(),
        _ => provider.table_names(),
    }
}

fn list(session: &Session) -> Arc<dyn CatalogProviderList> {
    Arc::clone(session.context().state().catalog_list())
}
