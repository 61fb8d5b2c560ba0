//! `pg_catalog` for one session: PostgreSQL's tables of tables, over what the session itself sees, and nothing of another's. The tables are
//! `datafusion-pg-catalog`'s; sessions of other protocols do not have them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_pg_catalog::pg_catalog::context::{PgCatalogContextProvider, Role};
use datafusion_pg_catalog::pg_catalog::{PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables};
use maar_engine::Session;
use maar_engine::datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider};
use maar_engine::datafusion::datasource::TableType;
use maar_engine::datafusion::error::{DataFusionError, Result};
use tonic::Status;

use super::functions;
use super::pg_tables::{PgTables, marked};

pub(super) const SCHEMA: &str = "pg_catalog";
const INFORMATION_SCHEMA: &str = "information_schema";

/// Who owns all where there are no users.
pub(super) const NOBODY: &str = "maar";

/// What is the same in every PostgreSQL.
static TABLES: LazyLock<Option<Arc<PgCatalogStaticTables>>> =
    LazyLock::new(|| PgCatalogStaticTables::try_new().ok().map(Arc::new));

/// The catalog that names without one mean.
pub(super) fn name(session: &Session) -> String {
    session.context().state().config_options().catalog.default_catalog.clone()
}

/// Gives a session `pg_catalog` and the functions that go with it.
///
/// # Errors
/// INTERNAL when the tables cannot be read, a bug.
pub(super) fn install(session: &Session, user: Option<&str>) -> std::result::Result<(), Status> {
    let broken =
        |e: &dyn std::fmt::Display| Status::internal(format!("internal error, a bug of ours: pg_catalog: {e}"));
    let tables = TABLES.clone().ok_or_else(|| broken(&"its tables cannot be read"))?;
    let catalog = name(session);
    let inner = Arc::clone(session.context().state_ref().read().catalog_list());
    let known = Known { catalogs: Arc::clone(&inner), catalog: catalog.clone() };
    let owner = Owner(user.unwrap_or(NOBODY).to_owned());
    let schema = PgCatalogSchemaProvider::try_new(known, Arc::clone(&tables), owner).map_err(|e| broken(&e))?;
    let schema = Arc::new(PgTables(Arc::new(schema)));
    let catalogs = Catalogs { inner, catalog: catalog.clone(), schema };
    session.context().state_ref().write().register_catalog_list(Arc::new(catalogs));
    functions::install(session.context(), &catalog, user.unwrap_or(NOBODY), &tables);
    Ok(())
}

/// The catalogs of a session, the default one with `pg_catalog`.
#[derive(Debug)]
struct Catalogs {
    inner: Arc<dyn CatalogProviderList>,
    catalog: String,
    schema: Arc<dyn SchemaProvider>,
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, name: String, catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        self.inner.register_catalog(name, catalog)
    }

    fn catalog_names(&self) -> Vec<String> {
        CatalogProviderList::catalog_names(self.inner.as_ref())
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let inner = self.inner.catalog(name)?;
        match name == self.catalog {
            true => Some(Arc::new(Catalog { inner, schema: Arc::clone(&self.schema) })),
            false => Some(inner),
        }
    }
}

/// A catalog that has `pg_catalog`, and does not list it: SHOW TABLES is of the tables that somebody made.
#[derive(Debug)]
struct Catalog {
    inner: Arc<dyn CatalogProvider>,
    schema: Arc<dyn SchemaProvider>,
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.inner.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            SCHEMA => Some(Arc::clone(&self.schema)),
            _ => self.inner.schema(name),
        }
    }

    fn register_schema(&self, name: &str, schema: Arc<dyn SchemaProvider>) -> Result<Option<Arc<dyn SchemaProvider>>> {
        match name {
            SCHEMA => Err(DataFusionError::Execution("the schema pg_catalog is PostgreSQL's, and is there".to_owned())),
            _ => self.inner.register_schema(name, schema),
        }
    }

    fn deregister_schema(&self, name: &str, cascade: bool) -> Result<Option<Arc<dyn SchemaProvider>>> {
        self.inner.deregister_schema(name, cascade)
    }
}

/// What is told of: the tables of the default catalog, as the session sees them.
#[derive(Debug, Clone)]
struct Known {
    catalogs: Arc<dyn CatalogProviderList>,
    catalog: String,
}

impl Known {
    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.catalogs.catalog(&self.catalog)?.schema(name)
    }
}

#[async_trait]
impl CatalogInfo for Known {
    async fn catalog_names(&self) -> Result<Vec<String>> {
        Ok(vec![self.catalog.clone()])
    }

    async fn schema_names(&self, _catalog: &str) -> Result<Option<Vec<String>>> {
        let Some(catalog) = self.catalogs.catalog(&self.catalog) else { return Ok(None) };
        let mut names = catalog.schema_names();
        names.retain(|name| name != SCHEMA && name != INFORMATION_SCHEMA);
        names.extend([SCHEMA.to_owned(), INFORMATION_SCHEMA.to_owned()]);
        Ok(Some(names))
    }

    async fn table_names(&self, _catalog: &str, schema: &str) -> Result<Option<Vec<String>>> {
        Ok(match schema {
            SCHEMA => Some(PG_CATALOG_TABLES.iter().map(|name| (*name).to_owned()).collect()),
            _ => self.schema(schema).map(|schema| schema.table_names()),
        })
    }

    /// Nothing of a table that cannot be opened: one of them is no reason to tell of none.
    async fn table_schema(&self, _catalog: &str, schema: &str, table: &str) -> Result<Option<SchemaRef>> {
        let Some(schema) = self.schema(schema) else { return Ok(None) };
        Ok(schema.table(table).await.ok().flatten().map(|table| marked(&table.schema())))
    }

    async fn table_type(&self, _catalog: &str, schema: &str, table: &str) -> Result<Option<TableType>> {
        match (schema, self.schema(schema)) {
            (SCHEMA, _) => Ok(Some(TableType::Base)),
            (_, Some(schema)) => Ok(schema.table_type(table).await.ok().flatten()),
            (_, None) => Ok(None),
        }
    }
}

/// The one user that a session hears of: its own.
#[derive(Debug, Clone)]
struct Owner(String);

#[async_trait]
impl PgCatalogContextProvider for Owner {
    async fn roles(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        Some(Role {
            name: name.to_owned(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}
