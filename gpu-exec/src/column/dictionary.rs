//! Order-preserving dictionaries: distinct texts in ascending byte order; a code is a position.

use arrow::array::StringArray;

/// The texts of a column. Immutable, shared by the segments of a table.
#[derive(Debug)]
pub struct Dictionary {
    /// Strictly ascending bytewise, no NULL.
    values: StringArray,
}

impl Dictionary {
    /// Takes values that are already distinct and ascending.
    pub fn from_sorted(values: StringArray) -> Self {
        debug_assert!(values.iter().zip(values.iter().skip(1)).all(|(a, b)| a < b));
        Self { values }
    }

    pub fn values(&self) -> &StringArray {
        &self.values
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        use arrow::array::Array;
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
