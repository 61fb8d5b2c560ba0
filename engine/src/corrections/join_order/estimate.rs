//! How many rows the join of some inputs makes, from row counts and distinct values: the same in whatever order.

use std::collections::BTreeMap;

use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::error::Result;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::{StatisticsArgs, StatisticsContext};

use super::graph::{Expr, Graph, Inputs};

pub(super) struct Estimates {
    /// Rows of each input.
    rows: Vec<f64>,
    /// For each pair of inputs with conditions, which share of their product these keep.
    kept: Vec<(Inputs, f64)>,
}

impl Estimates {
    /// None where the rows of an input are not known.
    pub(super) fn of(graph: &Graph) -> Result<Option<Self>> {
        let context = StatisticsContext::new();
        let mut statistics = Vec::with_capacity(graph.inputs.len());
        for input in &graph.inputs {
            statistics.push(context.compute(input.as_ref(), &StatisticsArgs::new())?);
        }
        let known = |input: &Statistics| input.num_rows.get_value().map(|rows| (*rows).max(1) as f64);
        let Some(rows) = statistics.iter().map(|input| known(input)).collect::<Option<Vec<f64>>>() else {
            return Ok(None);
        };
        let distinct = |(input, key): &(usize, Expr)| {
            let columns = collect_columns(key);
            let of = |at: usize| distinct_values(&statistics[*input].column_statistics, at - graph.offsets[*input]);
            let known = columns.iter().map(|column| of(column.index())).collect::<Option<Vec<f64>>>();
            known.map_or(rows[*input], |values| values.iter().product::<f64>()).clamp(1.0, rows[*input])
        };
        let mut pairs: BTreeMap<Inputs, (f64, f64)> = BTreeMap::new();
        for condition in &graph.conditions {
            let (left, right) = (condition.left.0, condition.right.0);
            // Several keys together are no more than there are rows.
            let most = rows[left].max(rows[right]);
            let (divisor, _) = pairs.entry(1 << left | 1 << right).or_insert((1.0, most));
            *divisor *= distinct(&condition.left).max(distinct(&condition.right));
        }
        let kept = pairs.into_iter().map(|(pair, (divisor, most))| (pair, 1.0 / divisor.min(most))).collect();
        Ok(Some(Self { rows, kept }))
    }

    /// Rows of the join of these inputs.
    pub(super) fn rows(&self, joined: Inputs) -> f64 {
        let inputs = self.rows.iter().enumerate().filter(|(input, _)| joined >> input & 1 == 1);
        let product: f64 = inputs.map(|(_, rows)| rows).product();
        self.kept.iter().filter(|(pair, _)| pair & !joined == 0).map(|(_, kept)| kept).product::<f64>() * product
    }

    pub(super) fn rows_read(&self) -> f64 {
        self.rows.iter().sum()
    }
}

/// The distinct values of a column where there is an idea of them: a count, or a range of integers.
fn distinct_values(columns: &[ColumnStatistics], at: usize) -> Option<f64> {
    let column = columns.get(at)?;
    let counted = column.distinct_count.get_value().map(|count| *count as f64);
    let bounds = column.min_value.get_value().zip(column.max_value.get_value());
    let range = bounds.filter(|(min, _)| min.data_type().is_integer()).and_then(|(min, max)| max.distance_u64(min));
    let ranged = range.map(|distance| distance as f64 + 1.0);
    match (counted, ranged) {
        (Some(counted), Some(ranged)) => Some(counted.min(ranged)),
        (known, None) | (None, known) => known,
    }
}
