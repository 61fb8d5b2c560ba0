//! Resolving expressions: SQL types become integers with bounds, texts become codes and lookups, literals parameters.
//!
//! This is where the meaning of decimals, casts and calendars is spelled out in plain arithmetic; it follows the host
//! (DataFusion and arrow) except that overflow is an error. Bounds are carried along, and a limit is attached only
//! where they cannot prove that a result stays within its type.

mod bits;
mod calendar;
mod cast;
mod constant;
mod date_trunc;
mod number;
mod raw_text;
mod round;
mod text;

use std::sync::Arc;

use datafusion::scalar::ScalarValue;

use self::calendar::{add_interval, date_part};
use self::constant::{evaluate_once, is_null};
use self::date_trunc::date_trunc;
use self::number::negate;
use super::lookup::map_dictionary;
use super::scope::{OpenPipeline, repr_of};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{Bounds, CompareOp, Constant, Expr, ExprKind, Failure, HostFunction, Type, Value, ValueKind};

pub(super) use self::cast::cast;
pub(super) use self::constant::{constant, null};
pub(super) use self::number::{arithmetic, halves, joined_halves, narrow, power_of_ten, rescale, scale_of, split};

/// Most constants of an IN list that are compared one after another; more are searched in a table.
const SET_MAX: usize = 16;

/// A resolved expression, with the dictionary its codes belong to where it is text that has one.
pub(super) struct Resolved {
    pub(super) value: Value,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

impl Resolved {
    /// The value where it can be compared with others of its type: references to texts cannot.
    pub(super) fn comparable(self, ty: Type) -> Result<Self> {
        match (ty, &self.dictionary) {
            (Type::Text, None) => Err(Error::internal("a text without a dictionary reached a comparison")),
            _ => Ok(self),
        }
    }
}

impl From<Value> for Resolved {
    fn from(value: Value) -> Self {
        Self { value, dictionary: None }
    }
}

impl OpenPipeline {
    /// Resolves an expression over the columns of this pipeline.
    pub(super) fn resolve(&mut self, expr: &Expr) -> Result<Resolved> {
        match &expr.kind {
            ExprKind::Column(index) => {
                let column =
                    self.columns.get(*index).ok_or_else(|| Error::internal(format!("no column {index} in scope")))?;
                Ok(Resolved { value: self.read(column.register), dictionary: column.dictionary.clone() })
            }
            ExprKind::DictionaryMap { input, function, direct } => {
                self.text_function(input, function, direct.as_deref(), expr.ty)
            }
            ExprKind::Literal(literal) if expr.ty == Type::Text => text::literal(literal),
            ExprKind::Case { branches, otherwise } if expr.ty == Type::Text => {
                self.text_case(branches, otherwise.as_deref())
            }
            _ => self.resolve_value(expr).map(Resolved::from),
        }
    }

    /// Resolves an expression whose result is no text.
    pub(super) fn resolve_value(&mut self, expr: &Expr) -> Result<Value> {
        match &expr.kind {
            _ if expr.ty == Type::Text => Ok(self.resolve(expr)?.value),
            ExprKind::Column(_) | ExprKind::DictionaryMap { .. } => Ok(self.resolve(expr)?.value),
            ExprKind::Literal(literal) => constant(literal, expr.ty),
            ExprKind::Deferred(function) => constant(&evaluate_once(function)?, expr.ty),
            ExprKind::Arithmetic { op, left, right } => {
                let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
                arithmetic(*op, (l, left.ty), (r, right.ty), expr.ty)
            }
            ExprKind::Bits { op, left, right } => {
                bits::bits(*op, self.resolve_value(left)?, self.resolve_value(right)?, expr.ty)
            }
            ExprKind::Round { rounding, places, input } => {
                round::round(*rounding, *places, self.resolve_value(input)?, input.ty, expr.ty)
            }
            ExprKind::Canonical { zeros, input } => Ok(canonical(self.resolve_value(input)?, *zeros)),
            ExprKind::Negate(input) => negate(self.resolve_value(input)?, expr.ty),
            ExprKind::Compare { op, left, right } => self.compare(*op, left, right),
            ExprKind::And(left, right) => {
                let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
                let nullable = l.nullable || r.nullable;
                Ok(Value::bool(ValueKind::And(Box::new(l), Box::new(r)), nullable))
            }
            ExprKind::Or(left, right) => {
                let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
                Ok(or(l, r))
            }
            ExprKind::Not(input) => Ok(not(self.resolve_value(input)?)),
            ExprKind::IsNull(input) => {
                let input = self.resolve_value(input)?;
                Ok(Value::bool(ValueKind::IsNull(Box::new(input)), false))
            }
            ExprKind::Case { branches, otherwise } => self.case(branches, otherwise.as_deref(), expr.ty),
            ExprKind::Cast { input, try_cast } => {
                let value = self.resolve_value(input)?;
                cast(value, input.ty, expr.ty, if *try_cast { Failure::Null } else { Failure::Cast })
            }
            ExprKind::InList { input, values, has_null, negated } => {
                let input_value = self.resolve_value(input)?;
                self.in_list(input_value, values, *has_null, *negated)
            }
            ExprKind::TextTest { input, test } => self.text_test(input, test),
            ExprKind::TextLength { input, unit } => self.text_length(input, *unit),
            ExprKind::DateTrunc { unit, input } => date_trunc(*unit, self.resolve_value(input)?, input.ty),
            ExprKind::DatePart { part, input } => Ok(date_part(*part, self.resolve_value(input)?, input.ty)),
            ExprKind::AddInterval { input, months, days, nanoseconds } => {
                let value = self.resolve_value(input)?;
                add_interval(value, expr.ty, *months, *days, *nanoseconds)
            }
        }
    }

