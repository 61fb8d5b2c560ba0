//! The plan of one scan of a table of files: its files listed, chosen, counted and dealt out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchemaBuilder;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{LexOrdering, create_lex_ordering};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::location::Location;
use super::prune::{self, Prune};
use super::table::FileTable;
use super::{formats, hive, named, nothing_in};
use crate::corrections::statistics::{FileFacts, Lake};
use crate::device::{Listed, Trace, Work};
use crate::plan_cache::Listings;

/// One scan.
pub(super) struct Scan<'a> {
    pub(super) table: &'a FileTable,
    pub(super) state: &'a dyn Session,
    pub(super) projection: Option<Vec<usize>>,
    pub(super) limit: Option<usize>,
}

/// The files of a scan, what is known of them, and whether a limit left some out.
struct Files<'a> {
    files: Vec<PartitionedFile>,
    known: Option<Known<'a>>,
    is_cut: bool,
}

/// What files say of some columns.
struct Known<'a> {
    table: &'a FileTable,
    /// Positions among the columns of the files.
    columns: Vec<usize>,
    /// Of these columns, by the file's path.
    facts: HashMap<Path, Statistics>,
}

/// Files times columns up to which each file has statistics of its own: one more chance for the host to pass over it, which
/// it may take from the file's footer as well.
const EACH_FILE_MAX: usize = 1 << 18;

impl Scan<'_> {
    pub(super) async fn plan(&self, filters: &[Expr]) -> Result<Arc<dyn ExecutionPlan>> {
        let (of_paths, of_rows): (Vec<Expr>, Vec<Expr>) =
            filters.iter().cloned().partition(|filter| self.table.partitions.decide(filter));
        let Some(store_url) = self.table.locations.first().map(|location| location.url().object_store()) else {
            return self.nothing();
        };
        let store = self.state.runtime_env().object_store(&store_url)?;
        let leading = prune::leading(self.table, &of_paths);
        let listed = list(self.table, self.state, store.as_ref(), &leading).await?;
        Listings::note(self.state, self.table, &leading, &noted(self.state, &store_url, listed.iter()));
        let chosen = self.table.partitions.choose(listed, &of_paths)?;
        // Which rows a filter leaves is not known here.
        let limit = self.limit.filter(|_| of_rows.is_empty());
        self.of_chosen((&store, &store_url), chosen, limit).await
    }

    /// The plan of reading files of which nothing is known yet; `limit` is how many rows are enough.
    pub(super) async fn of_chosen(
        &self,
        (store, store_url): (&Arc<dyn ObjectStore>, &ObjectStoreUrl),
        chosen: Vec<PartitionedFile>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let lake = Lake::new(self.state, store, store_url);
        let files = self.with_facts(&lake, chosen, limit).await?;
        if files.files.is_empty() {
            return self.nothing();
        }
        self.of_files(store_url.clone(), files).await
    }

    fn nothing(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.table.schema();
        Ok(Arc::new(EmptyExec::new(project_schema(&schema, self.projection.as_ref())?)))
    }

    async fn of_files(&self, store_url: ObjectStoreUrl, files: Files<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.table.schema();
        let partitions = self.state.config_options().execution.target_partitions;
        let groups = FileGroup::new(files.files).split_files(partitions);
        let groups = match &files.known {
            Some(known) => groups.into_iter().map(|group| known.counted(group)).collect::<Result<_>>()?,
            None => groups,
        };
        let mut statistics =
            Statistics::try_merge_iter(groups.iter().filter_map(|group| group.file_statistics(None)), &schema)?;
        if files.is_cut {
            statistics = statistics.to_inexact();
        }
        let order = match self.table.sort_order.is_empty() {
            true => common_order(&groups).into_iter().collect(),
            false => create_lex_ordering(&schema, &self.table.sort_order, self.state.execution_props())?,
        };
        let groups = self.by_order(groups, order.first(), partitions);
        let source = TableSchemaBuilder::from(&self.table.file_schema)
            .with_table_partition_cols(self.table.partitions.fields().to_vec())
            .build();
        let config = FileScanConfigBuilder::new(store_url, self.table.format.file_source(source))
            .with_file_groups(groups)
            .with_constraints(self.table.constraints().cloned().unwrap_or_default())
            .with_statistics(statistics)
            .with_projection_indices(self.projection.clone())?
            .with_limit(self.limit)
            .with_output_ordering(order)
            .build();
        let plan = self.table.format.create_physical_plan(self.state, config).await?;
        // Of Parquet files a corrupt one is found by looking, and a device reads them itself.
        Ok(match self.table.format.get_ext().as_str() {
            "parquet" => plan,
            _ => named::named(plan, &self.table.format),
        })
    }

    /// The files dealt out so that each group keeps the order, where the session asks for that and it can be done.
    fn by_order(&self, groups: Vec<FileGroup>, order: Option<&LexOrdering>, most: usize) -> Vec<FileGroup> {
        let Some(order) = order.filter(|_| self.state.config_options().execution.split_file_groups_by_statistics)
        else {
            return groups;
        };
        let schema = self.table.schema();
        let split = FileScanConfig::split_groups_by_statistics_with_target_partitions(&schema, &groups, order, most);
        split.ok().filter(|split| split.len() <= most).unwrap_or(groups)
    }

    async fn with_facts(&self, lake: &Lake, files: Vec<PartitionedFile>, limit: Option<usize>) -> Result<Files<'_>> {
        if !self.state.config_options().execution.collect_statistics {
            return Ok(Files { files, known: None, is_cut: false });
        }
        let (count, columns) = (files.len(), self.counted_columns());
        let at_once = self.state.config_options().execution.meta_fetch_concurrency.get();
        let mut reading = Vec::with_capacity(count);
        for file in files {
            reading.push(self.facts(lake, &columns, file));
        }
        let mut read = stream::iter(reading).buffered(at_once);
        let (mut kept, mut facts, mut rows) = (Vec::with_capacity(count), HashMap::new(), Precision::Exact(0));
        while let Some((mut file, of_file)) = read.try_next().await? {
            rows = rows.add(&of_file.statistics.num_rows);
            file.ordering = of_file.ordering;
            facts.insert(file.object_meta.location.clone(), of_file.statistics);
            kept.push(file);
            if let (Some(limit), Precision::Exact(rows)) = (limit, rows)
                && rows >= limit
            {
                break;
            }
        }
        drop(read);
        let is_cut = kept.len() < count;
        let known = Known { facts, columns, table: self.table };
        if kept.len().saturating_mul(self.table.schema().fields().len()) <= EACH_FILE_MAX {
            kept.iter_mut().for_each(|file| file.statistics = Some(Arc::new(known.of_table(known.of_file(file)))));
        }
        Ok(Files { files: kept, known: Some(known), is_cut })
    }

    async fn facts(
        &self,
        lake: &Lake,
        columns: &[usize],
        file: PartitionedFile,
    ) -> Result<(PartitionedFile, FileFacts)> {
        let declared = (&self.table.file_schema, columns);
        let mut facts = lake.facts((self.state, &self.table.format), declared, &file.object_meta).await?;
        if let Some(left) = file.extensions.get::<ParquetRowSelection>() {
            // The bounds of all rows are bounds of some, but need not be values.
            let rows = Precision::Exact(left.selection().row_count());
            facts.statistics = Statistics { num_rows: rows, ..facts.statistics.to_inexact() };
        }
        Ok((file, facts))
    }

    /// The columns of files of which something has to be known: those that are read, and those that say the order. Nobody asks
    /// for others, and a lake may have thousands.
    fn counted_columns(&self) -> Vec<usize> {
        let of_files = self.table.file_schema.fields().len();
        let Some(read) = &self.projection else { return (0..of_files).collect() };
        let sorted = self.table.sort_order.iter().flatten().flat_map(|sort| sort.expr.column_refs());
        let sorted = sorted.filter_map(|column| self.table.file_schema.index_of(column.name()).ok());
        let columns: BTreeSet<usize> = read.iter().copied().filter(|column| *column < of_files).chain(sorted).collect();
        columns.into_iter().collect()
    }
}

