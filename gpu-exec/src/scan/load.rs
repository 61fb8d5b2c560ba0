//! Loading a scan: what is resident is used, what is missing is fetched, and every column comes out in one form.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use object_store::ObjectStore;

use super::fetch::{ChunkTask, Fetched, GroupTask, fetch};
use super::footer::Footer;
use super::open::{Group, Opened, open, unchanged};
use super::piece::{Piece, PieceKey};
use super::predict::{PredictedRange, layout_for, may_hold_nulls, predict};
use super::read::ColumnRead;
use super::unify::unify;
use super::{ColumnStore, LoadStats, ParquetScan, ScanError};
use crate::column::{
    ColumnFacts, ColumnMeta, DeviceTable, Elsewhere, IntLayout, LayoutMiss, RowBound, Segment, Stored, TableShape,
    Target, full_layout,
};
use crate::device::{DeviceHandle, Stream};
use crate::ir::Type;

/// A scan in device memory.
#[derive(Debug)]
pub struct Loaded {
    /// Columns in the order of the projection; one segment a row group that is not pruned.
    pub table: DeviceTable,
    pub stats: LoadStats,
}

/// One column of the scan while it is being loaded.
#[derive(Debug)]
struct Column {
    /// Position in the table's schema.
    position: usize,
    field: FieldRef,
    name: Arc<str>,
    ty: Type,
    /// For types stored as integers.
    layout: Option<IntLayout>,
    /// Text that is kept as it is.
    raw: bool,
    /// A value within the predicted range.
    filler: i128,
    /// What all row groups of the files may hold, skipped ones included.
    elsewhere: Elsewhere,
    /// One a row group; `None` is not loaded yet.
    pieces: Vec<Option<Piece>>,
}

/// Loads the columns of a scan. Files are read as they are now, whatever was listed when the query was planned.
///
/// Dropping the future stops the work soon; what it had loaded by then is given back.
///
/// # Errors
/// A file that is gone, changed or corrupt; a column with no stored form; no room on the device.
pub async fn load(
    device: &Arc<DeviceHandle>,
    columns: &Arc<ColumnStore>,
    objects: Arc<dyn ObjectStore>,
    scan: &ParquetScan,
) -> Result<Loaded, ScanError> {
    let mut stats = LoadStats::default();
    let opened = open(columns, &*objects, scan, &mut stats).await?;
    let mut wanted = plan_columns(columns, scan, &opened)?;
    columns.trim(); // now, as what this query needs is held
    stats.columns_resident = wanted.iter().flat_map(|column| &column.pieces).flatten().count() as u64;
    load_missing(device, columns, &objects, scan, &opened, &mut wanted, &mut stats).await?;
    // Merging dictionaries is work for a processor: it does not belong on the threads that wait for files.
    let (device, columns, projection) = (Arc::clone(device), Arc::clone(columns), scan.projection.clone());
    let finish = move || assemble(&device, &columns, &projection, &opened.groups, wanted, stats);
    tokio::task::spawn_blocking(finish).await.map_err(|error| ScanError::Task(error.to_string()))?
}

/// Makes every column's pieces alike and lays them side by side.
fn assemble(
    device: &DeviceHandle,
    columns: &ColumnStore,
    projection: &[usize],
    groups: &[Group],
    wanted: Vec<Column>,
    mut stats: LoadStats,
) -> Result<Loaded, ScanError> {
    let stream = device.stream()?;
    let rows = RowBound::Exact(groups.iter().map(|group| group.rows as u64).sum());
    let mut shape = TableShape { columns: vec![], rows };
    let segment = |group: &Group| Segment { rows: group.rows as u64, columns: vec![] };
    let mut segments: Vec<Segment> = groups.iter().map(segment).collect();
    let mut finished = HashMap::new();
    for column in wanted {
        finished.insert(column.position, finish_column(device, columns, &stream, groups, column, &mut stats)?);
    }
    for (meta, pieces) in projection.iter().filter_map(|position| finished.get(position)) {
        shape.columns.push(meta.clone());
        for (segment, piece) in segments.iter_mut().zip(pieces) {
            segment.columns.push(piece.column.clone());
        }
    }
    stats.columns_raw = finished.values().filter(|(meta, _)| matches!(meta.stored, Stored::RawText)).count() as u64;
    stats.device_bytes = finished.values().flat_map(|(_, pieces)| pieces).map(Piece::bytes).sum();
    Ok(Loaded { table: DeviceTable { shape, segments }, stats })
}

