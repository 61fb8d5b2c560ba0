//! Where written rows wait: batches in memory, and behind them pieces of a file.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::spill_file::{SpillFile, SpillWriter};

use super::batch::{BUCKETS, Batch, Column, ColumnBytes, row_bytes};
use super::space::RowSpace;
use crate::error::{Error, Result};
use crate::ir::PayloadShape;
use crate::operators::part::Part;

/// Bytes that are written to the file at once.
const WRITTEN_AT_ONCE: usize = 1 << 20;

/// Rows of one dimension's parts.
pub(super) struct RowStore {
    /// Of the columns; the last says which part a row is of.
    pub(super) shapes: Vec<PayloadShape>,
    batches: Vec<Batch>,
    /// Of each bucket, where its rows in the file lie.
    pieces: Vec<Vec<Piece>>,
    file: Option<Spilled>,
    space: Arc<dyn RowSpace>,
    pub(super) written: Written,
    /// Bytes of memory that are taken.
    held: u64,
}

/// What was written out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub rows: u64,
    pub bytes: u64,
    /// Of them, those that went to disk.
    pub disk_bytes: u64,
}

/// Rows of a bucket in the file: a column after the other, each with its values first.
#[derive(Clone, Copy, Debug)]
struct Piece {
    offset: u64,
    rows: usize,
}

struct Spilled {
    file: Arc<dyn SpillFile>,
    writer: BufWriter<Box<dyn SpillWriter>>,
    end: u64,
}

/// Some rows of a bucket that lie together: in memory, or a piece of the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    Memory { bucket: usize, batch: usize },
    Disk { bucket: usize, piece: usize },
}

impl Run {
    pub(super) fn bucket(self) -> usize {
        match self {
            Run::Memory { bucket, .. } | Run::Disk { bucket, .. } => bucket,
        }
    }
}

impl RowStore {
    pub(super) fn new(shapes: Vec<PayloadShape>, space: Arc<dyn RowSpace>) -> Self {
        let (written, pieces) = (Written::default(), vec![vec![]; BUCKETS]);
        Self { shapes, batches: vec![], pieces, file: None, space, written, held: 0 }
    }

    /// Adds rows, given as arrays of all columns.
    ///
    /// # Errors
    /// What has no room in memory cannot be written to disk.
    pub(super) fn add(&mut self, arrays: &[Column<'_>], rows: usize) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let bytes = (rows * row_bytes(&self.shapes)) as u64;
        let mut has_room = self.space.take(bytes);
        if !has_room {
            self.write_to_disk()?;
            has_room = self.space.take(bytes);
        }
        self.batches.push(Batch::new(&self.shapes, arrays)?);
        self.written.rows += rows as u64;
        self.written.bytes += bytes;
        if has_room {
            self.held += bytes;
            return Ok(());
        }
        // What has no room even by itself stays no longer than this.
        self.write_to_disk()
    }

    fn write_to_disk(&mut self) -> Result<()> {
        let batches = std::mem::take(&mut self.batches);
        if batches.is_empty() {
            return Ok(());
        }
        let spilled = match &mut self.file {
            Some(spilled) => spilled,
            none => {
                let file = self.space.file()?;
                let writer = BufWriter::with_capacity(WRITTEN_AT_ONCE, file.open_writer()?);
                none.insert(Spilled { file, writer, end: 0 })
            }
        };
        for (bucket, pieces) in self.pieces.iter_mut().enumerate() {
            let rows: usize = batches.iter().map(|batch| batch.rows(bucket)).sum();
            if rows > 0 {
                pieces.push(Piece { offset: spilled.end, rows });
                spilled.write(&batches, &self.shapes, bucket).map_err(failed)?;
            }
        }
        spilled.writer.flush().map_err(failed)?;
        self.written.disk_bytes = spilled.end;
        self.space.give(self.held);
        self.held = 0;
        Ok(())
    }

    /// The runs in which the rows of a part lie, and perhaps some of others.
    pub(super) fn runs(&self, part: Part) -> Vec<Run> {
        let buckets = (0..BUCKETS).filter(|bucket| part.may_hold(*bucket as u64, BUCKETS as u64));
        let of_bucket = |bucket: usize| {
            let disk = (0..self.pieces[bucket].len()).map(move |piece| Run::Disk { bucket, piece });
            let memory = self.batches.iter().enumerate().filter(move |(_, batch)| batch.rows(bucket) > 0);
            disk.chain(memory.map(move |(batch, _)| Run::Memory { bucket, batch }))
        };
        buckets.flat_map(of_bucket).collect()
    }

    pub(super) fn rows(&self, run: Run) -> usize {
        match run {
            Run::Memory { bucket, batch } => self.batches[batch].rows(bucket),
            Run::Disk { bucket, piece } => self.pieces[bucket][piece].rows,
        }
    }

    /// Adds some rows of a run to what these columns have.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(&self, run: Run, rows: Range<usize>, into: &mut [ColumnBytes]) -> Result<()> {
        match run {
            Run::Memory { bucket, batch } => {
                for ((number, shape), column) in self.shapes.iter().enumerate().zip(into) {
                    let (data, valid) = self.batches[batch].column((number, shape.bytes()), bucket, rows.clone());
                    column.data.extend_from_slice(data);
                    column.valid.extend_from_slice(valid);
                }
                Ok(())
            }
            Run::Disk { bucket, piece } => self.read_disk(self.pieces[bucket][piece], rows, into).map_err(failed),
        }
    }

