//! What holds for a column in all of its chunks, which were encoded one by one: facts, one layout or one dictionary, and
//! what becomes of each chunk's codes.

use std::sync::Arc;

use super::ScanError;
use crate::column::{ChunkFacts, ColumnFacts, ColumnMeta, Dictionary, EncodedChunk, Form, Remap, Stored, Target};
use crate::ir::{IntWidth, Type};

/// What a survey says of a column in one chunk.
pub(super) struct Surveyed {
    facts: Vec<ChunkFacts>,
    dictionary: Option<Arc<Dictionary>>,
}

/// What it says of a column in all of them.
pub(super) struct Whole {
    pub(super) meta: ColumnMeta,
    pub(super) form: Form,
    /// One a chunk.
    pub(super) remaps: Vec<Arc<Remap>>,
}

impl Surveyed {
    pub(super) fn of(chunk: &EncodedChunk) -> Self {
        let facts = if chunk.parts.is_empty() { vec![chunk.facts] } else { chunk.parts.clone() };
        let dictionary = match &chunk.stored {
            Stored::Codes { dictionary, .. } => Some(Arc::clone(dictionary)),
            _ => None,
        };
        Self { facts, dictionary }
    }
}

/// `facts`: what those of all chunks say of the column. `target`: what it is encoded to where they hold.
pub(super) fn whole(
    (name, ty): (&str, Type),
    surveyed: Vec<Surveyed>,
    facts: impl FnOnce(&[ChunkFacts]) -> ColumnFacts,
    target: impl FnOnce(&ColumnFacts) -> Target,
) -> Result<Whole, ScanError> {
    let dictionaries: Vec<Arc<Dictionary>> = surveyed.iter().filter_map(|chunk| chunk.dictionary.clone()).collect();
    let coded = !dictionaries.is_empty();
    let (union, united) =
        Dictionary::united(&dictionaries).map_err(|source| ScanError::Encode { column: name.to_owned(), source })?;
    let mut united = united.into_iter();
    let (mut chunks, mut remaps) = (Vec::new(), Vec::with_capacity(surveyed.len()));
    for Surveyed { facts, dictionary } in surveyed {
        let remap = dictionary.and_then(|_| united.next()).unwrap_or_else(|| Arc::new(Remap::Identity));
        chunks.extend(facts.into_iter().map(|facts| facts.recoded(&remap)));
        remaps.push(remap);
    }
    let facts = facts(&chunks);
    let (stored, form) = match target(&facts) {
        Target::Int(layout) => (layout.stored(), Form::Integers { layout, range: facts.range }),
        Target::Text if coded => {
            let width = IntWidth::for_codes(union.len());
            (Stored::Codes { width, dictionary: Arc::clone(&union) }, Form::Codes { width, dictionary: union })
        }
        target => (target.stored_empty(), Form::Own),
    };
    Ok(Whole { meta: ColumnMeta { name: name.to_owned(), ty, stored, facts }, form, remaps })
}
