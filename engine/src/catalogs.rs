//! The catalogs of a session, in which tables are looked up, made or dropped in another way. All else is as the catalogs
//! have it.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result;

/// How tables are looked up, made and dropped in a `schema` of that catalog and name. What is not said is the schema's.
#[async_trait]
pub(crate) trait LookUp: Debug + Send + Sync {
    /// What `name` is.
    async fn table(
        &self,
        schema: &dyn SchemaProvider,
        place: (&str, &str),
        name: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>>;

    /// What kind of table `name` is.
    async fn table_type(
        &self,
        schema: &dyn SchemaProvider,
        _place: (&str, &str),
        name: &str,
    ) -> Result<Option<TableType>> {
        schema.table_type(name).await
    }

    /// The names of all tables.
    fn names(&self, schema: &dyn SchemaProvider, _place: (&str, &str)) -> Vec<String> {
        schema.table_names()
    }

    /// Whether there is a table `name`.
    fn is_there(&self, schema: &dyn SchemaProvider, _place: (&str, &str), name: &str) -> bool {
        schema.table_exist(name)
    }

    /// Makes `table` known as `name`.
    fn register(
        &self,
        schema: &dyn SchemaProvider,
        _place: (&str, &str),
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        schema.register_table(name, table)
    }

    /// Forgets `name`.
    fn deregister(
        &self,
        schema: &dyn SchemaProvider,
        _place: (&str, &str),
        name: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        schema.deregister_table(name)
    }
}

/// The catalogs of `inner`.
pub(crate) fn looked_up_by(
    inner: &Arc<dyn CatalogProviderList>,
    look_up: Arc<dyn LookUp>,
) -> Arc<dyn CatalogProviderList> {
    Arc::new(Catalogs { inner: Arc::clone(inner), look_up })
}

/// Whether the tables of `schema` change only by what is done to it, and are found without waiting.
pub(crate) fn is_in_memory(schema: &dyn SchemaProvider) -> bool {
    let any: &dyn Any = schema;
    match any.downcast_ref::<Schema>() {
        Some(looked_up) => is_in_memory(looked_up.inner.as_ref()),
        None => any.is::<MemorySchemaProvider>(),
    }
}

#[derive(Debug)]
struct Catalogs {
    inner: Arc<dyn CatalogProviderList>,
    look_up: Arc<dyn LookUp>,
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, name: String, catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        self.inner.register_catalog(name, catalog)
    }

    fn catalog_names(&self) -> Vec<String> {
        self.inner.catalog_names()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let inner = self.inner.catalog(name)?;
        Some(Arc::new(Catalog { inner, name: name.to_string(), look_up: Arc::clone(&self.look_up) }))
    }
}

#[derive(Debug)]
struct Catalog {
    inner: Arc<dyn CatalogProvider>,
    name: String,
    look_up: Arc<dyn LookUp>,
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.inner.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let inner = self.inner.schema(name)?;
        let place = (self.name.clone(), name.to_string());
        Some(Arc::new(Schema { inner, place, look_up: Arc::clone(&self.look_up) }))
    }

    fn register_schema(&self, name: &str, schema: Arc<dyn SchemaProvider>) -> Result<Option<Arc<dyn SchemaProvider>>> {
        self.inner.register_schema(name, schema)
    }

    fn deregister_schema(&self, name: &str, cascade: bool) -> Result<Option<Arc<dyn SchemaProvider>>> {
        self.inner.deregister_schema(name, cascade)
    }
}

#[derive(Debug)]
struct Schema {
    inner: Arc<dyn SchemaProvider>,
    /// Its catalog's name, and its own.
    place: (String, String),
    look_up: Arc<dyn LookUp>,
}

impl Schema {
    fn place(&self) -> (&str, &str) {
        (&self.place.0, &self.place.1)
    }
}

#[async_trait]
impl SchemaProvider for Schema {
    fn owner_name(&self) -> Option<&str> {
        self.inner.owner_name()
    }

    fn table_names(&self) -> Vec<String> {
        self.look_up.names(self.inner.as_ref(), self.place())
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.look_up.table(self.inner.as_ref(), self.place(), name).await
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        self.look_up.table_type(self.inner.as_ref(), self.place(), name).await
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        self.look_up.register(self.inner.as_ref(), self.place(), name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.look_up.deregister(self.inner.as_ref(), self.place(), name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.look_up.is_there(self.inner.as_ref(), self.place(), name)
    }
}
