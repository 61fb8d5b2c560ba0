//! Finds DataFusion's rules by name, so that ours can go before them, around them, in their place, or without them.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as HostResult;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{AnalyzerRule, ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;

use crate::error::{Error, ErrorKind, Result};

/// A rule with a name.
pub(crate) trait Named {
    fn rule_name(&self) -> &str;
}

impl Named for Arc<dyn AnalyzerRule + Send + Sync> {
    fn rule_name(&self) -> &str {
        self.name()
    }
}

impl Named for Arc<dyn OptimizerRule + Send + Sync> {
    fn rule_name(&self) -> &str {
        self.name()
    }
}

impl Named for Arc<dyn PhysicalOptimizerRule + Send + Sync> {
    fn rule_name(&self) -> &str {
        self.name()
    }
}

/// Where the rule of that name stands.
///
/// # Errors
/// [`ErrorKind::Unsupported`], with the names that there are.
pub(crate) fn position(rules: &[impl Named], name: &str) -> Result<usize> {
    rules.iter().position(|rule| rule.rule_name() == name).ok_or_else(|| {
        let names: Vec<&str> = rules.iter().map(Named::rule_name).collect();
        Error::new(ErrorKind::Unsupported, format!("the optimizer has no rule {name}, only {}", names.join(", ")))
            .with_hint("install Maar into DataFusion's own list of rules")
    })
}

/// A rule of the logical optimizer.
pub(crate) type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// What is done instead of a rule, which is given.
pub(crate) type Around = fn(&Rule, LogicalPlan, &dyn OptimizerConfig) -> HostResult<Transformed<LogicalPlan>>;

/// Puts `around` in the place of the rule of that name, which keeps its name and its order.
///
/// # Errors
/// As [`position`].
pub(crate) fn wrap(rules: &mut [Rule], name: &str, around: Around) -> Result<()> {
    let at = position(rules, name)?;
    rules[at] = Arc::new(Wrapped { host: Arc::clone(&rules[at]), around });
    Ok(())
}

#[derive(Debug)]
struct Wrapped {
    host: Rule,
    around: Around,
}

impl OptimizerRule for Wrapped {
    fn name(&self) -> &str {
        self.host.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.host.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> HostResult<Transformed<LogicalPlan>> {
        (self.around)(&self.host, plan, config)
    }
}
