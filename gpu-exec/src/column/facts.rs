//! What is known of a column's values, computed from the values themselves while loading.

/// Facts about one column of a table. Never taken from file metadata alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnFacts {
    /// Number of NULLs.
    pub nulls: u64,
    /// Smallest and largest logical integer (unscaled decimal, day, dictionary code); `None` for floats and for columns without a value.
    pub range: Option<(i128, i128)>,
    /// Proven to hold no value twice (NULLs aside). `false` means unknown.
    pub unique: bool,
}
