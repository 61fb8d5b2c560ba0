//! Branches: the open pipelines whose rows together are a node's output. One, or several where the rows come of a union or of
//! grouping sets: what follows is done to each of them, and what they fill, all of them fill together.
//!
//! That is possible where their columns have one form: the same bounds, NULLs and dictionary, so that whatever is computed of
//! them has one form too. Not here: what a node does to its rows (`cut.rs`, `join.rs`, `aggregate.rs`).

use std::sync::Arc;

use super::resolve::Resolved;
use super::scope::{Column, OpenPipeline};
use crate::column::RowBound;
use crate::error::{Error, Result};
use crate::ir::{Bounds, Origin, Register, Type, Value};

/// One open pipeline, or several whose columns have the same form.
#[derive(Clone, Debug)]
pub(super) struct Branches(Vec<OpenPipeline>);

impl From<OpenPipeline> for Branches {
    fn from(open: OpenPipeline) -> Self {
        Self(vec![open])
    }
}

impl Branches {
    /// The rows of all these. Gives their columns one form where they are several.
    ///
    /// # Errors
    /// [`Error::Refused`] where texts have no dictionaries that could be united.
    pub(super) fn united(all: Vec<Branches>) -> Result<Self> {
        let mut open: Vec<OpenPipeline> = all.into_iter().flat_map(|branches| branches.0).collect();
        let columns = open.first().map(|open| open.columns.len());
        let columns = columns.ok_or_else(|| Error::internal("a union of nothing"))?;
        if open.len() > 1 {
            (0..columns).try_for_each(|number| unite(&mut open, number))?;
        }
        Ok(Self(open))
    }

    /// The rows of all of them.
    pub(super) fn rows(&self) -> RowBound {
        self.0.iter().map(|open| open.rows).reduce(RowBound::plus).unwrap_or(RowBound::Exact(0))
    }

    /// The form of the columns, which all have.
    pub(super) fn first(&self) -> &OpenPipeline {
        &self.0[0]
    }

    /// The pipeline, if it is only one: what holds for its rows may not hold for those of several.
    pub(super) fn only(&self) -> Option<&OpenPipeline> {
        if let [only] = &self.0[..] { Some(only) } else { None }
    }

    pub(super) fn into_vec(self) -> Vec<OpenPipeline> {
        self.0
    }

    /// Does the same to each.
    pub(super) fn each<T>(&mut self, mut make: impl FnMut(&mut OpenPipeline) -> Result<T>) -> Result<Vec<T>> {
        self.0.iter_mut().map(&mut make).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What all branches made alike, of which one stands for all.
///
/// # Errors
/// [`Error::Refused`] where they are not alike after all: the host does it.
pub(super) fn alike<T: PartialEq>(of: impl IntoIterator<Item = T>) -> Result<T> {
    let mut all = of.into_iter();
    let first = all.next().ok_or_else(|| Error::internal("a node without a pipeline"))?;
    if all.all(|other| other == first) {
        return Ok(first);
    }
    Err(Error::Refused("the inputs of a union came out in several forms".to_owned()))
}

/// Gives a column one form in all of them. It is a register of its own in each: two columns that happen to be one value in one
/// branch are none in another.
fn unite(open: &mut [OpenPipeline], number: usize) -> Result<()> {
    let columns = open.iter().map(|open| open.columns.get(number).cloned()).collect::<Option<Vec<Column>>>();
    let columns = columns.ok_or_else(|| Error::internal("the inputs of a union have several widths"))?;
    let ty = columns[0].ty;
    let dictionary = (ty == Type::Text).then(|| united_dictionary(&columns)).transpose()?;
    let mut values = Vec::with_capacity(open.len());
    for (open, column) in open.iter_mut().zip(&columns) {
        let value = open.read(column.register);
        values.push(match &dictionary {
            Some(to) => open.translated(Resolved { value, dictionary: column.dictionary.clone() }, to)?,
            None => value,
        });
    }
    // Codes are bounded by their dictionary, other values by what is known of each.
    let range = match &dictionary {
        Some(dictionary) => (0, dictionary.len().max(1) as i128 - 1),
        None => {
            let ranges = columns.iter().zip(&values).map(|(column, value)| match column.range {
                Some(range) => range,
                None => (value.bounds.min, value.bounds.max),
            });
            ranges.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))).unwrap_or((0, 0))
        }
    };
    let registers = registers_of(open, values)?;
    let tails = tails(open, &columns)?;
    for (place, open) in open.iter_mut().enumerate() {
        open.columns[number] = Column {
            register: registers[place],
            ty,
            dictionary: dictionary.clone(),
            range: Some(range),
            tail: tails.as_ref().map(|(registers, power)| (registers[place], *power)),
            unique: false,
        };
    }
    Ok(())
}

/// A register for each of these values, of the same form.
fn registers_of(open: &mut [OpenPipeline], values: Vec<Value>) -> Result<Vec<usize>> {
    let repr = alike(values.iter().map(|value| value.repr))?;
    let nullable = values.iter().any(|value| value.nullable);
    let bounds = values.iter().map(|value| value.bounds).reduce(Bounds::union).unwrap_or(Bounds::new(0, 0));
    let register = |value| Register { repr, nullable, bounds, origin: Origin::Computed(value) };
    Ok(open.iter_mut().zip(values).map(|(open, value)| open.add_register(register(value))).collect())
}

/// The digits that follow those of wide decimals.
fn tails(open: &mut [OpenPipeline], columns: &[Column]) -> Result<Option<(Vec<usize>, i128)>> {
    let Some(power) = alike(columns.iter().map(|column| column.tail.map(|(_, power)| power)))? else { return Ok(None) };
    let tails = open.iter().zip(columns).filter_map(|(open, column)| column.tail.map(|(tail, _)| open.read(tail)));
    let tails = tails.collect();
    Ok(Some((registers_of(open, tails)?, power)))
}

fn united_dictionary(columns: &[Column]) -> Result<Arc<crate::column::Dictionary>> {
    let dictionaries: Option<Vec<_>> = columns.iter().map(|column| column.dictionary.clone()).collect();
    let dictionaries =
        dictionaries.ok_or_else(|| Error::Refused("a union of texts, some of which have no dictionary".to_owned()))?;
    super::union::union(&dictionaries)
}