    fn read_disk(&self, piece: Piece, rows: Range<usize>, into: &mut [ColumnBytes]) -> std::io::Result<()> {
        let path = self.file.as_ref().and_then(|spilled| spilled.file.path());
        let mut file = File::open(path.ok_or_else(|| std::io::Error::other("the file of written rows has no path"))?)?;
        let mut at = piece.offset;
        let mut some = |width: usize, into: &mut Vec<u8>| {
            let begin = into.len();
            into.resize(begin + rows.len() * width, 0);
            file.seek(SeekFrom::Start(at + (rows.start * width) as u64))?;
            at += (piece.rows * width) as u64;
            file.read_exact(&mut into[begin..])
        };
        for (shape, column) in self.shapes.iter().zip(into) {
            some(shape.bytes(), &mut column.data)?;
            some(usize::from(shape.nullable), &mut column.valid)?;
        }
        Ok(())
    }
}

impl Spilled {
    /// Writes a bucket's rows of all batches as one piece.
    fn write(&mut self, batches: &[Batch], shapes: &[PayloadShape], bucket: usize) -> std::io::Result<()> {
        for (number, shape) in shapes.iter().enumerate() {
            let columns =
                || batches.iter().map(|batch| batch.column((number, shape.bytes()), bucket, 0..batch.rows(bucket)));
            for bytes in columns().map(|(data, _)| data).chain(columns().map(|(_, valid)| valid)) {
                self.writer.write_all(bytes)?;
                self.end += bytes.len() as u64;
            }
        }
        Ok(())
    }
}

