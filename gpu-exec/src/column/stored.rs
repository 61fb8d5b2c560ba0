//! How the values of a column are stored: the physical half of a column's type.

use std::sync::Arc;

use super::Dictionary;

/// Width of a stored integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntWidth {
    W8,
    W16,
    W32,
    W64,
    W128,
}

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

impl IntWidth {
    /// Bytes a value.
    pub fn bytes(self) -> usize {
        match self {
            IntWidth::W8 => 1,
            IntWidth::W16 => 2,
            IntWidth::W32 => 4,
            IntWidth::W64 => 8,
            IntWidth::W128 => 16,
        }
    }

    /// The narrowest signed width that holds every value of the range.
    pub fn for_signed(min: i128, max: i128) -> Self {
        let fits = |bits: u32| min >= -(1_i128 << (bits - 1)) && max < (1_i128 << (bits - 1));
        match () {
            () if fits(8) => IntWidth::W8,
            () if fits(16) => IntWidth::W16,
            () if fits(32) => IntWidth::W32,
            () if fits(64) => IntWidth::W64,
            () => IntWidth::W128,
        }
    }

    /// The narrowest unsigned code width for a dictionary of so many entries.
    pub fn for_codes(entries: usize) -> Self {
        match entries {
            0..=0x100 => IntWidth::W8,
            0x101..=0x1_0000 => IntWidth::W16,
            _ => IntWidth::W32,
        }
    }
}

impl Stored {
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
