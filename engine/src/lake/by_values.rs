//! Rows that are left where others are deleted by their values: an anti join of data files with the files of such values.
//!
//! A row is deleted where some row of such a file has the same values of its columns, NULL as NULL, came later than the data file, and
//! is of its partition or of all. So files are read with their standing as two more columns, and there is one join for the files
//! of values of the same columns, however many these are. Not here: which files these are (`iceberg/by_values.rs`).

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result as HostResult;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column as ColumnAt};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;

use super::scan::{Reading, Scan};
use super::snapshot::{ByValues, Column, DataFile};
use crate::error::Result;

/// Files of rows, and what may be deleted of them by values.
pub(super) struct Dealt<'a> {
    pub(super) by_values: Vec<&'a ByValues>,
    pub(super) files: Vec<&'a DataFile>,
}

/// `files`, those of which the same may be deleted together.
pub(super) fn dealt<'a>(by_values: &'a [ByValues], files: Vec<&'a DataFile>) -> Vec<Dealt<'a>> {
    let last: Vec<HashMap<i64, i64>> = by_values.iter().map(last_of_parts).collect();
    let mut dealt: Vec<(Vec<bool>, Dealt<'a>)> = Vec::new();
    for file in files {
        let may = |(of, last): (&ByValues, &HashMap<i64, i64>)| {
            last.get(&part(of, file)).is_some_and(|last| *last > file.standing.sequence)
        };
        let which: Vec<bool> = by_values.iter().zip(&last).map(may).collect();
        match dealt.iter_mut().find(|(known, _)| *known == which) {
            Some((_, dealt)) => dealt.files.push(file),
            None => {
                let of = by_values.iter().zip(&which).filter(|(_, may)| **may).map(|(of, _)| of).collect();
                dealt.push((which, Dealt { by_values: of, files: vec![file] }));
            }
        }
    }
    dealt.into_iter().map(|(_, dealt)| dealt).collect()
}

/// Of each partition, or of all as one, when values were deleted last.
fn last_of_parts(of: &ByValues) -> HashMap<i64, i64> {
    let mut last = HashMap::new();
    for file in &of.files {
        let last = last.entry(part(of, file)).or_insert(i64::MIN);
        *last = file.standing.sequence.max(*last);
    }
    last
}

fn part(of: &ByValues, file: &DataFile) -> i64 {
    if of.is_global { 0 } else { file.standing.part }
}

/// The plan of the rows that are left of files, with the columns of `scan`.
pub(super) async fn left(scan: &Scan<'_>, dealt: Dealt<'_>) -> Result<Arc<dyn ExecutionPlan>> {
    let wanted = scan.columns.len();
    let more = more_columns(scan, &dealt.by_values);
    let columns: Vec<&Column> = scan.columns.iter().copied().chain(&more).collect();
    let oldest = dealt.files.iter().map(|file| file.standing.sequence).min().unwrap_or(i64::MAX);
    let mut plan = scan.of_columns(columns.clone(), Reading::Standing).of_files(dealt.files).await?;
    for of in dealt.by_values {
        let at = |key: &Column| columns.iter().position(|column| column.number == key.number);
        let keys: Vec<usize> = of.columns.iter().filter_map(at).collect();
        let files = of.files.iter().filter(|file| file.standing.sequence > oldest).collect();
        let values = scan.of_columns(of.columns.iter().collect(), Reading::Values).of_files(files).await?;
        plan = without(plan, values, &keys, of.is_global)?;
    }
    let schema = plan.schema();
    let projected = (0..wanted).map(|at| (column(&schema, at), schema.field(at).name().clone()));
    let projected: Vec<(Arc<dyn PhysicalExpr>, String)> = projected.collect();
    Ok(Arc::new(ProjectionExec::try_new(projected, plan)?))
}

/// What is read to compare and not asked for, under names that nothing else has: a column that is no more may be called as another.
fn more_columns(scan: &Scan<'_>, by_values: &[&ByValues]) -> Vec<Column> {
    let mut more: Vec<Column> = Vec::new();
    for key in by_values.iter().flat_map(|of| &of.columns) {
        let has = |column: &Column| column.number == key.number;
        if scan.columns.iter().any(|column| has(column)) || more.iter().any(has) {
            continue;
        }
        let name = format!("{}#{}", key.field.name(), key.number.unwrap_or_default());
        more.push(Column { field: Arc::new(key.field.as_ref().clone().with_name(name)), ..key.clone() });
    }
    more
}

/// `rows` without those that are deleted: `values` has the key columns, which `rows` has at `keys`, and both end with their standing.
fn without(
    rows: Arc<dyn ExecutionPlan>,
    values: Arc<dyn ExecutionPlan>,
    keys: &[usize],
    is_global: bool,
) -> HostResult<Arc<dyn ExecutionPlan>> {
    let (deleted, written) = (values.schema(), rows.schema());
    let (of_deleted, of_written) = (deleted.fields().len(), written.fields().len());
    let mut on = Vec::with_capacity(keys.len() + 1);
    for (at, key) in keys.iter().enumerate() {
        on.push((column(&deleted, at), column(&written, *key)));
    }
    if !is_global {
        on.push((column(&deleted, of_deleted - 1), column(&written, of_written - 1)));
    }
    let sequence = |name: &str| Field::new(name, DataType::Int64, true);
    let both = Schema::new(vec![sequence("deleted"), sequence("written")]);
    let later = BinaryExpr::new(column(&both, 1), Operator::Lt, column(&both, 0));
    let sides = JoinFilter::build_column_indices(vec![of_deleted - 2], vec![of_written - 2]);
    let filter = JoinFilter::new(Arc::new(later), sides, Arc::new(both));
    Ok(Arc::new(HashJoinExec::try_new(
        Arc::new(CoalescePartitionsExec::new(values)),
        rows,
        on,
        Some(filter),
        &JoinType::RightAnti,
        None,
        PartitionMode::CollectLeft,
        NullEquality::NullEqualsNull,
        false,
    )?))
}

fn column(schema: &Schema, at: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(ColumnAt::new(schema.field(at).name(), at))
}
