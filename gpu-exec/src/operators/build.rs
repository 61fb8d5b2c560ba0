//! Join builds: the memory of one build, and the launches that turn duplicate keys into runs.

use super::launch::launch_tiles;
use super::part::Part;
use super::prefix_sums;
use crate::codegen::BuildPart;
use crate::column::TILE_ROWS;
use crate::device::{DeviceBuffer, DeviceHandle, Stream};
use crate::error::{Error, Result};
use crate::ir::{KeyRows, KeyTable};
use crate::kernels::RUNS;
use crate::strategy::BuildPlan;

/// The device memory of a build.
#[derive(Debug)]
pub(super) struct Build {
    plan: BuildPlan,
    part: Part,
    /// The address at which its rows are counted.
    count: u64,
    /// u32 a slot: the row, how many rows, or 0 where there is one.
    slots: DeviceBuffer,
    keys: DeviceBuffer,
    states: DeviceBuffer,
    payload: Vec<(DeviceBuffer, DeviceBuffer)>,
    /// As `Status` has them, of keys that failed.
    key_error: DeviceBuffer,
    runs: Option<Runs>,
}

/// What duplicate keys need besides.
#[derive(Debug)]
struct Runs {
    offsets: DeviceBuffer,
    slot_of: DeviceBuffer,
    permutation: DeviceBuffer,
    sums: DeviceBuffer,
}

impl Build {
    /// Empty. Its rows are counted at the address `count`.
    pub(super) fn new(
        (handle, stream): (&DeviceHandle, &Stream),
        plan: &BuildPlan,
        part: Part,
        count: u64,
    ) -> Result<Self> {
        if plan.slots >= u64::from(u32::MAX) || plan.rows >= u64::from(u32::MAX) {
            return Err(Error::Refused(format!(
                "a join's smaller side of {} rows and {} slots is more than 32 bits can count",
                plan.rows, plan.slots
            )));
        }
        let alloc = |what: &str, bytes: u64| handle.alloc(what, bytes as usize);
        let hashed = plan.table != KeyTable::Direct;
        // Where a key is found tells that it is there.
        let is_found = hashed && plan.rows_of_key == KeyRows::Untold;
        let slots = alloc("join build slots", if is_found { 0 } else { plan.slots * 4 })?;
        let keys = alloc("join build keys", if hashed { plan.slots * 8 * plan.words.max(1) as u64 } else { 0 })?;
        let states = alloc("join build states", if plan.table == KeyTable::Wide { plan.slots * 4 } else { 0 })?;
        let key_error = alloc("join build key errors", 16)?;
        stream.fill(&key_error, 0, 8, 0)?;
        stream.fill(&key_error, 8, 8, 0xff)?;
        stream.fill(&slots, 0, slots.len(), if plan.rows_of_key == KeyRows::Several { 0 } else { 0xff })?;
        stream.fill(&keys, 0, keys.len(), 0xff)?;
        stream.fill(&states, 0, states.len(), 0)?;
        let payload = plan
            .payload
            .iter()
            .map(|shape| {
                let data = alloc("join build payload", plan.rows * shape.bytes() as u64)?;
                let valid = alloc("join build payload validity", if shape.nullable { plan.rows } else { 0 })?;
                Ok((data, valid))
            })
            .collect::<Result<Vec<_>>>()?;
        let runs = (plan.rows_of_key == KeyRows::Several).then(|| Runs::new(handle, plan)).transpose()?;
        Ok(Self { plan: plan.clone(), part, count, slots, keys, states, payload, key_error, runs })
    }

    /// The part of its keys that it holds.
    pub(super) fn part(&self) -> Part {
        self.part
    }

    /// Rows that it has room for.
    pub(super) fn rows(&self) -> u64 {
        self.plan.rows
    }

    pub(super) fn word(&self, part: BuildPart) -> Result<u64> {
        let runs = || self.runs.as_ref().ok_or_else(|| Error::internal("a build without runs was asked for them"));
        Ok(match part {
            BuildPart::Count => self.count,
            BuildPart::Capacity => self.plan.rows,
            BuildPart::Rows | BuildPart::Counts => self.slots.ptr().0,
            BuildPart::Keys => self.keys.ptr().0,
            BuildPart::States => self.states.ptr().0,
            BuildPart::Mask => self.plan.slots - 1,
            BuildPart::KeyBase(part) => self.plan.bases[part] as u64,
            BuildPart::KeyDomain(part) => self.plan.domains[part],
            BuildPart::Offsets => runs()?.offsets.ptr().0,
            BuildPart::SlotOf => runs()?.slot_of.ptr().0,
            BuildPart::Permutation => runs()?.permutation.ptr().0,
            BuildPart::Payload(column) => self.payload[column].0.ptr().0,
            BuildPart::PartMask => self.part.words().0,
            BuildPart::PartValue => self.part.words().1,
            BuildPart::KeyError => self.key_error.ptr().0,
            BuildPart::PayloadValid(column) => self.payload[column].1.ptr().0,
        })
    }

    /// After the rows are in: counts become offsets, rows take their places (count, scan, fill).
    pub(super) fn finish(&self, handle: &DeviceHandle, stream: &Stream) -> Result<()> {
        let Some(runs) = &self.runs else { return Ok(()) };
        let words = [
            self.plan.slots,
            self.count,
            self.slots.ptr().0,
            runs.offsets.ptr().0,
            runs.sums.ptr().0,
            runs.slot_of.ptr().0,
            runs.permutation.ptr().0,
            self.plan.rows,
        ];
        let scan = ["maar_run_sums", "maar_run_bases", "maar_run_offsets"];
        let kernels = handle.kernels(&prefix_sums::requests(RUNS, scan, "maar_run_fill"))?;
        prefix_sums::launch_scan(handle, stream, &kernels, self.plan.slots, &words)?;
        launch_tiles(handle, stream, &kernels[3], self.plan.rows.div_ceil(TILE_ROWS as u64), 0, &words)
    }
}

impl Runs {
    fn new(handle: &DeviceHandle, plan: &BuildPlan) -> Result<Self> {
        let alloc = |what: &str, bytes: u64| handle.alloc(what, bytes as usize);
        Ok(Self {
            offsets: alloc("join build offsets", (plan.slots + 1) * 4)?,
            slot_of: alloc("join build slots of rows", plan.rows * 4)?,
            permutation: alloc("join build permutation", plan.rows * 4)?,
            sums: prefix_sums::alloc_sums(handle, "join build chunk sums", plan.slots)?,
        })
    }
}
