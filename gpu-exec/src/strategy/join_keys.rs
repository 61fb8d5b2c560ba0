//! Keys of a join: both sides in the same units, as integers. Texts are codes of the build's dictionary, floats the integers they
//! are compared by, wide keys have common bounds. Not here: which side builds, and into what table (`join.rs`).

use super::branches::Branches;
use super::join::JoinParts;
use super::resolve::Resolved;
use crate::error::{Error, Result};
use crate::ir::{Bounds, Constant, JoinSide, Repr, Type, Value, ValueKind};

/// The keys of each branch of a side.
pub(super) type BranchKeys = Vec<Vec<Value>>;

/// The keys of the building side, and those that the other side looks for, of each branch of it.
pub(super) fn resolve_keys(
    (build, building): (&mut Branches, JoinSide),
    probe: &mut Branches,
    parts: &JoinParts<'_>,
) -> Result<(BranchKeys, BranchKeys)> {
    let mut keys = (vec![vec![]; build.len()], vec![vec![]; probe.len()]);
    for (left, right) in parts.on {
        let (build_expr, probe_expr) = match building {
            JoinSide::Left => (left, right),
            JoinSide::Right => (right, left),
        };
        let built = build.each(|open| open.resolve(build_expr)?.comparable(build_expr.ty))?;
        let sought = probe.each(|open| open.resolve(probe_expr)?.comparable(probe_expr.ty))?;
        // Where one side has no NULL, those of the other match nothing anyhow.
        let is_nullable = |side: &[Resolved]| side.iter().any(|key| key.value.nullable);
        let has_nulls = parts.nulls_equal && is_nullable(&built) && is_nullable(&sought);
        let dictionary = built.first().and_then(|key| key.dictionary.clone()).filter(|_| build_expr.ty == Type::Text);
        let nulls = |side: &[Resolved]| side.iter().map(|key| has_nulls.then(|| key.value.clone())).collect::<Vec<_>>();
        let (built_nulls, sought_nulls) = (nulls(&built), nulls(&sought));
        let mut built: Vec<Value> = built.into_iter().map(|key| in_units(key, dictionary.is_some())).collect();
        let mut sought = sought.into_iter();
        let mut sought = probe.each(|open| match (sought.next(), &dictionary) {
            (Some(key), Some(dictionary)) => open.translated(key, dictionary),
            (Some(key), None) => Ok(as_integer(key.value)),
            (None, _) => Err(Error::internal("a probe without keys")),
        })?;
        let bounds = |side: &[Value]| side.iter().map(|key| key.bounds).reduce(Bounds::union);
        let any = bounds(&built).map_or(0, |bounds| bounds.min);
        let common = [bounds(&built), bounds(&sought)].into_iter().flatten().reduce(Bounds::union);
        if let Some(common) = common.filter(|common| !common.fits_signed(64)) {
            built.iter_mut().chain(&mut sought).for_each(|key| key.bounds = common);
        }
        keys.0.iter_mut().zip(built.into_iter().zip(built_nulls)).for_each(|(keys, key)| push(keys, key, any));
        keys.1.iter_mut().zip(sought.into_iter().zip(sought_nulls)).for_each(|(keys, key)| push(keys, key, any));
    }
    Ok(keys)
}

/// One key; or where NULLs count two in place of it: whether it is NULL, and a value that stands for NULL. What the other side's
/// dictionary lacks is NULL behind the value, and matches nothing.
fn push(keys: &mut Vec<Value>, (key, nulls): (Value, Option<Value>), any: i128) {
    match nulls {
        None => keys.push(key),
        Some(value) => keys.extend([some_value(key, &value, any), is_null(value)]),
    }
}

fn in_units(key: Resolved, is_text: bool) -> Value {
    if is_text { key.value } else { as_integer(key.value) }
}

/// The integer that stands for a value among keys: equal where the values are.
pub(super) fn as_integer(value: Value) -> Value {
    let nullable = value.nullable;
    match value.repr {
        Repr::Int => value,
        Repr::Bool => Value::int(ValueKind::BoolToInt(Box::new(value)), nullable, Bounds::new(0, 1)),
        Repr::F32 | Repr::F64 => {
            Value::int(ValueKind::RankOfFloat(Box::new(value)), nullable, Bounds::of_type(Type::INT64))
        }
    }
}

fn is_null(value: Value) -> Value {
    let is_null = Value::bool(ValueKind::IsNull(Box::new(value)), false);
    Value::int(ValueKind::BoolToInt(Box::new(is_null)), false, Bounds::new(0, 1))
}

/// A key as it is, or in place of a NULL `any`, which is the same on both sides.
fn some_value(key: Value, value: &Value, any: i128) -> Value {
    let (repr, nullable, bounds) = (key.repr, key.nullable, key.bounds.union(Bounds::new(any, any)));
    let any = Value::int(ValueKind::Constant(Constant::Int(any)), false, bounds);
    let is_null = Value::bool(ValueKind::IsNull(Box::new(value.clone())), false);
    let kind = ValueKind::Case { branches: vec![(is_null, any)], otherwise: Some(Box::new(key)) };
    Value::new(kind, repr, nullable, bounds)
}
