//! A table with metadata as a provider: named by its folder, by a reader (`delta_scan`) or by CREATE EXTERNAL TABLE.
//!
//! Its columns are those of the version that was there when it was looked up; a scan reads the version that is there when the statement
//! runs. Not here: the plan of a scan (`scan`).

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::datasource::TableType;
use datafusion::error::Result as HostResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{CreateExternalTable, Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use super::find::{self, Format};
use super::place::Place;
use super::scan::{Reading, Scan};
use super::snapshot::{Column, Snapshot};
use super::statement;
use super::version::AsOf;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{FilesAt, Partitions};
use crate::{redacted, secrets};

/// A table, at one version or at whichever is the latest.
#[derive(Debug, Clone)]
pub(crate) struct LakeTable {
    place: Place,
    format: Format,
    as_of: AsOf,
    /// When it was looked up.
    snapshot: Arc<Snapshot>,
    schema: SchemaRef,
    definition: Option<String>,
}

impl LakeTable {
    async fn open(state: &SessionState, place: Place, format: Format, as_of: AsOf) -> Result<Self> {
        let snapshot = statement::snapshot(state, &place, format, as_of).await?;
        let schema = snapshot.schema();
        Ok(Self { place, format, as_of, snapshot, schema, definition: None })
    }

    fn partitions(&self) -> Partitions {
        Partitions::new(self.snapshot.partition_columns().map(|column| Arc::clone(&column.field)).collect())
    }

    /// The columns of `now` that this table has.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where they are not what they were when the table was looked up.
    fn columns<'s>(&self, now: &'s Snapshot) -> Result<Vec<&'s Column>> {
        let same = |known: &Column| {
            let is_same = |column: &&Column| {
                column.field.data_type() == known.field.data_type() && column.is_partition == known.is_partition
            };
            now.column(known.field.name()).filter(is_same).ok_or_else(|| {
                let message = format!(
                    "the column {} of '{}' is no longer what it was: the table is at {}",
                    known.field.name(),
                    self.place.written(),
                    now.version
                );
                Error::new(ErrorKind::Invalid, message).with_hint("run the statement again; make a view of it again")
            })
        };
        self.snapshot.columns.iter().map(same).collect()
    }
}

/// The table whose folder `location` is, if it is one.
pub(crate) async fn at_folder(state: &SessionState, location: &FilesAt) -> Result<Option<LakeTable>> {
    // Servers of the web list nothing.
    if location.is_pattern() || location.url().scheme().starts_with("http") {
        return Ok(None);
    }
    let place = Place::of(state, location.clone())?;
    // What cannot be looked into is listed next, which says why.
    match find::at(&place).await.ok().flatten() {
        Some(format) => LakeTable::open(state, place, format, AsOf::Latest).await.map(Some),
        None => Ok(None),
    }
}

/// The table that a reader of `format` is called for.
///
/// # Errors
/// [`ErrorKind::Invalid`] for options that it does not have.
pub(crate) async fn scan(
    state: &SessionState,
    format: Format,
    paths: &[String],
    mut options: HashMap<String, String>,
) -> Result<LakeTable> {
    let as_of = AsOf::taken_from(&mut options)?;
    let [path] = paths else {
        let message = format!("{}_scan reads one table, and is given {}", format.name(), paths.len());
        return Err(Error::new(ErrorKind::Invalid, message).with_hint("read them one by one, and UNION ALL them"));
    };
    LakeTable::open(state, named(state, format, path)?, format, as_of).await
}

/// The table that `path` names: its folder, or, as catalogs do, a file of Iceberg's metadata.
fn named(state: &SessionState, format: Format, path: &str) -> Result<Place> {
    let place = Place::of(state, FilesAt::parse(state.config(), path)?)?;
    Ok(if format.names_metadata(path) { place.of_metadata() } else { place })
}

/// `table` as it is now: a table that was made known before has the columns of the version that is read. One that cannot be read is
/// as it was: who scans it says why.
pub(crate) async fn as_it_is(state: &SessionState, table: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
    let Some(lake) = table.downcast_ref::<LakeTable>() else { return table };
    match LakeTable::open(state, lake.place.clone(), lake.format, lake.as_of).await {
        Ok(now) => Arc::new(LakeTable { definition: lake.definition.clone(), ..now }),
        Err(_) => table,
    }
}

