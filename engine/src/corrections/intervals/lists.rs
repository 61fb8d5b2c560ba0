//! `array_agg(DISTINCT interval)`: one of those that are equally long, the one that the host calls least, and from the shortest to
//! the longest where no other order is asked for.

use std::collections::BTreeMap;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::common::{DFSchema, ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::functions_aggregate::array_agg::ArrayAgg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature};

use super::INTERVAL;
use super::keys::is_interval;
use super::length::length_of;

/// What does by length what `function` would do by months, if it gathers distinct intervals.
pub(super) fn distinct_by_length(
    function: &Arc<AggregateUDF>,
    args: &[Expr],
    distinct: bool,
    schema: &DFSchema,
) -> Option<AggregateUDF> {
    let [argument] = args else { return None };
    let asked = distinct && function.inner().is::<ArrayAgg>() && is_interval(argument, schema);
    asked.then(|| AggregateUDF::from(DistinctIntervals { host: Arc::clone(function) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DistinctIntervals {
    host: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for DistinctIntervals {
    fn name(&self) -> &str {
        self.host.name()
    }

    fn signature(&self) -> &Signature {
        self.host.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.host.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "distinct_intervals");
        Ok(vec![Arc::new(Field::new(name, args.return_field.data_type().clone(), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let DataType::List(item) = args.return_field.data_type() else {
            return internal_err!("array_agg gives a list");
        };
        Ok(Box::new(Distinct {
            data_type: item.data_type().clone(),
            order: args.order_bys.first().map(|key| key.options),
            keeps_null: !args.ignore_nulls,
            has_null: false,
            held: BTreeMap::new(),
        }))
    }

    /// The order is made of what is held.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
struct Distinct {
    /// Of the intervals.
    data_type: DataType,
    order: Option<SortOptions>,
    keeps_null: bool,
    has_null: bool,
    /// By length.
    held: BTreeMap<i128, IntervalMonthDayNano>,
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let intervals = cast(&values[0], &INTERVAL)?;
        for interval in intervals.as_primitive::<IntervalMonthDayNanoType>() {
            match interval {
                Some(interval) => {
                    let held = self.held.entry(length_of(interval)).or_insert(interval);
                    *held = interval.min(*held);
                }
                None => self.has_null |= self.keeps_null,
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|list| self.update_batch(&[list]))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let order = self.order.unwrap_or(SortOptions { descending: false, nulls_first: false });
        let scalar = |interval| ScalarValue::IntervalMonthDayNano(interval).cast_to(&self.data_type);
        let mut values = self.held.values().map(|interval| scalar(Some(*interval))).collect::<Result<Vec<_>>>()?;
        if order.descending {
            values.reverse();
        }
        if self.has_null {
            let at = if order.nulls_first { 0 } else { values.len() };
            values.insert(at, scalar(None)?);
        }
        if values.is_empty() {
            return Ok(ScalarValue::new_null_list(self.data_type.clone(), true, 1));
        }
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.data_type)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.held.len() * size_of::<(i128, IntervalMonthDayNano)>()
    }
}
