//! Parquet that a program registers by itself (`SessionContext::register_parquet`, `read_parquet`) is a listing table that never
//! asks the session for its format. A query that scans one gets the same table with the format behind the gate.
//!
//! Not here: files of other formats that a program registers so; they have no statistics.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{LogicalPlan, TableScan, TableSource};
use datafusion::optimizer::AnalyzerRule;

use super::super::plans::any_node;
use super::format::TruthfulFormat;

#[derive(Debug)]
pub(super) struct TruthfulTables;

impl AnalyzerRule for TruthfulTables {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let is_registered = |node: &LogicalPlan| match node {
            LogicalPlan::TableScan(scan) => Ok(source_as_provider(&scan.source)
                .is_ok_and(|table| table.downcast_ref::<ListingTable>().is_some_and(is_of_host))),
            _ => Ok(false),
        };
        if !any_node(&plan, is_registered)? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::TableScan(scan) => Ok(match behind_gate(&scan)? {
                Some(source) => Transformed::yes(LogicalPlan::TableScan(TableScan { source, ..scan })),
                None => Transformed::no(LogicalPlan::TableScan(scan)),
            }),
            other => Ok(Transformed::no(other)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "maar_registered_parquet"
    }
}

fn is_of_host(table: &ListingTable) -> bool {
    table.options().format.downcast_ref::<ParquetFormat>().is_some()
}

/// The table of `scan` with our format, if it has the host's.
fn behind_gate(scan: &TableScan) -> Result<Option<Arc<dyn TableSource>>> {
    let Ok(table) = source_as_provider(&scan.source) else { return Ok(None) };
    let Some(table) = table.downcast_ref::<ListingTable>().filter(|table| is_of_host(table)) else { return Ok(None) };
    let mut options = table.options().clone();
    options.format = Arc::new(TruthfulFormat::new(Arc::clone(&options.format)));
    // Columns of the path stand behind those of the files.
    let all = scan.source.schema();
    let of_files = all.fields().len() - options.table_partition_cols.len();
    let fields: Vec<_> = all.fields().iter().take(of_files).cloned().collect();
    let config = ListingTableConfig::new_with_multi_paths(table.table_paths().clone())
        .with_listing_options(options)
        .with_schema(Arc::new(Schema::new_with_metadata(fields, all.metadata().clone())));
    Ok(Some(provider_as_source(Arc::new(ListingTable::try_new(config)?))))
}