/// Makes the tables of CREATE EXTERNAL TABLE ... STORED AS a format of tables.
pub(crate) fn factories() -> impl Iterator<Item = (String, Arc<dyn TableProviderFactory>)> {
    let factory = |format| Arc::new(CreateLakeTable(format)) as Arc<dyn TableProviderFactory>;
    Format::ALL.into_iter().map(move |format| (format.name().to_uppercase(), factory(format)))
}

#[derive(Debug)]
struct CreateLakeTable(Format);

#[async_trait]
impl TableProviderFactory for CreateLakeTable {
    async fn create(&self, state: &dyn Session, command: &CreateExternalTable) -> HostResult<Arc<dyn TableProvider>> {
        let any: &dyn Any = state.as_any();
        let Some(state) = any.downcast_ref::<SessionState>() else {
            return datafusion::common::internal_err!("a session of another kind");
        };
        Ok(Arc::new(create(state, self.0, command).await?))
    }
}

async fn create(state: &SessionState, format: Format, command: &CreateExternalTable) -> Result<LakeTable> {
    let (title, name) = (format.title(), format.name().to_uppercase());
    let invalid = |message: String| Error::new(ErrorKind::Invalid, message);
    let said = !command.schema.fields().is_empty() || !command.table_partition_cols.is_empty();
    if said || !command.order_exprs.is_empty() {
        return Err(invalid(format!("a {title} table says itself what its columns are"))
            .with_hint(format!("leave them out: CREATE EXTERNAL TABLE t STORED AS {name} LOCATION '...'")));
    }
    let [location] = command.locations.as_slice() else {
        return Err(invalid(format!("a {title} table has one location")).with_hint("make a table of each"));
    };
    let mut options = command.options.clone();
    secrets::take_options(state.config(), &mut options, &command.locations)?;
    let as_of = AsOf::taken_from(&mut options)?;
    if let Some(option) = options.keys().min() {
        let option = option.trim_start_matches("format.");
        return Err(invalid(format!("a {title} table has no option '{option}'"))
            .with_hint("its options are 'version' and 'timestamp', and those of its store"));
    }
    let place = named(state, format, location)?;
    let table = LakeTable::open(state, place, format, as_of).await?;
    let definition = command.definition.as_deref().and_then(redacted::definition);
    Ok(LakeTable { definition, ..table })
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.definition.as_deref()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> HostResult<Vec<TableProviderFilterPushDown>> {
        Ok(self.partitions().pushed_down(filters))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> HostResult<Arc<dyn ExecutionPlan>> {
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return datafusion::common::internal_err!("a session of another kind");
        };
        let now = statement::snapshot(state, &self.place, self.format, self.as_of).await?;
        let all = self.columns(&now)?;
        let columns = match projection {
            Some(wanted) => wanted.iter().map(|at| all[*at]).collect(),
            None => all,
        };
        // Which rows a filter leaves is not known here.
        let partitions = self.partitions();
        let limit = limit.filter(|_| filters.iter().all(|filter| partitions.decide(filter)));
        Ok(Scan { place: &self.place, snapshot: &now, state, columns, reading: Reading::Rows, limit }
            .plan(filters)
            .await?)
    }

    async fn delete_from(&self, _state: &dyn Session, _filters: Vec<Expr>) -> HostResult<Arc<dyn ExecutionPlan>> {
        Err(find::unwritable(self.format, self.place.written()).into())
    }

    async fn update(
        &self,
        _state: &dyn Session,
        _assignments: Vec<(String, Expr)>,
        _filters: Vec<Expr>,
    ) -> HostResult<Arc<dyn ExecutionPlan>> {
        Err(find::unwritable(self.format, self.place.written()).into())
    }

    async fn truncate(&self, _state: &dyn Session) -> HostResult<Arc<dyn ExecutionPlan>> {
        Err(find::unwritable(self.format, self.place.written()).into())
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        _input: Arc<dyn ExecutionPlan>,
        _insert_op: InsertOp,
    ) -> HostResult<Arc<dyn ExecutionPlan>> {
        Err(find::unwritable(self.format, self.place.written()).into())
    }
}
