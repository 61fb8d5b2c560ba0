//! Many sums at once: one a group, in two dense vectors.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::NullState;

use super::summand::{Summand, finish, overflow, states};

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

    fn take(&mut self, emit_to: EmitTo) -> (Vec<T::Wide>, Option<NullBuffer>) {
        (emit_to.take_needed(&mut self.totals), self.seen.build(emit_to))
    }

    /// Adds each value, as `widen` makes it wide, to the total of its group.
    fn add<A: ArrowPrimitiveType + Send>(
        &mut self,
        values: &PrimitiveArray<A>,
        (group_indices, groups): (&[usize], usize),
        filter: Option<&BooleanArray>,
        widen: impl Fn(A::Native) -> T::Wide + Send + Sync,
    ) -> Result<()> {
        self.totals.resize(groups, T::Wide::default());
        let totals = &mut self.totals;
        // One flag for the batch keeps the loop free of early exits.
        let mut overflowed = false;
        self.seen.accumulate(group_indices, values, filter, groups, |group, value| {
            let (total, now) = T::add(totals[group], widen(value));
            totals[group] = total;
            overflowed |= now;
        });
        if overflowed { Err(overflow(&self.sum_type)) } else { Ok(()) }
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
        self.add(values[0].as_primitive::<T::Array>(), (group_indices, groups), filter, T::widen)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.add(states[0].as_primitive::<T::State>(), (group_indices, groups), None, T::widen_state)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (totals, nulls) = self.take(emit_to);
        finish::<T>(&totals, nulls, &self.sum_type)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (totals, nulls) = self.take(emit_to);
        Ok(vec![states::<T>(&totals, nulls, &self.sum_type)?])
    }

    /// The state of a group of one row is the row's value.
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let states = T::states_of(values[0].as_primitive::<T::Array>());
        let kept = filter.map(|filter| match filter.nulls() {
            Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
            None => NullBuffer::new(filter.values().clone()),
        });
        let nulls = NullBuffer::union(states.nulls(), kept.as_ref());
        let states = PrimitiveArray::<T::State>::new(states.values().clone(), nulls);
        Ok(vec![Arc::new(states.with_data_type(T::state_type(&self.sum_type)))])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<T::Wide>() + self.seen.size()
    }
}
