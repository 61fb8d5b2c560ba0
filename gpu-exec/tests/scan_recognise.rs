//! What the host's scans can carry, and that each of it is either understood or a reason to stay on the host.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod scan_support;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{ParquetReadOptions, SessionConfig};
use maar_gpu_exec::scan::recognise;

use self::scan_support::files::{Bench, batch, scan_of, session};

fn bench() -> Bench {
    let bench = Bench::new();
    let names: ArrayRef = Arc::new(StringArray::from(vec!["x", "y", "x"]));
    let lists: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>((0..3).map(|i| Some(vec![Some(i)]))));
    bench.write("a.parquet", &[batch(&[("k", Arc::new(Int64Array::from(vec![1, 2, 3]))), ("s", names), ("l", lists)])]);
    bench
}

/// The host's plan of a query over `t`, after all of the host's rules.
async fn plan(bench: &Bench, config: SessionConfig, sql: &str) -> Arc<dyn ExecutionPlan> {
    let context = session(config.set_bool("datafusion.optimizer.repartition_file_scans", false));
    context.register_parquet("t", bench.dir.path().to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
    context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
}

async fn reason(bench: &Bench, config: SessionConfig, sql: &str) -> String {
    recognise(&scan_of(&plan(bench, config, sql).await)).unwrap_err()
}

#[tokio::test]
async fn a_plain_scan_is_taken() {
    let bench = bench();
    let plan = plan(&bench, SessionConfig::new(), "SELECT s, k FROM t WHERE k > 1").await;
    let scan = recognise(&scan_of(&plan)).unwrap();
    assert_eq!(scan.files.len(), 1);
    assert!(scan.files[0].location.as_ref().ends_with("a.parquet"));
    assert_eq!(scan.projection.len(), 2);
    assert_eq!(scan.schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().len(), 2);
    assert!(scan.predicate.is_some());
    assert_eq!(scan.store_url.as_str(), "file:///");
    assert!(format!("{:?}", scan.clone()).contains("a.parquet"));
}

#[tokio::test]
async fn unselected_nested_columns_do_not_matter_and_selected_ones_do() {
    let bench = bench();
    let plan = plan(&bench, SessionConfig::new(), "SELECT k FROM t").await;
    assert_eq!(recognise(&scan_of(&plan)).unwrap().projection, [0]);
    let reason = reason(&bench, SessionConfig::new(), "SELECT l FROM t").await;
    assert!(reason.contains("column l") && reason.contains("List"), "{reason}");
}

#[tokio::test]
async fn what_sql_and_options_can_hide_in_a_scan() {
    let bench = bench();
    let with = |key: &str, value: &str| SessionConfig::new().set_str(key, value);
    let cases = [
        (SessionConfig::new(), "SELECT k FROM t LIMIT 2", "limit"),
        (SessionConfig::new(), "SELECT k + 1 AS m FROM t", "computes an expression"),
        (
            with("datafusion.execution.parquet.pushdown_filters", "true"),
            "SELECT k FROM t WHERE s = 'x'",
            "pushdown_filters",
        ),
        (with("datafusion.execution.parquet.coerce_int96", "us"), "SELECT k FROM t", "INT96"),
        (SessionConfig::new(), "SELECT k FROM t ORDER BY k DESC LIMIT 1", "reverse_row_groups"),
    ];
    for (config, sql, word) in cases {
        let reason = reason(&bench, config, sql).await;
        assert!(reason.contains(word), "{sql}: {reason}");
    }
}

#[tokio::test]
async fn values_from_paths_stay_on_the_host() {
    let bench = Bench::new();
    let file = batch(&[("k", Arc::new(Int64Array::from(vec![1])))]);
    for part in ["p=1", "p=2"] {
        std::fs::create_dir(bench.path(part)).unwrap();
        bench.write(&format!("{part}/a.parquet"), std::slice::from_ref(&file));
    }
    let context = session(SessionConfig::new());
    let options = ParquetReadOptions::default().table_partition_cols(vec![("p".to_owned(), DataType::Int32)]);
    context.register_parquet("t", bench.dir.path().to_str().unwrap(), options).await.unwrap();
    let planned = |sql: &'static str| {
        let context = context.clone();
        async move { scan_of(&context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()) }
    };
    let reason = recognise(&planned("SELECT k, p FROM t").await).unwrap_err();
    assert!(reason.contains("column p") && reason.contains("hive"), "{reason}");
    // Not selected, a partition column only chose the files.
    let scan = recognise(&planned("SELECT k FROM t WHERE p = 2").await).unwrap();
    assert_eq!(scan.files.len(), 1);
    let loaded = bench.load(&scan).await.unwrap();
    assert_eq!(loaded.table.rows(), 1);
}

