//! Making the pieces of one column alike: one dictionary for all, and values under NULLs within the column's range.
//! Raw text is alike as it is.

use std::sync::Arc;

use super::ScanError;
use super::piece::Piece;
use super::recode::recode;
use super::upload::upload_chunk;
use crate::column::{Dictionary, Remap, Stored, Target, all_null};
use crate::device::{DeviceHandle, Stream};
use crate::ir::IntWidth;

/// The pieces of a column, stored alike.
#[derive(Debug)]
pub(crate) struct Unified {
    /// In the order given.
    pub(crate) pieces: Vec<Piece>,
    /// Positions of the pieces that were made anew.
    pub(crate) changed: Vec<usize>,
    /// Their common form; `None` without pieces.
    pub(crate) stored: Option<Stored>,
}

/// Unifies pieces whose integer layouts are already equal. New pieces are complete when this returns.
pub(crate) fn unify(handle: &DeviceHandle, column: &str, mut pieces: Vec<Piece>) -> Result<Unified, ScanError> {
    let mut changed = vec![];
    if !are_alike(&pieces) {
        // On a queue of its own: what one column waits for does not hold up another.
        let stream = handle.stream()?;
        let dictionaries: Vec<Arc<Dictionary>> = pieces.iter().filter_map(dictionary_of).collect();
        changed = if dictionaries.len() == pieces.len() {
            unify_text(handle, &stream, column, &mut pieces, &dictionaries)?
        } else {
            refill(handle, &stream, column, &mut pieces)?
        };
        if !changed.is_empty() {
            stream.synchronize()?;
        }
    }
    let stored = pieces.first().map(|piece| piece.stored.clone());
    Ok(Unified { pieces, changed, stored })
}

/// Whether pieces are seen to be alike at once, as those of a column that was used before are.
pub(crate) fn are_alike(pieces: &[Piece]) -> bool {
    pieces.windows(2).all(|pair| match (&pair[0].stored, &pair[1].stored) {
        (Stored::Codes { width, dictionary }, Stored::Codes { width: next_width, dictionary: next }) => {
            width == next_width && Arc::ptr_eq(dictionary, next)
        }
        (Stored::Codes { .. }, _) | (_, Stored::Codes { .. }) => false,
        (_, _) => true,
    }) && !pieces.iter().any(|piece| piece.layout().is_some() && piece.is_all_null())
}

fn dictionary_of(piece: &Piece) -> Option<Arc<Dictionary>> {
    match &piece.stored {
        Stored::Codes { dictionary, .. } => Some(Arc::clone(dictionary)),
        Stored::Int { .. } | Stored::RawText | Stored::Float32 | Stored::Float64 | Stored::Bool => None,
    }
}

/// Gives all text pieces one dictionary and code width.
fn unify_text(
    handle: &DeviceHandle,
    stream: &Stream,
    column: &str,
    pieces: &mut [Piece],
    dictionaries: &[Arc<Dictionary>],
) -> Result<Vec<usize>, ScanError> {
    let (union, remaps) =
        Dictionary::united(dictionaries).map_err(|source| ScanError::Encode { column: column.to_owned(), source })?;
    let width = IntWidth::for_codes(union.len());
    let mut changed = Vec::new();
    for (at, (piece, remap)) in pieces.iter_mut().zip(&remaps).enumerate() {
        let stored = Stored::Codes { width, dictionary: Arc::clone(&union) };
        if **remap == Remap::Identity && piece.stored.bytes() == width.bytes() {
            // Codes mean the same; the larger dictionary only has more of them.
            if !Arc::ptr_eq(&dictionaries[at], &union) {
                piece.stored = stored;
                changed.push(at);
            }
            continue;
        }
        piece.column.data = Arc::new(recode(handle, stream, column, piece, width, remap)?);
        piece.stored = stored;
        piece.facts = piece.facts.recoded(remap);
        piece.filler = u32::try_from(piece.filler).map_or(piece.filler, |code| i128::from(remap.apply(code)));
        changed.push(at);
    }
    Ok(changed)
}

/// Gives integer pieces without any value a filler that the column's other pieces know: it is used in computations.
fn refill(handle: &DeviceHandle, stream: &Stream, column: &str, pieces: &mut [Piece]) -> Result<Vec<usize>, ScanError> {
    let ranges = pieces.iter().filter_map(|piece| piece.facts.range);
    let Some((min, max)) = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return Ok(vec![]) };
    let mut changed = Vec::new();
    for (at, piece) in pieces.iter_mut().enumerate() {
        let Some(layout) = piece.layout() else { continue };
        if piece.is_all_null() && !(min..=max).contains(&piece.filler) {
            let chunk = all_null(Target::Int(layout), piece.rows, min);
            let chunk = chunk.map_err(|source| ScanError::Encode { column: column.to_owned(), source })?;
            *piece = upload_chunk(handle, stream, column, &chunk)?;
            changed.push(at);
        }
    }
    Ok(changed)
}
