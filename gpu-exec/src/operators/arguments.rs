//! Resolving arguments: from meanings to words, for one stage of a run.

use super::build::Build;
use super::emit::Emitted;
use super::groups::Groups;
use super::status::Status;
use crate::codegen::Argument;
use crate::column::{OnDevice, SegmentTable};
use crate::error::{Error, Result};

/// All that a stage's arguments can refer to.
pub(super) struct StageMemory<'a> {
    pub(super) source: Option<&'a SegmentTable>,
    pub(super) tiles: (u64, u64),
    pub(super) status: &'a Status,
    pub(super) lookups: &'a [OnDevice],
    pub(super) builds: &'a [Option<Build>],
    /// The group table it fills, and the one it reads.
    pub(super) groups: Option<&'a Groups>,
    pub(super) source_groups: Option<&'a Groups>,
    pub(super) emitted: Option<&'a Emitted>,
}

impl StageMemory<'_> {
    pub(super) fn words(&self, arguments: &[Argument]) -> Result<Vec<u64>> {
        arguments.iter().map(|argument| self.word(*argument)).collect()
    }

    fn word(&self, argument: Argument) -> Result<u64> {
        let missing = || Error::internal(format!("argument {argument:?} has no memory in this stage"));
        let emitted = || self.emitted.ok_or_else(missing);
        Ok(match argument {
            Argument::Segments => self.source.ok_or_else(missing)?.address(),
            Argument::SegmentCount => self.source.ok_or_else(missing)?.count,
            Argument::TileBegin => self.tiles.0,
            Argument::TileEnd => self.tiles.1,
            Argument::Error => self.status.error(),
            Argument::Word(word) => word,
            Argument::ColumnBase(column) => self.source.ok_or_else(missing)?.bases[column] as u64,
            Argument::ColumnBaseHigh(column) => (self.source.ok_or_else(missing)?.bases[column] >> 64) as u64,
            Argument::Lookup(table) => self.lookups.get(table).ok_or_else(missing)?.0.ptr().0,
            Argument::LookupValid(table) => self.lookups.get(table).ok_or_else(missing)?.1.ptr().0,
            Argument::Build(id, part) => {
                self.builds.get(id.0).and_then(Option::as_ref).ok_or_else(missing)?.word(part)?
            }
            Argument::Group(part) => self.groups.ok_or_else(missing)?.word(part),
            Argument::SourceGroup(part) => self.source_groups.ok_or_else(missing)?.word(part),
            Argument::EmitData(column) => emitted()?.data(column),
            Argument::EmitValid(column) => emitted()?.valid(column),
            Argument::EmitCount => self.status.emitted(),
            Argument::EmitCapacity => emitted()?.capacity(),
        })
    }
}
