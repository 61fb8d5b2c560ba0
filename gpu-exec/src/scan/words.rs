//! The words of texts before their rows. A table's codes mean one dictionary, which holds the words of all its row groups;
//! each column chunk begins with its own, so those first pages tell what the dictionary will be when next to nothing has been
//! read. Chunks are read whole all the same: dictionaries are read ahead only where they are few bytes beside them.
//!
//! Not here: what becomes of a chunk's codes (`EncodedChunk::in_words`), dictionaries that are only known once all rows are
//! there (`unify.rs`).

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::serialized_reader::SerializedPageReader;
use tokio::sync::watch;

use super::decode::ChunkBytes;
use super::expect::expected_form;
use super::footer::guarded;
use super::open::Group;
use super::read::ColumnRead;
use super::round::ScanLoad;
use super::{ScanError, Source, pinned};
use crate::column::{Dictionary, Stored};
use crate::trace::Work;

/// Pages that are read ahead at most, by all scans of a load.
const PAGES_MAX: usize = 1024;
/// The part of a load's bytes that they may take, where they are more than so many.
const SHARE: u64 = 32;
const FEW_BYTES: u64 = 16 << 10;
/// Files whose pages are read at a time.
const FILES_AT_ONCE: usize = 32;

/// What is known of a column's words before its rows.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Coming,
    /// Its rows have to tell.
    Unknown,
    Words(Arc<Dictionary>),
}

/// Where somebody finds out.
pub(crate) type Words = watch::Receiver<Known>;

/// The words of a column, once that is decided.
pub(crate) async fn decided(words: &Words) -> Option<Arc<Dictionary>> {
    let mut words = words.clone();
    let known = words.wait_for(|known| !matches!(known, Known::Coming)).await.ok()?;
    match &*known {
        Known::Words(dictionary) => Some(Arc::clone(dictionary)),
        Known::Coming | Known::Unknown => None,
    }
}

/// A dictionary page.
#[derive(Debug)]
struct DictionaryPage {
    source: Arc<Source>,
    group: Group,
    leaf: usize,
    range: Range<u64>,
}

/// Columns that share pages, and so have one dictionary.
#[derive(Debug, Default)]
struct WordSet {
    pages: Vec<usize>,
    /// Of row groups that are on the device.
    there: Vec<Arc<Dictionary>>,
    tell: Vec<watch::Sender<Known>>,
}

/// What is to be read ahead for the texts of a load. Dropped, nobody knows their words.
#[derive(Debug, Default)]
pub(crate) struct WordsAhead {
    pages: Vec<DictionaryPage>,
    /// By file, row group and leaf.
    numbers: HashMap<(u64, usize, usize), usize>,
    sets: Vec<WordSet>,
}

impl WordsAhead {
    /// Lists the pages, and lets the columns wait for them. `None` where only its rows tell the words of some column, or where
    /// pages would be many bytes beside the `bytes` that are read.
    pub(crate) fn of(scans: &mut [ScanLoad], bytes: u64) -> Result<Option<Self>, ScanError> {
        let mut ahead = Self::default();
        for scan in scans {
            for column in 0..scan.wanted.len() {
                if expected_form(&scan.wanted[column]).is_some() {
                    continue;
                }
                let Some(mut set) = ahead.set_of(scan, column)? else { return Ok(None) };
                let (tell, words) = watch::channel(Known::Coming);
                set.tell.push(tell);
                scan.wanted[column].words = Some(words);
                ahead.join(set);
            }
        }
        let page_bytes: u64 = ahead.pages.iter().map(|page| page.range.end - page.range.start).sum();
        let is_little = ahead.pages.len() <= PAGES_MAX && page_bytes <= (bytes / SHARE).max(FEW_BYTES);
        Ok(is_little.then_some(ahead))
    }

    /// The pages of a column, and the words of it that are there; `None` where that is not all.
    fn set_of(&mut self, scan: &mut ScanLoad, column: usize) -> Result<Option<WordSet>, ScanError> {
        let mut set = WordSet::default();
        for run in 0..scan.opened.runs.len() {
            if let Some(piece) = &scan.wanted[column].pieces[run] {
                let Stored::Codes { dictionary, .. } = &piece.stored else { return Ok(None) };
                set.there.push(Arc::clone(dictionary));
                continue;
            }
            let groups = scan.opened.runs[run].groups.clone();
            for group in groups {
                let read = scan.read(&group.footer, column)?;
                let ColumnRead::Leaf(leaf) = &*read else { continue };
                let leaf = match (leaf.leaf, &leaf.cast_to) {
                    (leaf, None) if !group.footer.is_plain(group.row_group, leaf) => leaf,
                    _ => return Ok(None),
                };
                let Some(range) = page_range(&group, leaf) else { return Ok(None) };
                let source = Arc::clone(&scan.source);
                set.pages.push(self.number(DictionaryPage { source, group, leaf, range }));
            }
        }
        Ok(Some(set))
    }

    fn number(&mut self, page: DictionaryPage) -> usize {
        let key = (page.group.footer.file, page.group.row_group, page.leaf);
        *self.numbers.entry(key).or_insert_with(|| {
            self.pages.push(page);
            self.pages.len() - 1
        })
    }

    /// Adds a set, with those that have some of its pages in one with it.
    fn join(&mut self, mut set: WordSet) {
        let pages: HashSet<usize> = set.pages.iter().copied().collect();
        let (others, apart) = std::mem::take(&mut self.sets)
            .into_iter()
            .partition::<Vec<_>, _>(|other| other.pages.iter().any(|page| pages.contains(page)));
        for other in others {
            set.pages.extend(other.pages.into_iter().filter(|page| !pages.contains(page)));
            set.there.extend(other.there);
            set.tell.extend(other.tell);
        }
        self.sets = apart;
        self.sets.push(set);
    }

