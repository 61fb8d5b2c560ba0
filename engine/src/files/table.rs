//! A table of files: which files a scan reads, with what their paths say of them. Where DataFusion's listing table takes a
//! partition's value for NOT NULL, a folder's NULL for a word, and a filter that is NULL for true or false by chance, this
//! does not. Not here: making one (`open`), reading files (the formats), writing Hive folders (`hive_sink`).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraints, GetExt, SchemaExt};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileOutputMode, FileSinkConfig};
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, SortExpr, TableProviderFilterPushDown};
use datafusion::physical_expr::create_lex_ordering;
use datafusion::physical_plan::ExecutionPlan;
use object_store::{ObjectMeta, ObjectStore};

use super::formats::{Known, of_name};
use super::location::Location;
use super::partitions::Partitions;
use super::scan::{Scan, noted};
use super::writable;
use crate::error::{Error, ErrorKind};

/// Which of a location's files belong to the table.
#[derive(Debug, Clone)]
pub(super) enum Members {
    All,
    /// Those whose names say that format.
    Of(&'static Known),
}

impl Members {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(format) => of_name(name) == Some(*format),
        }
    }
}

/// A table whose rows lie in files.
#[derive(Debug, Clone)]
pub(crate) struct FileTable {
    pub(super) locations: Vec<Location>,
    pub(super) members: Members,
    pub(super) format: Arc<dyn FileFormat>,
    /// Of the files alone.
    pub(super) file_schema: SchemaRef,
    /// The columns that come from the paths.
    pub(super) partitions: Partitions,
    /// Whether the last of them is the path itself.
    pub(super) has_filename: bool,
    /// Whether a file that two locations mean is read twice.
    pub(super) repeats: bool,
    /// The files in which its columns were found, of a path in FROM.
    found_in: Option<Arc<[ObjectMeta]>>,
    /// Both.
    schema: SchemaRef,
    pub(super) sort_order: Vec<Vec<SortExpr>>,
    declared: Declared,
}

/// What CREATE EXTERNAL TABLE says beside columns and files.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    pub(super) definition: Option<String>,
    pub(super) constraints: Constraints,
    pub(super) defaults: HashMap<String, Expr>,
}

impl FileTable {
    pub(super) fn new(
        locations: Vec<Location>,
        members: Members,
        format: Arc<dyn FileFormat>,
        file_schema: SchemaRef,
        partitions: Vec<FieldRef>,
    ) -> Self {
        let fields: Vec<FieldRef> = file_schema.fields().iter().chain(&partitions).cloned().collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, file_schema.metadata().clone()));
        let partitions = Partitions::new(partitions);
        let (sort_order, declared) = (Vec::new(), Declared::default());
        Self {
            locations,
            members,
            format,
            file_schema,
            partitions,
            has_filename: false,
            repeats: false,
            found_in: None,
            schema,
            sort_order,
            declared,
        }
    }

    /// A table of files that somebody else lists.
    pub(crate) fn of_chosen(format: Arc<dyn FileFormat>, file_schema: SchemaRef, partitions: Vec<FieldRef>) -> Self {
        Self::new(Vec::new(), Members::All, format, file_schema, partitions)
    }

    /// The plan of reading these files, whose states were asked for just now, without any filter.
    pub(crate) async fn plan_of(
        &self,
        state: &dyn Session,
        store: (&Arc<dyn ObjectStore>, &ObjectStoreUrl),
        files: Vec<PartitionedFile>,
        projection: Vec<usize>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        noted(state, store.1, files.iter());
        Scan { table: self, state, projection: Some(projection), limit }.of_chosen(store, files, limit).await
    }

    /// The table as a reader reads it: every location as often as it is named, and with a column of that name for the path.
    pub(super) fn of_reader(self, filename: Option<&str>) -> Self {
        let mut columns = self.partitions.fields().to_vec();
        columns.extend(filename.map(|name| Arc::new(Field::new(name, DataType::Utf8View, true))));
        let table = Self::new(self.locations, self.members, self.format, self.file_schema, columns);
        Self { has_filename: filename.is_some(), repeats: true, found_in: self.found_in, ..table }
    }

    /// The table, whose columns are those of `files`.
    pub(super) fn found_in(self, files: Vec<ObjectMeta>) -> Self {
        Self { found_in: Some(files.into()), ..self }
    }

    /// The files that say its columns; `None` where a statement before has said them.
    pub(crate) fn files_of_columns(&self) -> Option<&Arc<[ObjectMeta]>> {
        self.found_in.as_ref()
    }

    pub(super) fn with_declared(mut self, declared: Declared, sort_order: Vec<Vec<SortExpr>>) -> Self {
        (self.declared, self.sort_order) = (declared, sort_order);
        self
    }

    /// The columns that come from folders.
    pub(super) fn folder_columns(&self) -> &[FieldRef] {
        let columns = self.partitions.fields();
        &columns[..columns.len() - usize::from(self.has_filename)]
    }

    /// Where its files are.
    pub(crate) fn locations(&self) -> &[Location] {
        &self.locations
    }
}

/// The host's writer of Arrow files loses NULLs there.
pub(crate) fn arrow_by_partition() -> Error {
    Error::new(ErrorKind::Unsupported, "Arrow files cannot be written by partition")
        .with_hint("write PARQUET, CSV or JSON, or one Arrow file")
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        Some(&self.declared.constraints)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.declared.definition.as_deref()
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.declared.defaults.get(column)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(self.partitions.pushed_down(filters))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Scan { table: self, state, projection: projection.cloned(), limit }.plan(filters).await
    }

    async fn insert_into(
        &self,
        state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        insert_op: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.schema.logically_equivalent_names_and_types(&input.schema())?;
        // What the members are called: a file of another name would not be one.
        let end = match &self.members {
            Members::Of(known) => known.end().to_string(),
            Members::All => self.format.get_ext(),
        };
        let packed = self.format.compression_type().map(|codec| codec.get_ext()).unwrap_or_default();
        let file_extension = format!("{end}{packed}");
        let location = writable::place(self, state, &file_extension).await?;
        let columns = self.partitions.fields().iter();
        let config = FileSinkConfig {
            original_url: String::new(),
            object_store_url: location.url().object_store(),
            table_paths: vec![location.url().clone()],
            file_group: FileGroup::default(),
            output_schema: self.schema(),
            table_partition_cols: columns.map(|c| (c.name().clone(), c.data_type().clone())).collect(),
            insert_op,
            keep_partition_by_columns: state.config_options().execution.keep_partition_by_columns,
            file_extension,
            file_output_mode: FileOutputMode::Automatic,
        };
        let order = create_lex_ordering(&self.schema, &self.sort_order, state.execution_props())?;
        let order = order.into_iter().next().map(Into::into);
        self.format.create_writer_physical_plan(input, state, config, order).await
    }
}