    /// A function of a text: over its dictionary, or over the text itself.
    fn text_function(
        &mut self,
        input: &Expr,
        function: &HostFunction,
        direct: Option<&Expr>,
        ty: Type,
    ) -> Result<Resolved> {
        let input = self.resolve(input)?;
        let Some(dictionary) = &input.dictionary else {
            let direct = direct.ok_or_else(|| Error::internal("a text without a dictionary"))?;
            return self.resolve(direct);
        };
        let (mapped, is_new) = map_dictionary(dictionary, function, ty)?;
        let value = mapped.value(self.add_lookup(mapped.table(is_new)), input.value);
        Ok(Resolved { value, dictionary: mapped.dictionary.clone() })
    }

    fn in_list(&mut self, input: Value, values: &[ScalarValue], has_null: bool, negated: bool) -> Result<Value> {
        let constants = values
            .iter()
            .map(|value| {
                Constant::of(value).ok_or_else(|| Error::internal(format!("literal {value} has no device form")))
            })
            .collect::<Result<Vec<_>>>()?;
        let nullable = input.nullable;
        let integers: Option<Vec<i128>> = constants
            .iter()
            .map(|constant| match constant {
                Constant::Int(value) => Some(*value),
                _ => None,
            })
            .collect();
        let kind = match integers {
            Some(integers) if integers.len() > SET_MAX => self.in_table(input, integers),
            _ => ValueKind::InSet { input: Box::new(input), constants },
        };
        let mut found = Value::bool(kind, nullable);
        if has_null {
            found = or(found, null(Type::Bool));
        }
        Ok(if negated { not(found) } else { found })
    }

    /// Many constants become a table, so that text and arguments do not grow with their number.
    fn in_table(&mut self, input: Value, mut integers: Vec<i128>) -> ValueKind {
        integers.sort_unstable();
        integers.dedup();
        let known = integers.iter().fold(input.bounds, |bounds, value| bounds.union(Bounds::new(*value, *value)));
        let elements = known.round_to_width();
        let values = super::lookup::integer_bytes(integers.iter().copied(), elements);
        let table = self.add_lookup(super::LookupTable::of_constants(values));
        ValueKind::InTable { input: Box::new(input), table, count: integers.len() as u64, elements }
    }

    pub(super) fn add_lookup(&mut self, table: super::LookupTable) -> usize {
        self.lookups.push(table.or_one_entry());
        self.lookups.len() - 1
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr) -> Result<Value> {
        let (l, r) = if left.ty == Type::Text {
            let texts = vec![self.resolve(left)?, self.resolve(right)?];
            let (union, codes) = self.alike(texts)?;
            let [l, r] = <[Value; 2]>::try_from(codes).map_err(|codes| {
                Error::internal(format!("{} codes of two texts over {} entries", codes.len(), union.len()))
            })?;
            (l, r)
        } else {
            let (l, r) = (self.resolve_value(left)?, self.resolve_value(right)?);
            let scale = scale_of(left.ty).max(scale_of(right.ty));
            (rescale(l, left.ty, scale)?, rescale(r, right.ty, scale)?)
        };
        let never_null = matches!(op, CompareOp::Distinct | CompareOp::NotDistinct);
        let nullable = !never_null && (l.nullable || r.nullable);
        Ok(Value::bool(ValueKind::Compare { op, left: Box::new(l), right: Box::new(r) }, nullable))
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>, ty: Type) -> Result<Value> {
        let mut resolved = Vec::with_capacity(branches.len());
        for (condition, value) in branches {
            resolved.push((self.resolve_value(condition)?, self.resolve_value(value)?));
        }
        let otherwise = otherwise.map(|value| self.resolve_value(value)).transpose()?;
        Ok(case_value(resolved, otherwise, ty))
    }
}

/// A float by way of its order, which is one for all NaNs, or by its rank, which is one for both zeros as well.
fn canonical(value: Value, zeros: bool) -> Value {
    if is_null(&value) {
        return value;
    }
    let (repr, nullable) = (value.repr, value.nullable);
    let input = Box::new(value);
    let order = if zeros { ValueKind::RankOfFloat(input) } else { ValueKind::OrderOfFloat(input) };
    let order = Value::int(order, nullable, Bounds::of_type(Type::INT64));
    Value::float(ValueKind::FloatOfOrder(Box::new(order)), repr, nullable)
}

/// A CASE over resolved parts.
fn case_value(branches: Vec<(Value, Value)>, otherwise: Option<Value>, ty: Type) -> Value {
    let values = || branches.iter().map(|(_, value)| value).chain(otherwise.as_ref());
    let nullable = otherwise.is_none() || values().any(|value| value.nullable);
    let known: Vec<Bounds> = values().filter(|value| !is_null(value)).map(|value| value.bounds).collect();
    let bounds = known.iter().copied().reduce(Bounds::union).unwrap_or(Bounds::new(0, 0));
    let kind = ValueKind::Case { branches, otherwise: otherwise.map(Box::new) };
    Value::new(kind, repr_of(ty), nullable, bounds)
}

pub(super) fn not(value: Value) -> Value {
    let nullable = value.nullable;
    Value::bool(ValueKind::Not(Box::new(value)), nullable)
}

pub(super) fn or(left: Value, right: Value) -> Value {
    let nullable = left.nullable || right.nullable;
    Value::bool(ValueKind::Or(Box::new(left), Box::new(right)), nullable)
}
