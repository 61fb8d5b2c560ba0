//! How the values of a column are stored: the physical half of a column's type.

use std::sync::Arc;

use super::{Dictionary, IntLayout};
use crate::ir::IntWidth;

/// The stored form of one column, the same in every segment of a table.
#[derive(Clone, Debug)]
pub enum Stored {
    /// Signed little-endian integers; the logical (unscaled) value is `stored + base`.
    Int {
        width: IntWidth,
        base: i128,
    },
    Float32,
    Float64,
    /// One byte a row, 0 or 1.
    Bool,
    /// Unsigned codes of 8, 16 or 32 bits into `dictionary`, whose entries ascend bytewise: codes order as their texts do.
    Codes {
        width: IntWidth,
        dictionary: Arc<Dictionary>,
    },
    /// The texts themselves: a table of distances, one a row and one more, then the bytes of all rows one after another.
    /// A distance is a u32 that counts from its own place in memory to where its row's text begins, so that the place of
    /// a distance alone tells where a text lies: the row's own and the next row's bound it. A NULL has no bytes.
    RawText,
}

impl Stored {
    /// Of integers.
    pub fn layout(&self) -> Option<IntLayout> {
        match self {
            Stored::Int { width, base } => Some(IntLayout { width: *width, base: *base }),
            Stored::Codes { .. } | Stored::RawText | Stored::Float32 | Stored::Float64 | Stored::Bool => None,
        }
    }

    /// Bytes a value; of raw text without the text.
    pub fn bytes(&self) -> usize {
        match self {
            Stored::Int { width, .. } | Stored::Codes { width, .. } => width.bytes(),
            // Of the distances.
            Stored::Float32 | Stored::RawText => 4,
            Stored::Float64 => 8,
            Stored::Bool => 1,
        }
    }
}
