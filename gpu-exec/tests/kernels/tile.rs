//! `tile.cuh`: segments of all sizes are walked tile by tile, and every row is met once with its own values.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceBuffer, DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, Result, SEEDS, random, same, shape};

/// Three columns: i8 without NULLs, i32 and i128 with NULLs in some segments. Values are read eight at a time and
/// singly, which must agree.
const WALK: Kernel = Kernel {
    entry: "check_tile_walk",
    sync: SyncMode::None,
    source: r#"
struct Params {
  const u64* segments; u64 segment_count; u64 tile_begin; u64 tile_end;
  u32* met; i8* narrow; i32* middle; i128* wide; u8* valid; u64* disagreements;
};
MAAR_KERNEL(check_tile_walk, Params, p) {
  SegmentCursor<3> s(p.segments, p.segment_count);
  for (u64 t = p.tile_begin + m_bid(); t < p.tile_end; t += m_gdim()) {
    s.seek(t);
    for (u64 part = m_tid(); part < 256; part += m_bdim()) {
      const u64 row0 = s.first_row(t) + part * 8;
      const u32 exists = s.rows8(row0);
      i8 c0[8]; s.load8(c0, 0, row0);
      i32 c1[8]; s.load8(c1, 1, row0);
      i128 c2[8]; s.load8(c2, 2, row0);
      const u32 n1 = s.valid8(1, row0), n2 = s.valid8(2, row0);
      for (u32 i = 0; i < 8; i++) {
        const u64 row = row0 + i, number = s.number(row);
        if ((exists >> i & 1) != (row < s.segment_rows ? 1u : 0u)) m_atomic_add(p.disagreements, u64(1));
        if (!(exists >> i & 1)) continue;
        m_atomic_add(p.met + number, 1u);
        p.narrow[number] = c0[i];
        p.middle[number] = c1[i];
        p.wide[number] = c2[i];
        p.valid[number] = u8((n1 >> i & 1) | (n2 >> i & 1) << 1);
        const bool agree = s.load<i8>(0, row) == c0[i] && s.load<i32>(1, row) == c1[i] && s.load<i128>(2, row) == c2[i] &&
                           s.valid(0, row) && s.valid(1, row) == bool(n1 >> i & 1) && s.valid(2, row) == bool(n2 >> i & 1);
        if (!agree) m_atomic_add(p.disagreements, u64(1));
      }
    }
  }
}
"#,
};

/// A table in device memory, and what a walk over it must find.
struct Table {
    words: DeviceBuffer,
    tiles: u64,
    segments: u64,
    narrow: Vec<i8>,
    middle: Vec<i32>,
    wide: Vec<i128>,
    valid: Vec<u8>,
    _columns: Vec<DeviceBuffer>,
}

fn table(bench: &Bench<'_>, sizes: &[usize], seed: u64) -> Result<Table> {
    let mut random = random(seed);
    let (mut narrow, mut middle, mut wide, mut valid) = (vec![], vec![], vec![], vec![]);
    let (mut words, mut columns, mut tiles) = (vec![], vec![], 0);
    for rows in sizes {
        let padded = rows.div_ceil(2048) * 2048;
        let values: Vec<i128> = (0..padded).map(|_| random.random()).collect();
        let bits: [Option<Vec<u8>>; 2] = std::array::from_fn(|_| {
            random.random_bool(0.6).then(|| (0..padded / 8).map(|_| random.random()).collect())
        });
        words.extend([tiles, *rows as u64, narrow.len() as u64]);
        let mut column = |data: DeviceBuffer, bits: &Option<Vec<u8>>| -> CheckResult {
            words.push(data.ptr().0);
            columns.push(data);
            let validity = bits.as_deref().map(|bits| bench.up(bits)).transpose()?;
            words.push(validity.as_ref().map_or(0, |buffer| buffer.ptr().0));
            columns.extend(validity);
            Ok(())
        };
        column(bench.up(&values.iter().map(|v| *v as i8).collect::<Vec<_>>())?, &None)?;
        column(bench.up(&values.iter().map(|v| *v as i32).collect::<Vec<_>>())?, &bits[0])?;
        column(bench.up(&values)?, &bits[1])?;
        for (row, value) in values.iter().enumerate().take(*rows) {
            let bit = |bits: &Option<Vec<u8>>| bits.as_ref().map_or(1, |bits| bits[row / 8] >> (row % 8) & 1);
            narrow.push(*value as i8);
            middle.push(*value as i32);
            wide.push(*value);
            valid.push(bit(&bits[0]) | bit(&bits[1]) << 1);
        }
        tiles += rows.div_ceil(2048) as u64;
    }
    let segments = sizes.len() as u64;
    Ok(Table { words: bench.up(&words)?, tiles, segments, narrow, middle, wide, valid, _columns: columns })
}

