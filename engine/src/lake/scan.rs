//! The plan of one scan: files that filters leave, read as any Parquet files are, the rows that are deleted skipped, and columns given the
//! names that they have in SQL.
//!
//! Where files are written with other names, those that are written alike are one scan, and the scans one union.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column as ColumnAt, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::columns::Renamed;
use super::named::{Source, sources};
use super::place::{Place, damaged};
use super::snapshot::{Column, DataFile, Lookup, Snapshot, Standing};
use super::{by_values, deleted, prune};
use crate::corrections::statistics::Lake;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{FileTable, Partitions, parquet};

/// Requests for the states of files, their footers and their deletion vectors at a time.
const AT_ONCE: usize = 32;
/// One scan.
pub(super) struct Scan<'a> {
    pub(super) place: &'a Place,
    pub(super) snapshot: &'a Snapshot,
    pub(super) state: &'a SessionState,
    /// Of the snapshot, in the order of the output.
    pub(super) columns: Vec<&'a Column>,
    pub(super) reading: Reading,
    pub(super) limit: Option<usize>,
}

/// What is read of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The rows that are left of them.
    Rows,
    /// The rows that are left but for those that are deleted by their values, with the standing of their file.
    Standing,
    /// Values of deleted rows, with the standing of their file.
    Values,
}

/// The standing of a file as columns: its number of a version, and its partition's.
const STANDING: [&str; 2] = ["#sequence", "#part"];

/// Files that have the columns under the same names.
struct Alike {
    /// Of each column of the scan.
    sources: Vec<Source>,
    files: Vec<PartitionedFile>,
}

impl<'a> Scan<'a> {
    /// Reads other columns of the same version.
    pub(super) fn of_columns<'b>(&self, columns: Vec<&'b Column>, reading: Reading) -> Scan<'b>
    where
        'a: 'b,
    {
        Scan { place: self.place, snapshot: self.snapshot, state: self.state, columns, reading, limit: None }
    }
}

