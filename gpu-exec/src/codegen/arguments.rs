//! Arguments of a generated kernel: every word of its `Params`, by meaning.
//!
//! The launcher resolves a meaning to a word (an address, a size, a constant) when it launches.

use crate::ir::BuildId;

/// The meaning of one parameter word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Argument {
    /// The source's segment table and its length.
    Segments,
    SegmentCount,
    /// The tiles of this launch.
    TileBegin,
    TileEnd,
    Error,
    /// A constant of the query: the word itself.
    Word(u64),
    /// What a based column adds to its stored values: the low 64 bits, and the high ones where values are that wide.
    ColumnBase(usize),
    ColumnBaseHigh(usize),
    /// Lookup table: values, and validity bytes.
    Lookup(usize),
    LookupValid(usize),
    Build(BuildId, BuildPart),
    /// The group table this pipeline fills, and the one it reads.
    Group(GroupPart),
    SourceGroup(GroupPart),
    EmitData(usize),
    EmitValid(usize),
    EmitCount,
    EmitCapacity,
}

/// What a join build consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BuildPart {
    /// u64 a row stored so far.
    Count,
    Capacity,
    /// u32 a slot: the row of a unique key.
    Rows,
    /// u64 a slot (hash), or words (wide).
    Keys,
    /// u32 a slot (wide).
    States,
    /// Slots minus one (hash, wide).
    Mask,
    KeyBase(usize),
    KeyDomain(usize),
    /// u32 a slot: how many rows have its key; then where they start in the permutation.
    Counts,
    Offsets,
    /// u32 a row: its slot.
    SlotOf,
    Permutation,
    Payload(usize),
    PayloadValid(usize),
    /// Error words of its keys, for builds whose keys can fail: they count once a row is there to compare with.
    KeyError,
    /// Which bits of a key's part decide, and what they are in the part that is held.
    PartMask,
    PartValue,
}

/// What a group table consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupPart {
    /// Number of slots (or groups, where the packed key is the slot).
    Slots,
    Keys,
    States,
    Mask,
    KeyBase(usize),
    KeyDomain(usize),
    Accumulator(usize),
    /// As of builds.
    PartMask,
    PartValue,
}

impl Argument {
    /// The C++ type and name of the field.
    pub(super) fn declaration(self, position: usize) -> (&'static str, String) {
        use BuildPart as B;
        match self {
            Argument::Segments => ("const u64*", "segments".into()),
            Argument::SegmentCount => ("u64", "segment_count".into()),
            Argument::TileBegin => ("u64", "tile_begin".into()),
            Argument::TileEnd => ("u64", "tile_end".into()),
            Argument::Error => ("u64*", "error".into()),
            Argument::Word(_) => ("i64", format!("c{position}")),
            Argument::ColumnBase(column) => ("i64", format!("base{column}")),
            Argument::ColumnBaseHigh(column) => ("i64", format!("base{column}_high")),
            Argument::Lookup(table) => ("const u8*", format!("lookup{table}")),
            Argument::LookupValid(table) => ("const u8*", format!("lookup{table}_valid")),
            Argument::EmitData(column) => ("u8*", format!("out{column}")),
            Argument::EmitValid(column) => ("u8*", format!("out{column}_valid")),
            Argument::EmitCount => ("u64*", "out_count".into()),
            Argument::EmitCapacity => ("u64", "out_capacity".into()),
            Argument::Build(BuildId(id), part) => match part {
                B::Count => ("u64*", format!("b{id}_count")),
                B::Capacity => ("u64", format!("b{id}_capacity")),
                B::Rows => ("u32*", format!("b{id}_rows")),
                B::Keys => ("u64*", format!("b{id}_keys")),
                B::States => ("u32*", format!("b{id}_states")),
                B::Mask => ("u64", format!("b{id}_mask")),
                B::KeyBase(part) => ("i64", format!("b{id}_base{part}")),
                B::KeyDomain(part) => ("u64", format!("b{id}_domain{part}")),
                B::Counts => ("u32*", format!("b{id}_counts")),
                B::Offsets => ("const u32*", format!("b{id}_offsets")),
                B::SlotOf => ("u32*", format!("b{id}_slot_of")),
                B::Permutation => ("const u32*", format!("b{id}_permutation")),
                B::Payload(column) => ("u8*", format!("b{id}_payload{column}")),
                B::KeyError => ("u64*", format!("b{id}_key_error")),
                B::PartMask => ("u64", format!("b{id}_part_mask")),
                B::PartValue => ("u64", format!("b{id}_part")),
                B::PayloadValid(column) => ("u8*", format!("b{id}_payload{column}_valid")),
            },
            Argument::Group(part) => group_field("group", "acc", part),
            Argument::SourceGroup(part) => group_field("source", "source_acc", part),
        }
    }
}

fn group_field(table: &str, accumulator: &str, part: GroupPart) -> (&'static str, String) {
    match part {
        GroupPart::Slots => ("u64", format!("{table}_slots")),
        GroupPart::Keys => ("u64*", format!("{table}_keys")),
        GroupPart::States => ("u32*", format!("{table}_states")),
        GroupPart::Mask => ("u64", format!("{table}_mask")),
        GroupPart::KeyBase(part) => ("i64", format!("{table}_base{part}")),
        GroupPart::KeyDomain(part) => ("u64", format!("{table}_domain{part}")),
        GroupPart::Accumulator(index) => ("u64*", format!("{accumulator}{index}")),
        GroupPart::PartMask => ("u64", format!("{table}_part_mask")),
        GroupPart::PartValue => ("u64", format!("{table}_part")),
    }
}
