//! Calls over distinct values, as `count(DISTINCT x)`: rows are grouped by the keys and by what the call is of, so that a group has
//! each value once, and those groups by the keys alone. What other calls add up of the rows is added up in the first step, and its
//! sums in the second.
//!
//! Calls over distinct values of several kinds read the rows once for each, as grouping sets do; the groups of all are then those
//! of a union, with NULL for what one of them does not have, which no call heeds. Not here: an aggregation (`aggregate.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::aggregate::{Accumulators, Grouped, Resolution, result_of, results_of};
use super::branches::Branches;
use super::cut::PipelineBuilder;
use super::resolve::null;
use super::results::{ResultExpr, where_counted};
use super::scope::{Column, OpenPipeline};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{AccumulatorKind, AggregateCall, Bounds, Expr, Type};

/// What calls take the distinct values of.
struct Values<'a> {
    argument: &'a Expr,
    filter: Option<&'a Expr>,
}

/// An accumulator of the first step, which is a column of the second.
#[derive(Clone, Copy)]
struct Partial {
    kind: AccumulatorKind,
    bounds: Bounds,
}

/// An aggregation some of whose calls are over distinct values.
struct Distinct<'a> {
    keys: &'a [Expr],
    calls: &'a [AggregateCall],
    /// Those without a filter come first.
    values: Vec<Values<'a>>,
    /// Of each call, if it is over distinct values, which of these.
    of: Vec<Option<usize>>,
}

impl PipelineBuilder<'_> {
    pub(super) fn aggregate_distinct(
        &mut self,
        open: &Branches,
        keys: &[Expr],
        calls: &[AggregateCall],
    ) -> Result<Branches> {
        let distinct = Distinct::of(keys, calls);
        // All rows go through the first branch, which may be that of some values too.
        let shared = usize::from(distinct.values.first().is_some_and(|values| values.filter.is_none()));
        let (first, results, partials) = self.with_others(open.clone(), &distinct, shared)?;
        let mut branches = vec![Branches::from(first)];
        for place in shared..distinct.values.len() {
            branches.push(self.of_values(open.clone(), &distinct, place, &partials)?.into());
        }
        let mut united = Branches::united(branches)?;
        let columns: Vec<Expr> = (0..keys.len()).map(|place| distinct.key(place)).collect();
        let resolved = united.each(|open| {
            Resolution::of(open, &columns, |open, accumulators| {
                distinct.results(open, accumulators, &results, &partials)
            })
        })?;
        self.group(united, resolved)?.put_out()
    }

    /// The branch of all rows: the keys, the values if it has some, and what the other calls have added up. How their results are
    /// made of that, by its places.
    fn with_others(
        &mut self,
        mut open: Branches,
        distinct: &Distinct<'_>,
        shared: usize,
    ) -> Result<(OpenPipeline, Vec<ResultExpr>, Vec<Partial>)> {
        let others: Vec<AggregateCall> = distinct.calls.iter().filter(|call| !call.distinct).cloned().collect();
        let keys = distinct.keys_with(&distinct.values[..shared]);
        let ungrouped = distinct.keys.is_empty();
        let resolved = open.each(|open| {
            Resolution::of(open, &keys, |open, accumulators| results_of(open, &others, ungrouped, accumulators))
        })?;
        let Grouped { mut open, accumulators, mut results } = self.group(open, resolved)?;
        for place in shared..distinct.values.len() {
            let column = nothing(&mut open, distinct.values[place].argument.ty);
            open.columns.push(column);
        }
        let mut places = BTreeMap::new();
        let mut partials = Vec::new();
        for result in &mut results {
            let count = result.count;
            for accumulator in result.accumulators_mut() {
                let known = *places.entry(*accumulator).or_insert_with(|| {
                    partials.push(put_out(&mut open, *accumulator, count, &accumulators));
                    partials.len() - 1
                });
                *accumulator = known;
            }
        }
        Ok((open, results, partials))
    }

    /// The branch of some values: the keys and these.
    fn of_values(
        &mut self,
        mut open: Branches,
        distinct: &Distinct<'_>,
        place: usize,
        partials: &[Partial],
    ) -> Result<OpenPipeline> {
        let values = &distinct.values[place];
        if let Some(filter) = values.filter {
            open.each(|open| {
                let filter = open.resolve_value(filter)?;
                open.filter(filter);
                Ok(())
            })?;
        }
        let keys = distinct.keys_with(std::slice::from_ref(values));
        let resolved = open.each(|open| Resolution::of(open, &keys, |_, _| Ok(vec![])))?;
        let mut open = self.group(open, resolved)?.open;
        let own = open.columns.pop().ok_or_else(|| Error::internal("distinct values without a key"))?;
        for other in 0..distinct.values.len() {
            let column = match other == place {
                true => own.clone(),
                false => nothing(&mut open, distinct.values[other].argument.ty),
            };
            open.columns.push(column);
        }
        for partial in partials {
            let column = nothing(&mut open, partial.ty());
            open.columns.push(column);
        }
        Ok(open)
    }
}