fn table_schema() -> TableSchema {
    TableSchema::from(Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, true)])))
}

fn built(
    source: ParquetSource,
    file: PartitionedFile,
    change: impl Fn(FileScanConfigBuilder) -> FileScanConfigBuilder,
) -> Arc<dyn ExecutionPlan> {
    let url = datafusion::execution::object_store::ObjectStoreUrl::local_filesystem();
    let config: FileScanConfig = change(FileScanConfigBuilder::new(url, Arc::new(source)).with_file(file)).build();
    DataSourceExec::from_data_source(config)
}

#[test]
fn what_only_code_can_hide_in_a_scan() {
    let source = || ParquetSource::new(table_schema());
    let file = || PartitionedFile::new("a.parquet", 100);
    let keep = |builder: FileScanConfigBuilder| builder;
    assert!(recognise(&built(source(), file(), keep)).is_ok());
    let mut encrypted = TableParquetOptions::default();
    encrypted.crypto.factory_id = Some("keys".to_owned());
    let adapter = || Arc::new(DefaultPhysicalExprAdapterFactory) as Arc<_>;
    let own_schema = file().with_arrow_schema(Arc::clone(table_schema().file_schema()));
    let cases = [
        (built(source(), file().with_range(0, 50), keep), "byte ranges"),
        (built(source(), file().with_extension(1_u32), keep), "access plan"),
        (built(source(), own_schema, keep), "schema of its own"),
        (built(source().with_table_parquet_options(encrypted), file(), keep), "encrypted"),
        (built(source(), file(), |builder| builder.with_expr_adapter(Some(adapter()))), "expression adapter"),
        (built(source(), file(), |builder| builder.with_limit(Some(1))), "limit"),
    ];
    for (plan, word) in cases {
        let reason = recognise(&plan).unwrap_err();
        assert!(reason.contains(word), "{word}: {reason}");
    }
    let filtering = source().with_predicate(lit(true)).with_pushdown_filters(true);
    assert!(recognise(&built(filtering, file(), keep)).unwrap_err().contains("pushdown_filters"));
}

/// As the engine's prints, around any adapter.
#[derive(Debug)]
struct CastKeeper<T> {
    inner: T,
}

#[derive(Debug)]
struct OwnAdapter;

impl PhysicalExprAdapterFactory for OwnAdapter {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        DefaultPhysicalExprAdapterFactory.create(table, file)
    }
}

impl<T: PhysicalExprAdapterFactory> PhysicalExprAdapterFactory for CastKeeper<T> {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        self.inner.create(table, file)
    }
}

#[test]
fn the_engines_adapter_is_taken_around_the_hosts_only() {
    let adapted = |adapter: Arc<dyn PhysicalExprAdapterFactory>| {
        let file = PartitionedFile::new("a.parquet", 100);
        built(ParquetSource::new(table_schema()), file, |builder| builder.with_expr_adapter(Some(Arc::clone(&adapter))))
    };
    assert!(recognise(&adapted(Arc::new(CastKeeper { inner: DefaultPhysicalExprAdapterFactory }))).is_ok());
    let reason = recognise(&adapted(Arc::new(CastKeeper { inner: OwnAdapter }))).unwrap_err();
    assert!(reason.contains("expression adapter"), "{reason}");
}

#[tokio::test]
async fn other_sources_are_no_parquet_scans() {
    let memory = RecordBatch::new_empty(Arc::clone(table_schema().file_schema()));
    let context = session(SessionConfig::new());
    let plan = context.read_batch(memory).unwrap().create_physical_plan().await.unwrap();
    assert!(recognise(&plan).unwrap_err().contains("Parquet"));
    let values =
        context.sql("SELECT count(*) FROM (VALUES (1)) v").await.unwrap().create_physical_plan().await.unwrap();
    assert!(recognise(&values).unwrap_err().contains("no file scan"));
}
