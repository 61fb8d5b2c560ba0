//! Recognising a host scan: which `DataSourceExec` over Parquet the device loads itself, and why not the others.
//!
//! Only what is fully understood is taken. The host's scan can carry meaning in many places (a limit, a predicate that
//! filters, values from paths); each is one row of [`CHECKS`]. Nothing is read here: this runs inside the planner,
//! before files are split into byte ranges. What only footers tell (missing or cast columns, encodings) is decided
//! when loading.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, lit};
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use object_store::ObjectMeta;

use super::left::LeftRows;
use crate::ir::Type;

/// A scan of Parquet files that the device can load: which files, which columns, which row groups may be skipped.
#[derive(Clone, Debug)]
pub struct ParquetScan {
    /// Where the files are; the session's runtime knows the store.
    pub store_url: ObjectStoreUrl,
    /// Whole files, as they were listed. Loading asks for each file's state anew.
    pub files: Vec<ObjectMeta>,
    /// The columns of the table as the host declares them, partition columns last.
    pub table_schema: SchemaRef,
    /// Positions in `table_schema`, in the order of the output.
    pub projection: Vec<usize>,
    /// Names, types and nullability of the output.
    pub schema: SchemaRef,
    /// Columns are those of `table_schema`. It skips row groups and is no filter.
    pub predicate: Option<Arc<dyn PhysicalExpr>>,
    /// Positions in `table_schema` of text columns that need no dictionary, as what reads the scan only carries and
    /// tests them. Not known here: whoever makes the plan says it.
    pub raw_text: Vec<usize>,
    /// Those of them that may be so in waves: nothing refers to their texts once a wave is gone.
    pub raw_in_waves: Vec<usize>,
    /// Rows of all files where the planner knows them exactly.
    pub rows: Option<u64>,
    /// Where some rows are deleted, which are left: the last column of the table and of the output.
    pub left: Option<LeftRows>,
}

impl ParquetScan {
    /// Says which columns of the output may be raw text, and which of them in waves.
    pub fn allow_raw_text(&mut self, output: &BTreeSet<usize>, in_waves: &BTreeSet<usize>) {
        (self.raw_text, self.raw_in_waves) = (self.all_of(output), self.all_of(in_waves));
    }

    /// Columns of the table all of whose places in the output are among these.
    fn all_of(&self, output: &BTreeSet<usize>) -> Vec<usize> {
        let places = || self.projection.iter().enumerate();
        let coded: BTreeSet<usize> =
            places().filter(|(place, _)| !output.contains(place)).map(|(_, column)| *column).collect();
        let raw: BTreeSet<usize> = self.projection.iter().copied().filter(|column| !coded.contains(column)).collect();
        raw.into_iter().collect()
    }
}

/// What a check may look at.
struct Subject<'a> {
    config: &'a FileScanConfig,
    source: &'a ParquetSource,
}

impl Subject<'_> {
    fn files(&self) -> impl Iterator<Item = &PartitionedFile> {
        self.config.file_groups.iter().flat_map(|group| group.iter())
    }
}

/// A reason to leave a scan to the host, and whether it applies.
type Check = (&'static str, fn(&Subject<'_>) -> bool);

/// Everything that keeps a scan on the host.
const CHECKS: &[Check] = &[
    ("the scan has a limit", |s| s.config.limit.is_some()),
    ("the scan adapts its columns with an expression adapter of the table", |s| {
        s.config.expr_adapter_factory.as_ref().is_some_and(|adapter| !is_host_adapter(adapter))
    }),
    ("the scan reads byte ranges of files", |s| s.files().any(|file| file.range.is_some())),
    ("a file carries an access plan or another extension", |s| {
        let known = |file: &PartitionedFile| usize::from(file.extensions.contains::<ParquetRowSelection>());
        s.files().any(|file| file.extensions.len() > known(file))
    }),
    ("a file carries a schema of its own", |s| s.files().any(|file| file.arrow_schema.is_some())),
    ("the table has virtual columns", |s| !s.source.table_schema().virtual_columns().is_empty()),
    ("pushdown_filters is on, so the scan's predicate is its filter", |s| {
        s.source.filter().is_some() && s.source.table_parquet_options().global.pushdown_filters
    }),
    ("INT96 timestamps are coerced (coerce_int96)", |s| s.source.table_parquet_options().global.coerce_int96.is_some()),
    ("the files are encrypted", |s| {
        let crypto = &s.source.table_parquet_options().crypto;
        crypto.file_decryption.is_some() || crypto.factory_id.is_some()
    }),
    ("the table brings its own Parquet reader", |s| {
        s.source.parquet_file_reader_factory().is_some_and(|f| !is_host_reader(f))
    }),
    ("row groups are read in reverse order (reverse_row_groups)", |s| shows_reverse(s.source)),
];