impl<'a> Distinct<'a> {
    fn of(keys: &'a [Expr], calls: &'a [AggregateCall]) -> Self {
        let mut values: Vec<Values<'a>> = Vec::new();
        let mut of = vec![None; calls.len()];
        for is_filtered in [false, true] {
            for (call, of) in calls.iter().zip(&mut of) {
                if let (true, Some(argument)) = (call.distinct, &call.argument)
                    && call.filter.is_some() == is_filtered
                {
                    let wanted = Values { argument, filter: call.filter.as_ref() };
                    let known = values.iter().position(|known| known.identity() == wanted.identity());
                    *of = Some(known.unwrap_or_else(|| {
                        values.push(wanted);
                        values.len() - 1
                    }));
                }
            }
        }
        Self { keys, calls, values, of }
    }

    fn keys_with(&self, values: &[Values<'_>]) -> Vec<Expr> {
        self.keys.iter().chain(values.iter().map(|values| values.argument)).cloned().collect()
    }

    /// A key, as a column of the second step.
    fn key(&self, place: usize) -> Expr {
        Expr::column(place, self.keys[place].ty, self.keys[place].nullable)
    }

    /// The calls, over the columns of the second step: the keys, the values, the accumulators of other calls.
    fn results(
        &self,
        open: &mut OpenPipeline,
        accumulators: &mut Accumulators,
        others: &[ResultExpr],
        partials: &[Partial],
    ) -> Result<Vec<ResultExpr>> {
        let first = self.keys.len() + self.values.len();
        let added: Vec<usize> = partials
            .iter()
            .zip(&open.columns[first..])
            .map(|(partial, column)| {
                accumulators.add(partial.kind, Some(open.read(column.register)), None, partial.bounds)
            })
            .collect();
        let mut others = others.iter();
        let mut results = Vec::with_capacity(self.calls.len());
        for (call, of) in self.calls.iter().zip(&self.of) {
            results.push(match of {
                Some(values) => {
                    let argument = Expr::column(self.keys.len() + values, self.values[*values].argument.ty, true);
                    let over_values =
                        AggregateCall { argument: Some(argument), distinct: false, filter: None, ..call.clone() };
                    result_of(open, &over_values, self.keys.is_empty(), accumulators)?
                }
                None => {
                    let mut result =
                        others.next().cloned().ok_or_else(|| Error::internal("a call without its first step"))?;
                    result.accumulators_mut().for_each(|place| *place = added[*place]);
                    result
                }
            });
        }
        Ok(results)
    }
}

impl Values<'_> {
    /// Equal only for the same values.
    fn identity(&self) -> String {
        format!("{:?} {:?}", self.argument, self.filter)
    }
}

impl Partial {
    /// A type that holds it.
    fn ty(self) -> Type {
        match self.kind {
            AccumulatorKind::SumF64 => Type::FLOAT64,
            AccumulatorKind::SumI64 | AccumulatorKind::MinI64 | AccumulatorKind::MaxI64 => Type::INT64,
            AccumulatorKind::SumI128 | AccumulatorKind::MinI128 | AccumulatorKind::MaxI128 => {
                Type::Decimal { precision: 38, scale: 0 }
            }
        }
    }
}

/// Makes an accumulator a column. A minimum of no value is none: what stands for it is outside its bounds.
fn put_out(open: &mut OpenPipeline, number: usize, count: Option<usize>, accumulators: &Accumulators) -> Partial {
    use AccumulatorKind::{MaxI64, MaxI128, MinI64, MinI128};
    let kind = accumulators.list[number].kind;
    let mut value = open.accumulator(number, accumulators);
    if let (MinI64 | MaxI64 | MinI128 | MaxI128, Some(count)) = (kind, count) {
        value = where_counted(open.accumulator(count, accumulators), value);
    }
    let partial = Partial { kind, bounds: accumulators.bounds[number] };
    let register = open.keep(value);
    open.columns.push(Column { register, ty: partial.ty(), dictionary: None, range: None, tail: None, unique: false });
    partial
}

/// A column of NULLs.
fn nothing(open: &mut OpenPipeline, ty: Type) -> Column {
    let register = open.keep(null(ty));
    let dictionary = (ty == Type::Text).then(|| Arc::new(Dictionary::empty()));
    Column { register, ty, dictionary, range: None, tail: None, unique: false }
}
