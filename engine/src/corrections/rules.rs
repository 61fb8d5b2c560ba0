//! Finds DataFusion's rules by name, so that ours can go before them, in their place, or without them.

use std::sync::Arc;

use datafusion::optimizer::{AnalyzerRule, OptimizerRule};
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