impl Known<'_> {
    /// What is known of a file: of the counted columns, and of those that its path gives.
    fn of_file(&self, file: &PartitionedFile) -> Statistics {
        let known = self.facts.get(&file.object_meta.location).cloned();
        let mut known = known.unwrap_or_else(|| Statistics {
            column_statistics: vec![ColumnStatistics::new_unknown(); self.columns.len()],
            ..Statistics::default()
        });
        let of_path = file.partition_values.iter().map(|value| path_statistics(value, &known.num_rows));
        let of_path: Vec<ColumnStatistics> = of_path.collect();
        known.column_statistics.extend(of_path);
        known
    }

    /// The same in the places of the table's columns.
    fn of_table(&self, known: Statistics) -> Statistics {
        let (of_files, all) = (self.table.file_schema.fields().len(), self.table.schema().fields().len());
        let mut columns = vec![ColumnStatistics::new_unknown(); all];
        for (column, place) in known.column_statistics.into_iter().zip(self.columns.iter().copied().chain(of_files..)) {
            columns[place] = column;
        }
        Statistics { column_statistics: columns, ..known }
    }

    /// The files with what is known of them all. The host copies it at every step of its planning.
    fn counted(&self, group: FileGroup) -> Result<FileGroup> {
        let of_files: Vec<Statistics> = group.iter().map(|file| self.of_file(file)).collect();
        let schema = self.table.schema();
        let places = self.columns.iter().copied().chain(self.table.file_schema.fields().len()..schema.fields().len());
        let fields: Vec<FieldRef> = places.map(|place| Arc::clone(&schema.fields()[place])).collect();
        let statistics = Statistics::try_merge_iter(&of_files, &Schema::new(fields))?;
        Ok(group.with_statistics(Arc::new(self.of_table(statistics))))
    }
}

