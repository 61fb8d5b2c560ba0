//! What a plan hangs on besides its statement and its files.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use datafusion::catalog::{CatalogProviderList, TableFunction, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, WindowUDF};
use datafusion::optimizer::{AnalyzerRule, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;

use super::repeatable;
use crate::catalogs;

/// With more tables than this, asking for them all is no longer quick.
const TABLES_MAX: usize = 2000;
/// Views of the catalogs, made anew when they are asked for.
const INFORMATION_SCHEMA: &str = "information_schema";

/// A session's settings, functions, rules and tables. What is held is compared by address: nothing that is held here can give
/// its address to another.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// Held, so that a SET copies them.
    options: Arc<ConfigOptions>,
    rules: Rules,
    functions: Functions,
    tables: Vec<NamedTable>,
}

#[derive(Debug)]
struct Rules {
    analyzers: Vec<Arc<dyn AnalyzerRule + Send + Sync>>,
    optimizers: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
    physical: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>,
}

#[derive(Debug)]
struct Functions {
    scalar: HashMap<String, Arc<ScalarUDF>>,
    higher_order: HashMap<String, Arc<HigherOrderUDF>>,
    aggregate: HashMap<String, Arc<AggregateUDF>>,
    window: HashMap<String, Arc<WindowUDF>>,
    table: HashMap<String, Arc<TableFunction>>,
}

/// A table by its full name. Not held: a dropped table goes.
#[derive(Debug)]
struct NamedTable {
    name: [String; 3],
    table: Weak<dyn TableProvider>,
}

impl PartialEq for NamedTable {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Weak::ptr_eq(&self.table, &other.table)
    }
}

impl Surroundings {
    /// Those of `context` as they are now: `last` where nothing has changed. `None` where that cannot be told: a catalog that
    /// is not in memory may change by itself.
    pub(super) async fn now(context: &SessionContext, last: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let catalogs = Arc::clone(context.state_ref().read().catalog_list());
        let tables = tables(catalogs.as_ref()).await?;
        let state = context.state_ref();
        let state = state.read();
        match last {
            Some(last) if last.tables == tables && last.is_of(&state) => Some(Arc::clone(last)),
            _ => Some(Arc::new(Self::of(&state, tables))),
        }
    }

    fn of(state: &SessionState, tables: Vec<NamedTable>) -> Self {
        Self {
            options: Arc::clone(state.config_options()),
            rules: Rules {
                analyzers: state.analyzer().rules.clone(),
                optimizers: state.optimizers().to_vec(),
                physical: state.physical_optimizers().to_vec(),
            },
            functions: Functions {
                scalar: state.scalar_functions().clone(),
                higher_order: state.higher_order_functions().clone(),
                aggregate: state.aggregate_functions().clone(),
                window: state.window_functions().clone(),
                table: state.table_functions().clone(),
            },
            tables,
        }
    }

    fn is_of(&self, state: &SessionState) -> bool {
        let (rules, functions) = (&self.rules, &self.functions);
        Arc::ptr_eq(&self.options, state.config_options())
            && are_same(&rules.analyzers, &state.analyzer().rules)
            && are_same(&rules.optimizers, state.optimizers())
            && are_same(&rules.physical, state.physical_optimizers())
            && are_same_functions(&functions.scalar, state.scalar_functions())
            && are_same_functions(&functions.higher_order, state.higher_order_functions())
            && are_same_functions(&functions.aggregate, state.aggregate_functions())
            && are_same_functions(&functions.window, state.window_functions())
            && are_same_functions(&functions.table, state.table_functions())
    }

    pub(super) fn options(&self) -> &ConfigOptions {
        &self.options
    }

    /// Whether `table` is one of the catalogs' tables, or one that a view of theirs reads.
    pub(super) fn has(&self, table: &Arc<dyn TableProvider>) -> bool {
        let known = Arc::downgrade(table);
        let is_it = |named: &Weak<dyn TableProvider>| {
            Weak::ptr_eq(named, &known) || named.upgrade().is_some_and(|view| reads(view.as_ref(), table))
        };
        self.tables.iter().any(|named| is_it(&named.table))
    }
}

/// Whether `view` is one, and reads `table`.
fn reads(view: &dyn TableProvider, table: &Arc<dyn TableProvider>) -> bool {
    let Some(plan) = view.get_logical_plan() else { return false };
    let mut found = false;
    repeatable::all_nodes(&plan, |node| {
        if let LogicalPlan::TableScan(scan) = node {
            found |= Arc::ptr_eq(&source_as_provider(&scan.source)?, table);
        }
        Ok(!found)
    });
    found
}

fn are_same<T: ?Sized>(left: &[Arc<T>], right: &[Arc<T>]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| Arc::ptr_eq(left, right))
}

fn are_same_functions<T>(left: &HashMap<String, Arc<T>>, right: &HashMap<String, Arc<T>>) -> bool {
    let is_same = |(name, function): (&String, &Arc<T>)| right.get(name).is_some_and(|own| Arc::ptr_eq(own, function));
    left.len() == right.len() && left.iter().all(is_same)
}

/// Every table of the catalogs, by name.
async fn tables(catalogs: &dyn CatalogProviderList) -> Option<Vec<NamedTable>> {
    let mut tables = Vec::new();
    for catalog_name in sorted(catalogs.catalog_names()) {
        let catalog = catalogs.catalog(&catalog_name)?;
        for schema_name in sorted(catalog.schema_names()) {
            if schema_name == INFORMATION_SCHEMA {
                continue;
            }
            let schema = catalog.schema(&schema_name)?;
            let names = schema.table_names();
            if !catalogs::is_in_memory(schema.as_ref()) || tables.len() + names.len() > TABLES_MAX {
                return None;
            }
            for name in sorted(names) {
                let table = Arc::downgrade(&schema.table(&name).await.ok()??);
                tables.push(NamedTable { name: [catalog_name.clone(), schema_name.clone(), name], table });
            }
        }
    }
    Some(tables)
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}
