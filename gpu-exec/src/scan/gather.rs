//! One column of a run: the rows of its small row groups, encoded one after another to one chunk.

use std::sync::Arc;

use super::fetch::Place;
use super::kept::Rows;
use super::load::Source;
use super::words::Words;
use crate::column::{ChunkEncoder, EncodeError, EncodedChunk, Target, null_array};

/// A column to gather.
#[derive(Clone, Debug)]
pub(crate) struct GatherTask {
    pub(crate) source: Arc<Source>,
    /// Of its first row group.
    pub(crate) place: Place,
    /// Position of the column among those of the scan.
    pub(crate) column: usize,
    pub(crate) name: Arc<str>,
    /// One a row group.
    pub(crate) parts: Vec<Part>,
    pub(crate) target: Target,
    /// A value within the column's predicted range.
    pub(crate) filler: i128,
    /// As of [`super::fetch::ChunkTask`].
    pub(crate) words: Option<Words>,
    /// It waits on the host.
    pub(crate) hold: bool,
}

/// The rows of one row group; without values, where its file lacks the column, they are NULL.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) rows: usize,
    pub(crate) values: Option<Rows>,
}

impl GatherTask {
    pub(crate) fn encode(&self) -> Result<EncodedChunk, EncodeError> {
        let mut encoder = ChunkEncoder::new(self.target, self.parts.iter().map(|part| part.rows).sum());
        for part in &self.parts {
            match &part.values {
                Some(arrays) => arrays.iter().try_for_each(|array| encoder.push(array))?,
                None => encoder.push(&null_array(self.target, part.rows))?,
            }
            encoder.end_part();
        }
        encoder.finish(self.filler)
    }
}