impl Scan<'_> {
    pub(super) async fn plan(&self, filters: &[Expr]) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plans = Vec::new();
        for dealt in by_values::dealt(&self.snapshot.by_values, self.chosen(filters)?) {
            plans.push(match dealt.by_values.is_empty() {
                true => self.of_files(dealt.files).await?,
                false => Box::pin(by_values::left(self, dealt)).await?,
            });
        }
        self.together(plans)
    }

    /// The plan of reading these files.
    pub(super) async fn of_files(&self, chosen: Vec<&DataFile>) -> Result<Arc<dyn ExecutionPlan>> {
        let format = parquet(self.state)?;
        let lake = Lake::new(self.state, &self.place.store, &self.place.store_url);
        // A list, not an adapter with a closure: a stream that borrows through one is not `Send` enough to be spawned.
        let mut opening = Vec::with_capacity(chosen.len());
        for file in chosen {
            opening.push(self.opened(&lake, &format, file));
        }
        let mut opened = stream::iter(opening).buffered(AT_ONCE);
        let mut alike: Vec<Alike> = Vec::new();
        while let Some((sources, file)) = opened.try_next().await? {
            match alike.iter_mut().find(|alike| alike.sources == sources) {
                Some(alike) => alike.files.push(file),
                None => alike.push(Alike { sources, files: vec![file] }),
            }
        }
        let mut plans = Vec::with_capacity(alike.len());
        for alike in alike {
            plans.push(self.of_alike(&format, alike).await?);
        }
        self.together(plans)
    }

    fn together(&self, mut plans: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match plans.len() {
            0 => Arc::new(EmptyExec::new(self.schema())),
            1 => plans.remove(0),
            _ => UnionExec::try_new(plans)?,
        })
    }

    fn schema(&self) -> SchemaRef {
        let columns = self.columns.iter().map(|column| Arc::clone(&column.field));
        Arc::new(Schema::new(columns.chain(self.standing_fields()).collect::<Vec<_>>()))
    }

    fn standing_fields(&self) -> Vec<FieldRef> {
        let is_asked = self.reading != Reading::Rows;
        let names = STANDING.into_iter().filter(|_| is_asked);
        names.map(|name| Arc::new(Field::new(name, DataType::Int64, true))).collect()
    }

    fn partition_fields(&self, of: fn(&Column) -> &FieldRef) -> Vec<FieldRef> {
        self.snapshot.partition_columns().map(|column| Arc::clone(of(column))).collect()
    }

    /// The files that `filters` leave, as the metadata tells.
    fn chosen(&self, filters: &[Expr]) -> Result<Vec<&DataFile>> {
        let partitions = Partitions::new(self.partition_fields(|column| &column.field));
        let (of_partitions, of_rows): (Vec<Expr>, Vec<Expr>) =
            filters.iter().cloned().partition(|filter| partitions.decide(filter));
        let named = self.snapshot.files.iter().map(|file| {
            let (location, size) = (file.path.clone(), file.size);
            let meta = ObjectMeta { location, last_modified: Default::default(), size, e_tag: None, version: None };
            PartitionedFile::from(meta).with_partition_values(file.partition.clone())
        });
        let left = match of_partitions.is_empty() {
            true => None,
            false => Some(partitions.choose(named.collect(), &of_partitions)?),
        };
        let left: Option<HashSet<Path>> =
            left.map(|left| left.into_iter().map(|file| file.object_meta.location).collect());
        let is_left = |file: &&DataFile| {
            left.as_ref().is_none_or(|left| left.contains(&file.path))
                && (of_rows.is_empty() || prune::may_hold(self.snapshot, file, &of_rows))
        };
        Ok(self.snapshot.files.iter().filter(is_left).collect())
    }

    /// A file as it is now, with the rows that are left of it, and what it calls the columns.
    async fn opened(
        &self,
        lake: &Lake,
        format: &Arc<dyn FileFormat>,
        file: &DataFile,
    ) -> Result<(Vec<Source>, PartitionedFile)> {
        let meta = self.state_of(lake, file).await?;
        let schema = match self.snapshot.lookup {
            Lookup::Name => Arc::new(Schema::empty()),
            Lookup::NumberOrName | Lookup::NumberOrAlias => lake.columns_in(&meta).await.map_err(Error::from)?,
        };
        let sources = sources(&self.columns, file, &schema, self.snapshot.lookup)?;
        if self.reading == Reading::Values && !sources.iter().all(|source| matches!(source, Source::Named(_))) {
            return Err(damaged(&file.path, "it deletes rows by a column that it does not have"));
        }
        self.check_standing(&sources, &file.path)?;
        let rows = deleted::rows(self.place, &file.deleted).await?;
        let mut values = file.partition.clone();
        if self.reading != Reading::Rows {
            let Standing { sequence, part } = file.standing;
            values.extend([sequence, part].map(|number| ScalarValue::Int64(Some(number))));
        }
        let mut listed = PartitionedFile::from(meta.clone()).with_partition_values(values);
        if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
            let count = self.rows_in(lake, format, &meta).await?;
            listed = listed.with_extension(deleted::left(&file.path, &rows, count)?);
        }
        Ok((sources, listed))
    }

    /// A column of the file that is called as those of its standing would be taken for one of them.
    fn check_standing(&self, sources: &[Source], path: &Path) -> Result<()> {
        let is_taken = |source: &&Source| matches!(source, Source::Named(name) if STANDING.contains(&name.as_str()));
        match sources.iter().find(is_taken).filter(|_| self.reading != Reading::Rows) {
            Some(Source::Named(name)) => {
                let message = format!("its column {name} cannot be read where rows are deleted by their values");
                Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("call the column otherwise, or compact the table with the engine that writes it")
                    .about_file(path))
            }
            _ => Ok(()),
        }
    }

    /// The state of a file. A version of a table says which files are its own and what they are, so that one that was looked at is what it
    /// was: who reads it next asks for it in that state, and is told if it is another.
    async fn state_of(&self, lake: &Lake, file: &DataFile) -> Result<ObjectMeta> {
        self.place.check(&file.path)?;
        let seen = file.seen.lock().clone();
        if let Some(seen) = seen.filter(|seen| lake.has(seen)) {
            return Ok(seen);
        }
        // Of files of which few rows are wanted, the ends of all are more to read than their states.
        let told = match self.limit {
            None => lake.told(&file.path, file.size).await,
            Some(_) => None,
        };
        let is_proven = told.is_some();
        let meta = match told {
            Some(told) => told,
            None => self.place.state_of(&file.path).await?,
        };
        if meta.size != file.size {
            let cause = format!("the table knows it with {} bytes, and it has {}", file.size, meta.size);
            return Err(damaged(&file.path, cause));
        }
        *file.seen.lock() = is_proven.then(|| meta.clone());
        Ok(meta)
    }

    async fn rows_in(&self, lake: &Lake, format: &Arc<dyn FileFormat>, meta: &ObjectMeta) -> Result<u64> {
        let none = Arc::new(Schema::empty());
        let state: &dyn Session = self.state;
        let facts = lake.facts((state, format), (&none, &[]), meta).await.map_err(Error::from)?;
        let rows = facts.statistics.num_rows.get_value().copied();
        rows.and_then(|rows| u64::try_from(rows).ok())
            .ok_or_else(|| damaged(&meta.location, "it does not say how many rows it has"))
    }

    async fn of_alike(&self, format: &Arc<dyn FileFormat>, alike: Alike) -> Result<Arc<dyn ExecutionPlan>> {
        let Alike { sources, files } = alike;
        let mut partitions = self.partition_fields(|column| &column.stored);
        let mut read: Vec<FieldRef> = Vec::new();
        for (column, source) in self.columns.iter().zip(&sources) {
            if let Source::Named(name) = source {
                read.push(Arc::new(column.stored.as_ref().clone().with_name(name)));
            }
        }
        let (of_files, mut next) = (read.len(), 0..);
        let mut projection = Vec::with_capacity(sources.len());
        for (column, source) in self.columns.iter().zip(&sources) {
            let at = partitions.iter().position(|field| field.name() == column.stored.name());
            match source {
                Source::Named(_) => projection.extend(next.next()),
                Source::Partition => projection.extend(at.map(|at| of_files + at)),
                Source::Constant(_) | Source::Missing => {}
            }
        }
        for field in self.standing_fields() {
            projection.push(of_files + partitions.len());
            partitions.push(field);
        }
        let table = FileTable::of_chosen(Arc::clone(format), Arc::new(Schema::new(read)), partitions);
        let store = (&self.place.store, &self.place.store_url);
        let plan = table.plan_of(self.state, store, files, projection, self.limit).await?;
        self.named(plan, &sources)
    }

    /// `plan`, which has the columns that files and their partitions have, as SQL sees them all.
    fn named(&self, plan: Arc<dyn ExecutionPlan>, sources: &[Source]) -> Result<Arc<dyn ExecutionPlan>> {
        if plan.schema().fields() == self.schema().fields() {
            return Ok(plan);
        }
        let mut next = 0..;
        let mut projected: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::with_capacity(sources.len());
        for (column, source) in self.columns.iter().zip(sources) {
            let wanted = column.field.data_type();
            let constant = match source {
                Source::Constant(value) => Some(value.clone()),
                Source::Missing => Some(ScalarValue::try_new_null(wanted)?),
                Source::Named(_) | Source::Partition => None,
            };
            let value: Arc<dyn PhysicalExpr> = match (constant, next.start) {
                (Some(value), _) => Arc::new(Literal::new(value)),
                (None, at) => {
                    next.start += 1;
                    column_at(&plan, at)
                }
            };
            let is_same = value.data_type(&plan.schema())? == *wanted;
            let value = if is_same { value } else { Arc::new(Renamed::new(value, wanted.clone())) };
            projected.push((value, column.field.name().clone()));
        }
        for field in self.standing_fields() {
            projected.extend(next.next().map(|at| (column_at(&plan, at), field.name().clone())));
        }
        Ok(Arc::new(ProjectionExec::try_new(projected, plan)?))
    }
}

fn column_at(plan: &Arc<dyn ExecutionPlan>, at: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(ColumnAt::new(plan.schema().field(at).name(), at))
}
