//! Widths of integers in device memory.

/// Width of a stored integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntWidth {
    W8,
    W16,
    W32,
    W64,
    W128,
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