/// Launches of a walk, and the shape of each.
type Shape = (u64, u32, u32);

/// Walks a table in equal parts.
fn walk(bench: &Bench<'_>, table: &Table, (launches, blocks, threads): Shape) -> CheckResult {
    let rows = table.narrow.len();
    let (met, narrow) = (bench.filled::<u32>(rows, 0)?, bench.filled::<i8>(rows, 0)?);
    let (middle, wide) = (bench.filled::<i32>(rows, 0)?, bench.filled::<i128>(rows, 0)?);
    let (valid, disagreements) = (bench.filled::<u8>(rows, 0)?, bench.filled::<u64>(1, 0)?);
    for launch in 0..launches {
        let (begin, end) = (table.tiles * launch / launches, table.tiles * (launch + 1) / launches);
        let outputs = [&met, &narrow, &middle, &wide, &valid, &disagreements].map(|buffer| buffer.ptr().0);
        let mut params = vec![table.words.ptr().0, table.segments, begin, end];
        params.extend(outputs);
        bench.run(&WALK, shape(blocks, threads, 0), &params)?;
    }
    same("disagreements", &bench.down::<u64>(&disagreements)?, &[0])?;
    same("how often a row was met", &bench.down(&met)?, &vec![1_u32; rows])?;
    same("one-byte values", &bench.down(&narrow)?, &table.narrow)?;
    same("four-byte values", &bench.down(&middle)?, &table.middle)?;
    same("sixteen-byte values", &bench.down(&wide)?, &table.wide)?;
    Ok(same("validity", &bench.down(&valid)?, &table.valid)?)
}

pub(crate) fn rows(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let fixed: [&[usize]; 12] = [
        &[],
        &[1],
        &[1, 1, 1],
        &[31],
        &[32, 33],
        &[2047],
        &[2048],
        &[2049],
        &[2048, 2048],
        &[2047, 1, 2049],
        &[1, 4096, 1, 33, 2048, 5000, 1],
        &[6 * 2048 + 7],
    ];
    let mut random = random(7);
    let drawn: Vec<Vec<usize>> =
        SEEDS.iter().map(|_| (0..9).map(|_| 1 + random.random_range(0..6000)).collect()).collect();
    let all = fixed.into_iter().chain(drawn.iter().map(Vec::as_slice));
    for (seed, sizes) in all.enumerate() {
        let table = table(&bench, sizes, seed as u64)?;
        for shape in [(1, 1, 256), (1, 5, 64), (3, 2, 256)] {
            walk(&bench, &table, shape).map_err(|error| format!("segments {sizes:?}, {shape:?}: {error}"))?;
        }
    }
    Ok(())
}

/// Many segments, so that a block's first tile lies far from the first segment and its next one some segments on.
pub(crate) fn many_segments(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let sizes: Vec<usize> =
        (0..700).map(|number| if number % 97 == 50 { 5 * 2048 + 3 } else { 1 + number % 5 }).collect();
    for (seed, count) in [2, 3, 63, 64, 65, 700].into_iter().enumerate() {
        let table = table(&bench, &sizes[..count], seed as u64)?;
        for shape in [(1, 1, 64), (1, 7, 64), (1, 300, 32), (5, 3, 64)] {
            walk(&bench, &table, shape).map_err(|error| format!("{count} segments, {shape:?}: {error}"))?;
        }
    }
    Ok(())
}