/// Decides each column's layout and takes what is resident in it.
fn plan_columns(columns: &ColumnStore, scan: &ParquetScan, opened: &Opened) -> Result<Vec<Column>, ScanError> {
    let mut planned: Vec<Column> = Vec::new();
    for position in &scan.projection {
        if planned.iter().any(|column| column.position == *position) {
            continue;
        }
        let field = Arc::clone(&scan.table_schema.fields()[*position]);
        let ty = Type::from_arrow(field.data_type()).ok_or_else(|| ScanError::UploadType {
            column: field.name().clone(),
            data_type: field.data_type().clone(),
        })?;
        let name: Arc<str> = field.name().as_str().into();
        let elsewhere = Elsewhere::default();
        let (position, pieces) = (*position, vec![]);
        let mut column = Column { position, field, name, ty, layout: None, raw: false, filler: 0, elsewhere, pieces };
        column.pieces = opened.groups.iter().map(|group| columns.get(&column.key(group))).collect();
        if scan.raw_text.contains(&position) && column.choose_raw(opened) {
            column.pieces = opened.groups.iter().map(|group| columns.get(&column.key(group))).collect();
        }
        column.choose_layout(opened);
        planned.push(column);
    }
    Ok(planned)
}

impl Column {
    fn key(&self, group: &Group) -> PieceKey {
        PieceKey {
            file: group.footer.file,
            row_group: group.row_group,
            column: Arc::clone(&self.name),
            data_type: self.field.data_type().clone(),
            raw: self.raw,
        }
    }

    fn target(&self) -> Target {
        if self.raw { Target::RawText } else { Target::for_type(self.ty, self.layout) }
    }

    /// Text that needs no dictionary is kept as it is where the files have none for all of it, or one with most of the
    /// rows. All row groups are asked, so that the form does not depend on the predicate. A dictionary that is there
    /// already is used.
    fn choose_raw(&mut self, opened: &Opened) -> bool {
        let resident = !self.pieces.is_empty() && self.pieces.iter().all(Option::is_some);
        let lacks = |footer: &Arc<Footer>| footer.lacks_dictionary(self.field.name());
        self.raw = self.ty == Type::Text && !resident && opened.footers.iter().any(lacks);
        self.raw
    }

    /// The narrowest layout among the resident pieces that holds every predicted value, so that a query over some of
    /// the files does not undo the layout of a query over all of them; else the predicted one.
    fn choose_layout(&mut self, opened: &Opened) {
        let predicted = predict(&opened.footers, &self.field);
        let range = match predicted {
            PredictedRange::Known(range) => range,
            PredictedRange::Unknown => full_layout(self.ty).map(IntLayout::limits),
        };
        let covers = |layout: &IntLayout| range.is_none_or(|(min, max)| layout.covers(min, max));
        let resident =
            self.pieces.iter().flatten().filter_map(Piece::layout).filter(covers).min_by_key(|layout| layout.width);
        let layout = resident.or_else(|| layout_for(predicted, self.ty));
        self.filler = range.map_or(0, |(min, max)| 0.clamp(min, max));
        self.elsewhere.range = match predicted {
            PredictedRange::Known(range) => range,
            PredictedRange::Unknown => None,
        };
        self.elsewhere.nulls = opened.skips_groups() && may_hold_nulls(&opened.footers, &self.field);
        self.set_layout(layout);
    }

    /// Pieces in another layout will be loaded again.
    fn set_layout(&mut self, layout: Option<IntLayout>) {
        self.layout = layout;
        for piece in &mut self.pieces {
            if piece.as_ref().is_some_and(|piece| piece.layout() != layout) {
                *piece = None;
            }
        }
    }
}

