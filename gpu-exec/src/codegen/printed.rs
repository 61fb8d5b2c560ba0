//! What a value is once printed: a C++ expression, the type it has, and where it is NULL.
//!
//! A printed value has no side effect. A NULL's expression yields some harmless value. Not here: how a value is printed
//! (`values.rs`, `arithmetic.rs`, `conversions.rs`, `text.rs`).

use crate::ir::{Bounds, Repr};

/// C++ types values are computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CType {
    Bool,
    I32,
    I64,
    I128,
    F32,
    F64,
}

/// A value as C++.
#[derive(Clone, Debug)]
pub(super) struct Printed {
    pub(super) code: String,
    /// The code is true only where the value is valid: its truth needs no second look.
    pub(super) true_is_valid: bool,
    /// `None`: never NULL.
    pub(super) valid: Option<String>,
    pub(super) c_type: CType,
}

impl CType {
    pub(super) fn of(repr: Repr, bounds: Bounds) -> Self {
        match repr {
            Repr::Bool => CType::Bool,
            Repr::F32 => CType::F32,
            Repr::F64 => CType::F64,
            Repr::Int => Self::for_int(bounds),
        }
    }

    pub(super) fn for_int(bounds: Bounds) -> Self {
        match () {
            () if bounds.fits_signed(32) => CType::I32,
            () if bounds.fits_signed(64) => CType::I64,
            () => CType::I128,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            CType::Bool => "bool",
            CType::I32 => "i32",
            CType::I64 => "i64",
            CType::I128 => "i128",
            CType::F32 => "f32",
            CType::F64 => "f64",
        }
    }
}

impl Printed {
    pub(super) fn new(code: impl Into<String>, valid: Option<String>, c_type: CType) -> Self {
        Self { code: code.into(), true_is_valid: valid.is_none(), valid, c_type }
    }

    /// The code converted to another type where it is not of that type already.
    pub(super) fn cast(&self, to: CType) -> String {
        if self.c_type == to { self.code.clone() } else { format!("{}({})", to.name(), self.code) }
    }

    /// True where the value is true and not NULL.
    pub(super) fn truth(&self) -> String {
        match &self.valid {
            Some(valid) if !self.true_is_valid => format!("({valid} && {})", self.code),
            _ => self.code.clone(),
        }
    }
}

/// Validity of a value of two operands.
pub(super) fn both(left: &Option<String>, right: &Option<String>) -> Option<String> {
    match (left, right) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (Some(left), Some(right)) => Some(format!("({left} && {right})")),
    }
}

/// An integer as C++. For numbers that belong to a type (limits, powers of ten), never for literals of a query.
pub(super) fn int_code(value: i128, c_type: CType) -> String {
    match c_type {
        CType::I128 => format!("make_i128({}, 0x{:x}ull)", int_code(value >> 64, CType::I64), value as u64),
        CType::I64 if value == i128::from(i64::MIN) => "kI64Min".into(),
        CType::I64 => format!("i64({value}ll)"),
        _ if value == i128::from(i32::MIN) => "i32(-2147483647 - 1)".into(),
        _ => format!("{value}"),
    }
}
