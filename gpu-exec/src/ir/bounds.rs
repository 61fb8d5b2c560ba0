//! Inclusive integer bounds of an expression, and their arithmetic.
//!
//! Bounds decide how wide device code computes and whether an overflow check is emitted. They come from facts
//! computed while loading; leaves are rounded outwards (columns to powers of two, literals to width classes) so that
//! the source of a pipeline does not change with every literal or appended row. Not here: float ranges.

use super::Type;

/// Inclusive bounds of an integer-valued expression, in unscaled units for decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    pub min: i128,
    pub max: i128,
}

impl Bounds {
    pub fn new(min: i128, max: i128) -> Self {
        Self { min, max }
    }

    /// Every value the type can hold.
    pub fn of_type(ty: Type) -> Self {
        match ty {
            Type::Bool => Self::new(0, 1),
            Type::Int { bytes, signed: true } => Self::signed_bits(u32::from(bytes) * 8),
            Type::Int { bytes, signed: false } => Self::new(0, (1_i128 << (u32::from(bytes) * 8)) - 1),
            Type::Decimal { precision, .. } => {
                let limit = 10_i128.checked_pow(u32::from(precision)).map_or(i128::MAX, |v| v - 1);
                Self::new(-limit, limit)
            }
            Type::WideDecimal { .. } => Self::new(i128::MIN, i128::MAX),
            Type::Date => Self::signed_bits(32),
            Type::Timestamp { .. } => Self::signed_bits(64),
            Type::Text => Self::new(0, i128::from(u32::MAX)),
            Type::Float { .. } => Self::new(i128::MIN, i128::MAX),
        }
    }

    fn signed_bits(bits: u32) -> Self {
        Self::new(-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
    }

    /// Rounded outwards to powers of two, so that appended rows seldom change a pipeline's source.
    #[must_use]
    pub fn round_to_powers(self) -> Self {
        let up = |v: i128| {
            let magnitude = v.unsigned_abs();
            i128::try_from(magnitude.checked_next_power_of_two().unwrap_or(u128::MAX)).unwrap_or(i128::MAX)
        };
        Self::new(if self.min >= 0 { 0 } else { -up(self.min) }, if self.max <= 0 { 0 } else { up(self.max) - 1 })
            .union(self)
    }

    /// Rounded outwards to a width class of 8, 16, 32, 64 or 128 bits: what a literal contributes.
    #[must_use]
    pub fn round_to_width(self) -> Self {
        [8, 16, 32, 64]
            .into_iter()
            .map(Self::signed_bits)
            .find(|class| class.contains(self))
            .unwrap_or(Self::new(i128::MIN, i128::MAX))
    }

    pub fn contains(self, other: Self) -> bool {
        self.min <= other.min && other.max <= self.max
    }

    /// Whether every value fits a signed integer of so many bits.
    pub fn fits_signed(self, bits: u32) -> bool {
        bits >= 128 || Self::signed_bits(bits).contains(self)
    }

    /// Largest magnitude within the bounds.
    pub fn magnitude(self) -> u128 {
        self.min.unsigned_abs().max(self.max.unsigned_abs())
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self::new(self.min.min(other.min), self.max.max(other.max))
    }

    /// Bounds of the sum, or `None` where they leave 128 bits.
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self::new(self.min.checked_add(other.min)?, self.max.checked_add(other.max)?))
    }

    /// Bounds of the difference, or `None` where they leave 128 bits.
    pub fn minus(self, other: Self) -> Option<Self> {
        Some(Self::new(self.min.checked_sub(other.max)?, self.max.checked_sub(other.min)?))
    }

    /// Bounds of the product, or `None` where they leave 128 bits.
    pub fn times(self, other: Self) -> Option<Self> {
        let products = [
            self.min.checked_mul(other.min)?,
            self.min.checked_mul(other.max)?,
            self.max.checked_mul(other.min)?,
            self.max.checked_mul(other.max)?,
        ];
        Some(Self::new(products.into_iter().min()?, products.into_iter().max()?))
    }

    /// Number of distinct integers within the bounds, saturating.
    pub fn domain(self) -> u128 {
        (self.max as u128).wrapping_sub(self.min as u128).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_outwards() {
        assert_eq!(Bounds::new(90_000, 10_494_950).round_to_powers(), Bounds::new(0, (1 << 24) - 1));
        assert_eq!(Bounds::new(-3, 4).round_to_powers(), Bounds::new(-4, 4));
        assert_eq!(Bounds::new(1, 1).round_to_width(), Bounds::new(-128, 127));
    }

    #[test]
    fn products_cover_all_corners() {
        assert_eq!(Bounds::new(-2, 3).times(Bounds::new(-5, 7)), Some(Bounds::new(-15, 21)));
        assert_eq!(Bounds::new(0, i128::MAX).times(Bounds::new(0, 2)), None);
    }
}