    /// Reads the pages and tells the columns their words; that they are not known where something is wrong with a page, which
    /// whoever reads its chunk has to say.
    pub(crate) async fn read(self) {
        let Self { pages, sets, .. } = self;
        let mut by_file: HashMap<u64, Vec<usize>> = HashMap::new();
        for (number, page) in pages.iter().enumerate() {
            by_file.entry(page.group.footer.file).or_default().push(number);
        }
        let pages = Arc::new(pages);
        let mut reading = Vec::with_capacity(by_file.len());
        for numbers in by_file.into_values() {
            reading.push(read_file(Arc::clone(&pages), numbers));
        }
        let read: Vec<_> = futures::stream::iter(reading).buffer_unordered(FILES_AT_ONCE).collect().await;
        let Ok(read) = read.into_iter().collect::<Result<Vec<_>, ScanError>>() else { return };
        let told = tokio::task::spawn_blocking(move || {
            let mut bytes: HashMap<usize, ChunkBytes> = read.into_iter().flatten().collect();
            let words = |(number, page): (usize, &DictionaryPage)| {
                let read = bytes.remove(&number).ok_or_else(|| ParquetError::General("a page was not read".into()))?;
                Ok(Arc::new(page.words(read)?))
            };
            let Ok(words) = pages.iter().enumerate().map(words).collect::<Result<Vec<_>, ParquetError>>() else {
                return;
            };
            sets.into_iter().for_each(|set| set.tell(&words));
        });
        // Whatever became of it, the columns know.
        let _ = told.await;
    }
}

impl WordSet {
    fn tell(self, words: &[Arc<Dictionary>]) {
        let Self { pages, there, tell } = self;
        let all: Vec<Arc<Dictionary>> =
            there.iter().cloned().chain(pages.into_iter().map(|page| Arc::clone(&words[page]))).collect();
        // Codes that are on the device already stay what they are.
        let union = Dictionary::union(&all).ok().filter(|union| there.iter().all(|one| Arc::ptr_eq(one, union)));
        let known = union.map_or(Known::Unknown, Known::Words);
        for tell in tell {
            tell.send_replace(known.clone());
        }
    }
}

/// Where the dictionary of a chunk lies, as the footer tells.
fn page_range(group: &Group, leaf: usize) -> Option<Range<u64>> {
    let chunk = group.footer.metadata.row_group(group.row_group).column(leaf);
    let start = u64::try_from(chunk.dictionary_page_offset()?).ok()?;
    let end = u64::try_from(chunk.data_page_offset()).ok()?;
    (start < end && end <= group.footer.meta.size).then_some(start..end)
}

/// Reads pages of one file.
async fn read_file(
    pages: Arc<Vec<DictionaryPage>>,
    numbers: Vec<usize>,
) -> Result<Vec<(usize, ChunkBytes)>, ScanError> {
    let ranges: Vec<Range<u64>> = numbers.iter().map(|number| pages[*number].range.clone()).collect();
    let DictionaryPage { source, group, .. } = &pages[numbers[0]];
    let span = source.trace.span(Work::Fetch);
    let bytes = pinned::read(&*source.objects, &source.url, &group.footer.meta, &ranges).await?;
    let total = ranges.iter().map(|range| range.end - range.start).sum();
    span.add(total);
    source.note(|stats| {
        (stats.file_bytes_read, stats.words_bytes_read) =
            (stats.file_bytes_read + total, stats.words_bytes_read + total)
    });
    let chunks = ranges.into_iter().zip(bytes).map(|(range, bytes)| ChunkBytes { start: range.start, bytes });
    Ok(numbers.into_iter().zip(chunks).collect())
}

impl DictionaryPage {
    /// Its words, sorted.
    fn words(&self, bytes: ChunkBytes) -> Result<Dictionary, ParquetError> {
        let chunk = self.group.footer.metadata.row_group(self.group.row_group).column(self.leaf);
        let page =
            guarded(|| SerializedPageReader::new(Arc::new(bytes), chunk, self.group.rows, None)?.get_next_page())?;
        let Some(Page::DictionaryPage { buf, num_values, encoding, .. }) = page else {
            return Err(ParquetError::General("a chunk does not begin with its dictionary".into()));
        };
        if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
            return Err(ParquetError::General(format!("a dictionary is encoded as {encoding}")));
        }
        let mut words = texts(&buf, num_values as usize)?;
        words.sort_unstable();
        words.dedup();
        Dictionary::from_ascending(words.into_iter()).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Plain texts: each is its length in four bytes, and its bytes.
fn texts(mut bytes: &[u8], count: usize) -> Result<Vec<&str>, ParquetError> {
    let short = || ParquetError::EOF("a dictionary ends within a word".into());
    let mut texts = Vec::with_capacity(count.min(bytes.len() / 4));
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?;
        texts.push(std::str::from_utf8(text).map_err(|error| ParquetError::External(Box::new(error)))?);
        bytes = rest;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn plain_texts_are_read_to_their_count() {
        let bytes = [3, 0, 0, 0, b'a', b'b', b'c', 0, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0xa9, 9];
        assert_eq!(texts(&bytes, 3).unwrap(), ["abc", "", "é"]);
        assert_eq!(texts(&bytes, 0).unwrap(), [""; 0]);
        for (bytes, count) in [(&bytes[..], 4), (&bytes[..5], 1), (&[1, 0, 0, 0, 0xff][..], 1), (&[0xff; 4][..], 1)] {
            assert!(texts(bytes, count).is_err(), "{bytes:?}");
        }
    }
}
