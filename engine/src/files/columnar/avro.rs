//! How an Avro file begins, as far as it takes to know where that ends. Not here: what it means, which the host's reader knows.

use datafusion::error::Result;

use super::Kind;
use super::heads::{Beginning, damaged};

const MAGIC: &[u8] = b"Obj\x01";

/// Bytes that stand behind a file's beginning, and behind each block.
pub(super) const MARK_BYTES: u64 = 16;

/// What stands behind each block, by the beginning of the file: its reader passes over a block that is cut off.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what is no Avro file.
pub(super) fn mark(head: &[u8]) -> Result<Beginning<&[u8]>> {
    match (Rest { bytes: head, at: 0 }).mark() {
        Ok(mark) => Ok(Beginning::Whole(mark)),
        Err(Stop::Short(needed)) => Ok(Beginning::More(needed)),
        Err(Stop::Wrong) => Err(damaged(Kind::Avro, "it does not begin as such files do").into()),
    }
}

enum Stop {
    /// So many bytes are needed at least.
    Short(u64),
    Wrong,
}

/// Bytes, and how many of them are read.
struct Rest<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Rest<'b> {
    fn mark(&mut self) -> std::result::Result<&'b [u8], Stop> {
        if self.take(MAGIC.len() as u64)? != MAGIC {
            return Err(Stop::Wrong);
        }
        loop {
            let count = self.number()?;
            if count == 0 {
                return self.take(MARK_BYTES);
            }
            if count < 0 {
                // The block's size in bytes.
                self.number()?;
            }
            // Names and values.
            for _ in 0..count.unsigned_abs().saturating_mul(2) {
                let length = u64::try_from(self.number()?).map_err(|_| Stop::Wrong)?;
                self.take(length)?;
            }
        }
    }

    fn take(&mut self, length: u64) -> std::result::Result<&'b [u8], Stop> {
        let end = (self.at as u64).checked_add(length).ok_or(Stop::Wrong)?;
        let part = usize::try_from(end).ok().and_then(|end| Some((self.bytes.get(self.at..end)?, end)));
        let (part, end) = part.ok_or(Stop::Short(end))?;
        self.at = end;
        Ok(part)
    }

    /// A number as Avro writes it: seven bits a byte, the lowest first, signs in the lowest bit.
    fn number(&mut self) -> std::result::Result<i64, Stop> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        Err(Stop::Wrong)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_behind_names_and_values() {
        let whole = [&b"Obj\x01\x02\x02a\x04bc\x00"[..], &[7; 16]].concat();
        assert!(matches!(mark(&whole).unwrap(), Beginning::Whole(mark) if mark == [7; 16]));
        for cut in 0..whole.len() {
            let needed = mark(&whole[..cut]).unwrap();
            assert!(
                matches!(needed, Beginning::More(bytes) if bytes > cut as u64 && bytes <= whole.len() as u64),
                "{cut}"
            );
        }
        // A value that claims to be long is asked for, not made room for.
        assert!(
            matches!(mark(b"Obj\x01\x02\x02a\xFE\xFF\xFF\xFF\x0F").unwrap(), Beginning::More(bytes) if bytes > 1 << 30)
        );
        for wrong in [
            &b"Objects\n"[..],
            b"n,s\n1,2\n",
            b"Obj\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            b"Obj\x01\x02\x01",
        ] {
            assert!(mark(wrong).is_err(), "{wrong:?}");
        }
    }
}
