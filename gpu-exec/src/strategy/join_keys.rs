//! Keys of a join: both sides in the same units, as integers. Texts are codes of the build's dictionary, floats the integers they
//! are compared by, wide keys have common bounds. Not here: which side builds, and into what table (`join.rs`).

use std::sync::Arc;

use super::join::JoinParts;
use super::resolve::Resolved;
use super::scope::OpenPipeline;
use crate::error::Result;
use crate::ir::{Bounds, Constant, Expr, JoinSide, Repr, Type, Value, ValueKind};

/// The keys of the building side, and those that the other side looks for.
pub(super) fn resolve_keys(
    (build, building): (&mut OpenPipeline, JoinSide),
    probe: &mut OpenPipeline,
    parts: &JoinParts<'_>,
) -> Result<(Vec<Value>, Vec<Value>)> {
    let mut keys = (Vec::new(), Vec::new());
    for (left, right) in parts.on {
        let (build_expr, probe_expr) = match building {
            JoinSide::Left => (left, right),
            JoinSide::Right => (right, left),
        };
        let key = build.resolve(build_expr)?.comparable(build_expr.ty)?;
        let sought = probe.resolve(probe_expr)?.comparable(probe_expr.ty)?;
        // Where one side has no NULL, those of the other match nothing anyhow.
        let nulls = (parts.nulls_equal && key.value.nullable && sought.value.nullable)
            .then(|| (key.value.clone(), sought.value.clone()));
        let (mut key, mut sought) = in_same_units(key, sought, probe, build_expr)?;
        let common = key.bounds.union(sought.bounds);
        if !common.fits_signed(64) {
            (key.bounds, sought.bounds) = (common, common);
        }
        let Some((build_value, probe_value)) = nulls else {
            keys.0.push(key);
            keys.1.push(sought);
            continue;
        };
        // Two keys in place of one: whether it is NULL, and a value that stands for NULL. What the other side's dictionary lacks
        // is NULL behind the value, and matches nothing.
        let any = key.bounds.min;
        keys.0.extend([some_value(key, &build_value, any), is_null(build_value)]);
        keys.1.extend([some_value(sought, &probe_value, any), is_null(probe_value)]);
    }
    Ok(keys)
}

fn in_same_units(
    key: Resolved,
    sought: Resolved,
    probe: &mut OpenPipeline,
    build_expr: &Expr,
) -> Result<(Value, Value)> {
    match &key.dictionary {
        Some(dictionary) if build_expr.ty == Type::Text => {
            let dictionary = Arc::clone(dictionary);
            Ok((key.value, probe.translated(sought, &dictionary)?))
        }
        _ => Ok((as_integer(key.value), as_integer(sought.value))),
    }
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
