//! Sets of row numbers as deletion vectors hold them: Roaring bitmaps of 64 bits in their portable form, a bitmap of 32 bits for
//! each upper half (<https://github.com/RoaringBitmap/RoaringFormatSpec>, 'extension for 64-bit implementations'). Delta and
//! Iceberg have the same in front of it, a magic number.
//!
//! What is read is as long as its bytes: nothing is made room for that they do not hold. Not here: where the bytes come from.

use std::ops::Range;

/// Of a deletion vector that is a 64-bit bitmap in portable form.
const MAGIC: u32 = 1_681_511_377;
/// A 32-bit bitmap without run containers.
const COOKIE: u32 = 12_346;
/// The lower half of the cookie of one with run containers.
const RUNS_COOKIE: u32 = 12_347;
/// With run containers, there are offsets from this many containers on.
const OFFSETS_FROM: usize = 4;
/// A container of more values is a bitmap.
const ARRAY_MAX: usize = 4096;
const BITMAP_WORDS: usize = 1024;

/// What is wrong with a vector, as errors say it.
pub(crate) type Wrong = &'static str;

/// The rows of a vector, in ascending ranges that do not touch.
///
/// # Errors
/// For bytes that are no such bitmap.
pub(crate) fn ranges(vector: &[u8]) -> Result<Vec<Range<u64>>, Wrong> {
    let mut bytes = Bytes(vector);
    if bytes.u32()? != MAGIC {
        return Err("its magic number is not that of a deletion vector");
    }
    let bitmaps = bytes.u64()?;
    let mut rows = Rows::default();
    let mut last: Option<u32> = None;
    for _ in 0..bitmaps {
        let key = bytes.u32()?;
        if last.is_some_and(|last| last >= key) {
            return Err("its bitmaps are not in order");
        }
        last = Some(key);
        bitmap(&mut bytes, u64::from(key) << 32, &mut rows)?;
    }
    if !bytes.0.is_empty() {
        return Err("there are bytes behind its last bitmap");
    }
    Ok(rows.0)
}

