//! What a warp does together: `warp_compact` of tile.cuh and `warp_append` of table.cuh.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, SIZES, ensure, random, same, shape};

/// As generated source uses the queue: masks of a tile in, rows out, the queue reused for the next tile.
const COMPACT: Kernel = Kernel {
    entry: "check_warp_compact",
    sync: SyncMode::Warp,
    source: r#"
struct Params { const u8* masks; u64 tiles; u16* rows; u32* kept; };
MAAR_KERNEL(check_warp_compact, Params, p) {
  u16* queue = reinterpret_cast<u16*>(m_smem()) + m_warp() * 256;
  for (u64 t = m_bid(); t < p.tiles; t += m_gdim()) {
    const u64 thread = t * m_bdim() + m_tid();
    const u32 kept = warp_compact(p.masks[thread], queue);
    p.kept[thread] = kept;
    const u64 first = (t * (m_bdim() / 32) + m_warp()) * 256;
    for (u32 j = m_lane(); j < kept; j += 32) p.rows[first + j] = queue[j];
    m_warp_sync();
  }
}
"#,
};

pub(crate) fn queues(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (threads, tiles, blocks) in [(32, 1, 1), (64, 3, 2), (256, 1, 1), (256, 7, 3)] {
        let lanes = threads as usize * tiles;
        for masks in masks(lanes) {
            let (input, rows) = (bench.up(&masks)?, bench.filled::<u16>(lanes * 8, 0xff)?);
            let kept = bench.filled::<u32>(lanes, 0)?;
            let params = [input.ptr().0, tiles as u64, rows.ptr().0, kept.ptr().0];
            bench.run(&COMPACT, shape(blocks, threads, threads / 32 * 512), &params)?;
            let mut want_rows = vec![u16::MAX; lanes * 8];
            let mut want_kept = vec![0; lanes];
            for (warp, masks) in masks.chunks(32).enumerate() {
                let set = (0..256_u16).filter(|row| masks[*row as usize / 8] >> (row % 8) & 1 == 1);
                let set: Vec<u16> = set.collect();
                want_rows[warp * 256..][..set.len()].copy_from_slice(&set);
                want_kept[warp * 32..][..32].fill(set.len() as u32);
            }
            same("rows kept by a warp", &bench.down(&kept)?, &want_kept)?;
            same("rows in the queue", &bench.down(&rows)?, &want_rows)?;
        }
    }
    Ok(())
}

/// None, all, one lane, one bit of each lane, and drawn ones, dense and sparse.
fn masks(lanes: usize) -> Vec<Vec<u8>> {
    let mut all = vec![
        vec![0; lanes],
        vec![0xff; lanes],
        (0..lanes).map(|lane| if lane % 32 == 31 { 0xff } else { 0 }).collect(),
        (0..lanes).map(|lane| if lane % 32 == 0 { 0x80 } else { 0 }).collect(),
        (0..lanes).map(|lane| 1 << (lane % 8)).collect(),
    ];
    for seed in SEEDS {
        let mut random = random(seed);
        all.push((0..lanes).map(|_| random.random()).collect());
        all.push((0..lanes).map(|_| random.random::<u8>() & random.random::<u8>() & random.random::<u8>()).collect());
    }
    all
}

const APPEND: Kernel = Kernel {
    entry: "check_warp_append",
    sync: SyncMode::Warp,
    source: r#"
struct Params { const u8* live; u64 rows; u64* count; u32* out; };
MAAR_KERNEL(check_warp_append, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 first = static_cast<u64>(m_bid()) * m_bdim() + m_warp() * 32; first < p.rows; first += step) {
    const u64 row = first + m_lane();
    const bool live = row < p.rows && p.live[row] != 0;
    const u64 at = warp_append(live, p.count);
    if (live) p.out[at] = static_cast<u32>(row);
  }
}
"#,
};

pub(crate) fn places(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for seed in SEEDS {
        for rows in SIZES {
            for density in [0.0, 0.02, 0.5, 1.0] {
                let mut random = random(seed);
                let live: Vec<u8> = (0..rows).map(|_| u8::from(random.random_bool(density))).collect();
                let want: Vec<u32> = (0..rows as u32).filter(|row| live[*row as usize] == 1).collect();
                let (input, count) = (bench.up(&live)?, bench.filled::<u64>(1, 0)?);
                let out = bench.filled::<u32>(want.len(), 0xff)?;
                let params = [input.ptr().0, rows as u64, count.ptr().0, out.ptr().0];
                bench.run(&APPEND, shape(3, 64, 0), &params)?;
                same("rows counted", &bench.down::<u64>(&count)?, &[want.len() as u64])?;
                let mut got: Vec<u32> = bench.down(&out)?;
                // Warps come in any order; a warp's own rows stay in order.
                let in_order = got.windows(2).all(|pair| pair[0] / 32 != pair[1] / 32 || pair[0] < pair[1]);
                ensure(in_order, || format!("{rows} rows: a warp's rows are out of order"))?;
                got.sort_unstable();
                same(&format!("{rows} rows"), &got, &want)?;
            }
        }
    }
    Ok(())
}
