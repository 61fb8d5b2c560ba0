//! One round of a load: what is missing, as chunks to read and runs to gather.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::arrival::Arriving;
use super::column::{Column, plan_columns};
use super::decode::chunk_range;
use super::expect::Expected;
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
    /// Who reads its segments while it is being loaded.
    pub(crate) arriving: Option<Arriving>,
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
    /// Who else wants what is being done.
    pub(crate) waiting: Waiting,
    /// Columns of runs that are gathered as soon as so many of their row groups have been read.
    pub(crate) gatherable: HashMap<Wanted, usize>,
}

/// A column of a run: scan, column and run by their numbers.
pub(crate) type Wanted = (usize, usize, usize);
pub(crate) type Waiting = HashMap<(PieceKey, Option<IntLayout>), Vec<Wanted>>;

/// What is there already.
pub(crate) struct There<'a> {
    pub(crate) store: &'a ColumnStore,
    /// Pieces that this query has read.
    pub(crate) fresh: &'a HashMap<PieceKey, Piece>,
    /// Small row groups that it has read or found.
    pub(crate) rows: &'a mut HashMap<RowsKey, Rows>,
}

/// Whether a column of a run is to be had.
enum Lack {
    None,
    Missing,
    /// Somebody is at it.
    Coming((PieceKey, Option<IntLayout>)),
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
                    match scan.lacks((index, &run), column, there.fresh, &mut claimed) {
                        Lack::None => continue,
                        Lack::Coming(what) => {
                            round.waiting.entry(what).or_default().push((number, column, index));
                            continue;
                        }
                        Lack::Missing => {}
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
        for GroupTask { place, chunks, .. } in &round.tasks {
            for chunk in chunks.iter().filter(|chunk| matches!(chunk.purpose, Purpose::Keep)) {
                *round.gatherable.entry((place.scan, chunk.column, place.run)).or_default() += 1;
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
        let (reads, planned) = Default::default();
        Ok(Self { source, opened, wanted, window, holds: false, arriving: None, reads, planned })
    }

    /// Whether a column of a run is still to be had, and whether nobody is at it.
    fn lacks(
        &mut self,
        (index, run): (usize, &Run),
        column: usize,
        fresh: &HashMap<PieceKey, Piece>,
        claimed: &mut Claimed,
    ) -> Lack {
        let column = &mut self.wanted[column];
        if !column.lacks(index) {
            return Lack::None;
        }
        let key = column.key(run);
        if let Some(piece) = fresh.get(&key).filter(|piece| piece.layout() == column.layout) {
            column.pieces[index] = Some(piece.clone());
            self.source.note(|stats| stats.columns_resident += run.groups.len() as u64);
            return Lack::None;
        }
        let what = (key, column.layout);
        if claimed.pieces.insert(what.clone()) { Lack::Missing } else { Lack::Coming(what) }
    }

    /// The task that gathers a column of a run, where its row groups have all been read.
    pub(crate) fn gatherable(
        &mut self,
        (scan, column, index): Wanted,
        mut there: There<'_>,
    ) -> Result<Option<GatherTask>, ScanError> {
        let run = self.opened.runs[index].clone();
        let parts = self.parts(&run, column, &mut there, &mut Claimed::default(), None)?;
        Ok(parts.map(|parts| self.gather(Place { scan, run: index, part: 0 }, column, parts)))
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
                ColumnRead::Left(left) => Some(Some(Rows::from([left.values(group)]))),
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

    /// Hands on what is complete of a run.
    pub(crate) fn hand_on(&self, run: usize) {
        let Some(Arriving(arrival)) = &self.arriving else { return };
        let pieces = self.wanted.iter().map(|column| Some((column, column.pieces[run].as_ref()?)));
        let Some(pieces) = pieces.collect::<Option<Vec<_>>>() else { return };
        if !arrival.has(run) {
            arrival.hand_on(run, &pieces);
        }
    }

    pub(crate) fn hand_on_all(&self) {
        (0..self.opened.runs.len()).for_each(|run| self.hand_on(run));
    }

    /// Bytes of files that are still to be read.
    pub(crate) fn bytes_to_read(&mut self) -> Result<u64, ScanError> {
        let mut bytes = 0;
        for run in 0..self.opened.runs.len() {
            for column in (0..self.wanted.len()).filter(|column| self.wanted[*column].lacks(run)).collect::<Vec<_>>() {
                for group in self.opened.runs[run].groups.clone() {
                    if let ColumnRead::Leaf(leaf) = &*self.read(&group.footer, column)? {
                        let range = chunk_range(&group.footer, group.row_group, leaf.leaf)?;
                        bytes += range.end - range.start;
                    }
                }
            }
        }
        Ok(bytes)
    }

    /// What stands under NULLs of a row group without values is a value of the table.
    pub(crate) fn refill(&mut self, expected: &Expected) {
        for (column, expected) in self.wanted.iter_mut().zip(&expected.columns) {
            if let (Some(_), Some((min, max))) = (column.layout, expected.facts.range) {
                column.filler = column.filler.clamp(min, max);
            }
        }
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
        if let Some(left) = self.source.scan.left.as_ref().filter(|left| left.position == self.wanted[column].position)
        {
            let read = Arc::new(ColumnRead::Left(left.of_file(&footer.meta.location)));
            self.reads.insert(key, Arc::clone(&read));
            return Ok(read);
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
        let (name, words) = (Arc::clone(&wanted.name), wanted.words.clone());
        Ok(ChunkTask { column, name, read, purpose, words })
    }

    fn task(&self, place: Place, chunks: Vec<ChunkTask>) -> GroupTask {
        let group = self.opened.runs[place.run].groups[place.part].clone();
        GroupTask { source: Arc::clone(&self.source), place, group, chunks }
    }

    fn gather(&self, place: Place, column: usize, parts: Vec<Part>) -> GatherTask {
        let wanted = &self.wanted[column];
        let (name, target, filler) = (Arc::clone(&wanted.name), wanted.target(), wanted.filler);
        let (source, words) = (Arc::clone(&self.source), wanted.words.clone());
        GatherTask { source, place, column, name, parts, target, filler, words, hold: self.holds }
    }
}
