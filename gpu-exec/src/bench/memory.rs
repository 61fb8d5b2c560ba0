//! Streaming: copies, and reading columns as narrow as the column store keeps them.

use super::Scale;
use super::kernels::{COPY, Kernel, SUM_I8, SUM_I8_4, SUM_I16, SUM_I16_4, SUM_I32, SUM_I32_4, SUM_I64};
use super::launch::Word;
use super::probe::{Bench, Measurement, Number, Probe, TILE_ROWS, expect, size_name};
use crate::error::Result;

/// Bytes of one side of a copy, or of all columns of a read: far more than any L2.
const FULL_BYTES: u64 = 2 << 30;
const QUICK_BYTES: u64 = 1 << 18;
/// Bytes of a tile of the copying kernel.
const COPY_TILE: u64 = 16 << 10;

/// Columns of one width.
struct Loads {
    name: &'static str,
    kernel: &'static Kernel,
    width: u64,
    columns: u64,
}

const LOADS: &[Loads] = &[
    Loads { name: "i8, 1 column", kernel: &SUM_I8, width: 1, columns: 1 },
    Loads { name: "i16, 1 column", kernel: &SUM_I16, width: 2, columns: 1 },
    Loads { name: "i32, 1 column", kernel: &SUM_I32, width: 4, columns: 1 },
    Loads { name: "i64, 1 column", kernel: &SUM_I64, width: 8, columns: 1 },
    Loads { name: "i8, 4 columns", kernel: &SUM_I8_4, width: 1, columns: 4 },
    Loads { name: "i16, 4 columns", kernel: &SUM_I16_4, width: 2, columns: 4 },
    Loads { name: "i32, 4 columns", kernel: &SUM_I32_4, width: 4, columns: 4 },
];

pub(super) fn probes(bench: &Bench) -> Vec<Probe> {
    let size = size_name(bench.bytes(wanted(bench.scale), COPY_TILE));
    let mut probes = vec![
        Probe::new("copy", format!("{size} by the driver"), copy_by_driver),
        Probe::new("copy", format!("{size} by a kernel"), copy_by_kernel),
    ];
    probes.extend(LOADS.iter().map(|loads| Probe::new("loads", loads.name, |bench| read(bench, loads))));
    probes
}

fn wanted(scale: Scale) -> u64 {
    scale.pick(FULL_BYTES, QUICK_BYTES)
}

fn copy_by_driver(bench: &Bench) -> Result<Measurement> {
    let bytes = bench.bytes(wanted(bench.scale), COPY_TILE);
    let (from, to) = (bench.filled(bytes, 1)?, bench.filled(bytes, 0)?);
    let found = bench.device_time(2 * bytes, bytes, |stream| Ok(stream.copy(&to, 0, &from, 0, from.len())?))?;
    expect("copy by the driver", bench.sum(&to, Number::U64)?, ones(8, bytes / 8))?;
    Ok(found)
}

fn copy_by_kernel(bench: &Bench) -> Result<Measurement> {
    let bytes = bench.bytes(wanted(bench.scale), COPY_TILE);
    let tiles = bytes / COPY_TILE;
    let grid = bench.grid(&COPY, tiles, 0)?;
    let (from, to) = (bench.filled(bytes, 1)?, bench.filled(bytes, 0)?);
    let words = [Word::Buffer(&from), Word::Buffer(&to), Word::Number(tiles)];
    let found = bench.device_time(2 * bytes, bytes, |stream| grid.launch(stream, &words))?;
    expect("copy by a kernel", bench.sum(&to, Number::U64)?, ones(8, bytes / 8))?;
    Ok(found)
}

fn read(bench: &Bench, loads: &Loads) -> Result<Measurement> {
    let row_bytes = loads.width * loads.columns;
    let bytes = bench.bytes(wanted(bench.scale), row_bytes * TILE_ROWS);
    let rows = bytes / row_bytes;
    let tiles = rows / TILE_ROWS;
    let grid = bench.grid(loads.kernel, tiles, 0)?;
    let values = bench.filled(bytes, 1)?;
    let sums = bench.filled(grid.threads() * 8, 0)?;
    let words = [Word::Buffer(&values), Word::Number(tiles), Word::Buffer(&sums)];
    let found = bench.device_time(bytes, rows, |stream| grid.launch(stream, &words))?;
    expect(loads.name, bench.total(&sums)?, ones(loads.width, rows * loads.columns))?;
    Ok(found)
}

/// The sum of `count` integers of `width` bytes that are all 1.
pub(super) fn ones(width: u64, count: u64) -> i64 {
    let value = (0..width).fold(0_i64, |value, byte| value | 1 << (8 * byte));
    value.wrapping_mul(count as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_one_make_numbers() {
        assert_eq!((ones(1, 5), ones(2, 1), ones(4, 1)), (5, 0x0101, 0x0101_0101));
        assert_eq!(ones(8, 1 << 60), 0x1000_0000_0000_0000);
    }
}