/// How many rows ranges have.
pub(crate) fn count(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

#[derive(Default)]
struct Rows(Vec<Range<u64>>);

impl Rows {
    /// `range` comes behind all that are there.
    fn add(&mut self, range: Range<u64>) -> Result<(), Wrong> {
        match self.0.last_mut() {
            Some(last) if last.end > range.start => return Err("its rows are not in order"),
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.0.push(range),
        }
        Ok(())
    }
}

fn bitmap(bytes: &mut Bytes<'_>, base: u64, rows: &mut Rows) -> Result<(), Wrong> {
    let cookie = bytes.u32()?;
    let (containers, runs) = match cookie {
        COOKIE => (bytes.u32()? as usize, &[][..]),
        _ if cookie & 0xFFFF == RUNS_COOKIE => {
            let containers = (cookie >> 16) as usize + 1;
            (containers, bytes.take(containers.div_ceil(8))?)
        }
        _ => return Err("it has a bitmap of an unknown kind"),
    };
    let headers = bytes.take(containers.checked_mul(4).ok_or(SHORT)?)?;
    if cookie == COOKIE || containers >= OFFSETS_FROM {
        bytes.take(containers * 4)?;
    }
    for (at, header) in headers.chunks_exact(4).enumerate() {
        let high = base | (u64::from(u16::from_le_bytes([header[0], header[1]])) << 16);
        let values = usize::from(u16::from_le_bytes([header[2], header[3]])) + 1;
        let is_runs = runs.get(at / 8).is_some_and(|bits| bits & (1 << (at % 8)) != 0);
        match (is_runs, values <= ARRAY_MAX) {
            (true, _) => run_container(bytes, high, rows)?,
            (false, true) => {
                for _ in 0..values {
                    let row = high | u64::from(bytes.u16()?);
                    rows.add(row..row + 1)?;
                }
            }
            (false, false) => bitmap_container(bytes, high, rows)?,
        }
    }
    Ok(())
}

fn run_container(bytes: &mut Bytes<'_>, high: u64, rows: &mut Rows) -> Result<(), Wrong> {
    for _ in 0..bytes.u16()? {
        let (start, more) = (u64::from(bytes.u16()?), u64::from(bytes.u16()?));
        if start + more > 0xFFFF {
            return Err("a run of rows leaves its container");
        }
        rows.add(high | start..(high | (start + more)) + 1)?;
    }
    Ok(())
}

fn bitmap_container(bytes: &mut Bytes<'_>, high: u64, rows: &mut Rows) -> Result<(), Wrong> {
    for word in 0..BITMAP_WORDS as u64 {
        let mut left = bytes.u64()?;
        let mut at = 0;
        while left != 0 {
            let skipped = left.trailing_zeros();
            left >>= skipped;
            let length = left.trailing_ones();
            let start = high | (word * 64 + u64::from(at + skipped));
            rows.add(start..start + u64::from(length))?;
            left = if length == 64 { 0 } else { left >> length };
            at += skipped + length;
        }
    }
    Ok(())
}

const SHORT: Wrong = "it ends in the middle of a bitmap";

/// What is left to read; numbers are little-endian.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let (taken, left) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let (taken, left) = self.0.split_first_chunk::<N>().ok_or(SHORT)?;
        self.0 = left;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, Wrong> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Wrong> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Wrong> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A vector of one 32-bit bitmap for each of `bitmaps`.
    fn vector(bitmaps: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend((bitmaps.len() as u64).to_le_bytes());
        for (key, bitmap) in bitmaps {
            bytes.extend(key.to_le_bytes());
            bytes.extend(bitmap);
        }
        bytes
    }

    fn words(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// A bitmap with an array of `values` below each key.
    fn arrays(containers: &[(u16, &[u16])]) -> Vec<u8> {
        let mut bytes = COOKIE.to_le_bytes().to_vec();
        bytes.extend((containers.len() as u32).to_le_bytes());
        for (key, values) in containers {
            bytes.extend(words(&[*key, values.len() as u16 - 1]));
        }
        bytes.extend(vec![0; containers.len() * 4]);
        containers.iter().for_each(|(_, values)| bytes.extend(words(values)));
        bytes
    }

    #[test]
    fn containers_of_every_kind_are_ranges() {
        let array = vector(&[(0, arrays(&[(0, &[1, 2, 5]), (1, &[0])])), (2, arrays(&[(0, &[7])]))]);
        assert_eq!(ranges(&array).unwrap(), [1..3, 5..6, 65536..65537, (2 << 32) + 7..(2 << 32) + 8]);
        let mut runs = RUNS_COOKIE.to_le_bytes().to_vec();
        runs.push(1);
        runs.extend(words(&[3, 12, 2, 10, 9, 65530, 5]));
        assert_eq!(ranges(&vector(&[(0, runs)])).unwrap(), [196618..196628, 262138..262144]);
        let mut bitmap = COOKIE.to_le_bytes().to_vec();
        bitmap.extend(1_u32.to_le_bytes());
        bitmap.extend(words(&[0, 5000]));
        bitmap.extend([0; 4]);
        let mut bits = [0_u64; BITMAP_WORDS];
        bits[0] = u64::MAX;
        bits[1] = 0b1011;
        bits[1023] = 1 << 63;
        bitmap.extend(bits.iter().flat_map(|word| word.to_le_bytes()));
        assert_eq!(ranges(&vector(&[(0, bitmap)])).unwrap(), [0..66, 67..68, 65535..65536]);
        assert_eq!(ranges(&vector(&[])).unwrap(), []);
    }

    #[test]
    fn damaged_vectors_are_refused() {
        let whole = vector(&[(0, arrays(&[(0, &[1, 2, 5]), (9, &[1])]))]);
        for end in 0..whole.len() {
            assert!(ranges(&whole[..end]).is_err(), "{end} bytes");
        }
        assert!(ranges(&[&whole[..], &[0]].concat()).is_err());
        let far = [MAGIC.to_le_bytes().as_slice(), &u64::MAX.to_le_bytes()].concat();
        assert!(ranges(&far).is_err());
        let many = vector(&[(0, [COOKIE.to_le_bytes(), u32::MAX.to_le_bytes()].concat())]);
        assert!(ranges(&many).is_err());
        assert!(ranges(&vector(&[(0, arrays(&[(0, &[5, 1])]))])).is_err());
        assert!(ranges(&vector(&[(1, arrays(&[(0, &[1])])), (1, arrays(&[(0, &[2])]))])).is_err());
    }
}
