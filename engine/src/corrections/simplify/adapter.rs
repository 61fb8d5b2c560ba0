//! A cast that loses values stays on the column when a file's statistics are asked. DataFusion takes it off, as its logical
//! rule does, once the expressions are turned to the file's own types: `CAST(d AS INT) = 1` over decimals 1.25 and 1.34 skips
//! both, and so does `d = 1` where a table declares INT over a file of decimals.
//!
//! So does the sign on a float: DataFusion asks for `x < -5` where the condition is `-x > 5`, and NaN is above everything with
//! either sign.
//!
//! And a TRY_CAST may be NULL where its column is not: DataFusion asks how many NULLs the column has where the condition is
//! `TRY_CAST(x AS BIGINT) IS NOT DISTINCT FROM NULL`.
//!
//! The expressions of a scan pass through an adapter of ours, which wraps such casts and signs.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, NegativeExpr, TryCastExpr};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::casts::{is_total, is_unwrapped, keeps_values};

type Expr = Arc<dyn PhysicalExpr>;

/// The rule for the predicates that files are pruned by, and for scans that do not come with [`keeper`]. It goes before
/// placement, as devices and the host prune by the same predicates; projections that move into a scan later keep its adapter.
#[derive(Debug)]
pub(super) struct KeepCasts;

/// The adapter of every scan that has none of its own; one object, so that it is known again. Devices, which adapt no files,
/// take a scan with it like one without: it changes nothing but what files are pruned by.
static KEEPER: LazyLock<Arc<dyn PhysicalExprAdapterFactory>> =
    LazyLock::new(|| Arc::new(CastKeeper { inner: Arc::new(DefaultPhysicalExprAdapterFactory) }));

/// The adapter for whoever makes scans. The rule would give it to them later, and make every operator above them anew.
pub(in super::super) fn keeper() -> Arc<dyn PhysicalExprAdapterFactory> {
    Arc::clone(&KEEPER)
}

impl PhysicalOptimizerRule for KeepCasts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        map_scans(plan, |config| {
            let source = config.file_source().downcast_ref::<ParquetSource>()?;
            let adapter = adapter_instead(config.expr_adapter_factory.as_ref());
            let predicate = kept_predicate(source);
            if adapter.is_none() && predicate.is_none() {
                return None;
            }
            let mut changed = FileScanConfigBuilder::from(config.clone());
            if adapter.is_some() {
                changed = changed.with_expr_adapter(adapter);
            }
            if let Some(predicate) = predicate {
                changed = changed.with_source(Arc::new(source.with_predicate(predicate)));
            }
            Some(changed.build())
        })
    }

    fn name(&self) -> &str {
        "maar_keep_casts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The adapter to put in the place of a scan's, unless that is ours already.
fn adapter_instead(
    adapter: Option<&Arc<dyn PhysicalExprAdapterFactory>>,
) -> Option<Arc<dyn PhysicalExprAdapterFactory>> {
    match adapter {
        None => Some(keeper()),
        Some(adapter) if Arc::ptr_eq(adapter, &KEEPER) => None,
        Some(inner) => Some(Arc::new(CastKeeper { inner: Arc::clone(inner) })),
    }
}

/// The predicate of a scan with the casts kept that have to be, if there are any.
fn kept_predicate(source: &ParquetSource) -> Option<Expr> {
    let kept = keep_casts(source.filter()?, source.table_schema().table_schema()).ok()?;
    kept.transformed.then_some(kept.data)
}

/// Replaces the scans for which `change` has an answer.
fn map_scans(
    plan: Arc<dyn ExecutionPlan>,
    change: impl Fn(&FileScanConfig) -> Option<FileScanConfig>,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let config = plan.downcast_ref::<DataSourceExec>().map(|scan| scan.data_source());
        let config = config.and_then(|source| source.downcast_ref::<FileScanConfig>());
        let Some(config) = config.and_then(&change) else { return Ok(Transformed::no(plan)) };
        Ok(Transformed::yes(DataSourceExec::from_data_source(config) as Arc<dyn ExecutionPlan>))
    })
    .data()
}

#[derive(Debug)]
struct CastKeeper {
    inner: Arc<dyn PhysicalExprAdapterFactory>,
}

impl PhysicalExprAdapterFactory for CastKeeper {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let inner = self.inner.create(table, Arc::clone(&file))?;
        Ok(Arc::new(FileCasts { inner, file }))
    }
}

#[derive(Debug)]
struct FileCasts {
    inner: Arc<dyn PhysicalExprAdapter>,
    file: SchemaRef,
}

impl PhysicalExprAdapter for FileCasts {
    fn rewrite(&self, expr: Expr) -> Result<Expr> {
        keep_casts(self.inner.rewrite(expr)?, &self.file).data()
    }
}

fn keep_casts(expr: Expr, schema: &Schema) -> Result<Transformed<Expr>> {
    expr.transform_up(|e| match loses_values(&e, schema)? {
        true => Ok(Transformed::yes(Arc::new(KeptCast { cast: e }) as Expr)),
        false => Ok(Transformed::no(e)),
    })
}

fn loses_values(expr: &Expr, file: &Schema) -> Result<bool> {
    let (inner, to) = if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        (cast.expr(), cast.cast_type())
    } else if let Some(cast) = expr.downcast_ref::<TryCastExpr>() {
        if !is_total(&cast.expr().data_type(file)?, cast.cast_type()) {
            return Ok(true);
        }
        (cast.expr(), cast.cast_type())
    } else if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
        return Ok(negative.arg().data_type(file)?.is_floating());
    } else {
        return Ok(false);
    };
    let from = inner.data_type(file)?;
    Ok(is_unwrapped(&from) && is_unwrapped(to) && !keeps_values(&from, to))
}

/// A cast or sign that nothing looks through.
#[derive(Debug)]
struct KeptCast {
    cast: Expr,
}

impl PhysicalExpr for KeptCast {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.cast.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.cast.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.cast.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.cast.evaluate(batch)
    }

    fn children(&self) -> Vec<&Expr> {
        self.cast.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Expr>) -> Result<Expr> {
        Ok(Arc::new(Self { cast: Arc::clone(&self.cast).with_new_children(children)? }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cast.fmt_sql(f)
    }
}

impl fmt::Display for KeptCast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cast.fmt(f)
    }
}

impl PartialEq for KeptCast {
    fn eq(&self, other: &Self) -> bool {
        self.cast.eq(&other.cast)
    }
}

impl Eq for KeptCast {}

impl Hash for KeptCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cast.hash(state);
    }
}
