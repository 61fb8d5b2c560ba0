//! Many sums at once: one a group, in two dense vectors.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::NullState;

use super::summand::{Digits, Summand, finish, overflow};

/// The total of each group, and which groups have seen a value.
#[derive(Debug)]
pub(super) struct GroupSums<T: Summand> {
    totals: Vec<T::Wide>,
    seen: NullState,
    sum_type: DataType,
}

impl<T: Summand> GroupSums<T> {
    pub(super) fn new(sum_type: DataType) -> Self {
        Self { totals: Vec::new(), seen: NullState::new(), sum_type }
    }

    fn emit(&mut self, emit_to: EmitTo, digits: Digits) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        finish::<T>(&totals, self.seen.build(emit_to), &self.sum_type, digits)
    }
}

impl<T: Summand> GroupsAccumulator for GroupSums<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        let values = values[0].as_primitive::<T>();
        self.totals.resize(groups, T::Wide::default());
        let totals = &mut self.totals;
        // One flag for the batch keeps the loop free of early exits.
        let mut overflowed = false;
        self.seen.accumulate(group_indices, values, filter, groups, |group, value| {
            let (total, now) = T::add(totals[group], T::widen(value));
            totals[group] = total;
            overflowed |= now;
        });
        if overflowed { Err(overflow(&self.sum_type)) } else { Ok(()) }
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.update_batch(states, group_indices, None, groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to, Digits::Checked)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to, Digits::Free)?])
    }

    /// The state of a group of one row is the row's value.
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let kept = filter.map(|filter| match filter.nulls() {
            Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
            None => NullBuffer::new(filter.values().clone()),
        });
        let nulls = NullBuffer::union(values.nulls(), kept.as_ref());
        let state = PrimitiveArray::<T>::new(values.values().clone(), nulls).with_data_type(self.sum_type.clone());
        Ok(vec![Arc::new(state)])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<T::Wide>() + self.seen.size()
    }
}
