//! One round of a load: what is missing, as chunks to read and runs to gather.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::column::{Column, plan_columns};
use super::fetch::{ChunkTask, GroupTask, Place, Purpose};
use super::footer::Footer;
use super::gather::{GatherTask, Part};
use super::kept::{Rows, RowsKey};
use super::open::{Group, Opened};
use super::piece::{Piece, PieceKey};
use super::read::{ColumnRead, Declared};
use super::runs::Run;
use super::{ColumnStore, ScanError, Source};
use crate::column::{IntLayout, Target};

/// One scan of a load.
#[derive(Debug)]
pub(crate) struct ScanLoad {
    pub(crate) source: Arc<Source>,
    pub(crate) opened: Opened,
    pub(crate) wanted: Vec<Column>,
    /// The runs that are being loaded.
    pub(crate) window: Range<usize>,
    /// What is loaded waits on the host.
    pub(crate) holds: bool,
    /// How each file gives each column, decided once.
    reads: HashMap<(u64, usize), Arc<ColumnRead>>,
    /// The files for which it was decided.
    planned: HashSet<u64>,
}

/// Segments whose small row groups are read before they are gathered: bounds the rows that wait in host memory.
const SEGMENTS_A_ROUND: usize = 4;

/// What can be done at once. What several scans want is done for the first of them.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Chunks to read, by row group.
    pub(crate) tasks: Vec<GroupTask>,
    /// Runs whose row groups are there.
    pub(crate) gathers: Vec<GatherTask>,
}

/// What is there already.
pub(crate) struct There<'a> {
    pub(crate) store: &'a ColumnStore,
    /// Pieces that this query has read.
    pub(crate) fresh: &'a HashMap<PieceKey, Piece>,
    /// Small row groups that it has read or found.
    pub(crate) rows: &'a mut HashMap<RowsKey, Rows>,
}

/// What is being done in a round already.
#[derive(Default)]
struct Claimed {
    pieces: HashSet<(PieceKey, Option<IntLayout>)>,
    rows: HashSet<RowsKey>,
}

impl Round {
    /// Takes the pieces that are there, and lists what is not.
    pub(crate) fn of(scans: &mut [ScanLoad], mut there: There<'_>) -> Result<Self, ScanError> {
        let mut round = Self::default();
        let mut claimed = Claimed::default();
        let mut rows_left = there.store.segment_rows().saturating_mul(SEGMENTS_A_ROUND);
        for (number, scan) in scans.iter_mut().enumerate() {
            for index in scan.window.clone() {
                let run = scan.opened.runs[index].clone();
                let place = |part| Place { scan: number, run: index, part };
                let mut chunks: BTreeMap<usize, Vec<ChunkTask>> = BTreeMap::new();
                for column in 0..scan.wanted.len() {
                    if !scan.lacks((index, &run), column, there.fresh, &mut claimed) {
                        continue;
                    }
                    if !run.gathered {
                        chunks.entry(0).or_default().push(scan.chunk(&run.groups[0], column, false)?);
                        continue;
                    }
                    let reads = (rows_left > 0).then_some(&mut chunks);
                    let parts = scan.parts(&run, column, &mut there, &mut claimed, reads)?;
                    round.gathers.extend(parts.map(|parts| scan.gather(place(0), column, parts)));
                }
                if run.gathered && !chunks.is_empty() {
                    rows_left = rows_left.saturating_sub(run.rows);
                }
                round.tasks.extend(chunks.into_iter().map(|(part, chunks)| scan.task(place(part), chunks)));
            }
        }
        Ok(round)
    }
}

