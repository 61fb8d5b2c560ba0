//! What CSV files need beside DataFusion's reader: columns from whole records, whatever line breaks stand in quotes (`columns`),
//! and places where a file may be cut for several readers (`pieces`). The format is one of text (`files/text`).

mod columns;
mod pieces;
mod records;

pub(super) use columns::of_files;
pub(super) use pieces::{Pieces, PlannedPieces};
