//! What is known of one column's values in one file. What is not known is absent, and rules nothing out.

use datafusion::common::ScalarValue;

/// Bounds of values, which no value need attain: texts are cut short, times are rounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    /// No value is less. Of floats it is never known: NaN, which is above all, is in no statistics.
    pub(crate) least: Option<ScalarValue>,
    /// No value is greater.
    pub(crate) greatest: Option<ScalarValue>,
    pub(crate) has_null: Option<bool>,
    /// Whether there is no value at all.
    pub(crate) is_all_null: bool,
}

impl Bounds {
    /// Of a column that has `value` in every row.
    pub(crate) fn of_value(value: &ScalarValue) -> Self {
        // Two zeros are equal, and NaN is above all: floats have an order of their own.
        let is_known = !value.is_null() && !value.data_type().is_floating();
        let bound = is_known.then(|| value.clone());
        Self { least: bound.clone(), greatest: bound, has_null: Some(value.is_null()), is_all_null: value.is_null() }
    }
}
