//! Rounding to a number of places, and which floats stand for it. Not here: how it is computed (`strategy/resolve`).

/// Which way a number is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// `round`: to the nearest, half away from zero.
    Nearest,
    /// `trunc`.
    TowardsZero,
    Floor,
    Ceil,
}

impl Rounding {
    const NAMES: [(Rounding, &str); 4] = [
        (Rounding::Nearest, "round"),
        (Rounding::TowardsZero, "trunc"),
        (Rounding::Floor, "floor"),
        (Rounding::Ceil, "ceil"),
    ];

    /// The rounding of a host function.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(rounding, _)| *rounding)
    }

    /// As SQL writes it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(rounding, _)| *rounding == self).map_or("", |(_, name)| name)
    }

    /// The power of ten that the host multiplies floats of so many bytes by before it rounds them to so many places: to
    /// the bit, since the host's powers are not always the nearest floats. `None` where it is no normal float.
    pub fn factor(self, places: i32, bytes: u8) -> Option<f64> {
        let factor = match (self, bytes) {
            (Rounding::TowardsZero, 4) => f64::from(10_f32.powi(places)),
            (_, 4) => f64::from(10_f64.powi(places) as f32),
            _ => 10_f64.powi(places),
        };
        let is_normal = if bytes == 4 { (factor as f32).is_normal() } else { factor.is_normal() };
        is_normal.then_some(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_powers_of_ten_that_the_type_holds() {
        assert_eq!(Rounding::Nearest.factor(2, 8), Some(100.0));
        assert_eq!(Rounding::TowardsZero.factor(2, 4), Some(100.0));
        assert_eq!(Rounding::Nearest.factor(400, 8), None);
        assert_eq!(Rounding::Nearest.factor(-400, 8), None);
        assert_eq!(Rounding::Nearest.factor(39, 4), None);
    }
}
