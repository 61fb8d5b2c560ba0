//! Joins without keys, or with few: each row walks a whole build, or much of it. A launch over all rows would last as long as there
//! are pairs, and whoever stopped the query would wait for it; so it is over some of the tiles at a time. Not here: what a row does
//! on its way (`codegen/probe.rs`).

use super::passes::Reader;
use super::run::Run;
use crate::column::TILE_ROWS;
use crate::device::{DeviceInfo, DeviceKind};
use crate::error::Result;
use crate::ir::{KeyRows, Probe, Step};
use crate::strategy::{BuildPlan, Stage};

/// Pairs of rows that a launch looks at: about as many as a large device does in a fifth of a second, at some 40 instructions a
/// pair of a warp. An estimate: no run of ours has measured it yet.
const PAIRS_A_LAUNCH: u64 = 1 << 36;
/// The same of the emulated device.
const PAIRS_EMULATED: u64 = 1 << 20;
/// Rows of a build that each row has to walk before anybody minds.
const LONG_WALK: u64 = 256;

impl Run<'_> {
    /// Launches a stage over all tiles of its wave. `false` where nobody wanted rows any more before the last launch.
    pub(super) fn launch_all(&mut self, number: usize, stage: &Stage, reader: &mut dyn Reader) -> Result<bool> {
        let (tiles, most) = (self.tiles(stage), self.tiles_at_once(stage));
        let mut first: u64 = 0;
        loop {
            let next = first.saturating_add(most).min(tiles);
            let before = self.stream.time_mark()?;
            self.launch(number, stage, (first, next), None)?;
            self.mark(number, before)?;
            if next == tiles {
                return Ok(true);
            }
            self.stream.synchronize()?;
            reader.hears(self.reports());
            if !reader.wants() {
                return Ok(false);
            }
            first = next;
        }
    }

    /// Tiles of a stage that one launch covers at most.
    pub(super) fn tiles_at_once(&self, stage: &Stage) -> u64 {
        let walks = stage.pipeline.steps.iter().filter_map(|step| match step {
            Step::Probe(probe) if probe.rows == KeyRows::Several => {
                self.plan.builds.get(probe.build.0).map(|build| walk(probe, build))
            }
            _ => None,
        });
        match walks.fold(1_u64, u64::saturating_mul) {
            short if short < LONG_WALK => u64::MAX,
            pairs => tiles_of(pairs, self.handle.info()),
        }
    }
}

/// Rows of a build that a row has to walk, as far as that is known: keys of few values have long runs.
fn walk(probe: &Probe, build: &BuildPlan) -> u64 {
    let keys = build.domains.iter().fold(1, |keys: u64, domain| keys.saturating_mul((*domain).max(1)));
    let is_known = probe.keys.is_empty() || !build.domains.is_empty();
    if is_known { (build.rows / keys).max(1) } else { 1 }
}

/// Tiles of rows each of which looks at so many pairs. Each multiprocessor has one, however long that takes.
fn tiles_of(pairs: u64, device: &DeviceInfo) -> u64 {
    let most = match device.kind {
        DeviceKind::Cuda => PAIRS_A_LAUNCH,
        DeviceKind::Emulated => PAIRS_EMULATED,
    };
    (most / pairs.saturating_mul(TILE_ROWS as u64).max(1)).max(u64::from(device.multiprocessors)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_pairs_the_fewer_tiles() {
        let device = DeviceInfo {
            kind: DeviceKind::Cuda,
            ordinal: 0,
            name: String::new(),
            compute_capability: 90,
            multiprocessors: 132,
            memory_bytes: 0,
            shared_bytes_max: 0,
            bandwidth: 0.0,
        };
        assert_eq!(
            [1, 1 << 10, 1 << 16, 1 << 20, u64::MAX].map(|pairs| tiles_of(pairs, &device)),
            [1 << 25, 1 << 15, 512, 132, 132]
        );
    }
}
