//! Values for `$1`, `$2` and `$name` placeholders.

use std::collections::HashMap;

use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};

/// The parameters of one statement. Numbered ones are written by their number: `$1` is `"1"`.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    values: HashMap<String, ScalarValue>,
}

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// `values[0]` is `$1`.
    pub fn positional(values: impl IntoIterator<Item = ScalarValue>) -> Self {
        let numbered = values.into_iter().enumerate();
        Self { values: numbered.map(|(at, value)| ((at + 1).to_string(), value)).collect() }
    }

    /// Gives `$name` a value; a leading `$` in `name` is ignored.
    pub fn set(&mut self, name: &str, value: ScalarValue) {
        self.values.insert(name.trim_start_matches('$').to_string(), value);
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether `$name` has a value.
    pub fn contains(&self, name: &str) -> bool {
        self.values.contains_key(name.trim_start_matches('$'))
    }

    // DataFusion looks a list up by number and a map by name, and a map by "1" too: one form serves both.
    pub(crate) fn to_datafusion(&self) -> ParamValues {
        let owned = self.values.iter();
        ParamValues::Map(owned.map(|(name, value)| (name.clone(), ScalarAndMetadata::from(value.clone()))).collect())
    }
}
