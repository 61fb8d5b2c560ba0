//! Sort keys become pieces of unsigned words whose order is that of the rows: each as many bits as its bounds need, one more
//! where it may be NULL. Words are kept and compared from the first to the last; within a word the first piece lies highest.
//!
//! The order is the host's: NaN is one value above all numbers and the two zeros are equal, texts are in the order of their
//! dictionary's codes. Not here: the sort itself (`operators/sort.rs`, `kernels/fixed/sort.cu`).

use super::OutputColumn;
use super::scope::{Column, OpenPipeline};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{Bounds, EmitColumn, PayloadShape, Repr, SortKey, Type, Value};

/// Pieces that one launch lays into words. More begin a word of their own.
pub const PIECES_A_LAUNCH: usize = 16;

/// How emitted rows are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortPlan {
    pub pieces: Vec<SortPiece>,
}

/// An emitted column that rows are sorted by, or of a wide decimal one of the two that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortPiece {
    /// Position among the emitted columns.
    pub column: usize,
    pub shape: PayloadShape,
    /// Of integers: taken off, and how many bits what is left has.
    pub least: i128,
    pub bits: u32,
    pub descending: bool,
    /// Whether a bit says where NULLs are: in the first piece of a key that has any.
    pub has_null_bit: bool,
    pub nulls_first: bool,
}

/// A key, resolved: the registers that rows are ordered by.
pub(super) struct ResolvedKey {
    column: Column,
    descending: bool,
    nulls_first: bool,
}

impl ResolvedKey {
    pub(super) fn descending(&self) -> bool {
        self.descending
    }

    pub(super) fn nulls_first(&self) -> bool {
        self.nulls_first
    }

    /// The registers of its value: of a wide decimal two.
    pub(super) fn registers(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.column.register).chain(self.column.tail.map(|(register, _)| register))
    }
}

impl SortPiece {
    fn all_bits(self) -> u32 {
        self.bits + u32::from(self.has_null_bit)
    }
}

impl SortPlan {
    /// The pieces launch by launch, each with the number of words up to the last that it fills.
    pub fn launches(&self) -> Vec<(&[SortPiece], usize)> {
        let mut words = 0;
        let launch = |pieces| {
            words += words_of(pieces);
            (pieces, words)
        };
        self.pieces.chunks(PIECES_A_LAUNCH).map(launch).collect()
    }

    /// Of each word the bits that the first `pieces` of the pieces have.
    pub fn bits_of_first(&self, pieces: usize) -> Vec<u64> {
        let mut masks = Vec::with_capacity(self.words());
        for (number, (launched, _)) in self.launches().into_iter().enumerate() {
            let own = pieces.saturating_sub(number * PIECES_A_LAUNCH).min(launched.len());
            let words = words_of(launched);
            // Pieces lie in the lowest bits of their words, the last one lowest.
            let below: usize = launched[own..].iter().map(|piece| piece.all_bits() as usize).sum();
            masks.extend((0..words).map(|word| {
                let begin = (words - 1 - word) * 64;
                let left_out = below.saturating_sub(begin);
                if own == 0 || left_out >= 64 { 0 } else { u64::MAX << left_out }
            }));
        }
        masks.resize(self.words(), 0);
        masks
    }

    /// Words a row; one at least.
    pub fn words(&self) -> usize {
        self.launches().last().map_or(0, |(_, words)| *words).max(1)
    }
}

fn words_of(pieces: &[SortPiece]) -> usize {
    pieces.iter().map(|piece| piece.all_bits() as usize).sum::<usize>().div_ceil(64)
}

/// What the keys are in an open pipeline.
pub(super) fn resolve(open: &mut OpenPipeline, keys: &[SortKey]) -> Result<Vec<ResolvedKey>> {
    let key = |key: &SortKey| {
        let column = super::cut::project(open, &key.expr)?;
        if column.ty == Type::Text && column.dictionary.is_none() {
            return Err(Error::internal("a text without a dictionary reached a sort"));
        }
        Ok(ResolvedKey { column, descending: key.descending, nulls_first: key.nulls_first })
    };
    keys.iter().map(key).collect()
}

/// The plan of a sort by these keys; columns that nobody else puts out are put out behind the others.
pub(super) fn plan(
    open: &OpenPipeline,
    keys: &[ResolvedKey],
    columns: &mut Vec<EmitColumn>,
    output: &mut Vec<OutputColumn>,
) -> SortPlan {
    plan_placed(open, keys, super::cut::output_shape, |key, value, ty, shape| {
        let known = columns.iter().position(|emitted| emitted.value == value && emitted.shape == shape);
        known.unwrap_or_else(|| {
            columns.push(EmitColumn { value, shape });
            output.push(OutputColumn { shape, ty, dictionary: key.column.dictionary.clone(), tail: None });
            columns.len() - 1
        })
    })
}