impl ScanLoad {
    /// Small row groups that runs are still to be gathered from.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = RowsKey> {
        let runs =
            self.opened.runs.iter().enumerate().filter(|(index, run)| run.gathered && self.window.contains(index));
        let columns = |(index, run)| self.wanted.iter().map(move |column| (index, run, column));
        let lacking = runs.flat_map(columns).filter(|(index, _, column)| column.lacks(*index));
        lacking
            .flat_map(|(_, run, column): (usize, &Run, &Column)| run.groups.iter().map(|group| column.rows_key(group)))
    }

    /// Decides the form of the columns and takes those that are resident.
    pub(crate) fn new(store: &ColumnStore, source: Arc<Source>, opened: Opened) -> Result<Self, ScanError> {
        let wanted = plan_columns(store, &source.scan, &opened)?;
        let resident = |(run, piece): (&Run, &Option<Piece>)| piece.as_ref().map_or(0, |_| run.groups.len() as u64);
        let chunks = |column: &Column| opened.runs.iter().zip(&column.pieces).map(resident).sum::<u64>();
        let columns_resident = wanted.iter().map(chunks).sum();
        source.note(|stats| stats.columns_resident = columns_resident);
        let window = 0..opened.runs.len();
        Ok(Self { source, opened, wanted, window, holds: false, reads: HashMap::new(), planned: HashSet::new() })
    }

    /// Whether a column of a run is still to be had, and nobody is at it.
    fn lacks(
        &mut self,
        (index, run): (usize, &Run),
        column: usize,
        fresh: &HashMap<PieceKey, Piece>,
        claimed: &mut Claimed,
    ) -> bool {
        let column = &mut self.wanted[column];
        if !column.lacks(index) {
            return false;
        }
        let key = column.key(run);
        if let Some(piece) = fresh.get(&key).filter(|piece| piece.layout() == column.layout) {
            column.pieces[index] = Some(piece.clone());
            self.source.note(|stats| stats.columns_resident += run.groups.len() as u64);
            return false;
        }
        claimed.pieces.insert((key, column.layout))
    }

    /// The rows of a run's row groups, where all are there; else what is not is added to the chunks to read, if this round
    /// reads them.
    fn parts(
        &mut self,
        run: &Run,
        column: usize,
        there: &mut There<'_>,
        claimed: &mut Claimed,
        mut reads: Option<&mut BTreeMap<usize, Vec<ChunkTask>>>,
    ) -> Result<Option<Vec<Part>>, ScanError> {
        let mut parts = Vec::with_capacity(run.groups.len());
        for (number, group) in run.groups.iter().enumerate() {
            let known = match &*self.read(&group.footer, column)? {
                ColumnRead::Missing => Some(None),
                ColumnRead::Leaf(_) => self.rows(group, column, there).map(Some),
            };
            match (known, &mut reads) {
                (Some(values), _) => parts.push(Part { rows: group.rows, values }),
                (None, Some(chunks)) if claimed.rows.insert(self.wanted[column].rows_key(group)) => {
                    chunks.entry(number).or_default().push(self.chunk(group, column, true)?);
                }
                (None, _) => {}
            }
        }
        Ok((parts.len() == run.groups.len()).then_some(parts))
    }

    /// The rows of a small row group, where they are there.
    fn rows(&mut self, group: &Group, column: usize, there: &mut There<'_>) -> Option<Rows> {
        let key = self.wanted[column].rows_key(group);
        if let Some(known) = there.rows.get(&key) {
            return Some(Arc::clone(known));
        }
        let kept = there.store.rows(&key)?;
        self.source.note(|stats| stats.columns_resident += 1);
        there.rows.insert(key, Arc::clone(&kept));
        Some(kept)
    }

    /// Texts get dictionaries where something may refer to them once their wave is gone.
    pub(crate) fn for_waves(&mut self) {
        let may_be_raw = &self.source.scan.raw_in_waves;
        for column in &mut self.wanted {
            column.raw &= may_be_raw.contains(&column.position);
        }
        // Files give them otherwise.
        self.reads.clear();
        self.planned.clear();
    }

    /// How a file gives a column.
    pub(crate) fn read(&mut self, footer: &Arc<Footer>, column: usize) -> Result<Arc<ColumnRead>, ScanError> {
        let key = (footer.file, column);
        if let Some(read) = self.reads.get(&key) {
            return Ok(Arc::clone(read));
        }
        if self.planned.insert(footer.file) {
            let all: Vec<Declared<'_>> = self.wanted.iter().map(Column::declared).collect();
            let planned = ColumnRead::plan_all(footer, &all).into_iter().enumerate();
            let planned = planned.filter_map(|(at, read)| Some(((footer.file, at), Arc::new(read?))));
            self.reads.extend(planned);
        }
        if let Some(read) = self.reads.get(&key) {
            return Ok(Arc::clone(read));
        }
        let read =
            ColumnRead::plan(footer, self.wanted[column].declared()).map_err(|error| self.source.named(error))?;
        let read = Arc::new(read);
        self.reads.insert(key, Arc::clone(&read));
        Ok(read)
    }

    /// The task that reads a chunk, to be kept on the host or uploaded.
    fn chunk(&mut self, group: &Group, column: usize, keep: bool) -> Result<ChunkTask, ScanError> {
        let read = self.read(&group.footer, column)?;
        let wanted = &self.wanted[column];
        let (target, filler) = (wanted.target(), wanted.filler);
        let plain = match (&*read, target) {
            (ColumnRead::Leaf(leaf), Target::Text) => group.footer.is_plain(group.row_group, leaf.leaf),
            _ => false,
        };
        // As far as the footer tells.
        self.source.note(|stats| stats.text_hashed += u64::from(plain));
        let purpose = match () {
            () if keep => Purpose::Keep,
            () if self.holds => Purpose::Hold { target, filler },
            () => Purpose::Upload { target, filler },
        };
        Ok(ChunkTask { column, name: Arc::clone(&wanted.name), read, purpose })
    }

    fn task(&self, place: Place, chunks: Vec<ChunkTask>) -> GroupTask {
        let group = self.opened.runs[place.run].groups[place.part].clone();
        GroupTask { source: Arc::clone(&self.source), place, group, chunks }
    }

    fn gather(&self, place: Place, column: usize, parts: Vec<Part>) -> GatherTask {
        let wanted = &self.wanted[column];
        let (name, target, filler) = (Arc::clone(&wanted.name), wanted.target(), wanted.filler);
        let source = Arc::clone(&self.source);
        GatherTask { source, place, column, name, parts, target, filler, hold: self.holds }
    }
}
