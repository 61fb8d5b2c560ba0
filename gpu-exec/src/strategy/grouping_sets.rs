//! Grouping sets: the rows are grouped once for each set, by its keys alone, and the groups of all sets are put out as those of
//! a union, with NULL for the keys that a set leaves out. A set without keys is one group, of no rows too.
//!
//! Each set reads the rows for itself: what is joined below is built once for all. Not here: an aggregation (`aggregate.rs`),
//! what makes one of several branches (`branches.rs`).

use std::sync::Arc;

use super::branches::Branches;
use super::cut::PipelineBuilder;
use super::resolve::null;
use super::scope::{Column, OpenPipeline};
use crate::column::Dictionary;
use crate::error::{Error, Result};
use crate::ir::{AggregateCall, Expr, GroupingSet, Type, Value};

impl PipelineBuilder<'_> {
    /// `number` is the type of the column that says of which set a group is.
    pub(super) fn sets(
        &mut self,
        open: &Branches,
        keys: &[Expr],
        (sets, number): (&[GroupingSet], Type),
        calls: &[AggregateCall],
    ) -> Result<Branches> {
        let of_set = |set: &GroupingSet| {
            let own: Vec<Expr> =
                keys.iter().zip(&set.has).filter(|(_, has)| **has).map(|(key, _)| key.clone()).collect();
            let mut grouped = self.aggregate(open.clone(), &own, calls)?;
            grouped.each(|open| put_out(open, keys, (set, number)))?;
            Ok(grouped)
        };
        Branches::united(sets.iter().map(of_set).collect::<Result<Vec<_>>>()?)
    }
}

/// The columns of a set's groups: all keys, the number of the set, the calls.
fn put_out(open: &mut OpenPipeline, keys: &[Expr], (set, number): (&GroupingSet, Type)) -> Result<()> {
    let mut own = std::mem::take(&mut open.columns).into_iter();
    let mut columns = Vec::with_capacity(own.len() + keys.len() + 1);
    for (key, has) in keys.iter().zip(&set.has) {
        columns.push(match has {
            true => own.next().ok_or_else(|| Error::internal("a grouping set without its key"))?,
            false => {
                let dictionary = (key.ty == Type::Text).then(|| Arc::new(Dictionary::empty()));
                constant(open, null(key.ty), key.ty, dictionary)
            }
        });
    }
    columns.push(constant(open, Value::constant(i128::from(set.number)), number, None));
    columns.extend(own);
    open.columns = columns;
    Ok(())
}

fn constant(open: &mut OpenPipeline, value: Value, ty: Type, dictionary: Option<Arc<Dictionary>>) -> Column {
    Column { register: open.keep(value), ty, dictionary, range: None, tail: None, unique: false }
}