impl Drop for RowStore {
    fn drop(&mut self) {
        self.space.give(self.held);
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::Host(DataFusionError::IoError(error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use datafusion::execution::runtime_env::RuntimeEnv;
    use parking_lot::Mutex;

    use super::*;
    use crate::ir::{IntWidth, Repr};

    const ROWS: usize = 5000;

    /// Has so many bytes of memory.
    #[derive(Debug)]
    struct Space(Mutex<u64>, RuntimeEnv);

    impl RowSpace for Space {
        fn take(&self, bytes: u64) -> bool {
            let mut left = self.0.lock();
            let fits = bytes <= *left;
            *left -= if fits { bytes } else { 0 };
            fits
        }

        fn give(&self, bytes: u64) {
            *self.0.lock() += bytes;
        }

        fn file(&self) -> Result<Arc<dyn SpillFile>> {
            Ok(self.1.disk_manager.create_tmp_file("a test")?)
        }
    }

    fn shapes() -> Vec<PayloadShape> {
        let shape = |repr, width, nullable| PayloadShape { repr, width, nullable };
        vec![
            shape(Repr::Int, IntWidth::W64, false),
            shape(Repr::Int, IntWidth::W128, true),
            shape(Repr::Bool, IntWidth::W8, true),
            shape(Repr::Int, IntWidth::W16, false),
        ]
    }

    fn part_of(row: usize) -> u16 {
        (row * 7919 % 1024) as u16
    }

    /// A number, its negation, whether it is odd, and a part.
    fn arrays(rows: Range<usize>) -> Vec<ColumnBytes> {
        let data = |of: &dyn Fn(usize) -> Vec<u8>| rows.clone().flat_map(of).collect::<Vec<u8>>();
        let valid: Vec<u8> = rows.clone().map(|row| u8::from(row % 3 != 0)).collect();
        vec![
            ColumnBytes { data: data(&|row| (row as u64).to_le_bytes().to_vec()), valid: vec![] },
            ColumnBytes { data: data(&|row| (-(row as i128)).to_le_bytes().to_vec()), valid: valid.clone() },
            ColumnBytes { data: data(&|row| vec![(row % 2) as u8]), valid },
            ColumnBytes { data: data(&|row| part_of(row).to_le_bytes().to_vec()), valid: vec![] },
        ]
    }

    /// The rows of a part, read some at a time, and whether all their columns belong together.
    fn rows_of(store: &RowStore, part: Part) -> Vec<usize> {
        let mut found = Vec::new();
        for run in store.runs(part) {
            let all = store.rows(run);
            for begin in (0..all).step_by(17) {
                let rows = begin..all.min(begin + 17);
                let mut read = vec![ColumnBytes::default(); 4];
                store.read(run, rows.clone(), &mut read).unwrap();
                let numbers =
                    read[0].data.chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()) as usize);
                for (at, row) in numbers.enumerate() {
                    let same = arrays(row..row + 1);
                    for ((column, same), shape) in read.iter().zip(&same).zip(shapes()) {
                        let width = shape.bytes();
                        assert_eq!(column.data[at * width..(at + 1) * width], same.data);
                        assert!(!shape.nullable || column.valid[at] == same.valid[0]);
                    }
                    found.push(row);
                }
            }
        }
        found
    }

    #[test]
    fn rows_come_back_once_by_their_parts_from_memory_and_from_disk() {
        for memory in [0, 40_000, 1 << 30] {
            let space: Arc<dyn RowSpace> = Arc::new(Space(Mutex::new(memory), RuntimeEnv::default()));
            let mut store = RowStore::new(shapes(), Arc::clone(&space));
            for begin in (0..ROWS).step_by(700) {
                let rows = begin..ROWS.min(begin + 700);
                let arrays = arrays(rows.clone());
                let columns: Vec<Column<'_>> = arrays.iter().map(|array| (&*array.data, &*array.valid)).collect();
                store.add(&columns, rows.len()).unwrap();
            }
            let Written { rows, bytes, disk_bytes } = store.written;
            assert_eq!((rows, bytes), (ROWS as u64, ROWS as u64 * 29));
            assert_eq!(disk_bytes > 0, memory < 1 << 30);
            let all: BTreeSet<usize> = rows_of(&store, Part::WHOLE).into_iter().collect();
            assert_eq!((all.len(), all.last()), (ROWS, Some(&(ROWS - 1))));
            for count in [4, 64, 512] {
                for part in Part::all(count) {
                    let (mask, value) = part.words();
                    let found = rows_of(&store, part);
                    assert!(found.len() < ROWS * 3 / count.min(BUCKETS as u64) as usize);
                    let of_part = found.into_iter().filter(|row| u64::from(part_of(*row)) & mask == value).count();
                    let wanted = (0..ROWS).filter(|row| u64::from(part_of(*row)) & mask == value).count();
                    assert_eq!(of_part, wanted);
                }
            }
            drop(store);
            assert!(memory == 0 || space.take(memory), "memory was not given back");
        }
    }
}