/// The same of keys that are put out in shapes and places that somebody else says: `place` takes the value of a key, its type and
/// its shape.
pub(super) fn plan_placed(
    open: &OpenPipeline,
    keys: &[ResolvedKey],
    shape_of: impl Fn(&Column, &OpenPipeline) -> PayloadShape,
    mut place: impl FnMut(&ResolvedKey, Value, Type, PayloadShape) -> usize,
) -> SortPlan {
    let mut pieces = Vec::with_capacity(keys.len());
    let mut piece = |key: &ResolvedKey, register: usize, ty: Type, shape: PayloadShape, is_first: bool| {
        let column = place(key, open.read(register), ty, shape);
        let (least, bits) = extent(open.registers[register].bounds, ty, shape, key.column.dictionary.as_deref());
        let ResolvedKey { descending, nulls_first, .. } = *key;
        let has_null_bit = is_first && shape.nullable;
        pieces.push(SortPiece { column, shape, least, bits, descending, has_null_bit, nulls_first });
    };
    for key in keys {
        let shape = shape_of(&key.column, open);
        piece(key, key.column.register, key.column.ty, shape, true);
        if let Some((register, _)) = key.column.tail {
            piece(key, register, Type::INT32, super::cut::tail_shape(&open.read(register)), false);
        }
    }
    SortPlan { pieces }
}

/// The least value, and the bits that the distance of any other from it takes.
fn extent(bounds: Bounds, ty: Type, shape: PayloadShape, dictionary: Option<&Dictionary>) -> (i128, u32) {
    let limits = match (shape.repr, dictionary) {
        (Repr::F32, _) => return (0, 32),
        (Repr::F64, _) => return (0, 64),
        (Repr::Bool, _) => return (0, 1),
        (Repr::Int, Some(dictionary)) => Bounds::new(0, dictionary.len().max(1) as i128 - 1),
        // What stands under a NULL may be outside of its type, and has no part in this.
        (Repr::Int, None) => Bounds::of_type(ty),
    };
    let (least, largest) = (bounds.min.max(limits.min), bounds.max.min(limits.max));
    if largest < least {
        return (0, 0);
    }
    let distance = (largest as u128).wrapping_sub(least as u128);
    (least, 128 - distance.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::IntWidth;

    fn shape(repr: Repr, width: IntWidth) -> PayloadShape {
        PayloadShape { repr, width, nullable: true }
    }

    #[test]
    fn bits_are_as_many_as_the_bounds_need() {
        let wide = shape(Repr::Int, IntWidth::W64);
        let of = |min, max| extent(Bounds::new(min, max), Type::INT64, wide, None);
        assert_eq!(of(0, 0), (0, 0));
        assert_eq!(of(5, 6), (5, 1));
        assert_eq!(of(-128, 127), (-128, 8));
        assert_eq!(of(0, 256), (0, 9));
        // Nothing leaves the type.
        assert_eq!(of(i128::MIN, i128::MAX), (i128::from(i64::MIN), 64));
        assert_eq!(of(1, 0), (0, 0));
        let decimal = Type::Decimal { precision: 38, scale: 2 };
        let limits = Bounds::of_type(decimal);
        assert_eq!(extent(limits, decimal, shape(Repr::Int, IntWidth::W128), None), (limits.min, 128));
    }

    #[test]
    fn the_bits_of_the_first_pieces_are_told_from_those_of_the_others() {
        let piece = |bits| SortPiece {
            column: 0,
            shape: shape(Repr::Int, IntWidth::W64),
            least: 0,
            bits,
            descending: false,
            has_null_bit: false,
            nulls_first: false,
        };
        let plan = SortPlan { pieces: vec![piece(10), piece(60), piece(4)] };
        assert_eq!(plan.words(), 2);
        assert_eq!(plan.bits_of_first(0), [0, 0]);
        assert_eq!(plan.bits_of_first(1), [u64::MAX, 0]);
        assert_eq!(plan.bits_of_first(2), [u64::MAX, u64::MAX << 4]);
        assert_eq!(plan.bits_of_first(3), [u64::MAX, u64::MAX]);
        assert_eq!(SortPlan::default().bits_of_first(0), [0]);
        let many = SortPlan { pieces: vec![piece(7); PIECES_A_LAUNCH + 1] };
        assert_eq!(many.bits_of_first(2), [u64::MAX << 34, 0, 0]);
        assert_eq!(many.bits_of_first(PIECES_A_LAUNCH), [u64::MAX, u64::MAX, 0]);
    }

    #[test]
    fn pieces_past_a_launch_begin_a_word() {
        let piece = |bits| SortPiece {
            column: 0,
            shape: shape(Repr::Int, IntWidth::W64),
            least: 0,
            bits,
            descending: false,
            has_null_bit: true,
            nulls_first: false,
        };
        let words = |pieces: Vec<SortPiece>| SortPlan { pieces }.words();
        assert_eq!(words(vec![]), 1);
        assert_eq!(words(vec![piece(63)]), 1);
        assert_eq!(words(vec![piece(64)]), 2);
        assert_eq!(words(vec![piece(20), piece(20), piece(20)]), 1);
        let many = SortPlan { pieces: vec![piece(7); PIECES_A_LAUNCH + 1] };
        assert_eq!(
            many.launches().iter().map(|(pieces, words)| (pieces.len(), *words)).collect::<Vec<_>>(),
            [(16, 2), (1, 3)]
        );
    }
}