/// Fetches until every piece is there. A column whose values miss its layout is read again at its full width.
async fn load_missing(
    device: &Arc<DeviceHandle>,
    columns: &ColumnStore,
    objects: &Arc<dyn ObjectStore>,
    scan: &ParquetScan,
    opened: &Opened,
    wanted: &mut [Column],
    stats: &mut LoadStats,
) -> Result<(), ScanError> {
    let mut reads = HashMap::new();
    let mut tasks = missing(opened, wanted, &mut reads)?;
    let touched = files_of(&tasks);
    let mut loaded = HashSet::new();
    while !tasks.is_empty() {
        stats.text_hashed += tasks.iter().map(hashed_texts).sum::<u64>();
        let fetched = match fetch(device, objects, tasks).await {
            Ok(fetched) => fetched,
            // Bytes that make no sense are what a file replaced under our hands looks like.
            Err(error @ ScanError::Corrupt { .. }) => {
                unchanged(columns, &**objects, scan, &touched).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        loaded.extend(fetched.iter().map(|fetched| (fetched.column, fetched.index)));
        take(wanted, fetched, stats)?;
        tasks = missing(opened, wanted, &mut reads)?;
    }
    unchanged(columns, &**objects, scan, &touched).await?;
    // Only now: what was read of a changing file must not serve another query.
    for (column, index) in loaded {
        let column = &wanted[column];
        if let Some(piece) = &column.pieces[index] {
            columns.insert(column.key(&opened.groups[index]), piece.clone());
        }
    }
    Ok(())
}

/// Puts fetched pieces in their places and widens the columns that missed their layout.
fn take(wanted: &mut [Column], fetched: Vec<Fetched>, stats: &mut LoadStats) -> Result<(), ScanError> {
    let mut missed: HashMap<usize, LayoutMiss> = HashMap::new();
    for fetched in fetched {
        stats.file_bytes_read += fetched.file_bytes;
        stats.decoded_bytes += fetched.decoded_bytes;
        stats.decode_ms += fetched.decode.as_secs_f64() * 1e3;
        stats.upload_ms += fetched.upload.as_secs_f64() * 1e3;
        stats.columns_loaded += 1;
        let column = &mut wanted[fetched.column];
        match fetched.outcome {
            Ok(piece) => column.pieces[fetched.index] = Some(piece),
            Err(miss) => drop(missed.insert(fetched.column, miss)),
        }
    }
    for (at, miss) in missed {
        let column = &mut wanted[at];
        let full = full_layout(column.ty);
        if column.layout == full {
            return Err(ScanError::Encode { column: column.name.to_string(), source: miss.into() });
        }
        stats.layout_misses += 1;
        column.set_layout(full);
    }
    Ok(())
}

/// How each file gives each column, decided once.
type Reads = HashMap<(u64, usize), Arc<ColumnRead>>;

/// The chunks still to load, by row group.
fn missing(opened: &Opened, wanted: &[Column], reads: &mut Reads) -> Result<Vec<GroupTask>, ScanError> {
    let mut tasks = Vec::new();
    for (index, group) in opened.groups.iter().enumerate() {
        let mut chunks = Vec::new();
        for (at, column) in wanted.iter().enumerate().filter(|(_, column)| column.pieces[index].is_none()) {
            let key = (group.footer.file, at);
            let read = match reads.get(&key) {
                Some(read) => Arc::clone(read),
                None => Arc::new(ColumnRead::plan(&group.footer, &column.field, column.raw)?),
            };
            reads.insert(key, Arc::clone(&read));
            chunks.push(ChunkTask {
                column: at,
                name: Arc::clone(&column.name),
                read,
                target: column.target(),
                filler: column.filler,
            });
        }
        if !chunks.is_empty() {
            tasks.push(GroupTask { index, group: group.clone(), chunks });
        }
    }
    Ok(tasks)
}

fn files_of(tasks: &[GroupTask]) -> Vec<Arc<Footer>> {
    let mut footers: Vec<Arc<Footer>> = tasks.iter().map(|task| Arc::clone(&task.group.footer)).collect();
    footers.dedup_by_key(|footer| footer.file);
    footers
}

/// Text chunks of a row group with pages that are not dictionary-encoded, as far as the footer tells.
fn hashed_texts(task: &GroupTask) -> u64 {
    let plain = |chunk: &&ChunkTask| match (&*chunk.read, chunk.target) {
        (ColumnRead::Leaf(leaf), Target::Text) => task.group.footer.is_plain(task.group.row_group, leaf.leaf),
        _ => false,
    };
    task.chunks.iter().filter(plain).count() as u64
}

/// Makes a column's pieces alike and gathers its facts.
fn finish_column(
    device: &DeviceHandle,
    columns: &ColumnStore,
    stream: &Stream,
    groups: &[Group],
    mut column: Column,
    stats: &mut LoadStats,
) -> Result<(ColumnMeta, Vec<Piece>), ScanError> {
    let pieces: Vec<Piece> = std::mem::take(&mut column.pieces).into_iter().flatten().collect();
    let unified = unify(device, stream, &column.name, pieces)?;
    for at in &unified.changed {
        columns.insert(column.key(&groups[*at]), unified.pieces[*at].clone());
        stats.columns_recoded += u64::from(column.ty == Type::Text);
    }
    let chunks: Vec<_> = unified.pieces.iter().map(|piece| piece.facts).collect();
    let mut facts = ColumnFacts { elsewhere: column.elsewhere, ..ColumnFacts::of_chunks(&chunks) };
    // No row, no value twice: a join over what was skipped whole is the join it is over what is not.
    facts.unique |= chunks.is_empty();
    let meta = ColumnMeta {
        name: column.name.to_string(),
        ty: column.ty,
        stored: unified.stored.unwrap_or_else(|| column.target().stored_empty()),
        facts,
    };
    Ok((meta, unified.pieces))
}
