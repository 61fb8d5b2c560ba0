//! Sums of decimals that may pass 128 bits on the way: a total is that integer and how often it has wrapped. Most totals never do.

use datafusion::arrow::array::PrimitiveArray;
use datafusion::arrow::datatypes::{DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, i256};

use super::summand::Summand;

/// Digits of a decimal of which 10^10 values cannot pass 128 bits.
const SHORT_PRECISION: u8 = 28;

/// Whether a sum of such values may pass 128 bits.
pub(super) fn is_long(values: &DataType) -> bool {
    matches!(values, DataType::Decimal128(precision, _) if *precision > SHORT_PRECISION)
}

/// Decimals of up to 38 digits, summed over 192 bits. A partial sum is a decimal of 76 digits.
#[derive(Debug)]
pub(super) struct LongDecimal;

/// `wraps * 2^128 + low`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total {
    low: i128,
    wraps: i64,
}

impl Total {
    fn plus(self, other: Self) -> Self {
        let (low, wrapped) = self.low.overflowing_add(other.low);
        let direction = if other.low < 0 { -1 } else { 1 };
        Self { low, wraps: self.wraps + other.wraps + i64::from(wrapped) * direction }
    }

    fn minus(self, other: Self) -> Self {
        let (low, wrapped) = self.low.overflowing_sub(other.low);
        let direction = if other.low < 0 { 1 } else { -1 };
        Self { low, wraps: self.wraps - other.wraps + i64::from(wrapped) * direction }
    }
}

impl Summand for LongDecimal {
    type Array = Decimal128Type;
    type State = Decimal256Type;
    type Wide = Total;

    fn widen(value: i128) -> Total {
        Total { low: value, wraps: 0 }
    }

    fn narrow(total: Total) -> Option<i128> {
        (total.wraps == 0).then_some(total.low)
    }

    fn widen_state(state: i256) -> Total {
        let (low, high) = state.to_parts();
        let low = low as i128;
        // Taken as signed, the low half counts 2^128 less where its highest bit is set.
        Total { low, wraps: high as i64 + i64::from(low < 0) }
    }

    fn narrow_state(total: Total) -> Option<i256> {
        Some(i256::from_i128(total.low).wrapping_add(i256::from_parts(0, i128::from(total.wraps))))
    }

    fn state_type(sum_type: &DataType) -> DataType {
        match sum_type {
            DataType::Decimal128(_, scale) => DataType::Decimal256(DECIMAL256_MAX_PRECISION, *scale),
            other => other.clone(),
        }
    }

    fn states_of(values: &PrimitiveArray<Decimal128Type>) -> PrimitiveArray<Decimal256Type> {
        values.unary(i256::from_i128)
    }

    fn add(left: Total, right: Total) -> (Total, bool) {
        (left.plus(right), false)
    }

    fn subtract(left: Total, right: Total) -> (Total, bool) {
        (left.minus(right), false)
    }

    fn total(values: &[i128]) -> (Total, bool) {
        (values.iter().fold(Total::default(), |total, value| total.plus(Self::widen(*value))), false)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn totals_come_back() {
        let most = 10_i128.pow(38) - 1;
        for sign in [1, -1] {
            let mut total = Total::default();
            for _ in 0..1000 {
                total = total.plus(LongDecimal::widen(sign * most));
            }
            assert_ne!(total.wraps, 0);
            assert_eq!(LongDecimal::narrow(total), None);
            let state = LongDecimal::narrow_state(total).unwrap();
            assert_eq!(state, i256::from_i128(sign * most).wrapping_mul(i256::from_i128(1000)));
            assert_eq!(LongDecimal::widen_state(state), total);
            for _ in 0..999 {
                total = total.minus(LongDecimal::widen(sign * most));
            }
            assert_eq!(LongDecimal::narrow(total), Some(sign * most));
        }
    }
}