/// Takes a Parquet scan of the host, or says why it stays there.
pub fn recognise(plan: &Arc<dyn ExecutionPlan>) -> Result<ParquetScan, String> {
    let exec = plan.downcast_ref::<DataSourceExec>().ok_or_else(|| format!("{} is no file scan", plan.name()))?;
    let (config, source) =
        exec.downcast_to_file_source::<ParquetSource>().ok_or("the scan does not read Parquet files")?;
    let subject = Subject { config, source };
    if let Some((reason, _)) = CHECKS.iter().find(|(_, applies)| applies(&subject)) {
        return Err((*reason).to_owned());
    }
    let mut projection = projection(config, source)?;
    let (mut table_schema, mut schema) = (Arc::clone(source.table_schema().table_schema()), plan.schema());
    for field in schema.fields() {
        if Type::from_arrow(field.data_type()).is_none() {
            return Err(format!(
                "column {} has type {}, which the device does not hold",
                field.name(),
                field.data_type()
            ));
        }
    }
    let left = LeftRows::of(subject.files(), table_schema.fields().len());
    let left = left.map(|(left, column)| {
        projection.push(left.position);
        table_schema = with_column(&table_schema, &column);
        schema = with_column(&schema, &column);
        left
    });
    let is_known = exact_rows(config) && left.is_none();
    let rows = config.statistics().num_rows.get_value().filter(|_| is_known).map(|rows| *rows as u64);
    Ok(ParquetScan {
        store_url: config.object_store_url.clone(),
        files: subject.files().map(|file| file.object_meta.clone()).collect(),
        table_schema,
        projection,
        schema,
        raw_text: vec![],
        raw_in_waves: vec![],
        predicate: source.filter().filter(|_| source.table_parquet_options().global.pruning),
        rows,
        left,
    })
}

fn with_column(schema: &SchemaRef, column: &Field) -> SchemaRef {
    let fields: Vec<_> = schema.fields().iter().cloned().chain([Arc::new(column.clone())]).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn exact_rows(config: &FileScanConfig) -> bool {
    config.statistics().num_rows.is_exact().unwrap_or(false)
}

/// The columns read, all of them plain columns of the files.
fn projection(config: &FileScanConfig, source: &ParquetSource) -> Result<Vec<usize>, String> {
    let file_columns = config.file_schema().fields().len();
    let exprs = source.projection().ok_or("the scan does not tell its projection")?;
    exprs
        .iter()
        .map(|projected| match projected.expr.downcast_ref::<Column>() {
            Some(column) if column.index() < file_columns => Ok(column.index()),
            Some(column) => Err(format!("column {} comes from the files' paths (hive partition)", column.name())),
            None => Err(format!("the scan computes an expression: {}", projected.expr)),
        })
        .collect()
}

/// The host's own readers take plain files, behind the engine's gate of statistics or not; a table's own reader may mean
/// anything. The trait offers no other way to tell them apart than its `Debug` name.
fn is_host_reader(factory: &Arc<dyn datafusion::datasource::physical_plan::ParquetFileReaderFactory>) -> bool {
    let name = format!("{factory:?}");
    ["CachedParquetFileReaderFactory", "DefaultParquetFileReaderFactory", "TruthfulParquetFileReaderFactory"]
        .iter()
        .any(|known| name.starts_with(known))
}

/// The engine's care for casts around the host's own adapter changes no values; a table's own adapter may mean anything.
/// It too is known by its `Debug` name only.
fn is_host_adapter(adapter: &Arc<dyn PhysicalExprAdapterFactory>) -> bool {
    format!("{adapter:?}") == "CastKeeper { inner: DefaultPhysicalExprAdapterFactory }"
}

/// Whether the source prints `reverse_row_groups=true`: the host keeps that flag private. The predicate is replaced by
/// a literal first, as its text could say anything.
fn shows_reverse(source: &ParquetSource) -> bool {
    struct Shown<'a>(&'a dyn FileSource);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt_extra(DisplayFormatType::Default, f)
        }
    }
    Shown(&source.with_predicate(lit(true))).to_string().contains("reverse_row_groups=true")
}
