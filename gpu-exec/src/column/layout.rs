//! Choosing how integers are stored: the narrowest width, with a base only where it saves bytes.
//!
//! A base costs an addition a value, so it is used only when it makes the width smaller; it is rounded, so that rows
//! appended later rarely change it.

use super::Stored;
use crate::ir::{Bounds, IntWidth, Type};

/// The physical form of integers: `logical = stored + base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntLayout {
    pub width: IntWidth,
    pub base: i128,
}

/// Narrowing widths that a base may help to reach, narrowest first. 128-bit values never carry a base.
const BASED_WIDTHS: [IntWidth; 4] = [IntWidth::W8, IntWidth::W16, IntWidth::W32, IntWidth::W64];

impl IntLayout {
    /// The narrowest layout for values within `range` (inclusive); the narrowest there is when no value is known.
    pub fn for_range(range: Option<(i128, i128)>) -> Self {
        let Some((min, max)) = range else {
            return Self { width: IntWidth::W8, base: 0 };
        };
        let plain = IntWidth::for_signed(min, max);
        BASED_WIDTHS
            .into_iter()
            .filter(|width| *width < plain)
            .find_map(|width| Self::with_base(width, min, max))
            .unwrap_or(Self { width: plain, base: 0 })
    }

    /// A layout of this width whose base makes the range fit, if there is one.
    fn with_base(width: IntWidth, min: i128, max: i128) -> Option<Self> {
        let bits = 8 * width.bytes();
        let exact = min.checked_add(1_i128 << (bits - 1));
        let step = 1_i128 << (bits - 3);
        let middle = min.saturating_add(max.saturating_sub(min) / 2);
        let rounded = middle.div_euclid(step).checked_mul(step);
        let layouts = [rounded, exact].into_iter().flatten().map(|base| Self { width, base });
        layouts.into_iter().find(|layout| layout.covers(min, max))
    }

    /// Smallest and largest logical value this layout can hold.
    pub fn limits(self) -> (i128, i128) {
        match self.width {
            IntWidth::W128 => (i128::MIN, i128::MAX),
            width => {
                let half = 1_i128 << (8 * width.bytes() - 1);
                (self.base.saturating_sub(half), self.base.saturating_add(half - 1))
            }
        }
    }

    /// Whether every value from `min` to `max` can be stored.
    pub fn covers(self, min: i128, max: i128) -> bool {
        let (low, high) = self.limits();
        low <= min && max <= high
    }

    pub fn stored(self) -> Stored {
        Stored::Int { width: self.width, base: self.base }
    }
}

/// The layout that holds every value of an integral type; `None` for types that are not stored as integers.
pub fn full_layout(ty: Type) -> Option<IntLayout> {
    match ty {
        Type::Int { .. } | Type::Decimal { .. } | Type::Date | Type::Timestamp { .. } => {
            let bounds = Bounds::of_type(ty);
            Some(IntLayout::for_range(Some((bounds.min, bounds.max))))
        }
        Type::Bool | Type::Float { .. } | Type::Text | Type::WideDecimal { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_used_only_where_it_narrows() {
        let layout = |min, max| IntLayout::for_range(Some((min, max)));
        assert_eq!(layout(0, 100), IntLayout { width: IntWidth::W8, base: 0 });
        assert_eq!(layout(1992, 1998), IntLayout { width: IntWidth::W8, base: 1984 });
        assert_eq!(layout(8035, 10591).width, IntWidth::W16);
        assert_eq!(layout(8035, 10591).base, 0);
        assert_eq!(layout(0, 255).width, IntWidth::W8);
        assert_eq!(layout(0, 256).width, IntWidth::W16);
        assert_eq!(layout(0, i128::from(u64::MAX)), IntLayout { width: IntWidth::W64, base: 1 << 63 });
        assert_eq!(layout(i128::MIN, i128::MAX), IntLayout { width: IntWidth::W128, base: 0 });
        assert_eq!(layout(i128::MAX - 3, i128::MAX).width, IntWidth::W8);
    }

    #[test]
    fn every_chosen_layout_covers_its_range() {
        for bits in [0_u32, 1, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 120] {
            for start in [i128::from(i64::MIN), -1_000_003, -129, -1, 0, 1, 77, 4_000_000_000, i128::from(u64::MAX)] {
                let end = start + (1_i128 << bits) - 1;
                assert!(IntLayout::for_range(Some((start, end))).covers(start, end), "{start} + 2^{bits}");
            }
        }
    }

    #[test]
    fn full_layouts() {
        assert_eq!(full_layout(Type::INT32), Some(IntLayout { width: IntWidth::W32, base: 0 }));
        assert_eq!(full_layout(Type::Decimal { precision: 15, scale: 2 }).map(|l| l.width), Some(IntWidth::W64));
        assert_eq!(full_layout(Type::Decimal { precision: 38, scale: 2 }).map(|l| l.width), Some(IntWidth::W128));
        assert_eq!(full_layout(Type::Text), None);
    }
}