/// The files of `table` as they are now, in the folders that `leading` filters leave.
pub(crate) async fn files_of(table: &FileTable, state: &dyn Session, leading: &[Expr]) -> Result<Arc<[ObjectMeta]>> {
    let Some(first) = table.locations.first() else { return Ok(Arc::new([])) };
    let store_url = first.url().object_store();
    let store = state.runtime_env().object_store(&store_url)?;
    let listed = list(table, state, store.as_ref(), leading).await?;
    Ok(noted(state, &store_url, listed.iter()))
}

/// The states of files that were just listed; the device need not ask for them again.
pub(super) fn noted<'a>(
    state: &dyn Session,
    store_url: &ObjectStoreUrl,
    files: impl Iterator<Item = &'a PartitionedFile>,
) -> Arc<[ObjectMeta]> {
    let files: Arc<[ObjectMeta]> = files.map(|file| file.object_meta.clone()).collect();
    if let Some(listed) = state.config().get_extension::<Listed>() {
        listed.note(store_url.as_str(), &files);
    }
    files
}

/// The files of `table` in the folders that `leading` filters leave, with the values that their paths give. Empty files hold
/// nothing of any format.
async fn list(
    table: &FileTable,
    state: &dyn Session,
    store: &dyn ObjectStore,
    leading: &[Expr],
) -> Result<Vec<PartitionedFile>> {
    let trace = state.config().get_extension::<Trace>();
    let _span = trace.as_ref().map(|trace| trace.span(Work::List));
    let deep = !state.config_options().execution.listing_table_ignore_subdirectory;
    let mut listed: Vec<PartitionedFile> = Vec::new();
    for location in &table.locations {
        let prune = Prune::of(table, leading);
        let files = location.files_left(store, deep, prune.as_ref()).await?;
        if files.is_empty() && location.is_one_file() {
            // An empty folder is a table without rows; a file that is gone is no table.
            return Err(nothing_in(location, 0).into());
        }
        for file in files {
            let name = location.below(&file.location).name;
            if let Some(refused) = formats::refused(name).filter(|_| table.members.has(name)) {
                return Err(refused.about_file(&file.location).into());
            }
            if file.size > 0 && table.members.has(name) {
                listed.extend(partitioned(table, location, file)?);
            }
        }
    }
    if table.locations.len() > 1 && !table.repeats {
        // A folder and a file in it name the file twice.
        listed.sort_by(|a, b| a.object_meta.location.cmp(&b.object_meta.location));
        listed.dedup_by(|a, b| a.object_meta.location == b.object_meta.location);
    }
    Ok(listed)
}

fn partitioned(table: &FileTable, location: &Location, file: ObjectMeta) -> Result<Option<PartitionedFile>> {
    if table.partitions.is_empty() {
        return Ok(Some(file.into()));
    }
    let folders = location.below(&file.location).folders;
    let columns = table.folder_columns();
    let Some(mut values) = hive::values(columns, &folders, file.location.as_ref())? else { return Ok(None) };
    if table.has_filename {
        values.push(ScalarValue::Utf8View(Some(location.shown(&file.location))));
    }
    Ok(Some(PartitionedFile::from(file).with_partition_values(values)))
}

/// What is known of a column that has one value in all rows of a file.
fn path_statistics(value: &ScalarValue, rows: &Precision<usize>) -> ColumnStatistics {
    let width = value.data_type().primitive_width();
    let byte_size = width.map_or(Precision::Absent, |width| rows.multiply(&Precision::Exact(width)));
    let unknown = ColumnStatistics { byte_size, ..ColumnStatistics::new_unknown() };
    if value.is_null() {
        return ColumnStatistics { null_count: *rows, distinct_count: Precision::Exact(0), ..unknown };
    }
    ColumnStatistics {
        null_count: Precision::Exact(0),
        min_value: Precision::Exact(value.clone()),
        max_value: Precision::Exact(value.clone()),
        distinct_count: Precision::Exact(1),
        ..unknown
    }
}

/// The order that every file says it has, as far as they agree.
fn common_order(groups: &[FileGroup]) -> Option<LexOrdering> {
    let mut files = groups.iter().flat_map(FileGroup::iter);
    let mut common = files.next()?.ordering.as_ref()?.to_vec();
    for file in files {
        let other = file.ordering.as_ref()?;
        let same = common.iter().zip(other.iter()).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    LexOrdering::new(common)
}
